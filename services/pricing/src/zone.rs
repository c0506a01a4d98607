//! A tax zone: a country or a region of one, with a rate for each tax class; and which rate counts.

use std::collections::BTreeMap;

use contracts::TaxClass;
use contracts::pricing::{TaxPlace, TaxRateId, TaxZoneId};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Rates of one zone.
pub const RATES_MAX: usize = 50;
const DECIMALS_MAX: u32 = 6;

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
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TaxRateView {
    pub id: TaxRateId,
    pub tax_class: TaxClass,
    /// Such as `0.2` for 20 %.
    #[schema(value_type = String, example = "0.2")]
    pub rate: Decimal,
    #[schema(example = "VAT")]
    pub name: String,
}

/// For garde: a share from 0 to 1 with at most six decimals.
pub fn is_rate(rate: &Decimal, _: &()) -> garde::Result {
    let is_share = !rate.is_sign_negative() || rate.is_zero();
    if is_share && *rate <= Decimal::ONE && rate.normalize().scale() <= DECIMALS_MAX {
        Ok(())
    } else {
        Err(garde::Error::new("is a share from 0 to 1 with at most 6 decimals: write 20 % as \"0.2\""))
    }
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

/// The region as zones write it; empty where the buyer names none.
pub fn region_of(place: &TaxPlace) -> String {
    place.region.as_deref().unwrap_or_default().trim().to_ascii_uppercase()
}

/// A rate and what buyers call it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaxRate {
    pub rate: Decimal,
    pub name: String,
}

/// The rates of one place. Where its region has a rate for a class, that beats the country's.
#[derive(Debug, Clone, Default)]
pub struct Rates {
    place: String,
    by_class: BTreeMap<TaxClass, (bool, TaxRate)>,
}

impl Rates {
    /// From the rows of the country and of the region, in any order.
    pub fn of(place: &TaxPlace, rows: impl IntoIterator<Item = (String, TaxClass, TaxRate)>) -> Self {
        let mut by_class: BTreeMap<TaxClass, (bool, TaxRate)> = BTreeMap::new();
        for (region, class, rate) in rows {
            let is_regional = !region.is_empty();
            if is_regional || !by_class.contains_key(&class) {
                by_class.insert(class, (is_regional, rate));
            }
        }
        let region = region_of(place);
        let place = if region.is_empty() { place.country.clone() } else { format!("{}-{region}", place.country) };
        Self { place, by_class }
    }

    /// `None`: no tax is known for such goods there.
    pub fn of_class(&self, class: &TaxClass) -> Option<&TaxRate> {
        self.by_class.get(class).map(|(_, rate)| rate)
    }

    /// `AT`, or `US-CA`.
    pub fn place(&self) -> &str {
        &self.place
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(region: &str, class: &str, rate: &str) -> (String, TaxClass, TaxRate) {
        let rate = TaxRate { rate: rate.parse().expect("a decimal"), name: format!("{region} {rate}") };
        (region.to_owned(), class.parse().expect("a class"), rate)
    }

    fn rate(rates: &Rates, class: &str) -> Option<String> {
        rates.of_class(&class.parse().expect("a class")).map(|rate| rate.rate.to_string())
    }

    #[test]
    fn a_region_beats_its_country_class_by_class_in_any_order() {
        let place = TaxPlace { country: "US".into(), region: Some(" ca".into()) };
        let mut rows = vec![row("", "standard", "0"), row("CA", "standard", "0.0725"), row("", "reduced", "0.01")];
        for _ in 0..3 {
            rows.rotate_left(1);
            let rates = Rates::of(&place, rows.clone());
            assert_eq!(rate(&rates, "standard").as_deref(), Some("0.0725"));
            assert_eq!(rate(&rates, "reduced").as_deref(), Some("0.01"));
            assert_eq!(rate(&rates, "books"), None);
            assert_eq!(rates.place(), "US-CA");
        }
    }

    #[test]
    fn a_rate_is_a_share() {
        let is_valid = |text: &str| is_rate(&text.parse().expect("a decimal"), &()).is_ok();
        assert!(is_valid("0") && is_valid("1") && is_valid("0.081000") && is_valid("0.0000010"));
        assert!(!is_valid("20") && !is_valid("-0.1") && !is_valid("0.1234567"));
    }
}
