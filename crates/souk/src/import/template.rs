//! Templates: `"{brand} {product_type}"` says how a text is made of a row's fields.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::{Map, Value};

/// The fields of one row.
pub type Fields = Map<String, Value>;

/// Where a template looks: the fields at hand, then those of the row around them; `{row.name}` means the latter.
/// Around a variant that is an entry of a row's list lies its row; around a following row of a product, its first.
#[derive(Debug, Clone, Copy)]
pub struct Scope<'a> {
    own: &'a Fields,
    row: Option<&'a Fields>,
}

impl<'a> Scope<'a> {
    pub fn of(row: &'a Fields) -> Self {
        Self { own: row, row: None }
    }

    pub fn within(own: &'a Fields, row: &'a Fields) -> Self {
        Self { own, row: Some(row) }
    }

    /// The field of that name, else the one that the dots lead to.
    pub fn look_up(self, path: &str) -> Option<&'a Value> {
        let around = || {
            let row = self.row.unwrap_or(self.own);
            look_up(row, path).or_else(|| look_up(row, path.strip_prefix("row.")?))
        };
        look_up(self.own, path).or_else(around)
    }
}

/// A text with `{field}` in it. `{attrs.width}` looks into an object, `{a|b}` is the first that says something, and
/// `{{` and `}}` are braces.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Template {
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    /// Paths, the preferred first.
    Field(Vec<String>),
}

impl Template {
    /// The text of a row, trimmed. A field that is missing or null is empty; a list is joined by `, `.
    /// Where several parts are joined, what an empty one leaves (two spaces) becomes one.
    pub fn text(&self, scope: Scope<'_>) -> String {
        match self.parts.as_slice() {
            [part] => part.text(scope).trim().to_owned(),
            parts => {
                let text: String = parts.iter().map(|part| part.text(scope)).collect();
                text.split_whitespace().collect::<Vec<_>>().join(" ")
            }
        }
    }

    /// As [`Template::text`], but a field that stands alone keeps its type; `None` where there is nothing.
    pub fn value(&self, scope: Scope<'_>) -> Option<Value> {
        if let [Part::Field(paths)] = self.parts.as_slice() {
            return first_said(paths, scope).cloned();
        }
        Some(self.text(scope)).filter(|text| !text.is_empty()).map(Value::String)
    }

    /// Each field it reads, with what stands in for it.
    pub fn fields(&self) -> impl Iterator<Item = &[String]> {
        self.parts.iter().filter_map(|part| match part {
            Part::Field(paths) => Some(paths.as_slice()),
            Part::Text(_) => None,
        })
    }

    /// The text that is the same for every row.
    pub fn constant(&self) -> Option<&str> {
        match self.parts.as_slice() {
            [] => Some(""),
            [Part::Text(text)] => Some(text.trim()),
            _ => None,
        }
    }
}

impl Part {
    fn text<'a>(&'a self, scope: Scope<'a>) -> Cow<'a, str> {
        match self {
            Self::Text(text) => Cow::Borrowed(text),
            Self::Field(paths) => first_said(paths, scope).map(text_of).unwrap_or_default(),
        }
    }
}

fn first_said<'a>(paths: &[String], scope: Scope<'a>) -> Option<&'a Value> {
    paths.iter().filter_map(|path| scope.look_up(path)).find(|value| !is_empty(value))
}

impl TryFrom<String> for Template {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let (mut parts, mut plain) = (Vec::new(), String::new());
        let mut rest = text.as_str();
        while let Some(at) = rest.find(['{', '}']) {
            plain.push_str(&rest[..at]);
            rest = &rest[at..];
            if let Some(after) = rest.strip_prefix("{{").or_else(|| rest.strip_prefix("}}")) {
                plain.push_str(&rest[..1]);
                rest = after;
                continue;
            }
            let named = rest.strip_prefix('{').and_then(|rest| rest.split_once('}'));
            let (names, after) =
                named.ok_or_else(|| format!("`{text}`: write `{{field}}`, or `{{{{` and `}}}}` for braces"))?;
            let paths: Vec<String> = names.split('|').map(|name| name.trim().to_owned()).collect();
            if names.contains('{') || paths.iter().any(String::is_empty) {
                return Err(format!("`{text}`: `{{{names}}}` names no field"));
            }
            if !plain.is_empty() {
                parts.push(Part::Text(std::mem::take(&mut plain)));
            }
            parts.push(Part::Field(paths));
            rest = after;
        }
        plain.push_str(rest);
        if !plain.is_empty() {
            parts.push(Part::Text(plain));
        }
        Ok(Self { parts })
    }
}

fn look_up<'a>(row: &'a Fields, path: &str) -> Option<&'a Value> {
    if let Some(value) = row.get(path) {
        return Some(value);
    }
    let (first, rest) = path.split_once('.')?;
    look_up(row.get(first)?.as_object()?, rest)
}

/// Null, an empty text, or a list or object of nothing.
pub fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.trim().is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(entries) => entries.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

/// As a person would write it.
pub fn text_of(value: &Value) -> Cow<'_, str> {
    match value {
        Value::Null => Cow::Borrowed(""),
        Value::String(text) => Cow::Borrowed(text),
        Value::Array(items) => {
            Cow::Owned(items.iter().filter(|item| !is_empty(item)).map(text_of).collect::<Vec<_>>().join(", "))
        }
        Value::Bool(_) | Value::Number(_) | Value::Object(_) => Cow::Owned(value.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row() -> Fields {
        let row = serde_json::json!({ "id": 7, "brand": null, "type": " Ink\n tank ", "ean": ["1", "2"], "attrs": { "width": 56.0 }, "a.b": "dotted" });
        row.as_object().expect("an object").clone()
    }

    fn template(text: &str) -> Template {
        Template::try_from(text.to_owned()).expect("a template")
    }

    #[test]
    fn a_template_composes_the_fields_of_a_row() {
        let text = |text: &str| template(text).text(Scope::of(&row()));
        assert_eq!(text("icecat-{id}"), "icecat-7");
        assert_eq!(text("{brand} {type} {attrs.width} mm"), "Ink tank 56.0 mm");
        assert_eq!(text("{type}"), "Ink\n tank");
        assert_eq!(text("{ean}"), "1, 2");
        assert_eq!(text("{a.b}{nothing}"), "dotted");
        assert_eq!(text("{{{id}}}"), "{7}");
        assert_eq!(text("{nothing|brand|type}!"), "Ink tank !");
    }

    #[test]
    fn a_field_that_stands_alone_keeps_its_type() {
        let value = |text: &str| template(text).value(Scope::of(&row()));
        assert_eq!(value("{ean}"), Some(serde_json::json!(["1", "2"])));
        assert_eq!(value("{brand|attrs.width}"), Some(serde_json::json!(56.0)));
        assert_eq!(value("{brand}"), None);
    }

    #[test]
    fn a_variant_is_asked_before_the_row_around_it() {
        let (row, entry) = (row(), serde_json::json!({ "id": 8, "type": "" }));
        let scope = Scope::within(entry.as_object().expect("an object"), &row);
        let text = |text: &str| template(text).text(scope);
        assert_eq!(text("{id} of {row.id}, {ean}"), "8 of 7, 1, 2");
        assert_eq!(text("{type}"), "", "what the entry says is empty is empty");
    }

    #[test]
    fn a_wrong_template_is_refused() {
        for wrong in ["{title", "title}", "{}", "{a{b}", "{a|}"] {
            assert!(Template::try_from(wrong.to_owned()).is_err(), "{wrong}");
        }
    }
}
