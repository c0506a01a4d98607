//! What a run showed, as a table and as JSON.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;
use serde_json::Value;

use super::check::{KINDS, Kind, Violation};
use super::nemesis::Strike;

#[derive(Debug, Clone, Serialize)]
pub struct Report {
    pub seed: u64,
    pub copies: usize,
    pub buyers: usize,
    pub orders_min: usize,
    pub orders_acknowledged: usize,
    /// How the orders ended, by status.
    pub statuses: BTreeMap<String, usize>,
    pub load_seconds: f64,
    pub settle_seconds: f64,
    pub strikes: Vec<Strike>,
    /// Processes that ended by themselves and were started again.
    pub revived: Vec<String>,
    pub violations: Vec<Violation>,
    /// What `souk audit` found.
    pub findings: Vec<Value>,
}

/// What a run is worth.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    Clean,
    /// Something was found that must not be.
    Broken,
    /// It proves nothing, and why.
    DoesNotCount(String),
}

impl Report {
    pub fn count(&self, kind: Kind) -> usize {
        self.violations.iter().filter(|violation| violation.kind == kind).count()
    }

    pub fn verdict(&self) -> Verdict {
        if !self.violations.is_empty() || !self.findings.is_empty() {
            return Verdict::Broken;
        }
        if self.orders_acknowledged < self.orders_min {
            let Self { orders_acknowledged, orders_min, .. } = self;
            return Verdict::DoesNotCount(format!(
                "{orders_acknowledged} orders acknowledged, {orders_min} are needed"
            ));
        }
        match self.strikes.iter().find(|strike| strike.fired == 0 || strike.orders_in_flight < 1) {
            Some(strike) if strike.fired == 0 => Verdict::DoesNotCount(format!("`{}` never fired", strike.fault)),
            Some(strike) => Verdict::DoesNotCount(format!("no order was in flight at `{}`", strike.fault)),
            None => Verdict::Clean,
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<52} {:>6} {:>6} {:>16}", format!("seed {}", self.seed), "second", "fired", "orders in flight")?;
        for strike in &self.strikes {
            let Strike { fault, at_seconds, fired, orders_in_flight, note } = strike;
            writeln!(f, "  {fault:<50} {at_seconds:>6.0} {fired:>6} {orders_in_flight:>16}  {note}")?;
        }
        if !self.revived.is_empty() {
            writeln!(f, "ended by themselves and started again: {}", self.revived.join(", "))?;
        }
        for violation in &self.violations {
            writeln!(f, "{:?} {}: {}", violation.kind, violation.subject, violation.about)?;
        }
        for finding in &self.findings {
            writeln!(f, "audit: {finding}")?;
        }
        let statuses: Vec<String> = self.statuses.iter().map(|(status, count)| format!("{count} {status}")).collect();
        let faults: u32 = self.strikes.iter().map(|strike| strike.fired).sum();
        write!(
            f,
            "seed {}: {} orders acknowledged in {:.0} s ({}), {faults} faults, settled in {:.0} s",
            self.seed,
            self.orders_acknowledged,
            self.load_seconds,
            statuses.join(", "),
            self.settle_seconds
        )?;
        for kind in KINDS {
            write!(f, "; {} {}", name(kind), self.count(kind))?;
        }
        write!(f, "; audit findings {}", self.findings.len())
    }
}

/// What `docs/reliability.md` shows: a row a run, then a row a fault with how often it fired and how many orders were in
/// flight then, summed over the runs and at the least.
pub fn markdown(reports: &[Report]) -> String {
    let mut text = String::from(
        "| seed | processes | orders acknowledged | faults scheduled, fired | fewest orders in flight at one | to rest |",
    );
    KINDS.iter().for_each(|kind| text += &format!(" {} |", name(*kind)));
    text += " audit findings |\n|";
    text += &"---|".repeat(7 + KINDS.len());
    for report in reports {
        let fired = report.strikes.iter().filter(|strike| strike.fired > 0).count();
        let fewest = report.strikes.iter().map(|strike| strike.orders_in_flight).min().unwrap_or_default();
        text += &format!(
            "\n| {} | {} | {} | {}, {fired} | {fewest} | {:.0} s |",
            report.seed,
            report.copies * contracts::SERVICES.len(),
            report.orders_acknowledged,
            report.strikes.len(),
            report.settle_seconds
        );
        KINDS.iter().for_each(|kind| text += &format!(" {} |", report.count(*kind)));
        text += &format!(" {} |", report.findings.len());
    }
    text += "\n\n| fault | runs | fired | fewest orders in flight |\n|---|---|---|---|";
    let mut by_fault: BTreeMap<&str, Vec<&Strike>> = BTreeMap::new();
    for strike in reports.iter().flat_map(|report| &report.strikes) {
        by_fault.entry(&strike.fault).or_default().push(strike);
    }
    for (fault, strikes) in by_fault {
        let fired: u32 = strikes.iter().map(|strike| strike.fired).sum();
        let fewest = strikes.iter().map(|strike| strike.orders_in_flight).min().unwrap_or_default();
        text += &format!("\n| {fault} | {} | {fired} | {fewest} |", strikes.len());
    }
    text
}

fn name(kind: Kind) -> &'static str {
    match kind {
        Kind::Lost => "lost",
        Kind::OrderedTwice => "ordered twice",
        Kind::ChargedTwice => "charged twice",
        Kind::RefundedTwice => "refunded twice",
        Kind::Oversold => "oversold",
        Kind::Stuck => "stuck",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        let strike = Strike {
            fault: "kill -9 orders".to_owned(),
            at_seconds: 3.0,
            fired: 1,
            orders_in_flight: 4,
            note: String::new(),
        };
        Report {
            seed: 1,
            copies: 1,
            buyers: 8,
            orders_min: 500,
            orders_acknowledged: 500,
            statuses: BTreeMap::new(),
            load_seconds: 1.0,
            settle_seconds: 1.0,
            strikes: vec![strike],
            revived: Vec::new(),
            violations: Vec::new(),
            findings: Vec::new(),
        }
    }

    #[test]
    fn a_table_has_a_row_for_each_run_and_each_fault() {
        let table = markdown(&[report(), Report { seed: 2, copies: 2, ..report() }]);
        assert!(table.contains("| 1 | 9 | 500 | 1, 1 | 4 | 1 s | 0 | 0 | 0 | 0 | 0 | 0 | 0 |"), "{table}");
        assert!(table.contains("| 2 | 18 | 500 |"), "{table}");
        assert!(table.contains("| kill -9 orders | 2 | 2 | 4 |"), "{table}");
    }

    #[test]
    fn a_run_counts_with_enough_orders_and_every_fault_fired_with_some_in_flight() {
        assert_eq!(report().verdict(), Verdict::Clean);
        let counts = |change: fn(&mut Report)| {
            let mut report = report();
            change(&mut report);
            report.verdict()
        };
        for change in [
            (|report| report.orders_acknowledged = 499) as fn(&mut Report),
            |report| report.strikes[0].fired = 0,
            |report| report.strikes[0].orders_in_flight = 0,
        ] {
            assert!(matches!(counts(change), Verdict::DoesNotCount(_)));
        }
        assert_eq!(counts(|report| report.findings.push(Value::Null)), Verdict::Broken);
    }
}
