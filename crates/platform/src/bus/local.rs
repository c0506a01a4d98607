//! The local bus: every service that hears an event runs in this process.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use store::Envelope;

use super::Hears;
use crate::service::Watch;
use crate::tasks::Tasks;

const PAUSE_MAX: Duration = Duration::from_secs(5);

pub(crate) struct Local {
    pub hears: Vec<Arc<Hears>>,
    pub watches: Vec<(&'static str, Watch)>,
    pub tasks: Tasks,
}

impl Local {
    /// Gives the events to every service that hears them, again until each has them; then to watches.
    /// `false`: the process stops before that.
    pub(super) async fn hand_over(&self, events: &[Envelope]) -> bool {
        let mut waiting: Vec<(&Arc<Hears>, Vec<Envelope>)> = self
            .hears
            .iter()
            .map(|hears| (hears, events.iter().filter(|event| hears.hears(event)).cloned().collect::<Vec<_>>()))
            .filter(|(_, batch)| !batch.is_empty())
            .collect();
        let mut pause = Duration::from_millis(50);
        loop {
            let results = join_all(waiting.iter().map(|(hears, batch)| hears.apply(batch.clone()))).await;
            let mut left = Vec::new();
            for ((hears, batch), result) in waiting.into_iter().zip(results) {
                if let Err(error) = result {
                    tracing::warn!(service = hears.name, %error, "a batch could not be applied and is handed over again");
                    left.push((hears, batch));
                }
            }
            if left.is_empty() {
                break;
            }
            waiting = left;
            tokio::select! {
                () = self.tasks.stopping() => return false,
                () = tokio::time::sleep(pause) => pause = (pause * 2).min(PAUSE_MAX),
            }
        }
        show(&self.watches, events);
        true
    }
}

/// Gives events to the watches of a process.
pub(super) fn show(watches: &[(&'static str, Watch)], events: &[Envelope]) {
    for event in events {
        for (_, watch) in watches.iter().filter(|(name, _)| *name == event.name) {
            // A watch only keeps memory up to date: its defect must not stop the events.
            if std::panic::catch_unwind(AssertUnwindSafe(|| watch(event))).is_err() {
                tracing::error!(event = %event.id, name = %event.name, "a watch panicked");
            }
        }
    }
}
