//! Sends a message: asks what it says and whom it goes to, fills its template in, hands the mail over.

use ::store::Tx;
use contracts::notifications::{MessageId, NotificationFailed};
use jiff::{SignedDuration, Timestamp};
use platform::{Ctx, Ended, JobRun, Problem, fault};

use crate::ask::{self, Asked, Letter};
use crate::mail::{self, Mail};
use crate::message::{MessageState, MessageView};
use crate::postbox::{NotTaken, Postbox};
use crate::store::messages;
use crate::template::{Reader, Templates};

const NO_MAILBOX: &str = "the e-mail is no mailbox";

/// What mails are made and sent with; one for a process.
pub struct Office {
    pub templates: Templates,
    pub postbox: Postbox,
}

/// Sends it once: the mail is named by the message, so a run that is repeated hands over the same mail.
/// Services that don't answer, and a mail server that will not take it yet, are tried again for a day.
pub async fn send(ctx: &Ctx, run: JobRun, id: MessageId, sending: i64, office: &Office) -> Result<Ended, Problem> {
    let found = messages::message(&ctx.db, id).await?;
    let is_this = |message: &MessageView| message.state == MessageState::Pending && message.sending == sending;
    let Some(message) = found.filter(is_this) else {
        return run.nothing_to_do(ctx).await;
    };
    let sent = match ask::ask(ctx, &message).await {
        Ok(Asked::Wait(due)) => return Ok(run.later(due, "the buyer may be paying now")),
        Ok(Asked::Skip(why)) => return end(ctx, run, message, MessageState::Skipped, Some(why.to_owned())).await,
        Ok(Asked::Letter(letter)) => hand_over(ctx, &message, *letter, office).await?,
        Err(problem) => Err(NotTaken::Yet(problem.cause.unwrap_or(problem.detail))),
    };
    let sent = match fault::planted("bug.notifications.names_the_buyer") {
        true => Err(NotTaken::Yet("the mail server does not know ada@example.com".to_owned())),
        false => sent,
    };
    fault::point("notifications.handed_over");
    match sent {
        Ok(()) => end(ctx, run, message, MessageState::Sent, None).await,
        Err(NotTaken::Ever(why)) => end(ctx, run, message, MessageState::Failed, Some(why)).await,
        Err(NotTaken::Yet(why)) if message.is_hopeless(run.attempts, ctx.clock.now()) => {
            end(ctx, run, message, MessageState::Failed, Some(format!("given up after 24 hours: {why}"))).await
        }
        Err(NotTaken::Yet(why)) => {
            tracing::warn!(message = %message.id, attempts = run.attempts, why, "a message is tried again");
            let due = ctx.clock.now().saturating_add(pause_after(run.attempts)).unwrap_or(Timestamp::MAX);
            Ok(run.later(due, why))
        }
    }
}

/// Soon once, then as a mail server expects it (RFC 5321 asks for patience; greylisting for minutes).
fn pause_after(attempts: i64) -> SignedDuration {
    SignedDuration::from_secs(match attempts {
        ..=1 => 5,
        2 => 90,
        3 => 180,
        4 => 360,
        5.. => 600,
    })
}

async fn hand_over(
    ctx: &Ctx,
    message: &MessageView,
    letter: Letter,
    office: &Office,
) -> Result<Result<(), NotTaken>, Problem> {
    let Some(to) = mail::mailbox_of(&letter.content.name, &letter.email) else {
        return Ok(Err(NotTaken::Ever(NO_MAILBOX.to_owned())));
    };
    let reader = Reader { locale: &letter.locale, shop: &ask::shop_locale(&ctx.config) };
    let mail = Mail {
        name: message.mail_name(),
        at: message.queued_at,
        from: mail::sender(&ctx.config.notifications.from)?,
        to,
        content: office.templates.render(message.template, &reader, &letter.content).await?,
    };
    Ok(office.postbox.hand_over(mail.seal()?).await)
}

async fn end(
    ctx: &Ctx,
    run: JobRun,
    message: MessageView,
    state: MessageState,
    reason: Option<String>,
) -> Result<Ended, Problem> {
    let input = (run, message, state, reason);
    ctx.db
        .write(input, |tx, (run, message, state, reason)| Box::pin(end_in(tx, run, message, *state, reason.as_deref())))
        .await
}

async fn end_in(
    tx: &mut Tx,
    run: &JobRun,
    message: &MessageView,
    state: MessageState,
    reason: Option<&str>,
) -> Result<Ended, Problem> {
    let ended = messages::end(tx, message, state, reason).await?;
    if let (true, MessageState::Failed, Some(reason)) = (ended, state, reason) {
        tracing::warn!(message = %message.id, template = message.template.as_str(), reason, "a message failed for good");
        tx.say(&NotificationFailed {
            message: message.id,
            order: message.order,
            template: message.template.as_str().to_owned(),
            reason: reason.to_owned(),
        });
    }
    Ok(run.finish(tx).await?)
}
