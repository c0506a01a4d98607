//! Jobs: sending messages, and telling endpoints.

use contracts::notifications::{MessageId, WebhookEndpointId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Sends a message; given up after 24 hours.
#[derive(Debug, Serialize, Deserialize)]
pub struct SendMessage {
    pub message: MessageId,
    /// Which sending of it.
    pub sending: i64,
}

impl ::store::Job for SendMessage {
    const KIND: &'static str = "send";
    fn key(&self) -> String {
        format!("{}:{}", self.message, self.sending)
    }
}

/// Sends an endpoint what it is owed now. One waits for each endpoint: a slow one keeps one place, not all.
#[derive(Debug, Serialize, Deserialize)]
pub struct Deliver {
    pub endpoint: WebhookEndpointId,
}

impl ::store::Job for Deliver {
    const KIND: &'static str = "deliver";
    fn key(&self) -> String {
        self.endpoint.to_string()
    }
}

/// Starts [`Deliver`] when a delivery is due again.
#[derive(Debug, Serialize, Deserialize)]
pub struct DeliverLater {
    pub endpoint: WebhookEndpointId,
    pub due: Timestamp,
}

impl ::store::Job for DeliverLater {
    const KIND: &'static str = "deliver_later";
    fn key(&self) -> String {
        format!("{}:{}", self.endpoint, self.due.as_microsecond())
    }
}
