//! Who waits for an order in this process. Memory only: a wake-up that is lost costs a second.

use std::sync::Arc;
use std::time::Duration;

use contracts::Id;
use contracts::orders::OrderId;
use tokio::sync::Notify;

/// Orders share these by the last bits of their ids, so memory is bounded; a stranger's wake-up only
/// makes a waiter look once more.
const SLOTS: usize = 1_024;
/// A waiter looks again after this, whether or not it was woken.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

#[derive(Debug, Clone)]
pub struct Waiters {
    slots: Arc<[Notify]>,
}

impl Default for Waiters {
    fn default() -> Self {
        Self { slots: (0..SLOTS).map(|_| Notify::new()).collect() }
    }
}

impl Waiters {
    /// Something happened to this order: whoever waits for it looks again.
    pub fn wake(&self, order: OrderId) {
        self.slot(order).notify_waiters();
    }

    /// Anything may have happened.
    pub fn wake_all(&self) {
        self.slots.iter().for_each(Notify::notify_waiters);
    }

    /// Looks until the answer is `Some`, at most for `wait`: then `None`.
    pub async fn until<T, E, L>(&self, order: OrderId, wait: Duration, look: impl Fn() -> L) -> Result<Option<T>, E>
    where
        L: Future<Output = Result<Option<T>, E>>,
    {
        let looking = async {
            loop {
                // Enlisted before it looks: what happens in between wakes it.
                let mut woken = std::pin::pin!(self.slot(order).notified());
                woken.as_mut().enable();
                if let Some(found) = look().await? {
                    return Ok(Some(found));
                }
                let _ = tokio::time::timeout(LOOK_AGAIN, woken).await;
            }
        };
        tokio::time::timeout(wait, looking).await.unwrap_or(Ok(None))
    }

    fn slot(&self, order: OrderId) -> &Notify {
        let last_bits = usize::from(order.uuid().as_bytes()[15]) | usize::from(order.uuid().as_bytes()[14]) << 8;
        &self.slots[last_bits % SLOTS]
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

    use super::*;

    fn order() -> OrderId {
        OrderId::from_uuid(uuid::Uuid::from_u128(7))
    }

    #[tokio::test]
    async fn a_waiter_is_woken_at_once() {
        let (waiters, looks) = (Waiters::default(), AtomicU32::new(0));
        let look = || async { Ok::<_, ()>((looks.fetch_add(1, SeqCst) == 1).then_some("confirmed")) };
        let waiting = waiters.until(order(), Duration::from_millis(500), look);
        let (found, ()) = tokio::join!(waiting, async { waiters.wake(order()) });
        assert_eq!(found, Ok(Some("confirmed")));
    }

    #[tokio::test]
    async fn nobody_waits_longer_than_asked() {
        let look = || async { Ok::<Option<()>, ()>(None) };
        assert_eq!(Waiters::default().until(order(), Duration::from_millis(20), look).await, Ok(None));
    }
}
