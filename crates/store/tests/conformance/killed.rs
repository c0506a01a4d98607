//! `kill -9` around a commit: a process of its own writes, and dies at a failpoint.

use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};

use store::{Clock, Db, Ids, Options, fault};

use crate::base::*;

const URL: &str = "SOUK_TEST_CHILD_URL";
const SIGKILL: i32 = 9;
const COMMITS_BEFORE: i64 = 25;

/// Writes counters one after another and prints each that is acknowledged. It does nothing of its own
/// accord: the stories below start this test in a process of its own.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_process_that_dies() {
    let Ok(url) = std::env::var(URL) else { return };
    fault::arm_from_environment();
    let db = Db::open(&Options::new(url), Clock::System, Ids::Random).await.expect("it opens").of("shop");
    for id in 0.. {
        counter(&db, id, id).await.expect("a write");
        println!("acknowledged {id}");
    }
}

/// What the process acknowledged before the failpoint ended it.
fn write_until_killed(base: &Base, failpoint: &str) -> Vec<i64> {
    let mut child = Command::new(std::env::current_exe().expect("this program"))
        .args(["--exact", "killed::the_process_that_dies", "--nocapture"])
        .env(URL, base.url())
        .env("FAILPOINTS", format!("{failpoint}={COMMITS_BEFORE}*off->return"))
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    let lines = BufReader::new(child.stdout.take().expect("its output")).lines();
    let acknowledged =
        lines.map_while(Result::ok).filter_map(|line| line.strip_prefix("acknowledged ")?.parse().ok()).collect();
    assert_eq!(child.wait().expect("it ends").signal(), Some(SIGKILL));
    acknowledged
}

pub async fn an_acknowledged_write_survives_a_kill_after_its_commit(base: &Base) {
    let acknowledged = tokio::task::block_in_place(|| write_until_killed(base, "store.after_commit"));
    assert_eq!(acknowledged, (0..COMMITS_BEFORE).collect::<Vec<_>>());
    // The last was committed and never answered.
    assert_eq!(counters(&base.again().await).await, (0..=COMMITS_BEFORE).collect::<Vec<_>>());
    assert_works(base, &base.db).await;
}

pub async fn a_kill_before_the_commit_leaves_nothing_of_it(base: &Base) {
    let acknowledged = tokio::task::block_in_place(|| write_until_killed(base, "store.before_commit"));
    assert_eq!(acknowledged, (0..COMMITS_BEFORE).collect::<Vec<_>>());
    assert_eq!(counters(&base.again().await).await, acknowledged);
    assert_works(base, &base.db).await;
}
