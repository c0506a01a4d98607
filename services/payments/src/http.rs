//! Routes: paying, what gateways tell, staff's side, and the test bank's page.

mod staff;
mod test_bank;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use platform::Ctx;
use platform::http::{Body, Path, PreferWait, RequiredKey, created};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::error::Error;
use crate::pay::Payer;
use crate::payment::{NewPayment, PaymentView};
use crate::test_bank::TestBankEvent;
use crate::{hear, pay, signature, stripe};

pub fn routes() -> OpenApiRouter<Ctx> {
    OpenApiRouter::new()
        .routes(routes!(make_payment))
        .routes(routes!(receive_gateway_event))
        .merge(staff::routes())
        .merge(test_bank::routes())
}

/// Pays an order: again after a declined attempt, or a further part of its total.
#[utoipa::path(post, path = "/v1/payments", request_body = NewPayment,
    security(("buyer" = []), ("session" = []), ("session_cookie" = []), ("order_link" = [])),
    params(
        ("Idempotency-Key" = String, Header, description = "A new one for each new attempt"),
        ("Prefer" = Option<String>, Header, description = "`wait=N`: answers when the attempt has an outcome, at most N <= 30 seconds later"),
    ),
    responses((status = 201, body = PaymentView, description = "The payment with its new attempt; `Location` is the order's")))]
async fn make_payment(
    State(ctx): State<Ctx>,
    payer: Payer,
    key: RequiredKey,
    PreferWait(wait): PreferWait,
    body: Body<NewPayment>,
) -> Result<Response, Error> {
    let (payment, is_repeat) = pay::pay(&ctx, &payer, &key, wait, &body).await?;
    Ok(created(&format!("/v1/orders/{}", payment.order), payment, is_repeat))
}

/// What a gateway tells of a charge, in its own words; shown here: those of the test bank. It is a hint: the gateway
/// is asked what became of the charge.
#[utoipa::path(post, path = "/v1/gateway-events/{method}", request_body = TestBankEvent,
    params(
        ("method" = String, Path, description = "The way to pay whose gateway tells it, such as `card`"),
        ("Gateway-Signature" = String, Header, description = "`t=<seconds>,v1=<hex>`: HMAC-SHA256 of time, a point and the body; from Stripe as `Stripe-Signature`"),
    ),
    responses((status = 204, description = "Noted, now or before")))]
async fn receive_gateway_event(
    State(ctx): State<Ctx>,
    Path(method): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<StatusCode, Error> {
    let signature = headers.get(signature::HEADER).or_else(|| headers.get(stripe::SIGNATURE));
    let signature = signature.and_then(|value| value.to_str().ok());
    hear::receive(&ctx, &method, signature, &body).await?;
    Ok(StatusCode::NO_CONTENT)
}
