//! Routes of staff: payments, refunds, receipts, retries.

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use contracts::orders::OrderId;
use contracts::payments::{OperationId, PaymentId, RefundId};
use platform::http::{Body, List, Page, Path, Query, RequiredKey, created};
use platform::{Ctx, Problem, Staff, can};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::error::Error;
use crate::payment::{PaymentDetail, PaymentView, Reference};
use crate::receipt::NewReceipt;
use crate::refund::{NewRefund, RefundView};
use crate::store::shown::Which;
use crate::{make_refund, receive, retry, show};

pub fn routes() -> OpenApiRouter<Ctx> {
    OpenApiRouter::new()
        .routes(routes!(list_payments))
        .routes(routes!(show_payment))
        .routes(routes!(note_receipt))
        .routes(routes!(retry_operation))
        .routes(routes!(list_refunds, make_refund))
        .routes(routes!(show_refund))
}

/// Which payments.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct PaymentsQuery {
    /// Of this order only.
    order: Option<OrderId>,
    /// With this reference only: the gateway's name for the charge, or what was written on a transfer. Not with `order`.
    #[param(value_type = Option<String>, min_length = 1, max_length = 255)]
    reference: Option<Reference>,
    /// How many items: 1 to 100, 20 if not said.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<i64>,
    /// The `next` of the page before.
    cursor: Option<String>,
}

/// Payments, newest first.
#[utoipa::path(get, path = "/v1/admin/payments", params(PaymentsQuery), security(("staff" = [])),
    responses((status = 200, body = List<PaymentView>, description = "A page of payments with their attempts")))]
async fn list_payments(
    State(ctx): State<Ctx>,
    _: Staff<can::PaymentsRead>,
    Query(query): Query<PaymentsQuery>,
) -> Result<Json<List<PaymentView>>, Error> {
    let page = Page { limit: query.limit, cursor: query.cursor };
    let which = match (query.order, query.reference) {
        (Some(_), Some(_)) => return Err(Problem::field("reference", "is not said with `order`").into()),
        (Some(order), None) => Which::OfOrder(order),
        (None, Some(reference)) => Which::WithReference(reference),
        (None, None) => Which::All,
    };
    Ok(Json(show::list(&ctx, &which, &page).await?))
}

/// A payment with all that was asked of its gateway, and the receipts of staff.
#[utoipa::path(get, path = "/v1/admin/payments/{payment}", params(("payment" = PaymentId, Path)), security(("staff" = [])),
    responses((status = 200, body = PaymentDetail, description = "The payment")))]
async fn show_payment(
    State(ctx): State<Ctx>,
    _: Staff<can::PaymentsRead>,
    Path(payment): Path<PaymentId>,
) -> Result<Json<PaymentDetail>, Error> {
    Ok(Json(show::detail(&ctx, payment).await?))
}

/// Notes money that came in by transfer or in cash.
#[utoipa::path(post, path = "/v1/admin/payments/{payment}/receipts", request_body = NewReceipt, security(("staff" = [])),
    params(
        ("payment" = PaymentId, Path),
        ("Idempotency-Key" = String, Header, description = "A new one for each receipt"),
    ),
    responses((status = 201, body = PaymentDetail, description = "The payment with its new receipt")))]
async fn note_receipt(
    State(ctx): State<Ctx>,
    staff: Staff<can::PaymentsWrite>,
    key: RequiredKey,
    Path(payment): Path<PaymentId>,
    body: Body<NewReceipt>,
) -> Result<Response, Error> {
    let (detail, is_repeat) = receive::receive(&ctx, staff.actor(), &key, payment, &body).await?;
    Ok(created(&format!("/v1/admin/payments/{payment}"), detail, is_repeat))
}

/// Has a capture or void that the gateway refused asked for again.
#[utoipa::path(post, path = "/v1/admin/payments/operations/{operation}/retry", params(("operation" = OperationId, Path)),
    security(("staff" = [])),
    responses((status = 200, body = PaymentDetail, description = "The payment; the operation is pending again")))]
async fn retry_operation(
    State(ctx): State<Ctx>,
    staff: Staff<can::PaymentsWrite>,
    Path(operation): Path<OperationId>,
) -> Result<Json<PaymentDetail>, Error> {
    Ok(Json(retry::retry(&ctx, staff.actor(), operation).await?))
}

/// Gives captured money back: an amount, or what units of lines and the shipping cost. It goes to the charges it came
/// from, the newest first.
#[utoipa::path(post, path = "/v1/admin/refunds", request_body = NewRefund, security(("staff" = [])),
    params(("Idempotency-Key" = String, Header, description = "A new one for each refund")),
    responses((status = 201, body = RefundView, description = "The refund; its gateways are being asked")))]
async fn make_refund(
    State(ctx): State<Ctx>,
    staff: Staff<can::PaymentsWrite>,
    key: RequiredKey,
    body: Body<NewRefund>,
) -> Result<Response, Error> {
    let (refund, is_repeat) = make_refund::make_refund(&ctx, staff.actor(), &key, &body).await?;
    Ok(created(&format!("/v1/admin/refunds/{}", refund.id), refund, is_repeat))
}

/// Which refunds.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct RefundsQuery {
    /// Of this order only.
    order: Option<OrderId>,
    /// How many items: 1 to 100, 20 if not said.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<i64>,
    /// The `next` of the page before.
    cursor: Option<String>,
}

/// Refunds, newest first: those that staff made, and those of cancelled orders and lines.
#[utoipa::path(get, path = "/v1/admin/refunds", params(RefundsQuery), security(("staff" = [])),
    responses((status = 200, body = List<RefundView>, description = "A page of refunds")))]
async fn list_refunds(
    State(ctx): State<Ctx>,
    _: Staff<can::PaymentsRead>,
    Query(query): Query<RefundsQuery>,
) -> Result<Json<List<RefundView>>, Error> {
    let page = Page { limit: query.limit, cursor: query.cursor };
    Ok(Json(show::refunds(&ctx, query.order, &page).await?))
}

/// A refund.
#[utoipa::path(get, path = "/v1/admin/refunds/{refund}", params(("refund" = RefundId, Path)), security(("staff" = [])),
    responses((status = 200, body = RefundView, description = "The refund")))]
async fn show_refund(
    State(ctx): State<Ctx>,
    _: Staff<can::PaymentsRead>,
    Path(refund): Path<RefundId>,
) -> Result<Json<RefundView>, Error> {
    Ok(Json(show::refund(&ctx, refund).await?))
}
