//! What every service of Souk stands on.
//!
//! A service is a value ([`Service`]) built from a [`Ctx`]. It says what it answers (routes, calls),
//! what it hears (reactions, watches) and what it does later (jobs); it can't know where its peers live.

pub mod audit;
pub mod auth;
pub mod bus;
pub mod calls;
pub mod config;
mod ctx;
pub mod http;
pub mod jobs;
pub mod measure;
pub mod personal;
pub mod problem;
pub mod process;
mod secrets;
mod service;
pub mod tasks;
pub mod telemetry;

pub use auth::{Buyer, CartToken, ClientAddress, Identity, OptionalSession, Session, Staff, can};
pub use config::{Config, Market};
pub use ctx::Ctx;
pub use jobs::{Ended, JobRun};
pub use problem::{ErrorCode, Problem};
pub use process::Process;
pub use secrets::Secrets;
pub use service::{Outcome, Service};
pub use store::{Clock, Ids, fault};
#[doc(hidden)]
pub use thiserror;
