//! I12: no card number, secret or personal data in events, jobs, keys and the audit log.

use contracts::SERVICES;
use contracts::audit::{Scan, Scanned};
use platform::Problem;

use super::{Audit, PAGE, ask};

pub(super) async fn check(audit: &mut Audit<'_>) -> Result<(), Problem> {
    for service in SERVICES {
        let mut after = None;
        loop {
            let page: Scanned = ask(audit, service, "scan", &Scan { after, limit: PAGE }).await?;
            let rows = page.rows.unsigned_abs();
            audit.rows += rows;
            // A row that holds nothing is a check that held.
            audit.held("I12", rows.saturating_sub(page.found.len() as u64));
            for found in &page.found {
                audit.must(false, "I12", service, || {
                    format!("{} is in {}.{} of {}", found.kind, found.table, found.place, found.row)
                });
            }
            let Some(next) = page.next else { break };
            after = Some(next);
        }
    }
    Ok(())
}
