//! What the service does, on a throw-away database, with the services it asks played by a fake.

mod endpoints;
mod messages;
mod shop;
mod templates;
mod webhooks;
