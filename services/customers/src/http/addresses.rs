//! The own address book.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use contracts::Id;
use contracts::customers::CustomerAddressId;
use platform::http::{Body, List, OptionalKey, Page, Path, Query, Replay, created, replayed};
use platform::{Ctx, Problem, Session};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Error;
use crate::address_book::{self, AddAddress, ChangeAddress};
use crate::customer::CustomerAddressView;

const ADD: &str = "POST /v1/customers/me/addresses";

pub fn routes() -> OpenApiRouter<Ctx> {
    OpenApiRouter::new().routes(routes!(list_own_addresses, add_own_address)).routes(routes!(
        get_own_address,
        change_own_address,
        remove_own_address
    ))
}

/// The own addresses, oldest first; at most fifty.
#[utoipa::path(get, path = "/v1/customers/me/addresses", params(Page),
    security(("session" = []), ("session_cookie" = [])),
    responses((status = 200, body = List<CustomerAddressView>, description = "A page of the address book")))]
async fn list_own_addresses(
    State(ctx): State<Ctx>,
    session: Session,
    Query(page): Query<Page>,
) -> Result<Json<List<CustomerAddressView>>, Problem> {
    address_book::list(&ctx, session.customer, &page).await.map(Json)
}

/// Adds an address.
#[utoipa::path(post, path = "/v1/customers/me/addresses", request_body = AddAddress,
    security(("session" = []), ("session_cookie" = [])),
    params(("Idempotency-Key" = Option<String>, Header, description = "A new UUID for each new address")),
    responses((status = 201, body = CustomerAddressView, description = "The address")))]
async fn add_own_address(
    State(ctx): State<Ctx>,
    session: Session,
    key: OptionalKey,
    body: Body<AddAddress>,
) -> Result<Response, Error> {
    let customer = session.customer;
    let again = async |id| address_book::show(&ctx, customer, CustomerAddressId::from_uuid(id)).await;
    let key = match key.look_up(&ctx.db, customer.to_string(), ADD, &body).await? {
        Some(Replay::Made(made)) => return Ok(answer(again(made.resource).await?, true)),
        Some(Replay::New(key)) => Some(key),
        None => None,
    };
    match (address_book::add(&ctx, customer, key.clone(), body.into_inner()).await?, key) {
        (None, Some(key)) => Ok(answer(again(replayed(&ctx.db, &key).await?.resource).await?, true)),
        (entry, _) => Ok(answer(entry.ok_or(Error::AddressNotFound)?, false)),
    }
}

/// One of the own addresses.
#[utoipa::path(get, path = "/v1/customers/me/addresses/{address}", params(("address" = CustomerAddressId, Path)),
    security(("session" = []), ("session_cookie" = [])),
    responses((status = 200, body = CustomerAddressView, description = "The address")))]
async fn get_own_address(
    State(ctx): State<Ctx>,
    session: Session,
    Path(address): Path<CustomerAddressId>,
) -> Result<Json<CustomerAddressView>, Error> {
    address_book::show(&ctx, session.customer, address).await.map(Json)
}

/// Changes one of the own addresses.
#[utoipa::path(patch, path = "/v1/customers/me/addresses/{address}", request_body = ChangeAddress,
    params(("address" = CustomerAddressId, Path)), security(("session" = []), ("session_cookie" = [])),
    responses((status = 200, body = CustomerAddressView, description = "The address as it is now")))]
async fn change_own_address(
    State(ctx): State<Ctx>,
    session: Session,
    Path(address): Path<CustomerAddressId>,
    body: Body<ChangeAddress>,
) -> Result<Json<CustomerAddressView>, Error> {
    address_book::change(&ctx, session.customer, address, body.into_inner()).await.map(Json)
}

/// Removes one of the own addresses. Orders keep the copies they have.
#[utoipa::path(delete, path = "/v1/customers/me/addresses/{address}", params(("address" = CustomerAddressId, Path)),
    security(("session" = []), ("session_cookie" = [])),
    responses((status = 204, description = "It is gone")))]
async fn remove_own_address(
    State(ctx): State<Ctx>,
    session: Session,
    Path(address): Path<CustomerAddressId>,
) -> Result<StatusCode, Error> {
    address_book::remove(&ctx, session.customer, address).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn answer(entry: CustomerAddressView, repeat: bool) -> Response {
    created(&format!("/v1/customers/me/addresses/{}", entry.id), entry, repeat)
}
