//! What the tests talk to: a private PostgreSQL and a private RabbitMQ, gone when dropped.

use crate::process::interrupted;
use engines::{Postgres, RabbitMq};
use std::io::{self, Read};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

const POLL_MILLIS: u64 = 50;

pub struct Services {
    postgres: Postgres,
    rabbitmq: RabbitMq,
}

impl Services {
    /// Starts both, side by side.
    pub fn start() -> Result<Self, String> {
        let rabbitmq = RabbitMq::begin()?;
        let postgres = Postgres::start()?;
        Ok(Self { postgres, rabbitmq: rabbitmq.ready()? })
    }

    /// Tells a command where they are.
    pub fn tell(&self, command: &mut Command) {
        command.envs(self.variables());
    }

    fn variables(&self) -> [(&'static str, String); 2] {
        [("SOUK_TEST_POSTGRES", self.postgres.url()), ("SOUK_TEST_RABBITMQ", self.rabbitmq.url())]
    }
}

/// `cargo xtask services`: prints where they are, and stops them at ctrl-c or the end of stdin.
pub fn foreground() -> Result<(), String> {
    let services = Services::start()?;
    for (name, url) in services.variables() {
        println!("export {name}={url}");
    }
    println!("They stop at ctrl-c or at the end of stdin, and their data goes with them.");
    let ended = Arc::new(AtomicBool::new(false));
    let end = Arc::clone(&ended);
    thread::spawn(move || {
        let mut ignored = [0; 1024];
        while matches!(io::stdin().read(&mut ignored), Ok(read) if read > 0) {}
        end.store(true, Ordering::Relaxed);
    });
    while !interrupted() && !ended.load(Ordering::Relaxed) {
        thread::sleep(Duration::from_millis(POLL_MILLIS));
    }
    Ok(())
}
