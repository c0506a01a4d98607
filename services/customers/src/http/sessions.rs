//! Logging in and out, and the keys by which access tokens are checked.

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use contracts::customers::{CustomerId, SessionId, SigningKeys};
use garde::Validate;
use jiff::Timestamp;
use platform::auth::{cookie, must_be_same_origin, tokens::ACCESS_SECONDS};
use platform::http::Body;
use platform::{ClientAddress, Ctx, OptionalSession, Session};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::cookies::{self, REFRESH_COOKIE};
use crate::desk::Desk;
use crate::log_in::Tokens;
use crate::password::{self, Password};
use crate::{Error, log_in, log_out, refresh};

/// Verifiers ask again after so long, and for a key that they have not seen.
const KEYS_CACHED: &str = "public, max-age=300";

pub fn routes() -> OpenApiRouter<Ctx> {
    OpenApiRouter::new()
        .routes(routes!(create_session, end_all_sessions))
        .routes(routes!(refresh_session))
        .routes(routes!(end_session))
        .routes(routes!(get_signing_keys))
}

/// Logs in.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
struct CreateSession {
    #[garde(length(chars, min = 3, max = 254))]
    #[schema(format = "email", min_length = 3, max_length = 254, example = "ada@example.com")]
    email: String,
    #[garde(custom(password::is_short_enough))]
    #[schema(value_type = String, format = "password", max_length = 256, example = "correct horse battery staple")]
    password: Password,
    /// For browsers: the tokens come as cookies that no script can read, and not in the body.
    #[serde(default)]
    #[garde(skip)]
    cookies: bool,
}

/// Renews a session.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
struct RefreshSession {
    /// Left out by browsers that have it in a cookie.
    #[garde(inner(length(chars, max = 200)))]
    #[schema(max_length = 200)]
    refresh_token: Option<String>,
}

/// A session and its tokens; those are not here where they are in cookies.
#[derive(Debug, Serialize, ToSchema)]
struct SessionTokens {
    id: SessionId,
    customer: CustomerId,
    /// Send it as `Authorization: Bearer <access_token>`.
    #[serde(skip_serializing_if = "Option::is_none")]
    access_token: Option<String>,
    /// Works once, at `POST /v1/sessions/refresh`.
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<String>,
    /// Seconds for which the access token works.
    #[schema(example = 600)]
    expires_in: i64,
    /// When the session ends if it is not refreshed before.
    session_expires_at: Timestamp,
}

/// Logs in. Wrong passwords slow down the account and the network address that they come from.
#[utoipa::path(post, path = "/v1/sessions", request_body = CreateSession,
    responses((status = 201, body = SessionTokens, description = "A session; with `cookies`, its tokens are in `souk_access` and `souk_refresh`")))]
async fn create_session(
    State(ctx): State<Ctx>,
    Extension(desk): Extension<Desk>,
    from: ClientAddress,
    method: Method,
    headers: HeaderMap,
    body: Body<CreateSession>,
) -> Result<Response, Error> {
    let CreateSession { email, password, cookies } = body.into_inner();
    if cookies {
        must_be_same_origin(&method, &headers, &ctx.config.server)?;
    }
    let tokens = log_in::log_in(&ctx, &desk, from, &email, password).await?;
    Ok(answer(&ctx, StatusCode::CREATED, tokens, cookies))
}

/// Renews a session: a new access token, and the next refresh token. Each works once; one that comes again
/// later ends its session, for it was stolen.
#[utoipa::path(post, path = "/v1/sessions/refresh", request_body = RefreshSession,
    responses((status = 200, body = SessionTokens, description = "The session with new tokens, the way the old one came")))]
async fn refresh_session(
    State(ctx): State<Ctx>,
    Extension(desk): Extension<Desk>,
    method: Method,
    headers: HeaderMap,
    body: Body<RefreshSession>,
) -> Result<Response, Error> {
    let (token, cookies) = match (&body.refresh_token, cookie(&headers, REFRESH_COOKIE)) {
        (Some(token), _) => (token.as_str(), false),
        (None, Some(token)) => (token, true),
        (None, None) => return Err(Error::SessionOver),
    };
    if cookies {
        must_be_same_origin(&method, &headers, &ctx.config.server)?;
    }
    let tokens = refresh::refresh(&ctx, &desk, token).await?;
    Ok(answer(&ctx, StatusCode::OK, tokens, cookies))
}

/// Logs out: the session's tokens stop working at once. A browser whose access token has run out logs out by
/// its other cookie.
#[utoipa::path(delete, path = "/v1/sessions/current", security(("session" = []), ("session_cookie" = [])),
    responses((status = 204, description = "Logged out")))]
async fn end_session(
    State(ctx): State<Ctx>,
    OptionalSession(session): OptionalSession,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, Error> {
    match (session, cookie(&headers, REFRESH_COOKIE)) {
        (Some(session), _) => log_out::log_out(&ctx, session).await?,
        (None, Some(token)) => {
            must_be_same_origin(&method, &headers, &ctx.config.server)?;
            log_out::log_out_with(&ctx, token).await?;
        }
        (None, None) => return Err(Error::SessionOver),
    }
    Ok(logged_out(&ctx))
}

/// Logs out everywhere: every session of the customer ends at once.
#[utoipa::path(delete, path = "/v1/sessions", security(("session" = []), ("session_cookie" = [])),
    responses((status = 204, description = "Logged out everywhere")))]
async fn end_all_sessions(State(ctx): State<Ctx>, session: Session) -> Result<Response, Error> {
    log_out::log_out_everywhere(&ctx, session.customer).await?;
    Ok(logged_out(&ctx))
}

/// The public keys of access tokens, as a JSON Web Key Set (RFC 7517).
#[utoipa::path(get, path = "/.well-known/jwks.json",
    responses((status = 200, body = SigningKeys, description = "The keys, the one that signs first")))]
async fn get_signing_keys(Extension(desk): Extension<Desk>) -> Response {
    let cached = HeaderValue::from_static(KEYS_CACHED);
    ([(header::CACHE_CONTROL, cached)], Json(desk.signer.public())).into_response()
}

fn answer(ctx: &Ctx, status: StatusCode, tokens: Tokens, cookies: bool) -> Response {
    let mut headers = HeaderMap::new();
    cookies::no_store(&mut headers);
    if cookies {
        cookies::set(&mut headers, &ctx.config.server, &tokens, ctx.clock.now());
    }
    let body = SessionTokens {
        id: tokens.session,
        customer: tokens.customer,
        access_token: (!cookies).then_some(tokens.access),
        refresh_token: (!cookies).then_some(tokens.refresh),
        expires_in: ACCESS_SECONDS,
        session_expires_at: tokens.expires_at,
    };
    (status, headers, Json(body)).into_response()
}

fn logged_out(ctx: &Ctx) -> Response {
    let mut headers = HeaderMap::new();
    cookies::clear(&mut headers, &ctx.config.server);
    (StatusCode::NO_CONTENT, headers).into_response()
}
