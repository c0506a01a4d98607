//! Sends a message once more.

use ::store::Tx;
use contracts::notifications::MessageId;
use platform::{Ctx, Staff, can};

use crate::error::Error;
use crate::jobs::SendMessage;
use crate::message::MessageView;
use crate::store::messages;

/// Sends a message again, to the address that the order, or the account, has now.
///
/// Errors: `NoMessage`, `MessagePending`.
pub async fn resend(ctx: &Ctx, staff: Staff<can::NotificationsWrite>, id: MessageId) -> Result<MessageView, Error> {
    let again = ctx.db.write((staff.actor(), id), |tx, (staff, id)| Box::pin(again_in(tx, staff, *id))).await?;
    match again {
        Some(message) => Ok(message),
        None if messages::message(&ctx.db, id).await?.is_some() => Err(Error::MessagePending),
        None => Err(Error::NoMessage),
    }
}

async fn again_in(tx: &mut Tx, staff: &Staff<()>, id: MessageId) -> Result<Option<MessageView>, Error> {
    let Some(message) = messages::again(tx, id).await? else { return Ok(None) };
    tx.start(&SendMessage { message: id, sending: message.sending });
    staff.records(tx, "notifications.resend", id, &[]);
    Ok(Some(message))
}
