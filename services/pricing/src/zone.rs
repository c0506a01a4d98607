//! A tax zone: a country or a region of one, with a rate for each tax class; and which rate counts.

use contracts::TaxClass;
use contracts::pricing::{TaxPlace, TaxRateId, TaxZoneId};
use garde::Validate;
use platform::{Ids, Problem};
use rust_decimal::Decimal;
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

use crate::error::Error;

/// Rates of one zone.
pub const RATES_MAX: usize = 50;

/// A tax zone, as staff see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TaxZoneView {
    pub id: TaxZoneId,
    /// ISO 3166-1 alpha-2.
    #[schema(example = "AT")]
    pub country: String,
    /// Null: the whole country.
    pub region: Option<String>,
    pub name: String,
    pub rates: Vec<TaxRateView>,
    /// Counts its edits; the ETag.
    pub version: i64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TaxRateView {
    pub id: TaxRateId,
    /// Null: every class that the zone has no other rate for.
    pub tax_class: Option<TaxClass>,
    /// Such as `0.2` for 20 %.
    #[schema(value_type = String, example = "0.2")]
    pub rate: Decimal,
    #[schema(example = "VAT")]
    pub name: String,
}

/// A rate to be set.
#[derive(Debug, Clone, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewTaxRate {
    /// Left out: every class that the zone has no other rate for.
    #[serde(default)]
    #[garde(skip)]
    pub tax_class: Option<TaxClass>,
    /// Such as `0.2` for 20 %: a share from 0 to 1 with at most six decimals, in quotes.
    #[serde(deserialize_with = "rate_text")]
    #[garde(skip)]
    #[schema(value_type = String, example = "0.2", pattern = r"^(0(\.[0-9]{1,6})?|1(\.0{1,6})?)$")]
    pub rate: Decimal,
    /// What buyers call it.
    #[garde(length(chars, min = 1, max = 60))]
    #[schema(example = "VAT", min_length = 1, max_length = 60)]
    pub name: String,
}

/// Rates with ids of their own, sorted; a field problem where a tax class has two.
pub fn rates_of(ids: &Ids, rates: Vec<NewTaxRate>) -> Result<Vec<TaxRateView>, Problem> {
    let mut known: Vec<TaxRateView> = Vec::with_capacity(rates.len());
    for (place, NewTaxRate { tax_class, rate, name }) in rates.into_iter().enumerate() {
        if known.iter().any(|known| known.tax_class == tax_class) {
            let class = tax_class.as_ref().map_or("every other class", TaxClass::as_str);
            let detail = format!("the zone has a rate for {class} already: name each tax class once");
            return Err(Problem::field(format!("/rates/{place}/tax_class"), detail));
        }
        known.push(TaxRateView { id: ids.next(), tax_class, rate: rate.normalize(), name });
    }
    known.sort_by(|a, b| a.tax_class.cmp(&b.tax_class));
    Ok(known)
}

const DECIMALS_MAX: usize = 6;

/// A rate is a text: a JSON number would pass through a float.
fn rate_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Decimal, D::Error> {
    let text = serde_json::Value::deserialize(deserializer)?;
    let rate = text.as_str().filter(|text| is_share(text)).and_then(|text| text.parse().ok());
    rate.ok_or_else(|| {
        let mend = "is a share from 0 to 1 with at most 6 decimals, in quotes: write 20 % as \"0.2\"";
        serde::de::Error::custom(mend)
    })
}

fn is_share(text: &str) -> bool {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, "0"));
    let is_short = (1..=DECIMALS_MAX).contains(&decimals.len());
    let fits = |whole: &str| match whole {
        "0" => decimals.bytes().all(|digit| digit.is_ascii_digit()),
        "1" => decimals.bytes().all(|digit| digit == b'0'),
        _ => false,
    };
    is_short && fits(whole)
}

/// For garde: the part of ISO 3166-2 after the country.
pub fn is_region(region: &Option<String>, _: &()) -> garde::Result {
    let is_code = |text: &String| {
        (1..=3).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
    };
    if region.as_ref().is_none_or(is_code) {
        Ok(())
    } else {
        Err(garde::Error::new("is the part of ISO 3166-2 after the country, like `CA` of US-CA"))
    }
}

/// The region as zones write it: `CA` of `ca`, ` CA` and `US-CA`; empty where the buyer names none.
pub fn region_of(place: &TaxPlace) -> String {
    let region = place.region.as_deref().unwrap_or_default().trim().to_ascii_uppercase();
    let within = region.strip_prefix(&place.country).and_then(|rest| rest.strip_prefix('-'));
    within.map(str::to_owned).unwrap_or(region)
}

/// A rate and what buyers call it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaxRate {
    pub rate: Decimal,
    pub name: String,
}

/// A rate of a country or, where `region` is not empty, of a region of it. No class: of every other class.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RateOf {
    pub region: String,
    pub class: Option<TaxClass>,
    pub rate: TaxRate,
}

/// The rates of one place: of its region, and of the country around it.
#[derive(Debug, Clone, Default)]
pub struct Rates {
    place: String,
    rows: Vec<RateOf>,
}

impl Rates {
    /// From the rows of the country and of the region, in any order.
    pub fn of(place: &TaxPlace, rows: impl IntoIterator<Item = RateOf>) -> Self {
        let region = region_of(place);
        let place = if region.is_empty() { place.country.clone() } else { format!("{}-{region}", place.country) };
        Self { place, rows: rows.into_iter().collect() }
    }

    /// The region's rate for the class, else the region's for every other class, else the country's likewise.
    ///
    /// Errors: `NoTaxRate`: nobody said what tax is due, which is not the same as none.
    pub fn of_class(&self, class: &TaxClass) -> Result<&TaxRate, Error> {
        let tries = [(true, Some(class)), (true, None), (false, Some(class)), (false, None)];
        let found = tries.into_iter().find_map(|(regional, class)| {
            self.rows.iter().find(|row| row.region.is_empty() != regional && row.class.as_ref() == class)
        });
        let none = || Error::NoTaxRate { class: class.to_string(), place: self.place.clone() };
        found.map(|row| &row.rate).ok_or_else(none)
    }

    /// `AT`, or `US-CA`.
    pub fn place(&self) -> &str {
        &self.place
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(region: &str, class: &str, rate: &str) -> RateOf {
        let rate = TaxRate { rate: rate.parse().expect("a decimal"), name: format!("{region} {rate}") };
        RateOf { region: region.to_owned(), class: class.parse().ok(), rate }
    }

    fn rate(rates: &Rates, class: &str) -> Option<String> {
        rates.of_class(&class.parse().expect("a class")).ok().map(|rate| rate.rate.to_string())
    }

    fn california() -> TaxPlace {
        TaxPlace { country: "US".into(), region: Some(" us-ca".into()), tax_id: None }
    }

    #[test]
    fn a_region_beats_its_country_class_by_class_in_any_order() {
        let mut rows = vec![row("", "standard", "0"), row("CA", "standard", "0.0725"), row("", "reduced", "0.01")];
        for _ in 0..3 {
            rows.rotate_left(1);
            let rates = Rates::of(&california(), rows.clone());
            assert_eq!(rate(&rates, "standard").as_deref(), Some("0.0725"));
            assert_eq!(rate(&rates, "reduced").as_deref(), Some("0.01"));
            assert_eq!(rates.place(), "US-CA");
            let none = rates.of_class(&"books".parse().expect("a class")).expect_err("no rate");
            assert!(none.to_string().contains("`books` goods in US-CA"), "{none}");
        }
    }

    #[test]
    fn a_rate_for_every_other_class_answers_for_its_zone() {
        let country = vec![row("", "", "0.2"), row("", "books", "0.1")];
        let rates = Rates::of(&california(), country.clone());
        assert_eq!((rate(&rates, "books").as_deref(), rate(&rates, "tea").as_deref()), (Some("0.1"), Some("0.2")));
        let islands = country.into_iter().chain([row("CA", "", "0.07")]);
        let rates = Rates::of(&california(), islands);
        assert_eq!(rate(&rates, "books").as_deref(), Some("0.07"), "the region has said what it takes of books");
    }

    #[test]
    fn a_rate_is_a_share_in_quotes() {
        let read = |rate: serde_json::Value| {
            serde_json::from_value::<NewTaxRate>(serde_json::json!({"tax_class": "tea", "rate": rate, "name": "VAT"}))
        };
        for rate in ["0", "1", "0.081000", "1.0", "0.000001"] {
            assert!(read(rate.into()).is_ok(), "{rate}");
        }
        for rate in ["20", "-0.1", "0.1234567", "1.1", ".2", "0.", "+0.2", "2e-1", ""] {
            assert!(read(rate.into()).is_err(), "{rate}");
        }
        assert!(read(0.2.into()).is_err());
    }
}
