//! Which market a price is for, and in which currency.

use std::collections::BTreeMap;

use contracts::{Currency, MarketId};
use platform::Config;

/// Why a price has no place in the shop.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unplaced {
    #[error("{0}")]
    Market(String),
    #[error("{0}")]
    Currency(String),
}

impl Unplaced {
    pub fn code(&self) -> &'static str {
        match self {
            Self::Market(_) => "unknown_market",
            Self::Currency(_) => "bad_currency",
        }
    }
}

type Place = Result<(MarketId, Currency), Unplaced>;

/// The markets of the shop, as far as prices need them.
#[derive(Debug, Clone)]
pub struct Markets(BTreeMap<MarketId, Currency>);

impl Markets {
    pub fn of(config: &Config) -> Self {
        Self(config.markets.iter().map(|(id, market)| (id.clone(), market.currency)).collect())
    }

    /// The market that was named; else the one that sells in the currency, `default` before others; else the only
    /// one, or `default`. A price in another currency than its market's is an error, never converted.
    pub fn place(&self, market: Option<&MarketId>, currency: Option<Currency>) -> Place {
        let Some(market) = market else { return self.find(currency) };
        let known = self.0.get(market).ok_or_else(|| {
            let known: Vec<&str> = self.0.keys().map(MarketId::as_str).collect();
            Unplaced::Market(format!("there is no market `{market}`; this shop has: {}", known.join(", ")))
        })?;
        match currency {
            Some(other) if other != *known => Err(Unplaced::Currency(format!(
                "the price is in {other}, but the market `{market}` sells in {known}: prices are not converted"
            ))),
            _ => Ok((market.clone(), *known)),
        }
    }

    fn find(&self, currency: Option<Currency>) -> Place {
        let fits = |(_, sells_in): &(&MarketId, &Currency)| currency.is_none_or(|currency| currency == **sells_in);
        let fitting: Vec<(&MarketId, &Currency)> = self.0.iter().filter(fits).collect();
        let usual = fitting.iter().find(|(id, _)| id.as_str() == "default");
        match (usual, fitting.as_slice(), currency) {
            (Some((id, currency)), ..) | (None, [(id, currency)], _) => Ok(((*id).clone(), **currency)),
            (None, [], Some(currency)) => Err(Unplaced::Currency(format!(
                "no market of this shop sells in {currency}: add one to its settings, \
                 such as [markets.us] currency = \"{currency}\", countries = [\"US\"]"
            ))),
            (None, several, _) => {
                let names: Vec<&str> = several.iter().map(|(id, _)| id.as_str()).collect();
                let text =
                    format!("the prices may be for any of the markets {}: name one with --market", names.join(", "));
                Err(Unplaced::Market(text))
            }
        }
    }
}

/// ISO 4217, in capitals or not.
pub fn currency(text: &str) -> Result<Option<Currency>, Unplaced> {
    if text.is_empty() {
        return Ok(None);
    }
    let known = Currency::from_code(&text.to_ascii_uppercase());
    known.map(Some).ok_or_else(|| Unplaced::Currency(format!("`{text}` is no currency of ISO 4217, like EUR")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn placed(shop: &[(&str, &str)], market: Option<&str>, code: Option<&str>) -> Result<String, String> {
        let currency = |code: &str| Currency::from_code(code).expect("a currency");
        let id = |name: &str| name.parse::<MarketId>().expect("a name");
        let markets = Markets(shop.iter().map(|(name, code)| (id(name), currency(code))).collect());
        let placed = markets.place(market.map(id).as_ref(), code.map(currency));
        placed.map(|(market, currency)| format!("{market} {currency}")).map_err(|why| format!("{}: {why}", why.code()))
    }

    #[test]
    fn a_price_goes_to_the_market_that_sells_in_its_currency() {
        let shop = [("default", "EUR"), ("fr", "EUR"), ("us", "USD")];
        assert_eq!(placed(&shop, None, None).as_deref(), Ok("default EUR"));
        assert_eq!(placed(&shop, None, Some("EUR")).as_deref(), Ok("default EUR"));
        assert_eq!(placed(&shop, None, Some("USD")).as_deref(), Ok("us USD"));
        assert_eq!(placed(&shop, Some("fr"), None).as_deref(), Ok("fr EUR"));
        assert_eq!(placed(&[("us", "USD")], None, None).as_deref(), Ok("us USD"));
        for (shop, market, code, expected) in [
            (shop.as_slice(), Some("fr"), Some("USD"), "bad_currency: the price is in USD"),
            (&shop, Some("mars"), None, "unknown_market: there is no market `mars`; this shop has: default, fr, us"),
            (&shop, None, Some("JPY"), "bad_currency: no market of this shop sells in JPY"),
            (&shop[1..], None, None, "name one with --market"),
            (&[("a", "EUR"), ("b", "EUR")], None, Some("EUR"), "any of the markets a, b"),
        ] {
            let error = placed(shop, market, code).expect_err(expected);
            assert!(error.contains(expected), "{error}");
        }
    }
}
