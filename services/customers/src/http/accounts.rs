//! Accounts of customers: making one, the own profile, the own password.

use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use platform::http::{Body, IfMatch, Tagged, created};
use platform::{ClientAddress, Ctx, Session};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::change_password::{ChangePassword, change_password};
use crate::change_profile::{change_profile, show};
use crate::customer::{ChangeProfile, CustomerView, RegisterCustomer};
use crate::desk::Desk;
use crate::register::register;
use crate::{Error, cookies};

pub fn routes() -> OpenApiRouter<Ctx> {
    OpenApiRouter::new()
        .routes(routes!(register_customer))
        .routes(routes!(get_own_profile, change_own_profile))
        .routes(routes!(change_own_password))
}

/// Makes an account. `POST /v1/sessions` then logs in.
#[utoipa::path(post, path = "/v1/customers", request_body = RegisterCustomer,
    responses((status = 201, body = CustomerView, description = "The account")))]
async fn register_customer(
    State(ctx): State<Ctx>,
    Extension(desk): Extension<Desk>,
    from: ClientAddress,
    body: Body<RegisterCustomer>,
) -> Result<Response, Error> {
    let customer = register(&ctx, &desk, from, body.into_inner()).await?;
    let mut response = created("/v1/customers/me", customer, false);
    cookies::no_store(response.headers_mut());
    Ok(response)
}

/// The own profile.
#[utoipa::path(get, path = "/v1/customers/me", security(("session" = []), ("session_cookie" = [])),
    responses((status = 200, body = CustomerView, description = "The profile, with an `ETag`"),
        (status = 304, description = "Unchanged since the `If-None-Match`")))]
async fn get_own_profile(
    State(ctx): State<Ctx>,
    session: Session,
    headers: HeaderMap,
) -> Result<Tagged<CustomerView>, Error> {
    let customer = show(&ctx, session.customer).await?;
    Ok(Tagged::new(&headers, customer.version, customer))
}

/// Changes the own profile, on the version that was read.
#[utoipa::path(patch, path = "/v1/customers/me", request_body = ChangeProfile,
    security(("session" = []), ("session_cookie" = [])),
    params(("If-Match" = String, Header, description = "The `ETag` that was read", example = "\"1\"")),
    responses((status = 200, body = CustomerView, description = "The profile as it is now")))]
async fn change_own_profile(
    State(ctx): State<Ctx>,
    session: Session,
    IfMatch(version): IfMatch,
    body: Body<ChangeProfile>,
) -> Result<Tagged<CustomerView>, Error> {
    let customer = change_profile(&ctx, session.customer, version, body.into_inner()).await?;
    Ok(Tagged::new(&HeaderMap::new(), customer.version, customer))
}

/// Changes the own password. Every other session of the account ends.
#[utoipa::path(put, path = "/v1/customers/me/password", request_body = ChangePassword,
    security(("session" = []), ("session_cookie" = [])),
    responses((status = 204, description = "The new password holds")))]
async fn change_own_password(
    State(ctx): State<Ctx>,
    Extension(desk): Extension<Desk>,
    from: ClientAddress,
    session: Session,
    body: Body<ChangePassword>,
) -> Result<StatusCode, Error> {
    change_password(&ctx, &desk, from, session, body.into_inner()).await?;
    Ok(StatusCode::NO_CONTENT)
}
