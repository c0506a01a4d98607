//! Staff and their keys, as staff with `staff:read` see them.

use contracts::customers::{ApiKeyId, Role, StaffId};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

/// A member of staff.
#[derive(Debug, Serialize, ToSchema)]
pub struct StaffView {
    pub id: StaffId,
    /// Personal data.
    #[schema(example = "ada@example.com")]
    pub email: String,
    pub role: Role,
    /// Someone who is not active has no working key.
    pub active: bool,
    pub created_at: Timestamp,
    /// Every key they ever had, oldest first.
    pub keys: Vec<StaffKeyView>,
}

/// A key of staff. The key itself was shown once, when it was made.
#[derive(Debug, Serialize, ToSchema)]
pub struct StaffKeyView {
    pub id: ApiKeyId,
    /// Where it came from.
    #[schema(example = "souk staff add")]
    pub name: String,
    pub created_at: Timestamp,
    /// Since when it no longer works.
    pub revoked_at: Option<Timestamp>,
}
