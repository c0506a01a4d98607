//! What stands in the broker: names and how they are bound. Declared again on every connection, by every
//! process for every service, so that no event is lost on a service that has not started yet.

use std::collections::{BTreeMap, BTreeSet};

use lapin::options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{Channel, ExchangeKind};

/// A delivery that ended the process that took it comes so often, then it is a dead letter: a crash loop ends.
const DELIVERIES_MAX: i64 = 20;

/// Names of exchanges and queues, and who hears what.
#[derive(Debug)]
pub(super) struct Topology {
    prefix: String,
    /// The events of each service with reactions.
    heard: BTreeMap<String, BTreeSet<String>>,
}

impl Topology {
    /// `contracts` says who hears what; `here` adds the services of this process, which tests make up.
    pub fn new(prefix: &str, here: &[(&'static str, Vec<&'static str>)]) -> Self {
        let mut heard: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for event in contracts::all_events() {
            for service in event.heard_by {
                heard.entry((*service).to_owned()).or_default().insert(event.name.to_owned());
            }
        }
        for (service, events) in here.iter().filter(|(_, events)| !events.is_empty()) {
            heard.entry((*service).to_owned()).or_default().extend(events.iter().map(|event| (*event).to_owned()));
        }
        Self { prefix: prefix.to_owned(), heard }
    }

    /// The topic exchange of all events; the routing key is the event's type.
    pub fn events(&self) -> String {
        format!("{}.events", self.prefix)
    }

    /// The queue that the copies of a service share.
    pub fn queue(&self, service: &str) -> String {
        format!("{}.{service}", self.prefix)
    }

    /// Where a service's deliveries end that can't be read or that end every process that takes them.
    pub fn dead_queue(&self, service: &str) -> String {
        format!("{}.{service}.dead", self.prefix)
    }

    fn dead_exchange(&self) -> String {
        format!("{}.dead", self.prefix)
    }

    /// Whether some service's tables react to it.
    pub fn is_heard(&self, event: &str) -> bool {
        self.heard.values().any(|events| events.contains(event))
    }

    pub async fn declare(&self, channel: &Channel) -> Result<(), lapin::Error> {
        let durable = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
        let (events, dead) = (self.events(), self.dead_exchange());
        channel.exchange_declare(events.as_str().into(), ExchangeKind::Topic, durable, FieldTable::default()).await?;
        channel.exchange_declare(dead.as_str().into(), ExchangeKind::Direct, durable, FieldTable::default()).await?;
        for (service, heard) in &self.heard {
            let (queue, dead_queue) = (self.queue(service), self.dead_queue(service));
            declare_queue(channel, &dead_queue, quorum()).await?;
            bind(channel, &dead_queue, &dead, service).await?;
            declare_queue(channel, &queue, self.with_dead_letters(service)).await?;
            for event in heard {
                bind(channel, &queue, &events, event).await?;
            }
        }
        Ok(())
    }

    /// A quorum queue whose messages are never dropped: those given up move to the dead queue and are
    /// confirmed there first.
    fn with_dead_letters(&self, service: &str) -> FieldTable {
        let mut arguments = quorum();
        let text = |text: &str| AMQPValue::LongString(text.into());
        arguments.insert("x-delivery-limit".into(), AMQPValue::LongLongInt(DELIVERIES_MAX));
        arguments.insert("x-dead-letter-exchange".into(), text(&self.dead_exchange()));
        arguments.insert("x-dead-letter-routing-key".into(), text(service));
        arguments.insert("x-dead-letter-strategy".into(), text("at-least-once"));
        arguments.insert("x-overflow".into(), text("reject-publish"));
        arguments
    }
}

fn quorum() -> FieldTable {
    let mut arguments = FieldTable::default();
    arguments.insert("x-queue-type".into(), AMQPValue::LongString("quorum".into()));
    arguments
}

async fn declare_queue(channel: &Channel, name: &str, arguments: FieldTable) -> Result<(), lapin::Error> {
    let durable = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
    channel.queue_declare(name.into(), durable, arguments).await.map(drop)
}

pub(super) async fn bind(channel: &Channel, queue: &str, exchange: &str, key: &str) -> Result<(), lapin::Error> {
    // Not waited for each: the channel's next answer comes after all of them.
    let options = QueueBindOptions { nowait: true };
    channel.queue_bind(queue.into(), exchange.into(), key.into(), options, FieldTable::default()).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_service_has_a_queue_for_what_contracts_say_it_hears() {
        let topology = Topology::new("shop", &[("robots", vec!["robot.woke"]), ("idle", vec![])]);
        assert!(topology.heard["orders"].contains("stock.reserved"));
        assert!(topology.heard["robots"].contains("robot.woke"));
        assert!(!topology.heard.contains_key("idle"), "who hears nothing has no queue that fills");
        assert!(topology.is_heard("robot.woke") && topology.is_heard("order.placed"));
        assert!(!topology.is_heard("session.revoked"), "watched alone");
        assert_eq!(topology.events(), "shop.events");
        assert_eq!(
            (topology.queue("orders"), topology.dead_queue("orders")),
            ("shop.orders".into(), "shop.orders.dead".into())
        );
    }
}
