//! A webhook endpoint: a program elsewhere that is told what happens in the shop.

use contracts::Event;
use contracts::notifications::{WebhookDisabledReason, WebhookEndpointId};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::signature::Versions;

/// An endpoint to which nothing got through for so long is switched off.
pub const FAILS_FOR: SignedDuration = SignedDuration::from_hours(5 * 24);

::store::name_values!(Topic);

/// Declares what endpoints may ask for; `ALL` names each.
macro_rules! topics {
    ($($name:literal $topic:ident $event:ty;)*) => {
        /// What an endpoint may ask to be told.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum Topic {
            /// All of them, those of later releases too.
            #[serde(rename = "*")]
            Everything,
            $(#[serde(rename = $name)] $topic,)*
        }

        impl utoipa::PartialSchema for Topic {
            /// By their names: the derived one would list the variants'.
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
                utoipa::openapi::ObjectBuilder::new()
                    .schema_type(utoipa::openapi::schema::Type::String)
                    .enum_values(Some(["*", $($name),*]))
                    .description(Some("An event; `*`: all of them, those of later releases too"))
                    .into()
            }
        }
        impl ToSchema for Topic {}

        impl Topic {
                    #[cfg(test)]
            pub const ALL: &[Self] = &[Self::Everything, $(Self::$topic),*];

            /// As the event is called.
            pub fn as_str(self) -> &'static str {
                match self {
                    Self::Everything => "*",
                    $(Self::$topic => <$event as Event>::NAME,)*
                }
            }
        }
    };
}

topics! {
    "order.placed" OrderPlaced contracts::orders::OrderPlaced;
    "order.confirmed" OrderConfirmed contracts::orders::OrderConfirmed;
    "order.lines_cancelled" OrderLinesCancelled contracts::orders::OrderLinesCancelled;
    "order.cancelled" OrderCancelled contracts::orders::OrderCancelled;
    "order.completed" OrderCompleted contracts::orders::OrderCompleted;
    "shipment.dispatched" ShipmentDispatched contracts::shipping::ShipmentDispatched;
    "shipment.delivered" ShipmentDelivered contracts::shipping::ShipmentDelivered;
    "shipment.lost" ShipmentLost contracts::shipping::ShipmentLost;
    "payment.captured" PaymentCaptured contracts::payments::PaymentCaptured;
    "payment.refunded" PaymentRefunded contracts::payments::PaymentRefunded;
    "payment.failed" PaymentFailed contracts::payments::PaymentFailed;
    "product.created" ProductCreated contracts::catalog::ProductCreated;
    "product.updated" ProductUpdated contracts::catalog::ProductUpdated;
    "product.archived" ProductArchived contracts::catalog::ProductArchived;
    "customer.registered" CustomerRegistered contracts::customers::CustomerRegistered;
    "stock.availability_changed" StockAvailabilityChanged contracts::inventory::StockAvailabilityChanged;
}

/// Sent by `POST …/ping`, whatever the endpoint asked for.
pub const PING: &str = "webhook.ping";

/// The endpoint as the tables have it.
#[derive(Debug, Clone)]
pub struct Endpoint {
    pub id: WebhookEndpointId,
    pub url: String,
    pub description: Option<String>,
    pub events: Vec<Topic>,
    /// `None`: it is switched on.
    pub disabled: Option<WebhookDisabledReason>,
    pub secret_version: i64,
    pub secret_rotated_at: Option<Timestamp>,
    /// Since when nothing gets through.
    pub failing_since: Option<Timestamp>,
    pub version: i64,
    pub created_at: Timestamp,
}

impl Endpoint {
    pub fn is_enabled(&self) -> bool {
        self.disabled.is_none()
    }

    /// Nothing got through to it lately.
    pub fn is_failing(&self) -> bool {
        self.failing_since.is_some()
    }

    pub fn wants(&self, event: &str) -> bool {
        self.events.iter().any(|topic| *topic == Topic::Everything || topic.as_str() == event)
    }

    pub fn secrets(&self) -> Versions {
        Versions { current: self.secret_version, rotated_at: self.secret_rotated_at }
    }

    /// What its record becomes after some deliveries were tried.
    pub fn after(&self, tried: &Tried, now: Timestamp) -> Health {
        let failing_since = match tried {
            Tried { got_through: true, .. } => None,
            Tried { failed: true, .. } => Some(self.failing_since.unwrap_or(now)),
            _ => self.failing_since,
        };
        let lasts = failing_since.is_some_and(|since| now.duration_since(since) >= FAILS_FOR);
        let disabled = match self.disabled {
            Some(reason) => Some(reason),
            None if tried.gone => Some(WebhookDisabledReason::Gone),
            None if tried.given_up && lasts => Some(WebhookDisabledReason::Failing),
            None => None,
        };
        Health { failing_since, disabled }
    }
}

/// What became of several deliveries to one endpoint.
#[derive(Debug, Clone, Copy, Default)]
pub struct Tried {
    pub got_through: bool,
    pub failed: bool,
    /// One was tried for the last time.
    pub given_up: bool,
    /// It answered 410.
    pub gone: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Health {
    pub failing_since: Option<Timestamp>,
    pub disabled: Option<WebhookDisabledReason>,
}

/// An endpoint, without its secret.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = WebhookEndpointView)]
pub struct EndpointView {
    pub id: WebhookEndpointId,
    pub url: String,
    pub description: Option<String>,
    pub events: Vec<Topic>,
    pub enabled: bool,
    /// Why it is switched off.
    pub disabled_reason: Option<WebhookDisabledReason>,
    /// Since when nothing gets through to it; it is switched off after five days of that.
    pub failing_since: Option<Timestamp>,
    /// Until when the secret before the last rotation signs too.
    pub old_secret_signs_until: Option<Timestamp>,
    pub version: i64,
    pub created_at: Timestamp,
}

impl EndpointView {
    pub fn of(endpoint: Endpoint, now: Timestamp) -> Self {
        let until = endpoint.secret_rotated_at.and_then(|at| at.saturating_add(crate::signature::OLD_SIGNS_FOR).ok());
        Self {
            id: endpoint.id,
            enabled: endpoint.is_enabled(),
            url: endpoint.url,
            description: endpoint.description,
            events: endpoint.events,
            disabled_reason: endpoint.disabled,
            failing_since: endpoint.failing_since,
            old_secret_signs_until: until.filter(|until| *until > now),
            version: endpoint.version,
            created_at: endpoint.created_at,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use contracts::Id;

    fn noon() -> Timestamp {
        "2026-01-01T12:00:00Z".parse().expect("a time")
    }

    fn after(days: i64) -> Timestamp {
        noon().saturating_add(SignedDuration::from_hours(days * 24)).expect("a time")
    }

    fn endpoint(events: &[Topic], failing_since: Option<Timestamp>) -> Endpoint {
        Endpoint {
            id: WebhookEndpointId::from_uuid(uuid::Uuid::nil()),
            url: "https://example.com/".to_owned(),
            description: None,
            events: events.to_vec(),
            disabled: None,
            secret_version: 1,
            secret_rotated_at: None,
            failing_since,
            version: 1,
            created_at: noon(),
        }
    }

    const FAILED: Tried = Tried { got_through: false, failed: true, given_up: false, gone: false };
    const GIVEN_UP: Tried = Tried { given_up: true, ..FAILED };

    #[test]
    fn topics_are_the_events_that_contracts_say_we_hear() {
        for topic in Topic::ALL {
            assert_eq!(serde_json::to_value(topic).expect("a name"), topic.as_str());
            let event = contracts::all_events().into_iter().find(|event| event.name == topic.as_str());
            assert!(
                *topic == Topic::Everything || event.is_some_and(|event| event.heard_by.contains(&"notifications")),
                "{topic:?}"
            );
        }
        assert_eq!(Topic::ALL.len(), 17);
    }

    #[test]
    fn an_endpoint_is_told_what_it_asked_for() {
        let some = endpoint(&[Topic::OrderPlaced, Topic::ShipmentLost], None);
        assert!(some.wants("order.placed") && some.wants("shipment.lost"));
        assert!(!some.wants("order.cancelled") && !some.wants("order"));
        assert!(endpoint(&[Topic::Everything], None).wants("of.a_later_release"));
    }

    #[test]
    fn only_lasting_failure_switches_an_endpoint_off() {
        let off = |since, tried: &Tried, now| endpoint(&[], since).after(tried, now).disabled;
        let failing = Some(WebhookDisabledReason::Failing);
        assert_eq!(off(Some(noon()), &GIVEN_UP, after(5)), failing);
        assert_eq!(off(Some(noon()), &GIVEN_UP, after(4)), None, "not for so long yet");
        assert_eq!(off(Some(noon()), &FAILED, after(9)), None, "it will be tried again");
        assert_eq!(off(None, &GIVEN_UP, after(9)), None, "it worked until now");
        assert_eq!(
            off(Some(noon()), &Tried { got_through: true, ..GIVEN_UP }, after(9)),
            None,
            "something got through"
        );
        assert_eq!(off(None, &Tried { gone: true, ..FAILED }, noon()), Some(WebhookDisabledReason::Gone));
    }

    #[test]
    fn failing_is_counted_from_the_first_failure_to_the_next_success() {
        let since = |since, tried: &Tried, now| endpoint(&[], since).after(tried, now).failing_since;
        assert_eq!(since(None, &FAILED, after(1)), Some(after(1)));
        assert_eq!(since(Some(noon()), &FAILED, after(1)), Some(noon()));
        assert_eq!(since(Some(noon()), &Tried { got_through: true, ..FAILED }, after(1)), None);
        assert_eq!(since(Some(noon()), &Tried::default(), after(1)), Some(noon()));
    }
}
