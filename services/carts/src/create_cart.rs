//! Opens a cart, empty or with all that is known of it.

use ::store::Tx;
use contracts::customers::{Buyer, CustomerContact, CustomerId, GetCustomerContact};
use contracts::pricing::Quote;
use contracts::shipping::ShippingMethodId;
use contracts::{Address, Locale, MarketId, Metadata};
use garde::Validate;
use jiff::{SignedDuration, Timestamp};
use platform::auth::{CART_TOKEN_PREFIX, new_secret, sha256_hex};
use platform::{ClientAddress, Config, Ctx, Problem};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::cart::{Addition, Cart, Limits};
use crate::change_lines::AddLine;
use crate::checks::{price_of, require_country, require_email, require_method};
use crate::error::Error;
use crate::view::{CartView, OpenedCart};
use crate::{price, store};

const DEFAULT_MARKET: &str = "default";

/// A cart to be opened; all may be left out.
#[derive(Debug, Clone, Default, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewCart {
    /// Left out: `default`, or the first market by name. A cart stays in its market.
    #[serde(default)]
    #[garde(skip)]
    pub market: Option<MarketId>,
    /// Left out: the account's, else the market's.
    #[serde(default)]
    #[garde(skip)]
    pub locale: Option<Locale>,
    /// Left out: the account's.
    #[serde(default)]
    #[garde(length(chars, min = 3, max = 254))]
    #[schema(format = Email, example = "ada@example.com", min_length = 3, max_length = 254)]
    pub email: Option<String>,
    /// In one of the market's countries.
    #[serde(default)]
    #[garde(dive)]
    pub shipping_address: Option<Address>,
    /// Whom the invoice is for, where that is another address. With a company and its tax id a business buys.
    #[serde(default)]
    #[garde(dive)]
    pub billing_address: Option<Address>,
    /// One that serves the address, or a place to fetch.
    #[serde(default)]
    #[garde(skip)]
    pub shipping_method: Option<ShippingMethodId>,
    /// Equal variants make one line.
    #[serde(default)]
    #[garde(length(max = LINES_SENT_MAX), dive)]
    #[schema(max_items = 100)]
    pub lines: Vec<AddLine>,
    #[serde(default)]
    #[garde(skip)]
    pub metadata: Metadata,
}

const LINES_SENT_MAX: usize = 100;

/// Guests of one address are counted over so long.
pub const COUNTED_OVER: SignedDuration = SignedDuration::from_hours(1);

struct Opening {
    cart: Cart,
    buyer: Buyer,
    quote: Option<Quote>,
    open_max: i64,
    /// Where it is opened from, hashed, and how many carts guests may open there; `None`: it does not count.
    counted: Option<(String, i64)>,
}

/// Opens a cart and shows it: a customer's, or a guest's with its token, this once. Two or three statements.
///
/// Errors: `TooManyLines`, `TooManyCarts`, `TooManyOpened`; field problems at `/market`, `/email`, `/shipping_address/country`,
/// `/shipping_method` and `/lines`.
pub async fn create_cart(
    ctx: &Ctx,
    from: ClientAddress,
    customer: Option<CustomerId>,
    body: NewCart,
) -> Result<OpenedCart, Error> {
    let account = match customer {
        Some(customer) if body.email.is_none() => account(ctx, customer).await,
        Some(_) | None => None,
    };
    let mut cart = opened(ctx, customer, account, &body)?;
    require_email(body.email.as_ref())?;
    require_country(ctx, &cart, cart.shipping_address.as_ref())?;
    let offer = price::offer(ctx, &cart).await?;
    for (at, line) in body.lines.iter().enumerate() {
        let price = price_of(&cart, &offer, line.variant, &format!("/lines/{at}"))?;
        cart = cart.seen_at(line.variant, price);
    }
    require_method(ctx, &cart, &offer).await?;
    let token = customer.is_none().then(|| new_secret(CART_TOKEN_PREFIX));
    let buyer = match (customer, &token) {
        (Some(customer), _) => Buyer::Customer { customer },
        (None, token) => Buyer::Guest { token_sha256: sha256_hex(token.clone().unwrap_or_default().as_bytes()) },
    };
    let (open_max, opened_max) = (ctx.config.carts.open_per_customer_max, ctx.config.carts.guest_carts_per_hour_max);
    let counted = (customer.is_none() && opened_max > 0).then(|| (from.hashed(ctx), opened_max));
    let opening = Opening { cart: cart.clone(), buyer, quote: offer.quote.clone(), open_max, counted };
    ctx.db.write(opening, |tx, opening| Box::pin(insert(tx, opening))).await?;
    Ok(OpenedCart { cart: CartView::of(cart, offer, None, &ctx.config.carts), token })
}

/// The cart as it was asked for, its lines without prices yet.
fn opened(
    ctx: &Ctx,
    customer: Option<CustomerId>,
    account: Option<CustomerContact>,
    body: &NewCart,
) -> Result<Cart, Error> {
    let id = body.market.clone().unwrap_or_else(|| first_market(&ctx.config));
    let (market, now) = (ctx.market(&id)?, ctx.clock.now());
    let locale = body.locale.clone().or_else(|| account.as_ref().map(|account| account.locale.clone()));
    let mut cart = Cart {
        id: ctx.ids.next(),
        customer,
        market: id,
        currency: market.currency,
        locale: locale.unwrap_or_else(|| market.locale.clone()),
        email: body.email.clone().or(account.map(|account| account.email)),
        shipping_address: body.shipping_address.clone(),
        billing_address: body.billing_address.clone(),
        shipping_method: body.shipping_method,
        metadata: body.metadata.clone(),
        order: None,
        version: 1,
        created_at: now,
        updated_at: now,
        lines: Vec::new(),
    };
    let limits = Limits::of(&ctx.config.carts);
    for (at, AddLine { variant, quantity, metadata }) in body.lines.iter().enumerate() {
        let (variant, quantity, metadata) = (*variant, *quantity, metadata.clone());
        let addition = Addition { line: ctx.ids.next(), variant, quantity, unit_price_minor: 0, metadata };
        cart = cart.with(&addition, limits, &format!("/lines/{at}"), now)?;
    }
    Ok(Cart { version: 1, ..cart })
}

async fn insert(tx: &mut Tx, opening: &Opening) -> Result<(), Error> {
    let Opening { cart, buyer, quote, open_max, counted } = opening;
    if let Some((address, opened_max)) = counted {
        let now = tx.now();
        let forgotten = now.saturating_sub(COUNTED_OVER).unwrap_or(Timestamp::MIN);
        let (carts, since) = store::count_opened(tx, address, forgotten).await?;
        if carts > *opened_max {
            return Err(too_many(now.duration_until(since.saturating_add(COUNTED_OVER).unwrap_or(Timestamp::MAX))));
        }
    }
    // Two at once may pass the limit by one: it keeps the list short and guards nothing else.
    if let Some(customer) = buyer.customer()
        && store::count_open(tx, customer).await? >= *open_max
    {
        return Err(Error::TooManyCarts { open_max: *open_max });
    }
    Ok(store::insert(tx, cart, buyer, quote.as_ref()).await?)
}

fn too_many(wait: SignedDuration) -> Error {
    let seconds = u64::try_from(wait.as_secs()).unwrap_or(0).max(1);
    let problem = Problem::from(Error::TooManyOpened { seconds });
    Problem { retry_after_seconds: Some(seconds), ..problem }.into()
}

/// Whom the account's mails go to; nothing while `customers` can't be asked: the cart then asks for it.
pub async fn account(ctx: &Ctx, customer: CustomerId) -> Option<CustomerContact> {
    let contact = ctx.call(GetCustomerContact { customer }).await;
    contact.inspect_err(|problem| tracing::warn!(%problem, "a cart is opened without its customer's e-mail")).ok()
}

fn first_market(config: &Config) -> MarketId {
    let default = config.markets.keys().find(|id| id.as_str() == DEFAULT_MARKET);
    default.or_else(|| config.markets.keys().next()).cloned().expect("the settings refuse a shop without a market")
}
