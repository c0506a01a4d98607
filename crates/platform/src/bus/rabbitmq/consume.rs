//! Consuming: the copies of a service share its queue; a batch is acknowledged when it is applied or parked.

use std::sync::Arc;

use futures::{FutureExt, StreamExt};
use lapin::message::Delivery;
use lapin::options::{BasicAckOptions, BasicCancelOptions, BasicConsumeOptions, BasicQosOptions, BasicRejectOptions};
use lapin::types::FieldTable;
use lapin::{Channel, Consumer};
use store::{Envelope, fault};

use super::connection::{Broker, For};
use super::{BusError, PAUSE_MAX, PAUSE_MIN, Pauses, in_time};
use crate::bus::{Hears, from_cloud_event};
use crate::tasks::Tasks;

/// Deliveries that a process has in hand at once.
const PREFETCH: u16 = 256;

/// Until shutdown: applies what comes for a service, and connects again whenever that ends.
pub(crate) async fn run(broker: Broker, hears: Arc<Hears>, batch_events_max: usize, tasks: Tasks) {
    let mut pauses = Pauses::new();
    while !tasks.is_stopping() {
        let consuming = Consuming { broker: &broker, hears: &hears, batch_events_max, tasks: &tasks };
        match consuming.run().await {
            Ok(()) => {}
            Err(error) => {
                tracing::warn!(service = hears.name, address = %broker.address(), %error, "events do not come from the broker just now");
            }
        }
        tokio::select! {
            () = tasks.stopping() => {}
            () = tokio::time::sleep(pauses.next()) => {}
        }
    }
}

struct Consuming<'a> {
    broker: &'a Broker,
    hears: &'a Arc<Hears>,
    batch_events_max: usize,
    tasks: &'a Tasks,
}

impl Consuming<'_> {
    /// Until the connection ends or the process is told to stop.
    async fn run(&self) -> Result<(), BusError> {
        let channel = self.broker.channel(For::Consuming).await?;
        // One alone at first: where it ends every process that takes it, only its own deliveries are counted.
        let mut first = self.start(&channel, 1).await?;
        let Some(delivery) = self.next(&mut first).await? else { return self.drain(&channel, first).await };
        in_time(channel.basic_cancel(first.tag(), BasicCancelOptions::default())).await?;
        if !self.take(vec![delivery]).await? {
            return Ok(());
        }
        let mut many = self.start(&channel, PREFETCH).await?;
        let mut held = None;
        while let Some(delivery) = match held.take() {
            Some(delivery) => Some(delivery),
            None => self.next(&mut many).await?,
        } {
            let mut batch = vec![delivery];
            // What comes again goes alone: it may be what ended the process that had it.
            while !batch[0].redelivered && batch.len() < self.batch_events_max {
                let Some(Some(delivery)) = many.next().now_or_never() else { break };
                let delivery = delivery?;
                if delivery.redelivered {
                    held = Some(delivery);
                    break;
                }
                batch.push(delivery);
            }
            if !self.take(batch).await? {
                return Ok(());
            }
        }
        self.drain(&channel, many).await
    }

    async fn start(&self, channel: &Channel, prefetch: u16) -> Result<Consumer, BusError> {
        in_time(channel.basic_qos(prefetch, BasicQosOptions::default())).await?;
        let queue = self.broker.topology().queue(self.hears.name);
        let options = BasicConsumeOptions::default();
        in_time(channel.basic_consume(queue.as_str().into(), "".into(), options, FieldTable::default())).await
    }

    /// `None`: the process is told to stop, or the broker ended the consumer.
    async fn next(&self, consumer: &mut Consumer) -> Result<Option<Delivery>, BusError> {
        tokio::select! {
            biased;
            () = self.tasks.stopping() => Ok(None),
            delivery = consumer.next() => Ok(delivery.transpose()?),
        }
    }

    /// Told to stop: takes no more, and applies what it has in hand.
    async fn drain(&self, channel: &Channel, mut consumer: Consumer) -> Result<(), BusError> {
        if !self.tasks.is_stopping() {
            // The queue was deleted: a new connection declares it again.
            self.broker.forget(For::Consuming).await;
            return Ok(());
        }
        in_time(channel.basic_cancel(consumer.tag(), BasicCancelOptions::default())).await?;
        while let Some(Some(delivery)) = consumer.next().now_or_never() {
            if !self.take(vec![delivery?]).await? {
                return Ok(());
            }
        }
        in_time(channel.close(200, "the process ends".into())).await
    }

    /// Applies deliveries and acknowledges them; `false`: the process stops before that.
    async fn take(&self, batch: Vec<Delivery>) -> Result<bool, BusError> {
        let mut events: Vec<Envelope> = Vec::with_capacity(batch.len());
        let mut last = None;
        for delivery in batch {
            match from_cloud_event(&delivery.data) {
                Ok(event) => {
                    events.push(event);
                    last = Some(delivery);
                }
                Err(why) => {
                    tracing::error!(service = self.hears.name, id = ?delivery.properties.message_id(), %why, "a message is no event; it went to the dead queue");
                    metrics::counter!("souk_dead_letters_total", "service" => self.hears.name).increment(1);
                    delivery.reject(BasicRejectOptions { requeue: false }).await?;
                }
            }
        }
        let Some(last) = last else { return Ok(true) };
        if !self.apply(events).await {
            return Ok(false);
        }
        fault::point("bus.before_ack");
        // All before it were applied with it, or are rejected.
        last.ack(BasicAckOptions { multiple: true }).await?;
        Ok(true)
    }

    /// Tries until the service's database has them.
    async fn apply(&self, events: Vec<Envelope>) -> bool {
        let mut pause = PAUSE_MIN;
        while let Err(error) = self.hears.apply(events.clone()).await {
            tracing::warn!(service = self.hears.name, %error, "a batch could not be applied and is tried again");
            tokio::select! {
                () = self.tasks.stopping() => return false,
                () = tokio::time::sleep(pause) => pause = (pause * 2).min(PAUSE_MAX),
            }
        }
        true
    }
}
