//! Problems: every refusal of every service, as RFC 9457 problem details with a stable `code`.
//!
//! A service declares what it refuses with [`errors!`](crate::errors); kinds become HTTP statuses
//! here and nowhere else.

use std::borrow::Cow;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A refusal, ready for the wire: `application/problem+json`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema, thiserror::Error)]
#[error("{code}: {detail}")]
pub struct Problem {
    /// Always `about:blank`: `code` says what kind of problem it is.
    #[serde(rename = "type")]
    pub kind: Cow<'static, str>,
    /// The HTTP status's own phrase.
    pub title: Cow<'static, str>,
    pub status: u16,
    /// Stable; programs decide by it. `docs/errors.md` lists all.
    #[schema(example = "orders.cart_empty")]
    pub code: Cow<'static, str>,
    /// For a person: what is wrong and how to mend it.
    pub detail: String,
    /// The fields at fault, by JSON pointer (RFC 6901).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldProblem>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// Seconds after which the same request may succeed; also the `Retry-After` header.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_seconds: Option<u64>,
    /// What the client needs to go on, such as the new totals.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub context: Option<serde_json::Value>,
    /// Why, for the log only.
    #[serde(skip)]
    pub cause: Option<String>,
}

/// One field at fault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FieldProblem {
    /// JSON pointer into the body, or the name of a query parameter or header.
    #[schema(example = "/lines/0/quantity")]
    pub pointer: String,
    pub detail: String,
}

/// A code that a service can answer; for `docs/errors.md` and the freeze.
#[derive(Debug, Clone, Copy)]
pub struct ErrorCode {
    pub code: &'static str,
    pub status: u16,
    pub about: &'static str,
}

/// What kind of refusal it is; each has one HTTP status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// 400: not as the API's document says: no JSON, a field of the wrong shape, an unknown one.
    Malformed,
    /// 401
    Unauthenticated,
    /// 403
    Forbidden,
    /// 404, also for what is somebody else's.
    NotFound,
    /// 405
    MethodNotAllowed,
    /// 409: right in itself, not in this state.
    Conflict,
    /// 412: `If-Match` names another version.
    Stale,
    /// 413
    TooLarge,
    /// 415
    MediaType,
    /// 422: shaped as it should be, but a field can't be taken: it names what is not there, or does not fit the rest.
    Invalid,
    /// 428: a required header is missing.
    Required,
    /// 429
    TooMany,
    /// 500: our defect.
    Internal,
    /// 503: try again.
    Unavailable,
}

impl Kind {
    pub const fn status(self) -> u16 {
        match self {
            Self::Malformed => 400,
            Self::Unauthenticated => 401,
            Self::Forbidden => 403,
            Self::NotFound => 404,
            Self::MethodNotAllowed => 405,
            Self::Conflict => 409,
            Self::Stale => 412,
            Self::TooLarge => 413,
            Self::MediaType => 415,
            Self::Invalid => 422,
            Self::Required => 428,
            Self::TooMany => 429,
            Self::Internal => 500,
            Self::Unavailable => 503,
        }
    }
}

/// Declares what a service refuses: one enum, with code, kind and text of each.
///
/// ```text
/// platform::errors! {
///     /// The cart holds no line: add one first.
///     CartEmpty => Conflict "orders.cart_empty" "the cart is empty: add a line before ordering";
///     /// …
///     PriceChanged { total: Money } => Conflict "orders.price_changed" "the total is now {total}";
/// }
/// ```
/// makes `pub enum Error` with those variants, `Error::Store` and `Error::Problem` (what a call or the
/// platform refused), `From<Error> for Problem`, and `pub const CODES`.
#[macro_export]
macro_rules! errors {
    ($($(#[doc = $about:literal])+ $name:ident $({ $($field:ident: $ty:ty),+ $(,)? })? => $kind:ident $code:literal $text:literal;)*) => {
        /// What this service refuses, and what it passes on.
        #[derive(Debug, $crate::thiserror::Error)]
        pub enum Error {
            $($(#[doc = $about])+ #[error($text)] $name $({ $($field: $ty),+ })?,)*
            #[error(transparent)]
            Store(#[from] store::Error),
            #[error(transparent)]
            Problem(#[from] $crate::Problem),
        }

        impl From<Error> for $crate::Problem {
            fn from(error: Error) -> Self {
                let text = error.to_string();
                match error {
                    $(Error::$name $({ $($field: _),+ })? => $crate::Problem::new($crate::problem::Kind::$kind, $code, text),)*
                    Error::Store(error) => error.into(),
                    Error::Problem(problem) => problem,
                }
            }
        }

        impl axum::response::IntoResponse for Error {
            fn into_response(self) -> axum::response::Response {
                $crate::Problem::from(self).into_response()
            }
        }

        /// Every code of this service.
        pub const CODES: &[$crate::ErrorCode] = &[$($crate::ErrorCode {
            code: $code,
            status: $crate::problem::Kind::$kind.status(),
            about: concat!($($about),+),
        }),*];
    };
}

/// Codes that every service can answer.
pub const CODES: &[ErrorCode] = &[
    ErrorCode {
        code: "request.malformed",
        status: 400,
        about: " The body is not JSON, or a field, header or parameter is not shaped as the document says; `errors` names each.",
    },
    ErrorCode {
        code: "request.unauthenticated",
        status: 401,
        about: " No key, or one that is not known or was revoked.",
    },
    ErrorCode { code: "request.forbidden", status: 403, about: " The key's role lacks the permission." },
    ErrorCode {
        code: "request.cross_site",
        status: 403,
        about: " A change that is signed by a cookie did not come from a page of the shop.",
    },
    ErrorCode { code: "request.unknown_route", status: 404, about: " No such route." },
    ErrorCode {
        code: "request.method_not_allowed",
        status: 405,
        about: " The route knows other methods; `Allow` names them.",
    },
    ErrorCode {
        code: "request.key_in_flight",
        status: 409,
        about: " A request with this Idempotency-Key is still running.",
    },
    ErrorCode {
        code: "request.key_reused",
        status: 409,
        about: " This Idempotency-Key came with another body before.",
    },
    ErrorCode { code: "request.too_large", status: 413, about: " The body is larger than `server.body_bytes_max`." },
    ErrorCode { code: "request.media_type", status: 415, about: " The body must be `application/json`." },
    ErrorCode {
        code: "request.invalid",
        status: 422,
        about: " A field is well shaped but can't be taken here; `errors` names each.",
    },
    ErrorCode { code: "request.key_required", status: 428, about: " The route needs an Idempotency-Key header." },
    ErrorCode {
        code: "request.if_match_required",
        status: 428,
        about: " The route needs an If-Match header with the ETag that was read.",
    },
    ErrorCode {
        code: "internal",
        status: 500,
        about: " A defect of ours; the log has the cause under the request id.",
    },
    ErrorCode {
        code: "unavailable",
        status: 503,
        about: " A part is down or full; the same request may succeed in a moment.",
    },
    ErrorCode {
        code: "request.timeout",
        status: 503,
        about: " The request took longer than `server.request_seconds_max`.",
    },
];

impl Problem {
    pub fn new(kind: Kind, code: &'static str, detail: impl Into<String>) -> Self {
        let status = kind.status();
        let title = StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason()).unwrap_or("Error");
        Self {
            kind: Cow::Borrowed("about:blank"),
            title: Cow::Borrowed(title),
            status,
            code: Cow::Borrowed(code),
            detail: detail.into(),
            errors: Vec::new(),
            request_id: None,
            retry_after_seconds: (status == 503).then_some(1),
            context: None,
            cause: None,
        }
    }

    /// 422 for one field that is well shaped and can't be taken.
    pub fn field(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::fields(vec![FieldProblem { pointer: pointer.into(), detail: detail.into() }])
    }

    /// 422 for several fields.
    pub fn fields(errors: Vec<FieldProblem>) -> Self {
        Self::naming(Kind::Invalid, "request.invalid", errors)
    }

    /// 400 for fields that are not shaped as the document says.
    pub fn malformed(errors: Vec<FieldProblem>) -> Self {
        Self::naming(Kind::Malformed, "request.malformed", errors)
    }

    fn naming(kind: Kind, code: &'static str, errors: Vec<FieldProblem>) -> Self {
        let named: Vec<String> = errors.iter().map(|field| format!("{} {}", field.pointer, field.detail)).collect();
        Self { errors, ..Self::new(kind, code, named.join("; ")) }
    }

    /// 500; the cause goes to the log and not to the client.
    pub fn internal(cause: impl Into<String>) -> Self {
        let detail = "something went wrong on our side; the request id finds it in our log";
        Self { cause: Some(cause.into()), ..Self::new(Kind::Internal, "internal", detail) }
    }

    /// 503; the cause goes to the log and not to the client.
    pub fn unavailable(cause: impl Into<String>) -> Self {
        let detail = "a part of the shop is not available right now: try again in a moment";
        Self { cause: Some(cause.into()), ..Self::new(Kind::Unavailable, "unavailable", detail) }
    }

    pub fn with_context(self, context: impl Serialize) -> Self {
        Self { context: serde_json::to_value(context).ok(), ..self }
    }

    pub fn is_unavailable(&self) -> bool {
        self.status == 503
    }
}

impl From<store::Error> for Problem {
    fn from(error: store::Error) -> Self {
        if error.is_unavailable() { Self::unavailable(error.to_string()) } else { Self::internal(error.to_string()) }
    }
}

impl IntoResponse for Problem {
    fn into_response(mut self) -> Response {
        self.request_id = crate::http::request_id();
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        match (&self.cause, status.is_server_error()) {
            (Some(cause), true) => tracing::error!(code = %self.code, %cause, "refused"),
            (None, true) => tracing::error!(code = %self.code, detail = %self.detail, "refused"),
            (_, false) => tracing::debug!(code = %self.code, detail = %self.detail, "refused"),
        }
        let body = serde_json::to_vec(&self).unwrap_or_default();
        let mut response = (status, [(header::CONTENT_TYPE, "application/problem+json")], body).into_response();
        if status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(seconds) = self.retry_after_seconds {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}
