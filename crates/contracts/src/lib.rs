//! What Souk's services say to each other: ids, values, views, the calls they answer and the events
//! they say. Data only: no I/O, no SQL, no rules beyond what makes a value valid.
//!
//! One file a service; `id`, `money`, `values`, `event` and `call` are what those files are written in.

pub mod audit;
pub mod call;
pub mod delivery;
pub mod event;
pub mod id;
pub mod money;
pub mod values;

pub mod carts;
pub mod catalog;
pub mod customers;
pub mod inventory;
pub mod notifications;
pub mod orders;
pub mod payments;
pub mod pricing;
pub mod shipping;

pub use call::Call;
pub use event::{Event, EventDoc, Kind, all_events};
pub use id::Id;
pub use money::{Currency, Money, MoneyError};
pub use values::{Address, ExternalRef, Locale, MarketId, Metadata, Quantity, TaxClass};

/// The services of a shop, in the order a purchase meets them. `ls services/` says the same.
pub const SERVICES: [&str; 9] =
    ["customers", "catalog", "inventory", "pricing", "carts", "orders", "payments", "shipping", "notifications"];
