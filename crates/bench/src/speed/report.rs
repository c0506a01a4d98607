//! What was measured, as tables: each figure the median of its rounds with the lowest and highest beside it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Serialize;

use super::party::Who;
use super::stage::Sample;

/// A scenario's part on one party with one catalogue, in every round.
#[derive(Debug, Serialize)]
pub struct Row {
    pub scenario: &'static str,
    pub label: &'static str,
    pub who: Who,
    pub products: usize,
    pub buyers: usize,
    pub samples: Vec<Sample>,
}

/// A run.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    /// Processor, cores, memory, kernel, file system.
    pub machine: BTreeMap<&'static str, String>,
    /// How the run was started.
    pub command: String,
    pub commit: String,
    /// What makes an answer durable, by party.
    pub durability: BTreeMap<&'static str, String>,
    /// One line for each scenario.
    pub about: BTreeMap<&'static str, &'static str>,
    pub fdatasync: BTreeMap<&'static str, super::limit::disk::Sync>,
    pub starts: Vec<Started>,
    pub binary_mb: f64,
    pub rows: Vec<Row>,
    /// Scenarios that could not be run, and why.
    pub broken: Vec<String>,
}

/// How a party came up.
#[derive(Debug, Clone, Serialize)]
pub struct Started {
    pub who: Who,
    pub products: usize,
    /// From its start to its first good answer, each time.
    pub started_ms: Vec<f64>,
    pub idle_anon_mb: f64,
    pub idle_file_mb: f64,
}

/// Median, lowest and highest.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spread {
    pub median: f64,
    pub lowest: f64,
    pub highest: f64,
}

impl Spread {
    /// `None` of nothing.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        let (lowest, highest) = (*values.first()?, *values.last()?);
        let half = values.len() / 2;
        let median = if values.len() % 2 == 1 { values[half] } else { f64::midpoint(values[half - 1], values[half]) };
        Some(Self { median, lowest, highest })
    }
}

impl Row {
    pub fn spread(&self, figure: impl Fn(&Sample) -> f64) -> Option<Spread> {
        Spread::of(self.samples.iter().map(figure))
    }

    fn failures(&self) -> BTreeMap<&str, u64> {
        let mut all = BTreeMap::new();
        for (why, count) in self.samples.iter().flat_map(|sample| &sample.failures) {
            *all.entry(why.as_str()).or_default() += count;
        }
        all
    }
}

impl Report {
    /// The row of a scenario's part, on one party with one catalogue.
    pub fn row(&self, scenario: &str, label: &str, who: Who, products: usize) -> Option<&Row> {
        let is_it =
            |row: &&Row| row.scenario == scenario && row.label == label && row.who == who && row.products == products;
        self.rows.iter().find(is_it)
    }

    /// A figure of it: the median.
    pub fn figure(
        &self,
        (scenario, label, who, products): (&str, &str, Who, usize),
        figure: impl Fn(&Sample) -> f64,
    ) -> Option<f64> {
        Some(self.row(scenario, label, who, products)?.spread(figure)?.median)
    }

    pub fn markdown(&self) -> String {
        let mut text = String::new();
        self.head(&mut text);
        let mut scenarios: Vec<&str> = Vec::new();
        for row in &self.rows {
            if !scenarios.contains(&row.scenario) {
                scenarios.push(row.scenario);
            }
        }
        for scenario in scenarios {
            self.table(&mut text, scenario);
        }
        self.starts(&mut text);
        for why in &self.broken {
            line(&mut text, &format!("\nBroken off: {why}"));
        }
        text
    }

    fn head(&self, text: &mut String) {
        line(text, &format!("`{}`, commit {}\n", self.command, self.commit));
        for (name, value) in &self.machine {
            line(text, &format!("- {name}: {value}"));
        }
        for (when, sync) in &self.fdatasync {
            line(
                text,
                &format!(
                    "- fdatasync of 4 KiB, {when}: {:.0} us (p50 {}, p99 {})",
                    sync.mean_us, sync.p50_us, sync.p99_us
                ),
            );
        }
        line(text, "\nWhat makes an answered order durable:\n");
        for (who, durability) in &self.durability {
            line(text, &format!("- {who}: {durability}"));
        }
    }

    fn table(&self, text: &mut String, scenario: &str) {
        let about = self.about.get(scenario).copied().unwrap_or_default();
        line(text, &format!("\n### {scenario}: {about}\n"));
        line(
            text,
            "| who | products | buyers | a second (lowest to highest) | beside | p50 ms | p99 ms | p99.9 ms | CPU ms each | KB written each | RSS anon / file MB | failed |",
        );
        line(text, "|---|---|---|---|---|---|---|---|---|---|---|---|");
        for row in self.rows.iter().filter(|row| row.scenario == scenario) {
            let Some(rate) = row.spread(|sample| sample.per_second) else { continue };
            let median = |figure: fn(&Sample) -> f64| row.spread(figure).map_or(0.0, |spread| spread.median);
            let label = if row.label.is_empty() { String::new() } else { format!(" ({})", row.label) };
            let failed: u64 = row.failures().values().sum();
            line(
                text,
                &format!(
                    "| {}{label} | {} | {} | {} ({} to {}) | {} | {} | {} | {} | {} | {} | {} / {} | {failed} |",
                    row.who.name(),
                    row.products,
                    row.buyers,
                    short(rate.median),
                    short(rate.lowest),
                    short(rate.highest),
                    self.beside(row, rate.median),
                    known(median(|sample| sample.p50_ms), 2),
                    known(median(|sample| sample.p99_ms), 2),
                    known(median(|sample| sample.p999_ms), 2),
                    known(median(|sample| sample.cpu_ms_each), 3),
                    known(median(|sample| sample.written_bytes_each) / 1_000.0, 1),
                    known(median(|sample| sample.resident.anon_mb), 0),
                    known(median(|sample| sample.resident.file_mb), 0),
                ),
            );
        }
        for row in self.rows.iter().filter(|row| row.scenario == scenario) {
            self.notes(text, row);
        }
    }

    /// Its rate as a share of the limit's and as a multiple of each peer's: of the same deeds, with the same catalogue.
    fn beside(&self, row: &Row, rate: f64) -> String {
        let of = |who: Who, label: &str| {
            let other = self.row(row.scenario, label, who, row.products)?;
            let done = other.spread(|sample| sample.per_second)?.median;
            (done > 0.0).then(|| rate / done)
        };
        let database = if row.who == Who::Souk { "sqlite" } else { "postgres" };
        let is_souk = matches!(row.who, Who::Souk | Who::SoukPostgres | Who::SoukProcesses);
        let limit = of(Who::Limit, row.label).or_else(|| of(Who::Limit, database)).filter(|_| is_souk);
        let limit = limit.map(|share| format!("{} % of the limit", short(100.0 * share)));
        let peers = [Who::Vendure, Who::Medusa].into_iter().filter(|_| is_souk);
        let peers = peers.filter_map(|peer| Some(format!("{} x {}", short(of(peer, row.label)?), peer.name())));
        limit.into_iter().chain(peers).collect::<Vec<_>>().join(", ")
    }

    fn notes(&self, text: &mut String, row: &Row) {
        let names: std::collections::BTreeSet<&str> =
            row.samples.iter().flat_map(|sample| sample.figures.keys().copied()).collect();
        let figures: Vec<String> = names
            .into_iter()
            .map(|name| {
                let each: Vec<String> = row
                    .samples
                    .iter()
                    .filter_map(|sample| sample.figures.get(name))
                    .map(|figure| short(*figure))
                    .collect();
                format!("{name} {}", each.join(", "))
            })
            .collect();
        if !figures.is_empty() {
            line(
                text,
                &format!("\n{} with {} products, by round: {}.", row.who.name(), row.products, figures.join("; ")),
            );
        }
        for (why, count) in row.failures() {
            line(text, &format!("\n{} with {} products failed {count} times: {why}", row.who.name(), row.products));
        }
    }

    fn starts(&self, text: &mut String) {
        line(text, &format!("\n### Start and rest (the binary is {:.1} MB)\n", self.binary_mb));
        line(text, "| who | products | start to first answer ms (lowest to highest) | idle RSS anon / file MB |");
        line(text, "|---|---|---|---|");
        for start in &self.starts {
            let Some(took) = Spread::of(start.started_ms.iter().copied()) else { continue };
            line(
                text,
                &format!(
                    "| {} | {} | {:.0} ({:.0} to {:.0}) | {:.0} / {:.0} |",
                    start.who.name(),
                    start.products,
                    took.median,
                    took.lowest,
                    took.highest,
                    start.idle_anon_mb,
                    start.idle_file_mb
                ),
            );
        }
    }
}

fn line(text: &mut String, line: &str) {
    // Writing to a String can't fail.
    let _ = writeln!(text, "{line}");
}

/// A figure that is always more than nothing where it was measured.
fn known(figure: f64, digits: usize) -> String {
    if figure == 0.0 { "-".to_owned() } else { format!("{figure:.digits$}") }
}

/// Three digits that say something.
pub fn short(figure: f64) -> String {
    match figure.abs() {
        size if size >= 100.0 => format!("{figure:.0}"),
        size if size >= 10.0 => format!("{figure:.1}"),
        _ => format!("{figure:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spread_is_median_lowest_and_highest() {
        assert_eq!(Spread::of([3.0, 1.0, 2.0]), Some(Spread { median: 2.0, lowest: 1.0, highest: 3.0 }));
        assert_eq!(Spread::of([4.0, 1.0]), Some(Spread { median: 2.5, lowest: 1.0, highest: 4.0 }));
        assert_eq!(Spread::of([]), None);
    }

    #[test]
    fn each_figure_stands_beside_the_limit_and_the_peers_of_its_scenario() {
        let row = |scenario, who, label, per_second| {
            let samples = vec![Sample { per_second, ..Sample::default() }];
            Row { scenario, label, who, products: 1, buyers: 64, samples }
        };
        let rows = vec![
            row("product", Who::Souk, "", 60.0),
            row("product", Who::Limit, "", 80.0),
            row("cart", Who::Souk, "", 30.0),
            row("cart", Who::SoukPostgres, "", 10.0),
            row("cart", Who::Limit, "sqlite", 40.0),
            row("cart", Who::Limit, "postgres", 20.0),
            row("cart", Who::Vendure, "", 2.0),
        ];
        let report = Report { rows, ..Report::default() };
        let beside = |at: usize| report.beside(&report.rows[at], report.rows[at].samples[0].per_second);
        assert_eq!(beside(0), "75.0 % of the limit");
        assert_eq!(beside(2), "75.0 % of the limit, 15.0 x vendure");
        assert_eq!(beside(3), "50.0 % of the limit, 5.00 x vendure");
        assert_eq!((beside(1), beside(6)), (String::new(), String::new()));
    }

    #[test]
    fn figures_are_as_long_as_they_say_something() {
        assert_eq!(["1.23", "12.3", "1235"], [1.234_56, 12.345_6, 1_234.56].map(short).each_ref().map(String::as_str));
    }
}
