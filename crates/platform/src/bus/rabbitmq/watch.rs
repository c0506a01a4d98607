//! Watching: a queue of this process alone, gone with its connection. What it missed is not told again, so
//! whenever it begins anew everything that watches is told that it may have missed something.

use std::collections::BTreeSet;

use futures::StreamExt;
use lapin::options::{BasicConsumeOptions, QueueDeclareOptions};
use lapin::types::FieldTable;

use super::connection::{Broker, For};
use super::topology::bind;
use super::{BusError, Pauses, in_time};
use crate::bus::from_cloud_event;
use crate::bus::local::show;
use crate::service::{Missed, Watch};
use crate::tasks::Tasks;

/// Keeps the memory of a process up to date.
pub(crate) struct Watcher {
    pub broker: Broker,
    pub watches: Vec<(&'static str, Watch)>,
    /// Told whenever events may have been missed.
    pub missed: Vec<Missed>,
    pub tasks: Tasks,
}

impl Watcher {
    /// Until shutdown, on one connection after the other.
    pub async fn run(self) {
        let mut pauses = Pauses::new();
        while !self.tasks.is_stopping() {
            if let Err(error) = self.watch().await {
                tracing::debug!(address = %self.broker.address(), %error, "watches hear nothing just now");
            }
            tokio::select! {
                () = self.tasks.stopping() => {}
                () = tokio::time::sleep(pauses.next()) => {}
            }
        }
    }

    async fn watch(&self) -> Result<(), BusError> {
        let channel = self.broker.channel(For::Consuming).await?;
        let own = QueueDeclareOptions { exclusive: true, auto_delete: true, ..QueueDeclareOptions::default() };
        let queue = in_time(channel.queue_declare("".into(), own, FieldTable::default())).await?;
        let names: BTreeSet<&str> = self.watches.iter().map(|(name, _)| *name).collect();
        let exchange = self.broker.topology().events();
        for name in names {
            in_time(bind(&channel, queue.name().as_str(), &exchange, name)).await?;
        }
        let options = BasicConsumeOptions { no_ack: true, exclusive: true, ..BasicConsumeOptions::default() };
        let consume = channel.basic_consume(queue.name().clone(), "".into(), options, FieldTable::default());
        let mut consumer = in_time(consume).await?;
        // From here on nothing is missed; what was said before may have been.
        self.missed.iter().for_each(|missed| missed());
        loop {
            let delivery = tokio::select! {
                () = self.tasks.stopping() => return Ok(()),
                delivery = consumer.next() => delivery,
            };
            let Some(delivery) = delivery.transpose()? else { return Ok(()) };
            match from_cloud_event(&delivery.data) {
                Ok(event) => show(&self.watches, std::slice::from_ref(&event)),
                Err(why) => tracing::warn!(%why, "a watched message is no event"),
            }
        }
    }
}
