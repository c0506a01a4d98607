//! `souk backup` and `souk restore`, with progress.

use std::path::Path;
use std::process::ExitCode;

use indicatif::{HumanBytes, HumanCount, ProgressBar, ProgressStyle};
use platform::{Clock, Config, Ids};

use super::{say, say_aside};
use crate::archive::{self, Progress};
use crate::audit;
use crate::wire::Shop;

pub(crate) async fn backup(config: Config, file: &Path) -> Result<(), String> {
    let (bar, now) = (bar()?, Clock::System.now());
    let done = archive::backup(&config, now, file, |progress| show(&bar, progress)).await?;
    bar.finish_and_clear();
    say(&format!(
        "{} holds the shop as of {now}: {} rows of {} tables, {}, read back and compared",
        file.display(),
        HumanCount(done.rows),
        done.tables,
        HumanBytes(done.bytes)
    ));
    say_aside(&format!(
        "The shop's secrets ({}) are not in it: keep a copy of them elsewhere, or every session and link ends.",
        config.server.secrets_file
    ));
    Ok(())
}

/// 0: restored, and the audit finds nothing; 1: restored, and it finds something.
pub(crate) async fn restore(config: Config, file: &Path) -> Result<ExitCode, String> {
    let bar = bar()?;
    let done = archive::restore(&config, file, |progress| show(&bar, progress)).await?;
    bar.finish_and_clear();
    say(&format!("{} rows of {} tables restored", HumanCount(done.rows), done.tables));
    let shop = Shop::open(config, Clock::System, Ids::Random).await?.settle();
    let report = audit::run(shop.ctx("orders")).await.map_err(|problem| problem.to_string())?;
    say(&report.to_string());
    Ok(if report.findings.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn bar() -> Result<ProgressBar, String> {
    let bar = ProgressBar::new(0);
    let style = "{bar:30} {percent:>3} %  {human_pos} rows  {msg}  {elapsed}";
    bar.set_style(ProgressStyle::with_template(style).map_err(|error| error.to_string())?);
    Ok(bar)
}

fn show(bar: &ProgressBar, progress: Progress) {
    bar.set_length(progress.rows_total);
    bar.set_position(progress.rows);
    bar.set_message(progress.doing);
}
