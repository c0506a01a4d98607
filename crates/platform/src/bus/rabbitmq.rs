//! RabbitMQ as the bus: reactions by durable quorum queues, one a service; watches by a queue of the process.
//!
//! A broker that is down stops nothing but the events: they wait in the outbox, and each of the loops here
//! connects again, declares again what it needs, and goes on. What was published twice meanwhile is applied
//! once: the inbox knows it.

mod connection;
mod consume;
mod publish;
mod topology;
mod watch;

use std::time::Duration;

pub use connection::Broker;
pub(crate) use consume::run as consume;
pub(crate) use publish::Publisher;
pub(crate) use watch::Watcher;

/// Connecting, declaring, publishing with its confirms: none may take longer.
const ANSWER_MAX: Duration = Duration::from_secs(10);
const PAUSE_MIN: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// Why the broker did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BusError {
    #[error("{0}")]
    Broker(#[from] lapin::Error),
    #[error("it did not answer within {ANSWER_MAX:?}")]
    Silent,
    #[error("it takes no messages: it is short of memory or disk")]
    Blocked,
    #[error("no queue takes {0}, though a service hears it")]
    Unroutable(String),
    #[error("it refused {0}")]
    Refused(String),
    #[error("an event can't be written: {0}")]
    Unwritable(serde_json::Error),
}

/// Waits for the broker's answer, but not for ever.
async fn in_time<T>(answer: impl Future<Output = Result<T, lapin::Error>>) -> Result<T, BusError> {
    tokio::time::timeout(ANSWER_MAX, answer).await.map_err(|_| BusError::Silent)?.map_err(BusError::Broker)
}

/// Ever longer pauses, short again after a good while.
struct Pauses {
    next: Duration,
    since: tokio::time::Instant,
}

impl Pauses {
    fn new() -> Self {
        Self { next: PAUSE_MIN, since: tokio::time::Instant::now() }
    }

    fn next(&mut self) -> Duration {
        if self.since.elapsed() > 4 * PAUSE_MAX {
            self.next = PAUSE_MIN;
        }
        self.since = tokio::time::Instant::now();
        let pause = self.next;
        self.next = (pause * 2).min(PAUSE_MAX);
        pause
    }
}
