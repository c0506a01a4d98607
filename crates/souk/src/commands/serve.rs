//! `souk serve`: a shop, or a part of one, until it is told to stop.

use std::time::Duration;

use contracts::SERVICES;
use platform::{Clock, Config, Ids, Secrets};
use tokio::net::TcpListener;
use tokio::time::Instant;

use super::{say, told_to_stop};
use crate::wire::{NotOpened, Shop};

/// A database that does not answer is waited for, so long: then somebody has to look, or start us again.
const DATABASE_WAIT: Duration = Duration::from_secs(60);
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// What is waited for is said so often.
const SAID_AGAIN: Duration = Duration::from_secs(5);

/// Serves until SIGTERM or ctrl-c, then drains. No `services`: all of them.
pub(crate) async fn run(config: Config, services: &[String]) -> Result<(), String> {
    let names: Vec<&str> =
        if services.is_empty() { SERVICES.to_vec() } else { services.iter().map(String::as_str).collect() };
    let is_whole = names.len() == SERVICES.len();
    let listen = config.server.listen.clone();
    let listener =
        TcpListener::bind(&listen).await.map_err(|error| format!("setting `server.listen`: {listen}: {error}"))?;
    if is_whole {
        Secrets::make(&config.server)?;
    } else {
        Secrets::must_be_given(&config.server)?;
    }
    let played = config.played_payments();
    let shop = open_when_ready(config, &names).await?;
    for applied in shop.migrate().await? {
        tracing::info!(migration = %applied, "migrated");
    }
    for name in played.iter().filter(|_| names.contains(&"payments")) {
        tracing::warn!("the gateway `test` plays the bank, no money moves: setting `payments.{name}.gateway`");
    }
    let mut running = shop.serve(listener).await?;
    let what = if is_whole { String::new() } else { format!(": {}", names.join(", ")) };
    say(&format!("souk serves on http://{}{what}", running.address));
    tokio::select! {
        result = running.ended() => return result.map_err(|error| error.to_string()),
        () = told_to_stop() => {}
    }
    tracing::info!("stopping: requests, events and jobs in hand end first");
    if running.stop().await {
        Ok(())
    } else {
        Err("some work did not end in time; it goes on at the next start".to_owned())
    }
}

/// Opens it as soon as its database answers. What waiting does not mend, such as a wrong password, is refused at once.
async fn open_when_ready(config: Config, names: &[&str]) -> Result<Shop, String> {
    let begun = Instant::now();
    let mut said: Option<Instant> = None;
    loop {
        let opened = tokio::select! {
            opened = Shop::open_some(config.clone(), names, Clock::System, Ids::Random) => opened,
            () = told_to_stop() => return Err("told to stop before its database answered".to_owned()),
        };
        match opened {
            Err(NotOpened::NotYet(why)) if begun.elapsed() < DATABASE_WAIT => {
                if said.is_none_or(|said| said.elapsed() >= SAID_AGAIN) {
                    tracing::warn!(%why, "waiting for the database");
                    said = Some(Instant::now());
                }
                tokio::time::sleep(LOOK_AGAIN).await;
            }
            other => return other.map_err(|error| error.to_string()),
        }
    }
}
