//! The binary's commands, as a person uses them.

use testkit::{Database, souk};

#[tokio::test]
async fn the_demo_sells_something_from_nothing() {
    let database = Database::sqlite();
    let demo = souk(&database, &[("SOUK_SERVER__LISTEN", "127.0.0.1:0")], &["demo", "--once"]);
    assert!(demo.status.success() && demo.stdout.contains("completed"), "{demo:#?}");
    database.remove().await;
}

#[tokio::test]
async fn a_database_is_brought_up_to_date_once() {
    let database = Database::sqlite();
    let first = souk(&database, &[], &["migrate"]);
    assert!(first.status.success() && !first.stdout.contains("\n0 migrations"), "{first:#?}");
    let second = souk(&database, &[], &["migrate"]);
    assert!(second.status.success() && second.stdout.starts_with("0 migrations applied"), "{second:#?}");
    database.remove().await;
}
