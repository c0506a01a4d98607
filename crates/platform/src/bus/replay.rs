//! `souk replay`: events of an outbox once more, for reactions whose effect is derived from the event alone.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use store::{Db, Envelope, outbox};

use super::Hears;
use crate::Service;

/// Events read at a time, and applied in one transaction.
const PAGE: i64 = 200;
/// More reasons than this are not collected: the first ones say enough.
const FAILED_MAX: usize = 20;

/// What a replay did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Replayed {
    /// How many events of each type had their effect.
    pub applied: BTreeMap<String, u64>,
    /// The first events that could not be applied again, and why.
    pub failed: Vec<String>,
}

/// Applies what `name` derives its tables from once more, as it was said since a time. An outbox is kept for a week,
/// an inbox for longer: nothing is reached here that the inbox has forgotten.
///
/// # Errors
/// A service that is not there or derives nothing, by name; a database that can't be reached.
pub async fn replay(services: &[Service], name: &str, since: Timestamp) -> Result<Replayed, String> {
    let service = services.iter().find(|service| service.name == name);
    let service = service.ok_or_else(|| format!("there is no service `{name}` here"))?;
    if service.derives.is_empty() {
        return Err(refusal(services, name));
    }
    let hears = Hears::new(service);
    let mut replayed = Replayed::default();
    let mut said_by: Vec<&str> = service.derives.values().copied().collect();
    said_by.sort_unstable();
    said_by.dedup();
    for speaker in said_by {
        let says = services.iter().find(|service| service.name == speaker);
        let says = says.ok_or_else(|| format!("{speaker} says what {name} derives from, and is not here"))?;
        replay_of(&says.ctx.db, service, &hears, since, &mut replayed).await.map_err(|error| error.to_string())?;
    }
    Ok(replayed)
}

async fn replay_of(
    outbox: &Db,
    service: &Service,
    hears: &Arc<Hears>,
    since: Timestamp,
    replayed: &mut Replayed,
) -> Result<(), store::Error> {
    let mut after = outbox::before(since);
    loop {
        let page = outbox::page(outbox, after, PAGE).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after = last.id;
        let derives = |event: &Envelope| service.derives.contains_key(event.name.as_str()) && event.said_at >= since;
        // An event at a time: what is counted by type is what was applied.
        for event in page.into_iter().filter(derives) {
            let (name, input) = (event.name.clone(), (Arc::clone(hears), vec![event]));
            let again = service.ctx.db.write(input, |tx, (hears, batch)| Box::pin(hears.apply_again_in(tx, batch)));
            let (applied, failed) = again.await?;
            *replayed.applied.entry(name).or_default() += applied;
            let room = FAILED_MAX.saturating_sub(replayed.failed.len());
            replayed.failed.extend(failed.into_iter().take(room));
        }
    }
}

/// Why not, and who could.
fn refusal(services: &[Service], name: &str) -> String {
    let hears = services.iter().find(|service| service.name == name).map_or(0, |service| service.reactions.len());
    let able: Vec<String> = services
        .iter()
        .filter(|service| !service.derives.is_empty())
        .map(|service| format!("{} ({})", service.name, service.derives.keys().copied().collect::<Vec<_>>().join(", ")))
        .collect();
    format!(
        "{name} can't be replayed: none of its {hears} reactions is marked `derives`, so applying an event a second time \
         would have its effect twice. What was given up is tried again by `souk dead-letters replay`. \
         Services that can be replayed: {}",
        if able.is_empty() { "none".to_owned() } else { able.join("; ") }
    )
}
