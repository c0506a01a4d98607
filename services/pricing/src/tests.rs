//! The verbs on a throw-away database, with a fake `customers`.

use std::collections::BTreeMap;
use std::sync::Arc;

use ::store::work::{self, Cost};
use ::store::{Clock, Db, Ids, Options, idempotency, migrate};
use axum::extract::FromRequestParts;
use contracts::carts::LineId;
use contracts::catalog::VariantId;
use contracts::customers::{AuthenticateKey, Permission, StaffPrincipal};
use contracts::pricing::{BasketLine, Quote, QuoteBasket, TaxPlace};
use contracts::{Currency, Id, Money, TaxClass};
use jiff::Timestamp;
use platform::auth::Identity;
use platform::calls::Peers;
use platform::http::{Page, Replay};
use platform::{Config, Ctx, Problem, Process, Service, Staff, can};
use uuid::Uuid;

use crate::create_zone::{NewTaxZone, create_zone};
use crate::edit_zone::{EditTaxZone, delete_zone, edit_zone};
use crate::list_zones::list_zones;
use crate::quote_basket::quote_basket;
use crate::zone::{NewTaxRate, TaxZoneView};

struct Shop {
    ctx: Ctx,
    _folder: tempfile::TempDir,
}

async fn shop() -> Shop {
    let folder = tempfile::tempdir().expect("a folder");
    let options = Options::new(format!("sqlite:{}", folder.path().join("souk.db").display()));
    let db = Db::open(&options, Clock::fixed(Timestamp::UNIX_EPOCH), Ids::counted()).await.expect("a database");
    let peers = Peers::new(&BTreeMap::new(), None, db.clock().clone()).expect("peers");
    let ctx = Ctx::new(db.of("pricing"), peers.clone(), Arc::new(Config::defaults()), Identity::default());
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

fn rate(class: &str, rate: &str) -> NewTaxRate {
    NewTaxRate { tax_class: class.parse().ok(), rate: rate.parse().expect("a decimal"), name: "VAT".into() }
}

fn new_zone(country: &str, region: Option<&str>, rates: &[(&str, &str)]) -> NewTaxZone {
    NewTaxZone {
        country: country.into(),
        region: region.map(Into::into),
        name: country.into(),
        rates: rates.iter().map(|(class, share)| rate(class, share)).collect(),
    }
}

async fn create(ctx: &Ctx, country: &str, region: Option<&str>, rates: &[(&str, &str)]) -> TaxZoneView {
    let zone = new_zone(country, region, rates);
    create_zone(ctx, staff(ctx).await, None, zone).await.expect("a zone").0
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
    let place = |(country, region): (&str, Option<&str>)| TaxPlace {
        country: country.into(),
        region: region.map(Into::into),
        tax_id: None,
    };
    let market = "default".parse().expect("a market");
    let ship_to = ship_to.map(place);
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
    create(ctx, "AT", None, &[("standard", "0.20"), ("reduced", "0.1")]).await;
    create(ctx, "DE", None, &[("standard", "0.19")]).await;
    create(ctx, "DE", Some("BY"), &[("standard", "0.5")]).await;
    assert_eq!(tax(ctx, None).await, 666, "the market's first country is AT");
    assert_eq!(tax(ctx, Some(("DE", None))).await, 638);
    assert_eq!(tax(ctx, Some(("DE", Some("by")))).await, 1333, "a region beats its country");
    assert_eq!(tax(ctx, Some(("DE", Some("DE-BY")))).await, 1333, "also where its country is written before it");
    assert_eq!(tax(ctx, Some(("DE", Some("HH")))).await, 638, "a region without a zone is its country");
}

#[tokio::test]
async fn where_no_rate_is_known_nothing_can_be_sold() {
    let shop = shop().await;
    let ctx = &shop.ctx;
    let problem = quote_basket(ctx.clone(), teapots(Some(("FR", None)))).await.expect_err("a refusal");
    assert_eq!((problem.status, problem.code.as_ref()), (409, "pricing.no_tax_rate"));
    assert!(problem.detail.contains("`standard` goods in FR"), "{problem}");
    create(ctx, "FR", None, &[("", "0.2")]).await;
    assert_eq!(tax(ctx, Some(("FR", None))).await, 666, "a rate without a class is for every other class");
}

#[tokio::test]
async fn a_business_across_the_border_pays_the_net_price_at_one_statement() {
    let shop = shop().await;
    let ctx = &shop.ctx;
    create(ctx, "DE", None, &[("standard", "0.19")]).await;
    let mut basket = teapots(Some(("DE", None)));
    let place = basket.ship_to.as_mut().expect("a place");
    place.tax_id = Some("DE 123 456 789".into());
    let cost = Arc::new(Cost::default());
    let quote = work::scope("test", None, Arc::clone(&cost), quote_basket(ctx.clone(), basket)).await.expect("a quote");
    assert!(quote.reverse_charge);
    assert_eq!((quote.total.amount, quote.lines[0].net.amount), (3360, 3360));
    assert!(!format!("{quote:?}").contains("123"), "the tax id is not repeated: {quote:?}");
    assert_eq!(cost.statements(), 1);
}

#[tokio::test]
async fn staff_edit_a_zone_and_take_it_away() {
    let shop = shop().await;
    let ctx = &shop.ctx;
    let zone = create(ctx, "AT", None, &[("standard", "0.2"), ("reduced", "0.1")]).await;
    let edit = |name: Option<&str>, rates: Option<Vec<NewTaxRate>>| EditTaxZone { name: name.map(Into::into), rates };
    let nothing = edit_zone(ctx, staff(ctx).await, zone.id, 1, edit(None, None)).await;
    assert_eq!(Problem::from(nothing.expect_err("a refusal")).status, 422);
    let renamed = edit_zone(ctx, staff(ctx).await, zone.id, 1, edit(Some("Österreich"), None)).await.expect("an edit");
    assert_eq!((renamed.name.as_str(), renamed.version, renamed.rates), ("Österreich", 2, zone.rates));
    let rates = || Some(vec![rate("standard", "0.25")]);
    let stale = edit_zone(ctx, staff(ctx).await, zone.id, 1, edit(None, rates())).await.expect_err("a refusal");
    assert_eq!(Problem::from(stale).code, "pricing.zone_changed");
    let dearer = edit_zone(ctx, staff(ctx).await, zone.id, 2, edit(None, rates())).await.expect("an edit");
    assert_eq!((dearer.rates.len(), dearer.version), (1, 3), "the new rates are all there are");
    assert_eq!(tax(ctx, None).await, 800);

    let stale = delete_zone(ctx, staff(ctx).await, zone.id, 2).await.expect_err("a refusal");
    assert_eq!(Problem::from(stale).status, 412);
    delete_zone(ctx, staff(ctx).await, zone.id, 3).await.expect("a deletion");
    let gone = delete_zone(ctx, staff(ctx).await, zone.id, 3).await.expect_err("a refusal");
    assert_eq!(Problem::from(gone).status, 404);
    assert_eq!(quote_basket(ctx.clone(), teapots(None)).await.expect_err("no rates").code, "pricing.no_tax_rate");
    create(ctx, "AT", None, &[("standard", "0.2")]).await;
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
        first.items[0].rates.iter().map(|rate| (rate.tax_class.clone(), rate.rate.to_string())).collect();
    let class = |name: &str| name.parse::<TaxClass>().ok();
    assert_eq!(rates, [(class("reduced"), "0.07".to_owned()), (class("standard"), "0.2".to_owned())]);
    assert!(rest.next.is_none());
}

#[tokio::test]
async fn a_basket_of_other_currencies_or_markets_is_refused() {
    let shop = shop().await;
    create(&shop.ctx, "AT", None, &[("standard", "0.2")]).await;
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
