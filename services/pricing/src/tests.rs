//! The verbs on a throw-away database, with a fake `customers`.

use std::collections::BTreeMap;
use std::sync::Arc;

use ::store::{Clock, Db, Ids, Options, idempotency, migrate};
use axum::extract::FromRequestParts;
use contracts::carts::LineId;
use contracts::catalog::VariantId;
use contracts::customers::{AuthenticateKey, Permission, StaffPrincipal};
use contracts::pricing::{BasketLine, Quote, QuoteBasket, TaxPlace};
use contracts::{Currency, Id, Money, TaxClass};
use jiff::Timestamp;
use platform::auth::KeyCache;
use platform::calls::Peers;
use platform::http::{Page, Replay};
use platform::{Config, Ctx, Problem, Process, Service, Staff, can};
use uuid::Uuid;

use crate::create_zone::{NewTaxRate, NewTaxZone, create_zone};
use crate::list_zones::list_zones;
use crate::quote_basket::quote_basket;

struct Shop {
    ctx: Ctx,
    _folder: tempfile::TempDir,
}

async fn shop() -> Shop {
    let folder = tempfile::tempdir().expect("a folder");
    let options = Options::new(format!("sqlite:{}", folder.path().join("souk.db").display()));
    let db = Db::open(&options, Clock::fixed(Timestamp::UNIX_EPOCH), Ids::counted()).await.expect("a database");
    let peers = Peers::new(&BTreeMap::new(), None, db.clock().clone()).expect("peers");
    let ctx = Ctx::new(db.of("pricing"), peers.clone(), Arc::new(Config::defaults()), KeyCache::default());
    let service = crate::service(&ctx);
    migrate::migrate(&db, &[("pricing", service.migrations)]).await.expect("a schema");
    let customers = Service::new("customers", &ctx).answers::<AuthenticateKey, _, _>(staff_of_anyone);
    Process::new(Arc::clone(&ctx.config), peers).settle(&[service, customers]);
    Shop { ctx, _folder: folder }
}

async fn staff_of_anyone(ctx: Ctx, _: AuthenticateKey) -> Result<Option<StaffPrincipal>, Problem> {
    Ok(Some(StaffPrincipal { staff: ctx.ids.next(), key: ctx.ids.next(), permissions: Permission::ALL.to_vec() }))
}

async fn staff(ctx: &Ctx) -> Staff<()> {
    let request = axum::http::Request::builder().header("authorization", "Bearer souk_sk_test").body(());
    let (mut parts, ()) = request.expect("a request").into_parts();
    Staff::<can::PricingWrite>::from_request_parts(&mut parts, ctx).await.expect("a member of staff").actor()
}

fn new_zone(country: &str, region: Option<&str>, rates: &[(&str, &str)]) -> NewTaxZone {
    let rate = |(class, rate): &(&str, &str)| NewTaxRate {
        tax_class: class.parse().expect("a class"),
        rate: rate.parse().expect("a decimal"),
        name: "VAT".into(),
    };
    NewTaxZone {
        country: country.into(),
        region: region.map(Into::into),
        name: country.into(),
        rates: rates.iter().map(rate).collect(),
    }
}

fn teapots(ship_to: Option<(&str, Option<&str>)>) -> QuoteBasket {
    let line = BasketLine {
        line: LineId::from_uuid(Uuid::nil()),
        variant: VariantId::from_uuid(Uuid::nil()),
        title: "Teapot".into(),
        quantity: 2.try_into().expect("a quantity"),
        unit_price: Money::new(1999, Currency::EUR),
        tax_class: TaxClass::standard(),
    };
    let ship_to = ship_to.map(|(country, region)| TaxPlace { country: country.into(), region: region.map(Into::into) });
    let market = "default".parse().expect("a market");
    QuoteBasket { market, currency: Currency::EUR, ship_to, lines: vec![line], shipping: None }
}

async fn tax(ctx: &Ctx, ship_to: Option<(&str, Option<&str>)>) -> i64 {
    let quote: Quote = quote_basket(ctx.clone(), teapots(ship_to)).await.expect("a quote");
    assert_eq!(quote.total, Money::new(3998, Currency::EUR));
    quote.lines[0].tax.amount
}

#[tokio::test]
async fn a_basket_is_taxed_where_it_goes() {
    let shop = shop().await;
    let ctx = &shop.ctx;
    for zone in [
        new_zone("AT", None, &[("standard", "0.20"), ("reduced", "0.1")]),
        new_zone("DE", None, &[("standard", "0.19")]),
        new_zone("DE", Some("BY"), &[("standard", "0.5")]),
    ] {
        create_zone(ctx, staff(ctx).await, None, zone).await.expect("a zone");
    }
    assert_eq!(tax(ctx, None).await, 666, "the market's first country is AT");
    assert_eq!(tax(ctx, Some(("DE", None))).await, 638);
    assert_eq!(tax(ctx, Some(("DE", Some("by")))).await, 1333, "a region beats its country");
    assert_eq!(tax(ctx, Some(("DE", Some("HH")))).await, 638, "a region without a zone is its country");
    assert_eq!(tax(ctx, Some(("FR", None))).await, 0);
    let quote = quote_basket(ctx.clone(), teapots(Some(("FR", None)))).await.expect("a quote");
    assert!(quote.trace.iter().any(|step| step.text == "no tax: there is no rate for standard goods in FR"));
}

#[tokio::test]
async fn a_place_has_one_zone_and_a_class_one_rate() {
    let shop = shop().await;
    let ctx = &shop.ctx;
    create_zone(ctx, staff(ctx).await, None, new_zone("AT", None, &[("standard", "0.2")])).await.expect("a zone");
    let again = create_zone(ctx, staff(ctx).await, None, new_zone("AT", None, &[("standard", "0.1")])).await;
    let problem = Problem::from(again.expect_err("a refusal"));
    assert_eq!((problem.status, problem.code.as_ref()), (409, "pricing.zone_exists"));
    let twice =
        create_zone(ctx, staff(ctx).await, None, new_zone("DE", None, &[("standard", "0.2"), ("standard", "0.1")]))
            .await;
    assert_eq!(Problem::from(twice.expect_err("a refusal")).errors[0].pointer, "/rates/1/tax_class");
    assert_eq!(tax(ctx, None).await, 666, "the first zone stays as it is");
}

#[tokio::test]
async fn zones_are_listed_page_by_page_with_their_rates() {
    let shop = shop().await;
    let ctx = &shop.ctx;
    for (country, region) in [("DE", Some("BY")), ("AT", None), ("DE", None)] {
        let zone = new_zone(country, region, &[("standard", "0.20"), ("reduced", "0.070")]);
        create_zone(ctx, staff(ctx).await, None, zone).await.expect("a zone");
    }
    let first = list_zones(ctx, &Page { limit: Some(2), cursor: None }).await.expect("a page");
    let rest = list_zones(ctx, &Page { limit: Some(2), cursor: first.next.clone() }).await.expect("a page");
    let places: Vec<_> =
        first.items.iter().chain(&rest.items).map(|zone| (zone.country.as_str(), zone.region.as_deref())).collect();
    assert_eq!(places, [("AT", None), ("DE", None), ("DE", Some("BY"))]);
    let rates: Vec<_> =
        first.items[0].rates.iter().map(|rate| (rate.tax_class.as_str(), rate.rate.to_string())).collect();
    assert_eq!(rates, [("reduced", "0.07".to_owned()), ("standard", "0.2".to_owned())]);
    assert!(rest.next.is_none());
}

#[tokio::test]
async fn a_basket_of_other_currencies_or_markets_is_refused() {
    let shop = shop().await;
    let mut mixed = teapots(None);
    mixed.currency = Currency::USD;
    let problem = quote_basket(shop.ctx.clone(), mixed).await.expect_err("a refusal");
    assert_eq!((problem.status, problem.code.as_ref()), (422, "pricing.mixed_currencies"));
    let elsewhere = QuoteBasket { market: "moon".parse().expect("a market"), ..teapots(None) };
    assert_eq!(quote_basket(shop.ctx.clone(), elsewhere).await.expect_err("a refusal").errors[0].pointer, "/market");
}

#[tokio::test]
async fn a_repeated_key_makes_one_zone() {
    let shop = shop().await;
    let ctx = &shop.ctx;
    let key = || idempotency::Key {
        principal: "staff".into(),
        route: "POST /v1/admin/tax/zones",
        key: "k1".into(),
        body_sha256: "b".into(),
    };
    let austria = || new_zone("AT", None, &[("standard", "0.2")]);
    let first = create_zone(ctx, staff(ctx).await, Some(Replay::New(key())), austria()).await;
    let (zone, is_repeat) = first.expect("a zone");
    assert!(!is_repeat);
    // The second looked the key up before the first had it.
    let late = create_zone(ctx, staff(ctx).await, Some(Replay::New(key())), austria()).await;
    assert_eq!(late.expect("the same zone"), (zone.clone(), true));
    let made = idempotency::find(&ctx.db, &key()).await.expect("a look-up").expect("a key");
    let again = create_zone(ctx, staff(ctx).await, Some(Replay::Made(made)), austria()).await;
    assert_eq!(again.expect("the same zone"), (zone, true));
}
