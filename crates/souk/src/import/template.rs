//! Templates: `"{brand} {product_type}"` says how a text is made of a row's fields.

use serde::Deserialize;
use serde_json::{Map, Value};

/// The fields of one row.
pub type Fields = Map<String, Value>;

/// A text with `{field}` in it; `{attrs.width}` looks into an object, `{{` and `}}` are braces.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Template {
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Field(String),
}

impl Template {
    /// The text of a row, trimmed. A field that is missing or null is empty; a list is joined by `, `.
    /// Where several parts are joined, what an empty one leaves (two spaces) becomes one.
    pub fn text(&self, row: &Fields) -> String {
        let text: String = self.parts.iter().map(|part| part.text(row)).collect();
        match self.parts.as_slice() {
            [_] => text.trim().to_owned(),
            _ => text.split_whitespace().collect::<Vec<_>>().join(" "),
        }
    }

    /// As [`Template::text`], but a field that stands alone keeps its type; `None` where there is nothing.
    pub fn value(&self, row: &Fields) -> Option<Value> {
        if let [Part::Field(path)] = self.parts.as_slice() {
            return look_up(row, path).filter(|value| !is_empty(value)).cloned();
        }
        Some(self.text(row)).filter(|text| !text.is_empty()).map(Value::String)
    }

    /// The fields it reads.
    pub fn fields(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            Part::Field(path) => Some(path.as_str()),
            Part::Text(_) => None,
        })
    }
}

impl Part {
    fn text(&self, row: &Fields) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Field(path) => look_up(row, path).map(text_of).unwrap_or_default(),
        }
    }
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
            let (name, after) =
                named.ok_or_else(|| format!("`{text}`: write `{{field}}`, or `{{{{` and `}}}}` for braces"))?;
            if name.trim().is_empty() || name.contains('{') {
                return Err(format!("`{text}`: `{{{name}}}` names no field"));
            }
            if !plain.is_empty() {
                parts.push(Part::Text(std::mem::take(&mut plain)));
            }
            parts.push(Part::Field(name.trim().to_owned()));
            rest = after;
        }
        plain.push_str(rest);
        if !plain.is_empty() {
            parts.push(Part::Text(plain));
        }
        Ok(Self { parts })
    }
}

/// The field of that name, else the one that the dots lead to.
pub fn look_up<'a>(row: &'a Fields, path: &str) -> Option<&'a Value> {
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
pub fn text_of(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().filter(|item| !is_empty(item)).map(text_of).collect::<Vec<_>>().join(", "),
        Value::Bool(_) | Value::Number(_) | Value::Object(_) => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row() -> Fields {
        let row = serde_json::json!({ "id": 7, "brand": null, "type": " Ink\n tank ", "ean": ["1", "2"], "attrs": { "width": 56.0 }, "a.b": "dotted" });
        row.as_object().expect("an object").clone()
    }

    fn text(template: &str) -> String {
        Template::try_from(template.to_owned()).expect("a template").text(&row())
    }

    #[test]
    fn a_template_composes_the_fields_of_a_row() {
        assert_eq!(text("icecat-{id}"), "icecat-7");
        assert_eq!(text("{brand} {type} {attrs.width} mm"), "Ink tank 56.0 mm");
        assert_eq!(text("{type}"), "Ink\n tank");
        assert_eq!(text("{ean}"), "1, 2");
        assert_eq!(text("{a.b}{nothing}"), "dotted");
        assert_eq!(text("{{{id}}}"), "{7}");
    }

    #[test]
    fn a_field_that_stands_alone_keeps_its_type() {
        let value = |template: &str| Template::try_from(template.to_owned()).expect("a template").value(&row());
        assert_eq!(value("{ean}"), Some(serde_json::json!(["1", "2"])));
        assert_eq!(value("{attrs.width}"), Some(serde_json::json!(56.0)));
        assert_eq!(value("{brand}"), None);
    }

    #[test]
    fn a_wrong_template_is_refused() {
        for wrong in ["{title", "title}", "{}", "{a{b}"] {
            assert!(Template::try_from(wrong.to_owned()).is_err(), "{wrong}");
        }
    }
}
