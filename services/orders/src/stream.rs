//! Streams an order's history as server-sent events, from where the client was until the order has ended.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use contracts::orders::{OrderId, OrderStatus};
use futures::{Stream, StreamExt, stream};
use platform::{Ctx, Problem};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::access::Asker;
use crate::error::Error;
use crate::store;
use crate::view::HistoryEntry;
use crate::waiters::Waiters;

/// A comment is sent this often, so that no proxy takes a quiet stream for a dead one.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// For proxies that would hold the events back until they are many (nginx).
const UNBUFFERED: (HeaderName, HeaderValue) =
    (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));

/// How many streams this process may still begin.
#[derive(Debug, Clone)]
pub struct Streams {
    free: Arc<Semaphore>,
    life: Duration,
}

impl Streams {
    pub fn new(ctx: &Ctx) -> Self {
        let settings = &ctx.config.orders;
        let life = Duration::from_secs(60 * settings.stream_minutes_max);
        Self { free: Arc::new(Semaphore::new(settings.streams_max)), life }
    }
}

/// The entries after the one with the sequence `last_seen`, and those to come. 204 where the order has ended
/// and the client has seen it all: browsers then stop asking.
///
/// Errors: `NotFound`, also for what is somebody else's; `TooManyStreams`.
pub async fn open(
    ctx: &Ctx,
    waiters: &Waiters,
    streams: &Streams,
    id: OrderId,
    asker: &Asker,
    last_seen: i64,
) -> Result<Response, Problem> {
    let (status, version, _) = store::status(&ctx.db, id, asker.owner(id)).await?.ok_or(Error::NotFound)?;
    if has_ended(status) && last_seen >= version {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let permit = Arc::clone(&streams.free).try_acquire_owned().map_err(|_| Error::TooManyStreams)?;
    let following = Following {
        ctx: ctx.clone(),
        waiters: waiters.clone(),
        order: id,
        seen: last_seen.min(version),
        has_ended: false,
        unsent: VecDeque::new(),
        _permit: permit,
    };
    let events = following.events().take_until(tokio::time::sleep(streams.life));
    let body = Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE));
    Ok(([UNBUFFERED], body).into_response())
}

fn has_ended(status: OrderStatus) -> bool {
    matches!(status, OrderStatus::Completed | OrderStatus::Cancelled)
}

/// One client's place in a history.
struct Following {
    ctx: Ctx,
    waiters: Waiters,
    order: OrderId,
    /// The sequence of the newest entry that was read.
    seen: i64,
    /// By the newest entry that was read.
    has_ended: bool,
    unsent: VecDeque<HistoryEntry>,
    _permit: OwnedSemaphorePermit,
}

impl Following {
    fn events(self) -> impl Stream<Item = Result<Event, Infallible>> {
        stream::unfold(self, |mut following| async move {
            let entry = following.next().await?;
            Some((Ok(event(&entry)), following))
        })
    }

    /// `None`: the order has ended and all of it was told, or the database does not answer; the client comes
    /// again and says how far it was.
    async fn next(&mut self) -> Option<HistoryEntry> {
        if self.unsent.is_empty() {
            self.unsent = self.read_on().await.into();
        }
        let entry = self.unsent.pop_front()?;
        Some(entry.for_buyer())
    }

    /// The entries that follow, as soon as there are any; none where none will.
    async fn read_on(&mut self) -> Vec<HistoryEntry> {
        let look = || async {
            let entries = store::history_after(&self.ctx.db, self.order, self.seen).await?;
            Ok::<_, ::store::Error>((self.has_ended || !entries.is_empty()).then_some(entries))
        };
        let read = self.waiters.until(self.order, Duration::MAX, look).await;
        let entries = read.ok().flatten().unwrap_or_default();
        if let Some(newest) = entries.last() {
            self.seen = newest.sequence;
            self.has_ended = has_ended(newest.status);
        }
        entries
    }
}

fn event(entry: &HistoryEntry) -> Event {
    let event = Event::default().id(entry.sequence.to_string()).event(&entry.event);
    event.json_data(entry).expect("an entry of history is plain data")
}
