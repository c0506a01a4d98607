//! What a service is built from.

use std::sync::Arc;

use contracts::customers::{ApiKeyId, SessionId};
use contracts::{Call, MarketId};
use store::{Clock, Db, Ids};

use crate::auth::Identity;
use crate::calls::Peers;
use crate::{Config, Market, Problem, Secrets};

/// A service's surroundings, cheap to clone: every request does, more than once.
#[derive(Debug, Clone)]
pub struct Ctx(Arc<Surroundings>);

/// A service's database, its peers, the clock, ids and settings.
#[derive(Debug, Clone)]
pub struct Surroundings {
    pub db: Db,
    pub peers: Peers,
    pub clock: Clock,
    pub ids: Ids,
    pub config: Arc<Config>,
    pub secrets: Secrets,
    pub(crate) identity: Identity,
}

impl std::ops::Deref for Ctx {
    type Target = Surroundings;
    fn deref(&self) -> &Surroundings {
        &self.0
    }
}

impl Ctx {
    /// `db` is the service's own handle ([`Db::of`]).
    pub fn new(db: Db, peers: Peers, config: Arc<Config>, identity: Identity) -> Self {
        let (clock, ids) = (db.clock().clone(), db.ids().clone());
        let secrets = identity.secrets.clone();
        Self(Arc::new(Surroundings { db, peers, clock, ids, config, secrets, identity }))
    }

    /// The same surroundings in the hands of a service.
    pub fn of(&self, service: &'static str) -> Self {
        Self(Arc::new(Surroundings { db: self.db.of(service), ..Surroundings::clone(self) }))
    }

    /// The same with other settings.
    #[must_use]
    pub fn with_config(&self, config: Config) -> Self {
        Self(Arc::new(Surroundings { config: Arc::new(config), ..Surroundings::clone(self) }))
    }

    /// Asks another service. It reads; it changes nothing there. Never inside a transaction.
    pub async fn call<C: Call>(&self, call: C) -> Result<C::Reply, Problem> {
        self.peers.call(call).await
    }

    /// Forgets what this process remembers of a staff key: it was revoked.
    pub fn forget_key(&self, key: ApiKeyId) {
        self.identity.forget_key(key);
    }

    /// Refuses these sessions' access tokens in this process from now on: they ended.
    pub fn revoke_sessions(&self, sessions: &[SessionId]) {
        self.identity.revoke(sessions);
    }

    /// The market's settings; a field problem at `/market` where the shop has no such market.
    pub fn market(&self, id: &MarketId) -> Result<&Market, Problem> {
        self.config.market(id)
    }
}
