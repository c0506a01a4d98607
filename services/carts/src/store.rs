//! Every statement of `carts`.

use ::store::{Db, FromRow, Json, Migration, Result, Row, Tx, migrations, params, statements};
use contracts::carts::{CartId, LineId};
use contracts::orders::OrderId;
use contracts::pricing::Quote;
use contracts::{Address, Metadata, Quantity};
use jiff::Timestamp;

use crate::cart::{Addition, Cart, Details, Line};

pub const MIGRATIONS: &[Migration] = migrations!["0001_carts" (release 1)];

/// Columns that hold personal data: what an export shows and an erasure clears.
pub const PERSONAL: &[&str] = &[
    "carts_cart.token_sha256",
    "carts_cart.email",
    "carts_cart.shipping_address",
    "carts_cart.metadata",
    "carts_line.metadata",
];

statements! {
    INSERT = "INSERT INTO carts_cart (id, token_sha256, market, currency, locale, email, metadata, status, version, created_at, updated_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, 'open', 1, $8, $8)";
    CART = "SELECT c.id, c.market, c.currency, c.locale, c.email, c.shipping_address, c.shipping_method_id, c.metadata,
            c.order_id, c.version, c.created_at, c.updated_at, l.id, l.variant_id, l.quantity, l.metadata, l.added_at
        FROM carts_cart AS c LEFT JOIN carts_line AS l ON l.cart_id = c.id
        WHERE c.id = $1 AND c.token_sha256 = $2 ORDER BY l.added_at, l.id -- bounded: one cart, at most cart::LINES_MAX lines";
    LAST_QUOTE = "SELECT last_quote FROM carts_cart WHERE id = $1 AND token_sha256 = $2";
    HOLDER = "SELECT order_id FROM carts_cart WHERE id = $1 AND token_sha256 = $2";
    // The quote is of the state with version $4 + 1; if this makes another state, the one before stays.
    CHANGE = "UPDATE carts_cart SET version = version + 1, updated_at = $3,
            last_quote = CASE WHEN version = $4 THEN COALESCE($5, last_quote) ELSE last_quote END,
            email = COALESCE($6, email), shipping_address = COALESCE($7, shipping_address),
            shipping_method_id = COALESCE($8, shipping_method_id), locale = COALESCE($9, locale), metadata = COALESCE($10, metadata)
        WHERE id = $1 AND token_sha256 = $2 AND status = 'open' RETURNING version";
    ADD_LINE = "INSERT INTO carts_line (id, cart_id, variant_id, quantity, metadata, added_at)
        SELECT $1, id, $3, $4, $5, $6 FROM carts_cart
        WHERE id = $2 AND (SELECT COUNT(*) FROM carts_line WHERE cart_id = $2 AND variant_id <> $3) < $7
        ON CONFLICT (cart_id, variant_id) DO UPDATE SET quantity = carts_line.quantity + excluded.quantity,
            metadata = CASE WHEN $8 THEN excluded.metadata ELSE carts_line.metadata END
        WHERE carts_line.quantity + excluded.quantity <= $9 RETURNING id";
    SET_QUANTITY = "UPDATE carts_line SET quantity = $3 WHERE id = $1 AND cart_id = $2";
    REMOVE_LINE = "DELETE FROM carts_line WHERE id = $1 AND cart_id = $2";
    LOCK = "SELECT version FROM carts_cart WHERE id = $1 @for_update";
    HOLD = "INSERT INTO carts_order (order_id, cart_id, state) VALUES ($1, $2, 'holds') ON CONFLICT (order_id) DO NOTHING";
    RELEASE = "INSERT INTO carts_order (order_id, cart_id, state) VALUES ($1, $2, 'released')
        ON CONFLICT (order_id) DO UPDATE SET state = 'released'";
    // The first of the orders that hold the cart is the cart's.
    SETTLE = "UPDATE carts_cart SET order_id = holder.order_id, status = CASE WHEN holder.order_id IS NULL THEN 'open' ELSE 'ordered' END,
            version = version + 1, updated_at = $2
        FROM (SELECT (SELECT order_id FROM carts_order WHERE cart_id = $1 AND state = 'holds' ORDER BY order_id LIMIT 1) AS order_id) AS holder
        WHERE id = $1 AND carts_cart.order_id IS DISTINCT FROM holder.order_id";
}

pub async fn insert(tx: &mut Tx, cart: &Cart, token_sha256: &str) -> Result<()> {
    let Cart { id, market, currency, locale, email, metadata, created_at, .. } = cart;
    let params = params![id, token_sha256, market, currency, locale, email, Json(metadata), created_at];
    tx.exec(&INSERT, params).await.map(drop)
}

/// The cart with its lines; `None` where there is none for this token. One statement.
pub async fn cart(db: &Db, id: CartId, token_sha256: &str) -> Result<Option<Cart>> {
    let mut cart: Option<Cart> = None;
    for row in db.all::<CartRow>(&CART, params![id, token_sha256]).await? {
        cart.get_or_insert(row.cart).lines.extend(row.line);
    }
    Ok(cart)
}

/// What the cart cost when that was last known.
pub async fn last_quote(db: &Db, id: CartId, token_sha256: &str) -> Result<Option<Quote>> {
    let quote: Option<(Option<Json<Quote>>,)> = db.opt(&LAST_QUOTE, params![id, token_sha256]).await?;
    Ok(quote.and_then(|(quote,)| quote).map(|Json(quote)| quote))
}

/// Which order holds the cart; the outer `None`: no such cart for this token.
pub async fn holder(tx: &mut Tx, id: CartId, token_sha256: &str) -> Result<Option<Option<OrderId>>> {
    let holder: Option<(Option<OrderId>,)> = tx.opt(&HOLDER, params![id, token_sha256]).await?;
    Ok(holder.map(|(order,)| order))
}

/// A change of an open cart, as [`change`] writes it.
#[derive(Debug)]
pub struct Change {
    pub cart: CartId,
    pub token_sha256: String,
    pub details: Details,
    /// The version that was changed, as the buyer's request saw it.
    pub from_version: i64,
    /// Of the state that the change makes of that version, where it could be had.
    pub quote: Option<Quote>,
    pub at: Timestamp,
}

/// Changes the cart and raises its version, which is returned; `None` where it is not open, or not theirs.
pub async fn change(tx: &mut Tx, change: &Change) -> Result<Option<i64>> {
    let Details { email, shipping_address, shipping_method, locale, metadata } = &change.details;
    let params = params![
        change.cart,
        change.token_sha256,
        change.at,
        change.from_version,
        change.quote.as_ref().map(Json),
        email,
        shipping_address.as_ref().map(Json),
        shipping_method,
        locale,
        metadata.as_ref().map(Json),
    ];
    let version: Option<(i64,)> = tx.opt(&CHANGE, params).await?;
    Ok(version.map(|(version,)| version))
}

/// Adds the variant's line or lets it grow; `None` where that would pass a limit.
pub async fn add_line(
    tx: &mut Tx,
    cart: CartId,
    addition: &Addition,
    lines_max: i64,
    at: Timestamp,
) -> Result<Option<LineId>> {
    let Addition { line, variant, quantity, metadata } = addition;
    let replaces = metadata.is_some();
    let metadata = Json(metadata.clone().unwrap_or_default());
    let params = params![line, cart, variant, quantity, metadata, at, lines_max, replaces, Quantity::MAX];
    let id: Option<(LineId,)> = tx.opt(&ADD_LINE, params).await?;
    Ok(id.map(|(id,)| id))
}

/// `false` where the cart has no such line.
pub async fn set_quantity(tx: &mut Tx, cart: CartId, line: LineId, quantity: Quantity) -> Result<bool> {
    Ok(tx.exec(&SET_QUANTITY, params![line, cart, quantity]).await? == 1)
}

/// `false` where the cart has no such line.
pub async fn remove_line(tx: &mut Tx, cart: CartId, line: LineId) -> Result<bool> {
    Ok(tx.exec(&REMOVE_LINE, params![line, cart]).await? == 1)
}

/// Lets this transaction alone decide about the cart; `false` where there is none.
pub async fn lock(tx: &mut Tx, cart: CartId) -> Result<bool> {
    let locked: Option<(i64,)> = tx.opt(&LOCK, params![cart]).await?;
    Ok(locked.is_some())
}

/// Remembers that an order holds the cart, unless it was heard to have released it.
pub async fn hold(tx: &mut Tx, cart: CartId, order: OrderId) -> Result<()> {
    tx.exec(&HOLD, params![order, cart]).await.map(drop)
}

/// Remembers that an order has released the cart, for good.
pub async fn release(tx: &mut Tx, cart: CartId, order: OrderId) -> Result<()> {
    tx.exec(&RELEASE, params![order, cart]).await.map(drop)
}

/// Makes the cart what its orders say: the first one's that holds it, or open. Call [`lock`] first.
pub async fn settle(tx: &mut Tx, cart: CartId) -> Result<()> {
    let now = tx.now();
    tx.exec(&SETTLE, params![cart, now]).await.map(drop)
}

/// A line beside its cart.
struct CartRow {
    cart: Cart,
    line: Option<Line>,
}

impl FromRow for CartRow {
    fn from_row(row: &mut Row) -> Result<Self> {
        let cart = Cart {
            id: row.take()?,
            market: row.take()?,
            currency: row.take()?,
            locale: row.take()?,
            email: row.take()?,
            shipping_address: row.take::<Option<Json<Address>>>()?.map(|Json(address)| address),
            shipping_method: row.take()?,
            metadata: row.take::<Json<Metadata>>()?.0,
            order: row.take()?,
            version: row.take()?,
            created_at: row.take()?,
            updated_at: row.take()?,
            lines: Vec::new(),
        };
        let Some(id) = row.take()? else {
            return Ok(Self { cart, line: None });
        };
        let (variant, quantity) = (row.take()?, row.take()?);
        let line = Line { id, variant, quantity, metadata: row.take::<Json<Metadata>>()?.0, added_at: row.take()? };
        Ok(Self { cart, line: Some(line) })
    }
}
