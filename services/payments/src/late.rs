//! The gateway holds money for an attempt that had come to nothing here: it changed its mind, or its
//! word was late. The money is kept where the order still needs it, else it is let go.

use ::store::Tx;
use contracts::Id;
use contracts::payments::{PaymentAuthorized, PaymentOperation};
use platform::Ctx;

use crate::account::{Account, AccountChange};
use crate::attempt::{Attempt, AttemptState};
use crate::ledger::{LedgerKind, NotBooked, Sums};
use crate::move_money::{self, Cause, OnCharge};
use crate::operation::CauseKind;
use crate::{cancel, store};

const CAME_LATE: &str = "authorized_after_its_end";

pub async fn authorized(ctx: &Ctx, tx: &mut Tx, attempt: &Attempt, reference: Option<&str>) -> Result<(), NotBooked> {
    let account = move_money::lock(tx, attempt.order).await?;
    let is_needed = is_needed(&account, attempt);
    if attempt.is_newest && (is_needed || account.order_cancelled) {
        keep(ctx, tx, &account, attempt, reference).await
    } else {
        let_go(ctx, tx, attempt, reference).await
    }
}

/// No other payment is for this part of the order, which goes on.
fn is_needed(account: &Account, attempt: &Attempt) -> bool {
    !account.order_cancelled && !account.capture_ended && attempt.amount.amount <= account.unpledged()
}

/// As if the word had come in time. A cancelled order gives it back.
async fn keep(
    ctx: &Ctx,
    tx: &mut Tx,
    account: &Account,
    late: &Attempt,
    reference: Option<&str>,
) -> Result<(), NotBooked> {
    let Attempt { id: attempt, payment, order, amount, .. } = *late;
    if !store::revive(tx, attempt, AttemptState::Authorized, reference, None).await? {
        return Err(NotBooked::Before);
    }
    store::enter(tx, payment, LedgerKind::Authorized, attempt.uuid(), amount.amount).await?;
    tx.say(&PaymentAuthorized { order, payment, attempt, amount, method: late.method.clone() });
    if account.order_cancelled {
        return cancel::give_back(ctx, tx, order).await;
    }
    store::change(tx, order, AccountChange { pledged: amount.amount, ..AccountChange::default() }).await?;
    Ok(())
}

/// It is booked, and voided; nobody else hears of it.
async fn let_go(ctx: &Ctx, tx: &mut Tx, late: &Attempt, reference: Option<&str>) -> Result<(), NotBooked> {
    let Attempt { id: attempt, payment, order, amount, .. } = *late;
    if late.is_newest {
        if !store::revive(tx, attempt, AttemptState::Voided, reference, Some(CAME_LATE)).await? {
            return Err(NotBooked::Before);
        }
    } else {
        if !store::revive_earlier(tx, attempt, CAME_LATE).await? {
            return Err(NotBooked::Before);
        }
        store::book(tx, &[(payment, Sums { authorized: amount.amount, ..Sums::default() })]).await?;
    }
    store::enter(tx, payment, LedgerKind::Authorized, attempt.uuid(), amount.amount).await?;
    let payments = store::payments_in(tx, order).await?;
    let its = payments.iter().find(|one| one.id == payment);
    let its = its.ok_or_else(|| NotBooked::Unsound(format!("{attempt} has no payment")))?;
    let cause = Cause { kind: PaymentOperation::Void, cause_kind: CauseKind::CameLate, cause: attempt.uuid() };
    let (method, reference) = (late.method.clone(), reference.map(str::to_owned));
    let part = OnCharge { payment: its, amount: amount.amount, method, reference };
    move_money::begin_on(ctx, tx, cause, vec![part]).await
}
