//! The names of one test at the RabbitMQ that all share.

use contracts::SERVICES;
use lapin::options::{BasicPublishOptions, ExchangeDeleteOptions, QueueDeleteOptions};
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties};
use uuid::Uuid;

/// Exchanges and queues of a shop; gone after [`Broker::remove`].
#[derive(Debug)]
pub struct Broker {
    pub url: String,
    pub prefix: String,
}

impl Broker {
    /// At this RabbitMQ, or at the one that tests share. Nothing is declared yet.
    pub fn new(url: Option<String>) -> Self {
        let shared =
            || std::env::var("SOUK_TEST_RABBITMQ").expect("SOUK_TEST_RABBITMQ is not set: run `cargo xtask test`");
        Self { url: url.unwrap_or_else(shared), prefix: format!("story-{}", Uuid::now_v7().simple()) }
    }

    /// Puts a delivery into a service's queue.
    pub async fn send(&self, service: &str, body: &[u8]) {
        let (connection, channel) = self.channel().await;
        let (queue, options) = (format!("{}.{service}", self.prefix), BasicPublishOptions::default());
        let sent = channel.basic_publish("".into(), queue.into(), options, body, BasicProperties::default()).await;
        sent.expect("it is sent");
        connection.close(200, "done".into()).await.expect("a goodbye");
    }

    async fn channel(&self) -> (Connection, Channel) {
        let connection = Connection::connect(&self.url, ConnectionProperties::default()).await;
        let connection = connection.expect("the RabbitMQ of SOUK_TEST_RABBITMQ answers");
        let channel = connection.create_channel().await.expect("a channel");
        (connection, channel)
    }

    pub async fn remove(self) {
        let (connection, channel) = self.channel().await;
        let own = SERVICES.iter().flat_map(|name| [(*name).to_owned(), format!("{name}.dead")]);
        // The one of examples/polyglot; a queue that is not there is no error to delete.
        for name in own.chain(["warehouse".to_owned()]) {
            let queue = format!("{}.{name}", self.prefix);
            channel.queue_delete(queue.into(), QueueDeleteOptions::default()).await.expect("a queue is deleted");
        }
        for name in ["events", "dead"] {
            let exchange = format!("{}.{name}", self.prefix);
            let deleted = channel.exchange_delete(exchange.into(), ExchangeDeleteOptions::default()).await;
            deleted.expect("an exchange is deleted");
        }
        connection.close(200, "done".into()).await.expect("a goodbye");
    }
}
