//! Begins a refund: by staff, for cancelled lines, or for a cancelled order. The account is locked by
//! whoever calls.

use ::store::Tx;
use contracts::Id;
use contracts::orders::OrderId;
use contracts::payments::{PaymentOperation, RefundId};
use platform::Ctx;

use crate::ledger::{NotBooked, spread};
use crate::move_money::{self, Cause};
use crate::operation::CauseKind;
use crate::payment::Payment;
use crate::refund::Refund;
use crate::store;

/// Nothing was begun: the transaction is to be undone.
#[derive(Debug, thiserror::Error)]
pub enum NotBegun {
    #[error("there is not that much to give back")]
    TooMuch,
    #[error("the units went back before")]
    UnitsGone,
    #[error("the refund, or one with its external reference, is there already")]
    Known,
    #[error(transparent)]
    Booked(#[from] NotBooked),
    #[error(transparent)]
    Store(#[from] ::store::Error),
}

impl From<NotBegun> for NotBooked {
    fn from(error: NotBegun) -> Self {
        match error {
            NotBegun::Booked(error) => error,
            NotBegun::Store(error) => Self::Store(error),
            other => Self::Unsound(other.to_string()),
        }
    }
}

/// Sets the amount and the units aside, and gives the money back to the charges it came from, the newest first.
pub async fn begin<'a>(
    ctx: &Ctx,
    tx: &mut Tx,
    refund: &Refund,
    payments: impl DoubleEndedIterator<Item = &'a Payment>,
) -> Result<(), NotBegun> {
    if !store::set_aside(tx, refund.order, refund.amount, refund.shipping).await? {
        return Err(NotBegun::TooMuch);
    }
    let rooms = payments.rev().map(|payment| (payment, payment.sums.refundable()));
    let parts = spread(refund.amount, rooms).ok_or(NotBegun::TooMuch)?;
    if !store::refunds::take_units(tx, refund.order, &refund.lines).await? {
        return Err(NotBegun::UnitsGone);
    }
    let operations = i64::try_from(parts.len()).unwrap_or(i64::MAX);
    if !store::refunds::insert(tx, refund, operations).await? {
        return Err(NotBegun::Known);
    }
    Ok(move_money::begin(ctx, tx, cause(refund.id), &parts).await?)
}

/// Begins the order's refunds that wait, as far as what they are for was captured. What other refunds gave back
/// meanwhile does not go back twice: the rest does, once no capture is awaited any more.
pub async fn begin_waiting(ctx: &Ctx, tx: &mut Tx, order: OrderId) -> Result<(), NotBooked> {
    for (refund, owed) in store::refunds::waiting(tx, order).await? {
        let payments = store::payments_in(tx, order).await?;
        let room: i64 = payments.iter().map(|payment| payment.sums.refundable()).sum();
        let open: i64 = payments.iter().map(|payment| payment.sums.capturing).sum();
        if room < owed && open + store::operations::failed_captures(tx, order).await? > 0 {
            continue;
        }
        let amount = owed.min(room);
        let rooms = payments.iter().rev().map(|payment| (payment, payment.sums.refundable()));
        let parts = spread(amount, rooms).filter(|parts| !parts.is_empty());
        match parts {
            Some(parts) if store::set_aside(tx, order, amount, false).await? => {
                let operations = i64::try_from(parts.len()).unwrap_or(i64::MAX);
                store::refunds::begin(tx, refund, amount, operations).await?;
                move_money::begin(ctx, tx, cause(refund), &parts).await?;
            }
            _ => store::refunds::withdraw(tx, refund).await?,
        }
    }
    Ok(())
}

fn cause(refund: RefundId) -> Cause {
    Cause { kind: PaymentOperation::Refund, cause_kind: CauseKind::Refund, cause: refund.uuid() }
}
