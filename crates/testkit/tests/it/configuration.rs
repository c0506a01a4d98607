//! Settings, as the binary reads and shows them.

use std::time::Duration;

use testkit::{Database, Process, Setting, souk};

#[tokio::test]
async fn settings_in_force_are_shown_without_their_secrets() {
    let database = Database::sqlite();
    let settings = [
        ("SOUK_DATABASE__URL", "postgres://souk:geheim@db/souk"),
        ("SOUK_INTERNAL__SERVICE_TOKEN", "geheim"),
        ("SOUK_CARTS__LINES_MAX", "7"),
    ];
    let shown = souk(&database, &settings, &["config"]);
    assert!(shown.status.success(), "{shown:#?}");
    assert!(!shown.stdout.contains("geheim") && shown.stdout.contains("lines_max = 7"), "{}", shown.stdout);
    database.remove().await;
}

#[tokio::test]
async fn an_unknown_setting_is_refused_by_name() {
    let database = Database::sqlite();
    let refused = souk(&database, &[("SOUK_SERVER__LISTNE", "x")], &["config"]);
    assert!(!refused.status.success() && refused.stderr.contains("listne"), "{refused:#?}");
    std::fs::write(database.folder().join("souk.toml"), "[server]\nportt = 1\n").expect("a settings file");
    let refused = souk(&database, &[], &["config"]);
    assert!(!refused.status.success() && refused.stderr.contains("portt"), "{refused:#?}");
    database.remove().await;
}

#[tokio::test]
async fn a_second_process_on_the_same_database_is_refused_with_the_mend() {
    let database = Database::sqlite();
    let first = Process::serve(&database, &[]).await;
    let second = Process::try_serve(&database, &[]).await.expect_err("one process serves a database");
    assert!(!second.status.success() && second.stderr.contains("another souk serves"), "{second:#?}");
    first.stop().await;
    database.remove().await;
}

const BROKER: &str = "amqp://guest:guest@127.0.0.1:9/%2f";
/// Everything that a process of `orders` alone has to be told.
const ORDERS_ALONE: [(&str, &str); 6] = [
    ("SOUK_INTERNAL__SERVICE_TOKEN", "a-token-that-all-share"),
    ("SOUK_SERVER__SECRETS", "0123456789abcdef0123456789abcdef"),
    ("SOUK_PEERS__CARTS", "http://127.0.0.1:9"),
    ("SOUK_PEERS__PAYMENTS", "http://127.0.0.1:9"),
    ("SOUK_PEERS__CUSTOMERS", "http://127.0.0.1:9"),
    ("SOUK_SERVER__LISTEN", "127.0.0.1:0"),
];

/// What `souk serve` says that does not start.
fn refusal(database: &Database, settings: &[Setting<'_>], services: &str) -> String {
    let refused = souk(database, settings, &["serve", "--services", services]);
    assert!(!refused.status.success() && refused.stdout.is_empty(), "{refused:#?}");
    refused.stderr
}

fn but<'a>(settings: &[Setting<'a>], name: &str) -> Vec<Setting<'a>> {
    settings.iter().copied().filter(|(known, _)| *known != name).collect()
}

#[tokio::test]
async fn a_part_of_a_shop_that_can_not_work_is_refused_with_the_mend() {
    let (file, database) = (Database::sqlite(), Database::postgres().await);
    let mut right = vec![("SOUK_BUS__URL", BROKER)];
    right.extend(ORDERS_ALONE);
    let unknown = refusal(&database, &right, "orders,ordres");
    assert!(unknown.contains("no service `ordres`") && unknown.contains("notifications"), "{unknown}");
    let local = refusal(&database, &but(&right, "SOUK_BUS__URL"), "orders");
    assert!(local.contains("`bus.url`") && local.contains("amqp://"), "{local}");
    let sqlite = refusal(&file, &right, "orders");
    assert!(sqlite.contains("`database.url`") && sqlite.contains("postgres://"), "{sqlite}");
    let token = refusal(&database, &but(&right, "SOUK_INTERNAL__SERVICE_TOKEN"), "orders");
    assert!(token.contains("`internal.service_token`"), "{token}");
    let secrets = refusal(&database, &but(&right, "SOUK_SERVER__SECRETS"), "orders");
    assert!(secrets.contains("`server.secrets`"), "{secrets}");
    let missing = refusal(&database, &but(&right, "SOUK_PEERS__CARTS"), "orders");
    assert!(missing.contains("`peers.carts`") && missing.contains("orders asks carts."), "{missing}");
    let door = refusal(&database, &but(&right, "SOUK_PEERS__CUSTOMERS"), "orders");
    assert!(door.contains("`peers.customers`"), "{door}");
    let owners = [right.clone(), vec![("SOUK_PEERS__ORDERS", "http://127.0.0.1:9")]].concat();
    let owners = refusal(&database, &owners, "orders");
    assert!(owners.contains("`peers.orders`") && owners.contains("one owner"), "{owners}");
    let nobody = [right.clone(), vec![("SOUK_PEERS__ODRERS", "http://127.0.0.1:9")]].concat();
    let nobody = refusal(&database, &nobody, "orders");
    assert!(nobody.contains("`odrers`"), "{nobody}");
    let address = [but(&right, "SOUK_PEERS__CARTS"), vec![("SOUK_PEERS__CARTS", "127.0.0.1:9")]].concat();
    let address = refusal(&database, &address, "orders");
    assert!(address.contains("`peers.carts`") && address.contains("http://"), "{address}");
    file.remove().await;
    database.remove().await;
}

#[tokio::test]
async fn an_engine_that_refuses_us_is_named_with_the_setting() {
    let database = Database::postgres().await;
    let absent = [("SOUK_DATABASE__URL", format!("{}_absent", database.url))];
    let absent: Vec<_> = absent.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let refused = souk(&database, &absent, &["serve"]);
    let said = &refused.stderr;
    assert!(!refused.status.success() && said.contains("`database`") && said.contains("does not exist"), "{said}");
    let broker = std::env::var("SOUK_TEST_RABBITMQ").expect("`cargo xtask test` starts RabbitMQ");
    for wrong in [broker.replace("guest:guest", "guest:wrong"), broker.replace("%2f", "nowhere")] {
        let refused = souk(&database, &[("SOUK_BUS__URL", &wrong)], &["serve"]);
        let said = &refused.stderr;
        assert!(!refused.status.success() && said.contains("`bus.url`") && said.contains("refuses"), "{said}");
        assert!(!said.contains("wrong@"), "the password is shown: {said}");
    }
    let refused = souk(&database, &[("SOUK_BUS__URL", "rabbit://127.0.0.1")], &["serve"]);
    assert!(refused.stderr.contains("`bus.url`") && refused.stderr.contains("amqp://"), "{}", refused.stderr);
    database.remove().await;
}

#[tokio::test]
async fn without_its_broker_a_shop_serves_and_says_so() {
    let database = Database::postgres().await;
    let shop = Process::serve(&database, &[("SOUK_BUS__URL", BROKER)]).await;
    let ready = shop.client.get("/health/ready").await.must(200);
    assert_eq!(ready["broker"], "unreachable", "{ready}");
    assert!(shop.stderr().contains("bus.url"), "{}", shop.stderr());
    shop.stop().await;
    database.remove().await;
}

#[tokio::test]
async fn a_database_that_is_not_there_yet_is_waited_for() {
    let database = Database::postgres().await;
    let door = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = door.local_addr().expect("a bound address").port();
    drop(door);
    let (server, name) = database.url.rsplit_once('/').expect("a url with a database");
    let (user, address) = server.rsplit_once('@').expect("a url with a user");
    let late = format!("{user}@127.0.0.1:{port}/{name}");
    let comes = async {
        tokio::time::sleep(Duration::from_secs(3)).await;
        let door = tokio::net::TcpListener::bind(("127.0.0.1", port)).await.expect("the port is still free");
        let address = address.to_owned();
        tokio::spawn(async move {
            while let Ok((mut here, _)) = door.accept().await {
                let Ok(mut there) = tokio::net::TcpStream::connect(&address).await else { continue };
                tokio::spawn(async move { tokio::io::copy_bidirectional(&mut here, &mut there).await });
            }
        });
    };
    let settings = [("SOUK_DATABASE__URL", late.as_str())];
    let (shop, ()) = futures::join!(Process::serve(&database, &settings), comes);
    assert!(shop.stderr().contains("waiting for the database"), "{}", shop.stderr());
    shop.stop().await;
    database.remove().await;
}
