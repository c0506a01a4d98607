//! The process's connections to the broker, made again whenever they are needed and gone.

use std::sync::Arc;
use std::time::Duration;

use lapin::options::QueueDeclareOptions;
use lapin::protocol::{AMQPErrorKind, AMQPHardError};
use lapin::types::{FieldTable, LongString};
use lapin::uri::AMQPUri;
use lapin::{Channel, Connection, ConnectionProperties, ErrorKind};
use tokio::sync::Mutex;

use super::topology::Topology;
use super::{BusError, in_time};

/// A peer that says nothing for so long is gone.
const HEARTBEAT_SECONDS: u16 = 10;

/// The broker of a shop. Cheap to clone; shared by everything of a process that publishes or consumes.
#[derive(Clone)]
pub struct Broker(Arc<Inner>);

struct Inner {
    uri: AMQPUri,
    topology: Topology,
    /// A broker that is short of memory reads nothing from who publishes, acknowledgements neither: who consumes
    /// has a connection of its own.
    publishing: Link,
    consuming: Link,
}

#[derive(Default)]
struct Link(Mutex<Option<Arc<Connection>>>);

/// What a channel is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum For {
    Publishing,
    Consuming,
}

impl std::fmt::Debug for Broker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Broker").field(&self.address()).finish()
    }
}

impl Broker {
    /// The broker at an `amqp://` or `amqps://` URL; nothing is connected yet. `here`: the services of this
    /// process with the events they react to.
    ///
    /// # Errors
    /// What is wrong with the URL.
    pub fn new(url: &str, prefix: &str, here: &[(&'static str, Vec<&'static str>)]) -> Result<Self, String> {
        let mut uri: AMQPUri =
            url.parse().map_err(|error| format!("write it like `amqp://user:password@host:5672/%2f`: {error}"))?;
        uri.query.heartbeat.get_or_insert(HEARTBEAT_SECONDS);
        let topology = Topology::new(prefix, here);
        Ok(Self(Arc::new(Inner { uri, topology, publishing: Link::default(), consuming: Link::default() })))
    }

    /// Where it is, without its password.
    pub fn address(&self) -> String {
        let AMQPUri { authority, vhost, .. } = &self.0.uri;
        format!("{}:{}/{vhost}", authority.host, authority.port)
    }

    /// Connects once, at boot: what no waiting mends is refused, with the mend.
    ///
    /// # Errors
    /// The broker is there and refuses us, by name of the setting.
    pub async fn check(&self) -> Result<(), String> {
        let address = self.address();
        match self.channel(For::Consuming).await {
            Ok(_) => Ok(()),
            Err(BusError::Broker(error)) if is_refusal(&error) => Err(format!(
                "setting `bus.url`: the broker at {address} refuses this user, password or virtual host: {error}"
            )),
            Err(error @ BusError::Broker(_)) if is_answer(&error) => {
                Err(format!("setting `bus.url`: the broker at {address}: {error}"))
            }
            Err(error) => {
                tracing::warn!(%address, %error, "setting `bus.url`: the broker can't be reached; events wait in the outbox until it can");
                Ok(())
            }
        }
    }

    /// Whether this process is connected to it just now.
    pub fn is_connected(&self) -> bool {
        let open = |link: &Link| {
            link.0.try_lock().is_ok_and(|open| open.as_ref().is_some_and(|open| open.status().connected()))
        };
        open(&self.0.publishing) || open(&self.0.consuming)
    }

    /// How many messages wait in a service's queue and in its dead queue; `None` for one that hears nothing.
    pub(crate) async fn depth(&self, service: &str) -> Result<Option<(u32, u32)>, BusError> {
        if !self.0.topology.has_queue(service) {
            return Ok(None);
        }
        let channel = self.channel(For::Consuming).await?;
        let mut depths = [0; 2];
        let queues = [self.0.topology.queue(service), self.0.topology.dead_queue(service)];
        for (queue, depth) in queues.into_iter().zip(&mut depths) {
            let look = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
            let queue = channel.queue_declare(queue.as_str().into(), look, FieldTable::default());
            *depth = in_time(queue).await?.message_count();
        }
        in_time(channel.close(200, "looked".into())).await?;
        Ok(Some(depths.into()))
    }

    /// How many deliveries to a service lie in its dead queue.
    ///
    /// # Errors
    /// It does not answer, or has no such queue; by its address.
    pub async fn dead_deliveries(&self, service: &str) -> Result<u32, String> {
        let depth = self.depth(service).await.map_err(|error| format!("the broker at {}: {error}", self.address()))?;
        Ok(depth.map_or(0, |(_, dead)| dead))
    }

    pub(super) fn topology(&self) -> &Topology {
        &self.0.topology
    }

    /// A new channel, on a new connection where the last one is gone.
    pub(super) async fn channel(&self, purpose: For) -> Result<Channel, BusError> {
        let mut open = self.link(purpose).0.lock().await;
        if let Some(connection) = open.as_ref().filter(|connection| connection.status().connected()) {
            if connection.status().blocked() {
                return Err(BusError::Blocked);
            }
            match in_time(connection.create_channel()).await {
                Ok(channel) => return Ok(channel),
                Err(error) => tracing::debug!(%error, "the connection to the broker is given up"),
            }
        }
        *open = None;
        let connection = Arc::new(self.connect(purpose).await?);
        let channel = in_time(connection.create_channel()).await?;
        in_time(self.0.topology.declare(&channel)).await?;
        tracing::info!(address = %self.address(), ?purpose, "connected to the broker");
        *open = Some(connection);
        Ok(channel)
    }

    async fn connect(&self, purpose: For) -> Result<Connection, BusError> {
        let name = match purpose {
            For::Publishing => "souk publishes",
            For::Consuming => "souk consumes",
        };
        let properties = ConnectionProperties::default().with_connection_name(LongString::from(name));
        in_time(Connection::connect_uri(self.0.uri.clone(), properties)).await
    }

    /// The next channel is made on a new connection, after everything was declared again.
    pub(super) async fn forget(&self, purpose: For) {
        *self.link(purpose).0.lock().await = None;
    }

    fn link(&self, purpose: For) -> &Link {
        match purpose {
            For::Publishing => &self.0.publishing,
            For::Consuming => &self.0.consuming,
        }
    }

    /// Says goodbye, so that the broker does not log a broken connection.
    pub async fn close(&self) {
        for link in [&self.0.publishing, &self.0.consuming] {
            if let Some(connection) = link.0.lock().await.take() {
                let goodbye = connection.close(200, "the process ends".into());
                let _ = tokio::time::timeout(Duration::from_secs(2), goodbye).await;
            }
        }
    }
}

/// The broker knows us not, or not there: 403 and 530 of AMQP 0-9-1.
fn is_refusal(error: &lapin::Error) -> bool {
    let ErrorKind::ProtocolError(error) = error.kind() else { return false };
    matches!(error.kind(), AMQPErrorKind::Hard(AMQPHardError::NOTALLOWED)) || error.get_id() == 403
}

/// The broker answered, and not with what it could do.
fn is_answer(error: &BusError) -> bool {
    matches!(error, BusError::Broker(error) if error.is_amqp_error())
}
