//! What catalog does about what others say.

use ::store::Tx;
use contracts::inventory::StockAvailabilityChanged;
use platform::{Ctx, Outcome, Problem};

use crate::store;

/// Keeps the latest flip, whatever order they come in; one of a variant that is not here yet waits for it.
pub async fn on_stock_availability_changed(
    _: &Ctx,
    tx: &mut Tx,
    event: &StockAvailabilityChanged,
) -> Result<Outcome, Problem> {
    let is_newest = store::set_availability(tx, event.variant, event.availability, event.version).await?;
    if is_newest || store::product_of(tx, event.variant).await?.is_some() {
        return Ok(Outcome::Done);
    }
    Ok(Outcome::Later("its variant has not come yet"))
}
