//! Takes a count over into the books.

use std::collections::BTreeMap;

use ::store::{Tx, idempotency};
use contracts::Id;
use contracts::catalog::VariantId;
use contracts::inventory::StocktakeId;
use platform::{Ctx, Problem, Staff};

use crate::adjust::must_be_there;
use crate::book::book;
use crate::error::Error;
use crate::known::must_be_known;
use crate::movement::Movement;
use crate::once::{self, Begun};
use crate::stocktake::{CountedLine, NewCount, NewStocktake, StocktakeListItem, StocktakeView};
use crate::store;

struct Taking {
    staff: Staff<()>,
    key: Option<idempotency::Key>,
    id: StocktakeId,
    asked: NewStocktake,
}

/// What was counted is on hand from now on: all lines or none. A count below what orders were promised is taken
/// over, and what is missing noted as a shortfall. The flag says that the key did it before.
///
/// Errors: field problems where a variant or the location is unknown, or a variant comes twice.
pub async fn take_stock(
    ctx: &Ctx,
    staff: Staff<()>,
    begun: Begun,
    asked: NewStocktake,
) -> Result<(StocktakeView, bool), Error> {
    let key = match begun {
        Begun::Made(id) => return Ok((show_stocktake(ctx, StocktakeId::from_uuid(id)).await?, true)),
        Begun::New(key) => key,
    };
    let variants: Vec<VariantId> = asked.lines.iter().map(|line| line.variant).collect();
    must_be_known(ctx, &variants, |place| format!("/lines/{place}/variant")).await?;
    must_be_there(ctx, asked.location, "/location").await?;
    let taking = Taking { staff, key: key.clone(), id: ctx.ids.next(), asked };
    let id = taking.id.uuid();
    let is_mine = ctx.db.write(taking, |tx, taking| Box::pin(take(tx, taking))).await?;
    let (id, repeat) = once::made(&ctx.db, key, is_mine, id).await?;
    Ok((show_stocktake(ctx, StocktakeId::from_uuid(id)).await?, repeat))
}

/// `false`: the key did it meanwhile.
async fn take(tx: &mut Tx, taking: &Taking) -> Result<bool, Error> {
    let Taking { staff, key, id, asked } = taking;
    if !once::claim(tx, key.as_ref(), 201, id.uuid()).await? {
        return Ok(false);
    }
    let variants: Vec<VariantId> = asked.lines.iter().map(|line| line.variant).collect();
    store::lock_variants(tx, &variants).await?;
    store::add_levels(tx, variants.iter().map(|variant| (*variant, asked.location))).await?;
    let shelf = store::stocktakes::shelf(tx, asked.location, &variants).await?;
    let shelf: BTreeMap<VariantId, (i64, i64)> =
        shelf.into_iter().map(|(variant, on_hand, promised)| (variant, (on_hand, promised))).collect();
    let line = |NewCount { variant, counted }: &NewCount| {
        let (on_hand, promised) = shelf.get(variant).copied().unwrap_or_default();
        CountedLine::of(*variant, *counted, on_hand, promised)
    };
    let lines: Vec<CountedLine> = asked.lines.iter().map(line).collect();
    store::stocktakes::insert(tx, *id, asked.location, asked.note.as_deref(), &lines).await?;
    let changed = lines.iter().filter(|line| line.change() != 0);
    let movements: Vec<Movement> =
        changed.map(|line| Movement::counted(line.variant, asked.location, line.change()).in_stocktake(*id)).collect();
    if !book(tx, &movements).await? {
        return Err(Problem::internal("a level changed under its lock").into());
    }
    staff.records(tx, "inventory.take_stock", *id, &["on_hand"]);
    Ok(true)
}

/// Errors: `StocktakeNotFound`.
pub async fn show_stocktake(ctx: &Ctx, id: StocktakeId) -> Result<StocktakeView, Error> {
    let found = store::stocktakes::stocktake(&ctx.db, id).await?.ok_or(Error::StocktakeNotFound)?;
    let StocktakeListItem { id, location, note, counted_at } = found;
    Ok(StocktakeView { id, location, note, counted_at, lines: store::stocktakes::lines(&ctx.db, id).await? })
}
