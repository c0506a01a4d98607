//! What still waits in a shop, read from its tables.

use contracts::SERVICES;
use jiff::{SignedDuration, Timestamp};
use store::{Db, inbox, job, outbox, params, rows};

/// A failed job that is due within this is waited for.
const RETRY_AHEAD: SignedDuration = SignedDuration::from_secs(60);

store::statements! {
    UNHEARD = "SELECT COUNT(*) FROM souk_outbox AS said
        JOIN @rows($1: type @text, service @text) AS hears ON hears.type = said.type
        WHERE NOT EXISTS (SELECT 1 FROM souk_inbox AS heard WHERE heard.service = hears.service AND heard.event_id = said.id)";
    RETRYING = "SELECT COUNT(*) FROM souk_job WHERE dead_at IS NULL AND error IS NOT NULL AND due_at > $1 AND due_at <= $2";
}

/// What still waits in a shop.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Waiting {
    /// Events in an outbox, or at the broker.
    pub events: i64,
    /// Jobs that are due or running.
    pub jobs: i64,
    /// Events and jobs that wait for the clock to be tried again.
    pub later: i64,
    /// The same by service, for the text of a failure.
    pub places: Vec<String>,
}

impl Waiting {
    pub fn is_nothing(&self) -> bool {
        self.events + self.jobs + self.later == 0
    }

    pub fn is_for_the_clock(&self) -> bool {
        self.events + self.jobs == 0 && self.later > 0
    }
}

/// What waits in the tables of a shop whose services share a database.
///
/// # Errors
/// The database does not answer.
pub async fn waiting(db: &Db, now: Timestamp) -> Result<Waiting, store::Error> {
    // In this order: an event or a job in hand shows up as the next thing, never as nothing.
    let (events, _) = outbox::undone(db, &SERVICES).await?;
    let jobs = job::due_count(db, now, &SERVICES).await?;
    let soon = now.saturating_add(RETRY_AHEAD).unwrap_or(Timestamp::MAX);
    let (later,): (i64,) = db.one(&RETRYING, params![now, soon]).await?;
    let heard_by = contracts::all_events().into_iter();
    let hears = heard_by.flat_map(|event| event.heard_by.iter().map(move |service| params![event.name, *service]));
    let (unheard,): (i64,) = db.one(&UNHEARD, params![rows(hears)]).await?;
    let mut waiting = Waiting { events: events + unheard, jobs, later, places: Vec::new() };
    for service in SERVICES {
        let parked = inbox::parked_count(&db.of(service)).await?;
        waiting.later += parked;
        if parked > 0 {
            waiting.places.push(format!("{parked} parked by {service}"));
        }
    }
    for (count, what) in [(events, "in the outbox"), (unheard, "on their way")] {
        if count > 0 {
            waiting.places.push(format!("{count} {what}"));
        }
    }
    Ok(waiting)
}
