//! What a process remembers to say who asks: staff keys, signing keys, sessions that ended.

use std::sync::{Arc, RwLock};
use std::time::Duration;

use contracts::customers::{
    ApiKeyId, AuthenticateKey, GetSigningKeys, SessionId, SessionRevoked, StaffKeyRevoked, StaffPrincipal,
};
use jiff::{SignedDuration, Timestamp};
use moka::sync::Cache;
use tokio::sync::Mutex;

use super::tokens::{ACCESS_SECONDS, Claims, Known, Refused};
use super::{sha256_hex, unauthenticated};
use crate::service::{Watch, erase_watch};
use crate::{Ctx, Problem, Secrets};

const KEYS_MAX: u64 = 10_000;
const KEY_REMEMBERED: Duration = Duration::from_secs(60);
/// Beyond it the oldest are forgotten; their access tokens end within ten minutes anyway.
const REVOKED_MAX: u64 = 100_000;
const REVOKED_REMEMBERED: Duration = Duration::from_secs(ACCESS_SECONDS.unsigned_abs() + 60);
/// A key that was taken away is believed no longer than this.
const SIGNING_KEYS_FRESH: SignedDuration = SignedDuration::from_mins(5);
/// Tokens with made-up key names don't make it ask more often.
const ASKED_AGAIN_AFTER: SignedDuration = SignedDuration::from_secs(10);
/// Where none is known at all: who waits behind the one that asks does not wait for an answer each.
const FIRST_ASKED_AGAIN_AFTER: SignedDuration = SignedDuration::from_secs(1);

/// One per process, shared by its services. The default has secrets of its own that nobody else knows.
#[derive(Debug, Clone)]
pub struct Identity {
    pub(crate) secrets: Secrets,
    staff: Cache<String, StaffPrincipal>,
    signing: Arc<Signing>,
    revoked: Cache<SessionId, ()>,
}

#[derive(Debug)]
struct Signing {
    /// The last good answer.
    known: RwLock<Option<Arc<Answered>>>,
    /// One at a time asks, with when it last did.
    asked_at: Mutex<Timestamp>,
}

struct Answered {
    keys: Known,
    at: Timestamp,
}

impl std::fmt::Debug for Answered {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Answered").field("at", &self.at).finish_non_exhaustive()
    }
}

impl Default for Identity {
    fn default() -> Self {
        Self::new(Secrets::random())
    }
}

impl Identity {
    pub fn new(secrets: Secrets) -> Self {
        let staff = Cache::builder()
            .max_capacity(KEYS_MAX)
            .time_to_live(KEY_REMEMBERED)
            .support_invalidation_closures()
            .build();
        let revoked = Cache::builder().max_capacity(REVOKED_MAX).time_to_live(REVOKED_REMEMBERED).build();
        let signing = Arc::new(Signing { known: RwLock::new(None), asked_at: Mutex::new(Timestamp::MIN) });
        Self { secrets, staff, signing, revoked }
    }

    /// Who holds this staff key.
    pub(super) async fn staff(&self, ctx: &Ctx, key: &str) -> Result<Option<StaffPrincipal>, Problem> {
        let key_sha256 = sha256_hex(key.as_bytes());
        if let Some(principal) = self.staff.get(&key_sha256) {
            return Ok(Some(principal));
        }
        let found = ctx.call(AuthenticateKey { key_sha256: key_sha256.clone() }).await?;
        if let Some(principal) = &found {
            self.staff.insert(key_sha256, principal.clone());
        }
        Ok(found)
    }

    /// What every process watches, whichever services it runs.
    pub(crate) fn watches(&self) -> [(&'static str, Watch); 2] {
        let (keys, sessions) = (self.clone(), self.clone());
        [
            erase_watch::<StaffKeyRevoked>(move |revoked| keys.forget_key(revoked.key)),
            erase_watch::<SessionRevoked>(move |revoked| sessions.revoke(&revoked.sessions)),
        ]
    }

    /// Forgets a revoked staff key.
    pub(crate) fn forget_key(&self, key: ApiKeyId) {
        // Fails only without `support_invalidation_closures`.
        let _ = self.staff.invalidate_entries_if(move |_, principal| principal.key == key);
    }

    /// Refuses these sessions' access tokens from now on.
    pub(crate) fn revoke(&self, sessions: &[SessionId]) {
        for session in sessions {
            self.revoked.insert(*session, ());
        }
    }

    /// What this access token says, if it is to be believed. Asks `customers` for its keys when it knows none,
    /// when they are old, and for a key it has not seen; else it asks nobody.
    pub(super) async fn check(&self, ctx: &Ctx, token: &str) -> Result<Claims, Problem> {
        let now = ctx.clock.now();
        let issuer = &ctx.config.server.public_url;
        let mut answered = self.keys(ctx, now, |known| known.at.duration_until(now) < SIGNING_KEYS_FRESH).await?;
        let mut checked = answered.keys.check(token, issuer, now);
        if checked == Err(Refused::UnknownKey) {
            answered = self.keys(ctx, now, |known| !Arc::ptr_eq(known, &answered)).await?;
            checked = answered.keys.check(token, issuer, now);
        }
        let refused = match checked {
            Ok(claims) if !self.revoked.contains_key(&claims.sid) => return Ok(claims),
            Ok(_) => "the session has ended: log in again",
            Err(Refused::Expired) => "the access token has expired: `POST /v1/sessions/refresh` gives a new one",
            Err(_) => "the access token is not one of this shop: log in with `POST /v1/sessions`",
        };
        Err(unauthenticated(refused))
    }

    /// Known keys that will do, or a new answer; where there is none, the last good one.
    async fn keys(
        &self,
        ctx: &Ctx,
        now: Timestamp,
        will_do: impl Fn(&Arc<Answered>) -> bool,
    ) -> Result<Arc<Answered>, Problem> {
        if let Some(known) = self.known().filter(&will_do) {
            return Ok(known);
        }
        let mut asked_at = self.signing.asked_at.lock().await;
        let asked_before = asked_at.duration_until(now);
        match self.known() {
            Some(known) if will_do(&known) || asked_before < ASKED_AGAIN_AFTER => return Ok(known),
            None if asked_before < FIRST_ASKED_AGAIN_AFTER => {
                return Err(Problem::unavailable("customers has not told its signing keys yet"));
            }
            _ => *asked_at = now,
        }
        match ctx.call(GetSigningKeys {}).await {
            Ok(keys) => {
                let answered = Arc::new(Answered { keys: Known::new(&keys), at: now });
                *self.signing.known.write().unwrap_or_else(std::sync::PoisonError::into_inner) =
                    Some(Arc::clone(&answered));
                Ok(answered)
            }
            Err(problem) => self.known().ok_or(problem),
        }
    }

    fn known(&self) -> Option<Arc<Answered>> {
        self.signing.known.read().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }
}
