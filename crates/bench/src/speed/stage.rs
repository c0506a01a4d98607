//! One scenario on one party, once: what it measures and how.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::future::BoxFuture;
use serde::Serialize;

use super::buyer::Buyer;
use super::cost::{Resident, Used};
use super::limit::Bare;
use super::load::{self, Lasting, Running, Tally};
use super::party::{Party, Who};
use super::shops::Deed;

/// Something that buyers do, measured on each party that can do it.
#[derive(Clone, Copy)]
pub struct Scenario {
    pub name: &'static str,
    /// One line of what buyers do, for the tables.
    pub about: &'static str,
    pub whom: &'static [Who],
    pub run: Run,
}

pub type Run = for<'a> fn(&'a Stage) -> BoxFuture<'a, Result<Vec<Sample>, String>>;

/// What a scenario runs on.
#[derive(Debug)]
pub struct Stage {
    pub party: Arc<Party>,
    pub bare: Bare,
    pub seed: u64,
    pub round: usize,
    pub lasting: Lasting,
    pub buyers: usize,
}

/// What was measured once.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Sample {
    /// Where a scenario has several parts.
    pub label: &'static str,
    pub done: u64,
    pub per_second: f64,
    pub p50_ms: f64,
    pub p99_ms: f64,
    pub p999_ms: f64,
    pub max_ms: f64,
    pub failures: BTreeMap<String, u64>,
    /// Of the party with its database, broker and proxy, for each that was done; without the load program.
    pub cpu_ms_each: f64,
    pub written_bytes_each: f64,
    /// After it.
    pub resident: Resident,
    /// What only this scenario knows.
    pub figures: BTreeMap<&'static str, f64>,
}

impl Sample {
    pub fn of(label: &'static str, tally: &Tally) -> Self {
        Self {
            label,
            done: tally.done(),
            per_second: tally.per_second(),
            p50_ms: tally.quantile_ms(0.5),
            p99_ms: tally.quantile_ms(0.99),
            p999_ms: tally.quantile_ms(0.999),
            max_ms: tally.quantile_ms(1.0),
            failures: tally.failures.clone(),
            ..Self::default()
        }
    }

    #[must_use]
    pub fn costing(mut self, used: Used, resident: Resident) -> Self {
        // What failed cost something too; it is in the figure of what was done.
        let done = self.done.max(1) as f64;
        self.cpu_ms_each = used.cpu_ms / done;
        self.written_bytes_each = used.written_bytes as f64 / done;
        self.resident = resident;
        self
    }

    #[must_use]
    pub fn with(mut self, name: &'static str, figure: f64) -> Self {
        self.figures.insert(name, figure);
        self
    }
}

impl Stage {
    /// So many buyers do it again and again.
    pub async fn closed_loop(&self, deed: Deed) -> Result<Vec<Sample>, String> {
        let running = self.start(deed, "buyers", self.buyers);
        let sample = self.finish("", running).await?;
        Ok(vec![sample])
    }

    pub fn start(&self, deed: Deed, who: &str, count: usize) -> Running {
        load::start(self.who(deed, who, count), self.lasting, &self.party.act(deed))
    }

    /// The buyers of one part of this round: the same each time they are asked for.
    pub fn who(&self, deed: Deed, who: &str, count: usize) -> Vec<Buyer> {
        self.party.buyers(self.seed, &format!("{deed:?} {who} {}", self.round), count)
    }

    /// Waits for the end of a load, and counts what the party used in its window.
    pub async fn finish(&self, label: &'static str, running: Running) -> Result<Sample, String> {
        tokio::time::sleep_until(running.begins().into()).await;
        let before = self.party.used();
        tokio::time::sleep_until(running.ends().into()).await;
        let used = self.party.used().since(before);
        let resident = self.party.resident();
        let tally = running.tally().await?;
        Ok(Sample::of(label, &tally).costing(used, resident))
    }

    /// At a fixed rate by as many buyers as it may need.
    pub async fn at_rate(&self, deed: Deed, who: &str, count: usize, per_second: f64) -> Result<Tally, String> {
        load::at_rate(self.who(deed, who, count), per_second, self.lasting, &self.party.act(deed)).await
    }
}

impl std::fmt::Debug for Scenario {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Scenario").field("name", &self.name).finish_non_exhaustive()
    }
}
