//! The buyer pays: again, after a declined attempt, or a further part of the total.

use std::time::Duration;

use ::store::{Tx, idempotency};
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use contracts::orders::{GetPaymentInstruction, GetPaymentInstructionByLink, OrderId, OrderStatus, PaymentInstruction};
use contracts::payments::AttemptId;
use contracts::{Id, Money};
use platform::auth::Buyer;
use platform::http::{Body, Replay, RequiredKey, replayed};
use platform::{Ctx, Problem};

use crate::account::{Account, AccountChange};
use crate::attempt::AttemptState;
use crate::error::Error;
use crate::gateway::Gateway;
use crate::jobs::Authorize;
use crate::payment::{NewPayment, PaymentView};
use crate::store::NewPaymentRow;
use crate::{show, store};

pub const ROUTE: &str = "POST /v1/payments";
/// Between two looks at an attempt that somebody waits for.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// The header that carries the token of a link to an order; orders knows which it opens.
const ORDER_TOKEN: &str = "order-token";

/// Who pays: the order's buyer, or who holds a link to it, as a guest got by mail. No `Debug`: a token must not slip
/// into a log.
pub enum Payer {
    Buyer(Buyer),
    Link(String),
}

/// `Order-Token`, else as [`Buyer`].
impl FromRequestParts<Ctx> for Payer {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, ctx: &Ctx) -> Result<Self, Problem> {
        match parts.headers.get(ORDER_TOKEN) {
            Some(token) => Ok(Self::Link(String::from_utf8_lossy(token.as_bytes()).into_owned())),
            None => Buyer::from_request_parts(parts, ctx).await.map(Self::Buyer),
        }
    }
}

/// Makes an attempt at what is left to pay of the buyer's order, or a part of it. `wait`: answers when it has an
/// outcome, else then. The second part says whether this key made it before.
///
/// Errors: `orders.not_found` and `orders.link_ended` pass on; `NotPayable`, `NotReady`, `TooManyTries`, `InProgress`, `MoreThanDue`.
pub async fn pay(
    ctx: &Ctx,
    payer: &Payer,
    key: &RequiredKey,
    wait: Option<Duration>,
    body: &Body<NewPayment>,
) -> Result<(PaymentView, bool), Error> {
    let method = Gateway::offered(ctx, &body.method)?;
    if method.takes_token() && body.token.is_none() {
        return Err(Problem::field("/token", "is needed for this way to pay: the gateway's name for the card").into());
    }
    let instruction = instruction(ctx, body.order, payer).await?;
    let key = match key.look_up(&ctx.db, body.order.to_string(), ROUTE, body).await? {
        Replay::New(key) => key,
        Replay::Made(made) => return Ok((outcome(ctx, AttemptId::from_uuid(made.resource), wait).await?, true)),
    };
    if instruction.status != OrderStatus::Payable {
        return Err(Error::NotPayable);
    }
    let attempt: AttemptId = ctx.ids.next();
    let token = body.token.clone().filter(|_| method.takes_token());
    let new = NewAttempt { key: key.clone(), attempt, tries_max: method.tries_max, token, body: body.value.clone() };
    if !ctx.db.write(new, |tx, new| Box::pin(insert(tx, new))).await? {
        let made = replayed(&ctx.db, &key).await?;
        return Ok((outcome(ctx, AttemptId::from_uuid(made.resource), wait).await?, true));
    }
    Ok((outcome(ctx, attempt, wait).await?, false))
}

/// Errors: `orders.not_found` for what is not theirs.
async fn instruction(ctx: &Ctx, order: OrderId, payer: &Payer) -> Result<PaymentInstruction, Problem> {
    match payer {
        Payer::Buyer(buyer) => ctx.call(GetPaymentInstruction { order, buyer: Some(buyer.0.clone()) }).await,
        Payer::Link(token) => ctx.call(GetPaymentInstructionByLink { order, token: token.clone() }).await,
    }
}

struct NewAttempt {
    key: idempotency::Key,
    attempt: AttemptId,
    tries_max: i64,
    token: Option<String>,
    body: NewPayment,
}

/// A further attempt at the newest payment that came to nothing, else a payment of its own. `false`: the key made
/// an attempt a moment ago.
async fn insert(tx: &mut Tx, new: &NewAttempt) -> Result<bool, Error> {
    let NewAttempt { key, attempt, tries_max, token, body } = new;
    if !idempotency::claim(tx, key, 201, attempt.uuid()).await? {
        return Ok(false);
    }
    let account = store::lock(tx, body.order).await?.ok_or_else(not_ready)?;
    let amount = amount_of(&account, body.amount, *tries_max)?;
    let change = AccountChange { tries: 1, pledged: amount, ..AccountChange::default() };
    if !store::change(tx, body.order, change).await? {
        return Err(Error::InProgress);
    }
    let (method, token) = (body.method.as_str(), token.as_deref());
    let payments = store::payments_in(tx, body.order).await?;
    match payments.iter().rfind(|payment| payment.state.is_vain()) {
        Some(vain) => store::try_again(tx, vain.id, *attempt, (method, amount, token)).await?,
        None => {
            let number = payments.last().map_or(1, |last| last.number + 1);
            let (id, order, attempt) = (tx.ids().next(), body.order, *attempt);
            let row = NewPaymentRow { id, order, number, method, amount, attempt, token };
            store::insert_payment(tx, &row).await?;
        }
    }
    tx.start(&Authorize { attempt: *attempt });
    Ok(true)
}

/// How much the new attempt is for.
fn amount_of(account: &Account, said: Option<Money>, tries_max: i64) -> Result<i64, Error> {
    let due = account.money(account.unpledged()).filter(|_| !account.order_cancelled).ok_or(Error::NotPayable)?;
    if account.tries >= tries_max {
        return Err(Error::TooManyTries { tries_max });
    }
    if due.amount == 0 {
        return Err(Error::InProgress);
    }
    let said = said.unwrap_or(due);
    if said.currency != due.currency {
        return Err(Problem::field("/amount/currency", format!("is {} as the order", due.currency)).into());
    }
    if said.amount < 1 {
        return Err(Problem::field("/amount/amount", "is at least 1").into());
    }
    if said.amount > due.amount {
        return Err(Error::MoreThanDue { due }.with_amount("due", due));
    }
    Ok(said.amount)
}

fn not_ready() -> Error {
    Problem { retry_after_seconds: Some(1), ..Error::NotReady.into() }.into()
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
