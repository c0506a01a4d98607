//! Delivers what an endpoint is owed: outside any transaction, a few at once, then one transaction that notes
//! what came of all of them. A process that dies in between sends them again: at least once.

use std::time::Duration;

use ::store::Tx;
use contracts::notifications::{WebhookDisabledReason, WebhookEndpointDisabled, WebhookEndpointId};
use futures::StreamExt;
use jiff::{SignedDuration, Timestamp};
use platform::{Ctx, Ended, JobRun, Problem, fault};
use tokio::time::Instant;

use crate::delivery::{Answer, Attempted, DeliveryState, Due};
use crate::endpoint::{Endpoint, Tried};
use crate::jobs::{Deliver, DeliverLater};
use crate::outgoing::{Outgoing, Signed};
use crate::signature;
use crate::store::{deliveries, endpoints};

/// One run sends so many...
const BATCH_MAX: i64 = 16;
/// ... and so many of them at once ...
const AT_ONCE: usize = 8;
/// ... or so few where nothing gets through, so that all of those leave most requests to the rest.
const FAILING_AT_ONCE: usize = 2;
/// After so long it begins no more: a job's lease is two minutes, and the last request may take 15 s.
const BEGIN_MAX: Duration = Duration::from_secs(60);
const BUSY_PAUSE: SignedDuration = SignedDuration::from_secs(1);

pub async fn deliver(ctx: &Ctx, run: JobRun, id: WebhookEndpointId, outgoing: &Outgoing) -> Result<Ended, Problem> {
    let now = ctx.clock.now();
    let endpoint = endpoints::endpoint(&ctx.db, id).await?.filter(Endpoint::is_enabled);
    let tried = match endpoint {
        Some(endpoint) => {
            let Some(_place) = outgoing.place(endpoint.is_failing()) else {
                let due = now.saturating_add(BUSY_PAUSE).unwrap_or(Timestamp::MAX);
                return Ok(run.later(due, "other endpoints are being told"));
            };
            let due = deliveries::due(&ctx.db, id, now, BATCH_MAX).await?;
            send_all(ctx, &endpoint, due, outgoing).await
        }
        None => Vec::new(),
    };
    fault::point("notifications.told");
    ctx.db.write((run, id, tried), |tx, (run, id, tried)| Box::pin(note(tx, run, *id, tried))).await
}

async fn send_all(ctx: &Ctx, endpoint: &Endpoint, due: Vec<Due>, outgoing: &Outgoing) -> Vec<Attempted> {
    let by = Instant::now() + BEGIN_MAX;
    let sending = due.into_iter().map(|due| async move {
        let answer = send(ctx, endpoint, &due, outgoing, by).await?;
        Some(due.answered(answer, ctx.clock.now()))
    });
    let at_once = if endpoint.is_failing() { FAILING_AT_ONCE } else { AT_ONCE };
    futures::stream::iter(sending).buffer_unordered(at_once).filter_map(std::future::ready).collect().await
}

async fn send(ctx: &Ctx, endpoint: &Endpoint, due: &Due, outgoing: &Outgoing, by: Instant) -> Option<Answer> {
    let now = ctx.clock.now();
    let (id, timestamp) = (due.event.to_string(), now.as_second());
    let secrets = signature::secrets(ctx, endpoint.id, endpoint.secrets(), now);
    let signature = signature::sign(&secrets, &id, timestamp, &due.body);
    outgoing.send(&endpoint.url, Signed { id, timestamp, signature, body: due.body.clone() }, by).await
}

/// Notes the tries and what they say of the endpoint, and sees to what it is owed next.
async fn note(tx: &mut Tx, run: &JobRun, id: WebhookEndpointId, tried: &[Attempted]) -> Result<Ended, Problem> {
    let held = endpoints::hold(tx, id).await?;
    if !tried.is_empty() {
        deliveries::attempted(tx, tried).await?;
    }
    let ended = run.finish(tx).await?;
    let Some(endpoint) = held else { return Ok(ended) };
    let health = endpoint.after(&summed(tried), tx.now());
    if (health.failing_since, health.disabled) != (endpoint.failing_since, endpoint.disabled) {
        endpoints::is_now(tx, id, health).await?;
    }
    match health.disabled {
        None => go_on(tx, id).await?,
        Some(reason) if endpoint.is_enabled() => switched_off(tx, id, reason),
        Some(_) => {}
    }
    Ok(ended)
}

/// Sees to it that what the endpoint is owed is sent when it is due. The caller holds the endpoint's row.
pub async fn go_on(tx: &mut Tx, id: WebhookEndpointId) -> Result<(), Problem> {
    match deliveries::next_due(tx, id).await? {
        Some(due) if due <= tx.now() => tx.start(&Deliver { endpoint: id }),
        Some(due) => tx.start_at(&DeliverLater { endpoint: id, due }, due),
        None => {}
    }
    Ok(())
}

fn switched_off(tx: &mut Tx, endpoint: WebhookEndpointId, reason: WebhookDisabledReason) {
    tracing::warn!(%endpoint, ?reason, "a webhook endpoint is switched off");
    tx.say(&WebhookEndpointDisabled { endpoint, reason });
}

fn summed(tried: &[Attempted]) -> Tried {
    Tried {
        got_through: tried.iter().any(|tried| tried.state == DeliveryState::Delivered),
        failed: tried.iter().any(|tried| tried.state != DeliveryState::Delivered),
        given_up: tried.iter().any(|tried| tried.state == DeliveryState::Failed),
        gone: tried.iter().any(|tried| tried.answer.is_gone()),
    }
}

/// What was tried before is due again: its endpoint's job does it.
pub async fn deliver_later(ctx: &Ctx, run: JobRun, endpoint: WebhookEndpointId) -> Result<Ended, Problem> {
    ctx.db.write((run, endpoint), |tx, (run, endpoint)| Box::pin(wake(tx, run, *endpoint))).await
}

async fn wake(tx: &mut Tx, run: &JobRun, endpoint: WebhookEndpointId) -> Result<Ended, Problem> {
    if endpoints::hold(tx, endpoint).await?.is_some() {
        tx.start(&Deliver { endpoint });
    }
    Ok(run.finish(tx).await?)
}

/// Deletes deliveries that are older than the shop keeps them, chunk by chunk; not those that are still being
/// tried, as one that was replayed late may be.
pub async fn prune(ctx: Ctx) -> Result<(), Problem> {
    const ROWS_MAX: i64 = 500;
    let kept = SignedDuration::from_hours(24 * ctx.config.webhooks.log_days_max);
    let before = ctx.clock.now().saturating_sub(kept).unwrap_or(Timestamp::MIN);
    let chunk = || ctx.db.write(before, |tx, before| Box::pin(deliveries::prune(tx, *before, ROWS_MAX)));
    while chunk().await? == ROWS_MAX as u64 {}
    Ok(())
}
