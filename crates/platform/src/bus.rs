//! The bus: events go from the outbox to every service that hears them.
//!
//! The relay claims events by lease and hands them over in batches, to the services of its process (the
//! local bus) or to RabbitMQ. A service applies a batch in one transaction, a part an event: its inbox row
//! and its effect together. What has to wait or failed is parked there and tried again; the others go on.

mod apply;
mod cloud_event;
mod local;
mod rabbitmq;
mod relay;
mod replay;

pub(crate) use apply::{Hears, retry_parked};
pub use cloud_event::{from_cloud_event, to_cloud_event};
pub(crate) use local::Local;
pub use rabbitmq::Broker;
pub(crate) use rabbitmq::{Publisher, Watcher, consume};
#[cfg(feature = "faults")]
pub use relay::Disturb;
pub(crate) use relay::{Carrier, Relay, RelaySetting};
pub use replay::{Replayed, replay};

/// How events leave a process.
#[derive(Debug, Clone, Default)]
pub enum Bus {
    /// Every service runs in this process.
    #[default]
    Local,
    RabbitMq(Broker),
}
