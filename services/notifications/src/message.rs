//! A message to one person: what it tells, and what became of it.

use contracts::customers::CustomerId;
use contracts::notifications::MessageId;
use contracts::orders::{OrderContact, OrderId};
use contracts::{Id, Money};
use jiff::{SignedDuration, Timestamp};
use platform::Problem;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// A buyer who is at it needs no mail about their payment: who is still owed one by then, gets it.
pub const PAYING_TAKES: SignedDuration = SignedDuration::from_mins(10);
/// A message that could not be handed over for so long has failed...
const TRIED_FOR: SignedDuration = SignedDuration::from_hours(24);
/// ... and never after fewer tries: a shop that was off for a weekend tries again first.
const TRIES_MIN: i64 = 10;

/// What a message tells, and the name of its templates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = MessageTemplate)]
pub enum Template {
    /// The order is paid for and will be shipped.
    OrderConfirmed,
    OrderCancelled,
    /// A parcel, or several, left the house; with their tracking links.
    ShipmentDispatched,
    /// Money went back to the buyer.
    OrderRefunded,
    /// What the buyer has to do before the order is paid for.
    PaymentNeeded,
    /// The link that a guest asked for.
    OrderLink,
    /// Somebody made an account.
    Welcome,
}

impl Template {
    pub const ALL: [Self; 7] = [
        Self::OrderConfirmed,
        Self::OrderCancelled,
        Self::ShipmentDispatched,
        Self::OrderRefunded,
        Self::PaymentNeeded,
        Self::OrderLink,
        Self::Welcome,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::OrderConfirmed => "order_confirmed",
            Self::OrderCancelled => "order_cancelled",
            Self::ShipmentDispatched => "shipment_dispatched",
            Self::OrderRefunded => "order_refunded",
            Self::PaymentNeeded => "payment_needed",
            Self::OrderLink => "order_link",
            Self::Welcome => "welcome",
        }
    }

    /// Whether it must not be sent any more, and why. Events come in any order and sending is tried for
    /// a day, so a message may be late: a confirmation after a cancellation would mislead.
    pub fn is_overtaken(self, contact: &OrderContact) -> Option<&'static str> {
        match self {
            Self::OrderConfirmed | Self::PaymentNeeded if contact.cancel_reason.is_some() => {
                Some("the order was cancelled before it was sent")
            }
            Self::OrderConfirmed
            | Self::OrderCancelled
            | Self::ShipmentDispatched
            | Self::OrderRefunded
            | Self::PaymentNeeded
            | Self::OrderLink
            | Self::Welcome => None,
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

/// What a message is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum About {
    Order(OrderId),
    Customer(CustomerId),
}

/// A message to be made: one for each template and cause, however often it is asked for.
#[derive(Debug, Clone, Copy)]
pub struct NewMessage {
    pub template: Template,
    pub about: About,
    /// What it tells of: the order, a shipment or a refund of it, an attempt to pay it, a link to it; the customer.
    pub cause: Uuid,
    /// What went back.
    pub amount: Option<Money>,
}

/// A message. Whom it goes to is not kept: the order, or the customer's account, knows.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct MessageView {
    pub id: MessageId,
    pub template: Template,
    pub order: Option<OrderId>,
    pub customer: Option<CustomerId>,
    /// What it tells of: the order, a shipment or a refund of it, an attempt to pay it, a link to it; the customer.
    pub cause: Uuid,
    /// What went back.
    pub amount: Option<Money>,
    pub state: MessageState,
    /// Why it was skipped or failed.
    pub reason: Option<String>,
    /// 1, and one more each time that staff had it sent again.
    pub sending: i64,
    pub created_at: Timestamp,
    /// When this sending was asked for.
    pub queued_at: Timestamp,
    pub sent_at: Option<Timestamp>,
}

impl MessageView {
    pub fn about(&self) -> Result<About, Problem> {
        match (self.order, self.customer) {
            (Some(order), _) => Ok(About::Order(order)),
            (None, Some(customer)) => Ok(About::Customer(customer)),
            (None, None) => Err(Problem::internal(format!("message {} is about nothing", self.id))),
        }
    }

    /// What the mail and its file are called: a sending that is repeated is the same mail, the next sending is another.
    pub fn mail_name(&self) -> String {
        if self.sending == 1 { self.id.to_string() } else { format!("{}.{}", self.id, self.sending) }
    }

    /// The cause, as what it is.
    pub fn cause<I: Id>(&self) -> I {
        I::from_uuid(self.cause)
    }

    /// Whether it has been tried for long enough.
    pub fn is_hopeless(&self, attempts: i64, now: Timestamp) -> bool {
        now.duration_since(self.queued_at) > TRIED_FOR && attempts >= TRIES_MIN
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_is_called_as_the_api_writes_it() {
        for template in Template::ALL {
            assert_eq!(serde_json::to_value(template).expect("a name"), template.as_str());
        }
    }
}
