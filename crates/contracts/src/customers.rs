//! `customers`: staff, roles and keys, and the shop's one audit log.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{calls, events, ids};

ids! {
    /// A member of staff.
    StaffId = "staff";
    /// A key that a program or a person of staff signs requests with.
    ApiKeyId = "key";
    /// A line of the audit log.
    AuditEntryId = "audit";
}

/// What a member of staff may do. Written `service:verb` in the API and in tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
pub enum Permission {
    #[serde(rename = "catalog:write")]
    CatalogWrite,
    #[serde(rename = "inventory:write")]
    InventoryWrite,
    #[serde(rename = "pricing:write")]
    PricingWrite,
    #[serde(rename = "shipping:write")]
    ShippingWrite,
    #[serde(rename = "orders:read")]
    OrdersRead,
    #[serde(rename = "orders:write")]
    OrdersWrite,
    #[serde(rename = "payments:read")]
    PaymentsRead,
    #[serde(rename = "staff:read")]
    StaffRead,
    #[serde(rename = "staff:write")]
    StaffWrite,
    #[serde(rename = "audit:read")]
    AuditRead,
}

impl Permission {
    pub const ALL: [Self; 10] = [
        Self::CatalogWrite,
        Self::InventoryWrite,
        Self::PricingWrite,
        Self::ShippingWrite,
        Self::OrdersRead,
        Self::OrdersWrite,
        Self::PaymentsRead,
        Self::StaffRead,
        Self::StaffWrite,
        Self::AuditRead,
    ];
}

/// A built-in bundle of permissions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Everything.
    Owner,
    /// Catalogue, stock, prices and shipping settings.
    Merchandiser,
    /// Orders and shipments.
    Fulfilment,
    /// Reads orders, payments and the audit log; changes nothing.
    Auditor,
}

impl Role {
    pub const ALL: [Self; 4] = [Self::Owner, Self::Merchandiser, Self::Fulfilment, Self::Auditor];

    pub fn permissions(self) -> &'static [Permission] {
        use Permission::{
            AuditRead, CatalogWrite, InventoryWrite, OrdersRead, OrdersWrite, PaymentsRead, PricingWrite,
            ShippingWrite, StaffRead,
        };
        match self {
            Self::Owner => &Permission::ALL,
            Self::Merchandiser => &[CatalogWrite, InventoryWrite, PricingWrite, ShippingWrite],
            Self::Fulfilment => &[OrdersRead, OrdersWrite],
            Self::Auditor => &[OrdersRead, PaymentsRead, StaffRead, AuditRead],
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Merchandiser => "merchandiser",
            Self::Fulfilment => "fulfilment",
            Self::Auditor => "auditor",
        }
    }
}

/// Who holds this key? Answered from the SHA-256 of the key, so the key itself stays where it came in.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AuthenticateKey {
    /// SHA-256 of the key, lower-case hex.
    pub key_sha256: String,
}

/// The member of staff behind a key, with what they may do.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct StaffPrincipal {
    pub staff: StaffId,
    pub key: ApiKeyId,
    pub permissions: Vec<Permission>,
}

calls! {
    "customers.authenticate_key" AuthenticateKey -> Option<StaffPrincipal>;
}

/// A change by staff or key, as every service says it to the audit log.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct AuditRecorded {
    pub entry: AuditEntryId,
    pub staff: StaffId,
    pub key: ApiKeyId,
    /// Service, dot, verb: `catalog.create_product`.
    pub action: String,
    /// The changed thing's id as the API writes it.
    pub subject: String,
    /// The names of the changed fields; never their values where they could be personal.
    pub fields: Vec<String>,
    pub request_id: Option<Uuid>,
    pub at: Timestamp,
}

impl crate::Event for AuditRecorded {
    const NAME: &'static str = "audit.recorded";
    /// Said by every service that staff can change; `*` in the documents.
    const SAID_BY: &'static str = "*";
    const HEARD_BY: &'static [&'static str] = &["customers"];
    const KIND: crate::Kind = crate::Kind::Fact;
    fn subject(&self) -> Uuid {
        crate::Id::uuid(self.entry)
    }
}

/// A key of staff stopped working, at once.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct SessionRevoked {
    pub key: ApiKeyId,
    pub staff: StaffId,
}

mod said {
    use super::*;
    events! { "customers" =>
        /// A staff key was revoked; processes forget what they remember of it.
        "session.revoked" fact SessionRevoked { subject: key, heard_by: [] }
    }
}

/// The events this service says, for the documents; among them the one that every service says.
pub fn events() -> Vec<crate::EventDoc> {
    let mut events = said::events();
    events.push(crate::EventDoc {
        name: <AuditRecorded as crate::Event>::NAME,
        said_by: <AuditRecorded as crate::Event>::SAID_BY,
        heard_by: <AuditRecorded as crate::Event>::HEARD_BY,
        kind: crate::Kind::Fact,
        about: " A change by staff or key, for the audit log. Field names and ids, no personal values.",
        schema_name: "AuditRecorded",
        schemas: || {
            let mut schemas = vec![("AuditRecorded".to_owned(), <AuditRecorded as utoipa::PartialSchema>::schema())];
            <AuditRecorded as ToSchema>::schemas(&mut schemas);
            schemas
        },
    });
    events
}
