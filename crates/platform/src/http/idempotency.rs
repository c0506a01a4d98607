//! `Idempotency-Key`: the same key and body make one thing; a repeat answers with that thing now.

use axum::Json;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use store::Db;
use store::idempotency::{self, Key, Made};

use super::Body;
use crate::Problem;
use crate::problem::{FieldProblem, Kind};

const HEADER: &str = "idempotency-key";
const KEY_BYTES_MAX: usize = 255;

/// A key that the route needs (orders, payments, refunds, shipments).
#[derive(Debug, Clone)]
pub struct RequiredKey(String);

/// A key that a creating route takes if it is sent.
#[derive(Debug, Clone)]
pub struct OptionalKey(Option<String>);

/// What to do about a key.
#[derive(Debug)]
pub enum Replay {
    /// Nothing was made with it yet: go on, and claim this in the transaction.
    New(Key),
    /// It made this before: show it as it is now.
    Made(Made),
}

impl RequiredKey {
    /// Looks the key up. `principal` says whose keys they are, `route` is `POST /v1/orders`.
    pub async fn look_up<T>(
        &self,
        db: &Db,
        principal: impl Into<String>,
        route: &'static str,
        body: &Body<T>,
    ) -> Result<Replay, Problem> {
        let key = Key { principal: principal.into(), route, key: self.0.clone(), body_sha256: body.sha256() };
        look_up(db, key).await
    }
}

impl OptionalKey {
    /// As [`RequiredKey::look_up`]; `None` without a key.
    pub async fn look_up<T>(
        &self,
        db: &Db,
        principal: impl Into<String>,
        route: &'static str,
        body: &Body<T>,
    ) -> Result<Option<Replay>, Problem> {
        match &self.0 {
            Some(key) => RequiredKey(key.clone()).look_up(db, principal, route, body).await.map(Some),
            None => Ok(None),
        }
    }
}

async fn look_up(db: &Db, key: Key) -> Result<Replay, Problem> {
    match idempotency::find(db, &key).await? {
        None => Ok(Replay::New(key)),
        Some(made) if made.body_sha256 == key.body_sha256 => Ok(Replay::Made(made)),
        Some(_) => Err(reused()),
    }
}

fn reused() -> Problem {
    let detail = "this Idempotency-Key was sent with another body before: send a new key for a new request";
    Problem::new(Kind::Conflict, "request.key_reused", detail)
}

/// After a lost claim (`idempotency::claim` answered `false`): what the faster request made.
pub async fn replayed(db: &Db, key: &Key) -> Result<Made, Problem> {
    match idempotency::find(db, key).await? {
        Some(made) if made.body_sha256 == key.body_sha256 => Ok(made),
        Some(_) => Err(reused()),
        None => {
            let detail = "a request with this Idempotency-Key is still running: ask again in a moment";
            let problem = Problem::new(Kind::Conflict, "request.key_in_flight", detail);
            Err(Problem { retry_after_seconds: Some(1), ..problem })
        }
    }
}

/// The answer to a creating request: its status, `Location`, and `Idempotent-Replayed: true` on a repeat.
pub fn created(location: &str, value: impl Serialize, repeat: bool) -> Response {
    let mut response = (StatusCode::CREATED, Json(value)).into_response();
    if let Ok(location) = HeaderValue::from_str(location) {
        response.headers_mut().insert(axum::http::header::LOCATION, location);
    }
    if repeat {
        response.headers_mut().insert("idempotent-replayed", HeaderValue::from_static("true"));
    }
    response
}

impl<S: Send + Sync> FromRequestParts<S> for OptionalKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let Some(value) = parts.headers.get(HEADER) else {
            return Ok(Self(None));
        };
        let is_key = |text: &&str| {
            (1..=KEY_BYTES_MAX).contains(&text.len()) && text.bytes().all(|byte| (b' '..=b'~').contains(&byte))
        };
        let text = value.to_str().ok().filter(is_key);
        let text = text.ok_or_else(|| {
            let detail = format!("is 1 to {KEY_BYTES_MAX} printable ASCII characters, such as a UUID");
            Problem::malformed(vec![FieldProblem { pointer: "Idempotency-Key".to_owned(), detail }])
        })?;
        Ok(Self(Some(text.to_owned())))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for RequiredKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let OptionalKey(key) = OptionalKey::from_request_parts(parts, state).await?;
        let detail = "send an `Idempotency-Key` header with a new UUID for each new request, and the same one when you repeat it";
        key.map(Self).ok_or_else(|| Problem::new(Kind::Required, "request.key_required", detail))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_key_is_what_the_document_says_it_is() {
        let read = async |text: &str| {
            let request = axum::http::Request::post("/").header(HEADER, text).body(()).expect("a request");
            OptionalKey::from_request_parts(&mut request.into_parts().0, &()).await.map(|key| key.0)
        };
        for right in ["0190-~!", "two words"] {
            assert_eq!(read(right).await.expect("a key").as_deref(), Some(right));
        }
        for wrong in ["", "a\tb", &"a".repeat(KEY_BYTES_MAX + 1)] {
            assert_eq!(read(wrong).await.map_err(|problem| problem.code).expect_err(wrong), "request.malformed");
        }
    }
}
