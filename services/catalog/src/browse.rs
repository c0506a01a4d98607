//! Shows products: one, or the newest; each in one statement.

use contracts::MarketId;
use contracts::catalog::{ProductId, ProductStatus};
use platform::Ctx;
use platform::http::{List, Page};

use crate::Error;
use crate::product::{ProductListItem, ProductView};
use crate::slug::is_slug;
use crate::store::{self, InMarket};
use crate::variant::default_market;

/// The product with this id or slug as a market sees it; staff sees drafts and archived ones too.
///
/// Errors: `ProductNotFound`, and a field problem for a market that the shop does not have.
pub async fn show_product(
    ctx: &Ctx,
    product: &str,
    market: Option<MarketId>,
    is_staff: bool,
) -> Result<ProductView, Error> {
    let market = in_market(ctx, market)?;
    let id: Option<ProductId> = product.parse().ok();
    // A slug has no `_`, so it is never an id; what is neither is not asked for.
    let shown = match id.is_some() || is_slug(product, &()).is_ok() {
        true => store::show(&ctx.db, id, product, market).await?,
        false => None,
    };
    let shown = shown.filter(|shown| is_staff || shown.status == ProductStatus::Active);
    let shown = shown.ok_or_else(|| Error::ProductNotFound { product: product.chars().take(120).collect() })?;
    Ok(if is_staff { shown } else { shown.for_buyers() })
}

/// Active products, newest first.
pub async fn list_products(ctx: &Ctx, page: &Page, market: Option<MarketId>) -> Result<List<ProductListItem>, Error> {
    let market = in_market(ctx, market)?;
    let (limit, before) = (page.limit()?, page.after::<ProductId>()?);
    let items = store::list(&ctx.db, before, limit + 1, &market).await?;
    Ok(List::of(items, limit, |item| item.id))
}

fn in_market(ctx: &Ctx, market: Option<MarketId>) -> Result<InMarket, Error> {
    let id = market.unwrap_or_else(default_market);
    let currency = ctx.market(&id)?.currency;
    Ok(InMarket { id, currency })
}
