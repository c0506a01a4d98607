//! Imports on a throw-away database.

use std::collections::BTreeMap;
use std::sync::Arc;

use ::store::work::{self, Cost};
use contracts::catalog::{ProductStatus, VariantId};
use contracts::{Currency, Metadata, Money, TaxClass};
use serde_json::json;

use super::{default_market, shop};
use crate::browse::show_product;
use crate::{ImportedProduct, Refusal, import_products};

fn imported(id: &str, price: Option<i64>) -> ImportedProduct {
    ImportedProduct {
        source: "icecat".into(),
        id: id.into(),
        sku: format!("icecat-{id}"),
        title: format!("Product {id}"),
        description: String::new(),
        brand: None,
        status: ProductStatus::Active,
        attributes: serde_json::Map::new(),
        images: Vec::new(),
        metadata: Metadata::default(),
        tax_class: TaxClass::standard(),
        weight_g: 0,
        requires_shipping: true,
        market: default_market(),
        price: price.map(|amount| Money::new(amount, Currency::EUR)),
    }
}

#[tokio::test]
async fn the_same_import_again_changes_nothing() {
    let shop = shop().await;
    let file: Vec<ImportedProduct> = (0..500).map(|id| imported(&id.to_string(), Some(id))).collect();
    let first = import_products(&shop.ctx, file.clone()).await.expect("imported");
    assert_eq!((first.created, first.updated, first.unchanged, first.variants.len()), (500, 0, 0, 500));
    let cost = Arc::new(Cost::default());
    let again =
        work::scope("again", None, Arc::clone(&cost), import_products(&shop.ctx, file)).await.expect("imported");
    assert_eq!((again.created, again.updated, again.unchanged, cost.statements()), (0, 0, 500, 1));
    let by_sku = |variants: Vec<(String, VariantId)>| variants.into_iter().collect::<BTreeMap<_, _>>();
    assert_eq!(by_sku(first.variants), by_sku(again.variants));
    assert_eq!(shop.said().await, ["products.changed"]);
}

#[tokio::test]
async fn an_import_changes_what_differs_and_refuses_row_by_row() {
    let shop = shop().await;
    shop.shirt().await;
    let first = vec![imported("1", Some(100)), imported("2", Some(200)), imported("3", Some(300))];
    import_products(&shop.ctx, first).await.expect("imported");
    let row = |id: &str, change: fn(&mut ImportedProduct)| {
        let mut product = imported(id, Some(100));
        change(&mut product);
        product
    };
    let next = vec![
        imported("1", Some(100)),
        row("2", |product| product.price = None),
        row("3", |product| product.sku = "M".into()),
        row("4", |product| product.title.clear()),
        imported("5", None),
        imported("5", None),
        row("6", |product| product.sku = "icecat-1".into()),
        row("7", |product| product.sku = "icecat-2".into()),
        row("8", |product| drop(product.attributes.insert("a".into(), "\0".into()))),
    ];
    let done = import_products(&shop.ctx, next).await.expect("imported");
    assert_eq!((done.created, done.updated, done.unchanged), (1, 1, 1));
    let refusal = |index, why: &str| Refusal { index, why: why.into() };
    let expected = [
        refusal(2, "the SKU `M` belongs to another product"),
        refusal(3, "title is missing"),
        refusal(5, "the id `5` came shortly before"),
        refusal(6, "the SKU `icecat-1` came shortly before"),
        refusal(7, "the SKU `icecat-2` came shortly before"),
        refusal(8, "attributes or metadata have the character U+0000"),
    ];
    assert_eq!(done.refused, expected);
    let unpriced = show_product(&shop.ctx, "product-2-2", None, false).await.expect("product 2");
    assert_eq!((unpriced.variants[0].price, unpriced.version), (None, 2));
    let kept = show_product(&shop.ctx, "product-3-3", None, false).await.expect("product 3");
    assert_eq!(kept.variants[0].price, Some(Money::new(300, Currency::EUR)));
}

#[tokio::test]
async fn a_slug_that_is_taken_costs_no_import() {
    let shop = shop().await;
    shop.create(json!({ "title": "x", "slug": "product-1-1", "variants": [{ "sku": "x" }] })).await.expect("a product");
    let done = import_products(&shop.ctx, vec![imported("1", None)]).await.expect("imported");
    assert_eq!((done.created, done.refused.len()), (1, 0));
}
