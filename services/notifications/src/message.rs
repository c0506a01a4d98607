//! A message to a buyer about an order.

use contracts::notifications::MessageId;
use contracts::orders::{OrderContact, OrderId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// What a message tells, and the name of its templates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Template {
    OrderConfirmed,
    OrderCancelled,
    ShipmentDispatched,
}

impl Template {
    pub const ALL: [Self; 3] = [Self::OrderConfirmed, Self::OrderCancelled, Self::ShipmentDispatched];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::OrderConfirmed => "order_confirmed",
            Self::OrderCancelled => "order_cancelled",
            Self::ShipmentDispatched => "shipment_dispatched",
        }
    }

    /// Whether it must not be sent any more, and why. Events come in any order and sending is tried for
    /// a day, so a confirmation may be late: after a cancellation it would mislead.
    pub fn is_overtaken(self, contact: &OrderContact) -> Option<&'static str> {
        match self {
            Self::OrderConfirmed if contact.cancel_reason.is_some() => {
                Some("the order was cancelled before it was sent")
            }
            Self::OrderConfirmed | Self::OrderCancelled | Self::ShipmentDispatched => None,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MessageState {
    /// Not sent yet; tried again until it is, for 24 hours.
    Pending,
    Sent,
    /// Something newer made it wrong before it was sent.
    Skipped,
    /// It can't be sent: trying again would not help.
    Failed,
}

::store::name_values!(Template, MessageState);

/// A message. Whom it goes to is not kept: the order knows.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct MessageView {
    pub id: MessageId,
    pub order: OrderId,
    pub template: Template,
    /// What it tells of: the order, or a shipment of it.
    pub cause: Uuid,
    pub state: MessageState,
    /// Why it was skipped or failed.
    pub reason: Option<String>,
    pub created_at: Timestamp,
    pub sent_at: Option<Timestamp>,
}
