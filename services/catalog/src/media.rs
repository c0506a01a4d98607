//! Links to pictures.

use garde::Validate;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub const IMAGES_MAX: usize = 20;
pub const URL_CHARS_MAX: usize = 2_000;
pub const ALT_CHARS_MAX: usize = 300;

/// A picture by its address; the shop keeps no file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Image {
    /// `https://…`, `http://…`, or a path of the shop's own site that begins with `/`.
    #[garde(custom(is_link))]
    #[schema(
        example = "https://cdn.example/shirt.jpg",
        max_length = 2000,
        pattern = "^(https?://[^/\\x00-\\x20\\x7f-\\xa0]|/)[^\\x00-\\x20\\x7f-\\xa0]*$"
    )]
    pub url: String,
    /// What it shows, for who can't see it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(inner(length(chars, min = 1, max = ALT_CHARS_MAX)))]
    #[schema(example = "A linen shirt, folded", min_length = 1, max_length = 300)]
    pub alt: Option<String>,
}

impl Image {
    pub fn new(url: impl Into<String>) -> Self {
        Self { url: url.into(), alt: None }
    }
}

/// For garde: an address that a page may show a picture from; scripts hide in the other schemes.
pub fn is_link(url: &str, _: &()) -> garde::Result {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    let begins = rest.is_some_and(|rest| rest.starts_with(|first| first != '/')) || url.starts_with('/');
    let is_taken = |c: char| c > ' ' && !('\u{7f}'..='\u{a0}').contains(&c);
    if begins && url.chars().count() <= URL_CHARS_MAX && url.chars().all(is_taken) {
        return Ok(());
    }
    Err(garde::Error::new(format!(
        "is `https://…`, `http://…` or a path that begins with `/`, at most {URL_CHARS_MAX} characters without spaces"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_at_a_web_address_or_a_path() {
        for url in ["https://cdn.example/a.jpg", "http://a", "/media/a.jpg"] {
            assert!(is_link(url, &()).is_ok(), "{url}");
        }
        for url in [
            "",
            "a.jpg",
            "javascript:alert(1)",
            "data:image/png;base64,x",
            "https://",
            "https:///a",
            "/a b",
            "/a\u{85}",
        ] {
            assert!(is_link(url, &()).is_err(), "{url}");
        }
    }
}
