//! The verbs on a throw-away database, with a fake `customers`.

use std::collections::BTreeMap;
use std::sync::Arc;

use ::store::idempotency::Key;
use ::store::work::{self, Cost};
use ::store::{Clock, Db, Ids, Options, migrate};
use axum::extract::FromRequestParts;
use contracts::catalog::{GetVariants, ProductId, ProductStatus, VariantForSale, VariantId};
use contracts::customers::{AuthenticateKey, Permission, StaffPrincipal};
use contracts::inventory::{Availability, StockAvailabilityChanged};
use contracts::{Currency, MarketId, Money};
use jiff::Timestamp;
use platform::auth::KeyCache;
use platform::calls::Peers;
use platform::http::Page;
use platform::{Config, Ctx, Outcome, Problem, Process, Service, Staff, can};
use serde_json::json;

use crate::Error;
use crate::browse::{list_products, show_product};
use crate::create_product::create_product;
use crate::edit_product::edit_product;
use crate::product::{NewProduct, ProductView};
use crate::reactions::on_stock_availability_changed;
use crate::set_price::set_price;

mod import;

struct Shop {
    ctx: Ctx,
    staff: Staff<()>,
    _folder: tempfile::TempDir,
}

async fn shop() -> Shop {
    let folder = tempfile::tempdir().expect("a folder");
    let options = Options::new(format!("sqlite:{}", folder.path().join("souk.db").display()));
    let db = Db::open(&options, Clock::fixed(Timestamp::UNIX_EPOCH), Ids::counted()).await.expect("a database");
    let peers = Peers::new(&BTreeMap::new(), None, db.clock().clone()).expect("peers");
    let ctx = Ctx::new(db.of("catalog"), peers.clone(), Arc::new(Config::defaults()), KeyCache::default());
    let service = crate::service(&ctx);
    migrate::migrate(&db, &[("catalog", service.migrations)]).await.expect("a schema");
    let customers = Service::new("customers", &ctx).answers::<AuthenticateKey, _, _>(staff_of_anyone);
    Process::new(Arc::clone(&ctx.config), peers).settle(&[service, customers]);
    let request = axum::http::Request::builder().header("authorization", "Bearer souk_sk_test").body(());
    let (mut parts, ()) = request.expect("a request").into_parts();
    let staff =
        Staff::<can::CatalogWrite>::from_request_parts(&mut parts, &ctx).await.expect("a member of staff").actor();
    Shop { ctx, staff, _folder: folder }
}

async fn staff_of_anyone(ctx: Ctx, _: AuthenticateKey) -> Result<Option<StaffPrincipal>, Problem> {
    Ok(Some(StaffPrincipal { staff: ctx.ids.next(), key: ctx.ids.next(), permissions: Permission::ALL.to_vec() }))
}

impl Shop {
    async fn create(&self, body: serde_json::Value) -> Result<ProductView, Error> {
        let product: NewProduct = serde_json::from_value(body).expect("a product");
        let id = create_product(&self.ctx, self.staff.clone(), None, product).await?.expect("no key was claimed");
        show_product(&self.ctx, &id.to_string(), None, true).await
    }

    async fn shirt(&self) -> ProductView {
        self.create(shirt()).await.expect("a shirt")
    }

    async fn for_sale(&self, variants: Vec<VariantId>) -> Vec<VariantForSale> {
        let call = GetVariants { variants, market: default_market(), currency: Currency::EUR };
        self.ctx.call(call).await.expect("variants")
    }

    /// The names of the events that catalog said, in order.
    async fn said(&self) -> Vec<String> {
        let said = self
            .ctx
            .peers
            .call_named("catalog.said", &json!({ "after": null, "limit": 500 }))
            .await
            .expect("an answer");
        let events = said["events"].as_array().expect("a list");
        events.iter().map(|event| event["name"].as_str().expect("a name").to_owned()).collect()
    }

    async fn flips(&self, variant: VariantId, availability: Availability, version: i64) -> Outcome {
        let event = StockAvailabilityChanged { variant, availability, version };
        let input = (self.ctx.clone(), event);
        let applied =
            self.ctx.db.write(input, |tx, (ctx, event)| Box::pin(on_stock_availability_changed(ctx, tx, event)));
        applied.await.expect("applied")
    }
}

fn default_market() -> MarketId {
    "default".parse().expect("a name")
}

fn shirt() -> serde_json::Value {
    json!({
        "title": "Linen shirt", "status": "active", "brand": "Souk", "options": ["Size"], "images": ["a.jpg", "b.jpg"],
        "attributes": { "fabric": "linen" }, "metadata": { "note": "x" }, "external_ref": { "source": "erp", "id": "1" },
        "variants": [
            { "sku": "S", "options": { "Size": "S" }, "weight_g": 200, "prices": [{ "amount": 1999 }],
              "size": { "length_mm": 1, "width_mm": 2, "height_mm": 3 }, "hs_code": "620520", "origin": "PT" },
            { "sku": "M", "options": { "Size": "M" }, "prices": [{ "market": "default", "amount": 2999, "currency": "EUR" }] },
        ],
    })
}

#[tokio::test]
async fn a_new_product_is_shown_to_buyers_by_id_and_by_slug() {
    let shop = shop().await;
    let made = shop.shirt().await;
    assert_eq!((made.slug.as_str(), made.version, made.variants.len()), ("linen-shirt", 1, 2));
    let seen = show_product(&shop.ctx, "linen-shirt", None, false).await.expect("the shirt");
    assert_eq!((seen.id, &seen.metadata, &seen.external_ref), (made.id, &None, &None));
    assert_eq!(seen.variants[0].price, Some(Money::new(1999, Currency::EUR)));
    assert_eq!(seen.variants[1].options, BTreeMap::from([("Size".to_owned(), "M".to_owned())]));
    assert_eq!(seen.variants[0].size.map(|size| size.height_mm), Some(3));
    assert_eq!(seen.variants[0].availability, Availability::Out);
    assert_eq!(shop.said().await, ["product.created", "audit.recorded"]);
}

#[tokio::test]
async fn a_draft_is_found_by_staff_alone() {
    let shop = shop().await;
    let draft = shop.create(json!({ "title": "Soon", "variants": [{ "sku": "soon" }] })).await.expect("a draft");
    assert_eq!(draft.status, ProductStatus::Draft);
    let hidden = show_product(&shop.ctx, "soon", None, false).await;
    assert!(matches!(hidden, Err(Error::ProductNotFound { product }) if product == "soon"));
    let neither = show_product(&shop.ctx, "so\0on", None, true).await;
    assert!(matches!(neither, Err(Error::ProductNotFound { .. })));
    assert!(list_products(&shop.ctx, &Page::default(), None).await.expect("a page").items.is_empty());
}

#[tokio::test]
async fn names_that_are_taken_are_refused_and_leave_nothing_behind() {
    let shop = shop().await;
    shop.shirt().await;
    let refused = |change: serde_json::Value| {
        let mut body = json!({ "title": "Linen shirt", "variants": [{ "sku": "other" }] });
        body.as_object_mut().expect("an object").extend(change.as_object().expect("an object").clone());
        shop.create(body)
    };
    let sku = refused(json!({ "variants": [{ "sku": "free" }, { "sku": "M" }], "options": [] })).await;
    assert!(matches!(sku, Err(Error::Problem(_))), "two variants without options are the same one");
    let sku = refused(json!({ "variants": [{ "sku": "M" }] })).await;
    assert!(matches!(sku, Err(Error::SkuTaken { sku }) if sku == "M"));
    let slug = refused(json!({ "slug": "linen-shirt" })).await;
    assert!(matches!(slug, Err(Error::SlugTaken { .. })));
    let reference = refused(json!({ "external_ref": { "source": "erp", "id": "1" } })).await;
    assert!(matches!(reference, Err(Error::ExternalRefTaken { .. })));
    assert_eq!(shop.said().await.len(), 2, "only the first was said");
    let same_title = refused(json!({})).await.expect("a slug of its own");
    assert!(same_title.slug.starts_with("linen-shirt-"), "{}", same_title.slug);
}

#[tokio::test]
async fn the_same_key_makes_one_product() {
    let shop = shop().await;
    let key =
        Key { principal: "staff".into(), route: "POST /v1/admin/products", key: "k".into(), body_sha256: "b".into() };
    let create = || {
        create_product(
            &shop.ctx,
            shop.staff.clone(),
            Some(key.clone()),
            serde_json::from_value(shirt()).expect("a shirt"),
        )
    };
    let (one, other) = tokio::join!(create(), create());
    let made: Vec<_> = [one, other].into_iter().filter_map(|made| made.expect("no refusal")).collect();
    assert_eq!(made.len(), 1);
    assert_eq!(list_products(&shop.ctx, &Page::default(), None).await.expect("a page").items.len(), 1);
}

#[tokio::test]
async fn the_list_is_newest_first_and_each_page_goes_on_where_the_last_ended() {
    let shop = shop().await;
    shop.shirt().await;
    for number in 0..4 {
        let body = json!({ "title": format!("Cap {number}"), "status": "active", "variants": [{ "sku": format!("cap-{number}") }] });
        shop.create(body).await.expect("a cap");
    }
    let (mut titles, mut cursor) = (Vec::new(), None);
    loop {
        let cost = Arc::new(Cost::default());
        let page = Page { limit: Some(2), cursor: cursor.take() };
        let list =
            work::scope("list", None, Arc::clone(&cost), list_products(&shop.ctx, &page, None)).await.expect("a page");
        assert_eq!(cost.statements(), 1);
        titles.extend(list.items.iter().map(|item| item.title.clone()));
        cursor = list.next;
        if cursor.is_none() {
            let shirt = &list.items[0];
            assert_eq!(
                (shirt.price_min, shirt.price_max),
                (Some(Money::new(1999, Currency::EUR)), Some(Money::new(2999, Currency::EUR)))
            );
            assert_eq!(shirt.image.as_deref(), Some("a.jpg"));
            break;
        }
    }
    assert_eq!(titles, ["Cap 3", "Cap 2", "Cap 1", "Cap 0", "Linen shirt"]);
}

#[tokio::test]
async fn an_edit_on_an_old_version_is_refused_and_an_archived_product_is_gone() {
    let shop = shop().await;
    let made = shop.shirt().await;
    let edit = |version, body| {
        edit_product(&shop.ctx, shop.staff.clone(), made.id, version, serde_json::from_value(body).expect("an edit"))
    };
    edit(1, json!({ "title": "Linen shirt, washed", "brand": null })).await.expect("edited");
    let stale = edit(1, json!({ "title": "lost" })).await;
    assert!(matches!(stale, Err(Error::ProductChanged { version: 2 })));
    let now = show_product(&shop.ctx, "linen-shirt", None, true).await.expect("the shirt");
    assert_eq!((now.title.as_str(), now.brand, now.version), ("Linen shirt, washed", None, 2));
    assert_eq!((now.attributes, now.metadata), (made.attributes.clone(), made.metadata.clone()));
    edit(2, json!({ "status": "archived" })).await.expect("archived");
    assert!(show_product(&shop.ctx, "linen-shirt", None, false).await.is_err());
    assert_eq!(shop.for_sale(vec![made.variants[0].id]).await[0].status, ProductStatus::Archived);
    let nobody = edit_product(
        &shop.ctx,
        shop.staff.clone(),
        shop.ctx.ids.next::<ProductId>(),
        1,
        serde_json::from_value(json!({ "title": "x" })).expect("an edit"),
    )
    .await;
    assert!(matches!(nobody, Err(Error::ProductNotFound { .. })));
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
    assert_eq!(set(1500).await.expect("set"), Money::new(1500, Currency::EUR));
    set(1500).await.expect("set again");
    let now = show_product(&shop.ctx, "linen-shirt", None, false).await.expect("the shirt");
    assert_eq!(now.variants[0].price, Some(Money::new(1500, Currency::EUR)));
    assert_ne!(now.tag(), made.tag());
    assert_eq!(shop.said().await.iter().filter(|name| *name == "price.changed").count(), 1);
    let nobody = set_price(
        &shop.ctx,
        shop.staff.clone(),
        shop.ctx.ids.next(),
        default_market(),
        &serde_json::from_value(json!({ "amount": 1 })).expect("a price"),
    )
    .await;
    assert!(matches!(nobody, Err(Error::VariantNotFound { .. })));
}

#[tokio::test]
async fn variants_are_answered_in_one_statement_and_unknown_ones_left_out() {
    let shop = shop().await;
    let made = shop.shirt().await;
    let wanted = vec![made.variants[1].id, shop.ctx.ids.next(), made.variants[0].id];
    let cost = Arc::new(Cost::default());
    let found = work::scope("ask", None, Arc::clone(&cost), shop.for_sale(wanted)).await;
    assert_eq!((found.len(), cost.statements()), (2, 1));
    let small = found.iter().find(|variant| variant.sku == "S").expect("the small one");
    assert_eq!(small.options, [("Size".to_owned(), "S".to_owned())]);
    assert_eq!(
        (small.unit_price, small.weight_g, small.image.as_deref()),
        (Some(Money::new(1999, Currency::EUR)), 200, Some("a.jpg"))
    );
    let dollars =
        GetVariants { variants: vec![made.variants[0].id], market: default_market(), currency: Currency::USD };
    assert_eq!(shop.ctx.call(dollars).await.expect("variants")[0].unit_price, None);
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
    let now = show_product(&shop.ctx, "linen-shirt", None, false).await.expect("the shirt");
    assert_eq!(now.variants[0].availability, Availability::Low);
    assert_ne!(now.tag(), made.tag());
    let list = list_products(&shop.ctx, &Page::default(), None).await.expect("a page");
    assert_eq!(list.items[0].availability, Availability::Low, "the best of both variants");
}
