//! The order cancelled units that were captured already: what they cost goes back.

use ::store::Tx;
use contracts::Id;
use contracts::orders::OrderRefundDue;
use contracts::payments::{PaymentOperation, RefundId};
use platform::{Ctx, Outcome};

use crate::account::AccountChange;
use crate::ledger::NotBooked;
use crate::refund::{Refund, RefundCause};
use crate::{refunding, store};

/// Begins the refund, once for each id, as soon as the captures that it follows have ended. Of a cancelled
/// order everything goes back in any case; where staff gave back some of it already, the rest goes.
pub async fn refund_due(ctx: &Ctx, tx: &mut Tx, due: &OrderRefundDue) -> Result<Outcome, NotBooked> {
    let Some(account) = store::lock(tx, due.order).await? else {
        return Ok(Outcome::Later("the order's account is not open yet"));
    };
    let amount = due.amount.amount;
    let is_known = store::operations::is_known(tx, due.refund, PaymentOperation::Refund).await?;
    if account.order_cancelled || is_known || amount <= 0 {
        return Ok(Outcome::Done);
    }
    let asked_back = account.refund_due + amount;
    if account.capture_due < asked_back {
        return Ok(Outcome::Later("a capture that it follows has not come yet"));
    }
    let payments = store::payments_in(tx, due.order).await?;
    let open: i64 = payments.iter().map(|payment| payment.sums.capturing).sum();
    let refused = store::operations::failed_captures(tx, due.order).await?;
    if account.refundable() < amount && open + refused > 0 {
        return Ok(Outcome::Later("a capture that it follows has not ended well yet"));
    }
    let change = AccountChange { refund_due: amount, ..AccountChange::default() };
    store::change(tx, due.order, change).await?;
    let left = amount.min(account.refundable());
    if left > 0 {
        let id = RefundId::from_uuid(due.refund);
        let refund = Refund::ours(id, due.order, RefundCause::LinesCancelled, left);
        refunding::begin(ctx, tx, &refund, payments.iter()).await.map_err(NotBooked::from)?;
    }
    Ok(Outcome::Done)
}
