//! `souk outbox`, `souk events tail` and `souk replay`: what services said, and saying it again to who derives from it.

use std::collections::BTreeSet;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Subcommand};
use jiff::{SignedDuration, Timestamp};
use platform::bus::to_cloud_event;
use platform::{Clock, Ctx};
use serde_json::json;
use store::{Envelope, outbox};
use uuid::Uuid;

use super::{say, say_aside};
use crate::wire::Shop;

/// Events read at a time, of each service.
const PAGE: i64 = 200;
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// A transaction that takes its time commits an event behind later ones: so far back is looked again.
const LATE: SignedDuration = SignedDuration::from_secs(30);

#[derive(Debug, Subcommand)]
pub(crate) enum Events {
    /// What was said, in the order in which it was said; an outbox is kept for a week.
    Tail(Tail),
    /// Hand events over once more to all who hear them. Who has applied one does not apply it again; who lost it, or
    /// has it among the broker's dead messages, does.
    Repeat {
        /// As `souk events tail` and the findings of `souk audit` (I7) name them.
        #[arg(required = true)]
        ids: Vec<Uuid>,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Tail {
    /// Said by this service alone.
    #[arg(long, value_name = "NAME")]
    service: Option<String>,
    /// Of this type alone: order.placed
    #[arg(long, value_name = "TYPE")]
    name: Option<String>,
    /// Since a time (2026-11-22T10:00:00Z) or for so long (15m, 2h).
    #[arg(long, default_value = "10m", value_name = "TIME")]
    since: String,
    /// Go on with what is said from now on, until ctrl-c.
    #[arg(long)]
    follow: bool,
    /// One CloudEvents 1.0 object a line.
    #[arg(long)]
    json: bool,
}

/// `souk replay`.
#[derive(Debug, Args)]
pub(crate) struct Replay {
    /// Whose tables are derived anew.
    #[arg(long, value_name = "NAME")]
    service: String,
    /// Since a time (2026-11-22T10:00:00Z) or for so long (15m, 2h); at most a week, as long as an outbox is kept.
    #[arg(long, value_name = "TIME")]
    since: String,
}

/// `2h` ago, or the time itself.
fn since(text: &str, now: Timestamp) -> Result<Timestamp, String> {
    if let Ok(time) = text.parse::<Timestamp>() {
        return Ok(time);
    }
    let ago = text.parse::<SignedDuration>().ok().filter(|ago| !ago.is_negative());
    let then = ago.and_then(|ago| now.saturating_sub(ago).ok());
    then.ok_or_else(|| format!("`--since {text}`: write a time, 2026-11-22T10:00:00Z, or how long ago, 15m or 2h"))
}

pub(crate) async fn outbox(shop: &Shop, json: bool) -> Result<(), String> {
    let now = Clock::System.now();
    let hour_ago = now.saturating_sub(SignedDuration::from_hours(1)).unwrap_or(Timestamp::MIN);
    let mut depths = Vec::new();
    for ctx in super::named(shop, None)? {
        depths.push(outbox::depth(&ctx.db, now, hour_ago).await.map_err(|error| error.to_string())?);
    }
    let age = |depth: &outbox::Depth| depth.oldest_said_at.map(|oldest| now.duration_since(oldest).as_secs().max(0));
    if json {
        let rows: Vec<_> = depths
            .iter()
            .map(|depth| {
                json!({ "service": depth.service, "waiting": depth.waiting, "in_flight": depth.in_flight,
                    "oldest_seconds": age(depth), "done_last_hour": depth.done })
            })
            .collect();
        say(&format!("{:#}", json!(rows)));
        return Ok(());
    }
    say(&format!("{:<13} {:>9} {:>9} {:>12} {:>15}", "service", "waiting", "in flight", "oldest", "done last hour"));
    for depth in &depths {
        let oldest = age(depth).map_or("-".to_owned(), |seconds| format!("{seconds} s"));
        let outbox::Depth { service, waiting, in_flight, done, .. } = depth;
        say(&format!("{service:<13} {waiting:>9} {in_flight:>9} {oldest:>12} {done:>15}"));
    }
    Ok(())
}

impl Events {
    pub(crate) async fn run(self, shop: &Shop) -> Result<(), String> {
        let tail = match self {
            Self::Tail(tail) => tail,
            Self::Repeat { ids } => return repeat(&super::named(shop, None)?, &ids).await,
        };
        let now = Clock::System.now();
        let begin = since(&tail.since, now)?;
        if let Some(name) = &tail.name
            && !contracts::all_events().iter().any(|event| event.name == name)
        {
            return Err(format!("no service says `{name}`: docs/events.md names what is said"));
        }
        let ctxs = super::named(shop, tail.service.as_deref())?;
        tail.print(&ctxs, begin, &BTreeSet::new()).await?;
        if tail.follow {
            tokio::select! {
                followed = tail.go_on(&ctxs, begin) => followed?,
                () = super::told_to_stop() => {}
            }
        }
        Ok(())
    }
}

async fn repeat(ctxs: &[&Ctx], ids: &[Uuid]) -> Result<(), String> {
    for id in ids {
        let mut is_known = false;
        for ctx in ctxs {
            let again = ctx.db.write(*id, |tx, id| Box::pin(outbox::again(tx, *id)));
            is_known |= again.await.map_err(|error: store::Error| error.to_string())?;
        }
        if !is_known {
            return Err(format!(
                "there is no event {id} that was handed over: `souk events tail` names those there are"
            ));
        }
    }
    say(&format!("{} to be handed over again", ids.len()));
    Ok(())
}

impl Tail {
    /// Looks again and again, a little behind what it has printed, and prints what is new.
    async fn go_on(&self, ctxs: &[&Ctx], begin: Timestamp) -> Result<(), String> {
        let behind = |now: Timestamp| now.saturating_sub(LATE).unwrap_or(Timestamp::MIN).max(begin);
        let mut from = behind(Clock::System.now());
        let mut seen = self.seen(ctxs, from).await?;
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            seen.extend(self.print(ctxs, from, &seen).await?);
            from = behind(Clock::System.now());
            seen = seen.split_off(&outbox::before(from));
        }
    }

    /// What was printed before following began.
    async fn seen(&self, ctxs: &[&Ctx], from: Timestamp) -> Result<BTreeSet<Uuid>, String> {
        let mut seen = BTreeSet::new();
        let mut walk = Walk::new(ctxs, from);
        while let Some(event) = walk.next().await? {
            seen.insert(event.id);
        }
        Ok(seen)
    }

    /// Prints what was said since `from` and was not seen; returns which that was.
    async fn print(&self, ctxs: &[&Ctx], from: Timestamp, seen: &BTreeSet<Uuid>) -> Result<BTreeSet<Uuid>, String> {
        let mut printed = BTreeSet::new();
        let mut walk = Walk::new(ctxs, from);
        while let Some(event) = walk.next().await? {
            if event.said_at < from || seen.contains(&event.id) {
                continue;
            }
            if self.follow {
                printed.insert(event.id);
            }
            if self.name.as_ref().is_none_or(|name| *name == event.name) {
                say(&self.line(&event)?);
            }
        }
        Ok(printed)
    }

    fn line(&self, event: &Envelope) -> Result<String, String> {
        if self.json {
            let bytes = to_cloud_event(event).map_err(|error| format!("{} {}: {error}", event.name, event.id))?;
            return Ok(String::from_utf8_lossy(&bytes).into_owned());
        }
        let Envelope { id, service, name, subject, said_at, .. } = event;
        Ok(format!("{said_at:.3}  {service:<13} {name:<28} of {subject}  {id}"))
    }
}

/// The outboxes of several services as one, in the order of ids; a page of each in memory.
struct Walk<'a> {
    outboxes: Vec<Outbox<'a>>,
}

struct Outbox<'a> {
    ctx: &'a Ctx,
    after: Uuid,
    /// The newest last.
    page: Vec<Envelope>,
    is_over: bool,
}

impl<'a> Walk<'a> {
    fn new(ctxs: &[&'a Ctx], from: Timestamp) -> Self {
        let begin = |ctx: &&'a Ctx| Outbox { ctx, after: outbox::before(from), page: Vec::new(), is_over: false };
        Self { outboxes: ctxs.iter().map(begin).collect() }
    }

    async fn next(&mut self) -> Result<Option<Envelope>, String> {
        for outbox in &mut self.outboxes {
            outbox.fill().await?;
        }
        let with_next = self.outboxes.iter_mut().filter(|outbox| !outbox.page.is_empty());
        let oldest = with_next.min_by_key(|outbox| outbox.page.last().map(|event| event.id));
        Ok(oldest.and_then(|outbox| outbox.page.pop()))
    }
}

impl Outbox<'_> {
    async fn fill(&mut self) -> Result<(), String> {
        if !self.page.is_empty() || self.is_over {
            return Ok(());
        }
        self.page = outbox::page(&self.ctx.db, self.after, PAGE).await.map_err(|error| error.to_string())?;
        self.is_over = i64::try_from(self.page.len()).unwrap_or(PAGE) < PAGE;
        self.after = self.page.last().map_or(self.after, |event| event.id);
        self.page.reverse();
        Ok(())
    }
}

impl Replay {
    /// 0: applied again; 1: some could not be, and are named.
    pub(crate) async fn run(self, shop: &Shop) -> Result<ExitCode, String> {
        super::named(shop, Some(&self.service))?;
        let since = since(&self.since, Clock::System.now())?;
        let replayed = platform::bus::replay(&shop.services, &self.service, since).await?;
        if replayed.applied.is_empty() {
            say(&format!("nothing that {} derives from was said since {since:.0}", self.service));
        }
        for (name, count) in &replayed.applied {
            say(&format!("{name}: {count} applied again by {}", self.service));
        }
        replayed.failed.iter().for_each(|why| say_aside(&format!("not applied: {why}")));
        Ok(if replayed.failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn since_is_a_time_or_how_long_ago() {
        let now: Timestamp = "2026-11-22T10:00:00Z".parse().expect("a time");
        assert_eq!(since("2h", now).expect("ago").to_string(), "2026-11-22T08:00:00Z");
        assert_eq!(since("1m 30s", now).expect("ago").to_string(), "2026-11-22T09:58:30Z");
        assert_eq!(since("2026-11-01T00:00:00+01:00", now).expect("a time").to_string(), "2026-10-31T23:00:00Z");
        for wrong in ["", "yesterday", "-2h", "12"] {
            assert!(since(wrong, now).is_err_and(|why| why.contains("--since")), "{wrong}");
        }
    }
}
