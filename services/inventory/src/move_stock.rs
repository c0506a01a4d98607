//! Moves goods between locations: plan, ship, receive; or all in one step.

use ::store::{Tx, idempotency};
use contracts::Id;
use contracts::catalog::VariantId;
use contracts::inventory::{LocationId, TransferId};
use platform::{Ctx, Problem, Staff};

use crate::adjust::must_be_there;
use crate::book::book;
use crate::error::{Error, Lacking};
use crate::known::must_be_known;
use crate::level::Level;
use crate::movement::Movement;
use crate::once::{self, Begun};
use crate::store;
use crate::transfer::{
    Arrived, NewTransfer, TransferLineView, TransferListItem, TransferReceipt, TransferState, TransferView, arrived,
};

struct Creating {
    staff: Staff<()>,
    key: Option<idempotency::Key>,
    id: TransferId,
    new: NewTransfer,
}

/// Plans a transfer, or makes it at once. The flag says that the key did it before.
///
/// Errors: `NotEnough` (at once); field problems where a variant or a location is unknown, a variant comes twice,
/// or the goods would stay where they are.
pub async fn create_transfer(
    ctx: &Ctx,
    staff: Staff<()>,
    begun: Begun,
    new: NewTransfer,
) -> Result<(TransferView, bool), Error> {
    let key = match begun {
        Begun::Made(id) => return Ok((show_transfer(ctx, TransferId::from_uuid(id)).await?, true)),
        Begun::New(key) => key,
    };
    let variants: Vec<VariantId> = new.lines.iter().map(|line| line.variant).collect();
    must_be_known(ctx, &variants, |place| format!("/lines/{place}/variant")).await?;
    must_go_somewhere(ctx, new.from, new.to).await?;
    let creating = Creating { staff, key: key.clone(), id: ctx.ids.next(), new };
    let id = creating.id.uuid();
    let is_mine = ctx.db.write(creating, |tx, creating| Box::pin(create(tx, creating))).await?;
    let (id, repeat) = once::made(&ctx.db, key, is_mine, id).await?;
    Ok((show_transfer(ctx, TransferId::from_uuid(id)).await?, repeat))
}

async fn must_go_somewhere(ctx: &Ctx, from: LocationId, to: LocationId) -> Result<(), Problem> {
    must_be_there(ctx, from, "/from").await?;
    must_be_there(ctx, to, "/to").await?;
    let active = store::locations::location(&ctx.db, to).await?.is_some_and(|location| location.active);
    match (from == to, active) {
        (true, _) => Err(Problem::field("/to", "is where the goods come from: name another location")),
        (false, false) => Err(Problem::field("/to", "is not active: name a location that is, or make it so")),
        (false, true) => Ok(()),
    }
}

/// `false`: the key did it meanwhile.
async fn create(tx: &mut Tx, creating: &Creating) -> Result<bool, Error> {
    let Creating { staff, key, id, new } = creating;
    if !once::claim(tx, key.as_ref(), 201, id.uuid()).await? {
        return Ok(false);
    }
    let state = if new.at_once { TransferState::Received } else { TransferState::Created };
    store::transfers::insert(tx, *id, new, state).await?;
    if new.at_once {
        let quantities: Vec<(VariantId, i64)> =
            new.lines.iter().map(|line| (line.variant, line.quantity.get())).collect();
        must_be_able_to_give(tx, new.from, &quantities).await?;
        store::add_levels(tx, quantities.iter().map(|(variant, _)| (*variant, new.to))).await?;
        let out =
            quantities.iter().map(|(variant, quantity)| Movement::transferred_out(*id, *variant, new.from, *quantity));
        let back_in =
            quantities.iter().map(|(variant, quantity)| Movement::transferred_in(*id, *variant, new.to, *quantity));
        book_all(tx, &out.chain(back_in).collect::<Vec<_>>()).await?;
    }
    staff.records(tx, "inventory.create_transfer", *id, &["from", "to", "lines"]);
    Ok(true)
}

/// The goods leave their location and are in transit. Of a transfer that was shipped before, nothing changes.
///
/// Errors: `TransferNotFound`, `TransferState` (cancelled), `NotEnough`.
pub async fn ship_transfer(ctx: &Ctx, staff: Staff<()>, id: TransferId) -> Result<TransferView, Error> {
    ctx.db.write((staff, id), |tx, (staff, id)| Box::pin(ship(tx, staff, *id))).await?;
    show_transfer(ctx, id).await
}

async fn ship(tx: &mut Tx, staff: &Staff<()>, id: TransferId) -> Result<(), Error> {
    let transfer = store::transfers::lock(tx, id).await?.ok_or(Error::TransferNotFound)?;
    match transfer.state {
        TransferState::Shipped | TransferState::Received => return Ok(()),
        TransferState::Cancelled => return Err(refused("shipped", transfer.state)),
        TransferState::Created => {}
    }
    let lines = store::transfers::lines_in(tx, id).await?;
    let quantities: Vec<(VariantId, i64)> = lines.iter().map(|line| (line.variant, line.quantity)).collect();
    must_be_able_to_give(tx, transfer.from, &quantities).await?;
    let out = |line: &TransferLineView| Movement::transferred_out(id, line.variant, transfer.from, line.quantity);
    book_all(tx, &lines.iter().map(out).collect::<Vec<_>>()).await?;
    store::transfers::set_state(tx, id, TransferState::Shipped).await?;
    staff.records(tx, "inventory.ship_transfer", id, &["state"]);
    Ok(())
}

struct Receiving {
    staff: Staff<()>,
    key: Option<idempotency::Key>,
    id: TransferId,
    receipt: TransferReceipt,
}

/// Goods that were in transit lie at their new location, or are lost. Without lines, of a transfer that has
/// arrived before, nothing changes. The flag says that the key did it before.
///
/// Errors: `TransferNotFound`, `TransferState` (not shipped, or cancelled); field problems where a line says more
/// than is on its way.
pub async fn receive_transfer(
    ctx: &Ctx,
    staff: Staff<()>,
    begun: Begun,
    id: TransferId,
    receipt: TransferReceipt,
) -> Result<(TransferView, bool), Error> {
    let key = match begun {
        Begun::Made(id) => return Ok((show_transfer(ctx, TransferId::from_uuid(id)).await?, true)),
        Begun::New(key) => key,
    };
    let receiving = Receiving { staff, key: key.clone(), id, receipt };
    let is_mine = ctx.db.write(receiving, |tx, receiving| Box::pin(receive(tx, receiving))).await?;
    let (id, repeat) = once::made(&ctx.db, key, is_mine, id.uuid()).await?;
    Ok((show_transfer(ctx, TransferId::from_uuid(id)).await?, repeat))
}

/// `false`: the key did it meanwhile.
async fn receive(tx: &mut Tx, receiving: &Receiving) -> Result<bool, Error> {
    let Receiving { staff, key, id, receipt } = receiving;
    if !once::claim(tx, key.as_ref(), 200, id.uuid()).await? {
        return Ok(false);
    }
    let transfer = store::transfers::lock(tx, *id).await?.ok_or(Error::TransferNotFound)?;
    match transfer.state {
        TransferState::Received if receipt.lines.is_none() => return Ok(true),
        TransferState::Shipped => {}
        TransferState::Created | TransferState::Received | TransferState::Cancelled => {
            return Err(refused("received", transfer.state));
        }
    }
    let (arrived, is_all) = arrived(&store::transfers::lines_in(tx, *id).await?, receipt)?;
    store::transfers::arrive(tx, *id, &arrived).await?;
    let there: Vec<&Arrived> = arrived.iter().filter(|line| line.received > 0).collect();
    if !there.is_empty() {
        let variants: Vec<VariantId> = there.iter().map(|line| line.variant).collect();
        store::lock_variants(tx, &variants).await?;
        store::add_levels(tx, variants.iter().map(|variant| (*variant, transfer.to))).await?;
        let movement = |line: &&Arrived| Movement::transferred_in(*id, line.variant, transfer.to, line.received);
        book_all(tx, &there.iter().map(movement).collect::<Vec<_>>()).await?;
    }
    store::transfers::set_state(tx, *id, if is_all { TransferState::Received } else { TransferState::Shipped }).await?;
    staff.records(tx, "inventory.receive_transfer", *id, &["state", "lines"]);
    Ok(true)
}

/// A plan that is given up. Of one that was cancelled before, nothing changes.
///
/// Errors: `TransferNotFound`, `TransferState` (what is on its way has to arrive somewhere).
pub async fn cancel_transfer(ctx: &Ctx, staff: Staff<()>, id: TransferId) -> Result<TransferView, Error> {
    ctx.db.write((staff, id), |tx, (staff, id)| Box::pin(cancel(tx, staff, *id))).await?;
    show_transfer(ctx, id).await
}

async fn cancel(tx: &mut Tx, staff: &Staff<()>, id: TransferId) -> Result<(), Error> {
    let transfer = store::transfers::lock(tx, id).await?.ok_or(Error::TransferNotFound)?;
    match transfer.state {
        TransferState::Cancelled => return Ok(()),
        TransferState::Shipped | TransferState::Received => return Err(refused("cancelled", transfer.state)),
        TransferState::Created => {}
    }
    store::transfers::set_state(tx, id, TransferState::Cancelled).await?;
    staff.records(tx, "inventory.cancel_transfer", id, &["state"]);
    Ok(())
}

/// Errors: `TransferNotFound`.
pub async fn show_transfer(ctx: &Ctx, id: TransferId) -> Result<TransferView, Error> {
    let found = store::transfers::transfer(&ctx.db, id).await?.ok_or(Error::TransferNotFound)?;
    let TransferListItem { id, from, to, state, note, created_at, updated_at } = found;
    let lines = store::transfers::lines(&ctx.db, id).await?;
    Ok(TransferView { id, from, to, state, note, lines, created_at, updated_at })
}

/// Locks the variants, and refuses what the location can't give: what is not there, or was promised to orders.
async fn must_be_able_to_give(tx: &mut Tx, from: LocationId, quantities: &[(VariantId, i64)]) -> Result<(), Error> {
    let variants: Vec<VariantId> = quantities.iter().map(|(variant, _)| *variant).collect();
    store::lock_variants(tx, &variants).await?;
    let levels = store::lock_levels(tx, variants, &[]).await?;
    let lacking = quantities.iter().filter_map(|(variant, requested)| {
        let level = levels.iter().find(|level| level.variant == *variant && level.location == from);
        let available = level.map_or(0, Level::movable);
        (available < *requested).then_some(Lacking { variant: *variant, requested: *requested, available })
    });
    let lacking: Vec<Lacking> = lacking.collect();
    if lacking.is_empty() { Ok(()) } else { Err(Error::not_enough(lacking)) }
}

async fn book_all(tx: &mut Tx, movements: &[Movement]) -> Result<(), Error> {
    if book(tx, movements).await? {
        return Ok(());
    }
    Err(Problem::internal("a level changed under its lock").into())
}

fn refused(verb: &'static str, state: TransferState) -> Error {
    Error::TransferState { verb, state: state.as_str() }
}
