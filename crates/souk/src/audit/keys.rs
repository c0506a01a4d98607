//! I6 what was acknowledged exists; I9 the same key, the same thing and status.

use contracts::SERVICES;
use contracts::audit::{KeyFact, Keys, MadeThing, MadeThings, Routes};
use jiff::{SignedDuration, Timestamp};
use platform::Problem;
use platform::process::KEPT_IDEMPOTENCY;

use super::{Audit, PAGE, ask};

/// Keys are forgotten hourly; what was made so long before that is still named by its own.
const FORGETTING: SignedDuration = SignedDuration::from_hours(2);
const MADE: i64 = 201;

pub(super) async fn check(audit: &mut Audit<'_>) -> Result<(), Problem> {
    let now = audit.ctx.clock.now();
    let kept_since = now.saturating_sub(KEPT_IDEMPOTENCY - FORGETTING).unwrap_or(Timestamp::MIN);
    for service in SERVICES {
        check_acknowledged(audit, service).await?;
        let routes: Vec<String> = ask(audit, service, "routes", &Routes {}).await?;
        for route in routes {
            check_made(audit, service, &route, kept_since).await?;
        }
    }
    Ok(())
}

/// I6: a key that was answered names what is there.
async fn check_acknowledged(audit: &mut Audit<'_>, service: &str) -> Result<(), Problem> {
    let mut after = None;
    loop {
        let page: Vec<KeyFact> = ask(audit, service, "keys", &Keys { after, limit: PAGE }).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after = Some(last.at.clone());
        audit.keys += page.len() as u64;
        for fact in &page {
            let Some(exists) = fact.exists else { continue };
            audit.must(exists, "I6", service, || {
                format!("`{}` was answered {} with {}, which is not there", fact.at.route, fact.status, fact.resource)
            });
        }
    }
}

/// I9: what was made under a key is named by one key, with one status.
async fn check_made(audit: &mut Audit<'_>, service: &str, route: &str, kept_since: Timestamp) -> Result<(), Problem> {
    let mut after = None;
    loop {
        let call = MadeThings { route: route.to_owned(), after, limit: PAGE };
        let page: Vec<MadeThing> = ask(audit, service, "made", &call).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after = Some(last.thing);
        for MadeThing { thing, keys, statuses, .. } in page.iter().filter(|made| made.made_at > kept_since) {
            audit.must(*keys == 1, "I9", thing, || format!("{keys} keys of `{route}` name it, not one"));
            audit.must(*keys == 0 || *statuses == (MADE, MADE), "I9", thing, || {
                format!("its keys of `{route}` note the statuses {} to {}", statuses.0, statuses.1)
            });
        }
    }
}
