//! The list of products that staff works with, and what a variant costs everywhere.

use contracts::catalog::{ProductId, ProductStatus, VariantId};
use platform::http::{List, Page};
use platform::{Ctx, Problem};

use crate::product::StaffListItem;
use crate::store::staff_list::Which;
use crate::variant::MarketPrice;
use crate::{Error, store};

/// Products of any status, newest first; those of a slug's beginning by slug.
pub async fn list_products(
    ctx: &Ctx,
    page: &Page,
    which: &Which,
    status: Option<ProductStatus>,
) -> Result<List<StaffListItem>, Error> {
    let limit = page.limit()?;
    if let Which::SlugPrefix(_) = which {
        let after: String = page.after()?.unwrap_or_default();
        let items = store::staff_list::list(&ctx.db, which, status, None, &after, limit + 1).await?;
        return Ok(List::of(items, limit, |item| item.slug.clone()));
    }
    let after: Option<ProductId> = page.after()?;
    let items = store::staff_list::list(&ctx.db, which, status, after, "", limit + 1).await?;
    Ok(List::of(items, limit, |item| item.id))
}

/// The one way that was asked for; naming two is a problem.
pub fn which(
    sku: Option<String>,
    external_source: Option<String>,
    external_id: Option<String>,
    slug_prefix: Option<String>,
) -> Result<Which, Problem> {
    match (sku, external_source, external_id, slug_prefix) {
        (None, None, None, None) => Ok(Which::Every),
        (Some(sku), None, None, None) => Ok(Which::Sku(sku)),
        (None, Some(source), Some(id), None) => Ok(Which::ExternalRef { source, id }),
        (None, Some(_), None, None) => Err(Problem::field("external_id", "belongs to `external_source`")),
        (None, None, Some(_), None) => Err(Problem::field("external_source", "belongs to `external_id`")),
        (None, None, None, Some(prefix)) => Ok(Which::SlugPrefix(prefix)),
        _ => Err(Problem::field(
            "sku",
            "is asked alone, and so are `external_source` with `external_id` and `slug_prefix`",
        )),
    }
}

/// What a variant costs in every market that it has a price in.
///
/// Errors: `VariantNotFound`.
pub async fn list_prices(ctx: &Ctx, variant: VariantId) -> Result<Vec<MarketPrice>, Error> {
    let prices = store::variants::prices_of(&ctx.db, variant).await?;
    if prices.is_empty() && !store::variants::is_known(&ctx.db, variant).await? {
        return Err(Error::VariantNotFound { variant });
    }
    Ok(prices)
}
