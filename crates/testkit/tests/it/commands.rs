//! The binary's commands, as a person uses them.

use std::process::Command;

use testkit::{Database, Process, souk};

#[tokio::test]
async fn the_demo_sells_something_from_nothing() {
    let database = Database::sqlite();
    let demo = souk(&database, &[("SOUK_SERVER__LISTEN", "127.0.0.1:0")], &["demo", "--once"]);
    assert!(demo.status.success() && demo.stdout.contains("completed"), "{demo:#?}");
    database.remove().await;
}

/// Settings that lie in the folder are another shop's: the sample shop sends no mails of theirs and takes cards.
#[tokio::test]
async fn the_demo_is_a_shop_of_its_own() {
    let database = Database::sqlite();
    let settings = "SOUK_PAYMENTS__CARD__ENABLED=false\nSOUK_NOTIFICATIONS__SMTP__URL=smtp://127.0.0.1:9\n";
    std::fs::write(database.folder().join(".env"), settings).expect("a file in the test's folder");
    let demo = souk(&database, &[("SOUK_SERVER__LISTEN", "127.0.0.1:0")], &["demo", "--once"]);
    assert!(demo.status.success() && demo.stdout.contains("completed"), "{demo:#?}");
    let mails = std::fs::read_dir(database.folder().join("souk-demo/mails")).expect("its mails");
    assert!(mails.count() > 0, "they are files, whoever else could take them");
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_tour_of_the_api_goes_to_its_end() {
    for tool in ["curl", "jq"] {
        let is_here = Command::new(tool).arg("--version").output().is_ok_and(|output| output.status.success());
        assert!(is_here, "the tour needs {tool}: `apt-get install -y curl jq`, or `cargo xtask test --install`");
    }
    let database = Database::sqlite();
    let (shop, key) = Process::demo(&database).await;
    let mut tour = Command::new("bash");
    tour.arg(testkit::repository().join("examples/tour.sh")).env("SHOP", &shop.client.base).env("STAFF_KEY", key);
    let output = tokio::task::block_in_place(|| tour.output()).expect("bash starts");
    let said = format!("{}\n{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && said.contains("completed") && said.contains("refund"), "{said}");
    shop.stop().await;
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
