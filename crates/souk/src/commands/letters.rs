//! `souk dead-letters`: what was given up, and having it tried again.

use clap::{Args, Subcommand};
use jiff::Timestamp;
use platform::{Ctx, personal};
use serde_json::{Value, json};
use store::letter::{self, Kind, Letter};
use uuid::Uuid;

use super::say;
use crate::wire::Shop;

/// Read at a time.
const PAGE: i64 = 200;
/// Of an error, as much as stands in a line.
const ERROR_CHARS_MAX: usize = 160;

#[derive(Debug, Subcommand)]
pub(crate) enum DeadLetters {
    /// Events and jobs that were given up, the longest dead first; then how many deliveries the broker gave up.
    List {
        #[command(flatten)]
        of: Of,
        /// One JSON object a line.
        #[arg(long)]
        json: bool,
        /// At most so many of each service and kind.
        #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=100_000))]
        limit: u32,
    },
    /// One of them with all that is in it, as JSON; personal data that strayed into it is masked.
    Show {
        id: Uuid,
        #[command(flatten)]
        of: Of,
    },
    /// Have them tried again now, with their tries counted afresh. A shop that runs takes them up within a second.
    Replay {
        #[arg(required_unless_present = "all")]
        ids: Vec<Uuid>,
        /// All there are, of `--service` or of every service.
        #[arg(long, conflicts_with = "ids")]
        all: bool,
        #[command(flatten)]
        of: Of,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Of {
    /// Of this service alone.
    #[arg(long, value_name = "NAME")]
    service: Option<String>,
}

impl Of {
    /// The surroundings of the services meant; an unknown name is refused.
    fn ctxs<'a>(&self, shop: &'a Shop) -> Result<Vec<&'a Ctx>, String> {
        super::named(shop, self.service.as_deref())
    }
}

impl DeadLetters {
    pub(crate) async fn run(self, shop: &Shop) -> Result<(), String> {
        match self {
            Self::List { of, json, limit } => {
                let ctxs = of.ctxs(shop)?;
                list(&ctxs, json, limit.into()).await?;
                list_deliveries(shop, &ctxs, json).await
            }
            Self::Show { id, of } => show(&of.ctxs(shop)?, id).await,
            Self::Replay { ids, all: false, of } => replay(&of.ctxs(shop)?, &ids).await,
            Self::Replay { of, .. } => replay_all(&of.ctxs(shop)?).await,
        }
    }
}

async fn list(ctxs: &[&Ctx], json: bool, limit: i64) -> Result<(), String> {
    let (mut shown, mut all) = (0_u64, 0_i64);
    for ctx in ctxs {
        let (events, jobs) = letter::count(&ctx.db).await.map_err(text)?;
        all += events + jobs;
        for kind in [Kind::Event, Kind::Job] {
            let (mut after, mut left) = (None, limit);
            while left > 0 {
                let page = letter::page(&ctx.db, kind, after, left.min(PAGE)).await.map_err(text)?;
                let Some(last) = page.last() else { break };
                after = Some(last.cursor());
                left -= i64::try_from(page.len()).unwrap_or(left);
                shown += page.len() as u64;
                page.iter().for_each(|letter| say(&line(letter, json)));
            }
        }
    }
    if !json {
        say(&if shown == 0 { "nothing was given up".to_owned() } else { format!("{shown} of {all} shown") });
    }
    Ok(())
}

/// What ended every process that took it, or is no event: it lies at the broker, and no table knows of it.
async fn list_deliveries(shop: &Shop, ctxs: &[&Ctx], json: bool) -> Result<(), String> {
    for ctx in ctxs {
        let service = ctx.db.service();
        let dead = shop.dead_deliveries(service).await?;
        if dead > 0 && json {
            say(&json!({ "service": service, "kind": "delivery", "count": dead }).to_string());
        } else if dead > 0 {
            say(&format!(
                "{service}: {dead} in the broker's dead queue: mend the cause, `souk events repeat ID`, purge the queue \
                 (docs/operations.md, \"When a delivery was lost\")"
            ));
        }
    }
    Ok(())
}

fn line(letter: &Letter, json: bool) -> String {
    let error = personal::masked_text(letter.error.as_deref().unwrap_or_default());
    let Letter { service, kind, id, name, attempts, since, dead_at, .. } = letter;
    if json {
        return json!({ "service": service, "kind": kind, "id": id, "name": name, "error": error,
            "attempts": attempts, "since": since, "dead_at": dead_at })
        .to_string();
    }
    let kind = match kind {
        Kind::Event => "event",
        Kind::Job => "job",
    };
    let short: String = error.chars().take(ERROR_CHARS_MAX).map(|char| if char == '\n' { ' ' } else { char }).collect();
    format!("{id}  {service:<13} {kind:<5} {name:<28} {attempts:>3} tries from {since:.0} to {dead_at:.0}: {short}")
}

async fn show(ctxs: &[&Ctx], id: Uuid) -> Result<(), String> {
    let mut found = Vec::new();
    for ctx in ctxs {
        if let Some((letter, body)) = letter::open(&ctx.db, id).await.map_err(text)? {
            found.push(shown(&letter, body));
        }
    }
    if found.is_empty() {
        return Err(unknown(id));
    }
    found.iter().for_each(|letter| say(&format!("{letter:#}")));
    Ok(())
}

/// An event's data is JSON in a text of its envelope: shown as JSON too.
fn shown(letter: &Letter, mut body: Value) -> Value {
    if let Some(data) = body.get("data").and_then(Value::as_str).and_then(|data| serde_json::from_str(data).ok()) {
        body["data"] = data;
    }
    let mut shown = json!(letter);
    shown[if letter.kind == Kind::Event { "event" } else { "job" }] = body;
    personal::mask(&mut shown);
    shown
}

async fn replay(ctxs: &[&Ctx], ids: &[Uuid]) -> Result<(), String> {
    // All or none: a mistyped id is found before the first is touched.
    for id in ids {
        let mut is_known = false;
        for ctx in ctxs {
            is_known |= letter::open(&ctx.db, *id).await.map_err(text)?.is_some();
        }
        if !is_known {
            return Err(unknown(*id));
        }
    }
    let mut revived = 0;
    for ctx in ctxs {
        revived += revive(ctx, ids.to_vec()).await?;
    }
    say(&format!("{revived} to be tried again"));
    Ok(())
}

async fn replay_all(ctxs: &[&Ctx]) -> Result<(), String> {
    // What is given up again while this runs is left for the next time.
    let (until, mut revived) = (ctxs.first().map_or(Timestamp::MAX, |ctx| ctx.clock.now()), 0);
    for ctx in ctxs {
        for kind in [Kind::Event, Kind::Job] {
            loop {
                let page = letter::page(&ctx.db, kind, None, PAGE).await.map_err(text)?;
                let ids: Vec<Uuid> =
                    page.iter().filter(|letter| letter.dead_at <= until).map(|letter| letter.id).collect();
                if ids.is_empty() {
                    break;
                }
                revived += revive(ctx, ids).await?;
            }
        }
    }
    say(&format!("{revived} to be tried again"));
    Ok(())
}

async fn revive(ctx: &Ctx, ids: Vec<Uuid>) -> Result<u64, String> {
    let revived = ctx.db.write(ids, |tx, ids| {
        Box::pin(async move {
            let mut revived = 0;
            for id in ids {
                revived += u64::from(letter::revive(tx, *id).await?.is_some());
            }
            Ok::<_, store::Error>(revived)
        })
    });
    revived.await.map_err(text)
}

fn unknown(id: Uuid) -> String {
    format!("there is no dead letter {id}: `souk dead-letters list` names those there are")
}

#[allow(clippy::needless_pass_by_value, reason = "for map_err")]
fn text(error: store::Error) -> String {
    error.to_string()
}
