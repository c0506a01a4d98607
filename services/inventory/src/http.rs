//! Inventory's routes: for staff, and what buyers are told of stock.

mod locations;
mod stock;
mod stocktakes;
mod transfers;

use platform::Ctx;
use utoipa_axum::router::OpenApiRouter;

pub fn routes() -> OpenApiRouter<Ctx> {
    OpenApiRouter::new()
        .merge(locations::routes())
        .merge(stock::routes())
        .merge(stocktakes::routes())
        .merge(transfers::routes())
}
