//! Settings: `souk.default.toml` compiled in, under the shop's file, under `.env`, under the environment.
//!
//! `SOUK_SERVER__LISTEN=127.0.0.1:9000` sets `listen` of `[server]`. An unknown key is refused by name.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use contracts::{Currency, Locale, MarketId};
use serde::{Deserialize, Serialize};
use toml::{Table, Value};

use crate::Problem;

/// The defaults and the manual of every setting.
pub const DEFAULTS: &str = include_str!("../../../souk.default.toml");
const PREFIX: &str = "SOUK_";
/// A quote holds no more lines.
const CART_LINES_MAX: i64 = 100;
const BATCH_EVENTS_MAX: i64 = 1_000;
/// A job's lease outlasts its gateway.
const GATEWAY_SECONDS: std::ops::RangeInclusive<u64> = 1..=60;
/// Keys whose values are never shown.
const SECRETS: [&str; 1] = ["service_token"];

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    pub server: Server,
    pub database: Database,
    pub bus: Bus,
    pub peers: BTreeMap<String, String>,
    pub internal: Internal,
    pub markets: BTreeMap<MarketId, Market>,
    pub carts: Carts,
    pub orders: Orders,
    pub payments: BTreeMap<String, PaymentMethod>,
    pub notifications: Notifications,
    pub audit: Audit,
    pub log: Log,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Server {
    pub listen: String,
    pub public_url: String,
    pub body_bytes_max: usize,
    pub request_seconds_max: u64,
    pub shutdown_seconds_max: u64,
    pub cors_origins: Vec<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Database {
    pub url: String,
    pub connections_max: usize,
    pub wait_milliseconds_max: u64,
    /// A database of its own for a service: PostgreSQL only.
    pub services: BTreeMap<String, String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bus {
    pub url: String,
    pub batch_events_max: i64,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Internal {
    pub service_token: String,
}

/// Where and how the shop sells.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Market {
    pub currency: Currency,
    /// ISO 3166-1 alpha-2; the first is assumed until a buyer says where they are.
    pub countries: Vec<String>,
    pub locale: Locale,
    /// Prices hold the tax.
    pub tax_inclusive: bool,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Carts {
    pub lines_max: i64,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Orders {
    pub number_prefix: String,
}

/// A way to pay.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PaymentMethod {
    pub gateway: Gateway,
    pub capture: Capture,
    /// An order that is not paid by then is cancelled.
    pub unpaid_minutes_max: i64,
    pub tries_max: i64,
    /// A gateway that has not answered by then is asked later what became of it.
    pub gateway_seconds_max: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Gateway {
    /// Plays a bank by the token it is given; for trying the shop out.
    Test,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Capture {
    Dispatch,
    Confirmation,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Notifications {
    pub from: String,
    pub folder: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Audit {
    pub settle_seconds: i64,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Log {
    pub filter: String,
    pub format: LogFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    Json,
    Text,
}

impl Config {
    /// Defaults < `file` < `.env` beside the working directory < `environment`. The error names the key.
    pub fn load(file: Option<&Path>, environment: &HashMap<String, String>) -> Result<Self, String> {
        let mut table = parse(DEFAULTS, "souk.default.toml")?;
        if let Some(path) = file {
            let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
            merge(&mut table, parse(&text, &path.display().to_string())?);
        }
        for (key, value) in environment.iter().filter_map(|(key, value)| Some((key.strip_prefix(PREFIX)?, value))) {
            set(&mut table, &key.to_lowercase(), value)?;
        }
        Self::from_table(table)
    }

    /// The defaults alone.
    pub fn defaults() -> Self {
        Self::load(None, &HashMap::new()).expect("the compiled-in defaults are read by a test")
    }

    fn from_table(table: Table) -> Result<Self, String> {
        let config: Self = serde_path_to_error::deserialize(Value::Table(table)).map_err(|error| {
            let text = error.inner().to_string();
            format!("setting `{}`: {}", error.path(), text.lines().next().unwrap_or_default())
        })?;
        if config.markets.is_empty() || config.markets.values().any(|market| market.countries.is_empty()) {
            return Err(
                "setting `markets`: a shop has at least one market, and a market at least one country".to_owned()
            );
        }
        if !(1..=BATCH_EVENTS_MAX).contains(&config.bus.batch_events_max) {
            return Err(format!("setting `bus.batch_events_max`: a whole number from 1 to {BATCH_EVENTS_MAX}"));
        }
        if let Some((name, _)) =
            config.payments.iter().find(|(_, method)| !GATEWAY_SECONDS.contains(&method.gateway_seconds_max))
        {
            return Err(format!("setting `payments.{name}.gateway_seconds_max`: a whole number from 1 to 60"));
        }
        let is_origin = |origin: &String| origin.contains("://") && !origin.contains('*') && !origin.ends_with('/');
        if let Some(origin) = config.server.cors_origins.iter().find(|origin| !is_origin(origin)) {
            return Err(format!(
                "setting `server.cors_origins`: `{origin}` is not an origin like `https://shop.example`"
            ));
        }
        if !(1..=CART_LINES_MAX).contains(&config.carts.lines_max) {
            return Err(format!("setting `carts.lines_max`: a whole number from 1 to {CART_LINES_MAX}"));
        }
        Ok(config)
    }

    /// The market's settings; a field problem at `/market` where there is none.
    pub fn market(&self, id: &MarketId) -> Result<&Market, Problem> {
        self.markets.get(id).ok_or_else(|| {
            let known: Vec<&str> = self.markets.keys().map(MarketId::as_str).collect();
            Problem::field("/market", format!("there is no market `{id}`; this shop has: {}", known.join(", ")))
        })
    }

    /// As TOML with its secrets hidden.
    pub fn shown(&self) -> String {
        let mut table = Table::try_from(self).expect("settings are plain data");
        hide(&mut table);
        toml::to_string(&table).expect("settings are plain data")
    }
}

/// The lines `KEY=value` of a `.env` file; `#` begins a comment, quotes around a value are dropped.
pub fn read_env_file(text: &str) -> Result<HashMap<String, String>, String> {
    let mut all = HashMap::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (key, value) =
            line.split_once('=').ok_or_else(|| format!(".env line {}: write `KEY=value`", number + 1))?;
        all.insert(key.trim().to_owned(), value.trim().trim_matches(['"', '\'']).to_owned());
    }
    Ok(all)
}

fn parse(text: &str, name: &str) -> Result<Table, String> {
    text.parse::<Table>().map_err(|error| format!("{name}: {error}"))
}

fn merge(under: &mut Table, over: Table) {
    for (key, value) in over {
        match (under.get_mut(&key), value) {
            (Some(Value::Table(under)), Value::Table(over)) => merge(under, over),
            (_, value) => {
                under.insert(key, value);
            }
        }
    }
}

/// Sets `server__listen`; the text is read as TOML where it is TOML, else as a string.
fn set(table: &mut Table, path: &str, text: &str) -> Result<(), String> {
    let (parents, key) = path.rsplit_once("__").unwrap_or(("", path));
    let mut at = table;
    for parent in parents.split("__").filter(|parent| !parent.is_empty()) {
        let next = at.entry(parent).or_insert_with(|| Value::Table(Table::new()));
        at = next
            .as_table_mut()
            .ok_or_else(|| format!("{PREFIX}{}: `{parent}` is not a section", path.to_uppercase()))?;
    }
    let value = match format!("v = {text}").parse::<Table>() {
        Ok(mut parsed) if !matches!(at.get(key), Some(Value::String(_))) => parsed.remove("v"),
        _ => None,
    };
    at.insert(key.to_owned(), value.unwrap_or_else(|| Value::String(text.to_owned())));
    Ok(())
}

fn hide(table: &mut Table) {
    for (key, value) in table.iter_mut() {
        match value {
            Value::Table(inner) => hide(inner),
            Value::String(text) if SECRETS.contains(&key.as_str()) && !text.is_empty() => "***".clone_into(text),
            Value::String(text) if text.contains("://") => *text = without_password(text),
            _ => {}
        }
    }
}

/// A URL without its password, before the host or as a parameter.
fn without_password(url: &str) -> String {
    let url = match url.split_once("://").and_then(|(scheme, rest)| Some((scheme, rest.rsplit_once('@')?))) {
        Some((scheme, (user, host))) => format!("{scheme}://{}:***@{host}", user.split(':').next().unwrap_or_default()),
        None => url.to_owned(),
    };
    match url.split_once("password=") {
        Some((before, after)) => {
            format!("{before}password=***{}", after.find('&').map_or("", |end| &after[end..]))
        }
        None => url,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(pairs: &[(&str, &str)]) -> HashMap<String, String> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn the_defaults_are_complete() {
        assert_eq!(Config::defaults().server.listen, "127.0.0.1:8080");
    }

    #[test]
    fn the_environment_wins_and_unknown_keys_are_named() {
        let config =
            Config::load(None, &env(&[("SOUK_SERVER__LISTEN", "127.0.0.1:1"), ("SOUK_SERVER__BODY_BYTES_MAX", "9")]));
        let config = config.expect("valid settings");
        assert_eq!((config.server.listen.as_str(), config.server.body_bytes_max), ("127.0.0.1:1", 9));
        let error = Config::load(None, &env(&[("SOUK_SERVER__LISTNE", "x")])).expect_err("a typing error");
        assert!(error.contains("listne"), "{error}");
    }

    #[test]
    fn secrets_are_hidden() {
        let shown = Config::load(
            None,
            &env(&[
                ("SOUK_DATABASE__URL", "postgres://souk:geheim@db/souk"),
                ("SOUK_INTERNAL__SERVICE_TOKEN", "ge:heim"),
                ("SOUK_DATABASE__SERVICES__ORDERS", "postgres://db/orders?user=souk&password=geheim&sslmode=require"),
            ]),
        );
        let shown = shown.expect("valid settings").shown();
        assert!(!shown.contains("geheim") && !shown.contains("ge:heim"), "{shown}");
        assert!(shown.contains("postgres://souk:***@db/souk"), "{shown}");
    }
}
