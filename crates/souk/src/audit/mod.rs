//! `souk audit`: what must always be true, checked over all services by their own facts.
//!
//! It only reads, page by page, and leaves out what is younger than `audit.settle_seconds`: its
//! events are still on the way. What it finds it looks at a second time before it reports it.
//! The invariants carry the numbers of ARCHITECTURE.md.

mod deliveries;
mod keys;
mod orders;
mod owners;
mod payments;
mod stock;
mod strays;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::{SignedDuration, Timestamp};
use platform::{Ctx, Problem};
use serde::{Serialize, de::DeserializeOwned};

/// Facts asked for at a time.
const PAGE: i64 = 200;
/// More findings than this are not collected: the first ones say enough.
const FINDINGS_MAX: usize = 1_000;

/// What is checked, in the order of the report.
pub const INVARIANTS: [&str; 13] = ["I1", "I2", "I3", "I4", "I5", "I6", "I7", "I8", "I9", "I10", "I11", "I12", "I13"];

/// Something that must never be true, and is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Finding {
    /// `I1` to `I13`.
    pub invariant: &'static str,
    /// The thing it is about.
    pub subject: String,
    pub about: String,
}

/// What an audit saw.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    pub findings: Vec<Finding>,
    pub levels: u64,
    pub orders: u64,
    pub payments: u64,
    pub events: u64,
    /// Idempotency keys, and rows that were looked through for personal data.
    pub keys: u64,
    pub rows: u64,
    /// How often each invariant was checked: 0 says that there was nothing to check it by.
    pub checked: BTreeMap<&'static str, u64>,
}

/// One pass in progress.
struct Audit<'a> {
    ctx: &'a Ctx,
    /// Facts that changed after this are left out.
    settled_before: Timestamp,
    findings: BTreeSet<Finding>,
    levels: u64,
    orders: u64,
    payments: u64,
    events: u64,
    keys: u64,
    rows: u64,
    checked: BTreeMap<&'static str, u64>,
}

/// Audits the shop that `ctx` can ask.
pub async fn run(ctx: &Ctx) -> Result<Report, Problem> {
    let first = pass(ctx).await?;
    if first.findings.is_empty() {
        return Ok(first.report());
    }
    let mut second = pass(ctx).await?;
    let seen: BTreeSet<_> = first.findings.iter().map(|finding| (finding.invariant, &finding.subject)).collect();
    second.findings.retain(|finding| seen.contains(&(finding.invariant, &finding.subject)));
    Ok(second.report())
}

async fn pass(ctx: &Ctx) -> Result<Audit<'_>, Problem> {
    let now = ctx.clock.now();
    let settle = SignedDuration::from_secs(ctx.config.audit.settle_seconds);
    let settled_before = now.saturating_sub(settle).unwrap_or(Timestamp::MIN);
    let mut audit = Audit {
        ctx,
        settled_before,
        findings: BTreeSet::new(),
        levels: 0,
        orders: 0,
        payments: 0,
        events: 0,
        keys: 0,
        rows: 0,
        checked: INVARIANTS.into_iter().map(|invariant| (invariant, 0)).collect(),
    };
    stock::check(&mut audit).await?;
    orders::check(&mut audit).await?;
    payments::check(&mut audit).await?;
    deliveries::check(&mut audit).await?;
    keys::check(&mut audit).await?;
    strays::check(&mut audit).await?;
    Ok(audit)
}

impl Audit<'_> {
    fn is_settled(&self, changed_at: Timestamp) -> bool {
        changed_at <= self.settled_before
    }

    /// Notes a finding unless `holds`.
    fn must(&mut self, holds: bool, invariant: &'static str, subject: impl ToString, about: impl FnOnce() -> String) {
        self.held(invariant, 1);
        if !holds && self.findings.len() < FINDINGS_MAX {
            self.findings.insert(Finding { invariant, subject: subject.to_string(), about: about() });
        }
    }

    /// Counts checks.
    fn held(&mut self, invariant: &'static str, times: u64) {
        *self.checked.entry(invariant).or_default() += times;
    }

    fn report(self) -> Report {
        let Self { levels, orders, payments, events, keys, rows, checked, .. } = self;
        let findings = self.findings.into_iter().collect();
        Report { findings, levels, orders, payments, events, keys, rows, checked }
    }
}

impl Report {
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("a report is plain data")
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for finding in &self.findings {
            writeln!(f, "{:<4} {}: {}", finding.invariant, finding.subject, finding.about)?;
        }
        let Self { levels, orders, payments, events, .. } = self;
        let verdict =
            if self.findings.is_empty() { "clean".to_owned() } else { format!("{} findings", self.findings.len()) };
        let unchecked: Vec<&str> = INVARIANTS.into_iter().filter(|name| self.checked.get(name) == Some(&0)).collect();
        write!(
            f,
            "audit: {verdict} ({levels} stock levels, {orders} orders, {payments} payments, {events} events, {} keys, {} rows)",
            self.keys, self.rows
        )?;
        if unchecked.is_empty() {
            return Ok(());
        }
        write!(f, "\nnothing to check yet: {}", unchecked.join(", "))
    }
}

/// Asks what the platform answers for each service, by name.
async fn ask<R: DeserializeOwned>(
    audit: &Audit<'_>,
    service: &str,
    what: &str,
    call: &impl Serialize,
) -> Result<R, Problem> {
    let call = serde_json::to_value(call).map_err(|error| Problem::internal(error.to_string()))?;
    let reply = audit.ctx.peers.call_named(&format!("{service}.{what}"), &call).await?;
    serde_json::from_value(reply).map_err(|error| Problem::internal(error.to_string()))
}
