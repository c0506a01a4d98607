//! Lists against a plain filter and sort of the same products.

use std::collections::BTreeMap;

use contracts::catalog::ProductId;
use contracts::{Currency, Id};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

use super::{Shop, every, shop, text};
use crate::Error;
use crate::listing::{After, Filter, Place, Sort, Wanted, after};
use crate::slug::sort_key;
use crate::store::InMarket;
use crate::store::listing::{Bounds, list};
use crate::store::staff_list::Which;

const SORTS: [Sort; 4] = [Sort::Newest, Sort::PriceAsc, Sort::PriceDesc, Sort::Title];
const CATEGORIES: [&str; 4] = ["food", "tea", "green", "tools"];
const TITLES: [&str; 5] = ["Cup", "cup", "Éclair", "eclair", "Zester"];

/// What a list may know of a product.
#[derive(Debug, Clone)]
struct Sample {
    title: usize,
    brand: Option<usize>,
    category: Option<usize>,
    is_active: bool,
    /// In euros and in dollars, of two variants.
    prices: [[Option<i64>; 2]; 2],
    colour: Option<usize>,
    grams: Option<i64>,
}

fn samples() -> impl Strategy<Value = Vec<Sample>> {
    let price = || prop::option::of(0..6_i64);
    let sample = (
        0..TITLES.len(),
        prop::option::of(0..3_usize),
        prop::option::of(0..CATEGORIES.len()),
        prop::bool::weighted(0.9),
        prop::array::uniform2(prop::array::uniform2(price())),
        prop::option::of(0..3_usize),
        prop::option::of(0..9_i64),
    );
    let sample = sample.prop_map(|(title, brand, category, is_active, prices, colour, grams)| Sample {
        title,
        brand,
        category,
        is_active,
        prices,
        colour,
        grams,
    });
    prop::collection::vec(sample, 60)
}

fn filters() -> impl Strategy<Value = Filter> {
    let attributes = prop::sample::subsequence(vec!["colour:c0", "colour:c1", "grams:2..5", "grams:7"], 0..3);
    (
        prop::bool::weighted(0.8),
        prop::option::weighted(0.4, prop::sample::select(CATEGORIES.to_vec())),
        prop::option::weighted(0.3, 0..3_usize),
        prop::option::weighted(0.3, 0..6_i64),
        prop::option::weighted(0.3, 0..6_i64),
        attributes,
    )
        .prop_map(|(in_euros, category, brand, price_min, price_max, attributes)| Filter {
            market: if in_euros { "default" } else { "us" }.parse().expect("a name"),
            category: category.map(str::to_owned),
            brand: brand.map(|brand| format!("b{brand}")),
            price_min,
            price_max,
            in_stock: None,
            attributes: attributes.iter().map(|text| text.parse().expect("a filter")).collect(),
        })
}

impl Sample {
    fn body(&self, number: usize) -> Value {
        let mut attributes = serde_json::Map::new();
        attributes.extend(self.colour.map(|colour| ("colour".to_owned(), json!(format!("c{colour}")))));
        attributes.extend(self.grams.map(|grams| ("grams".to_owned(), json!(grams))));
        let prices = |prices: [Option<i64>; 2]| {
            let markets = ["default", "us"].into_iter().zip(prices);
            let priced = markets.filter_map(|(market, amount)| Some(json!({ "market": market, "amount": amount? })));
            priced.collect::<Vec<_>>()
        };
        json!({
            "title": TITLES[self.title], "slug": format!("p{number}"),
            "brand": self.brand.map(|brand| format!("b{brand}")),
            "categories": self.category.iter().map(|category| CATEGORIES[*category]).collect::<Vec<_>>(),
            "status": if self.is_active { "active" } else { "draft" }, "attributes": attributes, "options": ["No"],
            "variants": [
                { "sku": format!("{number}-0"), "options": { "No": "0" }, "prices": prices(self.prices[0]) },
                { "sku": format!("{number}-1"), "options": { "No": "1" }, "prices": prices(self.prices[1]) },
            ],
        })
    }

    fn price(&self, market: usize) -> Option<i64> {
        self.prices.iter().filter_map(|prices| prices[market]).min()
    }

    fn is_in(&self, category: &str) -> bool {
        // food > tea > green, and tools.
        self.category.is_some_and(|own| match category {
            "food" => own < 3,
            "tea" => own == 1 || own == 2,
            other => CATEGORIES[own] == other,
        })
    }

    fn has(&self, wanted: &Wanted) -> bool {
        let grams = self.grams.map(|grams| grams * 1_000_000);
        match (wanted.key.as_str(), wanted.range) {
            ("grams", Some((low, high))) => grams.is_some_and(|grams| (low..=high).contains(&grams)),
            _ => wanted.text == self.colour.map(|colour| format!("c{colour}")),
        }
    }

    fn is_listed(&self, filter: &Filter) -> bool {
        let market = usize::from(filter.market.as_str() == "us");
        let (low, high) = filter.price_range();
        self.is_active
            && self.price(market).is_some_and(|price| (low..=high).contains(&price))
            && filter.category.as_ref().is_none_or(|category| self.is_in(category))
            && filter.brand.as_ref().is_none_or(|brand| self.brand.map(|own| format!("b{own}")).as_ref() == Some(brand))
            && filter.keys().into_iter().all(|key| filter.attributes.iter().any(|one| one.key == key && self.has(one)))
    }
}

/// The ids that a list should have.
fn expected(all: &[(ProductId, Sample)], filter: &Filter, sort: Sort) -> Vec<ProductId> {
    let market = usize::from(filter.market.as_str() == "us");
    let mut listed: Vec<_> = all.iter().filter(|(_, sample)| sample.is_listed(filter)).collect();
    match sort {
        Sort::Newest => listed.sort_by_key(|(id, _)| std::cmp::Reverse(*id)),
        Sort::PriceAsc => listed.sort_by_key(|(id, sample)| (sample.price(market), *id)),
        Sort::PriceDesc => listed.sort_by_key(|(id, sample)| std::cmp::Reverse((sample.price(market), *id))),
        Sort::Title => listed.sort_by_key(|(id, sample)| (sort_key(TITLES[sample.title]), *id)),
    }
    listed.into_iter().map(|(id, _)| *id).collect()
}

/// The ids that a list has, in pages of seven.
async fn read(shop: &Shop, filter: &Filter, sort: Sort, bounds: Bounds) -> Vec<ProductId> {
    let currency = if filter.market.as_str() == "us" { Currency::USD } else { Currency::EUR };
    let market = InMarket { id: filter.market.clone(), currency };
    let mut ids = Vec::new();
    let mut place: After = after(None, filter, sort).expect("the beginning");
    loop {
        let page = list(&shop.ctx.db, &market, filter, (sort, place), 7, bounds).await.expect("a page");
        ids.extend(page.listed.iter().map(|listed| listed.keys.id));
        let full = page.listed.last().filter(|_| page.listed.len() == 7).map(|last| &last.keys);
        let Some(last) = full.or(page.ended_at.as_ref()) else { return ids };
        place = after(Some(Place::new(filter, sort, last)), filter, sort).expect("a place");
    }
}

#[tokio::test]
async fn every_list_is_what_a_plain_filter_and_sort_would_make_it() {
    let shop = shop().await;
    shop.category("food", None).await.expect("a category");
    shop.category("tea", Some("food")).await.expect("a category");
    shop.category("green", Some("tea")).await.expect("a category");
    shop.category("tools", None).await.expect("a category");
    let mut runner = TestRunner::default();
    let samples = samples().new_tree(&mut runner).expect("samples").current();
    let mut all = Vec::new();
    for (number, sample) in samples.into_iter().enumerate() {
        let made = shop.create(sample.body(number)).await.expect("a product");
        all.push((made.id, sample));
    }
    let mut longest = BTreeMap::new();
    for _ in 0..30 {
        let filter = filters().new_tree(&mut runner).expect("a filter").current();
        for sort in SORTS {
            let expected = expected(&all, &filter, sort);
            // Nothing is few, some are, all are; reading ends early or never: each way to read a list gives the same.
            for (few, rows) in [(0, 1_000), (0, 9), (5, 20), (1_000, 10)] {
                let bounds = Bounds { few, rows };
                assert_eq!(read(&shop, &filter, sort, bounds).await, expected, "{sort:?} {bounds:?} {filter:?}");
            }
            let long = longest.entry(format!("{sort:?}")).or_insert(0);
            *long = expected.len().max(*long);
        }
    }
    assert!(longest.values().all(|long| *long > 14), "no list had three pages: {longest:?}");
}

#[tokio::test]
async fn a_list_has_what_is_for_sale_in_its_market() {
    let shop = shop().await;
    let product = |title: &str, prices: Value| json!({ "title": title, "status": "active", "variants": [{ "sku": title, "prices": prices }] });
    shop.create(product("Both", json!([{ "amount": 5 }, { "market": "us", "amount": 7 }]))).await.expect("a product");
    shop.create(product("Euros", json!([{ "amount": 5 }]))).await.expect("a product");
    shop.create(product("None", json!([]))).await.expect("a product");
    assert_eq!(shop.titles(&every(), Sort::Title).await, ["Both", "Euros"]);
    let us = Filter { market: "us".parse().expect("a name"), ..every() };
    let page = shop.page(&us, Sort::Title, 9, None).await.expect("a page");
    assert_eq!(
        (page["items"].as_array().map(Vec::len), text(&page["items"][0]["title"])),
        (Some(1), "Both".to_owned())
    );
    assert_eq!(page["items"][0]["price_min"], json!({ "amount": 7, "currency": "USD" }));
    assert!(shop.seen("none").await.is_ok(), "its page is there, without a price");
    let mars = Filter { market: "mars".parse().expect("a name"), ..every() };
    assert!(matches!(shop.page(&mars, Sort::Title, 9, None).await, Err(Error::Problem(_))));
}

#[tokio::test]
async fn a_list_of_a_name_that_the_shop_lacks_says_so() {
    let shop = shop().await;
    shop.shirt().await;
    shop.category("Empty", None).await.expect("a category");
    let of = |filter: Filter| {
        let shop = &shop;
        async move { shop.page(&filter, Sort::Newest, 9, None).await }
    };
    let pointer = |page: Result<Value, Error>| match page {
        Err(Error::Problem(problem)) => problem.errors[0].pointer.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(pointer(of(Filter { category: Some("nowhere".into()), ..every() }).await), "category");
    assert_eq!(pointer(of(Filter { brand: Some("nobody".into()), ..every() }).await), "brand");
    let empty = of(Filter { category: Some("empty".into()), brand: Some("souk".into()), ..every() }).await;
    assert_eq!(empty.expect("a page")["items"], json!([]));
}

#[tokio::test]
async fn in_stock_leaves_out_what_is_sold_out() {
    let shop = shop().await;
    let made = shop.shirt().await;
    let stocked = |in_stock| Filter { in_stock: Some(in_stock), ..every() };
    assert!(shop.titles(&stocked(true), Sort::Newest).await.is_empty());
    shop.flips(made.variants[1].id, contracts::inventory::Availability::Low, 1).await;
    assert_eq!(shop.titles(&stocked(true), Sort::Newest).await, ["Linen shirt"]);
    assert!(shop.titles(&stocked(false), Sort::Newest).await.is_empty());
}

#[tokio::test]
async fn staff_finds_products_by_what_they_are_called() {
    let shop = shop().await;
    let shirt = shop.shirt().await;
    shop.create(json!({ "title": "Linen trousers", "variants": [{ "sku": "T" }] })).await.expect("a draft");
    shop.create(json!({ "title": "Line", "variants": [{ "sku": "L" }] })).await.expect("a draft");
    let find = |which: Which, status| {
        let ctx = shop.ctx.clone();
        async move {
            let (mut slugs, mut cursor) = (Vec::new(), None);
            loop {
                let page = platform::http::Page { limit: Some(1), cursor };
                let page = crate::staff_lists::list_products(&ctx, &page, &which, status).await.expect("a page");
                slugs.extend(page.items.into_iter().map(|item| item.slug));
                cursor = page.next;
                if cursor.is_none() {
                    return slugs;
                }
            }
        }
    };
    let active = Some(contracts::catalog::ProductStatus::Active);
    assert_eq!(find(Which::Every, None).await, ["line", "linen-trousers", "linen-shirt"]);
    assert_eq!(find(Which::Every, active).await, ["linen-shirt"]);
    assert_eq!(find(Which::SlugPrefix("linen".into()), None).await, ["linen-shirt", "linen-trousers"]);
    assert_eq!(find(Which::SlugPrefix("linen".into()), active).await, ["linen-shirt"]);
    assert_eq!(find(Which::Sku("T".into()), None).await, ["linen-trousers"]);
    assert!(find(Which::Sku("T".into()), active).await.is_empty());
    let reference = Which::ExternalRef { source: "erp".into(), id: "1".into() };
    assert_eq!(find(reference, None).await, [shirt.slug]);
    assert!(find(Which::Sku("nothing".into()), None).await.is_empty());
    assert_ne!(shirt.id.uuid(), uuid::Uuid::nil());
}
