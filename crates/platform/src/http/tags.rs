//! `ETag` and `If-None-Match` on reads, `If-Match` on edits (RFC 9110).

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::Problem;
use crate::problem::Kind;

/// A resource with its version: answered with an ETag, or 304 where the client has it.
#[derive(Debug)]
pub struct Tagged<T> {
    etag: String,
    unchanged: bool,
    value: T,
}

impl<T> Tagged<T> {
    /// `tag` changes whenever the answer does: a version, or several joined.
    pub fn new(headers: &HeaderMap, tag: impl std::fmt::Display, value: T) -> Self {
        let etag = format!("\"{tag}\"");
        Self { unchanged: is_known(headers, &etag), etag, value }
    }
}

fn is_known(headers: &HeaderMap, etag: &str) -> bool {
    let known = headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok()).unwrap_or_default();
    known.split(',').any(|one| one.trim().trim_start_matches("W/") == etag)
}

/// The same for an answer that is kept as the bytes of its JSON, with its tag in quotes.
pub fn tagged_bytes(asked: &HeaderMap, etag: HeaderValue, json: Bytes) -> Response {
    let is_known = asked.contains_key(header::IF_NONE_MATCH) && is_known(asked, etag.to_str().unwrap_or_default());
    let mut response = Response::new(if is_known { Body::empty() } else { Body::from(json) });
    let headers = response.headers_mut();
    headers.insert(header::ETAG, etag);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    if is_known {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
    } else {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    response
}

impl<T: Serialize> IntoResponse for Tagged<T> {
    fn into_response(self) -> Response {
        let headers = [(header::ETAG, self.etag), (header::CACHE_CONTROL, "no-cache".to_owned())];
        if self.unchanged {
            (StatusCode::NOT_MODIFIED, headers).into_response()
        } else {
            (headers, Json(self.value)).into_response()
        }
    }
}

/// What no version is: a tag that this shop never gave matches nothing.
const NEVER: i64 = -1;

/// The version that an edit was made on: `If-Match: "3"`. Missing: 428.
#[derive(Debug, Clone, Copy)]
pub struct IfMatch(pub i64);

impl<S: Send + Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let detail = "send the ETag that you read as `If-Match`, so that nobody's change is lost";
        let text = parts.headers.get(header::IF_MATCH).and_then(|value| value.to_str().ok());
        let text = text.ok_or_else(|| Problem::new(Kind::Required, "request.if_match_required", detail))?;
        let version = text
            .trim()
            .trim_start_matches("W/")
            .trim_matches('"')
            .split('.')
            .next()
            .and_then(|version| version.parse().ok());
        Ok(Self(version.unwrap_or(NEVER)))
    }
}
