//! Shipping's routes: all of them for staff.

mod shipments;
mod zones;

use platform::Ctx;
use utoipa_axum::router::OpenApiRouter;

pub fn routes() -> OpenApiRouter<Ctx> {
    zones::routes().merge(shipments::routes())
}

/// An answer's ETag: its version, and what stands around it that has none.
fn tag(version: i64, view: &impl serde::Serialize) -> Result<String, platform::Problem> {
    const CHARS: usize = 32;
    let bytes = serde_json::to_vec(view).map_err(|error| platform::Problem::internal(error.to_string()))?;
    Ok(format!("{version}.{:.CHARS$}", platform::auth::sha256_hex(&bytes)))
}
