//! A shop of real processes over engines of its own: PostgreSQL, RabbitMQ, nginx, a gateway.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::time::Duration;

use engines::{Postgres, RabbitMq};
use outside::{Client, Front};
use url::Url;

use super::disk::Disk;
use super::proxy::Proxy;
use crate::unit::{self, Common, Start, Unit, free_address};

const TOKEN: &str = "a-token-that-the-processes-share-in-a-fault-run";
const SECRET: &str = "a-secret-that-the-processes-share-in-a-fault-run";
const WEBHOOK_SECRET: &str = "whsec_of_a_fault_run";
/// A charge without an answer by then is asked about later.
const GATEWAY_SECONDS_MAX: u64 = 3;
/// Who leaves without paying frees what was held after this.
const UNPAID_MINUTES_MAX: u64 = 2;
const CONNECTIONS_MAX: u64 = 4;
/// A supervisor's pause before it starts again what ended.
const AGAIN_AFTER: Duration = Duration::from_millis(500);

/// What a shop is made of.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The dev build of `souk`, with failpoints.
    pub binary: PathBuf,
    /// What a rolling upgrade changes to, where there is one.
    pub next_binary: Option<PathBuf>,
    /// Whether PostgreSQL has a disk that can be full.
    pub own_disk: bool,
    /// Processes of each service.
    pub copies: usize,
    /// Bugs that all of them have, by name: a run that is to be red.
    pub bugs: Vec<String>,
    pub folder: PathBuf,
}

/// A running shop. All of it ends when it is dropped.
#[derive(Debug)]
pub struct Rig {
    pub units: Vec<Unit>,
    pub gateway: Unit,
    pub front: Front,
    pub postgres: Postgres,
    /// After PostgreSQL, which lies on it.
    pub disk: Option<Disk>,
    pub broker: RabbitMq,
    pub to_postgres: Proxy,
    pub to_broker: Proxy,
    /// Processes that ended by themselves and were started again, as a supervisor does.
    pub revived: Vec<String>,
    pub plan: Plan,
    /// What a command of the shop is given: its settings.
    settings: Vec<(String, String)>,
}

impl Rig {
    /// Starts everything; call it on the main thread.
    pub async fn start(plan: Plan) -> Result<Self, String> {
        let broker = RabbitMq::begin()?;
        let disk = if plan.own_disk { Some(Disk::mount()?) } else { None };
        let postgres = disk.as_ref().map_or_else(Postgres::start, |disk| Postgres::start_in(disk.path()))?;
        let broker = broker.ready()?;
        let to_postgres = proxy(&postgres.url()).await?;
        let to_broker = proxy(&broker.url()).await?;
        let mut gateway = gateway(&plan)?;
        gateway.start()?;
        gateway.ready().await?;
        let addresses = unit::addresses(plan.copies)?;
        let front = Front::start(&addresses);
        let base = format!("http://{}", front.address());
        let shared = settings(&plan, &gateway, &base);
        let through = with_engines(&shared, &at(&postgres.url(), &to_postgres), &at(&broker.url(), &to_broker));
        let direct = with_engines(&shared, &postgres.url(), "local");
        let failpoints: Vec<String> = plan.bugs.iter().map(|bug| format!("{bug}=return")).collect();
        let common =
            Common { program: &plan.binary, settings: &through, failpoints: &failpoints, folder: &plan.folder };
        let mut rig = Self {
            units: unit::units(common, &addresses),
            gateway,
            front,
            postgres,
            disk,
            broker,
            to_postgres,
            to_broker,
            revived: Vec::new(),
            plan,
            settings: direct,
        };
        rig.must(&["migrate"])?;
        for unit in &mut rig.units {
            unit.start()?;
        }
        for unit in &mut rig.units {
            unit.ready().await?;
        }
        rig.tell_gateway(&base).await?;
        Ok(rig)
    }

    /// Before nginx.
    pub fn client(&self) -> Client {
        Client::new(format!("http://{}", self.front.address()))
    }

    /// Before the gateway's controls.
    pub fn gateway_client(&self) -> Client {
        Client::new(format!("http://{}", self.gateway.address))
    }

    /// Runs a command of the shop, past the proxies.
    pub fn souk(&self, arguments: &[&str]) -> Result<Output, String> {
        let mut command = Command::new(&self.plan.binary);
        command.args(arguments).current_dir(&self.plan.folder).env_clear().envs(self.settings.iter().cloned());
        command.output().map_err(|why| format!("{}: {why}", self.plan.binary.display()))
    }

    /// A command that has to succeed; what it said.
    pub fn must(&self, arguments: &[&str]) -> Result<String, String> {
        let output = self.souk(arguments)?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        match output.status.success() {
            true => Ok(text(&output.stdout)),
            false => Err(format!("souk {}: {}", arguments.join(" "), text(&output.stderr))),
        }
    }

    /// Starts again what ended, as a supervisor does, until all serve.
    pub async fn revive(&mut self) -> Result<(), String> {
        const ROUNDS_MAX: usize = 20;
        let mut last = String::new();
        if !self.postgres.is_up() {
            self.revived.push("PostgreSQL".to_owned());
            self.postgres.restart()?;
        }
        for _ in 0..ROUNDS_MAX {
            let mut is_whole = true;
            for unit in &mut self.units {
                if !unit.is_up() {
                    self.revived.push(unit.name.clone());
                    unit.start()?;
                }
                if let Err(why) = unit.ready().await {
                    (is_whole, last) = (false, why);
                }
            }
            if is_whole {
                return Ok(());
            }
            tokio::time::sleep(AGAIN_AFTER).await;
        }
        Err(format!("it does not come back: {last}"))
    }

    /// The processes of a service, by their place in `units`.
    pub fn of(&self, service: &str) -> Vec<usize> {
        (0..self.units.len()).filter(|at| self.units[*at].service == service).collect()
    }

    async fn tell_gateway(&self, base: &str) -> Result<(), String> {
        let url = format!("{base}/v1/gateway-events/card");
        let body = serde_json::json!({ "url": url, "secret": WEBHOOK_SECRET });
        let told = self.gateway_client().post("/_control/webhook", body).sent().await.map_err(|why| why.to_string())?;
        if told.status == 200 { Ok(()) } else { Err(told.shown()) }
    }
}

/// fakepsp is this program too, so that it can be killed as a process.
fn gateway(plan: &Plan) -> Result<Unit, String> {
    let (address, state) = (free_address()?, plan.folder.join("gateway"));
    let program = std::env::current_exe().map_err(|why| format!("this program: {why}"))?;
    let arguments = ["gateway", "--listen", &address.to_string(), "--state", &state.display().to_string()];
    Ok(Unit::new(Start {
        name: "gateway".to_owned(),
        service: "gateway",
        address,
        program,
        arguments: arguments.map(str::to_owned).to_vec(),
        settings: Vec::new(),
        failpoints: Vec::new(),
        folder: plan.folder.clone(),
    }))
}

fn settings(plan: &Plan, gateway: &Unit, base: &str) -> Vec<(String, String)> {
    let mails = plan.folder.join("mails").display().to_string();
    let pairs = [
        ("SERVER__PUBLIC_URL", base.to_owned()),
        ("SERVER__SECRETS", SECRET.to_owned()),
        ("SERVER__TRUSTED_PROXIES", "[\"127.0.0.1/32\"]".to_owned()),
        ("INTERNAL__SERVICE_TOKEN", TOKEN.to_owned()),
        ("DATABASE__CONNECTIONS_MAX", CONNECTIONS_MAX.to_string()),
        ("NOTIFICATIONS__FOLDER", mails),
        ("CARTS__GUEST_CARTS_PER_HOUR_MAX", "0".to_owned()),
        ("PAYMENTS__CARD__GATEWAY", "stripe".to_owned()),
        ("PAYMENTS__CARD__API_URL", format!("http://{}", gateway.address)),
        ("PAYMENTS__CARD__API_KEY", "sk_test_of_a_fault_run".to_owned()),
        ("PAYMENTS__CARD__WEBHOOK_SECRET", WEBHOOK_SECRET.to_owned()),
        ("PAYMENTS__CARD__GATEWAY_SECONDS_MAX", GATEWAY_SECONDS_MAX.to_string()),
        ("PAYMENTS__CARD__UNPAID_MINUTES_MAX", UNPAID_MINUTES_MAX.to_string()),
        ("AUDIT__SETTLE_SECONDS", "0".to_owned()),
        ("LOG__FILTER", "warn,souk=info".to_owned()),
    ];
    pairs.into_iter().map(|(name, value)| (format!("SOUK_{name}"), value)).collect()
}

fn with_engines(shared: &[(String, String)], database: &str, bus: &str) -> Vec<(String, String)> {
    let engines = [("SOUK_DATABASE__URL", database), ("SOUK_BUS__URL", bus)];
    let engines = engines.map(|(name, value)| (name.to_owned(), value.to_owned()));
    shared.iter().cloned().chain(engines).collect()
}

async fn proxy(url: &str) -> Result<Proxy, String> {
    let port = parsed(url)?.port().ok_or_else(|| format!("{url} names no port"))?;
    let to = SocketAddr::from(([127, 0, 0, 1], port));
    Proxy::start(to).await.map_err(|why| format!("a proxy: {why}"))
}

/// The same engine, behind a proxy.
fn at(url: &str, proxy: &Proxy) -> String {
    let Ok(mut url) = parsed(url) else { return url.to_owned() };
    // Fails only for URLs without a host.
    let _ = url.set_port(Some(proxy.address.port()));
    url.to_string()
}

fn parsed(url: &str) -> Result<Url, String> {
    url.parse().map_err(|why| format!("{url}: {why}"))
}
