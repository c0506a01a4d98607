//! The files of `deploy/` that run Souk in containers and under systemd: they name only what there is. No engine that
//! runs containers is needed; what they start is started here, as processes.

mod checks;
mod files;

use std::process::Command;

use contracts::SERVICES;
use futures::future::join_all;
use platform::{Clock, Config, Ids};
use souk::wire::{Running, Shop};
use testkit::{Broker, Client, Database, Process, souk};
use tokio::net::TcpListener;

use checks::{findings, ours};
use files::Files;

const NGINX: &str = "/usr/sbin/nginx";

#[test]
fn they_name_only_what_there_is() {
    let findings = findings(&Files::read());
    assert!(findings.is_empty(), "{findings:#?}");
}

/// File, what stands there, the mistake, and what is said of it.
const MISTAKES: [(&str, &str, &str, &str); 34] = [
    ("compose.yaml", "SOUK_SERVER__LISTEN: ", "SOUK_SERVER__LISTNE: ", "listne"),
    ("compose.yaml", "    SOUK_LOG__FORMAT", "    SUOK_LOG__FORMAT", "SUOK_LOG__FORMAT is no setting"),
    ("compose.yaml", "@postgres:5432", "@postgres:5433", "database.url: no container postgres listens on port 5433"),
    ("compose.yaml", "@rabbitmq:5672", "@rabbit:5672", "bus.url: no container rabbit "),
    ("compose.yaml", "serve, --services, carts", "serve, --services, cart", "carts: 0 containers run it"),
    ("compose.yaml", "serve, --services, carts", "serve, --services, orders", "orders: 2 containers run it"),
    ("compose.yaml", "env/carts.env", "env/orders.env", "carts: its settings are not env/carts.env"),
    ("compose.yaml", "\"media:/data", "\"medai:/data", "the volume medai is not declared"),
    ("compose.yaml", "\n  mails:\n", "\n  mail:\n", "the volume mail is mounted nowhere"),
    ("compose.yaml", "./nginx/limits.conf:", "./nginx/limit.conf:", "./nginx/limit.conf is no file"),
    (
        "compose.yaml",
        "      - ./nginx/routes.conf:/etc/souk/routes.conf:ro\n",
        "",
        "includes routes.conf, which is not mounted",
    ),
    ("compose.yaml", "/souk, health]", "/bin/souk, health]", "is checked by [\"/bin/souk\", \"health\"]"),
    ("compose.yaml", "[CMD, pg_isready", "[CMD, pg_ready", "postgres: its image has no program"),
    ("compose.yaml", "image: nginx:", "image: caddy:", "nobody looked up what the image caddy has"),
    (
        "compose.yaml",
        "postgres: { condition: service_healthy }",
        "postgres: { condition: service_started }",
        "does not wait until postgres is healthy",
    ),
    ("compose.yaml", "    rabbitmq: { condition: service_healthy }\n", "", "does not wait for rabbitmq"),
    ("compose.yaml", "depends_on:", "depend_on:", "depend_on"),
    ("compose.yaml", "127.0.0.1:8080:8080", "8080:8080", "only nginx does, on this machine"),
    ("compose.yaml", "stop_grace_period: 30s", "stop_grace_period: 20s", "is killed after 20 s"),
    ("compose.yaml", "max_connections=200", "max_connections=100", "the shop may want 193"),
    ("compose.yaml", "    profiles: [commands]\n", "", "souk: no container runs commands"),
    ("compose.yaml", "    hostname: rabbitmq\n", "", "a host name that changes"),
    ("compose.yaml", "'[\"172.30.80.0/24\"]'", "'[\"10.0.0.0/8\"]'", "server.trusted_proxies"),
    (".env.example", "POSTGRES_PASSWORD=", "POSTGRES_PASSWORT=", "POSTGRES_PASSWORD is not in .env.example"),
    (".env.example", "RABBITMQ_PASSWORD=", "RABBITMQ_PASSWORD=guest", "the same for everybody"),
    (
        "env/carts.env.example",
        "SOUK_PEERS__PRICING=http://pricing",
        "SOUK_PEERS__PRICING=http://catalog",
        "peers.pricing is catalog",
    ),
    ("env/carts.env.example", "SOUK_PEERS__PRICING=", "SOUK_PEERS__PRICE=", "peers.price is no service"),
    ("env/carts.env.example", "SOUK_PEERS__CATALOG", "SOUK_PEERS__CARTS", "peers.carts is itself"),
    ("env/notifications.env.example", "SMTP__URL", "SMTP__ULR", "ulr"),
    ("souk.toml.example", "[payments.card]\n", "[payments.card]\ncaptures = \"dispatch\"\n", "captures"),
    (
        "nginx/upstreams.compose.conf",
        "server orders:8080",
        "server orders:8081",
        "no container orders listens on port 8081",
    ),
    ("Containerfile", "USER 10001:10001", "USER souk", "write a number"),
    ("Containerfile", "EXPOSE 8080", "EXPOSE 8081", "listens on 8080"),
    ("systemd/souk@.service", "TimeoutStopSec=30", "TimeoutStopSec=10", "is killed while it ends"),
];

#[test]
fn a_mistake_in_them_is_found_by_its_name() {
    let files = Files::read();
    for (file, right, mistake, said) in MISTAKES {
        let findings = findings(&files.planted(file, right, mistake));
        assert!(findings.iter().any(|finding| finding.contains(said)), "{file}: {mistake:?}: {findings:#?}");
    }
}

/// The settings of a container, with the engines of the test.
fn here(mut config: Config, database: &Database, broker: &Broker) -> Config {
    config.database.url.clone_from(&database.url);
    config.database.connections_max = 3;
    config.bus.url.clone_from(&broker.url);
    config.bus.prefix.clone_from(&broker.prefix);
    config
}

async fn serve(config: Config, name: &str) -> Running {
    let shop = Shop::open_some(config, &[name], Clock::System, Ids::Random).await;
    let shop = shop.unwrap_or_else(|why| panic!("{name}: {why}"));
    shop.migrate().await.unwrap_or_else(|why| panic!("{name}: {why}"));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    shop.serve(listener).await.unwrap_or_else(|why| panic!("{name}: {why}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_container_of_the_shop_starts_with_its_settings() {
    let (files, database, broker) = (Files::read(), Database::postgres().await, Broker::new(None));
    let compose = files.compose().expect("compose.yaml");
    // All at once, as an engine starts them: they find an empty database.
    let running = join_all(ours(&compose).map(|(name, container)| {
        let config = files.settings(container, false).unwrap_or_else(|why| panic!("{name}: {why}"));
        serve(here(config, &database, &broker), name)
    }))
    .await;
    assert_eq!(running.len(), SERVICES.len());
    for one in running {
        let ready = Client::new(format!("http://{}", one.address)).get("/health/ready").await.must(200);
        assert_eq!(ready["status"], "ready");
        assert!(one.stop().await, "it stops in time");
    }
    broker.remove().await;
    database.remove().await;
}

#[tokio::test]
async fn every_command_that_they_start_is_one_of_souk() {
    let (files, database) = (Files::read(), Database::sqlite());
    let compose = files.compose().expect("compose.yaml");
    let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<String>>();
    let mut commands: Vec<Vec<String>> = vec![
        serde_json::from_str(&files.image_says("CMD")).expect("the image's command"),
        compose.services["orders"].healthcheck.test[2..].to_vec(),
    ];
    commands.extend(ours(&compose).map(|(_, container)| container.command.clone()));
    for unit in ["systemd/souk.service", "systemd/souk@.service"] {
        let starts = files.text(unit).lines().find_map(|line| line.strip_prefix("ExecStart=/usr/local/bin/souk "));
        commands.push(words(starts.unwrap_or_else(|| panic!("{unit} starts souk"))));
    }
    for command in commands {
        let mut arguments: Vec<&str> = command.iter().map(String::as_str).collect();
        arguments.push("--help");
        let known = souk(&database, &[], &arguments);
        assert!(known.status.success(), "{arguments:?}: {known:#?}");
    }
    assert!(!souk(&database, &[], &["healthy", "--help"]).status.success(), "it refuses what it does not know");
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn health_tells_a_process_that_serves_from_one_that_does_not() {
    let database = Database::sqlite();
    let process = Process::serve(&database, &[]).await;
    let address = process.client.base.trim_start_matches("http://").to_owned();
    let port = address.rsplit(':').next().expect("a port").to_owned();
    let everywhere = format!("0.0.0.0:{port}");
    for listen in [address.as_str(), everywhere.as_str()] {
        let healthy = souk(&database, &[("SOUK_SERVER__LISTEN", listen)], &["health"]);
        assert!(healthy.status.success() && healthy.stdout.contains("ready"), "{listen}: {healthy:#?}");
    }
    process.stop().await;
    let gone = souk(&database, &[("SOUK_SERVER__LISTEN", address.as_str())], &["health"]);
    assert_eq!(gone.status.code(), Some(1), "{gone:#?}");
    assert!(gone.stderr.contains("server.listen") && gone.stderr.contains("refused"), "{gone:#?}");
    database.remove().await;
}

#[test]
fn nginx_takes_the_files_of_its_container() {
    let (files, folder) = (Files::read(), tempfile::tempdir().expect("a folder"));
    let compose = files.compose().expect("compose.yaml");
    for volume in &compose.services["nginx"].volumes {
        let files::Volume::Short(text) = volume else { panic!("nginx: {volume:?}") };
        let [source, target, _] = text.split(':').collect::<Vec<_>>()[..] else { panic!("{text}") };
        // Debian's nginx is older than `resolve`, and here are no containers to look up.
        let text = files.text(source.trim_start_matches("./")).replace(" resolve", "");
        let text = SERVICES
            .iter()
            .fold(text, |text, service| text.replace(&format!("server {service}:"), "server 127.0.0.1:"));
        let name = target.strip_prefix("/etc/souk/").expect("beside nginx.conf");
        std::fs::write(folder.path().join(name), text).expect("written");
    }
    let conf = folder.path().join("nginx.conf");
    let mut nginx = Command::new(NGINX);
    nginx.arg("-t").arg("-p").arg(folder.path()).arg("-c").arg(conf).args(["-e", "stderr"]);
    let tested = nginx.output().expect("nginx starts");
    assert!(tested.status.success(), "{}", String::from_utf8_lossy(&tested.stderr));
}
