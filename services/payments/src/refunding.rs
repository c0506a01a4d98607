//! Begins a refund: by staff, for cancelled lines, or for a cancelled order. The account is locked by
//! whoever calls.

use ::store::Tx;
use contracts::Id;
use contracts::payments::PaymentOperation;
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
    let cause = Cause { kind: PaymentOperation::Refund, cause_kind: CauseKind::Refund, cause: refund.id.uuid() };
    Ok(move_money::begin(ctx, tx, cause, &parts).await?)
}
