//! A throw-away shop for tests: this service on SQLite, with fake peers that can be taken down.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering::SeqCst};

use ::store::{Clock, Db, Ids, Options, Tx, migrate};
use axum::extract::FromRequestParts;
use contracts::carts::{Basket, CartId, GetBasket};
use contracts::catalog::{GetVariants, ProductId, ProductStatus, VariantForSale, VariantId};
use contracts::customers::{Buyer, CustomerContact, CustomerId, GetCustomerContact};
use contracts::inventory::Availability;
use contracts::orders::{CancelReason, OrderCancelled, OrderCompleted, OrderId, OrderPlaced, OrderedLine};
use contracts::pricing::{Quote, QuoteBasket};
use contracts::shipping::{GetShippingOptions, PickupPoint, ShippingMethodId, ShippingOption};
use contracts::{Address, Currency, Id, Money, TaxClass};
use jiff::Timestamp;
use platform::auth::sha256_hex;
use platform::calls::Peers;
use platform::config::Carts;
use platform::{ClientAddress, Config, Ctx, Identity, Problem, Process, Service};
use uuid::Uuid;

use crate::change_cart::{ChangeCart, change_cart};
use crate::change_lines::{AddLine, add_line};
use crate::claim::claim;
use crate::create_cart::{NewCart, create_cart};
use crate::get_basket::get_basket;
use crate::reactions;
use crate::show_cart::show_cart;
use crate::view::CartView;

pub const TEAPOT: u128 = 1;
pub const CUP: u128 = 2;
pub const ARCHIVED: u128 = 3;
pub const POST: u128 = 1;
pub const PICKUP: u128 = 2;

pub struct Shop {
    pub ctx: Ctx,
    /// Peers that do not answer.
    pub down: Arc<AtomicBool>,
    /// What a teapot costs.
    pub price: Arc<AtomicI64>,
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
    let ctx = Ctx::new(db.of("carts"), peers.clone(), Arc::new(Config::defaults()), Identity::default());
    let service = crate::service(&ctx);
    migrate::migrate(&db, &[("carts", service.migrations)]).await.expect("a schema");
    for statement in crate::store::ALL {
        db.prepare(statement).await.expect("a statement that the database understands");
    }
    let (down, price) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicI64::new(1000)));
    Process::new(Arc::clone(&ctx.config), peers).settle(&[service, fakes(&ctx, &down, &price)]);
    Shop { ctx, down, price, _folder: folder }
}

/// A catalogue of three variants, one way to send to AT and a place to fetch, prices that are sums, and accounts.
pub fn fakes(ctx: &Ctx, down: &Arc<AtomicBool>, price: &Arc<AtomicI64>) -> Service {
    let up = |down: &Arc<AtomicBool>| {
        let down = Arc::clone(down);
        move || {
            if down.load(SeqCst) { Err(Problem::unavailable("down")) } else { Ok(()) }
        }
    };
    let (catalog, shipping, pricing, customers) = (up(down), up(down), up(down), up(down));
    let price = Arc::clone(price);
    let sold = move |id: VariantId| {
        let known = variant(id)?;
        let is_teapot = known.product_title == "Teapot";
        Some(if is_teapot { VariantForSale { unit_price: Some(eur(price.load(SeqCst))), ..known } } else { known })
    };
    Service::new("fakes", ctx)
        .answers::<GetVariants, _, _>(move |_, call| {
            let answer = catalog().map(|()| call.variants.into_iter().filter_map(&sold).collect());
            async move { answer }
        })
        .answers::<GetShippingOptions, _, _>(move |_, call| {
            let up = shipping();
            async move { up.map(|()| options(&call)) }
        })
        .answers::<QuoteBasket, _, _>(move |_, call| {
            let up = pricing();
            async move { up.map(|()| sums(call)) }
        })
        .answers::<GetCustomerContact, _, _>(move |_, call| {
            let up = customers();
            let (email, locale) = ("account@example.com".to_owned(), "de".parse().expect("a locale"));
            async move { up.map(|()| CustomerContact { customer: call.customer, email, name: None, locale }) }
        })
}

/// The place to fetch is offered everywhere; what weighs more than 10 kg is not sent.
fn options(call: &GetShippingOptions) -> Vec<ShippingOption> {
    let is_sent = call.country.as_deref() == Some("AT") && call.weight_g <= 10_000;
    [Some(fetched()), is_sent.then(post)].into_iter().flatten().collect()
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
    ShippingOption { method, name: "Post".into(), price: eur(490), tax_class: TaxClass::standard(), pickup: None }
}

pub fn fetched() -> ShippingOption {
    let method = ShippingMethodId::from_uuid(Uuid::from_u128(PICKUP));
    let point = PickupPoint { name: "Shop".into(), address: address("AT") };
    ShippingOption { method, name: "Fetch".into(), price: eur(0), tax_class: TaxClass::standard(), pickup: Some(point) }
}

pub fn address(country: &str) -> Address {
    let address = format!(r#"{{"name": "Ada", "line1": "Ring 1", "city": "Wien", "country": "{country}"}}"#);
    serde_json::from_str(&address).expect("an address")
}

pub fn sums(call: QuoteBasket) -> Quote {
    let lines: i64 = call.lines.iter().map(|line| line.unit_price.amount * line.quantity.get()).sum();
    let total = eur(lines + call.shipping.map_or(0, |shipping| shipping.price.amount));
    Quote {
        currency: call.currency,
        tax_inclusive: true,
        reverse_charge: false,
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
    ChangeCart { shipping_address: Some(Some(address(country))), ..ChangeCart::default() }
}

pub fn customer(number: u128) -> CustomerId {
    CustomerId::from_uuid(Uuid::from_u128(number))
}

impl Shop {
    /// With other settings of carts.
    pub fn limit(&mut self, limit: impl FnOnce(&mut Carts)) {
        let mut config = (*self.ctx.config).clone();
        limit(&mut config.carts);
        self.ctx = self.ctx.with_config(config);
    }

    /// Where a request without a connection comes from.
    pub async fn somewhere(&self) -> ClientAddress {
        let (mut parts, ()) = axum::http::Request::new(()).into_parts();
        ClientAddress::from_request_parts(&mut parts, &self.ctx).await.expect("an address")
    }

    /// A guest's, empty.
    pub async fn open(&self) -> Held {
        self.open_with(NewCart::default()).await.expect("a cart")
    }

    pub async fn open_with(&self, body: NewCart) -> Result<Held, Problem> {
        let opened = create_cart(&self.ctx, self.somewhere().await, None, body).await?;
        let token = opened.token.expect("a guest's cart has a token");
        assert!(token.starts_with("souk_ct_"));
        let token_sha256 = sha256_hex(token.as_bytes());
        Ok(Held { id: opened.cart.id, buyer: Buyer::Guest { token_sha256 } })
    }

    /// A customer's.
    pub async fn open_for(&self, customer: CustomerId, body: NewCart) -> Result<Held, Problem> {
        let opened = create_cart(&self.ctx, self.somewhere().await, Some(customer), body).await?;
        assert_eq!((opened.token, opened.cart.customer), (None, Some(customer)));
        Ok(Held { id: opened.cart.id, buyer: Buyer::Customer { customer } })
    }

    pub async fn claim(&self, cart: &Held, customer: CustomerId) -> Result<CartView, Problem> {
        let token = cart.buyer.token_sha256().expect("a guest's cart").to_owned();
        Ok(claim(&self.ctx, customer, token, cart.id).await?)
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
        get_basket(self.ctx.clone(), GetBasket { cart: cart.id, buyer: cart.buyer.clone() }).await
    }

    /// Opened, filled and ready to be ordered.
    pub async fn ready(&self) -> Held {
        let cart = self.open().await;
        self.add(&cart, of(TEAPOT, 2)).await.expect("a line");
        let details = ChangeCart {
            email: Some(Some("ada@example.com".into())),
            shipping_method: Some(Some(post().method)),
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
                    Heard::Completed(event) => reactions::on_order_completed(ctx, tx, event).await,
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
    Completed(OrderCompleted),
}

pub fn order(number: u128) -> OrderId {
    OrderId::from_uuid(Uuid::from_u128(number))
}

pub fn placed(cart: CartId, number: u128) -> Heard {
    let (market, placed_at) = ("default".parse().expect("a market"), Timestamp::UNIX_EPOCH);
    Heard::Placed(OrderPlaced { order: order(number), cart, cart_version: 3, market, lines: vec![], placed_at })
}

/// Of this version of the cart, with these units of its variants.
pub fn placed_with(cart: CartId, number: u128, cart_version: i64, units: &[(u128, i64)]) -> Heard {
    let line = |(variant, quantity): &(u128, i64)| OrderedLine {
        line: Id::from_uuid(Uuid::from_u128(1_000 + variant)),
        variant: VariantId::from_uuid(Uuid::from_u128(*variant)),
        quantity: *quantity,
        requires_shipping: true,
    };
    match placed(cart, number) {
        Heard::Placed(event) => {
            Heard::Placed(OrderPlaced { cart_version, lines: units.iter().map(line).collect(), ..event })
        }
        other => other,
    }
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
