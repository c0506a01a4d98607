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

/// 0: moved, and the audit finds nothing there; 1: moved, and it finds something.
pub(crate) async fn move_shop(mut config: Config, from: &str, to: &str) -> Result<ExitCode, String> {
    let bar = bar()?;
    let moved = archive::move_shop(&config, from, to, |progress| show(&bar, progress)).await?;
    bar.finish_and_clear();
    if moved.was_done {
        say("the shop was moved there before; nothing was done");
    } else {
        if moved.were_there > 0 {
            say(&format!("{} rows were there from a run before", HumanCount(moved.were_there)));
        }
        say(&format!(
            "{} rows of {} tables moved and compared, row by row",
            HumanCount(moved.summary.rows),
            moved.summary.tables
        ));
        say_aside(&format!(
            "Serve with SOUK_DATABASE__URL={to} and the same secrets ({}) from now on. {from} stays as it was: keep it              until you have looked around, and never serve on it again.",
            config.server.secrets_file
        ));
    }
    to.clone_into(&mut config.database.url);
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
