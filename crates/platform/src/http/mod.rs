//! HTTP: what every route shares. Bodies, queries and paths that refuse with problems; lists with
//! cursors; idempotency keys; ETags; and around them ids, limits, logs and metrics of each request.

mod asyncapi;
mod body;
mod docs;
mod idempotency;
mod index;
mod layers;
mod links;
mod page;
mod patch;
mod server;
mod tags;

pub use asyncapi::events as asyncapi;
pub use body::{Body, Path, Query};
pub use docs::merged;
pub use idempotency::{OptionalKey, Replay, RequiredKey, created, replayed};
pub use layers::{request_id, scope_for_tests};
pub use page::{Cursor, LIMIT_DEFAULT, LIMIT_MAX, List, Page};
pub use patch::said;
pub use server::{Health, router, serve};
pub use tags::{IfMatch, Tagged, tagged_bytes};

use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use crate::Problem;
use crate::problem::FieldProblem;

/// `Prefer: wait=N` (RFC 7240): how long the client would wait for an outcome, at most 30 s.
#[derive(Debug, Clone, Copy)]
pub struct PreferWait(pub Option<Duration>);

impl PreferWait {
    pub const SECONDS_MAX: u64 = 30;
}

impl<S: Send + Sync> FromRequestParts<S> for PreferWait {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let Some(prefer) = parts.headers.get("prefer").and_then(|value| value.to_str().ok()) else {
            return Ok(Self(None));
        };
        let wait = prefer.split([',', ';']).find_map(|part| part.trim().strip_prefix("wait="));
        let seconds = wait.map(|text| {
            text.trim().parse::<u64>().map_err(|_| {
                let detail = "write `wait=N` with N in seconds".to_owned();
                Problem::malformed(vec![FieldProblem { pointer: "Prefer".to_owned(), detail }])
            })
        });
        Ok(Self(seconds.transpose()?.map(|seconds| Duration::from_secs(seconds.min(Self::SECONDS_MAX)))))
    }
}
