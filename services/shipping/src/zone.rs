//! The noun *zone*: countries, regions and postcodes that share shipping methods. Pure.
//!
//! An address belongs to one zone: the one with the most specific rule that it fulfils. A rule that looks
//! at more characters of the postcode wins; then one that names the region; then the narrower range; then
//! the older zone. That zone's methods are offered and no other's, also where it has none: so a zone of an
//! island's postcodes without methods takes the island out of a shop's country.

use std::collections::BTreeMap;

use contracts::shipping::ShippingZoneId;
use contracts::values::{CountryCode, is_country};
use jiff::Timestamp;
use platform::problem::FieldProblem;
use platform::{Config, Problem};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::method::{MethodToAdd, NewZoneMethod, ShippingMethodView};
use crate::postcode::PostcodeRule;

pub const COUNTRIES_MAX: usize = 250;
pub const AREAS_MAX: usize = 100;
pub const POSTCODES_MAX: usize = 200;
/// Rules of one zone: countries, regions and postcodes together.
const RULES_MAX: usize = 1_000;
/// The archived ones too.
pub const ZONE_METHODS_MAX: usize = 50;

#[derive(Debug, Clone, Deserialize, garde::Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewShippingZone {
    /// Unique in the shop.
    #[garde(length(chars, min = 1, max = 100))]
    #[schema(example = "Home", min_length = 1, max_length = 100)]
    pub name: String,
    /// Whole countries: ISO 3166-1 alpha-2.
    #[serde(default)]
    #[garde(length(max = COUNTRIES_MAX), inner(custom(is_country)))]
    #[schema(value_type = Vec<CountryCode>, example = json!(["AT", "DE"]), max_items = 250)]
    pub countries: Vec<String>,
    /// Parts of countries.
    #[serde(default)]
    #[garde(length(max = AREAS_MAX), dive)]
    #[schema(max_items = 100)]
    pub areas: Vec<ShippingZoneArea>,
    /// Made with it; more are added by `POST /v1/admin/shipping/methods`.
    #[serde(default)]
    #[garde(length(max = ZONE_METHODS_MAX), dive)]
    #[schema(max_items = 50)]
    pub methods: Vec<NewZoneMethod>,
}

/// A part of a country: a region, or postcodes, or postcodes of a region.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, garde::Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ShippingZoneArea {
    /// ISO 3166-1 alpha-2.
    #[garde(custom(is_country))]
    #[schema(example = "AT", pattern = "^[A-Z]{2}$")]
    pub country: String,
    /// The part of ISO 3166-2 after the country.
    #[serde(default)]
    #[garde(inner(length(chars, min = 1, max = 10)))]
    #[schema(example = "9", min_length = 1, max_length = 10)]
    pub region: Option<String>,
    #[serde(default)]
    #[garde(length(max = POSTCODES_MAX))]
    #[schema(example = json!(["1010..1239", "20"]), max_items = 200)]
    pub postcodes: Vec<PostcodeRule>,
}

/// What is different about a zone; what is left out stays.
#[derive(Debug, Clone, Default, Deserialize, garde::Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EditShippingZone {
    #[serde(default)]
    #[garde(inner(length(chars, min = 1, max = 100)))]
    #[schema(min_length = 1, max_length = 100)]
    pub name: Option<String>,
    /// All of them anew.
    #[serde(default)]
    #[garde(inner(length(max = COUNTRIES_MAX), inner(custom(is_country))))]
    #[schema(value_type = Option<Vec<CountryCode>>, max_items = 250)]
    pub countries: Option<Vec<String>>,
    /// All of them anew.
    #[serde(default)]
    #[garde(length(max = AREAS_MAX), dive)]
    #[schema(max_items = 100)]
    pub areas: Option<Vec<ShippingZoneArea>>,
    /// An archived zone serves nobody; its addresses belong to the next specific one.
    #[serde(default)]
    #[garde(skip)]
    pub archived: Option<bool>,
}

/// A rule as it is stored: '' is all regions; two empty postcodes are all.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rule {
    pub country: String,
    pub region: String,
    pub postcode_from: String,
    pub postcode_to: String,
    pub breadth: i64,
}

/// A region as it is compared.
pub fn plain_region(region: &str) -> String {
    region.trim().to_uppercase()
}

pub fn serves_nobody(pointer: &str) -> Problem {
    Problem::field(pointer, "a zone serves a country or a part of one: name it in `countries` or in `areas`")
}

/// The rules of whole countries.
pub fn rules_of_countries(countries: &[String]) -> Vec<Rule> {
    countries.iter().map(|country| rule(country, None, None)).collect()
}

/// The rules of parts of countries.
///
/// Errors: a field problem for each area that is a whole country, and each range that is none.
pub fn rules_of_areas(areas: &[ShippingZoneArea]) -> Result<Vec<Rule>, Problem> {
    let whole = |area: &ShippingZoneArea| area.region.is_none() && area.postcodes.is_empty();
    let wrong = areas.iter().enumerate().filter(|(_, area)| whole(area)).map(|(at, _)| FieldProblem {
        pointer: format!("/areas/{at}"),
        detail: "names no region and no postcode: a whole country belongs into `countries`".to_owned(),
    });
    let wrong: Vec<FieldProblem> = wrong.chain(impossible_postcodes(areas)).collect();
    if !wrong.is_empty() {
        return Err(Problem::fields(wrong));
    }
    let rules: Vec<Rule> = areas.iter().flat_map(rules_of).collect();
    if rules.len() > RULES_MAX {
        return Err(Problem::field(
            "/areas",
            format!("a zone holds at most {RULES_MAX} postcode rules, not {}", rules.len()),
        ));
    }
    Ok(rules)
}

fn impossible_postcodes(areas: &[ShippingZoneArea]) -> impl Iterator<Item = FieldProblem> {
    let postcodes = areas
        .iter()
        .enumerate()
        .flat_map(|(area, said)| said.postcodes.iter().enumerate().map(move |(at, postcode)| (area, at, postcode)));
    postcodes.filter(|(.., postcode)| !postcode.is_possible()).map(|(area, at, postcode)| FieldProblem {
        pointer: format!("/areas/{area}/postcodes/{at}"),
        detail: format!("`{postcode}` is no range: its ends are of one length and in order, like `1010..1239`"),
    })
}

fn rules_of(area: &ShippingZoneArea) -> Vec<Rule> {
    let region = area.region.as_deref();
    if area.postcodes.is_empty() {
        return vec![rule(&area.country, region, None)];
    }
    area.postcodes.iter().map(|postcode| rule(&area.country, region, Some(postcode))).collect()
}

fn rule(country: &str, region: Option<&str>, postcode: Option<&PostcodeRule>) -> Rule {
    Rule {
        country: country.to_owned(),
        region: region.map(plain_region).unwrap_or_default(),
        postcode_from: postcode.map(|rule| rule.from().to_owned()).unwrap_or_default(),
        postcode_to: postcode.map(|rule| rule.to().to_owned()).unwrap_or_default(),
        breadth: postcode.map_or(0, PostcodeRule::breadth),
    }
}

/// Rules as staff wrote them: whole countries, and parts of countries.
pub fn shown(rules: Vec<Rule>) -> (Vec<String>, Vec<ShippingZoneArea>) {
    let (mut countries, mut parts) = (Vec::new(), BTreeMap::<(String, String, bool), Vec<PostcodeRule>>::new());
    for Rule { country, region, postcode_from, postcode_to, .. } in rules {
        match PostcodeRule::from_ends(postcode_from, postcode_to) {
            None if region.is_empty() => countries.push(country),
            None => drop(parts.entry((country, region, false)).or_default()),
            Some(rule) => parts.entry((country, region, true)).or_default().push(rule),
        }
    }
    let area = |((country, region, _), postcodes): ((String, String, bool), Vec<PostcodeRule>)| ShippingZoneArea {
        country,
        region: (!region.is_empty()).then_some(region),
        postcodes,
    };
    (countries, parts.into_iter().map(area).collect())
}

impl NewShippingZone {
    /// Its rules and its methods, as they are stored.
    ///
    /// Errors: field problems for what serves nobody, and for methods that fit no market.
    pub fn check(&self, config: &Config) -> Result<(Vec<Rule>, Vec<MethodToAdd>), Problem> {
        let mut rules = rules_of_countries(&self.countries);
        rules.extend(rules_of_areas(&self.areas)?);
        if rules.is_empty() {
            return Err(serves_nobody("/countries"));
        }
        let (mut methods, mut wrong) = (Vec::new(), Vec::new());
        for (at, method) in self.methods.iter().enumerate() {
            match method.check(config, &format!("/methods/{at}")) {
                Ok(method) => methods.push(method),
                Err(problems) => wrong.extend(problems),
            }
        }
        if wrong.is_empty() { Ok((rules, methods)) } else { Err(Problem::fields(wrong)) }
    }
}

impl EditShippingZone {
    /// The names of what is changed, for the audit log.
    pub fn fields(&self) -> Vec<&'static str> {
        [
            ("name", self.name.is_some()),
            ("countries", self.countries.is_some()),
            ("areas", self.areas.is_some()),
            ("archived", self.archived.is_some()),
        ]
        .into_iter()
        .filter_map(|(name, is_said)| is_said.then_some(name))
        .collect()
    }
}

/// A zone as its row says.
#[derive(Debug, Clone)]
pub struct Zone {
    pub id: ShippingZoneId,
    pub name: String,
    pub archived: bool,
    pub version: i64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// A zone, as staff see it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ShippingZoneView {
    pub id: ShippingZoneId,
    pub name: String,
    pub countries: Vec<String>,
    pub areas: Vec<ShippingZoneArea>,
    /// The oldest first, the archived too.
    pub methods: Vec<ShippingMethodView>,
    pub archived: bool,
    /// Of the zone's own fields; each method has one of its own.
    pub version: i64,
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Timestamp,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn zone(json: serde_json::Value) -> NewShippingZone {
        serde_json::from_value(json).expect("a zone's fields")
    }

    #[test]
    fn a_zone_is_shown_as_it_was_written() {
        let written = zone(json!({"name": "Home", "countries": ["AT", "DE"], "areas": [
            {"country": "AT", "region": "9", "postcodes": []},
            {"country": "IT", "region": null, "postcodes": ["39", "39010..39029"]},
            {"country": "IT", "region": "BZ", "postcodes": ["40"]},
        ]}));
        let (rules, _) = written.check(&Config::defaults()).expect("a zone");
        let (countries, areas) = shown(rules);
        assert_eq!((countries, areas), (written.countries, written.areas));
    }

    #[test]
    fn what_serves_nobody_or_everybody_is_refused() {
        let pointer = |json| {
            let problem = zone(json).check(&Config::defaults()).expect_err("a refusal");
            problem.errors.iter().map(|field| field.pointer.clone()).collect::<Vec<_>>()
        };
        assert_eq!(pointer(json!({"name": "x"})), ["/countries"]);
        assert_eq!(
            pointer(json!({"name": "x", "areas": [{"country": "AT", "region": "9"}, {"country": "AT"}]})),
            ["/areas/1"]
        );
        let many: Vec<String> = (0..200).map(|at| format!("{at:05}")).collect();
        let areas: Vec<_> =
            (0..6).map(|at| json!({"country": "AT", "region": at.to_string(), "postcodes": many})).collect();
        assert_eq!(pointer(json!({"name": "x", "areas": areas})), ["/areas"]);
    }

    #[test]
    fn each_wrong_method_is_named() {
        let method = |market: &str, amount: Option<i64>| json!({"name": "Post", "rates": [{"market": market, "amount": amount}]});
        let methods = [method("default", Some(0)), method("moon", Some(1)), method("default", None)];
        let problem = zone(json!({"name": "x", "countries": ["AT"], "methods": methods})).check(&Config::defaults());
        let problem = problem.expect_err("a refusal");
        let pointers: Vec<&str> = problem.errors.iter().map(|field| field.pointer.as_str()).collect();
        assert_eq!(pointers, ["/methods/1/rates/0/market", "/methods/2/rates/0/amount"]);
    }
}
