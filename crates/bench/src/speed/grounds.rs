//! What parties are started on and with.

use std::any::Any;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use engines::{Postgres, RabbitMq};
use outside::{Client, Front, Product, Staff};

use super::catalogue;
use super::cost;
use super::http::Http;
use super::limit;
use super::party::{Desk, Party, Who};
use super::shops::Shop;
use super::shops::medusa::{self, Medusa};
use super::shops::souk::Souk;
use super::shops::vendure::{self, Vendure};
use crate::unit::{self, Common, Start, Unit, free_address};

const TOKEN: &str = "a-token-that-the-processes-share-in-a-speed-run";
const SECRET: &str = "a-secret-that-the-processes-share-in-a-speed-run";
const STOP_MAX: Duration = Duration::from_secs(30);
/// A process is started so often before it is measured.
const STARTS: usize = 5;
/// From the first answer until memory is looked at.
const IDLE: Duration = Duration::from_secs(2);

/// Where and with what parties are started.
#[derive(Debug)]
pub struct Grounds {
    /// The `dist` build of `souk`.
    pub souk: PathBuf,
    /// On the disk that is measured.
    pub folder: PathBuf,
    /// Where peers are installed.
    pub peers: PathBuf,
    /// For all that want one; each has a database of its own.
    pub postgres: Option<Postgres>,
}

impl Grounds {
    fn postgres(&self) -> Result<&Postgres, String> {
        self.postgres.as_ref().ok_or_else(|| "PostgreSQL was not started".to_owned())
    }

    /// A new, empty database: its URL.
    pub async fn database(&self, name: &str) -> Result<String, String> {
        let server = self.postgres()?;
        let (client, connection) = tokio_postgres::connect(&server.url(), tokio_postgres::NoTls)
            .await
            .map_err(|why| format!("{}: {why}", server.url()))?;
        let driver = tokio::spawn(connection);
        let made = client.batch_execute(&format!("CREATE DATABASE {name}")).await;
        drop(client);
        // Ends with its client.
        let _ = driver.await;
        made.map_err(|why| format!("CREATE DATABASE {name}: {why}"))?;
        Ok(server.url().replace("/postgres", &format!("/{name}")).replacen(&format!("/{name}@"), "/postgres@", 1))
    }

    /// Starts somebody with a catalogue of this size. The limit answers what a shop before it has answered.
    pub async fn start(&self, who: Who, products: usize, before: &[Arc<Party>]) -> Result<Party, String> {
        match who {
            Who::Souk | Who::SoukPostgres | Who::SoukProcesses => self.souk(who, products).await,
            Who::Limit => {
                let shop = before.iter().find(|party| party.who.is_souk());
                let shop = shop
                    .ok_or("`--against souk,limit`: the limit answers the bytes of a shop that is named before it")?;
                limit::serve(shop, &self.folder).await
            }
            Who::Vendure | Who::Medusa => self.peer(who, products).await,
        }
    }

    /// A shop with this catalogue, open for business, just started.
    async fn souk(&self, who: Who, products: usize) -> Result<Party, String> {
        let folder = self.folder.join(format!("{}-{products}", who.name()));
        std::fs::create_dir_all(&folder).map_err(|why| format!("{}: {why}", folder.display()))?;
        let database = match who {
            Who::Souk => format!("sqlite:{}", folder.join("souk.db").display()),
            _ => self.database(&format!("{}_{products}", who.name().replace('-', "_"))).await?,
        };
        let settings = settings(&folder, &database);
        let opened = self.open(&folder, &settings, products).await?;
        match who {
            Who::SoukProcesses => self.many(&folder, &settings, products, opened).await,
            _ => self.single(who, &folder, &settings, products, opened).await,
        }
    }

    /// One process on SQLite that says how long each request and each statement took; with a connection to it.
    pub async fn traced(&self, products: usize) -> Result<(Unit, Http), String> {
        let folder = self.folder.join("traced");
        std::fs::create_dir_all(&folder).map_err(|why| format!("{}: {why}", folder.display()))?;
        let mut settings = settings(&folder, &format!("sqlite:{}", folder.join("souk.db").display()));
        self.open(&folder, &settings, products).await?;
        settings.push(("SOUK_LOG__FILTER".to_owned(), "warn,platform::http=info,store=trace".to_owned()));
        let mut unit = one(&self.souk, &folder, &settings)?;
        unit.start()?;
        first_answer(unit.address, &mut unit).await?;
        let http = Http::to(unit.address);
        Ok((unit, http))
    }

    /// Opened and filled by a process of its own, whatever serves later: the key of its staff, and where its stock lies.
    async fn open(&self, folder: &Path, settings: &[(String, String)], products: usize) -> Result<Opened, String> {
        let mut first = one(&self.souk, folder, settings)?;
        first.start()?;
        first.ready().await?;
        let run = |arguments: &[&str]| run(&self.souk, folder, settings, arguments);
        let key = run(&["staff", "add", "owner@example.com", "--role", "owner"])?;
        let key = key.trim().lines().last().ok_or("`staff add` prints no key")?.to_owned();
        let mut staff = Staff::new(&Client::new(format!("http://{}", first.address)), &key);
        staff.open_for_business().await;
        let (rows, stock) = (folder.join("products.ndjson"), folder.join("stock.csv"));
        catalogue::write(products, &rows, &stock)?;
        let text = |path: &Path| path.display().to_string();
        run(&["import", "products", &text(&rows)])?;
        run(&["import", "stock", &text(&stock), "--location", "main"])?;
        first.stop(STOP_MAX).await?;
        Ok(Opened { key, location: staff.location })
    }

    async fn single(
        &self,
        who: Who,
        folder: &Path,
        settings: &[(String, String)],
        products: usize,
        opened: Opened,
    ) -> Result<Party, String> {
        let mut unit = one(&self.souk, folder, settings)?;
        let mut started_ms = Vec::new();
        for _ in 0..STARTS {
            if unit.is_up() {
                unit.stop(STOP_MAX).await?;
            }
            let begun = Instant::now();
            unit.start()?;
            first_answer(unit.address, &mut unit).await?;
            started_ms.push(begun.elapsed().as_secs_f64() * 1_000.0);
        }
        let own_roots: Vec<u32> = unit.pid().into_iter().collect();
        let (mut roots, durability) = match who {
            Who::Souk => (Vec::new(), "SQLite, WAL, synchronous=FULL, group commit".to_owned()),
            _ => (vec![self.postgres()?.pid()], self.durability().await?),
        };
        roots.extend(&own_roots);
        let served = Served { who, products, address: unit.address, roots, own_roots, durability, started_ms };
        served.party(Box::new(unit), opened).await
    }

    async fn many(
        &self,
        folder: &Path,
        settings: &[(String, String)],
        products: usize,
        opened: Opened,
    ) -> Result<Party, String> {
        let broker = RabbitMq::start()?;
        let addresses = unit::addresses(1)?;
        let front = Front::start(&addresses);
        let mut settings = settings.to_vec();
        settings.push(("SOUK_BUS__URL".to_owned(), broker.url()));
        settings.push(("SOUK_SERVER__TRUSTED_PROXIES".to_owned(), "[\"127.0.0.1/32\"]".to_owned()));
        let common = Common { program: &self.souk, settings: &settings, failpoints: &[], folder };
        let mut units = unit::units(common, &addresses);
        let begun = Instant::now();
        for unit in &mut units {
            unit.start()?;
        }
        for unit in &mut units {
            unit.ready().await?;
        }
        let started_ms = vec![begun.elapsed().as_secs_f64() * 1_000.0];
        let own_roots: Vec<u32> = units.iter().filter_map(Unit::pid).collect();
        let mut roots = own_roots.clone();
        roots.extend([self.postgres()?.pid(), broker.pid(), front.pid()]);
        let durability = format!("{}; RabbitMQ: quorum queues, publisher confirms", self.durability().await?);
        let who = Who::SoukProcesses;
        let served = Served { who, products, address: front.address(), roots, own_roots, durability, started_ms };
        served.party(Box::new((units, front, broker)), opened).await
    }

    /// Another shop, installed where it was not, with the same catalogue in a new database, just started.
    async fn peer(&self, who: Who, products: usize) -> Result<Party, String> {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers").join(who.name());
        std::fs::create_dir_all(&self.peers).map_err(|why| format!("{}: {why}", self.peers.display()))?;
        let peers = self.peers.canonicalize().map_err(|why| format!("{}: {why}", self.peers.display()))?;
        let (installed, log) = (peers.join(who.name()), self.folder.join(format!("{}.log", who.name())));
        let database = self.database(&format!("{}_{products}", who.name())).await?;
        let (rows, seeded) = (self.folder.join("plain.ndjson"), self.folder.join(format!("{}.json", who.name())));
        catalogue::write_plain(products, &rows)?;
        let address = free_address()?;
        let port = address.port();
        let (begun, child, shop) = match who {
            Who::Vendure => {
                vendure::install(&source, &installed).await?;
                vendure::seed(&installed, &database, &rows, &seeded, &log).await?;
                let begun = Instant::now();
                let child = vendure::start(&installed, &database, port, &log).await?;
                (begun, child, Shop::Vendure(Vendure::read(&seeded)?))
            }
            _ => {
                medusa::install(&source, &installed).await?;
                medusa::seed(&installed, &database, &rows, &seeded, &log).await?;
                let begun = Instant::now();
                let child = medusa::start(&installed, &database, port, &log).await?;
                (begun, child, Shop::Medusa(Medusa::read(&seeded)?))
            }
        };
        let started_ms = vec![begun.elapsed().as_secs_f64() * 1_000.0];
        tokio::time::sleep(IDLE).await;
        let own_roots: Vec<u32> = child.id().into_iter().collect();
        let mut roots = own_roots.clone();
        roots.push(self.postgres()?.pid());
        Ok(Party {
            who,
            products,
            address,
            shop: Arc::new(shop),
            idle: cost::resident(&own_roots),
            roots,
            own_roots,
            durability: self.durability().await?,
            started_ms,
            desk: None,
            _parts: Box::new(child),
        })
    }

    /// As the running server says.
    pub async fn durability(&self) -> Result<String, String> {
        let url = self.postgres()?.url();
        let failed = |why: tokio_postgres::Error| format!("{url}: {why}");
        let (client, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await.map_err(failed)?;
        tokio::spawn(connection);
        let mut said = Vec::new();
        for setting in ["server_version", "fsync", "synchronous_commit", "full_page_writes"] {
            let row = client.query_one(&format!("SHOW {setting}"), &[]).await.map_err(failed)?;
            said.push(format!("{setting}={}", row.get::<_, &str>(0)));
        }
        Ok(format!("PostgreSQL, {}", said.join(" ")))
    }
}

fn settings(folder: &Path, database: &str) -> Vec<(String, String)> {
    let pairs = [
        ("DATABASE__URL", database.to_owned()),
        ("SERVER__SECRETS", SECRET.to_owned()),
        ("INTERNAL__SERVICE_TOKEN", TOKEN.to_owned()),
        ("NOTIFICATIONS__FOLDER", folder.join("mails").display().to_string()),
        // All buyers have one network address.
        ("CARTS__GUEST_CARTS_PER_HOUR_MAX", "0".to_owned()),
        ("CUSTOMERS__REGISTRATIONS_PER_HOUR_MAX", "0".to_owned()),
    ];
    pairs.into_iter().map(|(name, value)| (format!("SOUK_{name}"), value)).collect()
}

fn one(souk: &Path, folder: &Path, settings: &[(String, String)]) -> Result<Unit, String> {
    let address = free_address()?;
    let mut settings = settings.to_vec();
    settings.push(("SOUK_SERVER__LISTEN".to_owned(), address.to_string()));
    Ok(Unit::new(Start {
        name: "souk".to_owned(),
        service: "all",
        address,
        program: souk.to_path_buf(),
        arguments: vec!["serve".to_owned()],
        settings,
        failpoints: Vec::new(),
        folder: folder.to_path_buf(),
    }))
}

/// Until the catalogue answers, not only the port.
async fn first_answer(address: SocketAddr, unit: &mut Unit) -> Result<(), String> {
    let mut http = Http::to(address);
    let path = format!("/v1/products/{}", catalogue::HOT);
    while !http.get(&path, &[]).await.is_ok_and(|reply| reply.status == 200) {
        if let Some(status) = unit.ended() {
            return Err(format!("{} ended: {status}", unit.name));
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    Ok(())
}

/// A shop that staff have opened.
#[derive(Debug)]
struct Opened {
    key: String,
    location: String,
}

/// A shop whose processes serve.
#[derive(Debug)]
struct Served {
    who: Who,
    products: usize,
    address: SocketAddr,
    roots: Vec<u32>,
    own_roots: Vec<u32>,
    durability: String,
    started_ms: Vec<f64>,
}

impl Served {
    async fn party(self, parts: Box<dyn Any + Send + Sync>, opened: Opened) -> Result<Party, String> {
        let Self { who, products, address, roots, own_roots, durability, started_ms } = self;
        tokio::time::sleep(IDLE).await;
        let idle = cost::resident(&own_roots);
        let souk = Souk::look(&mut Http::to(address), products).await?;
        let hot = Product { id: String::new(), variant: souk.hot().to_owned(), sku: catalogue::HOT_SKU.to_owned() };
        let mut staff = Staff::new(&Client::new(format!("http://{address}")), &opened.key);
        staff.location = opened.location;
        let desk = Some(Desk { staff, hot });
        let shop = Arc::new(Shop::Souk(souk));
        Ok(Party { who, products, address, shop, roots, own_roots, durability, started_ms, idle, desk, _parts: parts })
    }
}

/// Runs a command of the shop to its end: what it printed.
fn run(souk: &Path, folder: &Path, settings: &[(String, String)], arguments: &[&str]) -> Result<String, String> {
    let mut command = Command::new(souk);
    command.args(arguments).current_dir(folder).env_clear().envs(settings.iter().cloned());
    let output = command.output().map_err(|why| format!("{}: {why}", souk.display()))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    match output.status.success() {
        true => Ok(text(&output.stdout)),
        false => Err(format!("souk {}: {}{}", arguments.join(" "), text(&output.stdout), text(&output.stderr))),
    }
}
