//! Variants and options after their product was made.

use std::sync::Arc;

use ::store::work::{self, Cost};
use contracts::catalog::{GetVariants, ProductId, ProductStatus, ResolveVariants, VariantId};
use contracts::{Currency, Money};
use serde_json::{Value, json};

use super::{Shop, default_market, every, shop};
use crate::Error;
use crate::add_variant::add_variant;
use crate::edit_variant::{edit_variant, remove_variant};
use crate::listing::Sort;
use crate::variant::VariantStatus;

impl Shop {
    async fn add(&self, product: ProductId, body: Value) -> Result<VariantId, Error> {
        let variant = serde_json::from_value(body).expect("a variant");
        let added = add_variant(&self.ctx, self.staff.clone(), None, product, variant).await?;
        Ok(added.expect("no key was claimed"))
    }

    async fn edit_variant(&self, product: ProductId, variant: VariantId, body: Value) -> Result<(), Error> {
        let version = self.product(product).await.version;
        let edit = serde_json::from_value(body).expect("an edit");
        edit_variant(&self.ctx, self.staff.clone(), product, variant, version, edit).await
    }

    async fn remove(&self, product: ProductId, variant: VariantId) -> Result<(), Error> {
        let version = self.product(product).await.version;
        remove_variant(&self.ctx, self.staff.clone(), product, variant, version).await
    }

    async fn skus(&self, product: ProductId) -> Vec<String> {
        let variants = self.product(product).await.variants.into_iter();
        variants.filter(|variant| variant.status == VariantStatus::Active).map(|variant| variant.sku).collect()
    }
}

fn pointer(result: Result<impl std::fmt::Debug, Error>) -> String {
    match result {
        Err(Error::Problem(problem)) => problem.errors[0].pointer.clone(),
        other => panic!("{other:?} is no problem of a field"),
    }
}

#[tokio::test]
async fn variants_are_answered_in_one_statement_and_unknown_ones_left_out() {
    let shop = shop().await;
    let made = shop.shirt().await;
    let wanted = vec![made.variants[1].id, shop.ctx.ids.next(), made.variants[0].id];
    let cost = Arc::new(Cost::default());
    let found = work::scope("ask", None, Arc::clone(&cost), shop.for_sale(wanted)).await;
    assert_eq!((found.len(), cost.statements()), (2, 1));
    let of = |sku: &str| found.iter().find(|variant| variant.sku == sku).expect("a variant");
    let (small, medium) = (of("S"), of("M"));
    assert_eq!(small.options, [("Size".to_owned(), "S".to_owned())]);
    assert_eq!((small.unit_price, small.weight_g), (Some(Money::new(1999, Currency::EUR)), 200));
    assert_eq!((small.image.as_deref(), medium.image.as_deref()), (Some("/a.jpg"), Some("/m.jpg")));
    let dollars =
        GetVariants { variants: vec![made.variants[0].id], market: default_market(), currency: Currency::USD };
    assert_eq!(shop.ctx.call(dollars).await.expect("variants")[0].unit_price, None);
}

#[tokio::test]
async fn variants_are_resolved_by_id_and_by_sku() {
    let shop = shop().await;
    let made = shop.shirt().await;
    let (small, medium) = (made.variants[0].id, made.variants[1].id);
    let call = ResolveVariants {
        variants: vec![small, shop.ctx.ids.next()],
        skus: vec!["M".into(), "S".into(), "nothing".into()],
    };
    let mut found = shop.ctx.call(call).await.expect("variants");
    found.sort_by_key(|found| found.variant);
    let found: Vec<_> = found.into_iter().map(|found| (found.variant, found.sku, found.product)).collect();
    assert_eq!(found, [(small, "S".to_owned(), made.id), (medium, "M".to_owned(), made.id)]);
}

#[tokio::test]
async fn a_variant_is_added_edited_taken_out_and_brought_back() {
    let shop = shop().await;
    let made = shop.shirt().await;
    let large = json!({ "sku": "L", "options": { "Size": "L" }, "prices": [{ "amount": 999 }] });
    let large = shop.add(made.id, large).await.expect("added");
    assert_eq!(shop.skus(made.id).await, ["S", "M", "L"]);
    let page = shop.page(&every(), Sort::Newest, 1, None).await.expect("a page");
    assert_eq!(page["items"][0]["price_min"]["amount"], 999, "lists know its price");
    let edit = json!({ "sku": "XL", "title": "Extra", "options": { "Size": "XL" }, "weight_g": 5, "hs_code": "620520",
        "size": { "length_mm": 1, "width_mm": 1, "height_mm": 1 }, "images": [{ "url": "/xl.jpg" }] });
    shop.edit_variant(made.id, large, edit).await.expect("edited");
    shop.edit_variant(made.id, large, json!({ "title": null, "size": null })).await.expect("edited");
    let now = shop.product(made.id).await;
    let edited = &now.variants[2];
    assert_eq!((edited.sku.as_str(), edited.title.as_deref(), edited.weight_g), ("XL", None, 5));
    assert_eq!((edited.size, edited.hs_code.as_deref(), edited.images.len()), (None, Some("620520"), 1));
    shop.remove(made.id, large).await.expect("taken out");
    assert_eq!(shop.skus(made.id).await, ["S", "M"]);
    let seen = shop.seen("linen-shirt").await.expect("the shirt");
    assert_eq!(seen["variants"].as_array().map(Vec::len), Some(2));
    assert_eq!(shop.for_sale(vec![large]).await[0].status, ProductStatus::Archived);
    shop.hot.forget(&[made.id]);
    let page = shop.page(&every(), Sort::Newest, 1, None).await.expect("a page");
    assert_eq!(page["items"][0]["price_min"]["amount"], 1999);
    shop.edit_variant(made.id, large, json!({ "status": "active" })).await.expect("brought back");
    assert_eq!(shop.skus(made.id).await, ["S", "M", "XL"]);
}

#[tokio::test]
async fn variants_that_can_not_be_are_refused() {
    let shop = shop().await;
    let made = shop.shirt().await;
    let (small, medium) = (made.variants[0].id, made.variants[1].id);
    let variant = |sku: &str, options: Value| json!({ "sku": sku, "options": options });
    assert_eq!(pointer(shop.add(made.id, variant("x", json!({ "Size": "M" }))).await), "/options");
    assert_eq!(pointer(shop.add(made.id, variant("x", json!({ "Colour": "red" }))).await), "/options");
    let taken = shop.add(made.id, variant("M", json!({ "Size": "XL" }))).await;
    assert!(matches!(taken, Err(Error::SkuTaken { .. })));
    let nowhere = shop.add(shop.ctx.ids.next(), variant("x", json!({}))).await;
    assert!(matches!(nowhere, Err(Error::ProductNotFound { .. })));
    let taken = shop.edit_variant(made.id, small, json!({ "sku": "M" })).await;
    assert!(matches!(taken, Err(Error::SkuTaken { .. })));
    shop.edit_variant(made.id, small, json!({ "sku": "S" })).await.expect("its own SKU is free to it");
    assert_eq!(pointer(shop.edit_variant(made.id, small, json!({ "options": { "Size": "M" } })).await), "/options");
    let other = shop.edit_variant(made.id, shop.ctx.ids.next(), json!({ "title": "x" })).await;
    assert!(matches!(other, Err(Error::VariantNotFound { .. })));
    shop.remove(made.id, medium).await.expect("taken out");
    assert!(matches!(shop.remove(made.id, small).await, Err(Error::LastVariant)));
    shop.add(made.id, variant("M2", json!({ "Size": "M" }))).await.expect("the place of the one that is out is free");
    assert_eq!(pointer(shop.edit_variant(made.id, medium, json!({ "status": "active" })).await), "/options");
    let stale = remove_variant(&shop.ctx, shop.staff.clone(), made.id, small, 1).await;
    assert!(matches!(stale, Err(Error::ProductChanged { .. })));
}

#[tokio::test]
async fn options_and_variants_are_put_in_another_order_and_renamed() {
    let shop = shop().await;
    let made = shop.shirt().await;
    let (small, medium) = (made.variants[0].id, made.variants[1].id);
    shop.edit(made.id, 1, json!({ "variants": [{ "id": medium }, { "id": small }] })).await.expect("arranged");
    assert_eq!(shop.skus(made.id).await, ["M", "S"]);
    let more = json!({ "options": ["Colour", "Size"], "variants": [
        { "id": medium, "options": { "Size": "M", "Colour": "red" } },
        { "id": small, "options": { "Size": "M", "Colour": "blue" } },
    ] });
    let now = shop.edit(made.id, 2, more).await.expect("arranged");
    assert_eq!(now.options, ["Colour", "Size"]);
    assert_eq!(now.variants[1].options["Colour"], "blue");
    let now = shop.edit(made.id, 3, json!({ "options": ["Size", "Colour"] })).await.expect("arranged");
    assert_eq!(now.options, ["Size", "Colour"]);
    let sold = shop.for_sale(vec![small]).await;
    assert_eq!(sold[0].options, [("Size".to_owned(), "M".to_owned()), ("Colour".to_owned(), "blue".to_owned())]);
    assert_eq!(pointer(shop.edit(made.id, 4, json!({ "options": ["Size"] })).await), "/options");
    assert_eq!(pointer(shop.edit(made.id, 4, json!({ "variants": [{ "id": small }] })).await), "/variants");
    assert_eq!(shop.product(made.id).await.version, 4);
}
