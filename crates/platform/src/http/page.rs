//! Lists: `limit`, opaque `cursor`, and `{ "items": […], "next": "…" | null }`.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use utoipa::{IntoParams, ToSchema};

use super::body::has_nul;
use crate::Problem;
use crate::problem::FieldProblem;

pub const LIMIT_MAX: i64 = 100;
pub const LIMIT_DEFAULT: i64 = 20;

/// Which part of a list.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Page {
    /// How many items: 1 to 100, 20 if not said.
    #[param(minimum = 1, maximum = 100)]
    pub limit: Option<i64>,
    /// The `next` of the page before.
    pub cursor: Option<String>,
}

impl Page {
    pub fn limit(&self) -> Result<i64, Problem> {
        match self.limit.unwrap_or(LIMIT_DEFAULT) {
            limit @ 1..=LIMIT_MAX => Ok(limit),
            other => {
                let detail = format!("is a whole number from 1 to {LIMIT_MAX}, not {other}");
                Err(Problem::malformed(vec![FieldProblem { pointer: "limit".to_owned(), detail }]))
            }
        }
    }

    /// The place in the list that the cursor names; `None` at its beginning.
    pub fn after<T: DeserializeOwned>(&self) -> Result<Option<T>, Problem> {
        let Some(text) = &self.cursor else { return Ok(None) };
        let bytes = URL_SAFE_NO_PAD.decode(text).ok();
        let value = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        // Anybody may write a cursor, and PostgreSQL compares with no U+0000.
        let place = value.filter(|value| !has_nul(value)).and_then(|value| serde_json::from_value(value).ok());
        place.map(Some).ok_or_else(|| Problem::field("cursor", "is not a `next` of this list"))
    }
}

/// Makes cursors.
#[derive(Debug)]
pub struct Cursor;

impl Cursor {
    pub fn encode(place: &impl Serialize) -> String {
        URL_SAFE_NO_PAD.encode(serde_json::to_vec(place).expect("a place in a list is plain data"))
    }
}

/// A page of a list.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct List<T> {
    pub items: Vec<T>,
    /// Send it as `cursor` for the next page; null on the last.
    pub next: Option<String>,
}

impl<T> List<T> {
    /// From up to `limit + 1` rows: the one too many says that there is a next page.
    pub fn of<P: Serialize>(mut items: Vec<T>, limit: i64, place: impl Fn(&T) -> P) -> Self {
        let limit = usize::try_from(limit).unwrap_or(0);
        let more = items.len() > limit;
        items.truncate(limit);
        let next = if more { items.last().map(|last| Cursor::encode(&place(last))) } else { None };
        Self { items, next }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after<T: DeserializeOwned>(place: &impl Serialize) -> Result<Option<T>, Problem> {
        Page { limit: None, cursor: Some(Cursor::encode(place)) }.after()
    }

    #[test]
    fn a_cursor_reads_back_as_the_place_it_names() {
        assert_eq!(
            after::<(String, i64)>(&("a\\u0000", i64::MIN)).expect("a place"),
            Some(("a\\u0000".to_owned(), i64::MIN))
        );
        assert_eq!(Page::default().after::<String>().expect("the beginning"), None);
    }

    #[test]
    fn a_cursor_that_nobody_was_given_is_refused() {
        assert!(after::<i64>(&"a").is_err());
        for text in ["", "?", "e30=", "bm90IGpzb24"] {
            let page = Page { limit: None, cursor: Some(text.to_owned()) };
            assert_eq!(page.after::<String>().expect_err(text).errors[0].pointer, "cursor");
        }
        assert!(after::<String>(&"a\0").is_err());
        assert!(after::<(String, i64)>(&("a\0", 1)).is_err());
        assert!(after::<serde_json::Value>(&serde_json::json!({ "a": ["\0"] })).is_err());
    }
}
