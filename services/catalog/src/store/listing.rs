//! Lists of products, read from rows that are made for them.

use ::store::{Db, FromRow, Result, Row, Sql, Tx, Value, params, rows};
use contracts::catalog::{BrandId, CategoryId, ProductId};
use contracts::inventory::Availability;
use contracts::{Currency, Money};
use platform::problem::FieldProblem;
use uuid::Uuid;

use super::{InMarket, brand, json_or_none};
use crate::listing::{After, Filter, Keys, Sort};
use crate::product::{ProductListItem, field};

/// The scope that holds every product of the shop.
const WHOLE_SHOP: Uuid = Uuid::nil();
/// What a page may cost.
pub const BOUNDS: Bounds = Bounds { few: 1_000, rows: 5_000 };

::store::statements! {
    REMOVE = "DELETE FROM catalog_listing WHERE product_id IN (SELECT r.id FROM @rows($1: id @id) AS r)";
    FILL = "WITH scopes AS (
            SELECT r.id AS product_id, CAST($2 AS @id) AS scope_id FROM @rows($1: id @id) AS r
            UNION
            SELECT p.id, p.brand_id FROM @rows($1: id @id) AS r JOIN catalog_product p ON p.id = r.id
                WHERE p.brand_id IS NOT NULL
            UNION
            SELECT pc.product_id, a.ancestor_id FROM @rows($1: id @id) AS r
                JOIN catalog_product_category pc ON pc.product_id = r.id
                JOIN catalog_category_ancestor a ON a.category_id = pc.category_id),
        priced AS (
            SELECT v.product_id, pr.market, pr.currency, MIN(pr.amount_minor) AS price_min, MAX(pr.amount_minor) AS price_max,
                MIN(CASE v.availability WHEN 'in' THEN 0 WHEN 'low' THEN 1 ELSE 2 END) AS availability
            FROM @rows($1: id @id) AS r
            JOIN catalog_variant v ON v.product_id = r.id AND v.status = 'active'
            JOIN catalog_price pr ON pr.variant_id = v.id
            GROUP BY v.product_id, pr.market, pr.currency)
        INSERT INTO catalog_listing (market, currency, scope_id, product_id, title_key, price_min_minor, price_max_minor,
            brand_id, availability)
        SELECT n.market, n.currency, s.scope_id, p.id, p.title_key, n.price_min, n.price_max, p.brand_id, n.availability
        -- CROSS: in this order. SQLite would begin with every product that is active.
        FROM priced n CROSS JOIN catalog_product p CROSS JOIN scopes s
        WHERE p.id = n.product_id AND p.status = 'active' AND s.product_id = p.id";
    UNKNOWN = "SELECT want.kind, want.name FROM @rows($1: kind @text, name @text, id @id) AS want
        WHERE NOT EXISTS (SELECT 1 FROM catalog_category c
                WHERE want.kind = 'category' AND (c.slug = want.name OR c.id = want.id))
            AND NOT EXISTS (SELECT 1 FROM catalog_brand b
                WHERE want.kind = 'brand' AND (b.slug = want.name OR b.id = want.id))
            AND NOT EXISTS (SELECT 1 FROM catalog_attribute a
                WHERE want.kind = 'attribute' AND a.key = want.name AND a.filterable)";
    /// Sorted, so that two who take the same products don't wait for each other in a circle.
    TAKE = "SELECT p.id FROM catalog_product p WHERE p.id IN (SELECT r.id FROM @rows($1: id @id) AS r)
        ORDER BY p.id LIMIT 500 @for_update";
}

/// One statement for each order. Each filter counts what it would leave, up to a few; where one leaves few products,
/// those are looked up (`few`) and sorted. Else the scope is read along the index of its order until the page is full,
/// or enough was read: then the last row says where (`is_end`), and the page is short. So a page has a most that it
/// costs, whatever is asked of however many products.
///
/// A half that is not wanted has no scope, so nothing of it is read. `along` is not sorted again: that would read all
/// of it before the first. `few` carries the whole key of the rows that it looks up, those are all looked up
/// before they are compared, and a price ends the reading only where it is the order: neither database's planner then
/// finds another way, which would walk through the scope.
macro_rules! lists {
    ($($name:ident: $after:literal, $order:literal, $price:literal;)*) => {
        $(pub static $name: Sql = Sql::new(concat!(module_path!(), "::", stringify!($name)), concat!(
            "WITH scope AS MATERIALIZED (
                SELECT CASE
                    WHEN CAST($3 AS TEXT) IS NOT NULL
                        THEN (SELECT id FROM catalog_category WHERE slug = CAST($3 AS TEXT) OR id = CAST($4 AS @id))
                    WHEN CAST($5 AS TEXT) IS NOT NULL
                        THEN (SELECT id FROM catalog_brand WHERE slug = CAST($5 AS TEXT) OR id = CAST($6 AS @id))
                    ELSE CAST($7 AS @id) END AS id),
            brand AS MATERIALIZED (
                SELECT id FROM catalog_brand WHERE slug = CAST($5 AS TEXT) OR id = CAST($6 AS @id)),
            want AS MATERIALIZED (
                SELECT a.id AS attribute_id, r.text, r.low, r.high
                FROM @rows($13: key @text, text @text, low @int, high @int) AS r
                JOIN catalog_attribute a ON a.key = r.key AND a.filterable),
            counted AS MATERIALIZED (
                SELECT 'attribute' AS kind, attribute_id, CAST(SUM(products) AS BIGINT) AS products FROM (
                    SELECT want.attribute_id,
                        (SELECT COUNT(*) FROM (SELECT 1 FROM catalog_attribute_value v
                            WHERE v.attribute_id = want.attribute_id AND v.text_value = want.text
                            LIMIT CAST($15 AS BIGINT) + 1) AS texts)
                        + (SELECT COUNT(*) FROM (SELECT 1 FROM catalog_attribute_value v
                            WHERE v.attribute_id = want.attribute_id AND v.number_micros BETWEEN want.low AND want.high
                            LIMIT CAST($15 AS BIGINT) + 1) AS numbers) AS products
                    FROM want) AS each_value
                GROUP BY attribute_id
                UNION ALL
                SELECT 'brand', NULL, (SELECT COUNT(*) FROM (SELECT 1 FROM catalog_listing
                    WHERE market = $1 AND currency = $2 AND scope_id = (SELECT id FROM brand)
                    LIMIT CAST($15 AS BIGINT) + 1) AS of_brand)
                WHERE $17
                UNION ALL
                SELECT 'price', NULL, (SELECT COUNT(*) FROM (SELECT 1 FROM catalog_listing
                    WHERE market = $1 AND currency = $2 AND scope_id = (SELECT id FROM scope)
                        AND price_min_minor BETWEEN $8 AND $9
                    LIMIT CAST($15 AS BIGINT) + 1) AS of_price)
                WHERE $18),
            best AS MATERIALIZED (
                SELECT kind, attribute_id FROM counted WHERE products <= CAST($15 AS BIGINT) ORDER BY products LIMIT 1),
            few AS MATERIALIZED (
                SELECT DISTINCT product_id, CAST($1 AS TEXT) AS market, CAST($2 AS TEXT) AS currency,
                    (SELECT id FROM scope) AS scope_id
                FROM (
                    SELECT v.product_id FROM best CROSS JOIN want CROSS JOIN catalog_attribute_value v
                    WHERE want.attribute_id = best.attribute_id
                        AND v.attribute_id = want.attribute_id AND v.text_value = want.text
                    UNION ALL
                    SELECT v.product_id FROM best CROSS JOIN want CROSS JOIN catalog_attribute_value v
                    WHERE want.attribute_id = best.attribute_id
                        AND v.attribute_id = want.attribute_id AND v.number_micros BETWEEN want.low AND want.high
                    UNION ALL
                    SELECT product_id FROM catalog_listing
                    WHERE market = $1 AND currency = $2
                        AND scope_id = (SELECT brand.id FROM brand JOIN best ON best.kind = 'brand')
                    UNION ALL
                    SELECT product_id FROM catalog_listing
                    WHERE market = $1 AND currency = $2
                        AND scope_id = (SELECT scope.id FROM scope JOIN best ON best.kind = 'price')
                        AND price_min_minor BETWEEN $8 AND $9) AS named),
            found AS MATERIALIZED (
                SELECT l.product_id, l.title_key, l.price_min_minor, l.price_max_minor, l.availability, l.brand_id
                FROM few CROSS JOIN catalog_listing l
                WHERE l.market = few.market AND l.currency = few.currency AND l.scope_id = few.scope_id
                    AND l.product_id = few.product_id),
            page AS MATERIALIZED (
                SELECT * FROM (
                    SELECT l.product_id, l.title_key, l.price_min_minor, l.price_max_minor, l.availability, 0 AS is_end
                    FROM (
                        SELECT l.product_id, l.title_key, l.price_min_minor, l.price_max_minor, l.availability, l.brand_id
                        FROM catalog_listing l
                        WHERE l.market = $1 AND l.currency = $2
                            AND l.scope_id = (SELECT id FROM scope WHERE NOT EXISTS (SELECT 1 FROM best))
                            AND ", $price, "
                            AND ", $after, "
                        ORDER BY ", $order, " LIMIT $16) AS l
                    WHERE l.price_min_minor BETWEEN $8 AND $9
                        AND l.availability BETWEEN $10 AND $11
                        AND (CAST($5 AS TEXT) IS NULL OR l.brand_id = (SELECT id FROM brand))
                        AND (CAST($14 AS BIGINT) = 0 OR CAST($14 AS BIGINT) = (
                            SELECT COUNT(DISTINCT want.attribute_id)
                            FROM want CROSS JOIN catalog_attribute_value v
                            WHERE v.product_id = l.product_id AND v.attribute_id = want.attribute_id
                                AND (v.text_value = want.text OR v.number_micros BETWEEN want.low AND want.high)))
                    LIMIT $12) AS along
                UNION ALL
                SELECT * FROM (
                    SELECT l.product_id, l.title_key, l.price_min_minor, l.price_max_minor, l.availability, 0
                    FROM found l
                    WHERE l.price_min_minor BETWEEN $8 AND $9
                        AND ", $after, "
                        AND l.availability BETWEEN $10 AND $11
                        AND (CAST($5 AS TEXT) IS NULL OR l.brand_id = (SELECT id FROM brand))
                        AND (CAST($14 AS BIGINT) = 0 OR CAST($14 AS BIGINT) = (
                            SELECT COUNT(DISTINCT want.attribute_id)
                            FROM want CROSS JOIN catalog_attribute_value v
                            WHERE v.product_id = l.product_id AND v.attribute_id = want.attribute_id
                                AND (v.text_value = want.text OR v.number_micros BETWEEN want.low AND want.high)))
                    ORDER BY ", $order, " LIMIT $12) AS out_of_few),
            ends AS (
                SELECT l.product_id, l.title_key, l.price_min_minor, l.price_max_minor, l.availability, 1 AS is_end
                FROM catalog_listing l
                WHERE l.market = $1 AND l.currency = $2
                    AND l.scope_id = (SELECT id FROM scope
                        WHERE NOT EXISTS (SELECT 1 FROM best) AND (SELECT COUNT(*) FROM page) < $12)
                    AND ", $price, "
                    AND ", $after, "
                ORDER BY ", $order, " LIMIT 1 OFFSET CAST($16 AS BIGINT) - 1)
            SELECT l.is_end, p.id, p.slug, p.title, b.id, b.slug, b.name, p.images -> 0, l.price_min_minor,
                l.price_max_minor, l.availability, l.title_key
            FROM (SELECT * FROM page UNION ALL SELECT * FROM ends) AS l
            CROSS JOIN catalog_product p LEFT JOIN catalog_brand b ON b.id = p.brand_id
            WHERE p.id = l.product_id
            ORDER BY l.is_end, ", $order, " LIMIT $12 + 1"));)*
        /// The lists' statements.
        pub static LISTS: &[&Sql] = &[$(&$name),*];
    };
}

lists! {
    NEWEST: "l.product_id < $19", "l.product_id DESC", "true";
    PRICE_ASC: "(l.price_min_minor, l.product_id) > ($20, $19)", "l.price_min_minor, l.product_id",
        "l.price_min_minor BETWEEN $8 AND $9";
    PRICE_DESC: "(l.price_min_minor, l.product_id) < ($20, $19)", "l.price_min_minor DESC, l.product_id DESC",
        "l.price_min_minor BETWEEN $8 AND $9";
    TITLE: "(l.title_key, l.product_id) > ($20, $19)", "l.title_key, l.product_id", "true";
}

/// Keeps these products as they are until the end of this transaction, so that what lists show is made of that.
pub async fn take(tx: &mut Tx, products: &[ProductId]) -> Result<()> {
    let _: Vec<(ProductId,)> = tx.all(&TAKE, params![ids(products)]).await?;
    Ok(())
}

/// Makes the rows of these products anew, out of what they are now. The transaction has taken or changed the products
/// before: two who refreshed one at once could leave what neither saw.
pub async fn refresh(tx: &mut Tx, products: &[ProductId]) -> Result<()> {
    if products.is_empty() {
        return Ok(());
    }
    tx.exec(&REMOVE, params![ids(products)]).await?;
    fill(tx, products).await
}

/// The same for products that have no rows yet.
pub async fn fill(tx: &mut Tx, products: &[ProductId]) -> Result<()> {
    tx.exec(&FILL, params![ids(products), WHOLE_SHOP]).await.map(drop)
}

fn ids(products: &[ProductId]) -> Value {
    rows(products.iter().map(|id| params![id]))
}

/// A product in a list beside what the orders go by.
#[derive(Debug)]
pub struct Listed {
    pub item: ProductListItem,
    pub keys: Keys,
}

/// A page of a list.
#[derive(Debug, Default)]
pub struct Part {
    pub listed: Vec<Listed>,
    /// Where reading ended before the page was full: the list may go on after it.
    pub ended_at: Option<Keys>,
}

struct ListedRow {
    is_end: bool,
    item: ProductListItem,
    title_key: String,
}

impl FromRow for ListedRow {
    fn from_row(row: &mut Row) -> Result<Self> {
        let is_end = row.take::<i64>()? == 1;
        let (id, slug, title, brand, image) = (row.take()?, row.take()?, row.take()?, brand(row)?, json_or_none(row)?);
        // The amounts meet their currency below.
        let amount = |amount: i64| Money::new(amount, Currency::EUR);
        let (price_min, price_max) = (amount(row.take()?), amount(row.take()?));
        let availability = match row.take::<i64>()? {
            0 => Availability::In,
            1 => Availability::Low,
            _ => Availability::Out,
        };
        let item = ProductListItem { id, slug, title, brand, image, price_min, price_max, availability };
        Ok(Self { is_end, item, title_key: row.take()? })
    }
}

impl ListedRow {
    fn listed(self, currency: Currency) -> Listed {
        let (low, high) = (self.item.price_min.amount, self.item.price_max.amount);
        let keys = Keys { id: self.item.id, price: low, title_key: self.title_key };
        let (price_min, price_max) = (Money::new(low, currency), Money::new(high, currency));
        Listed { item: ProductListItem { price_min, price_max, ..self.item }, keys }
    }
}

/// How much a page may cost.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// So many products are sorted in memory.
    pub few: i64,
    /// So many rows are read along an index.
    pub rows: i64,
}

/// Up to `limit` products of a list, after a place in it; fewer, with a place to go on, where most don't fit the filter.
pub async fn list(
    db: &Db,
    market: &InMarket,
    filter: &Filter,
    (sort, after): (Sort, After),
    limit: i64,
    bounds: Bounds,
) -> Result<Part> {
    let wanted = filter.attributes.iter().map(|wanted| {
        let (low, high) = wanted.range.unzip();
        params![wanted.key, wanted.text, low, high]
    });
    let category: Option<CategoryId> = filter.category.as_ref().and_then(|name| name.parse().ok());
    let brand: Option<BrandId> = filter.brand.as_ref().and_then(|name| name.parse().ok());
    let keys = i64::try_from(filter.keys().len()).unwrap_or(i64::MAX);
    let ((price_min, price_max), (best, worst)) = (filter.price_range(), filter.availability_range());
    let mut params = params![
        market.id,
        market.currency,
        filter.category,
        category,
        filter.brand,
        brand,
        WHOLE_SHOP,
        price_min,
        price_max,
        best,
        worst,
        limit,
        rows(wanted),
        keys,
        bounds.few,
        // Where nothing is left out, what is read is the page.
        if filter.is_whole() { limit } else { bounds.rows },
        filter.looks_up_brand(),
        filter.looks_up_price(sort)
    ];
    let sql = match (sort, after) {
        (Sort::PriceAsc, After::Price(price, id)) => with(&mut params, params![id, price], &PRICE_ASC),
        (Sort::PriceDesc, After::Price(price, id)) => with(&mut params, params![id, price], &PRICE_DESC),
        (_, After::Title(title, id)) => with(&mut params, params![id, title], &TITLE),
        (_, After::Newest(id) | After::Price(_, id)) => with(&mut params, params![id], &NEWEST),
    };
    let mut part = Part::default();
    for row in db.all::<ListedRow>(sql, params).await? {
        let is_end = row.is_end;
        let listed = row.listed(market.currency);
        if is_end {
            part.ended_at = Some(listed.keys);
        } else {
            part.listed.push(listed);
        }
    }
    Ok(part)
}

fn with(params: &mut Vec<Value>, after: Vec<Value>, sql: &'static Sql) -> &'static Sql {
    params.extend(after);
    sql
}

/// What a filter names and the shop does not have; for a list that came out empty.
pub async fn unknown(db: &Db, filter: &Filter) -> Result<Vec<FieldProblem>> {
    let names = filter
        .category
        .iter()
        .map(|name| params!["category", name, name.parse::<CategoryId>().ok()])
        .chain(filter.brand.iter().map(|name| params!["brand", name, name.parse::<BrandId>().ok()]))
        .chain(filter.keys().into_iter().map(|key| params!["attribute", key, None::<CategoryId>]));
    let names: Vec<Vec<Value>> = names.collect();
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let unknown: Vec<(String, String)> = db.all(&UNKNOWN, params![rows(names)]).await?;
    let problem = |(kind, name): (String, String)| match kind.as_str() {
        "attribute" => field(kind, format!("`{name}` is no attribute that lists are filtered by")),
        _ => field(kind.clone(), format!("`{name}` is no {kind} of the shop")),
    };
    Ok(unknown.into_iter().map(problem).collect())
}
