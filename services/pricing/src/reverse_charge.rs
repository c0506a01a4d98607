//! Reverse charge: whether the buyer owes the tax instead of the shop.

use contracts::pricing::TaxPlace;
use platform::config::Pricing;

use crate::vat;

/// Who owes the tax of a basket, and why, for a person. The tax id itself is not said: it may be a person's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Owed {
    /// As always.
    Shop,
    /// A tax id was given, and it changes nothing.
    ShopAllTheSame(String),
    Buyer(String),
}

/// The buyer owes the tax where the goods go from the shop's country to another, both are settings
/// (`pricing.reverse_charge_countries`), and the tax id is well formed and of a country of them that is not
/// the shop's own (Directive 2006/112/EC, article 138: "in a Member State other than that in which dispatch
/// begins"). The id need not be of the country that the goods go to.
pub fn owed(settings: &Pricing, place: &TaxPlace) -> Owed {
    let Some(tax_id) = place.tax_id.as_deref().filter(|tax_id| !tax_id.trim().is_empty()) else {
        return Owed::Shop;
    };
    let (from, to) = (settings.origin_country.as_str(), place.country.as_str());
    let takes_part = |country: &str| settings.reverse_charge_countries.iter().any(|known| known == country);
    let why_not = |why: String| Owed::ShopAllTheSame(format!("the tax id changes nothing: {why}"));
    if from == to {
        return why_not(format!("the goods stay in {from}"));
    }
    if let Some(country) = [from, to].into_iter().find(|country| !takes_part(country)) {
        return why_not(format!("{country} has no reverse charge with the others"));
    }
    match vat::country_of(tax_id).filter(|country| takes_part(country)) {
        None => why_not("it is not written like one of a country with reverse charge".to_owned()),
        Some(country) if country == from => why_not(format!("it is of {from}, where the shop sells from")),
        Some(country) => Owed::Buyer(format!(
            "reverse charge: a business with a tax id of {country} has goods sent from {from} to {to}, so it owes the tax there and pays none here"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(country: &str, tax_id: &str) -> TaxPlace {
        TaxPlace { country: country.into(), region: None, tax_id: Some(tax_id.into()) }
    }

    fn decided(country: &str, tax_id: &str) -> Owed {
        let countries = ["AT", "DE", "FR"].map(str::to_owned).to_vec();
        let settings = Pricing { origin_country: "AT".into(), reverse_charge_countries: countries };
        owed(&settings, &place(country, tax_id))
    }

    #[test]
    fn a_business_across_the_border_owes_the_tax_itself() {
        for (country, tax_id) in [("DE", "DE123456789"), ("DE", "FR12345678901"), ("FR", " de 123456789 ")] {
            let owed = decided(country, tax_id);
            assert!(matches!(&owed, Owed::Buyer(why) if !why.contains("123456789")), "{owed:?}");
        }
    }

    #[test]
    fn a_tax_id_that_changes_nothing_is_said_with_its_reason() {
        for (country, tax_id, reason) in [
            ("AT", "DE123456789", "stay in AT"),
            ("DE", "ATU12345678", "it is of AT"),
            ("DE", "DE12345678", "not written like"),
            ("DE", "IT12345678901", "not written like"),
            ("US", "DE123456789", "US has no reverse charge"),
        ] {
            let owed = decided(country, tax_id);
            assert!(matches!(&owed, Owed::ShopAllTheSame(why) if why.contains(reason)), "{country} {tax_id} {owed:?}");
        }
        assert_eq!(decided("DE", " "), Owed::Shop);
        let nobody = Pricing { origin_country: "AT".into(), reverse_charge_countries: Vec::new() };
        assert!(matches!(owed(&nobody, &place("DE", "DE123456789")), Owed::ShopAllTheSame(_)));
    }
}
