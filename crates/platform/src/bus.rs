//! The bus: events go from the outbox to every service that hears them.
//!
//! The relay claims events by lease and hands them over in batches. On the local bus each service
//! applies a batch in one transaction, a part an event: its inbox row and its effect together. What
//! has to wait or failed is parked there and tried again; the others go on.

mod apply;
mod relay;
mod replay;

pub(crate) use apply::{Hears, retry_parked};
#[cfg(feature = "faults")]
pub use relay::Disturb;
pub use relay::{Relay, RelaySetting};
pub use replay::{Replayed, replay};
