//! The verbs on a throw-away database, with a fake `customers`.

use std::collections::BTreeMap;
use std::sync::Arc;

use ::store::work::{self, Cost};
use ::store::{Clock, Db, Ids, Options, migrate};
use axum::extract::FromRequestParts;
use contracts::catalog::{GetVariants, ProductId, VariantForSale, VariantId};
use contracts::customers::{AuthenticateKey, Permission, StaffPrincipal};
use contracts::inventory::{Availability, StockAvailabilityChanged};
use contracts::{Currency, MarketId};
use jiff::Timestamp;
use platform::auth::Identity;
use platform::calls::Peers;
use platform::http::Page as Asked;
use platform::{Config, Ctx, Outcome, Problem, Process, Service, Staff, can};
use serde_json::{Value, json};

use crate::Error;
use crate::browse::{list_products, show_any_product, show_product};
use crate::category::CategoryPage;
use crate::create_category::create_category;
use crate::create_product::create_product;
use crate::edit_category::edit_category;
use crate::edit_product::edit_product;
use crate::hot::Hot;
use crate::listing::{Filter, Sort};
use crate::product::{NewProduct, ProductView};
use crate::reactions::on_stock_availability_changed;

mod attributes;
mod categories;
mod import;
mod lists;
mod products;
mod variants;

struct Shop {
    ctx: Ctx,
    hot: Hot,
    staff: Staff<()>,
    process: Process,
    _folder: tempfile::TempDir,
}

/// With the markets `default`, in euros, and `us`, in dollars.
async fn shop() -> Shop {
    let folder = tempfile::tempdir().expect("a folder");
    let options = Options::new(format!("sqlite:{}", folder.path().join("souk.db").display()));
    let db = Db::open(&options, Clock::fixed(Timestamp::UNIX_EPOCH), Ids::counted()).await.expect("a database");
    let peers = Peers::new(&BTreeMap::new(), None, db.clock().clone()).expect("peers");
    let mut config = Config::defaults();
    let us = platform::Market { currency: Currency::USD, ..config.markets[&default_market()].clone() };
    config.markets.insert("us".parse().expect("a name"), us);
    let ctx = Ctx::new(db.of("catalog"), peers.clone(), Arc::new(config), Identity::default());
    let service = crate::service(&ctx);
    migrate::migrate(&db, &[("catalog", service.migrations)]).await.expect("a schema");
    let doorman = Service::new("doorman", &ctx).answers::<AuthenticateKey, _, _>(staff_of_anyone);
    let process = Process::new(Arc::clone(&ctx.config), peers);
    let _routes = process.start(vec![service, doorman], &[]).await.expect("relay and jobs");
    let request = axum::http::Request::builder().header("authorization", "Bearer souk_sk_test").body(());
    let (mut parts, ()) = request.expect("a request").into_parts();
    let staff =
        Staff::<can::CatalogWrite>::from_request_parts(&mut parts, &ctx).await.expect("a member of staff").actor();
    Shop { ctx, hot: Hot::new(1_000_000), staff, process, _folder: folder }
}

async fn staff_of_anyone(ctx: Ctx, _: AuthenticateKey) -> Result<Option<StaffPrincipal>, Problem> {
    Ok(Some(StaffPrincipal { staff: ctx.ids.next(), key: ctx.ids.next(), permissions: Permission::ALL.to_vec() }))
}

impl Shop {
    async fn create(&self, body: Value) -> Result<ProductView, Error> {
        let product: NewProduct = serde_json::from_value(body).expect("a product");
        let id = create_product(&self.ctx, self.staff.clone(), None, product).await?.expect("no key was claimed");
        self.hot.forget(&[id]);
        show_any_product(&self.ctx, &id.to_string(), None).await
    }

    async fn shirt(&self) -> ProductView {
        self.create(shirt()).await.expect("a shirt")
    }

    /// As staff sees it.
    async fn product(&self, product: ProductId) -> ProductView {
        show_any_product(&self.ctx, &product.to_string(), None).await.expect("a product")
    }

    async fn edit(&self, product: ProductId, version: i64, body: Value) -> Result<ProductView, Error> {
        let edit = serde_json::from_value(body).expect("an edit");
        edit_product(&self.ctx, self.staff.clone(), product, version, edit).await?;
        self.hot.forget(&[product]);
        Ok(self.product(product).await)
    }

    /// As buyers in the default market see it.
    async fn seen(&self, product: &str) -> Result<Value, Error> {
        let place = self.hot.at(product);
        let page = match place.get() {
            Some(page) => page,
            None => show_product(&self.ctx, place, product, None).await?,
        };
        Ok(serde_json::from_slice(&page.bytes).expect("JSON"))
    }

    async fn category(&self, title: &str, parent: Option<&str>) -> Result<CategoryPage, Error> {
        let new = serde_json::from_value(json!({ "title": title, "parent": parent })).expect("a category");
        let id = create_category(&self.ctx, self.staff.clone(), None, new).await?.expect("no key was claimed");
        self.hot.forget_all();
        crate::browse::find_category(&self.ctx, &id.to_string()).await
    }

    async fn edit_category(&self, slug: &str, body: Value) -> Result<CategoryPage, Error> {
        let now = crate::browse::find_category(&self.ctx, slug).await?.category;
        let edit = serde_json::from_value(body).expect("an edit");
        edit_category(&self.ctx, self.staff.clone(), now.id, now.version, edit).await?;
        self.hot.forget_all();
        crate::browse::find_category(&self.ctx, &now.id.to_string()).await
    }

    /// A page of a list.
    async fn page(&self, filter: &Filter, sort: Sort, limit: i64, cursor: Option<String>) -> Result<Value, Error> {
        let asked = Asked { limit: Some(limit), cursor };
        let page = list_products(&self.ctx, self.hot.at("a list"), &asked, filter, sort).await?;
        Ok(serde_json::from_slice(&page.bytes).expect("JSON"))
    }

    /// The titles of a whole list, page by page; each page costs one statement.
    async fn titles(&self, filter: &Filter, sort: Sort) -> Vec<String> {
        let (mut titles, mut cursor) = (Vec::new(), None);
        loop {
            let cost = Arc::new(Cost::default());
            let page = self.page(filter, sort, 2, cursor);
            let page = work::scope("list", None, Arc::clone(&cost), page).await.expect("a page");
            let items = page["items"].as_array().expect("items");
            // Only a list that came out empty is asked why.
            assert!(cost.statements() <= 1 + u64::from(items.is_empty()), "{} statements", cost.statements());
            titles.extend(items.iter().map(|item| text(&item["title"])));
            cursor = page["next"].as_str().map(str::to_owned);
            if cursor.is_none() {
                return titles;
            }
        }
    }

    async fn for_sale(&self, variants: Vec<VariantId>) -> Vec<VariantForSale> {
        let call = GetVariants { variants, market: default_market(), currency: Currency::EUR };
        self.ctx.call(call).await.expect("variants")
    }

    /// The names of the events that catalog said, in order.
    async fn said(&self) -> Vec<String> {
        let asked = json!({ "after": null, "limit": 500 });
        let said = self.ctx.peers.call_named("catalog.said", &asked).await.expect("an answer");
        said["events"].as_array().expect("a list").iter().map(|event| text(&event["name"])).collect()
    }

    async fn flips(&self, variant: VariantId, availability: Availability, version: i64) -> Outcome {
        let event = StockAvailabilityChanged { variant, availability, version };
        let input = (self.ctx.clone(), event);
        let applied =
            self.ctx.db.write(input, |tx, (ctx, event)| Box::pin(on_stock_availability_changed(ctx, tx, event)));
        let outcome = applied.await.expect("applied");
        self.hot.forget_all();
        outcome
    }
}

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}

fn default_market() -> MarketId {
    "default".parse().expect("a name")
}

/// Every product of the default market.
fn every() -> Filter {
    Filter {
        market: default_market(),
        category: None,
        brand: None,
        price_min: None,
        price_max: None,
        in_stock: None,
        attributes: Vec::new(),
    }
}

fn shirt() -> Value {
    json!({
        "title": "Linen shirt", "status": "active", "brand": "Souk", "options": ["Size"],
        "images": [{ "url": "/a.jpg", "alt": "A shirt" }, { "url": "/b.jpg" }],
        "attributes": { "fabric": "linen" }, "metadata": { "note": "x" }, "external_ref": { "source": "erp", "id": "1" },
        "variants": [
            { "sku": "S", "options": { "Size": "S" }, "weight_g": 200, "prices": [{ "amount": 1999 }],
              "size": { "length_mm": 1, "width_mm": 2, "height_mm": 3 }, "hs_code": "620520", "origin": "PT" },
            { "sku": "M", "options": { "Size": "M" }, "images": [{ "url": "/m.jpg" }],
              "prices": [{ "market": "default", "amount": 2999, "currency": "EUR" }] },
        ],
    })
}
