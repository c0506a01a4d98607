//! Attributes: names with a type that products give values of, and those values as they are filtered by.

use std::collections::BTreeMap;

use contracts::catalog::AttributeId;
use garde::Validate;
use platform::http::said;
use platform::problem::FieldProblem;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Number, Value};
use utoipa::ToSchema;
use utoipa::openapi::schema::{AdditionalProperties, Schema, Type};
use utoipa::openapi::{ObjectBuilder, OneOfBuilder, RefOr};

use crate::product::field;

pub const KEY_CHARS_MAX: usize = 100;
pub const LABEL_CHARS_MAX: usize = 200;
pub const UNIT_CHARS_MAX: usize = 20;
pub const ATTRIBUTES_MAX: usize = 500;
pub const ATTRIBUTES_BYTES_MAX: usize = 65_536;
const TEXT_CHARS_MAX: usize = 10_000;
/// A longer text is shown and not filtered by.
pub const FILTER_CHARS_MAX: usize = 200;
/// Numbers have six decimals at most and stay this far from 64 bits of millionths.
const NUMBER_MAX: i64 = 9_000_000_000_000;
const MICROS: u32 = 6;

/// Values by key: a text, a number or a boolean each.
pub type Attributes = Map<String, Value>;

/// What an attribute's values are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AttributeType {
    Text,
    Number,
    Boolean,
}

::store::name_values!(AttributeType);

/// A name that products give values of.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct AttributeView {
    #[schema(example = "volume")]
    pub key: String,
    /// What people read.
    pub label: String,
    #[serde(rename = "type")]
    pub kind: AttributeType,
    #[schema(example = "ml")]
    pub unit: Option<String>,
    /// Whether lists may be filtered by it.
    pub filterable: bool,
    pub version: i64,
}

/// A name to be declared before products use it. One that is used undeclared takes the type of its first value.
#[derive(Debug, Clone, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewAttribute {
    #[garde(custom(is_key))]
    #[schema(example = "volume", min_length = 1, max_length = 100, pattern = "^[^:\\x00-\\x1f\\x7f-\\x9f]+$")]
    pub key: String,
    /// The key if not said.
    #[garde(inner(length(chars, min = 1, max = LABEL_CHARS_MAX)))]
    #[schema(example = "Volume", min_length = 1, max_length = 200)]
    pub label: Option<String>,
    /// Stays as it is for good.
    #[serde(rename = "type")]
    #[garde(skip)]
    pub kind: AttributeType,
    #[garde(inner(length(chars, min = 1, max = UNIT_CHARS_MAX)))]
    #[schema(example = "ml", min_length = 1, max_length = 20)]
    pub unit: Option<String>,
    /// `true` if not said.
    #[garde(skip)]
    pub filterable: Option<bool>,
}

/// What staff changes of an attribute; what is left out stays.
#[derive(Debug, Clone, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EditAttribute {
    #[garde(inner(length(chars, min = 1, max = LABEL_CHARS_MAX)))]
    #[schema(min_length = 1, max_length = 200)]
    pub label: Option<String>,
    /// `null` takes it away.
    #[serde(default, deserialize_with = "said")]
    #[garde(inner(inner(length(chars, min = 1, max = UNIT_CHARS_MAX))))]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 20)]
    pub unit: Option<Option<String>>,
    #[garde(skip)]
    pub filterable: Option<bool>,
}

impl EditAttribute {
    /// The names of what is changed, for the audit log.
    pub fn fields(&self) -> Vec<&'static str> {
        let said =
            [("label", self.label.is_some()), ("unit", self.unit.is_some()), ("filterable", self.filterable.is_some())];
        said.into_iter().filter_map(|(name, is_said)| is_said.then_some(name)).collect()
    }
}

/// An attribute as products are checked against it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Declared {
    pub id: AttributeId,
    pub kind: AttributeType,
}

/// A value as it is filtered by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Filtered {
    Text(String),
    /// In millionths.
    Number(i64),
}

/// For garde: visible, and without the `:` that ends a key in a filter.
pub fn is_key(key: &str, _: &()) -> garde::Result {
    if (1..=KEY_CHARS_MAX).contains(&key.chars().count()) && !key.chars().any(|c| c == ':' || c.is_control()) {
        return Ok(());
    }
    Err(garde::Error::new(format!("is 1 to {KEY_CHARS_MAX} characters without `:` and control characters")))
}

/// For garde: not too many attributes, not too long ones, and each with a key.
pub fn fits(attributes: &Attributes, _: &()) -> garde::Result {
    let bytes = serde_json::to_vec(attributes).map_or(usize::MAX, |text| text.len());
    if attributes.len() > ATTRIBUTES_MAX || bytes > ATTRIBUTES_BYTES_MAX {
        let text = format!("are at most {ATTRIBUTES_MAX} names and {ATTRIBUTES_BYTES_MAX} bytes of JSON");
        return Err(garde::Error::new(text));
    }
    for (key, value) in attributes {
        is_key(key, &()).map_err(|error| garde::Error::new(format!("`{}`: a key {error}", shown(key))))?;
        // How exact a number may be no schema says: that is refused with the other types, by `mistyped`.
        if !value.is_number() {
            type_of(value).map_err(|detail| garde::Error::new(format!("`{}` {detail}", shown(key))))?;
        }
    }
    Ok(())
}

fn shown(key: &str) -> String {
    key.chars().take(KEY_CHARS_MAX).collect()
}

/// The type of a value, or why it can't be one.
pub fn type_of(value: &Value) -> Result<AttributeType, String> {
    match value {
        Value::String(text) if text.chars().count() > TEXT_CHARS_MAX => {
            Err(format!("has more than {TEXT_CHARS_MAX} characters"))
        }
        Value::String(_) => Ok(AttributeType::Text),
        Value::Bool(_) => Ok(AttributeType::Boolean),
        Value::Number(number) if micros(number).is_some() => Ok(AttributeType::Number),
        Value::Number(_) => Err(format!("is a number beyond ±{NUMBER_MAX}, or with more than {MICROS} decimals")),
        Value::Null | Value::Array(_) | Value::Object(_) => Err("is a text, a number or a boolean".to_owned()),
    }
}

/// Each value of another type than its attribute's.
pub fn mistyped(attributes: &Attributes, declared: &BTreeMap<String, Declared>) -> Vec<FieldProblem> {
    let mut problems = Vec::new();
    for (key, value) in attributes {
        let pointer = || format!("/attributes/{}", key.replace('~', "~0").replace('/', "~1"));
        match (type_of(value), declared.get(key)) {
            (Err(detail), _) => problems.push(field(pointer(), detail)),
            (Ok(kind), Some(declared)) if declared.kind != kind => {
                problems.push(field(pointer(), format!("is a {kind}, but `{key}` is a {}", declared.kind)));
            }
            (Ok(_), _) => {}
        }
    }
    problems
}

impl std::fmt::Display for AttributeType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Text => "text",
            Self::Number => "number",
            Self::Boolean => "boolean",
        })
    }
}

/// What a value is found by; `None` for a text that is too long to look for, and for an empty one.
pub fn filtered(value: &Value) -> Option<Filtered> {
    match value {
        Value::String(text) if (1..=FILTER_CHARS_MAX).contains(&text.chars().count()) => {
            Some(Filtered::Text(text.clone()))
        }
        Value::Bool(flag) => Some(Filtered::Text(flag.to_string())),
        Value::Number(number) => micros(number).map(Filtered::Number),
        _ => None,
    }
}

/// A number in millionths, exactly; `None` where it has more decimals, or is too large.
pub fn micros(number: &Number) -> Option<i64> {
    micros_of(&number.to_string())
}

/// The same for a number as it is written.
pub fn micros_of(text: &str) -> Option<i64> {
    let number = if text.contains(['e', 'E']) { Decimal::from_scientific(text) } else { text.parse() };
    let number: Decimal = number.ok()?.normalize();
    if number.scale() > MICROS || number.abs() > Decimal::from(NUMBER_MAX) {
        return None;
    }
    (number * Decimal::from(10_i64.pow(MICROS))).try_into().ok()
}

/// An object with texts, numbers and booleans.
pub fn attributes_schema() -> RefOr<Schema> {
    let one_of = OneOfBuilder::new()
        .item(ObjectBuilder::new().schema_type(Type::String).max_length(Some(TEXT_CHARS_MAX)))
        .item(ObjectBuilder::new().schema_type(Type::Number).minimum(Some(-NUMBER_MAX)).maximum(Some(NUMBER_MAX)))
        .item(ObjectBuilder::new().schema_type(Type::Boolean));
    ObjectBuilder::new()
        .schema_type(Type::Object)
        .additional_properties(Some(AdditionalProperties::RefOr(RefOr::T(Schema::OneOf(one_of.build())))))
        .property_names(Some(
            ObjectBuilder::new()
                .schema_type(Type::String)
                .min_length(Some(1))
                .max_length(Some(KEY_CHARS_MAX))
                .pattern(Some("^[^:\\x00-\\x1f\\x7f-\\x9f]+$")),
        ))
        .max_properties(Some(ATTRIBUTES_MAX))
        .description(Some("Values by key: a text, a number of at most 6 decimals, or a boolean; a key holds no `:`"))
        .examples([serde_json::json!({ "fabric": "linen", "weight": 160, "washable": true })])
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn a_number_is_kept_in_millionths_and_exactly() {
        for (text, expected) in [
            ("0", Some(0)),
            ("-1.5", Some(-1_500_000)),
            ("0.1", Some(100_000)),
            ("298.45", Some(298_450_000)),
            ("0.000001", Some(1)),
            ("1e3", Some(1_000_000_000)),
            ("2.50e-1", Some(250_000)),
            ("0.0000001", None),
            ("9000000000000", Some(9_000_000_000_000_000_000)),
            ("9000000000001", None),
            ("1e40", None),
            ("x", None),
            ("", None),
        ] {
            assert_eq!(micros_of(text), expected, "{text}");
        }
        assert_eq!(micros(&Number::from_f64(298.45).expect("a number")), Some(298_450_000));
    }

    #[test]
    fn a_value_of_another_type_is_pointed_at() {
        let declared = |kind| Declared { id: contracts::Id::from_uuid(uuid::Uuid::nil()), kind };
        let known = BTreeMap::from([
            ("a/b".to_owned(), declared(AttributeType::Number)),
            ("c".to_owned(), declared(AttributeType::Text)),
        ]);
        let attributes = json!({ "a/b": "ten", "c": "x", "exact": 0.000_000_1, "new": true, "null": null });
        let problems = mistyped(attributes.as_object().expect("an object"), &known);
        let pointers: Vec<_> = problems.iter().map(|problem| problem.pointer.as_str()).collect();
        assert_eq!(pointers, ["/attributes/a~1b", "/attributes/exact", "/attributes/null"]);
        assert_eq!(problems[0].detail, "is a text, but `a/b` is a number");
    }

    #[test]
    fn keys_and_values_that_nothing_could_find_are_refused() {
        for (attributes, is_fit) in [
            (json!({ "a": "x", "b": 1, "c": 1.5, "d": false }), true),
            (json!({ "a:b": "x" }), false),
            (json!({ "": "x" }), false),
            (json!({ "a": ["x"] }), false),
            (json!({ "a": null }), false),
            (json!({ "a": 0.000_000_1 }), true),
        ] {
            assert_eq!(fits(attributes.as_object().expect("an object"), &()).is_ok(), is_fit, "{attributes}");
        }
    }

    proptest! {
        #[test]
        fn millionths_sort_like_the_numbers(a in -1e9..1e9_f64, b in -1e9..1e9_f64) {
            let kept = |number: f64| micros(&Number::from_f64((number * 100.0).round() / 100.0).expect("a number"));
            let (a, b) = ((a * 100.0).round() / 100.0, (b * 100.0).round() / 100.0);
            prop_assert_eq!(kept(a).cmp(&kept(b)), a.partial_cmp(&b).expect("no NaN"));
        }
    }
}
