//! Private engines for tests, from Debian's packages: PostgreSQL, RabbitMQ and nginx.
//!
//! Each has a folder and ports of its own on 127.0.0.1 and is gone when it is dropped, on panic too. Where
//! we are killed without a chance to drop, the kernel stops it for us (`setpriv --pdeathsig`): also at the end
//! of the thread that started it.

#![allow(
    clippy::disallowed_methods,
    reason = "what starts programs waits for them by the machine's time and knows where they are installed"
)]

mod nginx;
mod postgres;
mod program;
mod rabbitmq;

pub use nginx::Nginx;
pub use postgres::{Postgres, newest_programs};
pub use program::{free_port, libfaketime};
pub use rabbitmq::RabbitMq;
