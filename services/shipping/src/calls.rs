//! What shipping answers to other services.

use contracts::shipping::{GetShippingOptions, ShippingOption};
use platform::{Ctx, Problem};

use crate::store;

/// The methods of every zone that serves the country, in the market and its currency; the cheapest
/// first, at most 100. None: the shop doesn't send there.
pub async fn get_options(ctx: Ctx, ask: GetShippingOptions) -> Result<Vec<ShippingOption>, Problem> {
    Ok(store::options(&ctx.db, &ask).await?)
}
