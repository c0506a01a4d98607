//! Bodies, queries and paths. What can't be read is refused with the field and the mend.

use std::borrow::Cow;
use std::ops::Deref;

use axum::body::{Bytes, HttpBody};
use axum::extract::{FromRequest, FromRequestParts, OptionalFromRequest, Request, rejection::BytesRejection};
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use garde::Validate;
use serde::de::DeserializeOwned;

use crate::Problem;
use crate::problem::{FieldProblem, Kind};

/// A JSON body, read and valid. Unknown fields are refused where `T` says so
/// (`#[serde(deny_unknown_fields)]`, which every body has).
#[derive(Debug)]
pub struct Body<T> {
    pub value: T,
    bytes: Bytes,
}

impl<T> Body<T> {
    /// SHA-256 of the body as it came, for idempotency.
    pub fn sha256(&self) -> String {
        crate::auth::sha256_hex(&self.bytes)
    }

    pub fn into_inner(self) -> T {
        self.value
    }
}

impl<T> Deref for Body<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.value
    }
}

impl<S: Send + Sync, T: DeserializeOwned + Validate<Context = ()>> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        must_be_json(&request)?;
        let bytes = Bytes::from_request(request, state).await.map_err(|rejection| unreadable(&rejection))?;
        Ok(Self { value: read(&bytes)?, bytes })
    }
}

/// For routes whose body may be left out: nothing, or `null`, is `None`.
impl<S: Send + Sync, T: DeserializeOwned + Validate<Context = ()>> OptionalFromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Option<Self>, Problem> {
        if request.body().is_end_stream() {
            return Ok(None);
        }
        must_be_json(&request)?;
        let bytes = Bytes::from_request(request, state).await.map_err(|rejection| unreadable(&rejection))?;
        match bytes.trim_ascii() {
            b"" | b"null" => Ok(None),
            _ => Ok(Some(Self { value: read(&bytes)?, bytes })),
        }
    }
}

fn must_be_json(request: &Request) -> Result<(), Problem> {
    let json = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    if json.is_some_and(|kind| kind.starts_with("application/json") || kind.contains("+json")) {
        return Ok(());
    }
    let detail = "send the body as JSON with `Content-Type: application/json`";
    Err(Problem::new(Kind::MediaType, "request.media_type", detail))
}

fn unreadable(rejection: &BytesRejection) -> Problem {
    let text = rejection.body_text();
    if rejection.status().as_u16() == 413 {
        Problem::new(Kind::TooLarge, "request.too_large", "the body is larger than this shop takes")
    } else {
        Problem::new(Kind::Malformed, "request.malformed", format!("the body could not be read: {text}"))
    }
}

fn read<T: DeserializeOwned + Validate<Context = ()>>(bytes: &[u8]) -> Result<T, Problem> {
    refuse_nul(bytes)?;
    // serde would read a list as the fields of a struct, in their order.
    if bytes.trim_ascii_start().starts_with(b"[") {
        return Err(misshapen("", "is a list: send a JSON object"));
    }
    let bytes = whole_numbers(bytes);
    let mut json = serde_json::Deserializer::from_slice(&bytes);
    let value: T = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let pointer = pointer(&error.path().to_string());
        let inner = error.into_inner();
        if inner.is_data() {
            misshapen(pointer, without_position(&inner.to_string()))
        } else {
            Problem::new(Kind::Malformed, "request.malformed", format!("the body is not JSON: {inner}"))
        }
    })?;
    json.end().map_err(|error| {
        Problem::new(Kind::Malformed, "request.malformed", format!("the body goes on after its JSON: {error}"))
    })?;
    value.validate().map_err(|report| {
        let field = |(path, error): &(garde::Path, garde::Error)| FieldProblem {
            pointer: pointer(&path.to_string()),
            detail: error.message().to_owned(),
        };
        Problem::malformed(report.iter().map(field).collect())
    })?;
    Ok(value)
}

fn misshapen(pointer: impl Into<String>, detail: &str) -> Problem {
    Problem::malformed(vec![FieldProblem { pointer: pointer.into(), detail: detail.to_owned() }])
}

/// `3.0` as `3`: JSON Schema calls both an integer, and some clients write numbers so. Texts stay as they are.
fn whole_numbers(bytes: &[u8]) -> Cow<'_, [u8]> {
    if !bytes.windows(2).any(|two| two == b".0") {
        return Cow::Borrowed(bytes);
    }
    let (mut out, mut in_text, mut at) = (Vec::with_capacity(bytes.len()), false, 0);
    while let Some(&byte) = bytes.get(at) {
        let zeros = || bytes[at + 1..].iter().take_while(|&&digit| digit == b'0').count();
        match byte {
            b'\\' if in_text => {
                out.push(byte);
                out.extend(bytes.get(at + 1));
                at += 2;
                continue;
            }
            b'"' => in_text = !in_text,
            b'.' if !in_text && zeros() > 0 => {
                let after = at + 1 + zeros();
                if !bytes.get(after).is_some_and(|next| next.is_ascii_digit() || matches!(next, b'e' | b'E')) {
                    at = after;
                    continue;
                }
            }
            _ => {}
        }
        out.push(byte);
        at += 1;
    }
    Cow::Owned(out)
}

/// PostgreSQL keeps no U+0000 in a text, so neither database gets one.
fn refuse_nul(bytes: &[u8]) -> Result<(), Problem> {
    let escaped = bytes.windows(6).any(|six| six == b"\\u0000");
    if escaped && serde_json::from_slice(bytes).is_ok_and(|value| has_nul(&value)) {
        return Err(Problem::field("", "holds a text with the character U+0000, which can't be stored"));
    }
    Ok(())
}

pub(super) fn has_nul(value: &serde_json::Value) -> bool {
    match value {
        serde_json::Value::String(text) => text.contains('\0'),
        serde_json::Value::Array(items) => items.iter().any(has_nul),
        serde_json::Value::Object(fields) => fields.iter().any(|(name, value)| name.contains('\0') || has_nul(value)),
        _ => false,
    }
}

/// `lines[0].quantity` as `/lines/0/quantity`.
fn pointer(path: &str) -> String {
    if path == "." || path.is_empty() {
        return String::new();
    }
    format!("/{}", path.replace(['.', '['], "/").replace(']', ""))
}

fn without_position(text: &str) -> &str {
    text.rfind(" at line ").map_or(text, |at| &text[..at])
}

/// Query parameters; unknown ones are refused where `T` says so.
#[derive(Debug)]
pub struct Query<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match axum::extract::Query::<T>::from_request_parts(parts, state).await {
            Ok(axum::extract::Query(value)) => Ok(Self(value)),
            Err(rejection) => {
                let text = rejection.body_text();
                let text = text.rsplit_once("query string: ").map_or(text.as_str(), |(_, text)| text);
                let (name, detail) = text.split_once(": ").unwrap_or(("query", text));
                Err(misshapen(name, detail))
            }
        }
    }
}

/// Parameters of the path. An id that is none of its kind is not found.
#[derive(Debug)]
pub struct Path<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match axum::extract::Path::<T>::from_request_parts(parts, state).await {
            Ok(axum::extract::Path(value)) => Ok(Self(value)),
            Err(rejection) => {
                let text = rejection.body_text();
                let text = text.strip_prefix("Invalid URL: ").unwrap_or(&text);
                Err(Problem::new(Kind::NotFound, "request.unknown_route", format!("there is nothing here: {text}")))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, serde::Deserialize, Validate)]
    #[serde(deny_unknown_fields)]
    struct Order {
        #[garde(dive)]
        lines: Vec<Line>,
    }

    #[derive(Debug, serde::Deserialize, Validate)]
    #[serde(deny_unknown_fields)]
    struct Line {
        #[garde(length(min = 1))]
        sku: String,
        #[garde(skip)]
        #[allow(dead_code)]
        quantity: contracts::Quantity,
    }

    fn refused(body: &str) -> Problem {
        read::<Order>(body.as_bytes()).expect_err("a refusal")
    }

    #[test]
    fn a_refusal_points_at_the_field() {
        let zero = refused(r#"{"lines":[{"sku":"a","quantity":0}]}"#);
        assert_eq!((zero.status, zero.errors[0].pointer.as_str()), (400, "/lines/0/quantity"));
        assert_eq!(zero.errors[0].detail, "a quantity is a whole number from 1 to 100000, not 0");
        let unknown = refused(r#"{"lines":[],"note":1}"#);
        assert!(unknown.detail.contains("unknown field `note`"), "{unknown}");
        let empty = refused(r#"{"lines":[{"sku":"","quantity":1}]}"#);
        assert_eq!(empty.errors[0].pointer, "/lines/0/sku");
    }

    #[test]
    fn the_character_nul_is_refused_and_its_name_is_not() {
        assert_eq!(refused(r#"{"lines":[{"sku":"a\u0000b","quantity":1}]}"#).status, 422);
        assert!(read::<Order>(br#"{"lines":[{"sku":"a\\u0000b","quantity":1}]}"#).is_ok());
    }

    #[test]
    fn a_whole_number_may_be_written_with_a_point() {
        let order: Order = read(br#"{"lines":[{"sku":"1.0 \"2.0","quantity":3.00}]}"#).expect("an order");
        assert_eq!((order.lines[0].sku.as_str(), order.lines[0].quantity.get()), ("1.0 \"2.0", 3));
        for number in ["3.5", "3.01", "3.0e1"] {
            assert_eq!(refused(&format!(r#"{{"lines":[{{"sku":"a","quantity":{number}}}]}}"#)).status, 400);
        }
    }

    #[test]
    fn what_is_not_json_is_malformed() {
        assert_eq!(refused("{").status, 400);
        assert_eq!(refused("[[]]").status, 400);
        assert_eq!(refused(r#"{"lines":[]} x"#).status, 400);
    }
}
