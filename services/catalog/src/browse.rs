//! What buyers read: a product, lists of products, categories, brands and attributes; each in one statement. What is
//! hot is not asked for here: `http` answers it from its place.

use contracts::catalog::{BrandId, ProductId, ProductStatus};
use contracts::{Id, MarketId};
use platform::http::{Cursor, List, Page as Asked};
use platform::{Ctx, Problem};
use uuid::Uuid;

use crate::Error;
use crate::attribute::AttributeView;
use crate::category::{CategoryPage, CategoryView, nest};
use crate::hot::{Page, Place, Shows};
use crate::listing::{self, Filter, Sort, after};
use crate::product::{BrandView, ProductListItem, ProductView};
use crate::slug::is_slug;
use crate::store::categories::Below;
use crate::store::listing::{BOUNDS, Part};
use crate::store::{self, InMarket};
use crate::variant::default_market;

const DEPTH_MAX: i64 = crate::category::DEPTH_MAX as i64;

/// The product with this id or slug as buyers in a market see it.
///
/// Errors: `ProductNotFound`, and a field problem for a market that the shop does not have.
pub async fn show_product(ctx: &Ctx, hot: Place<'_>, product: &str, market: Option<MarketId>) -> Result<Page, Error> {
    let market = in_market(ctx, market)?;
    let load = hot.load();
    let shown = find(ctx, product, market, false).await?.filter(|shown| shown.status == ProductStatus::Active);
    let shown = shown.ok_or_else(|| not_found(product))?.for_buyers();
    let page = Page::new(shown.version, &shown);
    hot.keep(load, Shows::Product(shown.id), page.clone());
    Ok(page)
}

/// The product with this id or slug, of any status, with all that staff sees of it.
///
/// Errors: `ProductNotFound`, and a field problem for a market that the shop does not have.
pub async fn show_any_product(ctx: &Ctx, product: &str, market: Option<MarketId>) -> Result<ProductView, Error> {
    let market = in_market(ctx, market)?;
    find(ctx, product, market, true).await?.ok_or_else(|| not_found(product))
}

async fn find(ctx: &Ctx, product: &str, market: InMarket, is_staff: bool) -> Result<Option<ProductView>, Error> {
    let id: Option<ProductId> = product.parse().ok();
    // A slug has no `_`, so it is never an id; what is neither is not asked for.
    match id.is_some() || is_slug(product, &()).is_ok() {
        true => Ok(store::show::show(&ctx.db, id, product, market, is_staff).await?),
        false => Ok(None),
    }
}

fn not_found(product: &str) -> Error {
    Error::ProductNotFound { product: product.chars().take(120).collect() }
}

/// Products that are for sale in a market.
///
/// Errors: field problems for a market, category, brand or attribute that the shop does not have, and for a cursor
/// of another list.
pub async fn list_products(
    ctx: &Ctx,
    hot: Place<'_>,
    asked: &Asked,
    filter: &Filter,
    sort: Sort,
) -> Result<Page, Error> {
    let market = in_market(ctx, Some(filter.market.clone()))?;
    let limit = asked.limit()?;
    let after = after(asked.after()?, filter, sort)?;
    let load = hot.load();
    let Part { mut listed, ended_at } =
        store::listing::list(&ctx.db, &market, filter, (sort, after), limit + 1, BOUNDS).await?;
    if listed.is_empty() && ended_at.is_none() {
        refuse_unknown(ctx, filter).await?;
    }
    let shown = usize::try_from(limit).unwrap_or(0);
    let has_more = listed.len() > shown;
    listed.truncate(shown);
    let last = listed.last().filter(|_| has_more).map(|last| &last.keys).or(ended_at.as_ref());
    let next = last.map(|last| listing::Place::new(filter, sort, last).cursor());
    let list = List::<ProductListItem> { items: listed.into_iter().map(|listed| listed.item).collect(), next };
    let page = Page::new(0, &list);
    hot.keep(load, Shows::List, page.clone());
    Ok(page)
}

/// An empty list may be one that can't have anything: then it says why.
async fn refuse_unknown(ctx: &Ctx, filter: &Filter) -> Result<(), Error> {
    let names = store::listing::unknown(&ctx.db, filter).await?;
    if names.is_empty() { Ok(()) } else { Err(Problem::fields(names).into()) }
}

/// Categories in the order of their paths.
pub async fn list_categories(ctx: &Ctx, hot: Place<'_>, asked: &Asked, below: &Below) -> Result<Page, Error> {
    let (limit, after) = (asked.limit()?, asked.after::<String>()?.unwrap_or_default());
    names(hot, async {
        let items = store::categories::list(&ctx.db, &after, below, limit + 1).await?;
        Ok(List::<CategoryView>::of(items, limit, |item| item.path.clone()))
    })
    .await
}

/// The tree of categories down to a depth.
pub async fn show_category_tree(ctx: &Ctx, hot: Place<'_>, depth: Option<i64>) -> Result<Page, Error> {
    let depth = depth.unwrap_or(DEPTH_MAX);
    if !(1..=DEPTH_MAX).contains(&depth) {
        let detail = format!("is a whole number from 1 to {DEPTH_MAX}, not {depth}");
        return Err(Problem::malformed(vec![crate::product::field("depth", detail)]).into());
    }
    names(hot, async { Ok(nest(store::categories::whole(&ctx.db, depth).await?)) }).await
}

/// A category with its ancestors and children, by slug or id.
///
/// Errors: `CategoryNotFound`.
pub async fn show_category(ctx: &Ctx, hot: Place<'_>, category: &str) -> Result<Page, Error> {
    let load = hot.load();
    let shown = find_category(ctx, category).await?;
    let page = Page::new(shown.category.version, &shown);
    hot.keep(load, Shows::Names, page.clone());
    Ok(page)
}

/// The same, read just now.
pub async fn find_category(ctx: &Ctx, category: &str) -> Result<CategoryPage, Error> {
    let shown = store::categories::show(&ctx.db, category).await?;
    shown.ok_or_else(|| Error::CategoryNotFound { category: category.chars().take(120).collect() })
}

/// Brands by name: of what buyers see, or all.
pub async fn list_brands(ctx: &Ctx, asked: &Asked, is_staff: bool) -> Result<List<BrandView>, Error> {
    let limit = asked.limit()?;
    let after = asked.after::<(String, BrandId)>()?;
    let after = after.unwrap_or_else(|| (String::new(), BrandId::from_uuid(Uuid::nil())));
    let mut brands = store::brands::list(&ctx.db, after, is_staff, limit + 1).await?;
    let shown = usize::try_from(limit).unwrap_or(0);
    let has_more = brands.len() > shown;
    brands.truncate(shown);
    let next = brands.last().filter(|_| has_more).map(|last| Cursor::encode(&(&last.name_key, last.brand.id)));
    Ok(List { items: brands.into_iter().map(|listed| listed.brand).collect(), next })
}

/// Attributes by key: of what buyers see, or all.
pub async fn list_attributes(
    ctx: &Ctx,
    asked: &Asked,
    only_filterable: bool,
    is_staff: bool,
) -> Result<List<AttributeView>, Error> {
    let (limit, after) = (asked.limit()?, asked.after::<String>()?.unwrap_or_default());
    let items = store::attributes::list(&ctx.db, &after, only_filterable, is_staff, limit + 1).await?;
    Ok(List::of(items, limit, |item| item.key.clone()))
}

/// Errors: `AttributeNotFound`.
pub async fn show_attribute(ctx: &Ctx, key: &str) -> Result<AttributeView, Error> {
    let shown = match key.contains('\0') {
        true => None,
        false => store::attributes::show(&ctx.db, key).await?,
    };
    shown.ok_or_else(|| Error::AttributeNotFound { key: key.chars().take(120).collect() })
}

/// A page of categories, read and kept.
async fn names<T: serde::Serialize>(
    hot: Place<'_>,
    read: impl Future<Output = Result<T, Error>>,
) -> Result<Page, Error> {
    let load = hot.load();
    let page = Page::new(0, &read.await?);
    hot.keep(load, Shows::Names, page.clone());
    Ok(page)
}

fn in_market(ctx: &Ctx, market: Option<MarketId>) -> Result<InMarket, Error> {
    let id = market.unwrap_or_else(default_market);
    let currency = ctx.market(&id)?.currency;
    Ok(InMarket { id, currency })
}
