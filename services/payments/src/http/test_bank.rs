//! The test bank's page.

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use platform::http::Path;
use platform::{Ctx, Problem};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::error::Error;
use crate::test_bank::{self, BuyerAnswer, Charge, ChargeState, CompleteTestCharge};

pub fn routes() -> OpenApiRouter<Ctx> {
    OpenApiRouter::new().routes(routes!(show_test_charge)).routes(routes!(complete_test_charge))
}

/// The test bank's page, where a buyer confirms or refuses a charge.
#[utoipa::path(get, path = "/v1/test-gateway/charges/{reference}", params(("reference" = String, Path, description = "As in the next action's URL")),
    responses((status = 200, body = String, content_type = "text/html", description = "A page with two buttons")))]
async fn show_test_charge(State(ctx): State<Ctx>, Path(reference): Path<String>) -> Result<Html<String>, Error> {
    Ok(bank_page(&test_bank::find(&ctx, &reference).await?))
}

/// What the test bank's page sends: the buyer's answer, as JSON or as a form.
#[utoipa::path(post, path = "/v1/test-gateway/charges/{reference}/complete", params(("reference" = String, Path, description = "As in the next action's URL")),
    request_body(content((CompleteTestCharge = "application/json"), (CompleteTestCharge = "application/x-www-form-urlencoded"))),
    responses(
        (status = 200, body = String, content_type = "text/html", description = "To a form: the page, with what was answered"),
        (status = 204, description = "To JSON: noted; the shop hears of it"),
    ))]
async fn complete_test_charge(
    State(ctx): State<Ctx>,
    Path(reference): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Error> {
    let is_form = is_form(&headers);
    test_bank::complete(&ctx, &reference, answer_in(is_form, &body)?).await?;
    if is_form {
        return Ok(bank_page(&test_bank::find(&ctx, &reference).await?).into_response());
    }
    Ok(StatusCode::NO_CONTENT.into_response())
}

fn is_form(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    kind.starts_with("application/x-www-form-urlencoded")
}

fn answer_in(is_form: bool, body: &[u8]) -> Result<BuyerAnswer, Problem> {
    match (is_form, body) {
        (true, b"outcome=authorized") => Ok(BuyerAnswer::Authorized),
        (true, b"outcome=declined") => Ok(BuyerAnswer::Declined),
        (true, _) => Err(Problem::field("/outcome", "is `authorized` or `declined`")),
        (false, json) => {
            let read = serde_json::from_slice::<CompleteTestCharge>(json);
            Ok(read.map_err(|error| Problem::field("/outcome", error.to_string()))?.outcome)
        }
    }
}

/// Nothing of it comes from a client: the amount, and the reference that the bank itself made.
fn bank_page(charge: &Charge) -> Html<String> {
    let Charge { reference, amount, .. } = charge;
    let answer = match charge.state {
        ChargeState::ActionRequired => format!(
            "<form method=\"post\" action=\"{reference}/complete\">\
             <button name=\"outcome\" value=\"authorized\">Confirm</button> \
             <button name=\"outcome\" value=\"declined\">Refuse</button></form>"
        ),
        ChargeState::Authorized => "<p>You confirmed it. Go back to the shop.</p>".to_owned(),
        ChargeState::Declined => "<p>It was refused. Go back to the shop.</p>".to_owned(),
        ChargeState::Withdrawn => "<p>The shop took it back.</p>".to_owned(),
    };
    Html(format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>Test bank</title></head>\
         <body><main><h1>Test bank</h1><p>A shop asks for <strong>{amount}</strong>. No real money moves.</p>\
         {answer}</main></body></html>"
    ))
}
