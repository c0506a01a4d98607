//! Events: what happened, said in the transaction that made it true.
//!
//! An event carries ids, amounts and quantities, never personal data. Its envelope on the wire is
//! CloudEvents 1.0 in JSON: `type` is [`Event::NAME`], `source` the service, `subject` the thing.

use serde::{Serialize, de::DeserializeOwned};
use uuid::Uuid;

/// How a late or doubled delivery is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The whole public state of the subject with its version: a version not above the last applied is dropped.
    State,
    /// Something that happened: never dropped as stale.
    Fact,
}

/// Something that happened in one service.
pub trait Event: Serialize + DeserializeOwned + Clone + std::fmt::Debug + Send + Sync + 'static {
    /// Noun, dot, past participle: `order.placed`.
    const NAME: &'static str;
    /// The service that says it.
    const SAID_BY: &'static str;
    /// The services whose tables react to it, each exactly once.
    const HEARD_BY: &'static [&'static str];
    const KIND: Kind;
    /// The thing it is about; deliveries about one subject go in one lane, in order where nothing fails.
    fn subject(&self) -> Uuid;
    /// For [`Kind::State`]: the subject's version. Facts have none.
    fn version(&self) -> Option<i64> {
        None
    }
}

/// An event's entry in `docs/events.md` and the AsyncAPI document.
#[derive(Debug, Clone)]
pub struct EventDoc {
    pub name: &'static str,
    pub said_by: &'static str,
    pub heard_by: &'static [&'static str],
    pub kind: Kind,
    pub about: &'static str,
    pub schema_name: &'static str,
    pub schemas: fn() -> Vec<(String, utoipa::openapi::RefOr<utoipa::openapi::schema::Schema>)>,
}

/// Declares events of one service:
/// `events! { "orders" => /// A buyer … "order.placed" fact OrderPlaced { subject: order, heard_by: ["inventory"] } }`.
#[macro_export]
macro_rules! events {
    ($said_by:literal => $($(#[doc = $about:literal])+ $name:literal $kind:ident $event:ident { subject: $subject:ident $(, version: $version:ident)?, heard_by: [$($heard_by:literal),*] })*) => {
        $(impl $crate::Event for $event {
            const NAME: &'static str = $name;
            const SAID_BY: &'static str = $said_by;
            const HEARD_BY: &'static [&'static str] = &[$($heard_by),*];
            const KIND: $crate::Kind = $crate::events!(@kind $kind);
            fn subject(&self) -> uuid::Uuid { $crate::Id::uuid(self.$subject) }
            $(fn version(&self) -> Option<i64> { Some(self.$version) })?
        })*
        /// The events this service says, for the documents.
        pub fn events() -> Vec<$crate::EventDoc> {
            vec![$($crate::EventDoc {
                name: $name,
                said_by: $said_by,
                heard_by: &[$($heard_by),*],
                kind: $crate::events!(@kind $kind),
                about: concat!($($about),+),
                schema_name: stringify!($event),
                schemas: || {
                    let mut schemas = vec![(stringify!($event).to_owned(), <$event as utoipa::PartialSchema>::schema())];
                    <$event as utoipa::ToSchema>::schemas(&mut schemas);
                    schemas
                },
            }),*]
        }
    };
    (@kind fact) => { $crate::Kind::Fact };
    (@kind state) => { $crate::Kind::State };
}

/// Every event of the shop, in the order of [`crate::SERVICES`].
pub fn all_events() -> Vec<EventDoc> {
    [
        crate::customers::events(),
        crate::catalog::events(),
        crate::inventory::events(),
        crate::orders::events(),
        crate::payments::events(),
        crate::shipping::events(),
        crate::notifications::events(),
    ]
    .concat()
}
