//! The command line.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};
use contracts::customers::Role;
use platform::config::read_env_file;
use platform::{Clock, Config, Ids};

use crate::commands::{self, events, exchange, letters};
use crate::wire::Shop;

/// A complete commerce backend in one binary.
#[derive(Debug, Parser)]
#[command(version, about)]
struct Cli {
    /// The shop's settings; what it does not name keeps its default (`souk config` shows all).
    #[arg(long, global = true, value_name = "FILE", env = "SOUK_CONFIG")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the shop: every service in this process, or some of them.
    Serve {
        /// Run these here; the others run in other processes, over PostgreSQL and RabbitMQ (docs/operations.md).
        #[arg(long, value_name = "NAMES", value_delimiter = ',')]
        services: Vec<String>,
    },
    /// Ask the process that these settings started whether it can serve. Exit status 1: it can't.
    Health,
    /// Open a sample shop, buy something through its API, and leave it running.
    Demo {
        /// Where the sample shop keeps its database and mails; an earlier one there is replaced.
        #[arg(long, default_value = "souk-demo")]
        folder: PathBuf,
        /// Stop when the purchase is done.
        #[arg(long)]
        once: bool,
    },
    /// Bring products, stock or prices in from a file. Exit status 3: some rows were left out.
    Import(exchange::Import),
    /// Give products, stock or prices out, as `souk import` reads them without a map.
    #[command(subcommand)]
    Export(exchange::Export),
    /// Write a running shop to one file, as of one instant, and check the file.
    Backup {
        /// Must not exist yet.
        file: PathBuf,
    },
    /// Fill an empty database, SQLite or PostgreSQL, from a backup.
    Restore { file: PathBuf },
    /// Move a stopped shop from its SQLite file into PostgreSQL. Killed, it goes on when it is started again.
    Move {
        /// sqlite:souk.db
        #[arg(long, value_name = "URL")]
        from: String,
        /// postgres://user@host:5432/database, empty; services named in [database.services] move into theirs.
        #[arg(long, value_name = "URL")]
        to: String,
    },
    /// Bring the database up to date.
    Migrate,
    /// Print the settings in force, secrets hidden.
    Config,
    /// Print the API: OpenAPI 3.1, or the events as AsyncAPI 3.0.
    Openapi {
        /// Print the events instead.
        #[arg(long)]
        events: bool,
    },
    /// Check what must always be true, over all services. Exit status 1: something is not.
    Audit {
        /// Print the findings as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Events and jobs that were given up: list them, look into one, have them tried again.
    #[command(subcommand)]
    DeadLetters(letters::DeadLetters),
    /// What waits in each service's outbox.
    Outbox {
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// What services said.
    #[command(subcommand)]
    Events(events::Events),
    /// Derive tables anew from what was said, where a service can: what it says once more changes nothing else.
    Replay(events::Replay),
    /// People who run the shop.
    #[command(subcommand)]
    Staff(Staff),
}

#[derive(Debug, Subcommand)]
enum Staff {
    /// Add a member of staff and print their key, once.
    Add {
        email: String,
        #[arg(long, value_enum, default_value = "owner")]
        role: RoleName,
    },
    /// Make a member whose key is lost another one and print it, once. Revoke the lost one with it.
    Key { email: String },
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum RoleName {
    Owner,
    Merchandiser,
    Fulfilment,
    Support,
    Auditor,
}

/// Runs the command that the process was started with.
#[allow(clippy::print_stderr, reason = "the command line's own answer")]
pub fn main() -> ExitCode {
    store::fault::arm_from_environment();
    let cli = Cli::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: no runtime: {error}");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(run(cli)) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(cli: Cli) -> Result<ExitCode, String> {
    let mut config = load(cli.config.as_deref())?;
    if !matches!(cli.command, Command::Serve { .. }) {
        // A command's own words come first; its log only says what went wrong.
        "warn".clone_into(&mut config.log.filter);
    }
    let _logging = platform::telemetry::start_logging(&config.log)?;
    match cli.command {
        Command::Serve { services } => commands::serve::run(config, &services).await?,
        Command::Health => commands::health::run(&config.server.listen).await?,
        Command::Demo { folder, once } => commands::demo::run(config, &folder, once).await?,
        Command::Import(import) => return import.run(&open(config).await?).await,
        Command::Export(export) => export.run(&open(config).await?).await?,
        Command::Backup { file } => commands::archive::backup(config, &file).await?,
        Command::Restore { file } => return commands::archive::restore(config, &file).await,
        Command::Move { from, to } => return commands::archive::move_shop(config, &from, &to).await,
        Command::Migrate => commands::migrate(config).await?,
        Command::Config => commands::say(&config.shown()),
        Command::Openapi { events } => commands::openapi(config, events).await?,
        Command::Audit { json } => return commands::audit(config, json).await,
        Command::DeadLetters(what) => what.run(&commands::look(config).await?).await?,
        Command::Outbox { json } => events::outbox(&commands::look(config).await?, json).await?,
        Command::Events(what) => what.run(&commands::look(config).await?).await?,
        Command::Replay(replay) => return replay.run(&commands::look(config).await?).await,
        Command::Staff(Staff::Add { email, role }) => {
            commands::add_staff(&open(config).await?, &email, role.into()).await?
        }
        Command::Staff(Staff::Key { email }) => {
            let key = customers::add_key(open(config).await?.ctx("customers"), &email).await;
            let key = key.map_err(|error| error.to_string())?;
            commands::say(&format!("{email} may now sign requests with this key too; it is shown only once:\n{key}"));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Opened, up to date, and able to ask its services.
async fn open(config: Config) -> Result<Shop, String> {
    let shop = Shop::open(config, Clock::System, Ids::Random).await?.settle();
    shop.migrate().await?;
    Ok(shop)
}

#[allow(clippy::disallowed_methods, reason = "the one place that reads the environment")]
fn load(file: Option<&Path>) -> Result<Config, String> {
    let mut environment: HashMap<String, String> = match std::fs::read_to_string(".env") {
        Ok(text) => read_env_file(&text)?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => HashMap::new(),
        Err(error) => return Err(format!(".env: {error}")),
    };
    environment.extend(std::env::vars());
    // `SOUK_CONFIG` names the file, and `SOUK_TEST_…` belongs to the tests: no settings.
    environment.retain(|key, _| key != "SOUK_CONFIG" && !key.starts_with("SOUK_TEST_"));
    let usual = Path::new("souk.toml");
    Config::load(file.or_else(|| usual.exists().then_some(usual)), &environment)
}

impl From<RoleName> for Role {
    fn from(name: RoleName) -> Self {
        match name {
            RoleName::Owner => Self::Owner,
            RoleName::Merchandiser => Self::Merchandiser,
            RoleName::Fulfilment => Self::Fulfilment,
            RoleName::Support => Self::Support,
            RoleName::Auditor => Self::Auditor,
        }
    }
}
