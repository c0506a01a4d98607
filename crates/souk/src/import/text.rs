//! How a map says a text, or a list of texts, beyond a single template.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::template::{Scope, Template, text_of};

/// A text: a template; the first of several that says something; or one thing for another.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "toml::Value")]
pub enum Text {
    One(Template),
    First(Vec<Template>),
    Chosen(Choice),
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Choice {
    from: Template,
    values: BTreeMap<String, String>,
    #[serde(rename = "else")]
    otherwise: Option<Template>,
}

impl TryFrom<toml::Value> for Text {
    type Error = String;

    fn try_from(value: toml::Value) -> Result<Self, String> {
        match value {
            toml::Value::String(text) => Template::try_from(text).map(Self::One),
            toml::Value::Array(_) => table(value).map(Self::First),
            toml::Value::Table(_) => table(value).map(Self::Chosen),
            _ => Err("write \"{field}\", [\"{first}\", \"{else}\"] or { from = \"{field}\", values = { a = \"b\" } }"
                .to_owned()),
        }
    }
}

impl TryFrom<toml::Value> for Item {
    type Error = String;

    fn try_from(value: toml::Value) -> Result<Self, String> {
        match value {
            toml::Value::String(text) => Template::try_from(text).map(Self::Whole),
            toml::Value::Table(_) => table(value).map(Self::Parts),
            _ => Err("write \"{field}\" or { from = \"{field}\", split = \"|\" }".to_owned()),
        }
    }
}

/// What a table or a list in a map says, or what is wrong with it.
pub fn table<T: serde::de::DeserializeOwned>(value: toml::Value) -> Result<T, String> {
    value.try_into().map_err(|error: toml::de::Error| error.message().to_owned())
}

impl Text {
    pub fn text(&self, scope: Scope<'_>) -> String {
        match self {
            Self::One(template) => template.text(scope),
            Self::First(templates) => {
                templates.iter().map(|template| template.text(scope)).find(|text| !text.is_empty()).unwrap_or_default()
            }
            Self::Chosen(choice) => {
                let from = choice.from.text(scope);
                let otherwise = || choice.otherwise.as_ref().map(|template| template.text(scope));
                choice.values.get(&from).cloned().or_else(otherwise).unwrap_or_default()
            }
        }
    }

    /// The text that is the same for every row.
    pub fn constant(&self) -> Option<&str> {
        match self {
            Self::One(template) => template.constant(),
            Self::First(_) | Self::Chosen(_) => None,
        }
    }

    pub fn templates(&self) -> Vec<&Template> {
        match self {
            Self::One(template) => vec![template],
            Self::First(templates) => templates.iter().collect(),
            Self::Chosen(choice) => [&choice.from].into_iter().chain(&choice.otherwise).collect(),
        }
    }
}

/// Texts of a list: one (or all, where the field holds a list), or the parts of one.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "toml::Value")]
pub enum Item {
    Whole(Template),
    Parts(Split),
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Split {
    pub from: Template,
    pub split: String,
}

impl Item {
    pub fn template(&self) -> &Template {
        match self {
            Self::Whole(template) => template,
            Self::Parts(split) => &split.from,
        }
    }

    fn push(&self, scope: Scope<'_>, texts: &mut Vec<String>) {
        let mut push = |text: &str| {
            let text = text.trim();
            if !text.is_empty() && !texts.iter().any(|before| before == text) {
                texts.push(text.to_owned());
            }
        };
        match self {
            Self::Parts(split) => split.from.text(scope).split(&split.split).for_each(push),
            Self::Whole(template) => match template.value(scope) {
                Some(Value::Array(all)) => all.iter().map(text_of).for_each(|text| push(&text)),
                Some(value) => push(&text_of(&value)),
                None => {}
            },
        }
    }
}

/// Each once, in the map's order; none is empty.
pub fn texts(items: &[Item], scope: Scope<'_>) -> Vec<String> {
    let mut texts = Vec::new();
    items.iter().for_each(|item| item.push(scope, &mut texts));
    texts
}

/// `true` or `false` as files write it.
pub fn flag(text: &str) -> Result<bool, Cow<'static, str>> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "yes" | "y" | "1" => Ok(true),
        "false" | "no" | "n" | "0" => Ok(false),
        _ => Err(format!("`{}` is neither true nor false", text.chars().take(40).collect::<String>()).into()),
    }
}
