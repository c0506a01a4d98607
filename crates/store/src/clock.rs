//! The clock and the source of ids, handed in so that tests can hold them.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use contracts::Id;
use jiff::Timestamp;
use tokio::sync::Notify;
use uuid::Uuid;

/// What time it is.
#[derive(Debug, Clone)]
pub enum Clock {
    System,
    /// Stands still until a test moves it.
    Fixed(Arc<FixedClock>),
}

#[derive(Debug)]
pub struct FixedClock {
    microsecond: AtomicI64,
    moved: Notify,
}

impl Clock {
    pub fn fixed(start: Timestamp) -> Self {
        Self::Fixed(Arc::new(FixedClock { microsecond: AtomicI64::new(start.as_microsecond()), moved: Notify::new() }))
    }

    #[allow(clippy::disallowed_methods, reason = "the one place that reads the wall clock")]
    pub fn now(&self) -> Timestamp {
        match self {
            // Microseconds are what the database keeps: what was written reads back equal.
            Self::System => Timestamp::from_microsecond(Timestamp::now().as_microsecond()).unwrap_or(Timestamp::MAX),
            Self::Fixed(clock) => Timestamp::from_microsecond(clock.microsecond.load(SeqCst)).unwrap_or(Timestamp::MAX),
        }
    }

    /// Returns at `due`, or earlier: a caller looks at the clock again.
    pub async fn sleep_until(&self, due: Timestamp) {
        match self {
            Self::System => {
                let left = Duration::try_from(due.duration_since(self.now())).unwrap_or(Duration::ZERO);
                tokio::time::sleep(left).await;
            }
            Self::Fixed(clock) => {
                let moved = clock.moved.notified();
                if self.now() < due {
                    moved.await;
                }
            }
        }
    }

    /// Moves a fixed clock on.
    ///
    /// # Panics
    /// On the system's clock: nobody moves that.
    pub fn advance(&self, by: Duration) {
        let Self::Fixed(clock) = self else { panic!("only a fixed clock can be advanced") };
        clock.microsecond.fetch_add(i64::try_from(by.as_micros()).unwrap_or(i64::MAX), SeqCst);
        clock.moved.notify_waiters();
    }
}

/// Where ids come from: UUIDv7 by the clock, or counted so that a story reads the same each time.
#[derive(Debug, Clone)]
pub enum Ids {
    Random,
    Counted(Arc<AtomicU64>),
}

impl Ids {
    pub fn counted() -> Self {
        Self::Counted(Arc::new(AtomicU64::new(1)))
    }

    #[allow(clippy::disallowed_methods, reason = "the one place that makes ids")]
    pub fn uuid(&self) -> Uuid {
        match self {
            Self::Random => Uuid::now_v7(),
            Self::Counted(next) => {
                // A UUIDv7 of a fixed day whose counter sits in the last bits.
                let count = u128::from(next.fetch_add(1, SeqCst));
                Uuid::from_u128((0x0193_0000_0000_7000_8000_u128 << 48) | count)
            }
        }
    }

    pub fn next<I: Id>(&self) -> I {
        I::from_uuid(self.uuid())
    }
}
