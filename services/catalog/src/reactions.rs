//! What catalog does about what others say.

use ::store::Tx;
use contracts::catalog::ProductsChanged;
use contracts::inventory::StockAvailabilityChanged;
use platform::{Ctx, Outcome, Problem};

use crate::store::{listing, variants};

/// Keeps the latest flip, whatever order they come in; one of a variant that is not here yet waits for it.
pub async fn on_stock_availability_changed(
    _: &Ctx,
    tx: &mut Tx,
    event: &StockAvailabilityChanged,
) -> Result<Outcome, Problem> {
    let Some(product) = variants::product_of(tx, event.variant).await? else {
        return Ok(Outcome::Later("its variant has not come yet"));
    };
    // Two variants of one product may flip at once: the later sees what the earlier left.
    listing::take(tx, &[product]).await?;
    if variants::set_availability(tx, event.variant, event.availability, event.version).await? {
        listing::refresh(tx, &[product]).await?;
        // So that every process forgets the page that it keeps.
        tx.say(&ProductsChanged { first: product, products: vec![product] });
    }
    Ok(Outcome::Done)
}
