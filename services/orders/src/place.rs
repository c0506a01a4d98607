//! Places an order for a cart. The order exists, and its event and its timer with it, or none does.

use ::store::Tx;
use ::store::idempotency::{self, Key};
use contracts::carts::{Basket, CartId, GetBasket};
use contracts::customers::Buyer;
use contracts::orders::{OrderId, OrderPlaced, OrderStatus};
use contracts::{Event, Id, Metadata, Money};
use platform::config::{Gateway, PaymentMethod};
use platform::http::{Body, Replay, RequiredKey, replayed};
use platform::{Ctx, Problem, fault};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::access::Asker;
use crate::change::Entry;
use crate::error::Error;
use crate::order::Order;
use crate::sale::{Sale, Terms};
use crate::view::{HistoryEntry, OrderView};
use crate::{advance, jobs, number, read, store};

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
    #[schema(example = "card", max_length = 64, min_length = 1)]
    pub method: String,
    /// The gateway's name for the buyer's card.
    #[serde(default)]
    #[garde(inner(custom(contracts::values::is_token)))]
    #[schema(value_type = Option<contracts::values::TokenText>, example = "tok_ok")]
    pub token: Option<String>,
    /// How much to pay so, where several payments make up the total; not said: all of it.
    #[serde(default)]
    #[garde(skip)]
    pub amount: Option<Money>,
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
    let payment_minor = payment_minor(body.payment.amount, basket.quote.total)?;
    must_have_token(&body.payment, method, basket.quote.total)?;
    let terms = Terms {
        buyer: buyer.clone(),
        payment_method: body.payment.method,
        payment_minor,
        metadata: body.metadata,
        placed_at: ctx.clock.now(),
    };
    let (sale, lines) = Sale::of(basket, terms)?;
    let unpaid_until = advance::unpaid_until(ctx, &sale.payment_method, sale.placed_at);
    let order = Order::place(ctx.ids.next(), sale, lines, body.payment.token, unpaid_until);

    fault::point("orders.placing");
    let new = NewOrder { key: key.clone(), order: order.clone() };
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
}

/// Why nothing was written.
enum NotWritten {
    /// A faster request with the same key.
    KeyTaken,
    /// A faster request for the same cart; `None`: somebody else's, who had the cart before.
    CartOrdered(Option<OrderId>),
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
        tx.start_at(&jobs::Expire { order: order.id }, order.unpaid_until);
    }
    Ok(number)
}

/// Inserts under the first free number, where the cart has no other living order.
async fn insert(tx: &mut Tx, order: &Order, number_prefix: &str) -> Result<String, NotWritten> {
    for _ in 0..NUMBERS_TRIED_MAX {
        let number = number::draw(tx.ids(), number_prefix);
        if store::insert(tx, order, &number).await? {
            return Ok(number);
        }
        if let Some((other, is_theirs)) = store::living_beside(tx, &order.sale).await? {
            return Err(NotWritten::CartOrdered(is_theirs.then_some(other)));
        }
    }
    Err(NotWritten::Store(::store::Error::NoRow("an order number that is free")))
}

fn payment_method<'a>(ctx: &'a Ctx, name: &str) -> Result<&'a PaymentMethod, Problem> {
    let methods = || ctx.config.payments.iter().filter(|(_, method)| method.enabled);
    methods().find(|(known, _)| *known == name).map(|(_, method)| method).ok_or_else(|| {
        let known: Vec<&str> = methods().map(|(known, _)| known.as_str()).collect();
        Problem::field("/payment/method", format!("is not one of this shop's ways to pay: {}", known.join(", ")))
    })
}

/// A card can't be asked without its token; what costs nothing asks no card.
fn must_have_token(payment: &PaymentChoice, method: &PaymentMethod, total: Money) -> Result<(), Problem> {
    if method.gateway == Gateway::Test && payment.token.is_none() && total.amount > 0 {
        return Err(Problem::field("/payment/token", "is needed for this way to pay: the gateway's name for the card"));
    }
    Ok(())
}

/// What is to be paid by the first payment: at least one cent, at most all.
fn payment_minor(amount: Option<Money>, total: Money) -> Result<Option<i64>, Problem> {
    let Some(amount) = amount else { return Ok(None) };
    if amount.currency == total.currency && (1..=total.amount).contains(&amount.amount) {
        return Ok(Some(amount.amount));
    }
    Err(Problem::field("/payment/amount", format!("is more than nothing and at most the total of {total}")))
}

/// The basket as `carts` sees it; a cart that was ordered before is refused with its order.
async fn basket(ctx: &Ctx, cart: CartId, buyer: &Buyer) -> Result<Basket, Error> {
    match ctx.call(GetBasket { cart, buyer: buyer.clone() }).await {
        Err(problem) if problem.code == "carts.ordered" => {
            let other = store::living_of_cart(&ctx.db, cart, buyer).await?;
            Err(other.map_or(Error::Problem(problem), |other| already_ordered(Some(other))))
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

fn already_ordered(order: Option<OrderId>) -> Error {
    let problem = Problem::from(Error::CartAlreadyOrdered);
    match order {
        Some(order) => problem.with_context(serde_json::json!({ "order": order })).into(),
        None => problem.into(),
    }
}

async fn repeat(ctx: &Ctx, order: uuid::Uuid, buyer: &Buyer) -> Result<Placed, Error> {
    let view = read::for_buyer(ctx, OrderId::from_uuid(order), &Asker::Buyer(buyer.clone())).await?;
    Ok(Placed { view, is_repeat: true })
}

fn first_entry() -> Entry {
    Entry { event: OrderPlaced::NAME, source: "buyer", staff: None, status: OrderStatus::Placed, detail: None }
}

/// What was just written, without reading it again.
fn first_view(order: Order) -> OrderView {
    let Entry { event, source, staff, status, detail } = first_entry();
    let (at, event, source) = (order.sale.placed_at, event.to_owned(), source.to_owned());
    let entry = HistoryEntry { sequence: order.version, at, event, source, staff, status, detail };
    OrderView::of(order, vec![entry])
}
