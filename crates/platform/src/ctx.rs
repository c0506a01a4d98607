//! What a service is built from.

use std::sync::Arc;

use contracts::customers::{ApiKeyId, SessionId};
use contracts::{Call, MarketId};
use store::{Clock, Db, Ids};

use crate::auth::Identity;
use crate::calls::Peers;
use crate::{Config, Market, Problem, Secrets};

/// A service's surroundings: its database, its peers, the clock, ids and settings. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Ctx {
    pub db: Db,
    pub peers: Peers,
    pub clock: Clock,
    pub ids: Ids,
    pub config: Arc<Config>,
    pub secrets: Secrets,
    pub(crate) identity: Identity,
}

impl Ctx {
    /// `db` is the service's own handle ([`Db::of`]).
    pub fn new(db: Db, peers: Peers, config: Arc<Config>, identity: Identity) -> Self {
        let (clock, ids) = (db.clock().clone(), db.ids().clone());
        Self { db, peers, clock, ids, config, secrets: identity.secrets.clone(), identity }
    }

    /// The same surroundings in the hands of a service.
    pub fn of(&self, service: &'static str) -> Self {
        Self { db: self.db.of(service), ..self.clone() }
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
