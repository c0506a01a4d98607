//! Settings: `souk.default.toml` compiled in, under the shop's file, under `.env`, under the environment.
//!
//! `SOUK_SERVER__LISTEN=127.0.0.1:9000` sets `listen` of `[server]`. An unknown key is refused by name.

mod buyers;
mod payments;
mod server;

pub use buyers::{Carts, Customers};
pub use payments::{Capture, Gateway, PaymentMethod, Settles};
pub use server::Server;

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use contracts::{Currency, Locale, MarketId};
use serde::{Deserialize, Serialize};
use toml::{Table, Value};

use crate::Problem;

/// The defaults and the manual of every setting.
pub const DEFAULTS: &str = include_str!("../../../souk.default.toml");
const PREFIX: &str = "SOUK_";
const BATCH_EVENTS_MAX: i64 = 1_000;
const BUS_PREFIX_LETTERS_MAX: usize = 40;
/// Keys whose values are never shown.
const SECRETS: [&str; 4] = ["service_token", "secrets", "webhook_secret", "api_key"];

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    pub server: Server,
    pub database: Database,
    pub bus: Bus,
    pub peers: BTreeMap<String, String>,
    pub internal: Internal,
    pub markets: BTreeMap<MarketId, Market>,
    pub customers: Customers,
    pub catalog: Catalog,
    pub carts: Carts,
    pub orders: Orders,
    pub pricing: Pricing,
    pub shipping: Shipping,
    pub payments: BTreeMap<String, PaymentMethod>,
    pub notifications: Notifications,
    pub webhooks: Webhooks,
    pub audit: Audit,
    pub log: Log,
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
    /// Exchanges and queues begin with it.
    pub prefix: String,
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
    /// Names of locations that its orders are sent from first, in this order; the others follow by priority.
    #[serde(default)]
    pub locations: Vec<String>,
}

/// Where the shop sells from, as far as tax asks.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pricing {
    /// ISO 3166-1 alpha-2.
    pub origin_country: String,
    /// Between two of these a business with a tax id pays without tax and owes it at home; empty: nobody does.
    pub reverse_charge_countries: Vec<String>,
}

impl Pricing {
    fn check(&self) -> Result<(), String> {
        let is_country = |code: &&String| contracts::values::is_country(code, &()).is_ok();
        match std::iter::once(&self.origin_country).chain(&self.reverse_charge_countries).find(|code| !is_country(code))
        {
            Some(code) => Err(format!("setting `pricing`: `{code}` is not a country like `AT`")),
            None => Ok(()),
        }
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Catalog {
    /// What each process keeps of products, lists and categories that were read; 0 keeps nothing.
    pub cache_bytes_max: u64,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shipping {
    /// By the name that staff send as a parcel's `carrier`, in lower case.
    pub carriers: BTreeMap<String, Carrier>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Carrier {
    /// Where `{number}` stands, the tracking number goes.
    pub tracking_url: String,
}

impl Carrier {
    fn is_link(&self) -> bool {
        let is_web = self.tracking_url.starts_with("https://") || self.tracking_url.starts_with("http://");
        is_web && self.tracking_url.contains("{number}")
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Orders {
    pub number_prefix: String,
    /// For one order number or one e-mail address.
    pub link_asks_per_hour_max: i64,
    /// Orders that one process streams at once.
    pub streams_max: usize,
    pub stream_minutes_max: u64,
}

impl Orders {
    const PREFIX_LETTERS_MAX: usize = 12;
    const STREAMS_MAX: usize = 100_000;
    const STREAM_MINUTES: std::ops::RangeInclusive<u64> = 1..=60;

    fn check(&self) -> Result<(), String> {
        let is_letter = |letter: char| letter.is_ascii_uppercase() || letter.is_ascii_digit() || letter == '-';
        let prefix = &self.number_prefix;
        if !(1..=Self::PREFIX_LETTERS_MAX).contains(&prefix.len()) || !prefix.chars().all(is_letter) {
            return Err("setting `orders.number_prefix`: 1 to 12 of A-Z, 0-9 and -".to_owned());
        }
        if self.link_asks_per_hour_max < 1 {
            return Err("setting `orders.link_asks_per_hour_max`: a whole number from 1 on".to_owned());
        }
        if self.streams_max > Self::STREAMS_MAX {
            return Err(format!("setting `orders.streams_max`: a whole number from 0 to {}", Self::STREAMS_MAX));
        }
        if !Self::STREAM_MINUTES.contains(&self.stream_minutes_max) {
            return Err("setting `orders.stream_minutes_max`: a whole number from 1 to 60".to_owned());
        }
        Ok(())
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Notifications {
    pub from: String,
    pub folder: String,
    pub templates: String,
    pub order_page: String,
    pub smtp: Smtp,
}

/// The server that takes the shop's mails; without a url they are files.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Smtp {
    pub url: String,
    pub connections_max: u32,
    pub seconds_max: u64,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Webhooks {
    pub allow_private: bool,
    pub log_days_max: i64,
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
        let prefix = &config.bus.prefix;
        if prefix.is_empty() || prefix.len() > BUS_PREFIX_LETTERS_MAX || !prefix.chars().all(is_name_letter) {
            return Err(format!("setting `bus.prefix`: 1 to {BUS_PREFIX_LETTERS_MAX} of a-z, 0-9, - and _"));
        }
        for (name, method) in &config.payments {
            method.check(name)?;
        }
        if let Some((name, text)) = config.peers.iter().find(|(_, text)| !are_peers(text)) {
            return Err(format!(
                "setting `peers.{name}`: `{text}` is not an address like `http://10.0.0.7:8081`; several copies are parted by spaces"
            ));
        }
        config.check_messages()?;
        config.server.check()?;
        config.customers.check()?;
        config.carts.check()?;
        config.orders.check()?;
        config.pricing.check()?;
        if let Some((name, _)) = config.shipping.carriers.iter().find(|(_, carrier)| !carrier.is_link()) {
            return Err(format!(
                "setting `shipping.carriers.{name}.tracking_url`: a link like `https://carrier.example/track/{{number}}`"
            ));
        }
        Ok(config)
    }

    /// What `notifications` is set to.
    fn check_messages(&self) -> Result<(), String> {
        let smtp = &self.notifications.smtp;
        let is_server = |url: &str| {
            reqwest::Url::parse(url).is_ok_and(|url| {
                matches!(url.scheme(), "smtp" | "smtps") && url.host_str().is_some_and(|host| !host.is_empty())
            })
        };
        let from = &self.notifications.from;
        let address = from.rsplit_once('<').map_or(from.as_str(), |(_, rest)| rest.trim_end_matches('>')).trim();
        let is_address = address.split_once('@').is_some_and(|(who, host)| !who.is_empty() && !host.is_empty());
        if !is_address || address.contains(char::is_whitespace) {
            return Err("setting `notifications.from`: write it like `Shop <shop@example.com>`".into());
        }
        if !smtp.url.is_empty() && !is_server(&smtp.url) {
            return Err(
                "setting `notifications.smtp.url`: write it like `smtps://user:password@mail.example.com`".into()
            );
        }
        for (name, range, value) in [
            ("notifications.smtp.connections_max", 1..=32, i64::from(smtp.connections_max)),
            ("notifications.smtp.seconds_max", 1..=60, i64::try_from(smtp.seconds_max).unwrap_or(i64::MAX)),
            ("webhooks.log_days_max", 4..=365, self.webhooks.log_days_max),
        ] {
            if !range.contains(&value) {
                return Err(format!("setting `{name}`: a whole number from {} to {}", range.start(), range.end()));
            }
        }
        Ok(())
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

fn are_peers(text: &str) -> bool {
    let is_one = |url: &str| reqwest::Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "http" | "https"));
    text.split_whitespace().count() > 0 && text.split_whitespace().all(is_one)
}

fn is_name_letter(letter: char) -> bool {
    letter.is_ascii_lowercase() || letter.is_ascii_digit() || matches!(letter, '-' | '_')
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
                ("SOUK_SERVER__SECRETS", "geheim-geheim-geheim-geheim-geheim"),
                ("SOUK_DATABASE__SERVICES__ORDERS", "postgres://db/orders?user=souk&password=geheim&sslmode=require"),
            ]),
        );
        let shown = shown.expect("valid settings").shown();
        assert!(!shown.contains("geheim") && !shown.contains("ge:heim"), "{shown}");
        assert!(shown.contains("postgres://souk:***@db/souk"), "{shown}");
    }
}
