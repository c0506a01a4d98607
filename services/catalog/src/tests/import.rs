//! Imports on a throw-away database.

use std::sync::Arc;

use ::store::work::{self, Cost};
use serde_json::{Value, json};

use super::{Shop, shop};
use crate::{Imported, ImportedPart, ImportedProduct, ListedPrice, import_parts, import_prices, import_products};

fn product(body: Value) -> ImportedProduct {
    serde_json::from_value(body).expect("a product")
}

fn priced(id: &str, amount: impl Into<Value>) -> ImportedProduct {
    product(json!({
        "external_ref": { "source": "icecat", "id": id }, "title": format!("Product {id}"), "status": "active",
        "variants": [{ "sku": format!("icecat-{id}"), "prices": [{ "amount": amount.into() }] }],
    }))
}

async fn taken(shop: &Shop, products: Vec<ImportedProduct>) -> Imported {
    let done = import_products(&shop.ctx, products).await.expect("imported");
    shop.hot.forget_all();
    done
}

/// The slugs and lowest prices that the shop's whole list shows, the newest first.
async fn listed(shop: &Shop) -> Vec<(String, i64)> {
    let page = shop.page(&super::every(), crate::listing::Sort::Newest, 100, None).await.expect("a page");
    let item = |item: &Value| {
        let amount = item["price_min"]["amount"].as_i64().expect("a price");
        (item["slug"].as_str().expect("a slug").to_owned(), amount)
    };
    page["items"].as_array().expect("items").iter().map(item).collect()
}

#[tokio::test]
async fn the_same_import_again_is_one_question() {
    let shop = shop().await;
    let file: Vec<ImportedProduct> = (0..500).map(|id| priced(&id.to_string(), id)).collect();
    let first = import_products(&shop.ctx, file.clone()).await.expect("imported");
    assert_eq!((first.created, first.updated, first.unchanged), (500, 0, 0));
    let cost = Arc::new(Cost::default());
    let again =
        work::scope("again", None, Arc::clone(&cost), import_products(&shop.ctx, file)).await.expect("imported");
    assert_eq!((again.created, again.updated, again.unchanged, cost.statements()), (0, 0, 500, 1));
    assert_eq!(shop.said().await, ["products.changed"]);
}

#[tokio::test]
async fn an_import_costs_the_same_statements_whatever_it_brings() {
    let shop = shop().await;
    let statements = async |count: i64, with: &str| {
        let file = (0..count).map(|n| {
            product(json!({
                "title": format!("{with} {n}"), "brand": format!("{with} {n}"), "status": "active",
                "categories": [["All", format!("{with} {n}")]], "attributes": { format!("{with} {n}"): n }, "options": ["n"],
                "variants": [{ "sku": format!("{with}-{n}-a"), "options": { "n": "1" }, "prices": [{ "amount": n }] },
                    { "sku": format!("{with}-{n}-b"), "options": { "n": "2" } }],
            }))
        });
        let cost = Arc::new(Cost::default());
        let import = import_products(&shop.ctx, file.collect());
        let done = work::scope("import", None, Arc::clone(&cost), import).await.expect("imported");
        assert_eq!((done.created, done.faults.len()), (u64::try_from(count).expect("a count"), 0));
        cost.statements()
    };
    // The category above the others is here from the first one on.
    statements(1, "one").await;
    assert_eq!(statements(2, "few").await, statements(200, "many").await);
}

#[tokio::test]
async fn an_import_changes_what_differs_and_lists_follow() {
    let shop = shop().await;
    let first = vec![priced("1", 100), priced("2", 200), priced("3", 300)];
    taken(&shop, first).await;
    let shown = |slug: &str, price: i64| (slug.to_owned(), price);
    assert_eq!(listed(&shop).await, [shown("product-3-3", 300), shown("product-2-2", 200), shown("product-1-1", 100)]);
    let mut archived = priced("3", 300);
    archived.status = Some(contracts::catalog::ProductStatus::Archived);
    let next = vec![priced("1", 150), priced("2", Value::Null), archived];
    let done = taken(&shop, next).await;
    assert_eq!((done.created, done.updated, done.faults.len()), (0, 3, 0));
    assert_eq!(listed(&shop).await, [shown("product-1-1", 150)]);
    let seen = shop.seen("product-2-2").await.expect("product 2");
    assert_eq!((&seen["variants"][0]["price"], &seen["version"]), (&Value::Null, &json!(2)));
}

#[tokio::test]
async fn what_staff_changed_since_stays_until_the_file_changes() {
    let shop = shop().await;
    taken(&shop, vec![priced("1", 100)]).await;
    let made: Value = shop.seen("product-1-1").await.expect("the product");
    let id = made["id"].as_str().expect("an id").parse().expect("an id");
    shop.edit(id, 1, json!({ "title": "By hand", "slug": "by-hand" })).await.expect("edited");
    let same = taken(&shop, vec![priced("1", 100)]).await;
    assert_eq!((same.unchanged, shop.seen("by-hand").await.expect("it")["title"].clone()), (1, json!("By hand")));
    let other = taken(&shop, vec![priced("1", 101)]).await;
    assert_eq!(other.updated, 1);
    assert_eq!(shop.seen("by-hand").await.expect("it")["title"], "Product 1", "the address is the shop's");
}

#[tokio::test]
async fn an_attribute_keeps_its_type_and_what_does_not_fit_is_left_out() {
    let shop = shop().await;
    let with = |id: &str, value: Value| {
        product(json!({ "title": id, "attributes": { "size": value, "kind": "x" }, "variants": [{ "sku": id }] }))
    };
    let file = vec![with("a", json!(1.5)), with("b", json!("2.5")), with("c", json!("wide")), with("d", json!(true))];
    let done = taken(&shop, file).await;
    assert_eq!(done.created, 4);
    let faults: Vec<_> = done.faults.iter().map(|(index, fault)| (*index, fault.code, fault.left_out)).collect();
    assert_eq!(faults, [(2, "bad_attribute", false), (3, "bad_attribute", false)]);
    let attribute = async |sku: &str| {
        let variants =
            shop.ctx.call(contracts::catalog::ResolveVariants { variants: vec![], skus: vec![sku.to_owned()] });
        let product = variants.await.expect("an answer")[0].product;
        shop.product(product).await.attributes
    };
    assert_eq!(Value::from(attribute("b").await), json!({ "size": 2.5, "kind": "x" }));
    assert_eq!(Value::from(attribute("c").await), json!({ "kind": "x" }));
}

#[tokio::test]
async fn a_slug_is_kept_made_longer_or_refused() {
    let shop = shop().await;
    shop.create(json!({ "title": "x", "slug": "product-1-1", "variants": [{ "sku": "x" }] })).await.expect("a product");
    let made = taken(&shop, vec![priced("1", Value::Null)]).await;
    assert_eq!((made.created, made.faults.len()), (1, 0), "one made of the title is made longer");
    let mut said = priced("2", 1);
    said.slug = Some("product-1-1".to_owned());
    let refused = taken(&shop, vec![said]).await;
    assert_eq!((refused.created, refused.faults[0].1.code), (0, "slug_taken"));
}

#[tokio::test]
async fn categories_are_made_once_and_known_by_title_or_slug() {
    let shop = shop().await;
    let part = |body: Value| serde_json::from_value::<ImportedPart>(body).expect("a part");
    let parts = vec![
        part(
            json!({ "kind": "category", "titles": ["Tea"], "slug": "all-tea", "description": "Leaves", "position": 4 }),
        ),
        part(json!({ "kind": "category", "titles": ["Coffee", "Beans"] })),
        part(json!({ "kind": "category", "titles": ["Tea", "Green"], "slug": "Not a slug" })),
    ];
    let done = import_parts(&shop.ctx, parts.clone()).await.expect("imported");
    let faults: Vec<_> = done.faults.iter().map(|(index, fault)| (*index, fault.code)).collect();
    assert_eq!((done.created, faults), (1, vec![(1, "unknown_category"), (2, "bad_value")]));
    assert_eq!(import_parts(&shop.ctx, parts).await.expect("imported").created, 0);
    let in_categories = |sku: &str, categories: Value| {
        product(json!({ "title": sku, "categories": categories, "variants": [{ "sku": sku }] }))
    };
    let file = vec![
        in_categories("a", json!([["Tea", "Green"], "all-tea"])),
        in_categories("b", json!([["Tea", "Green"], ["Tea", "Green"]])),
        in_categories("c", json!([["Coffee", "Green"]])),
        in_categories("d", json!(["nowhere"])),
    ];
    let done = taken(&shop, file).await;
    let faults: Vec<_> = done.faults.iter().map(|(index, fault)| (*index, fault.code)).collect();
    assert_eq!((done.created, faults), (3, vec![(3, "unknown_category")]));
    let tree = shop.category("Another", Some("all-tea")).await.expect("a category");
    assert_eq!((tree.category.path.as_str(), tree.category.position), ("all-tea/another", 1));
    let twin = shop.seen("c").await;
    assert!(twin.is_err(), "it is a draft");
}

#[tokio::test]
async fn a_list_of_prices_changes_what_lists_show() {
    let shop = shop().await;
    taken(&shop, vec![priced("1", 100), priced("2", 200)]).await;
    let price = |sku: &str, amount: i64| ListedPrice {
        sku: sku.to_owned(),
        market: super::default_market(),
        price: contracts::Money::new(amount, contracts::Currency::EUR),
    };
    let list = vec![price("icecat-1", 90), price("icecat-2", 200), price("icecat-9", 1), price("icecat-1", -1)];
    let done = import_prices(&shop.ctx, list).await.expect("imported");
    shop.hot.forget_all();
    let faults: Vec<_> = done.faults.iter().map(|(index, fault)| (*index, fault.code)).collect();
    assert_eq!((done.changed, done.unchanged, faults), (1, 1, vec![(2, "unknown_sku"), (3, "bad_price")]));
    assert_eq!(listed(&shop).await, [("product-2-2".to_owned(), 200), ("product-1-1".to_owned(), 90)]);
}

#[tokio::test]
async fn what_the_shop_could_not_take_is_tried_and_told_again() {
    let shop = shop().await;
    let with = |id: &str, size: Value| {
        product(json!({ "title": id, "attributes": { "size": size }, "variants": [{ "sku": id }] }))
    };
    taken(&shop, vec![with("a", json!(1))]).await;
    for (size, expected) in [("wide", (1, 0)), ("wide", (0, 0)), ("wider", (0, 1)), ("wider", (0, 0))] {
        let done = taken(&shop, vec![with("a", json!(1)), with("b", json!(size))]).await;
        let told: Vec<_> = done.faults.iter().map(|(index, fault)| (*index, fault.code, fault.left_out)).collect();
        assert_eq!(((done.created, done.updated), done.unchanged), (expected, 2 - expected.0 - expected.1));
        assert_eq!(told, [(1, "bad_attribute", false)]);
    }
}
