//! Staff have a capture or void that its gateway refused asked for again.

use ::store::Tx;
use contracts::payments::{OperationId, PaymentOperation};
use platform::{Ctx, Problem, Staff};

use crate::error::Error;
use crate::jobs::Operate;
use crate::operation::{Operation, OperationState};
use crate::payment::PaymentDetail;
use crate::{gateway, move_money, show, store};

/// Under a new key: the gateway remembers what it refused. A cancelled order is not captured any more.
///
/// Errors: `OperationNotFound`, `NotRetryable`.
pub async fn retry(ctx: &Ctx, staff: Staff<()>, id: OperationId) -> Result<PaymentDetail, Error> {
    let known = store::operations::find(&ctx.db, id).await?.ok_or(Error::OperationNotFound)?;
    let input = (ctx.clone(), staff, known.clone(), ctx.ids.next::<OperationId>());
    ctx.db
        .write(input, |tx, (ctx, staff, known, key)| {
            Box::pin(async move {
                begin_again(ctx, tx, known, *key).await?;
                staff.records(tx, "payments.retry_operation", known.id, &["state"]);
                Ok::<_, Error>(())
            })
        })
        .await?;
    show::detail(ctx, known.payment).await
}

async fn begin_again(ctx: &Ctx, tx: &mut Tx, known: &Operation, key: OperationId) -> Result<(), Error> {
    let account = move_money::lock(tx, known.order).await.map_err(Problem::from)?;
    let payments = store::payments_in(tx, known.order).await?;
    let payment = payments.iter().find(|payment| payment.id == known.payment).ok_or(Error::OperationNotFound)?;
    let is_there = payment.sums.uncaptured() >= known.amount.amount;
    let is_wanted = known.kind == PaymentOperation::Void || !account.order_cancelled;
    let is_asked_elsewhere = !gateway::is_manual(ctx, &known.method);
    // Asked again in the same state: the same click twice.
    let is_known = store::operations::find_in(tx, known.id).await?;
    if is_known.is_some_and(|now| now.state == OperationState::Pending) {
        return Ok(());
    }
    if !is_there || !is_wanted || !is_asked_elsewhere || !store::operations::begin_again(tx, known.id, key).await? {
        return Err(Error::NotRetryable);
    }
    store::book(tx, &[(payment.id, known.begins())]).await?;
    tx.start(&Operate { operation: known.id });
    Ok(())
}
