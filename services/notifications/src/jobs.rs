//! Jobs: sending messages.

use contracts::notifications::MessageId;
use platform::{Ctx, Ended, JobRun, Problem};
use serde::{Deserialize, Serialize};

use crate::send;

/// Sends a message; given up after 24 hours.
#[derive(Debug, Serialize, Deserialize)]
pub struct SendMessage {
    pub message: MessageId,
}

impl ::store::Job for SendMessage {
    const KIND: &'static str = "send";
    fn key(&self) -> String {
        self.message.to_string()
    }
}

pub async fn send_message(ctx: Ctx, run: JobRun, job: SendMessage) -> Result<Ended, Problem> {
    send::send(&ctx, run, job.message).await
}
