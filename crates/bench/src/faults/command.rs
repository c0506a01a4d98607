//! `bench faults` as a command: what it is told, and how it ends.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use super::Run;
use super::report::{self, Report, Verdict};
use super::rig::Plan;
use super::schedule::{GROUPS, Group, Lengths};
use crate::unit::must_exist;
use crate::{fail, say};

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The same seed has the same faults in the same order, and the same buyers. Several are parted by commas.
    #[arg(long, default_value = "1", value_delimiter = ',')]
    seed: Vec<u64>,
    /// Sells at least so long; every fault strikes in any case.
    #[arg(long, default_value_t = 0)]
    seconds: u64,
    /// A run counts from so many acknowledged orders on.
    #[arg(long, default_value_t = 500)]
    orders_min: usize,
    /// Only these; all of them if not said.
    #[arg(long, value_delimiter = ',')]
    faults: Vec<Group>,
    /// Writes the reports here as well.
    #[arg(long)]
    json: Option<PathBuf>,
    /// The dev build with failpoints (`cargo build -p souk --features faults`); the one beside this program if not said.
    #[arg(long)]
    binary: Option<PathBuf>,
    /// The next release, for `upgrade` (`cargo xtask next-release`); `souk-next` beside the binary if not said.
    #[arg(long)]
    next_binary: Option<PathBuf>,
    /// A bug that every process has (`bug.inventory.oversells`): the run has to find it. Several are parted by commas.
    #[arg(long, value_delimiter = ',')]
    bugs: Vec<String>,
    /// Processes of each service.
    #[arg(long, default_value_t = 1)]
    copies: usize,
    /// Who buys at once.
    #[arg(long, default_value_t = 24)]
    buyers: usize,
    /// How long a process is stopped (SIGSTOP).
    #[arg(long, default_value_t = 30)]
    pause_seconds: u64,
    /// How long the shop may take to come to rest: leases of a process that died are 30 and 120 s.
    #[arg(long, default_value_t = 420)]
    settle_seconds_max: u64,
    /// Keeps logs, history and ledger here; removed afterwards if not said.
    #[arg(long)]
    keep: Option<PathBuf>,
}

/// Runs every seed and compares what was promised with what is.
pub async fn run(arguments: &Arguments) -> ExitCode {
    match all(arguments).await {
        Ok((reports, broken_off)) => close(arguments, &reports, &broken_off),
        Err(why) => fail(&why),
    }
}

/// The reports, and the seeds that have none with why not.
async fn all(arguments: &Arguments) -> Result<(Vec<Report>, Vec<(u64, String)>), String> {
    let (mut reports, mut broken_off) = (Vec::new(), Vec::new());
    for seed in &arguments.seed {
        let temporary = tempfile::Builder::new().prefix("souk-faults-").tempdir().map_err(|why| why.to_string())?;
        let kept = arguments.keep.as_ref().map(|folder| folder.join(format!("seed-{seed}")));
        let folder = kept.clone().unwrap_or_else(|| temporary.path().to_path_buf());
        std::fs::create_dir_all(&folder).map_err(|why| format!("{}: {why}", folder.display()))?;
        let folder = folder.canonicalize().map_err(|why| format!("{}: {why}", folder.display()))?;
        match super::run(&one(arguments, *seed, folder)?).await {
            Ok(report) => {
                say(&format!("\n{report}\n"));
                reports.push(report);
            }
            Err(why) => broken_off.push((*seed, why)),
        }
    }
    Ok((reports, broken_off))
}

fn one(arguments: &Arguments, seed: u64, folder: PathBuf) -> Result<Run, String> {
    let here = std::env::current_exe().map_err(|why| format!("this program: {why}"))?;
    let binary = arguments.binary.clone().unwrap_or_else(|| here.with_file_name("souk"));
    let groups =
        if arguments.faults.is_empty() { GROUPS.map(|(_, group)| group).to_vec() } else { arguments.faults.clone() };
    let next_binary = match groups.contains(&Group::Upgrade) {
        true => Some(next(arguments.next_binary.clone().unwrap_or_else(|| binary.with_file_name("souk-next")))?),
        false => None,
    };
    if arguments.copies == 0 || arguments.buyers == 0 {
        return Err("`--copies` and `--buyers`: a whole number from 1 on".to_owned());
    }
    Ok(Run {
        seed,
        plan: Plan {
            binary: must_exist(&binary, "--binary", "cargo build -p souk --features faults")?,
            next_binary,
            own_disk: groups.contains(&Group::FullDisk),
            copies: arguments.copies,
            bugs: arguments.bugs.clone(),
            folder,
        },
        groups,
        lengths: Lengths {
            pause: Duration::from_secs(arguments.pause_seconds),
            full_disk: Duration::from_secs(12),
            alarm: Duration::from_secs(12),
            clock: Duration::from_secs(15),
            network: Duration::from_secs(8),
        },
        load: Duration::from_secs(arguments.seconds),
        buyers: arguments.buyers,
        orders_min: arguments.orders_min,
        settle_max: Duration::from_secs(arguments.settle_seconds_max),
    })
}

fn next(binary: PathBuf) -> Result<PathBuf, String> {
    let made_by = "cargo xtask next-release`, or name the other faults by `--faults";
    must_exist(&binary, "--next-binary", made_by)
}

fn close(arguments: &Arguments, reports: &[Report], broken_off: &[(u64, String)]) -> ExitCode {
    if let Some(file) = &arguments.json {
        let text = serde_json::to_string_pretty(reports).expect("a report is plain data");
        if let Err(why) = std::fs::write(file, text) {
            return fail(&format!("{}: {why}", file.display()));
        }
    }
    say(&format!("{}\n", report::markdown(reports)));
    let mut code = if broken_off.is_empty() { 0 } else { 2 };
    for (seed, why) in broken_off {
        say(&format!("seed {seed}: does not count: broken off: {why}"));
    }
    for report in reports {
        match report.verdict() {
            Verdict::Clean => say(&format!("seed {}: counts, and is clean", report.seed)),
            Verdict::Broken => {
                say(&format!("seed {}: BROKEN", report.seed));
                code = 1;
            }
            Verdict::DoesNotCount(why) => {
                say(&format!("seed {}: does not count: {why}", report.seed));
                code = if code == 1 { 1 } else { 2 };
            }
        }
    }
    ExitCode::from(code)
}
