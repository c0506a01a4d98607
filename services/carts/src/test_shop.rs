//! A throw-away shop for tests: this service on SQLite, with fake peers that can be taken down.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use ::store::{Clock, Db, Ids, Options, Tx, migrate};
use contracts::carts::{Basket, CartId, GetBasket};
use contracts::catalog::{GetVariants, ProductId, ProductStatus, VariantForSale, VariantId};
use contracts::inventory::Availability;
use contracts::orders::{CancelReason, OrderCancelled, OrderId, OrderPlaced};
use contracts::pricing::{Quote, QuoteBasket};
use contracts::shipping::{GetShippingOptions, ShippingMethodId, ShippingOption};
use contracts::{Currency, Id, Money, TaxClass};
use jiff::Timestamp;
use platform::auth::{Buyer, KeyCache, sha256_hex};
use platform::calls::Peers;
use platform::{Config, Ctx, Problem, Process, Service};
use uuid::Uuid;

use crate::change_cart::{ChangeCart, change_cart};
use crate::change_lines::{AddLine, add_line};
use crate::create_cart::{NewCart, create_cart};
use crate::get_basket::get_basket;
use crate::reactions;
use crate::show_cart::show_cart;
use crate::view::CartView;

pub const TEAPOT: u128 = 1;
pub const CUP: u128 = 2;
pub const ARCHIVED: u128 = 3;
pub const POST: u128 = 1;

pub struct Shop {
    pub ctx: Ctx,
    /// Peers that do not answer.
    pub down: Arc<AtomicBool>,
    _folder: tempfile::TempDir,
}

/// A cart in the hands of its buyer.
pub struct Held {
    pub id: CartId,
    pub buyer: Buyer,
}

pub async fn shop() -> Shop {
    let folder = tempfile::tempdir().expect("a folder");
    let options = Options::new(format!("sqlite:{}", folder.path().join("souk.db").display()));
    let db = Db::open(&options, Clock::fixed(Timestamp::UNIX_EPOCH), Ids::counted()).await.expect("a database");
    let peers = Peers::new(&BTreeMap::new(), None, db.clock().clone()).expect("peers");
    let ctx = Ctx::new(db.of("carts"), peers.clone(), Arc::new(Config::defaults()), KeyCache::default());
    let service = crate::service(&ctx);
    migrate::migrate(&db, &[("carts", service.migrations)]).await.expect("a schema");
    for statement in crate::store::ALL {
        db.prepare(statement).await.expect("a statement that the database understands");
    }
    let down = Arc::new(AtomicBool::new(false));
    Process::new(Arc::clone(&ctx.config), peers).settle(&[service, fakes(&ctx, &down)]);
    Shop { ctx, down, _folder: folder }
}

/// A catalogue of three variants, one way to send to AT, and prices that are sums.
pub fn fakes(ctx: &Ctx, down: &Arc<AtomicBool>) -> Service {
    let up = |down: &Arc<AtomicBool>| {
        let down = Arc::clone(down);
        move || {
            if down.load(SeqCst) { Err(Problem::unavailable("down")) } else { Ok(()) }
        }
    };
    let (catalog, shipping, pricing) = (up(down), up(down), up(down));
    Service::new("fakes", ctx)
        .answers::<GetVariants, _, _>(move |_, call| {
            let up = catalog();
            async move { up.map(|()| call.variants.into_iter().filter_map(variant).collect()) }
        })
        .answers::<GetShippingOptions, _, _>(move |_, call| {
            let up = shipping();
            async move { up.map(|()| if call.country == "AT" { vec![post()] } else { Vec::new() }) }
        })
        .answers::<QuoteBasket, _, _>(move |_, call| {
            let up = pricing();
            async move { up.map(|()| sums(call)) }
        })
}

pub fn variant(id: VariantId) -> Option<VariantForSale> {
    let (title, status) = match id.uuid().as_u128() {
        TEAPOT => ("Teapot", ProductStatus::Active),
        CUP => ("Cup", ProductStatus::Active),
        ARCHIVED => ("Jug", ProductStatus::Archived),
        _ => return None,
    };
    Some(VariantForSale {
        variant: id,
        product: ProductId::from_uuid(id.uuid()),
        status,
        product_title: title.into(),
        variant_title: None,
        sku: title.to_uppercase(),
        options: vec![("Size".into(), "M".into())],
        image: None,
        unit_price: Some(eur(1000)),
        tax_class: TaxClass::standard(),
        weight_g: 500,
        requires_shipping: true,
        availability: Availability::In,
    })
}

pub fn post() -> ShippingOption {
    let method = ShippingMethodId::from_uuid(Uuid::from_u128(POST));
    ShippingOption { method, name: "Post".into(), price: eur(490), tax_class: TaxClass::standard() }
}

pub fn sums(call: QuoteBasket) -> Quote {
    let lines: i64 = call.lines.iter().map(|line| line.unit_price.amount * line.quantity.get()).sum();
    let total = eur(lines + call.shipping.map_or(0, |shipping| shipping.price.amount));
    Quote {
        currency: call.currency,
        tax_inclusive: true,
        lines: vec![],
        shipping: None,
        amounts: vec![],
        total,
        trace: vec![],
    }
}

pub fn eur(amount: i64) -> Money {
    Money::new(amount, Currency::EUR)
}

pub fn of(variant: u128, quantity: i64) -> AddLine {
    let variant = VariantId::from_uuid(Uuid::from_u128(variant));
    AddLine { variant, quantity: quantity.try_into().expect("a quantity"), metadata: None }
}

pub fn going_to(country: &str) -> ChangeCart {
    let address = format!(r#"{{"name": "Ada", "line1": "Ring 1", "city": "Wien", "country": "{country}"}}"#);
    ChangeCart { shipping_address: Some(serde_json::from_str(&address).expect("an address")), ..ChangeCart::default() }
}

impl Shop {
    pub async fn open(&self) -> Held {
        let opened = create_cart(&self.ctx, NewCart::default()).await.expect("a cart");
        assert!(opened.token.starts_with("souk_ct_"));
        Held { id: opened.cart.id, buyer: Buyer { token_sha256: sha256_hex(opened.token.as_bytes()) } }
    }

    pub async fn add(&self, cart: &Held, line: AddLine) -> Result<CartView, Problem> {
        Ok(add_line(&self.ctx, &cart.buyer, cart.id, None, line).await?.0)
    }

    pub async fn change(&self, cart: &Held, change: ChangeCart) -> Result<CartView, Problem> {
        Ok(change_cart(&self.ctx, &cart.buyer, cart.id, change).await?)
    }

    pub async fn show(&self, cart: &Held) -> CartView {
        show_cart(&self.ctx, &cart.buyer, cart.id).await.expect("a cart")
    }

    pub async fn basket(&self, cart: &Held) -> Result<Basket, Problem> {
        get_basket(self.ctx.clone(), GetBasket { cart: cart.id, token_sha256: cart.buyer.token_sha256.clone() }).await
    }

    /// Opened, filled and ready to be ordered.
    pub async fn ready(&self) -> Held {
        let cart = self.open().await;
        self.add(&cart, of(TEAPOT, 2)).await.expect("a line");
        let details = ChangeCart {
            email: Some("ada@example.com".into()),
            shipping_method: Some(post().method),
            ..going_to("AT")
        };
        self.change(&cart, details).await.expect("a changed cart");
        cart
    }

    pub async fn hear(&self, heard: Heard) {
        let input = (self.ctx.clone(), heard);
        let written = self.ctx.db.write(input, |tx: &mut Tx, (ctx, heard)| {
            Box::pin(async move {
                match heard {
                    Heard::Placed(event) => reactions::on_order_placed(ctx, tx, event).await,
                    Heard::Cancelled(event) => reactions::on_order_cancelled(ctx, tx, event).await,
                }
            })
        });
        written.await.expect("a reaction");
    }
}

#[derive(Clone)]
pub enum Heard {
    Placed(OrderPlaced),
    Cancelled(OrderCancelled),
}

pub fn order(number: u128) -> OrderId {
    OrderId::from_uuid(Uuid::from_u128(number))
}

pub fn placed(cart: CartId, number: u128) -> Heard {
    let (market, placed_at) = ("default".parse().expect("a market"), Timestamp::UNIX_EPOCH);
    Heard::Placed(OrderPlaced { order: order(number), cart, cart_version: 3, market, lines: vec![], placed_at })
}

pub fn cancelled(cart: CartId, number: u128, reopens_cart: bool) -> Heard {
    Heard::Cancelled(OrderCancelled {
        order: order(number),
        cart,
        cart_version: 3,
        reason: CancelReason::Buyer,
        reopens_cart,
    })
}
