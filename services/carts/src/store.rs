//! Every statement of `carts`.

use ::store::{Db, FromRow, Json, Migration, Result, Row, Tx, Value, migrations, params, rows, statements};
use contracts::carts::{CartFact, CartId, LineId};
use contracts::catalog::VariantId;
use contracts::customers::{Buyer, CustomerId};
use contracts::orders::OrderId;
use contracts::pricing::Quote;
use contracts::{Address, MarketId, Metadata, Quantity};
use jiff::Timestamp;

use crate::cart::{Addition, Cart, Details, Limits, Line, LineChange};
use crate::list_carts::Summary;

pub const MIGRATIONS: &[Migration] = migrations!["0001_carts" (release 1)];

/// Columns that hold personal data: what an export shows and an erasure clears.
pub const PERSONAL: &[&str] = &[
    "carts_cart.token_sha256",
    "carts_cart.customer_id",
    "carts_cart.email",
    "carts_cart.shipping_address",
    "carts_cart.billing_address",
    "carts_cart.metadata",
    "carts_line.metadata",
];

statements! {
    INSERT = "INSERT INTO carts_cart (id, token_sha256, customer_id, market, currency, locale, email, shipping_address,
            billing_address, shipping_method_id, metadata, last_quote, priced_at, status, version, created_at, updated_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, 'open', $15, $14, $14)";
    INSERT_LINES = "INSERT INTO carts_line (id, cart_id, variant_id, quantity, unit_price_minor, metadata, added_at)
        SELECT id, cart_id, variant_id, quantity, unit_price_minor, metadata, added_at
        FROM @rows($1: id @id, cart_id @id, variant_id @id, quantity @int, unit_price_minor @money, metadata @json,
            added_at @time) AS r";
    COUNT_OPENED = "INSERT INTO carts_opened (address, carts, since) VALUES ($1, 1, $2) ON CONFLICT (address) DO UPDATE SET
            carts = CASE WHEN carts_opened.since <= $3 THEN 1 ELSE carts_opened.carts + 1 END,
            since = CASE WHEN carts_opened.since <= $3 THEN excluded.since ELSE carts_opened.since END
        RETURNING carts, since";
    FORGET_OPENED = "DELETE FROM carts_opened WHERE address IN
        (SELECT address FROM carts_opened WHERE since <= $1 ORDER BY since LIMIT $2)";
    COUNT_OPEN = "SELECT COUNT(*) FROM carts_cart WHERE customer_id = $1 AND status = 'open'";
    // Of $2 and $3, who asks, one is NULL and equals nothing.
    CART = "SELECT c.id, c.customer_id, c.market, c.currency, c.locale, c.email, c.shipping_address, c.billing_address,
            c.shipping_method_id, c.metadata, c.order_id, c.version, c.created_at, c.updated_at,
            l.id, l.variant_id, l.quantity, l.unit_price_minor, l.metadata, l.added_at
        FROM carts_cart AS c LEFT JOIN carts_line AS l ON l.cart_id = c.id
        WHERE c.id = $1 AND (c.token_sha256 = $2 OR c.customer_id = $3)
        ORDER BY l.added_at, l.id -- bounded: one cart, at most cart::LINES_MAX lines";
    // Whosoever it is: for what orders do to their carts.
    HELD_CART = "SELECT c.id, c.customer_id, c.market, c.currency, c.locale, c.email, c.shipping_address, c.billing_address,
            c.shipping_method_id, c.metadata, c.order_id, c.version, c.created_at, c.updated_at,
            l.id, l.variant_id, l.quantity, l.unit_price_minor, l.metadata, l.added_at
        FROM carts_cart AS c LEFT JOIN carts_line AS l ON l.cart_id = c.id
        WHERE c.id = $1 ORDER BY l.added_at, l.id -- bounded: one cart, at most cart::LINES_MAX lines";
    // Whosoever they are: for the audit.
    FACTS = "SELECT id, token_sha256, customer_id, order_id FROM carts_cart
        WHERE id IN (SELECT id FROM @rows($1: id @id) AS asked)";
    FACT_UNITS = "SELECT cart_id, variant_id, quantity FROM carts_line
        WHERE cart_id IN (SELECT id FROM @rows($1: id @id) AS asked)";
    LAST_QUOTE = "SELECT last_quote, priced_at FROM carts_cart WHERE id = $1 AND (token_sha256 = $2 OR customer_id = $3)";
    HOLDER = "SELECT order_id FROM carts_cart WHERE id = $1 AND (token_sha256 = $2 OR customer_id = $3)";
    OPEN_CARTS = "SELECT c.id, c.market, c.currency, c.version, c.last_quote, c.priced_at, c.created_at, c.updated_at,
            (SELECT COUNT(*) FROM carts_line AS l WHERE l.cart_id = c.id),
            (SELECT CAST(COALESCE(SUM(l.quantity), 0) AS BIGINT) FROM carts_line AS l WHERE l.cart_id = c.id)
        FROM carts_cart AS c WHERE c.customer_id = $1 AND c.status = 'open' AND c.id < $2 ORDER BY c.id DESC LIMIT $3";
    // The quote is of the state with version $5 + 1; if this makes another state, the one before stays.
    CHANGE = "UPDATE carts_cart SET version = version + 1, updated_at = $4,
            last_quote = CASE WHEN version = $5 THEN COALESCE($6, last_quote) ELSE last_quote END,
            priced_at = CASE WHEN version = $5 AND $7 THEN $4 ELSE priced_at END,
            email = CASE WHEN $8 THEN $9 ELSE email END,
            shipping_address = CASE WHEN $10 THEN $11 ELSE shipping_address END,
            billing_address = CASE WHEN $12 THEN $13 ELSE billing_address END,
            shipping_method_id = CASE WHEN $14 THEN $15 ELSE shipping_method_id END,
            locale = COALESCE($16, locale), metadata = COALESCE($17, metadata)
        WHERE id = $1 AND (token_sha256 = $2 OR customer_id = $3) AND status = 'open' RETURNING version";
    ADD_LINE = "INSERT INTO carts_line (id, cart_id, variant_id, quantity, unit_price_minor, metadata, added_at)
        SELECT $1, id, $3, $4, $5, $6, $7 FROM carts_cart
        WHERE id = $2 AND (SELECT COUNT(*) FROM carts_line WHERE cart_id = $2 AND variant_id <> $3) < $8
        ON CONFLICT (cart_id, variant_id) DO UPDATE SET quantity = carts_line.quantity + excluded.quantity,
            unit_price_minor = excluded.unit_price_minor,
            metadata = CASE WHEN $9 THEN excluded.metadata ELSE carts_line.metadata END
        WHERE carts_line.quantity + excluded.quantity <= $10 RETURNING id";
    CHANGE_LINE = "UPDATE carts_line SET quantity = COALESCE($3, quantity), unit_price_minor = COALESCE($4, unit_price_minor),
            metadata = COALESCE($5, metadata)
        WHERE id = $1 AND cart_id = $2";
    REMOVE_LINE = "DELETE FROM carts_line WHERE id = $1 AND cart_id = $2";

    LOCK = "SELECT version FROM carts_cart WHERE id = $1 @for_update";
    // Unclaimed and theirs by its token, or theirs already.
    LOCK_CLAIMED = "SELECT customer_id FROM carts_cart
        WHERE id = $1 AND (token_sha256 = $2 OR customer_id = $3) @for_update";
    LOCK_OTHER = "SELECT id FROM carts_cart
        WHERE customer_id = $1 AND status = 'open' AND market = $2 AND id <> $3
        ORDER BY updated_at DESC, id DESC LIMIT 1 @for_update";
    CLAIM = "UPDATE carts_cart SET token_sha256 = NULL, customer_id = $2, email = $3, shipping_address = $4,
            billing_address = $5, shipping_method_id = $6, version = $7, updated_at = $8
        WHERE id = $1";
    TOUCH = "UPDATE carts_cart SET version = $2, updated_at = $3 WHERE id = $1";
    DELETE_LINES = "DELETE FROM carts_line WHERE cart_id IN (SELECT id FROM @rows($1: id @id) AS gone)";
    DELETE_ORDERS = "DELETE FROM carts_order WHERE cart_id IN (SELECT id FROM @rows($1: id @id) AS gone)";
    DELETE_CARTS = "DELETE FROM carts_cart WHERE id IN (SELECT id FROM @rows($1: id @id) AS gone)";

    JOINED = "INSERT INTO carts_joined (cart_id, into_id, version, joined_at) VALUES ($1, $2, $3, $4)";
    JOINED_ON = "UPDATE carts_joined SET into_id = $2 WHERE into_id = $1";
    JOINED_INTO = "SELECT into_id, version FROM carts_joined WHERE cart_id = $1";
    DISJOIN = "DELETE FROM carts_joined WHERE cart_id = $1";
    FORGET_JOINED = "DELETE FROM carts_joined WHERE joined_at < $1";

    HOLD = "INSERT INTO carts_order (order_id, cart_id, state, heard_at) VALUES ($1, $2, 'holds', $3)
        ON CONFLICT (order_id) DO UPDATE SET cart_id = excluded.cart_id WHERE carts_order.cart_id IS NULL";
    RELEASE = "INSERT INTO carts_order (order_id, cart_id, state, heard_at) VALUES ($1, $2, 'released', $3)
        ON CONFLICT (order_id) DO UPDATE SET state = 'released', cart_id = COALESCE(excluded.cart_id, carts_order.cart_id)";
    RELEASED = "SELECT order_id FROM carts_order WHERE order_id = $1 AND state = 'released'";
    // $2 is NULL where it was not said which cart that was.
    END = "INSERT INTO carts_order (order_id, cart_id, state, heard_at) VALUES ($1, $2, 'done', $3)
        ON CONFLICT (order_id) DO UPDATE SET state = 'done' WHERE carts_order.state = 'holds'";
    // The first of the orders that hold the cart, or held it to their end, is the cart's.
    SETTLE = "UPDATE carts_cart SET order_id = holder.order_id, status = CASE WHEN holder.order_id IS NULL THEN 'open' ELSE 'ordered' END,
            version = version + 1, updated_at = $2
        FROM (SELECT (SELECT order_id FROM carts_order WHERE cart_id = $1 AND state IN ('holds', 'done')
            ORDER BY order_id LIMIT 1) AS order_id) AS holder
        WHERE id = $1 AND carts_cart.order_id IS DISTINCT FROM holder.order_id";
    EXPIRED = "SELECT id FROM carts_cart WHERE updated_at < $1 AND (status = 'open'
            OR EXISTS (SELECT 1 FROM carts_order AS o WHERE o.order_id = carts_cart.order_id AND o.state = 'done'))
        ORDER BY updated_at, id LIMIT $2 @skip_locked";
    FORGET_ORDERS = "DELETE FROM carts_order WHERE cart_id IS NULL AND heard_at < $1";
}

/// Who asks, as the statements want it: one of the two is NULL.
fn owner(buyer: &Buyer) -> (Option<&str>, Option<CustomerId>) {
    (buyer.token_sha256(), buyer.customer())
}

fn ids(carts: &[CartId]) -> Value {
    rows(carts.iter().map(|cart| params![cart]))
}

/// Inserts the cart with its lines, priced where that could be had.
pub async fn insert(tx: &mut Tx, cart: &Cart, buyer: &Buyer, quote: Option<&Quote>) -> Result<()> {
    let (token_sha256, customer) = owner(buyer);
    let priced_at = quote.map(|_| cart.created_at);
    let params = params![
        cart.id,
        token_sha256,
        customer,
        cart.market,
        cart.currency,
        cart.locale,
        cart.email,
        cart.shipping_address.as_ref().map(Json),
        cart.billing_address.as_ref().map(Json),
        cart.shipping_method,
        Json(&cart.metadata),
        quote.map(Json),
        priced_at,
        cart.created_at,
        cart.version,
    ];
    tx.exec(&INSERT, params).await?;
    insert_lines(tx, &[cart]).await
}

/// The lines of these carts, of which the database has none.
async fn insert_lines(tx: &mut Tx, carts: &[&Cart]) -> Result<()> {
    let line = |cart: CartId, line: &Line| {
        let metadata = Json(&line.metadata);
        params![line.id, cart, line.variant, line.quantity, line.unit_price_minor, metadata, line.added_at]
    };
    if carts.iter().all(|cart| cart.lines.is_empty()) {
        return Ok(());
    }
    let table = rows(carts.iter().flat_map(|cart| cart.lines.iter().map(|one| line(cart.id, one))));
    tx.exec(&INSERT_LINES, params![table]).await.map(drop)
}

/// Counts a cart that a guest of this address opens; with it, how many there are since when. What is older than
/// `forgotten` does not count.
pub async fn count_opened(tx: &mut Tx, address: &str, forgotten: Timestamp) -> Result<(i64, Timestamp)> {
    let now = tx.now();
    tx.one(&COUNT_OPENED, params![address, now, forgotten]).await
}

/// Forgets up to `limit` addresses that began to count before this.
pub async fn forget_opened(tx: &mut Tx, before: Timestamp, limit: i64) -> Result<u64> {
    tx.exec(&FORGET_OPENED, params![before, limit]).await
}

/// Open carts of the customer.
pub async fn count_open(tx: &mut Tx, customer: CustomerId) -> Result<i64> {
    Ok(tx.one::<(i64,)>(&COUNT_OPEN, params![customer]).await?.0)
}

/// The cart with its lines; `None` where there is none of this buyer. One statement.
pub async fn cart(db: &Db, id: CartId, buyer: &Buyer) -> Result<Option<Cart>> {
    let (token_sha256, customer) = owner(buyer);
    Ok(joined(db.all(&CART, params![id, token_sha256, customer]).await?))
}

/// As [`cart`], within a transaction.
pub async fn cart_in(tx: &mut Tx, id: CartId, buyer: &Buyer) -> Result<Option<Cart>> {
    let (token_sha256, customer) = owner(buyer);
    Ok(joined(tx.all(&CART, params![id, token_sha256, customer]).await?))
}

/// Of these carts, those that are there, and their units.
pub async fn facts(db: &Db, carts: &[CartId]) -> Result<Vec<CartFact>> {
    type Found = (CartId, Option<String>, Option<CustomerId>, Option<OrderId>);
    let found: Vec<Found> = db.all(&FACTS, params![ids(carts)]).await?;
    let units: Vec<(CartId, VariantId, i64)> = db.all(&FACT_UNITS, params![ids(carts)]).await?;
    let fact = |(cart, token, customer, order): Found| {
        let owner = match (customer, token) {
            (Some(customer), _) => Buyer::Customer { customer },
            (None, token) => Buyer::Guest { token_sha256: token.unwrap_or_default() },
        };
        let of_cart = units.iter().filter(|(of, ..)| *of == cart);
        CartFact { cart, owner, order, units: of_cart.map(|(_, variant, quantity)| (*variant, *quantity)).collect() }
    };
    Ok(found.into_iter().map(fact).collect())
}

/// As if they had never been put in: what a planted bug does, and the audit finds.
pub async fn lose_lines(tx: &mut Tx, cart: CartId) -> Result<()> {
    tx.exec(&DELETE_LINES, params![ids(&[cart])]).await.map(drop)
}

fn joined(rows: Vec<CartRow>) -> Option<Cart> {
    let mut cart: Option<Cart> = None;
    for row in rows {
        cart.get_or_insert(row.cart).lines.extend(row.line);
    }
    cart
}

/// What the cart cost when that was last known, and when that was.
pub async fn last_quote(db: &Db, id: CartId, buyer: &Buyer) -> Result<Option<(Quote, Timestamp)>> {
    let (token_sha256, customer) = owner(buyer);
    let found: Option<(Option<Json<Quote>>, Option<Timestamp>)> =
        db.opt(&LAST_QUOTE, params![id, token_sha256, customer]).await?;
    Ok(found.and_then(|(quote, at)| Some((quote?.0, at?))))
}

/// Which order holds the cart; the outer `None`: no such cart of this buyer.
pub async fn holder(tx: &mut Tx, id: CartId, buyer: &Buyer) -> Result<Option<Option<OrderId>>> {
    let (token_sha256, customer) = owner(buyer);
    let holder: Option<(Option<OrderId>,)> = tx.opt(&HOLDER, params![id, token_sha256, customer]).await?;
    Ok(holder.map(|(order,)| order))
}

/// The customer's open carts, the newest first.
pub async fn open_carts(db: &Db, customer: CustomerId, before: CartId, limit: i64) -> Result<Vec<Summary>> {
    db.all(&OPEN_CARTS, params![customer, before, limit]).await
}

/// A change of an open cart, as [`change`] writes it.
#[derive(Debug)]
pub struct Change {
    pub cart: CartId,
    pub buyer: Buyer,
    pub details: Details,
    /// The version that was changed, as the buyer's request saw it.
    pub from_version: i64,
    /// Of the state that the change makes of that version, where it could be had.
    pub quote: Option<Quote>,
    pub at: Timestamp,
}

/// Changes the cart and raises its version, which is returned; `None` where it is not open, or not theirs.
pub async fn change(tx: &mut Tx, change: &Change) -> Result<Option<i64>> {
    let Details { email, shipping_address, billing_address, shipping_method, locale, metadata } = &change.details;
    let (token_sha256, customer) = owner(&change.buyer);
    let params = params![
        change.cart,
        token_sha256,
        customer,
        change.at,
        change.from_version,
        change.quote.as_ref().map(Json),
        change.quote.is_some(),
        email.is_some(),
        email.clone().flatten(),
        shipping_address.is_some(),
        shipping_address.as_ref().and_then(Option::as_ref).map(Json),
        billing_address.is_some(),
        billing_address.as_ref().and_then(Option::as_ref).map(Json),
        shipping_method.is_some(),
        shipping_method.flatten(),
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
    limits: Limits,
    at: Timestamp,
) -> Result<Option<LineId>> {
    let Addition { line, variant, quantity, unit_price_minor, metadata } = addition;
    let replaces = metadata.is_some();
    let metadata = Json(metadata.clone().unwrap_or_default());
    let Limits { lines_max, quantity_max } = limits;
    let params =
        params![line, cart, variant, quantity, unit_price_minor, metadata, at, lines_max, replaces, quantity_max];
    let id: Option<(LineId,)> = tx.opt(&ADD_LINE, params).await?;
    Ok(id.map(|(id,)| id))
}

/// `false` where the cart has no such line.
pub async fn change_line(tx: &mut Tx, cart: CartId, line: LineId, change: &LineChange) -> Result<bool> {
    let LineChange { quantity, unit_price_minor, metadata } = change;
    let params = params![line, cart, quantity, unit_price_minor, metadata.as_ref().map(Json)];
    Ok(tx.exec(&CHANGE_LINE, params).await? == 1)
}

/// `false` where the cart has no such line.
pub async fn remove_line(tx: &mut Tx, cart: CartId, line: LineId) -> Result<bool> {
    Ok(tx.exec(&REMOVE_LINE, params![line, cart]).await? == 1)
}

/// Lets this transaction alone decide about the cart, and says its version; `None` where there is none.
pub async fn lock(tx: &mut Tx, cart: CartId) -> Result<Option<i64>> {
    let locked: Option<(i64,)> = tx.opt(&LOCK, params![cart]).await?;
    Ok(locked.map(|(version,)| version))
}

/// The cart with its lines, whosoever it is. Call [`lock`] first.
pub async fn held_cart(tx: &mut Tx, cart: CartId) -> Result<Option<Cart>> {
    Ok(joined(tx.all(&HELD_CART, params![cart]).await?))
}

/// Writes a cart that was parted: what it keeps, and the new one of the same customer with its lines.
pub async fn part(tx: &mut Tx, cart: &Cart, other: &Cart, customer: CustomerId) -> Result<()> {
    tx.exec(&DELETE_LINES, params![ids(&[cart.id])]).await?;
    insert_lines(tx, &[cart]).await?;
    tx.exec(&TOUCH, params![cart.id, cart.version, cart.updated_at]).await?;
    insert(tx, other, &Buyer::Customer { customer }, None).await
}

/// As [`lock`], of a cart that is unclaimed with this token, or that the customer has claimed. Whose it is;
/// the outer `None`: there is none such.
pub async fn lock_claimed(
    tx: &mut Tx,
    cart: CartId,
    token_sha256: &str,
    customer: CustomerId,
) -> Result<Option<Option<CustomerId>>> {
    let locked: Option<(Option<CustomerId>,)> = tx.opt(&LOCK_CLAIMED, params![cart, token_sha256, customer]).await?;
    Ok(locked.map(|(owner,)| owner))
}

/// The customer's open cart of the market that was changed last, locked.
pub async fn lock_other(tx: &mut Tx, customer: CustomerId, market: &MarketId, not: CartId) -> Result<Option<CartId>> {
    let found: Option<(CartId,)> = tx.opt(&LOCK_OTHER, params![customer, market, not]).await?;
    Ok(found.map(|(cart,)| cart))
}

/// Makes the cart the customer's as it is now, without its lines; its token opens nothing any more.
pub async fn claim(tx: &mut Tx, cart: &Cart, customer: CustomerId) -> Result<()> {
    let (shipping, billing) = (cart.shipping_address.as_ref().map(Json), cart.billing_address.as_ref().map(Json));
    let Cart { id, email, shipping_method, version, updated_at, .. } = cart;
    let params = params![id, customer, email, shipping, billing, shipping_method, version, updated_at];
    tx.exec(&CLAIM, params).await.map(drop)
}

/// Gives both carts the lines they have now; an `other` that is left with none goes.
pub async fn share_lines(tx: &mut Tx, cart: &Cart, other: &Cart) -> Result<()> {
    tx.exec(&DELETE_LINES, params![ids(&[cart.id, other.id])]).await?;
    insert_lines(tx, &[cart, other]).await?;
    if other.lines.is_empty() {
        let now = tx.now();
        tx.exec(&JOINED_ON, params![other.id, cart.id]).await?;
        tx.exec(&JOINED, params![other.id, cart.id, other.version, now]).await?;
        tx.exec(&DELETE_ORDERS, params![ids(&[other.id])]).await?;
        tx.exec(&DELETE_CARTS, params![ids(&[other.id])]).await?;
    } else {
        tx.exec(&TOUCH, params![other.id, other.version, other.updated_at]).await?;
    }
    Ok(())
}

/// Into which cart this one went altogether, and its last version.
pub async fn joined_into(tx: &mut Tx, cart: CartId) -> Result<Option<(CartId, i64)>> {
    tx.opt(&JOINED_INTO, params![cart]).await
}

/// The cart is there again.
pub async fn disjoin(tx: &mut Tx, cart: CartId) -> Result<()> {
    tx.exec(&DISJOIN, params![cart]).await.map(drop)
}

/// Whether an order was heard to have released its cart.
pub async fn is_released(tx: &mut Tx, order: OrderId) -> Result<bool> {
    let released: Option<(OrderId,)> = tx.opt(&RELEASED, params![order]).await?;
    Ok(released.is_some())
}

/// Remembers that an order holds the cart, unless it was heard to have released it.
pub async fn hold(tx: &mut Tx, cart: CartId, order: OrderId) -> Result<()> {
    let now = tx.now();
    tx.exec(&HOLD, params![order, cart, now]).await.map(drop)
}

/// Remembers that an order has released its cart, for good; also where there is no such cart by now.
pub async fn release(tx: &mut Tx, cart: Option<CartId>, order: OrderId) -> Result<()> {
    let now = tx.now();
    tx.exec(&RELEASE, params![order, cart, now]).await.map(drop)
}

/// Remembers that an order has ended and kept its cart.
pub async fn end(tx: &mut Tx, cart: Option<CartId>, order: OrderId) -> Result<()> {
    let now = tx.now();
    tx.exec(&END, params![order, cart, now]).await.map(drop)
}

/// Makes the cart what its orders say: the first one's that holds it, or open. Call [`lock`] first.
pub async fn settle(tx: &mut Tx, cart: CartId) -> Result<()> {
    let now = tx.now();
    tx.exec(&SETTLE, params![cart, now]).await.map(drop)
}

/// Deletes carts that were left alone since before this and that no living order holds; at most `limit`.
/// How many.
pub async fn prune(tx: &mut Tx, before: Timestamp, limit: i64) -> Result<usize> {
    let expired: Vec<(CartId,)> = tx.all(&EXPIRED, params![before, limit]).await?;
    let expired: Vec<CartId> = expired.into_iter().map(|(cart,)| cart).collect();
    for statement in [&DELETE_LINES, &DELETE_ORDERS, &DELETE_CARTS] {
        tx.exec(statement, params![ids(&expired)]).await?;
    }
    tx.exec(&FORGET_ORDERS, params![before]).await?;
    tx.exec(&FORGET_JOINED, params![before]).await?;
    Ok(expired.len())
}

/// A line beside its cart.
struct CartRow {
    cart: Cart,
    line: Option<Line>,
}

impl FromRow for CartRow {
    fn from_row(row: &mut Row) -> Result<Self> {
        let address = |value: Option<Json<Address>>| value.map(|Json(address)| address);
        let cart = Cart {
            id: row.take()?,
            customer: row.take()?,
            market: row.take()?,
            currency: row.take()?,
            locale: row.take()?,
            email: row.take()?,
            shipping_address: address(row.take()?),
            billing_address: address(row.take()?),
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
        let (variant, quantity): (_, Quantity) = (row.take()?, row.take()?);
        let (unit_price_minor, Json(metadata)) = (row.take()?, row.take()?);
        let line = Line { id, variant, quantity, unit_price_minor, metadata, added_at: row.take()? };
        Ok(Self { cart, line: Some(line) })
    }
}

impl FromRow for Summary {
    fn from_row(row: &mut Row) -> Result<Self> {
        let (id, market, currency, version) = (row.take()?, row.take()?, row.take()?, row.take()?);
        let total = row.take::<Option<Json<Quote>>>()?.map(|Json(quote)| quote.total);
        let (priced_at, created_at, updated_at) = (row.take()?, row.take()?, row.take()?);
        let (lines, units) = (row.take()?, row.take()?);
        Ok(Self { id, market, currency, version, total, priced_at, lines, units, created_at, updated_at })
    }
}
