//! Lists of products: what is asked for, in which order, and where a page ends.

use std::collections::BTreeSet;

use contracts::catalog::ProductId;
use contracts::{Id, MarketId};
use platform::Problem;
use platform::http::Cursor;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::attribute::{FILTER_CHARS_MAX, KEY_CHARS_MAX, micros_of};
use crate::variant::AMOUNT_MINOR_MAX;

/// Values of attributes that one list is filtered by.
pub const ATTRIBUTES_ASKED_MAX: usize = 10;

/// The order of a list; what is equal in it is sorted by age.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Sort {
    #[default]
    Newest,
    PriceAsc,
    PriceDesc,
    Title,
}

/// A value that an attribute must have, or a range that it must be in.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct Wanted {
    pub key: String,
    /// The text; `None` for a range.
    pub text: Option<String>,
    /// The number in millionths, from and to, where it may be one.
    pub range: Option<(i64, i64)>,
}

/// Which products a list has. What is absent is not asked for.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct Filter {
    pub market: MarketId,
    /// By slug or id; those below it count.
    pub category: Option<String>,
    /// By slug or id.
    pub brand: Option<String>,
    pub price_min: Option<i64>,
    pub price_max: Option<i64>,
    pub in_stock: Option<bool>,
    /// Several values of one key: any of them. Several keys: each of them.
    pub attributes: Vec<Wanted>,
}

/// `colour:red`, `volume:10..20`, `volume:10..`, `washable:true`.
impl std::str::FromStr for Wanted {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (key, value) = text.split_once(':').ok_or("is `key:value`, or `key:from..to` for a number")?;
        if key.is_empty() || key.chars().count() > KEY_CHARS_MAX {
            return Err(format!("has a key of 1 to {KEY_CHARS_MAX} characters before its `:`"));
        }
        if !(1..=FILTER_CHARS_MAX).contains(&value.chars().count()) {
            return Err(format!("has a value of 1 to {FILTER_CHARS_MAX} characters after its `:`"));
        }
        if value.contains('\0') || key.contains('\0') {
            return Err("holds the character U+0000".to_owned());
        }
        let key = key.to_owned();
        let Some((from, to)) = value.split_once("..") else {
            let number = micros_of(value);
            return Ok(Self { key, text: Some(value.to_owned()), range: number.map(|number| (number, number)) });
        };
        let end = |text: &str, open: i64| match text {
            "" => Some(open),
            text => micros_of(text),
        };
        match end(from, i64::MIN).zip(end(to, i64::MAX)) {
            Some(range) => Ok(Self { key, text: None, range: Some(range) }),
            // A text that holds two dots is a text.
            None => Ok(Self { key, text: Some(value.to_owned()), range: None }),
        }
    }
}

impl Filter {
    pub fn keys(&self) -> BTreeSet<&str> {
        self.attributes.iter().map(|wanted| wanted.key.as_str()).collect()
    }

    /// A brand alone has a list of its own; in a category its products may be few.
    pub fn looks_up_brand(&self) -> bool {
        self.brand.is_some() && self.category.is_some()
    }

    /// A list that is sorted by price is read from the lowest asked for; in another order those of a price may be few.
    pub fn looks_up_price(&self, sort: Sort) -> bool {
        let is_asked = self.price_min.is_some() || self.price_max.is_some();
        is_asked && !matches!(sort, Sort::PriceAsc | Sort::PriceDesc)
    }

    /// All of its scope: the shop's, a category's or a brand's.
    pub fn is_whole(&self) -> bool {
        let is_priced = self.price_min.is_some() || self.price_max.is_some();
        self.attributes.is_empty() && self.in_stock.is_none() && !is_priced && !self.looks_up_brand()
    }

    pub fn price_range(&self) -> (i64, i64) {
        (self.price_min.unwrap_or(0), self.price_max.unwrap_or(AMOUNT_MINOR_MAX))
    }

    /// The best and the worst availability asked for: 0 in, 1 low, 2 out.
    pub fn availability_range(&self) -> (i64, i64) {
        match self.in_stock {
            None => (0, 2),
            Some(true) => (0, 1),
            Some(false) => (2, 2),
        }
    }

    /// Names the list: a cursor of one is none of another.
    pub fn fingerprint(&self, sort: Sort) -> String {
        let asked = serde_json::to_vec(&(self, sort)).expect("a filter is plain data");
        platform::auth::sha256_hex(&asked)[..16].to_owned()
    }
}

/// The last item of a page: the next page begins after it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// Of the list.
    list: String,
    price: Option<i64>,
    title: Option<String>,
    id: ProductId,
}

/// Where a page begins, as the statement of its order compares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum After {
    Newest(Uuid),
    Price(i64, Uuid),
    Title(String, Uuid),
}

/// What of a listed product the orders go by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keys {
    pub id: ProductId,
    pub price: i64,
    pub title_key: String,
}

impl Place {
    pub fn new(filter: &Filter, sort: Sort, keys: &Keys) -> Self {
        Self {
            list: filter.fingerprint(sort),
            price: matches!(sort, Sort::PriceAsc | Sort::PriceDesc).then_some(keys.price),
            title: (sort == Sort::Title).then(|| keys.title_key.clone()),
            id: keys.id,
        }
    }

    pub fn cursor(&self) -> String {
        Cursor::encode(self)
    }
}

/// Where the page after `place` begins, or the first one.
///
/// # Errors
/// A cursor of another list, order, market or filter.
pub fn after(place: Option<Place>, filter: &Filter, sort: Sort) -> Result<After, Problem> {
    let Some(place) = place else {
        return Ok(match sort {
            Sort::Newest => After::Newest(Uuid::max()),
            // From the price asked for on: the index is not read from its end.
            Sort::PriceAsc => After::Price(filter.price_range().0 - 1, Uuid::max()),
            Sort::PriceDesc => After::Price(filter.price_range().1, Uuid::max()),
            Sort::Title => After::Title(String::new(), Uuid::nil()),
        });
    };
    let id = place.id.uuid();
    let key = match sort {
        Sort::Newest => Some(After::Newest(id)),
        Sort::PriceAsc | Sort::PriceDesc => place.price.map(|price| After::Price(price, id)),
        Sort::Title => place.title.map(|title| After::Title(title, id)),
    };
    match key {
        Some(key) if place.list == filter.fingerprint(sort) => Ok(key),
        _ => Err(Problem::field(
            "cursor",
            "is the `next` of another list: keep its market, sort and filter, or begin anew",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter() -> Filter {
        Filter {
            market: crate::variant::default_market(),
            category: None,
            brand: None,
            price_min: None,
            price_max: None,
            in_stock: None,
            attributes: Vec::new(),
        }
    }

    fn wanted(text: &str) -> Wanted {
        text.parse().expect("a filter")
    }

    #[test]
    fn a_filter_by_attribute_reads_as_it_is_written() {
        let range = |text: &str| (wanted(text).text, wanted(text).range);
        assert_eq!(range("volume:10..20"), (None, Some((10_000_000, 20_000_000))));
        assert_eq!(range("volume:..1.5"), (None, Some((i64::MIN, 1_500_000))));
        assert_eq!(range("volume:10.."), (None, Some((10_000_000, i64::MAX))));
        assert_eq!(range("volume:10"), (Some("10".into()), Some((10_000_000, 10_000_000))));
        assert_eq!(range("colour:red"), (Some("red".into()), None));
        assert_eq!(range("note:a..b"), (Some("a..b".into()), None));
        assert_eq!(range("url:http://x"), (Some("http://x".into()), None));
        for text in ["colour", ":red", "colour:", &format!("{}:x", "k".repeat(101)), "a:\0"] {
            assert!(text.parse::<Wanted>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_list_by_price_begins_at_the_price_asked_for() {
        let priced = Filter { price_min: Some(100), price_max: Some(500), ..filter() };
        assert_eq!(after(None, &priced, Sort::PriceAsc).ok(), Some(After::Price(99, Uuid::max())));
        assert_eq!(after(None, &priced, Sort::PriceDesc).ok(), Some(After::Price(500, Uuid::max())));
        assert!(priced.looks_up_price(Sort::Newest) && !priced.looks_up_price(Sort::PriceAsc));
    }

    #[test]
    fn a_cursor_belongs_to_its_list() {
        let (filter, id) = (filter(), ProductId::from_uuid(Uuid::from_u128(7)));
        let keys = Keys { id, price: 300, title_key: "tea".into() };
        let place = Place::new(&filter, Sort::PriceAsc, &keys);
        assert_eq!(after(Some(place.clone()), &filter, Sort::PriceAsc).ok(), Some(After::Price(300, id.uuid())));
        assert!(after(Some(place.clone()), &filter, Sort::PriceDesc).is_err());
        assert!(after(Some(place.clone()), &filter, Sort::Newest).is_err());
        let other = Filter { in_stock: Some(true), ..filter };
        assert!(after(Some(place), &other, Sort::PriceAsc).is_err());
    }
}
