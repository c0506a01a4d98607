//! I7 each event is applied once per service that hears it, I13 nothing is stuck on the way.

use std::collections::{BTreeMap, HashMap};

use contracts::SERVICES;
use contracts::delivery::{Applied, Said, SaidPage};
use platform::Problem;
use uuid::Uuid;

use super::{Audit, PAGE, ask};

pub(super) async fn check(audit: &mut Audit<'_>) -> Result<(), Problem> {
    let heard_by: HashMap<&str, &[&str]> =
        contracts::all_events().iter().map(|event| (event.name, event.heard_by)).collect();
    for service in SERVICES {
        let mut after = None;
        loop {
            let page: SaidPage = ask(audit, service, "said", &Said { after, limit: PAGE }).await?;
            if after.is_none() {
                check_stuck(audit, service, &page);
            }
            let Some(last) = page.events.last() else { break };
            after = Some(last.id);
            check_applied(audit, service, &page, &heard_by).await?;
        }
    }
    Ok(())
}

fn check_stuck(audit: &mut Audit<'_>, service: &str, page: &SaidPage) {
    let waits = page.oldest_undone.is_some_and(|oldest| audit.is_settled(oldest));
    audit.must(!waits, "I13", service, || format!("{} events wait in its outbox", page.undone));
    for letter in &page.dead_letters {
        audit.must(false, "I13", service, || format!("an event was given up: {letter}"));
    }
    for letter in &page.dead_jobs {
        audit.must(false, "I13", service, || format!("a job was given up: {letter}"));
    }
}

async fn check_applied(
    audit: &mut Audit<'_>,
    service: &str,
    page: &SaidPage,
    heard_by: &HashMap<&str, &[&str]>,
) -> Result<(), Problem> {
    let settled: Vec<_> = page.events.iter().filter(|event| audit.is_settled(event.said_at)).collect();
    audit.events += settled.len() as u64;
    let mut by_hearer: BTreeMap<&str, Vec<(Uuid, &str)>> = BTreeMap::new();
    for event in settled {
        for hearer in heard_by.get(event.name.as_str()).copied().unwrap_or_default() {
            by_hearer.entry(hearer).or_default().push((event.id, &event.name));
        }
    }
    for (hearer, events) in by_hearer {
        let ids = events.iter().map(|(id, _)| *id).collect();
        let applied: Vec<(Uuid, bool)> = ask(audit, hearer, "applied", &Applied { events: ids }).await?;
        let applied: HashMap<Uuid, bool> = applied.into_iter().collect();
        for (id, name) in events {
            let applied = applied.get(&id);
            audit.must(applied.is_some(), "I7", hearer, || format!("{name} {id} of {service} never came"));
            audit.must(applied != Some(&false), "I13", hearer, || format!("{name} {id} of {service} is parked"));
        }
    }
    Ok(())
}
