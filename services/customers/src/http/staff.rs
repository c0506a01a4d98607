//! What staff read and change: accounts, staff and their keys, roles, the audit log.

use axum::Json;
use axum::extract::State;
use contracts::customers::{ApiKeyId, CustomerId, Permission, Role, StaffId};
use platform::http::{List, Page, Path, Query};
use platform::problem::FieldProblem;
use platform::{Ctx, Problem, Staff, can};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::audit_log::{AuditEntryView, audit_log};
use crate::customer::{CustomerDetailView, CustomerView};
use crate::revoke_key::revoke_key;
use crate::staff::{StaffKeyView, StaffView};
use crate::{Error, for_staff, store};

pub fn routes() -> OpenApiRouter<Ctx> {
    OpenApiRouter::new()
        .routes(routes!(list_customers))
        .routes(routes!(get_customer))
        .routes(routes!(list_roles))
        .routes(routes!(list_staff))
        .routes(routes!(revoke_staff_key))
        .routes(routes!(list_audit_log))
}

/// RFC 5321: no address is longer.
const EMAIL_CHARS_MAX: usize = 254;

/// Which accounts.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct CustomerFilter {
    /// Only the account with this e-mail, without regard to case.
    #[param(max_length = 254, example = "ada@example.com")]
    email: Option<String>,
    /// How many items: 1 to 100, 20 if not said.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<i64>,
    /// The `next` of the page before.
    cursor: Option<String>,
}

/// Accounts of customers, newest first.
#[utoipa::path(get, path = "/v1/admin/customers", params(CustomerFilter), security(("staff" = [])),
    responses((status = 200, body = List<CustomerView>, description = "A page of the accounts")))]
async fn list_customers(
    _: Staff<can::CustomersRead>,
    State(ctx): State<Ctx>,
    Query(filter): Query<CustomerFilter>,
) -> Result<Json<List<CustomerView>>, Problem> {
    let page = Page { limit: filter.limit, cursor: filter.cursor };
    if filter.email.as_ref().is_some_and(|email| email.chars().count() > EMAIL_CHARS_MAX) {
        let detail = format!("has at most {EMAIL_CHARS_MAX} characters");
        return Err(Problem::malformed(vec![FieldProblem { pointer: "email".to_owned(), detail }]));
    }
    for_staff::list(&ctx, &page, filter.email.as_deref()).await.map(Json)
}

/// An account with its address book and its newest sessions.
#[utoipa::path(get, path = "/v1/admin/customers/{customer}", params(("customer" = CustomerId, Path)),
    security(("staff" = [])), responses((status = 200, body = CustomerDetailView, description = "The account")))]
async fn get_customer(
    _: Staff<can::CustomersRead>,
    State(ctx): State<Ctx>,
    Path(customer): Path<CustomerId>,
) -> Result<Json<CustomerDetailView>, Error> {
    for_staff::show(&ctx, customer).await.map(Json)
}

/// A built-in role, and what its holder may do.
#[derive(Debug, Serialize, ToSchema)]
struct RoleView {
    role: Role,
    permissions: Vec<Permission>,
}

/// The built-in roles: `souk staff add` gives one.
#[utoipa::path(get, path = "/v1/admin/roles", security(("staff" = [])),
    responses((status = 200, body = List<RoleView>, description = "All of them")))]
async fn list_roles(_: Staff<can::StaffRead>) -> Json<List<RoleView>> {
    let items = Role::ALL.map(|role| RoleView { role, permissions: role.permissions().to_vec() });
    Json(List { items: items.into(), next: None })
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
    let staff = store::staff::staff_after(&ctx.db, after, limit + 1).await?;
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
