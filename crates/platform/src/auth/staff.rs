//! Staff: a key whose role holds the permission.

use std::marker::PhantomData;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use contracts::customers::{ApiKeyId, AuditRecorded, Permission, StaffId};
use store::Tx;

use super::{bearer, unauthenticated};
use crate::problem::Kind;
use crate::{Ctx, Problem};

/// A member of staff whose key holds the permission `P`. Without one: 401; without the other: 403.
#[derive(Debug, Clone)]
pub struct Staff<P> {
    pub id: StaffId,
    pub key: ApiKeyId,
    /// Read when the request came in: a transaction runs elsewhere.
    request_id: Option<uuid::Uuid>,
    permission: PhantomData<P>,
}

/// A permission as a type, for [`Staff`].
pub trait Can: Send + Sync + 'static {
    const PERMISSION: Permission;
}

/// The permissions: `Staff<can::OrdersWrite>`.
pub mod can {
    use super::{Can, Permission};

    macro_rules! permissions {
        ($($name:ident),*) => {$(
            #[derive(Debug, Clone, Copy)]
            pub struct $name;
            impl Can for $name {
                const PERMISSION: Permission = Permission::$name;
            }
        )*};
    }
    permissions!(
        CatalogWrite,
        InventoryWrite,
        PricingWrite,
        ShippingWrite,
        OrdersRead,
        OrdersWrite,
        PaymentsRead,
        PaymentsWrite,
        CustomersRead,
        NotificationsRead,
        NotificationsWrite,
        StaffRead,
        StaffWrite,
        AuditRead
    );
}

impl<P> Staff<P> {
    /// Says to the audit log what this member of staff changes, in the transaction that changes it:
    /// `action` is `catalog.create_product`, `subject` the changed thing, `fields` names, no values.
    pub fn records(&self, tx: &mut Tx, action: &'static str, subject: impl ToString, fields: &[&str]) {
        let event = AuditRecorded {
            entry: tx.ids().next(),
            staff: self.id,
            key: self.key,
            action: action.to_owned(),
            subject: subject.to_string(),
            fields: fields.iter().map(ToString::to_string).collect(),
            request_id: self.request_id,
            at: tx.now(),
        };
        tx.say(&event);
    }

    /// Without the permission, for the `input` of a `write`.
    pub fn actor(&self) -> Staff<()> {
        Staff { id: self.id, key: self.key, request_id: self.request_id, permission: PhantomData }
    }

    /// Whose idempotency keys these are.
    pub fn principal(&self) -> String {
        self.id.to_string()
    }
}

impl<P: Can> FromRequestParts<Ctx> for Staff<P> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, ctx: &Ctx) -> Result<Self, Problem> {
        let key = bearer(parts)
            .ok_or_else(|| unauthenticated("send `Authorization: Bearer <staff key>`; `souk staff add` makes one"))?;
        let principal = ctx.identity.staff(ctx, key).await?;
        let principal = principal.ok_or_else(|| unauthenticated("the key is not known, or was revoked"))?;
        if !principal.permissions.contains(&P::PERMISSION) {
            let name = serde_json::to_string(&P::PERMISSION).unwrap_or_default();
            let detail = format!("the key's role lacks the permission {}", name.trim_matches('"'));
            return Err(Problem::new(Kind::Forbidden, "request.forbidden", detail));
        }
        let request_id = crate::http::request_id().and_then(|id| id.parse().ok());
        Ok(Self { id: principal.staff, key: principal.key, request_id, permission: PhantomData })
    }
}
