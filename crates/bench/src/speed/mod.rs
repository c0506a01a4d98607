//! `bench speed`: how fast a shop is, beside what the machine's bare parts can do and beside other shops, all in one run
//! on one machine. Every figure is the median of several rounds, in which the parties take turns.

mod buyer;
mod catalogue;
mod cost;
mod grounds;
mod http;
pub mod limit;
mod load;
mod machine;
mod party;
mod report;
mod scenarios;
mod shops;
mod stage;
mod targets;
mod trace;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use engines::Postgres;
use indicatif::{ProgressBar, ProgressStyle};
use tempfile::TempDir;

use self::grounds::Grounds;
use self::limit::Bare;
use self::limit::disk::{self, Probe};
use self::load::Lasting;
use self::party::{Party, Who};
use self::report::{Report, Row, Started};
use self::stage::{Scenario, Stage};
use crate::unit::must_exist;
use crate::{fail, say};

/// How long the disk is measured before anything else runs.
const DISK: Duration = Duration::from_secs(3);
/// Peers that answer in seconds are measured for longer, by fewer buyers: more would only wait longer.
const PEER_BUYERS: usize = 16;
const PEER_SECONDS: u64 = 40;
const PEER_WARM_UP_SECONDS: u64 = 15;

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Names of scenarios, parted by commas; all if not said.
    #[arg(long, value_delimiter = ',')]
    scenarios: Vec<String>,
    /// Who is measured. `vendure` and `medusa` are installed from npm the first time.
    #[arg(long, value_delimiter = ',', default_value = "souk,limit")]
    against: Vec<Who>,
    /// Products in the catalogue. Several sizes, parted by commas, are measured one after the other.
    #[arg(long, value_delimiter = ',', default_value = "20000")]
    products: Vec<usize>,
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Of each measurement, beside its warm-up.
    #[arg(long, default_value_t = 8)]
    seconds: u64,
    #[arg(long, default_value_t = 3)]
    warm_up_seconds: u64,
    /// Who asks at once.
    #[arg(long, default_value_t = 64)]
    buyers: usize,
    /// The same seed has the same buyers, who want the same things in the same order.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The `dist` build (`cargo build --profile dist`); the one in `dist` beside this program's folder if not said.
    #[arg(long)]
    binary: Option<PathBuf>,
    /// Databases are made here, on the disk that is measured; a temporary folder if not said.
    #[arg(long)]
    folder: Option<PathBuf>,
    /// Where peers are installed and stay.
    #[arg(long)]
    peers_folder: Option<PathBuf>,
    /// Says where the time of one purchase goes, and measures nothing else.
    #[arg(long)]
    trace: bool,
    /// Writes the whole report here as well.
    #[arg(long)]
    json: Option<PathBuf>,
    /// Writes the tables here as well.
    #[arg(long)]
    markdown: Option<PathBuf>,
}

pub async fn command(arguments: &Arguments) -> ExitCode {
    if arguments.trace {
        return match traced(arguments).await {
            Ok(()) => ExitCode::SUCCESS,
            Err(why) => fail(&why),
        };
    }
    match run(arguments).await.and_then(|report| tell(arguments, &report)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => fail(&why),
    }
}

fn tell(arguments: &Arguments, report: &Report) -> Result<(), String> {
    let mut text = report.markdown();
    for products in &arguments.products {
        text += "\n";
        text += &targets::markdown(report, *products);
    }
    say(&text);
    if let Some(file) = &arguments.markdown {
        std::fs::write(file, &text).map_err(|why| format!("{}: {why}", file.display()))?;
    }
    if let Some(file) = &arguments.json {
        let json = serde_json::to_string_pretty(report).map_err(|why| why.to_string())?;
        std::fs::write(file, json).map_err(|why| format!("{}: {why}", file.display()))?;
    }
    match report.broken.as_slice() {
        [] => Ok(()),
        [why, ..] => Err(why.clone()),
    }
}

async fn traced(arguments: &Arguments) -> Result<(), String> {
    let (grounds, _temporary) = grounds(arguments, false)?;
    say(&trace::trace(&grounds, arguments.seed).await?);
    Ok(())
}

/// Where a run is made; without a folder of its own it is gone with it.
fn grounds(arguments: &Arguments, with_postgres: bool) -> Result<(Grounds, TempDir), String> {
    let temporary = tempfile::Builder::new().prefix("souk-speed-").tempdir().map_err(|why| why.to_string())?;
    let folder = arguments.folder.clone().unwrap_or_else(|| temporary.path().to_path_buf());
    std::fs::create_dir_all(&folder).map_err(|why| format!("{}: {why}", folder.display()))?;
    let folder = folder.canonicalize().map_err(|why| format!("{}: {why}", folder.display()))?;
    let peers = arguments.peers_folder.clone().unwrap_or_else(|| PathBuf::from("target/peers"));
    let postgres = if with_postgres { Some(Postgres::start()?) } else { None };
    Ok((Grounds { souk: binary(arguments)?, folder, peers, postgres }, temporary))
}

async fn run(arguments: &Arguments) -> Result<Report, String> {
    let scenarios = chosen(&arguments.scenarios)?;
    let (grounds, _temporary) = grounds(arguments, arguments.against.iter().any(|who| *who != Who::Souk))?;
    let folder = grounds.folder.clone();
    let mut report = Report {
        machine: machine::facts(&folder),
        command: std::env::args().collect::<Vec<_>>().join(" "),
        commit: machine::commit(),
        durability: BTreeMap::new(),
        about: scenarios.iter().map(|scenario| (scenario.name, scenario.about)).collect(),
        fdatasync: BTreeMap::from([("before", disk::measure(&folder, DISK)?)]),
        starts: Vec::new(),
        binary_mb: std::fs::metadata(&grounds.souk).map_or(0.0, |file| file.len() as f64 / 1e6),
        rows: Vec::new(),
        broken: Vec::new(),
    };
    let probe = Probe::start(&folder)?;
    for products in &arguments.products {
        measure(arguments, &grounds, &scenarios, *products, &mut report).await?;
    }
    report.fdatasync.insert("during", probe.finish()?);
    Ok(report)
}

fn chosen(names: &[String]) -> Result<Vec<Scenario>, String> {
    let find = |name: &String| {
        let all = || scenarios::ALL.iter().map(|scenario| scenario.name).collect::<Vec<_>>().join(", ");
        let found = scenarios::ALL.iter().find(|scenario| scenario.name == name);
        found.copied().ok_or_else(|| format!("`--scenarios {name}`: there are {}", all()))
    };
    if names.is_empty() { Ok(scenarios::ALL.to_vec()) } else { names.iter().map(find).collect() }
}

fn binary(arguments: &Arguments) -> Result<PathBuf, String> {
    let here = std::env::current_exe().map_err(|why| format!("this program: {why}"))?;
    let beside = || Some(here.parent()?.parent()?.join("dist/souk"));
    let binary = arguments.binary.clone().or_else(beside).ok_or("this program is in no folder")?;
    must_exist(&binary, "--binary", "cargo build --profile dist")
}

/// Every scenario on every party, round by round, with one size of the catalogue.
async fn measure(
    arguments: &Arguments,
    grounds: &Grounds,
    scenarios: &[Scenario],
    products: usize,
    report: &mut Report,
) -> Result<(), String> {
    let bar = ProgressBar::new(0).with_style(
        ProgressStyle::with_template("{elapsed_precise} {wide_bar} {pos}/{len} {msg}")
            .map_err(|why| why.to_string())?,
    );
    bar.enable_steady_tick(Duration::from_millis(500));
    let mut parties = Vec::new();
    for who in &arguments.against {
        bar.set_message(format!("starting {} with {products} products", who.name()));
        let party = grounds.start(*who, products, &parties).await?;
        report.durability.insert(who.name(), party.durability.clone());
        report.starts.push(Started {
            who: *who,
            products,
            started_ms: party.started_ms.clone(),
            idle_anon_mb: party.idle.anon_mb,
            idle_file_mb: party.idle.file_mb,
        });
        parties.push(Arc::new(party));
    }
    let tasks = |who: Who| scenarios.iter().filter(move |scenario| scenario.whom.contains(&who)).count();
    bar.set_length((arguments.rounds * arguments.against.iter().map(|who| tasks(*who)).sum::<usize>()) as u64);
    for round in 0..arguments.rounds {
        for scenario in scenarios {
            for party in parties.iter().filter(|party| scenario.whom.contains(&party.who)) {
                bar.set_message(format!("round {}: {} on {}", round + 1, scenario.name, party.who.name()));
                let stage = stage(arguments, grounds, party, round);
                match (scenario.run)(&stage).await {
                    Ok(samples) => samples.into_iter().for_each(|sample| keep(report, scenario, &stage, sample)),
                    Err(why) => report.broken.push(format!("{} on {}: {why}", scenario.name, party.who.name())),
                }
                bar.inc(1);
            }
        }
    }
    bar.finish_and_clear();
    Ok(())
}

fn stage(arguments: &Arguments, grounds: &Grounds, party: &Arc<Party>, round: usize) -> Stage {
    let is_slow = matches!(party.who, Who::Vendure | Who::Medusa);
    let (buyers, warm_up, measured) = match is_slow {
        true => (PEER_BUYERS.min(arguments.buyers), PEER_WARM_UP_SECONDS, PEER_SECONDS),
        false => (arguments.buyers, arguments.warm_up_seconds, arguments.seconds),
    };
    Stage {
        party: Arc::clone(party),
        bare: Bare { folder: grounds.folder.clone(), postgres: grounds.postgres.as_ref().map(Postgres::url) },
        seed: arguments.seed,
        round,
        lasting: Lasting { warm_up: Duration::from_secs(warm_up), measured: Duration::from_secs(measured) },
        buyers,
    }
}

fn keep(report: &mut Report, scenario: &Scenario, stage: &Stage, sample: stage::Sample) {
    let (who, products, label) = (stage.party.who, stage.party.products, sample.label);
    let is_it = |row: &&mut Row| {
        row.scenario == scenario.name && row.label == label && row.who == who && row.products == products
    };
    if let Some(row) = report.rows.iter_mut().find(is_it) {
        row.samples.push(sample);
        return;
    }
    report.rows.push(Row {
        scenario: scenario.name,
        label,
        who,
        products,
        buyers: stage.buyers,
        samples: vec![sample],
    });
}
