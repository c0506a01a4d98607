//! Publishing: every event of a batch at once, and done only when the broker has confirmed each.

use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::{BasicProperties, Channel, Confirmation, PublisherConfirm};
use store::Envelope;

use super::connection::{Broker, For};
use super::{ANSWER_MAX, BusError, PAUSE_MAX, PAUSE_MIN, in_time};
use crate::bus::to_cloud_event;
use crate::tasks::Tasks;

const CONTENT_TYPE: &str = "application/cloudevents+json";
/// Written to disk before it is confirmed.
const PERSISTENT: u8 = 2;

/// Takes a relay's batches to the broker. No more than one batch is unconfirmed.
pub(crate) struct Publisher {
    broker: Broker,
    channel: Option<Channel>,
    tasks: Tasks,
}

impl Publisher {
    pub fn new(broker: Broker, tasks: Tasks) -> Self {
        Self { broker, channel: None, tasks }
    }

    /// Publishes until each is confirmed; `false`: the process stops before that.
    pub async fn hand_over(&mut self, events: &[Envelope]) -> bool {
        let mut waiting: Vec<&Envelope> = events.iter().collect();
        let mut pause = PAUSE_MIN;
        let mut was_warned = false;
        loop {
            match self.publish(&mut waiting).await {
                Ok(()) => return true,
                Err(error) => {
                    self.channel = None;
                    if matches!(error, BusError::Unroutable(_)) {
                        self.broker.forget(For::Publishing).await;
                    }
                    metrics::counter!("souk_bus_publish_failures_total").increment(1);
                    if !was_warned {
                        let address = self.broker.address();
                        tracing::warn!(%address, %error, waiting = waiting.len(), "events are not at the broker yet and are published again");
                        was_warned = true;
                    }
                }
            }
            tokio::select! {
                () = self.tasks.stopping() => return false,
                () = tokio::time::sleep(pause) => pause = (pause * 2).min(PAUSE_MAX),
            }
        }
    }

    /// Publishes what waits and takes out what is confirmed.
    async fn publish(&mut self, waiting: &mut Vec<&Envelope>) -> Result<(), BusError> {
        let channel = self.channel().await?;
        let mut confirmed = vec![false; waiting.len()];
        let all = async {
            let mut sent = Vec::with_capacity(waiting.len());
            for event in waiting.iter() {
                sent.push(self.send(&channel, event).await?);
            }
            let mut first_error = Ok(());
            for ((sent, event), confirmed) in sent.into_iter().zip(waiting.iter()).zip(&mut confirmed) {
                match sent.await? {
                    Confirmation::Ack(None) => *confirmed = true,
                    Confirmation::Ack(Some(_)) => first_error = Err(BusError::Unroutable(event.name.clone())),
                    _ => first_error = Err(BusError::Refused(event.name.clone())),
                }
            }
            first_error
        };
        let result = tokio::time::timeout(ANSWER_MAX, all).await.unwrap_or(Err(BusError::Silent));
        let mut confirmed = confirmed.into_iter();
        waiting.retain(|_| !confirmed.next().unwrap_or(false));
        result
    }

    async fn send(&self, channel: &Channel, event: &Envelope) -> Result<PublisherConfirm, BusError> {
        let payload = to_cloud_event(event).map_err(BusError::Unwritable)?;
        let properties = BasicProperties::default()
            .with_content_type(CONTENT_TYPE.into())
            .with_delivery_mode(PERSISTENT)
            .with_message_id(event.id.to_string().into())
            .with_type(event.name.as_str().into())
            .with_app_id(format!("souk/{}", event.service).into())
            .with_timestamp(u64::try_from(event.said_at.as_second()).unwrap_or(0));
        let topology = self.broker.topology();
        // What no table hears, a watch or nobody may: then it is nobody's loss.
        let options =
            BasicPublishOptions { mandatory: topology.is_heard(&event.name), ..BasicPublishOptions::default() };
        let (exchange, key) = (topology.events(), event.name.as_str());
        Ok(channel.basic_publish(exchange.as_str().into(), key.into(), options, &payload, properties).await?)
    }

    async fn channel(&mut self) -> Result<Channel, BusError> {
        if let Some(channel) = self.channel.as_ref().filter(|channel| channel.status().connected()) {
            return Ok(channel.clone());
        }
        let channel = self.broker.channel(For::Publishing).await?;
        in_time(channel.confirm_select(ConfirmSelectOptions::default())).await?;
        self.channel = Some(channel.clone());
        Ok(channel)
    }
}
