//! Staff saw money coming in, by transfer or in cash: it is noted, and pays for what waited for it.

use ::store::{Tx, idempotency};
use contracts::payments::NextAction;
use contracts::payments::{PaymentId, ReceiptId};
use contracts::{Id, Money};
use platform::http::{Body, Replay, RequiredKey, replayed};
use platform::{Ctx, Problem, Staff};

use crate::attempt::{AttemptState, Outcome};
use crate::error::Error;
use crate::ledger::{NotBooked, Sums};
use crate::payment::{Payment, PaymentDetail};
use crate::receipt::{NewReceipt, awaited};
use crate::{gateway, move_money, refunding, settle, show, store};

pub const ROUTE: &str = "POST /v1/admin/payments/{payment}/receipts";

/// A transfer is authorised when all of it came in; captures that waited are done as far as the money goes.
/// The second part says whether this key noted it before.
///
/// Errors: `PaymentNotFound`, `NothingAwaited`, `MoreThanAwaited` with what is awaited.
pub async fn receive(
    ctx: &Ctx,
    staff: Staff<()>,
    key: &RequiredKey,
    payment: PaymentId,
    body: &Body<NewReceipt>,
) -> Result<(PaymentDetail, bool), Error> {
    // The key is the payment's: its body alone does not say which one is meant.
    let principal = format!("{} {payment}", staff.principal());
    let key = match key.look_up(&ctx.db, principal, ROUTE, body).await? {
        Replay::New(key) => key,
        Replay::Made(_) => return Ok((show::detail(ctx, payment).await?, true)),
    };
    let known = store::shown::find(&ctx.db, payment).await?.ok_or(Error::PaymentNotFound)?;
    if !gateway::is_manual(ctx, &known.method) {
        return Err(Error::NothingAwaited);
    }
    let new = Noted { ctx: ctx.clone(), staff, key: key.clone(), id: ctx.ids.next(), known, body: body.value.clone() };
    if !ctx.db.write(new, |tx, new| Box::pin(note(tx, new))).await? {
        replayed(&ctx.db, &key).await?;
        return Ok((show::detail(ctx, payment).await?, true));
    }
    Ok((show::detail(ctx, payment).await?, false))
}

struct Noted {
    ctx: Ctx,
    staff: Staff<()>,
    key: idempotency::Key,
    id: ReceiptId,
    known: Payment,
    body: NewReceipt,
}

/// `false`: the key noted it a moment ago.
async fn note(tx: &mut Tx, new: &Noted) -> Result<bool, Error> {
    let Noted { ctx, staff, key, id, known, body } = new;
    if !idempotency::claim(tx, key, 201, id.uuid()).await? {
        return Ok(false);
    }
    let account = store::lock(tx, known.order).await?;
    let payments = store::payments_in(tx, known.order).await?;
    let payment = payments.into_iter().find(|payment| payment.id == known.id).ok_or(Error::PaymentNotFound)?;
    let amount = amount_of(&payment, body.amount)?;
    store::receipts::insert(tx, *id, payment.id, amount, body.note.as_deref()).await?;
    store::book(tx, &[(payment.id, Sums { received: amount, ..Sums::default() })]).await?;
    let mut paid = payment;
    paid.sums.received += amount;
    pay_for_what_waits(ctx, tx, paid).await.map_err(Problem::from)?;
    if account.is_some_and(|account| account.refund_due > 0) {
        refunding::begin_waiting(ctx, tx, known.order).await.map_err(Problem::from)?;
    }
    staff.records(tx, "payments.receive", known.id, &["received"]);
    Ok(true)
}

/// What came in, within what is awaited.
fn amount_of(payment: &Payment, said: Option<Money>) -> Result<i64, Error> {
    let awaited = awaited(payment).filter(|awaited| *awaited > 0).ok_or(Error::NothingAwaited)?;
    let Some(said) = said else { return Ok(awaited) };
    if said.currency != payment.currency {
        return Err(Problem::field("/amount/currency", format!("is {} as the payment", payment.currency)).into());
    }
    if said.amount < 1 {
        return Err(Problem::field("/amount/amount", "is at least 1").into());
    }
    if said.amount > awaited {
        let awaited = payment.money(awaited);
        return Err(Error::MoreThanAwaited { awaited }.with_amount("awaited", awaited));
    }
    Ok(said.amount)
}

async fn pay_for_what_waits(ctx: &Ctx, tx: &mut Tx, payment: Payment) -> Result<(), NotBooked> {
    if payment.state == AttemptState::ActionRequired {
        let rest = payment.amount - payment.sums.received;
        if rest == 0 {
            let outcome = Outcome::Authorized { reference: payment.reference.clone() };
            return settle::write(ctx, tx, &payment.newest(), &outcome, 0).await;
        }
        if let Some(NextAction::Transfer { reference, instructions, .. }) = payment.next_action.clone() {
            let amount = payment.money(rest);
            let action = NextAction::Transfer { reference, instructions, amount };
            store::set_next_action(tx, payment.id, &action).await?;
        }
        return Ok(());
    }
    move_money::capture_what_came(tx, payment).await
}
