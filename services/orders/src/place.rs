//! Places an order for a cart. The order exists, and its event and its timer with it, or none does.

use ::store::idempotency::{self, Key};
use ::store::{Ids, Tx};
use contracts::carts::{Basket, CartId, GetBasket};
use contracts::orders::{OrderId, OrderPlaced, OrderStatus};
use contracts::{Event, Id, Metadata, Money};
use jiff::{SignedDuration, Timestamp};
use platform::auth::Buyer;
use platform::config::PaymentMethod;
use platform::http::{Body, Replay, RequiredKey, replayed};
use platform::{Ctx, Problem, fault};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::error::Error;
use crate::order::{Entry, Order};
use crate::sale::{Sale, Terms};
use crate::view::{HistoryEntry, OrderView};
use crate::{jobs, read, store};

pub const ROUTE: &str = "POST /v1/orders";
/// Of a billion numbers few are taken: two in a row are rare, five do not happen.
const NUMBERS_TRIED_MAX: usize = 5;

/// What a buyer sends to order a cart.
#[derive(Debug, Clone, Serialize, Deserialize, garde::Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PlaceOrder {
    #[garde(skip)]
    pub cart: CartId,
    #[garde(dive)]
    pub payment: PaymentChoice,
    /// The total that the buyer was shown; if it is another now, the order is refused with the new one.
    #[serde(default)]
    #[garde(skip)]
    pub expected_total: Option<Money>,
    /// Instead of the cart's.
    #[serde(default)]
    #[garde(skip)]
    pub metadata: Option<Metadata>,
}

/// How the buyer means to pay.
#[derive(Clone, Serialize, Deserialize, garde::Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PaymentChoice {
    /// One of the shop's ways to pay.
    #[garde(length(chars, min = 1, max = 64))]
    #[schema(example = "card", max_length = 64)]
    pub method: String,
    /// The gateway's name for the buyer's card.
    #[serde(default)]
    #[garde(inner(custom(contracts::values::is_token)))]
    #[schema(example = "tok_ok", max_length = 255)]
    pub token: Option<String>,
}

impl std::fmt::Debug for PaymentChoice {
    /// Without the token.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PaymentChoice").field("method", &self.method).finish_non_exhaustive()
    }
}

/// What a request to place an order is answered with.
pub struct Placed {
    pub view: OrderView,
    /// The key made this order before.
    pub is_repeat: bool,
}

/// Same `key` and body, same order. Errors: `CartIncomplete`, `PriceChanged`, `CartAlreadyOrdered`, and
/// what `carts` refuses.
pub async fn place(ctx: &Ctx, buyer: Buyer, key: RequiredKey, body: Body<PlaceOrder>) -> Result<Placed, Error> {
    let key = match key.look_up(&ctx.db, body.cart.to_string(), ROUTE, &body).await? {
        Replay::Made(made) => return repeat(ctx, made.resource, &buyer).await,
        Replay::New(key) => key,
    };
    let body = body.into_inner();
    let method = payment_method(ctx, &body.payment.method)?;
    let basket = basket(ctx, body.cart, &buyer).await?;
    check(&basket, body.expected_total)?;
    let terms = Terms {
        buyer_sha256: buyer.token_sha256.clone(),
        payment_method: body.payment.method,
        metadata: body.metadata,
        placed_at: ctx.clock.now(),
    };
    let (sale, lines) = Sale::of(basket, terms)?;
    let order = Order::place(ctx.ids.next(), sale, lines, body.payment.token);

    fault::point("orders.placing");
    let new = NewOrder { key: key.clone(), order: order.clone(), unpaid_until: unpaid_until(&order, method) };
    let prefix = ctx.config.orders.number_prefix.clone();
    match ctx.db.write((new, prefix), |tx, (new, prefix)| Box::pin(write(tx, new, prefix))).await {
        Ok(number) => {
            fault::point("orders.placed");
            Ok(Placed { view: first_view(Order { number, ..order }), is_repeat: false })
        }
        Err(NotWritten::KeyTaken) => {
            let made = replayed(&ctx.db, &key).await?;
            repeat(ctx, made.resource, &buyer).await
        }
        Err(NotWritten::CartOrdered(other)) => Err(already_ordered(other)),
        Err(NotWritten::Store(error)) => Err(error.into()),
    }
}

/// All that an order is made of, for its one transaction.
struct NewOrder {
    key: Key,
    order: Order,
    unpaid_until: Timestamp,
}

/// Why nothing was written.
enum NotWritten {
    /// A faster request with the same key.
    KeyTaken,
    /// A faster request for the same cart.
    CartOrdered(OrderId),
    Store(::store::Error),
}

impl From<::store::Error> for NotWritten {
    fn from(error: ::store::Error) -> Self {
        Self::Store(error)
    }
}

/// Returns the number that the order got.
async fn write(tx: &mut Tx, new: &NewOrder, number_prefix: &str) -> Result<String, NotWritten> {
    let order = &new.order;
    if !idempotency::claim(tx, &new.key, 201, order.id.uuid()).await? {
        return Err(NotWritten::KeyTaken);
    }
    let number = insert(tx, order, number_prefix).await?;
    store::insert_lines(tx, order).await?;
    store::append_history(tx, order.id, 0, &[first_entry()]).await?;
    tx.say(&order.placed());
    if !fault::planted("bug.orders.no_timer") {
        tx.start_at(&jobs::Expire { order: order.id }, new.unpaid_until);
    }
    Ok(number)
}

/// Inserts under the first free number, where the cart has no other living order.
async fn insert(tx: &mut Tx, order: &Order, number_prefix: &str) -> Result<String, NotWritten> {
    for _ in 0..NUMBERS_TRIED_MAX {
        let number = draw_number(tx.ids(), number_prefix);
        if store::insert(tx, order, &number).await? {
            return Ok(number);
        }
        if let Some(other) = store::living_beside(tx, &order.sale).await? {
            return Err(NotWritten::CartOrdered(other));
        }
    }
    Err(NotWritten::Store(::store::Error::NoRow("an order number that is free")))
}

/// Six letters and digits for people, drawn from the random end of a new id. Without I, L, O and U:
/// none is taken for another when it is read out.
fn draw_number(ids: &Ids, prefix: &str) -> String {
    const LETTERS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    let bits = ids.uuid().as_u128();
    let letter = |place: u32| char::from(LETTERS[(bits >> (place * 5)) as usize & 31]);
    let letters: String = (0..6).rev().map(letter).collect();
    format!("{prefix}-{letters}")
}

fn unpaid_until(order: &Order, method: &PaymentMethod) -> Timestamp {
    let unpaid = SignedDuration::from_mins(method.unpaid_minutes_max);
    order.sale.placed_at.saturating_add(unpaid).unwrap_or(Timestamp::MAX)
}

fn payment_method<'a>(ctx: &'a Ctx, name: &str) -> Result<&'a PaymentMethod, Problem> {
    let methods = &ctx.config.payments;
    methods.get(name).ok_or_else(|| {
        let known: Vec<&str> = methods.keys().map(String::as_str).collect();
        Problem::field("/payment/method", format!("is not one of this shop's ways to pay: {}", known.join(", ")))
    })
}

/// The basket as `carts` sees it; a cart that was ordered before is refused with its order.
async fn basket(ctx: &Ctx, cart: CartId, buyer: &Buyer) -> Result<Basket, Error> {
    match ctx.call(GetBasket { cart, token_sha256: buyer.token_sha256.clone() }).await {
        Err(problem) if problem.code == "carts.ordered" => {
            let other = store::living_of_cart(&ctx.db, cart, &buyer.token_sha256).await?;
            Err(other.map_or(Error::Problem(problem), already_ordered))
        }
        answer => Ok(answer?),
    }
}

/// Complete, and at the price the buyer was shown.
fn check(basket: &Basket, expected_total: Option<Money>) -> Result<(), Error> {
    if !basket.missing.is_empty() {
        let context = serde_json::json!({ "missing": basket.missing });
        return Err(Problem::from(Error::CartIncomplete).with_context(context).into());
    }
    let total = basket.quote.total;
    if expected_total.is_some_and(|expected| expected != total) {
        let context = serde_json::json!({ "total": total, "amounts": basket.quote.amounts });
        return Err(Problem::from(Error::PriceChanged { total }).with_context(context).into());
    }
    Ok(())
}

fn already_ordered(order: OrderId) -> Error {
    Problem::from(Error::CartAlreadyOrdered).with_context(serde_json::json!({ "order": order })).into()
}

async fn repeat(ctx: &Ctx, order: uuid::Uuid, buyer: &Buyer) -> Result<Placed, Error> {
    let view = read::for_buyer(ctx, OrderId::from_uuid(order), &buyer.token_sha256).await?;
    Ok(Placed { view, is_repeat: true })
}

fn first_entry() -> Entry {
    Entry { event: OrderPlaced::NAME, source: "buyer", status: OrderStatus::Placed, note: None }
}

/// What was just written, without reading it again.
fn first_view(order: Order) -> OrderView {
    let Entry { event, source, status, note } = first_entry();
    let entry =
        HistoryEntry { at: order.sale.placed_at, event: event.to_owned(), source: source.to_owned(), status, note };
    OrderView::of(order, vec![entry])
}
