//! `customers`: accounts, sessions and addresses; staff, roles and keys; the shop's one audit log.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{Locale, calls, events, ids};

ids! {
    /// A person with an account.
    CustomerId = "cus";
    /// A log in, from one device; its refresh tokens are one family.
    SessionId = "ses";
    /// An entry of a customer's address book.
    CustomerAddressId = "addr";
    /// A member of staff.
    StaffId = "staff";
    /// A key that a program or a person of staff signs requests with.
    ApiKeyId = "key";
    /// A line of the audit log.
    AuditEntryId = "audit";
}

/// Who buys: what a cart or an order belongs to. Not theirs is not found.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Buyer {
    /// Whoever holds the token of a cart.
    Guest {
        /// SHA-256 of the token, lower-case hex.
        token_sha256: String,
    },
    Customer {
        customer: CustomerId,
    },
}

impl Buyer {
    /// For the owner in SQL: `token_sha256 = $n OR customer_id = $m`.
    pub fn token_sha256(&self) -> Option<&str> {
        match self {
            Self::Guest { token_sha256 } => Some(token_sha256),
            Self::Customer { .. } => None,
        }
    }

    pub fn customer(&self) -> Option<CustomerId> {
        match self {
            Self::Guest { .. } => None,
            Self::Customer { customer } => Some(*customer),
        }
    }
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
    /// Refunds, receipts, what a gateway refused.
    #[serde(rename = "payments:write")]
    PaymentsWrite,
    #[serde(rename = "customers:read")]
    CustomersRead,
    #[serde(rename = "notifications:read")]
    NotificationsRead,
    #[serde(rename = "notifications:write")]
    NotificationsWrite,
    #[serde(rename = "staff:read")]
    StaffRead,
    #[serde(rename = "staff:write")]
    StaffWrite,
    #[serde(rename = "audit:read")]
    AuditRead,
}

impl Permission {
    pub const ALL: [Self; 14] = [
        Self::CatalogWrite,
        Self::InventoryWrite,
        Self::PricingWrite,
        Self::ShippingWrite,
        Self::OrdersRead,
        Self::OrdersWrite,
        Self::PaymentsRead,
        Self::PaymentsWrite,
        Self::CustomersRead,
        Self::NotificationsRead,
        Self::NotificationsWrite,
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
    /// Helps buyers: orders, refunds, accounts and mails.
    Support,
    /// Reads orders, payments and the audit log; changes nothing.
    Auditor,
}

impl Role {
    pub const ALL: [Self; 5] = [Self::Owner, Self::Merchandiser, Self::Fulfilment, Self::Support, Self::Auditor];

    pub fn permissions(self) -> &'static [Permission] {
        use Permission::{
            AuditRead, CatalogWrite, CustomersRead, InventoryWrite, NotificationsRead, OrdersRead, OrdersWrite,
            PaymentsRead, PaymentsWrite, PricingWrite, ShippingWrite, StaffRead,
        };
        match self {
            Self::Owner => &Permission::ALL,
            Self::Merchandiser => &[CatalogWrite, InventoryWrite, PricingWrite, ShippingWrite],
            Self::Fulfilment => &[OrdersRead, OrdersWrite],
            Self::Support => &[OrdersRead, OrdersWrite, CustomersRead, PaymentsRead, PaymentsWrite, NotificationsRead],
            Self::Auditor => &[OrdersRead, PaymentsRead, CustomersRead, NotificationsRead, StaffRead, AuditRead],
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Merchandiser => "merchandiser",
            Self::Fulfilment => "fulfilment",
            Self::Support => "support",
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

/// By which public keys are access tokens checked? Every process asks and keeps the last good answer.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct GetSigningKeys {}

/// A JSON Web Key Set (RFC 7517), as `/.well-known/jwks.json` serves it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SigningKeys {
    pub keys: Vec<SigningKey>,
}

/// An Ed25519 public key (RFC 8037).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SigningKey {
    pub kid: String,
    pub kty: String,
    pub crv: String,
    pub alg: String,
    #[serde(rename = "use")]
    pub use_: String,
    /// The key, base64url.
    pub x: String,
}

/// How is this customer written to? Asked by `notifications` in its job.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct GetCustomerContact {
    pub customer: CustomerId,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CustomerContact {
    pub customer: CustomerId,
    pub email: String,
    pub name: Option<String>,
    pub locale: Locale,
}

calls! {
    "customers.authenticate_key" AuthenticateKey -> Option<StaffPrincipal>;
    "customers.get_signing_keys" GetSigningKeys -> SigningKeys;
    "customers.get_contact" GetCustomerContact -> CustomerContact;
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

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct CustomerRegistered {
    pub customer: CustomerId,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct CustomerUpdated {
    pub customer: CustomerId,
    pub version: i64,
}

/// A customer's sessions stopped working, at once.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct SessionRevoked {
    pub customer: CustomerId,
    pub sessions: Vec<SessionId>,
}

/// A key of staff stopped working, at once.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct StaffKeyRevoked {
    pub key: ApiKeyId,
    pub staff: StaffId,
}

mod said {
    use super::*;
    events! { "customers" =>
        /// A person made an account.
        "customer.registered" fact CustomerRegistered { subject: customer, heard_by: ["notifications"] }
        /// A customer's profile changed.
        "customer.updated" state CustomerUpdated { subject: customer, version: version, heard_by: [] }
        /// Sessions ended before their time; processes refuse their access tokens.
        "session.revoked" fact SessionRevoked { subject: customer, heard_by: [] }
        /// A staff key was revoked; processes forget what they remember of it.
        "staff_key.revoked" fact StaffKeyRevoked { subject: key, heard_by: [] }
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
