//! Sends a message: asks whom it goes to, fills its template in, hands the mail over.

use std::path::PathBuf;

use ::store::Tx;
use contracts::notifications::{MessageId, NotificationFailed};
use contracts::orders::GetOrderContact;
use platform::{Ctx, Ended, JobRun, Problem, fault};

use crate::mail::{self, Mail};
use crate::message::{MessageState, MessageView};
use crate::{store, template};

const NO_MAILBOX: &str = "the order's e-mail is no mailbox";

/// Sends it once: the file is named by the message, so a run that is repeated writes the same file.
/// A folder that can't be written to, or orders that don't answer, are problems: tried again.
pub async fn send(ctx: &Ctx, run: JobRun, message: MessageId) -> Result<Ended, Problem> {
    let found = store::message(&ctx.db, message).await?;
    let Some(message) = found.filter(|message| message.state == MessageState::Pending) else {
        return run.nothing_to_do(ctx).await;
    };
    let contact = ctx.call(GetOrderContact { order: message.order }).await?;
    if let Some(why) = message.template.is_overtaken(&contact) {
        return end(ctx, run, message, MessageState::Skipped, Some(why)).await;
    }
    let Some(to) = mail::mailbox_of(&contact.name, &contact.email) else {
        return end(ctx, run, message, MessageState::Failed, Some(NO_MAILBOX)).await;
    };
    let mail = Mail {
        message: message.id,
        created_at: message.created_at,
        from: mail::sender(&ctx.config.notifications.from)?,
        to,
        content: template::render(message.template, &contact)?,
    };
    hand_over(ctx, message.id, mail.format()?).await?;
    fault::point("notifications.handed_over");
    end(ctx, run, message, MessageState::Sent, None).await
}

async fn hand_over(ctx: &Ctx, message: MessageId, bytes: Vec<u8>) -> Result<(), Problem> {
    let folder = PathBuf::from(&ctx.config.notifications.folder);
    let written = tokio::task::spawn_blocking(move || mail::write(&folder, message, &bytes)).await;
    let written = written.map_err(|error| Problem::internal(format!("mail {message}: {error}")))?;
    let setting = &ctx.config.notifications.folder;
    written.map_err(|error| {
        Problem::unavailable(format!("mail {message} can't be written to `notifications.folder` = {setting}: {error}"))
    })
}

async fn end(
    ctx: &Ctx,
    run: JobRun,
    message: MessageView,
    state: MessageState,
    reason: Option<&'static str>,
) -> Result<Ended, Problem> {
    let input = (run, message, state, reason);
    ctx.db.write(input, |tx, (run, message, state, reason)| Box::pin(end_in(tx, run, message, *state, *reason))).await
}

async fn end_in(
    tx: &mut Tx,
    run: &JobRun,
    message: &MessageView,
    state: MessageState,
    reason: Option<&'static str>,
) -> Result<Ended, Problem> {
    let ended = store::end(tx, message.id, state, reason).await?;
    if let (true, MessageState::Failed, Some(reason)) = (ended, state, reason) {
        tx.say(&NotificationFailed {
            message: message.id,
            order: message.order,
            template: message.template.as_str().to_owned(),
            reason: reason.to_owned(),
        });
    }
    Ok(run.finish(tx).await?)
}
