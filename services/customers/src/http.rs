//! Routes for staff.

use axum::Json;
use axum::extract::State;
use contracts::customers::{ApiKeyId, StaffId};
use platform::http::{List, Page, Path, Query};
use platform::{Ctx, Problem, Staff, can};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::audit_log::{AuditEntryView, audit_log};
use crate::revoke_key::revoke_key;
use crate::staff::{StaffKeyView, StaffView};
use crate::{Error, store};

pub fn routes() -> OpenApiRouter<Ctx> {
    OpenApiRouter::new().routes(routes!(list_staff)).routes(routes!(revoke_staff_key)).routes(routes!(list_audit_log))
}

/// Members of staff with their keys, oldest first.
#[utoipa::path(get, path = "/v1/admin/staff", params(Page), security(("staff" = [])),
    responses((status = 200, body = List<StaffView>, description = "A page of the staff")))]
async fn list_staff(
    _: Staff<can::StaffRead>,
    State(ctx): State<Ctx>,
    Query(page): Query<Page>,
) -> Result<Json<List<StaffView>>, Problem> {
    let (limit, after) = (page.limit()?, page.after::<StaffId>()?);
    let staff = store::staff_after(&ctx.db, after, limit + 1).await?;
    Ok(Json(List::of(staff, limit, |member| member.id)))
}

/// Revokes a staff key: it stops working at once. Revoking it again changes nothing.
#[utoipa::path(post, path = "/v1/admin/staff-keys/{key}/revoke", security(("staff" = [])),
    params(("key" = ApiKeyId, Path, description = "A key's id, as `GET /v1/admin/staff` lists it")),
    responses((status = 200, body = StaffKeyView, description = "The key, revoked")))]
async fn revoke_staff_key(
    staff: Staff<can::StaffWrite>,
    State(ctx): State<Ctx>,
    Path(key): Path<ApiKeyId>,
) -> Result<Json<StaffKeyView>, Error> {
    revoke_key(&ctx, staff.actor(), key).await.map(Json)
}

/// Which entries of the audit log.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct AuditLogFilter {
    /// Only entries about the thing with this id.
    #[param(example = "prod_01jd5zs2xce3nbq7tpv5f8k9wm")]
    subject: Option<String>,
    /// How many items: 1 to 100, 20 if not said.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<i64>,
    /// The `next` of the page before.
    cursor: Option<String>,
}

/// The audit log, newest first: each change by staff, hash-chained.
#[utoipa::path(get, path = "/v1/admin/audit-log", params(AuditLogFilter), security(("staff" = [])),
    responses((status = 200, body = List<AuditEntryView>, description = "A page of the log")))]
async fn list_audit_log(
    _: Staff<can::AuditRead>,
    State(ctx): State<Ctx>,
    Query(filter): Query<AuditLogFilter>,
) -> Result<Json<List<AuditEntryView>>, Problem> {
    let page = Page { limit: filter.limit, cursor: filter.cursor };
    audit_log(&ctx, &page, filter.subject.as_deref()).await.map(Json)
}
