//! `notifications`: mails to buyers, and webhooks to other programs.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::orders::OrderId;
use crate::{events, ids};

ids! {
    /// A message to one person.
    MessageId = "msg";
    /// A program elsewhere that is told what happens in the shop.
    WebhookEndpointId = "whe";
    /// One event on its way to one endpoint.
    WebhookDeliveryId = "whd";
    /// What an endpoint is told once, however often it is sent: the `webhook-id` header.
    WebhookEventId = "evt";
}

/// Why an endpoint is told nothing any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum WebhookDisabledReason {
    /// Staff switched it off.
    Staff,
    /// It answered 410 Gone.
    Gone,
    /// Nothing got through to it for five days.
    Failing,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct NotificationFailed {
    pub message: MessageId,
    /// `None`: the message is about an account.
    pub order: Option<OrderId>,
    /// The template, such as `order_confirmed`.
    pub template: String,
    /// Never the address, nor what a mail server said of it.
    pub reason: String,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct WebhookEndpointDisabled {
    pub endpoint: WebhookEndpointId,
    pub reason: WebhookDisabledReason,
}

events! { "notifications" =>
    /// A message could not be handed over and will not be tried again.
    "notification.failed" fact NotificationFailed { subject: message, heard_by: [] }
    /// An endpoint is told nothing any more until staff switch it on again.
    "webhook_endpoint.disabled" fact WebhookEndpointDisabled { subject: endpoint, heard_by: [] }
}
