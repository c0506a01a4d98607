//! The buyer pays again, after a declined attempt.

use std::time::Duration;

use ::store::{Tx, idempotency};
use contracts::Id;
use contracts::orders::{GetPaymentInstruction, OrderStatus};
use contracts::payments::AttemptId;
use platform::auth::Buyer;
use platform::http::{Body, Replay, RequiredKey, replayed};
use platform::{Ctx, Problem};

use crate::attempt::AttemptState;
use crate::error::Error;
use crate::gateway::Gateway;
use crate::jobs::Authorize;
use crate::payment::{NewPayment, PaymentView};
use crate::{show, store};

const ROUTE: &str = "POST /v1/payments";
/// Between two looks at an attempt that somebody waits for.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Makes a further attempt for the buyer's order. `wait`: answers when it has an outcome, else then.
/// The second part says whether this key made it before.
///
/// Errors: `orders.not_found` passes on; `NotPayable`, `NotReady`, `TooManyTries`, `InProgress`.
pub async fn pay(
    ctx: &Ctx,
    buyer: &Buyer,
    key: &RequiredKey,
    wait: Option<Duration>,
    body: &Body<NewPayment>,
) -> Result<(PaymentView, bool), Error> {
    let method = Gateway::of(ctx, &body.method)?;
    let buyer_sha256 = Some(buyer.token_sha256.clone());
    let instruction = ctx.call(GetPaymentInstruction { order: body.order, buyer_sha256 }).await?;
    let key = match key.look_up(&ctx.db, body.order.to_string(), ROUTE, body).await? {
        Replay::New(key) => key,
        Replay::Made(made) => return Ok((outcome(ctx, AttemptId::from_uuid(made.resource), wait).await?, true)),
    };
    if instruction.status != OrderStatus::Payable {
        return Err(Error::NotPayable);
    }
    let attempt: AttemptId = ctx.ids.next();
    let new = NewAttempt { key: key.clone(), attempt, tries_max: method.tries_max, body: body.value.clone() };
    if !ctx.db.write(new, |tx, new| Box::pin(insert(tx, new))).await? {
        let made = replayed(&ctx.db, &key).await?;
        return Ok((outcome(ctx, AttemptId::from_uuid(made.resource), wait).await?, true));
    }
    Ok((outcome(ctx, attempt, wait).await?, false))
}

struct NewAttempt {
    key: idempotency::Key,
    attempt: AttemptId,
    tries_max: i64,
    body: NewPayment,
}

/// `false`: the key made an attempt a moment ago.
async fn insert(tx: &mut Tx, new: &NewAttempt) -> Result<bool, Error> {
    let NewAttempt { key, attempt, tries_max, body } = new;
    if !idempotency::claim(tx, key, 201, attempt.uuid()).await? {
        return Ok(false);
    }
    let Some((payment, number)) = store::try_again(tx, body.order, &body.method, *tries_max).await? else {
        return Err(why_not(store::standing(tx, body.order).await?, *tries_max));
    };
    if !store::insert_attempt(tx, *attempt, payment, number, AttemptState::Pending, Some(&body.token)).await? {
        return Err(Error::InProgress);
    }
    tx.start(&Authorize { attempt: *attempt });
    Ok(true)
}

fn why_not(standing: Option<(bool, i64)>, tries_max: i64) -> Error {
    match standing {
        Some((false, _)) => Error::TooManyTries { tries_max },
        Some((true, _)) => Error::NotPayable,
        None => Problem { retry_after_seconds: Some(1), ..Error::NotReady.into() }.into(),
    }
}

/// The payment, once this attempt has an outcome or the wait is over.
async fn outcome(ctx: &Ctx, attempt: AttemptId, wait: Option<Duration>) -> Result<PaymentView, Error> {
    let outcome = async {
        loop {
            let view = show::by_attempt(ctx, attempt).await?;
            let made = view.attempts.iter().find(|made| made.id == attempt);
            if made.is_none_or(|made| made.state != AttemptState::Pending && made.state != AttemptState::Unknown) {
                return Ok(view);
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    };
    match wait {
        Some(wait) => match tokio::time::timeout(wait, outcome).await {
            Ok(view) => view,
            Err(_) => show::by_attempt(ctx, attempt).await,
        },
        None => show::by_attempt(ctx, attempt).await,
    }
}
