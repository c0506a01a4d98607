//! Settings, as the binary reads and shows them.

use testkit::{Database, Process, souk};

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

#[tokio::test]
async fn a_bus_of_a_later_release_is_refused_with_the_mend() {
    let database = Database::sqlite();
    let refused = souk(&database, &[("SOUK_BUS__URL", "amqp://localhost")], &["migrate"]);
    assert!(!refused.status.success() && refused.stderr.contains("bus.url"), "{refused:#?}");
    database.remove().await;
}
