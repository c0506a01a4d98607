//! `notifications`: templates and messages sent.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::orders::OrderId;
use crate::{events, ids};

ids! {
    /// A message to one person.
    MessageId = "msg";
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct NotificationFailed {
    pub message: MessageId,
    pub order: OrderId,
    /// The template, such as `order_confirmed`.
    pub template: String,
    pub reason: String,
}

events! { "notifications" =>
    /// A message could not be handed over and will not be tried again.
    "notification.failed" fact NotificationFailed { subject: message, heard_by: [] }
}
