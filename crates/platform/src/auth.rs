//! Who asks: staff by key, buyers by the token of their cart. The check is the handler's argument.

use std::marker::PhantomData;
use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use contracts::customers::{ApiKeyId, AuditRecorded, AuthenticateKey, Permission, StaffId, StaffPrincipal};
use moka::sync::Cache;
use store::Tx;

use crate::problem::Kind;
use crate::{Ctx, Problem};

const KEYS_MAX: u64 = 10_000;
const KEY_REMEMBERED: Duration = Duration::from_secs(60);

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
        let principal = ctx.keys.find(ctx, key).await?;
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

/// A buyer without an account: who holds the token of a cart. Only its hash goes further.
#[derive(Debug, Clone)]
pub struct Buyer {
    /// SHA-256 of the token, lower-case hex.
    pub token_sha256: String,
}

/// The header that carries it.
pub const CART_TOKEN: &str = "cart-token";

impl<S: Send + Sync> FromRequestParts<S> for Buyer {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let token = parts.headers.get(CART_TOKEN).and_then(|value| value.to_str().ok());
        let token = token
            .ok_or_else(|| unauthenticated("send the token that `POST /v1/carts` answered as `Cart-Token: <token>`"))?;
        Ok(Self { token_sha256: sha256_hex(token.as_bytes()) })
    }
}

fn bearer(parts: &Parts) -> Option<&str> {
    parts.headers.get(axum::http::header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")
}

fn unauthenticated(detail: &str) -> Problem {
    Problem::new(Kind::Unauthenticated, "request.unauthenticated", detail)
}

/// SHA-256 as lower-case hex.
pub fn sha256_hex(bytes: &[u8]) -> String {
    use sha2::Digest;
    sha2::Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A new secret: 256 random bits in base64url, behind a prefix that secret scanners know.
pub fn new_secret(prefix: &str) -> String {
    use base64::Engine;
    let bytes: [u8; 32] = rand::random();
    format!("{prefix}{}", base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes))
}

/// Keys that were looked up in the last minute, by their hash.
#[derive(Debug, Clone)]
pub struct KeyCache {
    known: Cache<String, StaffPrincipal>,
}

impl Default for KeyCache {
    fn default() -> Self {
        Self {
            known: Cache::builder()
                .max_capacity(KEYS_MAX)
                .time_to_live(KEY_REMEMBERED)
                .support_invalidation_closures()
                .build(),
        }
    }
}

impl KeyCache {
    async fn find(&self, ctx: &Ctx, key: &str) -> Result<Option<StaffPrincipal>, Problem> {
        let key_sha256 = sha256_hex(key.as_bytes());
        if let Some(principal) = self.known.get(&key_sha256) {
            return Ok(Some(principal));
        }
        let found = ctx.call(AuthenticateKey { key_sha256: key_sha256.clone() }).await?;
        if let Some(principal) = &found {
            self.known.insert(key_sha256, principal.clone());
        }
        Ok(found)
    }

    /// Forgets a revoked key; every process watches for it.
    pub fn forget(&self, key: ApiKeyId) {
        // Fails only without `support_invalidation_closures`.
        let _ = self.known.invalidate_entries_if(move |_, principal| principal.key == key);
    }
}
