//! Every statement of notifications.

pub mod deliveries;
pub mod endpoints;
pub mod messages;
