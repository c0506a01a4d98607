//! What a verb that makes something does about its idempotency key.

use ::store::{Db, Tx, idempotency};
use platform::Problem;
use platform::http::{Replay, replayed};
use uuid::Uuid;

/// A key's beginning: what it made before, or the key to claim.
pub enum Begun {
    Made(Uuid),
    New(Option<idempotency::Key>),
}

impl From<Option<Replay>> for Begun {
    fn from(replay: Option<Replay>) -> Self {
        match replay {
            Some(Replay::Made(made)) => Self::Made(made.resource),
            Some(Replay::New(key)) => Self::New(Some(key)),
            None => Self::New(None),
        }
    }
}

/// The first statement of the transaction. `false`: another request has the key, so there is nothing to do.
pub async fn claim(tx: &mut Tx, key: Option<&idempotency::Key>, status: u16, id: Uuid) -> Result<bool, ::store::Error> {
    match key {
        Some(key) => idempotency::claim(tx, key, status, id).await,
        None => Ok(true),
    }
}

/// After the transaction: what to show, and whether the key had made it before.
pub async fn made(db: &Db, key: Option<idempotency::Key>, is_mine: bool, id: Uuid) -> Result<(Uuid, bool), Problem> {
    match key {
        Some(key) if !is_mine => Ok((replayed(db, &key).await?.resource, true)),
        _ => Ok((id, false)),
    }
}
