//! From the first start to the next release.

use std::time::Duration;

use store::{Clock, Db, Error, Ids, Migration, Options, migrate};

use crate::assert_error;
use crate::base::*;

const NEXT: Migration =
    Migration { name: "0002_next", release: 2, sql: "CREATE TABLE shop_next (id @id PRIMARY KEY NOT NULL)@table" };

pub async fn migrating_again_does_nothing(base: &Base) {
    assert_eq!(migrate::migrate(&base.db, &[("shop", SHOP)]).await.expect("nothing to do"), Vec::<String>::new());
    let more = [SHOP[0], NEXT];
    let more: &'static [Migration] = more.to_vec().leak();
    assert_eq!(migrate::migrate(&base.db, &[("shop", more)]).await.expect("one more"), ["shop 0002_next"]);
    // The older binary runs on the schema of the next release.
    assert_eq!(migrate::migrate(&base.again().await, &[("shop", SHOP)]).await.expect("it runs"), Vec::<String>::new());
}

pub async fn a_changed_migration_is_refused(base: &Base) {
    let changed: &'static [Migration] = vec![Migration { sql: "CREATE TABLE other (id @id)@table", ..SHOP[0] }].leak();
    match migrate::migrate(&base.db, &[("shop", changed)]).await {
        Err(Error::Schema(why)) => {
            assert_eq!(why, "migration shop 0001_shop was changed after it was applied: add a new one instead")
        }
        other => panic!("{other:?}"),
    }
}

pub async fn a_newer_release_is_refused(base: &Base) {
    let newer: &'static [Migration] = vec![SHOP[0], Migration { release: migrate::RELEASE + 2, ..NEXT }].leak();
    migrate::migrate(&base.db, &[("shop", newer)]).await.expect("the newer binary migrates");
    match migrate::migrate(&base.db, &[("shop", SHOP)]).await {
        Err(Error::Schema(why)) => assert_eq!(
            why,
            "the database was migrated by release 3 (shop 0002_next); this binary is release 1 and runs on at most 2: start a newer souk"
        ),
        other => panic!("{other:?}"),
    }
}

pub async fn a_failed_migration_leaves_nothing(base: &Base) {
    let broken: &'static [Migration] = vec![
        SHOP[0],
        NEXT,
        Migration { name: "0003_broken", sql: "CREATE TABLE shop_third (id @id)@table; CREATE NONSENSE", ..NEXT },
    ]
    .leak();
    match migrate::migrate(&base.db, &[("shop", broken)]).await {
        Err(Error::Schema(why)) => assert!(why.starts_with("migration shop 0003_broken: "), "{why}"),
        other => panic!("{other:?}"),
    }
    let mended: &'static [Migration] = vec![SHOP[0], NEXT].leak();
    assert_eq!(
        migrate::migrate(&base.db, &[("shop", mended)]).await.expect("as if it had not been"),
        ["shop 0002_next"]
    );
}

pub async fn two_processes_migrate_at_once(base: &Base) {
    let more: &'static [Migration] = vec![SHOP[0], NEXT].leak();
    let others = futures::future::join_all((0..3).map(|_| base.again())).await;
    let done =
        futures::future::join_all(others.iter().map(|db| async move { migrate::migrate(db, &[("shop", more)]).await }))
            .await;
    let applied: Vec<String> = done.into_iter().flat_map(|done| done.expect("each is fine")).collect();
    assert_eq!(applied, ["shop 0002_next"], "by one of them");
    if base.is_sqlite() {
        fresh_file_at_once().await;
    }
}

async fn fresh_file_at_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let options = Options::new(format!("sqlite:{}", folder.path().join("new.db").display()));
    let starts = (0..4).map(|_| {
        let options = options.clone();
        tokio::spawn(async move {
            let db = Db::open(&options, Clock::System, Ids::Random).await?;
            migrate::migrate(&db, &[("shop", SHOP)]).await
        })
    });
    let done = futures::future::join_all(starts).await;
    let applied: usize = done.into_iter().map(|done| done.expect("no panic").expect("each starts").len()).sum();
    assert_eq!(applied, 2);
}

pub async fn one_process_is_alone(base: &Base) {
    let guard = base.db.lock_alone().await.expect("an answer").expect("nobody else");
    let other = base.again().await;
    assert!(other.lock_alone().await.expect("an answer").is_none());
    assert!(other.lock_alone().await.expect("an answer").is_none());
    drop(guard);
    for _ in 0..100 {
        if other.lock_alone().await.expect("an answer").is_some() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the lock outlived its guard");
}

pub async fn every_statement_prepares(base: &Base) {
    let mut count = 0;
    for sql in store::statements().chain(ALL.iter().copied()) {
        base.db.prepare(sql).await.unwrap_or_else(|error| panic!("{}: {error}", sql.name));
        count += 1;
    }
    assert!(count > 40, "{count} statements are not all");
    static NONSENSE: store::Sql = store::Sql::new("test::NONSENSE", "SELECT nothing FROM nowhere");
    assert_error!(base.db.prepare(&NONSENSE).await, Error::Statement { .. });
}

pub async fn it_answers_a_ping(base: &Base) {
    base.db.ping().await.expect("it answers");
}

pub async fn a_database_is_a_file(_: &Base) {
    for url in ["sqlite::memory:", "sqlite:", "mongodb://localhost"] {
        assert_error!(Db::open(&Options::new(url), Clock::System, Ids::Random).await, Error::Schema(_));
    }
    let nowhere = Options::new("sqlite:/no/such/folder/souk.db");
    assert_error!(Db::open(&nowhere, Clock::System, Ids::Random).await, Error::Unavailable(_));
}

pub async fn a_server_that_forgets_is_refused(base: &Base) {
    let url = format!("{}?options=-c%20synchronous_commit%3Doff", base.url());
    match Db::open(&Options::new(url), Clock::System, Ids::Random).await {
        Err(Error::Schema(why)) => assert!(why.contains("synchronous_commit"), "{why}"),
        other => panic!("{other:?}"),
    }
}
