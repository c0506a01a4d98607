//! Lists the audit log.

use contracts::customers::{ApiKeyId, AuditEntryId, StaffId};
use jiff::Timestamp;
use platform::http::{List, Page};
use platform::{Ctx, Problem};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::store::staff as store;

/// A line of the audit log: who changed what, and when.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuditEntryView {
    pub id: AuditEntryId,
    pub staff: StaffId,
    pub key: ApiKeyId,
    /// Service, dot, verb.
    #[schema(example = "catalog.create_product")]
    pub action: String,
    /// The changed thing's id.
    #[schema(example = "prod_01jd5zs2xce3nbq7tpv5f8k9wm")]
    pub subject: String,
    /// The names of the changed fields; never their values.
    pub fields: Vec<String>,
    /// The `X-Request-Id` of the request.
    pub request_id: Option<Uuid>,
    pub at: Timestamp,
    /// Its place in the hash chain, from 1 on without a gap; null until it is sealed, about half a minute later.
    pub sequence: Option<i64>,
    /// SHA-256 over the hash before it and this entry, in hex; null until it is sealed.
    pub hash: Option<String>,
}

/// A page of the log, newest first; of one `subject` alone where it is named.
pub async fn audit_log(ctx: &Ctx, page: &Page, subject: Option<&str>) -> Result<List<AuditEntryView>, Problem> {
    let (limit, before) = (page.limit()?, page.after::<AuditEntryId>()?);
    let entries = store::entries_before(&ctx.db, before, subject, limit + 1).await?;
    Ok(List::of(entries, limit, |entry| entry.id))
}
