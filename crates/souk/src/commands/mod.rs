//! The commands, each a short story over [`Shop`](crate::wire::Shop).

pub(crate) mod archive;
pub(crate) mod demo;
pub(crate) mod events;
pub(crate) mod exchange;
pub(crate) mod health;
pub(crate) mod letters;
pub(crate) mod serve;

use std::process::ExitCode;

use contracts::customers::Role;
use platform::{Clock, Config, Ctx, Ids};

use crate::audit;
use crate::wire::Shop;

/// Prints to standard output: a command's own answer.
#[allow(clippy::print_stdout, reason = "the command line's own answer")]
pub(crate) fn say(text: &str) {
    println!("{text}");
}

/// Prints to standard error: what a program that reads the answer need not parse.
#[allow(clippy::print_stderr, reason = "the command line's own answer")]
fn say_aside(text: &str) {
    eprintln!("{text}");
}

/// SIGTERM or SIGINT.
pub(crate) async fn told_to_stop() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminate) = signal(SignalKind::terminate()) else { return };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
}

pub(crate) async fn migrate(config: Config) -> Result<(), String> {
    let shop = Shop::open(config, Clock::System, Ids::Random).await?;
    let applied = shop.migrate().await?;
    for migration in &applied {
        say(&format!("applied {migration}"));
    }
    say(&format!("{} migrations applied; the database is up to date", applied.len()));
    Ok(())
}

/// The merged document, as `/api-docs/openapi.json` serves it.
pub(crate) async fn openapi(mut config: Config, events: bool) -> Result<(), String> {
    if events {
        say(&format!("{:#}", platform::http::asyncapi()));
        return Ok(());
    }
    // The document comes from the code alone; a service wants a database all the same.
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    config.database.url = format!("sqlite:{}", folder.path().join("empty.db").display());
    config.database.services.clear();
    let shop = Shop::open(config, Clock::System, Ids::Random).await?;
    let document = platform::http::merged(&shop.services);
    say(&document.to_pretty_json().map_err(|error| error.to_string())?);
    Ok(())
}

/// A shop as it lies there: a file that does not exist is not made, and nothing is migrated.
pub(crate) async fn look(config: Config) -> Result<Shop, String> {
    if let Some(path) = config.database.url.strip_prefix("sqlite:")
        && !std::path::Path::new(path.trim_start_matches("//")).exists()
    {
        return Err(format!("there is no database {path}: run it in the shop's folder, or set `database.url`"));
    }
    Ok(Shop::open(config, Clock::System, Ids::Random).await?.settle())
}

/// The surroundings of one service, or of all.
pub(crate) fn named<'a>(shop: &'a Shop, service: Option<&str>) -> Result<Vec<&'a Ctx>, String> {
    let meant = shop.services.iter().filter(|one| service.is_none_or(|name| name == one.name));
    let ctxs: Vec<&Ctx> = meant.map(|service| &service.ctx).collect();
    match service {
        Some(name) if ctxs.is_empty() => {
            Err(format!("there is no service `{name}`; there are: {}", contracts::SERVICES.join(", ")))
        }
        _ => Ok(ctxs),
    }
}

/// 0: nothing found; 1: something.
pub(crate) async fn audit(config: Config, json: bool) -> Result<ExitCode, String> {
    let shop = look(config).await?;
    let report = audit::run(shop.ctx("orders")).await.map_err(|problem| problem.to_string())?;
    say(&if json { report.to_json() } else { report.to_string() });
    let log = customers::verify_audit_log(shop.ctx("customers")).await.map_err(|error| error.to_string())?;
    if let Err(broken) = &log {
        say_aside(&format!("the audit log was tampered with: {broken}"));
    }
    Ok(if report.findings.is_empty() && log.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

pub(crate) async fn add_staff(shop: &Shop, email: &str, role: Role) -> Result<(), String> {
    let new = customers::add_staff(shop.ctx("customers"), email, role).await.map_err(|error| error.to_string())?;
    say(&format!(
        "{} ({}) may now sign requests with this key; it is shown only once:\n{}",
        email,
        role.as_str(),
        new.key
    ));
    Ok(())
}
