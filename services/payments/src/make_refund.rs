//! Staff give captured money back: an amount, or what units of lines and the shipping cost.

use ::store::{Tx, idempotency};
use contracts::Id;
use contracts::orders::{GetRefundable, Refundable};
use contracts::payments::RefundId;
use platform::http::{Body, Replay, RequiredKey, replayed};
use platform::{Ctx, Problem, Staff, fault};

use crate::account::Account;
use crate::error::Error;
use crate::refund::{NewRefund, Refund, RefundCause, RefundView, Share, Unpriced, price};
use crate::refunding::{self, NotBegun};
use crate::{show, store};

pub const ROUTE: &str = "POST /v1/admin/refunds";

/// Begins a refund; its gateways are asked afterwards. The second part says whether this key made it before.
///
/// Never gives back more than was captured, whatever else goes on: the account is the guard.
/// Errors: `orders.not_found` passes on; `RefundExceedsCaptured` with what is left, `AlreadyRefunded`,
/// `NothingToRefund`, `ExternalRefTaken`.
pub async fn make_refund(
    ctx: &Ctx,
    staff: Staff<()>,
    key: &RequiredKey,
    body: &Body<NewRefund>,
) -> Result<(RefundView, bool), Error> {
    let key = match key.look_up(&ctx.db, staff.principal(), ROUTE, body).await? {
        Replay::New(key) => key,
        Replay::Made(made) => return Ok((show::refund(ctx, RefundId::from_uuid(made.resource)).await?, true)),
    };
    must_say_what(body)?;
    let refundable = ctx.call(GetRefundable { order: body.order }).await?;
    let id: RefundId = ctx.ids.next();
    let asked = Asked { ctx: ctx.clone(), staff, key: key.clone(), id, refundable, body: body.value.clone() };
    if !ctx.db.write(asked, |tx, asked| Box::pin(begin(tx, asked))).await? {
        let made = replayed(&ctx.db, &key).await?;
        return Ok((show::refund(ctx, RefundId::from_uuid(made.resource)).await?, true));
    }
    Ok((show::refund(ctx, id).await?, false))
}

fn must_say_what(body: &NewRefund) -> Result<(), Problem> {
    match (&body.amount, body.lines.is_empty() && !body.shipping) {
        (None, true) => Err(Problem::field("", "say what goes back: an `amount`, or `lines`, or `shipping`")),
        (Some(_), false) => Err(Problem::field("/amount", "is instead of `lines` and `shipping`, not beside them")),
        (Some(amount), true) if amount.amount < 1 => Err(Problem::field("/amount/amount", "is at least 1")),
        _ => Ok(()),
    }
}

struct Asked {
    ctx: Ctx,
    staff: Staff<()>,
    key: idempotency::Key,
    id: RefundId,
    refundable: Refundable,
    body: NewRefund,
}

/// `false`: the key made a refund a moment ago.
async fn begin(tx: &mut Tx, asked: &Asked) -> Result<bool, Error> {
    let Asked { ctx, staff, key, id, refundable, body } = asked;
    if !idempotency::claim(tx, key, 201, id.uuid()).await? {
        return Ok(false);
    }
    if fault::planted("bug.payments.acknowledges_no_refund") {
        return Ok(true);
    }
    // Not paid for, or not even payable yet: nothing was captured.
    let nothing = || exceeds(contracts::Money::zero(refundable.total.currency));
    let account = store::lock(tx, body.order).await?.filter(|account| account.currency.is_some());
    let account = account.ok_or_else(nothing)?;
    let (lines, amount) = priced(tx, &account, refundable, body).await?;
    if amount == 0 {
        return Err(Error::NothingToRefund);
    }
    // Before anything is added to it: what a buyer never paid may be any number.
    if amount > account.refundable() {
        return Err(exceeds(contracts::Money::new(account.refundable(), refundable.total.currency)));
    }
    let refund = Refund {
        id: *id,
        order: body.order,
        cause: RefundCause::Staff,
        amount,
        lines,
        shipping: body.shipping,
        reason: Some(body.reason.clone()),
        metadata: body.metadata.clone(),
        external_ref: body.external_ref.clone(),
    };
    let payments = store::payments_in(tx, body.order).await?;
    let left = contracts::Money { amount: account.refundable(), ..refundable.total };
    refunding::begin(ctx, tx, &refund, payments.iter()).await.map_err(|error| refusal(error, left))?;
    staff.records(tx, "payments.make_refund", id, &["amount", "lines", "shipping", "reason"]);
    Ok(true)
}

async fn priced(
    tx: &mut Tx,
    account: &Account,
    refundable: &Refundable,
    body: &NewRefund,
) -> Result<(Vec<Share>, i64), Error> {
    if let Some(amount) = body.amount {
        if Some(amount.currency) != account.currency {
            let detail = format!("is {} as the order", refundable.total.currency);
            return Err(Problem::field("/amount/currency", detail).into());
        }
        return Ok((Vec::new(), amount.amount));
    }
    if body.shipping && account.shipping_refunded {
        return Err(Error::AlreadyRefunded { what: "the shipping charge went back before".to_owned() });
    }
    let gone = store::refunds::gone(tx, account.order).await?;
    price(refundable, &gone, &body.lines, body.shipping).map_err(|error| match error {
        Unpriced::NoLine(place) => Problem::field(format!("/lines/{place}/line"), "is no line of this order").into(),
        Unpriced::Twice(place) => Problem::field(format!("/lines/{place}/line"), "is named twice").into(),
        Unpriced::TooMany(place, left) => {
            Error::AlreadyRefunded { what: format!("{left} units of {} are left to refund", body.lines[place].line) }
        }
    })
}

fn refusal(error: NotBegun, left: contracts::Money) -> Error {
    match error {
        NotBegun::TooMuch => exceeds(left),
        NotBegun::UnitsGone => Error::AlreadyRefunded { what: "units of these lines went back before".to_owned() },
        NotBegun::Known => Error::ExternalRefTaken,
        NotBegun::Booked(error) => Problem::from(error).into(),
        NotBegun::Store(error) => error.into(),
    }
}

fn exceeds(left: contracts::Money) -> Error {
    Error::RefundExceedsCaptured { left }.with_amount("left", left)
}
