//! Products as staff makes and edits them and buyers read them.

use std::collections::BTreeMap;
use std::sync::Arc;

use ::store::idempotency::Key;
use ::store::work::{self, Cost};
use contracts::catalog::{ProductId, ProductStatus, VariantId};
use contracts::inventory::Availability;
use contracts::{Currency, Money};
use platform::Outcome;
use serde_json::json;

use super::{default_market, every, shirt, shop, text};
use crate::Error;
use crate::create_product::create_product;
use crate::edit_product::edit_product;
use crate::listing::Sort;
use crate::set_price::{remove_price, set_price};

#[tokio::test]
async fn a_new_product_is_shown_to_buyers_by_id_and_by_slug() {
    let shop = shop().await;
    let made = shop.shirt().await;
    assert_eq!((made.slug.as_str(), made.version, made.variants.len()), ("linen-shirt", 1, 2));
    assert_eq!(made.variants[0].price, Some(Money::new(1999, Currency::EUR)));
    assert_eq!(made.variants[1].options, BTreeMap::from([("Size".to_owned(), "M".to_owned())]));
    assert_eq!(made.variants[0].size.map(|size| size.height_mm), Some(3));
    assert_eq!(made.variants[0].availability, Availability::Out);
    let seen = shop.seen("linen-shirt").await.expect("the shirt");
    assert_eq!(seen, shop.seen(&made.id.to_string()).await.expect("the shirt"));
    assert_eq!((text(&seen["id"]), text(&seen["brand"]["slug"])), (made.id.to_string(), "souk".to_owned()));
    for hidden in ["metadata", "external_ref"] {
        assert!(seen.get(hidden).is_none() && seen["variants"][0].get(hidden).is_none(), "{seen:#}");
    }
    assert_eq!(shop.said().await, ["product.created", "audit.recorded"]);
}

#[tokio::test]
async fn a_product_costs_one_statement_and_none_while_it_is_hot() {
    let shop = shop().await;
    let made = shop.shirt().await;
    let cost = || Arc::new(Cost::default());
    let (cold, hot, edited) = (cost(), cost(), cost());
    work::scope("cold", None, Arc::clone(&cold), shop.seen("linen-shirt")).await.expect("the shirt");
    work::scope("hot", None, Arc::clone(&hot), shop.seen("linen-shirt")).await.expect("the shirt");
    assert_eq!((cold.statements(), hot.statements()), (1, 0));
    shop.edit(made.id, 1, json!({ "title": "Washed" })).await.expect("edited");
    let seen = work::scope("edited", None, Arc::clone(&edited), shop.seen("linen-shirt")).await.expect("the shirt");
    assert_eq!((text(&seen["title"]), edited.statements()), ("Washed".to_owned(), 1));
}

#[tokio::test]
async fn a_draft_is_found_by_staff_alone() {
    let shop = shop().await;
    let draft = shop.create(json!({ "title": "Soon", "variants": [{ "sku": "soon", "prices": [{ "amount": 1 }] }] }));
    assert_eq!(draft.await.expect("a draft").status, ProductStatus::Draft);
    let hidden = shop.seen("soon").await;
    assert!(matches!(hidden, Err(Error::ProductNotFound { product }) if product == "soon"));
    assert!(matches!(shop.seen("so\0on").await, Err(Error::ProductNotFound { .. })));
    assert!(shop.titles(&every(), Sort::Newest).await.is_empty());
}

#[tokio::test]
async fn names_that_are_taken_are_refused_and_leave_nothing_behind() {
    let shop = shop().await;
    shop.shirt().await;
    let refused = |change: serde_json::Value| {
        let mut body = json!({ "title": "Linen shirt", "brand": "New", "variants": [{ "sku": "other" }] });
        body.as_object_mut().expect("an object").extend(change.as_object().expect("an object").clone());
        shop.create(body)
    };
    let twins = refused(json!({ "variants": [{ "sku": "free" }, { "sku": "M" }], "options": [] })).await;
    assert!(matches!(twins, Err(Error::Problem(_))), "two variants without options are the same one");
    let sku = refused(json!({ "variants": [{ "sku": "M" }] })).await;
    assert!(matches!(sku, Err(Error::SkuTaken { sku }) if sku == "M"));
    let slug = refused(json!({ "slug": "linen-shirt" })).await;
    assert!(matches!(slug, Err(Error::SlugTaken { .. })));
    let reference = refused(json!({ "external_ref": { "source": "erp", "id": "1" } })).await;
    assert!(matches!(reference, Err(Error::ExternalRefTaken { .. })));
    let category = refused(json!({ "categories": ["nowhere"] })).await;
    assert!(matches!(category, Err(Error::Problem(problem)) if problem.errors[0].pointer == "/categories/0"));
    assert_eq!(shop.said().await.len(), 2, "only the first was said");
    let brands = crate::browse::list_brands(&shop.ctx, &platform::http::Page::default(), false).await.expect("brands");
    assert_eq!(brands.items.len(), 1, "a refused product brings no brand");
    let same_title = refused(json!({})).await.expect("a slug of its own");
    assert!(same_title.slug.starts_with("linen-shirt-"), "{}", same_title.slug);
}

#[tokio::test]
async fn the_same_key_makes_one_product() {
    let shop = shop().await;
    let key =
        Key { principal: "staff".into(), route: "POST /v1/admin/products", key: "k".into(), body_sha256: "b".into() };
    let create = || {
        let product = serde_json::from_value(shirt()).expect("a shirt");
        create_product(&shop.ctx, shop.staff.clone(), Some(key.clone()), product)
    };
    let (one, other) = tokio::join!(create(), create());
    let made: Vec<_> = [one, other].into_iter().filter_map(|made| made.expect("no refusal")).collect();
    assert_eq!(made.len(), 1);
    assert_eq!(shop.titles(&every(), Sort::Newest).await.len(), 1);
}

#[tokio::test]
async fn an_edit_on_an_old_version_is_refused_and_an_archived_product_is_gone() {
    let shop = shop().await;
    let made = shop.shirt().await;
    shop.edit(made.id, 1, json!({ "title": "Linen shirt, washed", "brand": null })).await.expect("edited");
    let stale = shop.edit(made.id, 1, json!({ "title": "lost" })).await;
    assert!(matches!(stale, Err(Error::ProductChanged { version: 2 })));
    let now = shop.product(made.id).await;
    assert_eq!((now.title.as_str(), now.brand, now.version), ("Linen shirt, washed", None, 2));
    assert_eq!((now.attributes, now.metadata), (made.attributes.clone(), made.metadata.clone()));
    shop.edit(made.id, 2, json!({ "status": "archived" })).await.expect("archived");
    assert!(shop.seen("linen-shirt").await.is_err());
    assert!(shop.titles(&every(), Sort::Newest).await.is_empty());
    assert_eq!(shop.for_sale(vec![made.variants[0].id]).await[0].status, ProductStatus::Archived);
    shop.edit(made.id, 3, json!({ "status": "active" })).await.expect("brought back");
    assert_eq!(shop.titles(&every(), Sort::Newest).await, ["Linen shirt, washed"]);
    let said = shop.said().await;
    let of = |name: &str| said.iter().filter(|said| *said == name).count();
    assert_eq!((of("product.archived"), of("product.updated")), (1, 2));
    let nobody: ProductId = shop.ctx.ids.next();
    let edit = serde_json::from_value(json!({ "title": "x" })).expect("an edit");
    let nobody = edit_product(&shop.ctx, shop.staff.clone(), nobody, 1, edit).await;
    assert!(matches!(nobody, Err(Error::ProductNotFound { .. })));
}

#[tokio::test]
async fn an_edit_changes_every_field_or_none() {
    let shop = shop().await;
    shop.category("Shirts", None).await.expect("a category");
    shop.category("Sale", None).await.expect("a category");
    let made = shop.shirt().await;
    let edit = json!({
        "title": "Flax shirt", "slug": "flax-shirt", "description": "Cool.", "brand": "Weavers",
        "categories": ["sale", "shirts"], "attributes": { "weight": 160, "fabric": "flax" },
        "images": [{ "url": "https://cdn.example/x.jpg" }], "tax_class": "reduced",
        "metadata": { "a": "b" }, "external_ref": null,
    });
    let now = shop.edit(made.id, 1, edit).await.expect("edited");
    assert_eq!(
        (now.title.as_str(), now.slug.as_str(), now.description.as_str()),
        ("Flax shirt", "flax-shirt", "Cool.")
    );
    assert_eq!(now.brand.map(|brand| brand.slug).as_deref(), Some("weavers"));
    assert_eq!(now.categories.iter().map(|category| category.slug.as_str()).collect::<Vec<_>>(), ["sale", "shirts"]);
    assert_eq!((now.images.len(), now.external_ref), (1, None));
    assert!(now.variants.iter().all(|variant| variant.tax_class.as_str() == "reduced"));
    assert!(shop.seen("linen-shirt").await.is_err(), "the old address leads nowhere");
    shop.create(json!({ "title": "Linen shirt", "variants": [{ "sku": "x" }] })).await.expect("its slug is free");
    let refused = shop.edit(made.id, 2, json!({ "title": "Lost", "slug": "linen-shirt" })).await;
    assert!(matches!(refused, Err(Error::SlugTaken { .. })));
    let refused = shop.edit(made.id, 2, json!({ "title": "Lost", "attributes": { "weight": "light" } })).await;
    assert!(matches!(refused, Err(Error::Problem(problem)) if problem.errors[0].pointer == "/attributes/weight"));
    let now = shop.product(made.id).await;
    assert_eq!((now.title.as_str(), now.version), ("Flax shirt", 2));
}

#[tokio::test]
async fn a_price_moves_the_tag_and_is_said_once() {
    let shop = shop().await;
    let made = shop.shirt().await;
    let variant = made.variants[0].id;
    let set = |amount: i64| {
        let price = serde_json::from_value(json!({ "amount": amount })).expect("a price");
        let (ctx, staff) = (shop.ctx.clone(), shop.staff.clone());
        async move { set_price(&ctx, staff, variant, default_market(), &price).await }
    };
    assert_eq!(set(1500).await.expect("set"), (made.id, Money::new(1500, Currency::EUR)));
    set(1500).await.expect("set again");
    let now = shop.product(made.id).await;
    assert_eq!(now.variants[0].price, Some(Money::new(1500, Currency::EUR)));
    assert_ne!(now.tag(), made.tag());
    let changes = || async { shop.said().await.iter().filter(|name| *name == "price.changed").count() };
    assert_eq!(changes().await, 1);
    remove_price(&shop.ctx, shop.staff.clone(), variant, default_market()).await.expect("taken off sale");
    remove_price(&shop.ctx, shop.staff.clone(), variant, default_market()).await.expect("as it was");
    assert_eq!((shop.product(made.id).await.variants[0].price, changes().await), (None, 2));
    let price = serde_json::from_value(json!({ "amount": 1 })).expect("a price");
    let nobody = set_price(&shop.ctx, shop.staff.clone(), shop.ctx.ids.next(), default_market(), &price).await;
    assert!(matches!(nobody, Err(Error::VariantNotFound { .. })));
}

#[tokio::test]
async fn flips_of_availability_may_come_in_any_order_and_before_the_variant() {
    let shop = shop().await;
    let early: VariantId = shop.ctx.ids.next();
    assert!(matches!(shop.flips(early, Availability::In, 1).await, Outcome::Later(_)));
    let made = shop.shirt().await;
    let variant = made.variants[0].id;
    for (availability, version) in
        [(Availability::In, 1), (Availability::Low, 3), (Availability::Out, 2), (Availability::Low, 3)]
    {
        assert_eq!(shop.flips(variant, availability, version).await, Outcome::Done);
    }
    let now = shop.product(made.id).await;
    assert_eq!(now.variants[0].availability, Availability::Low);
    assert_ne!(now.tag(), made.tag());
    let list = shop.page(&every(), Sort::Newest, 1, None).await.expect("a page");
    assert_eq!(text(&list["items"][0]["availability"]), "low", "the best of both variants");
    let said = shop.said().await;
    assert_eq!(said.iter().filter(|name| *name == "products.changed").count(), 2, "once for each that was news");
}

#[tokio::test]
async fn a_category_of_another_name_moves_the_tag_that_staff_knows() {
    let shop = shop().await;
    shop.category("Tea", None).await.expect("a category");
    let made = shop
        .create(json!({ "title": "Sencha", "categories": ["tea"], "variants": [{ "sku": "s" }] }))
        .await
        .expect("a product");
    shop.edit_category("tea", json!({ "title": "Fine tea" })).await.expect("edited");
    let now = shop.product(made.id).await;
    assert_eq!((now.categories[0].title.as_str(), now.version), ("Fine tea", made.version));
    assert_ne!(now.tag(), made.tag());
    assert_eq!(now.tag(), shop.product(made.id).await.tag());
    // An edit is made on the version, which the tag begins with.
    assert_eq!(now.tag().split('.').next(), Some(made.version.to_string().as_str()));
}
