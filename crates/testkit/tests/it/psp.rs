//! fakepsp is what the official package takes for Stripe, and keeps its books through a kill.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use testkit::FakePsp;

const CALIBRATE: &str = include_str!("../../../outside/src/psp/calibrate.py");
const PATIENCE: Duration = Duration::from_secs(40);

/// A Python that has the official `stripe` package, and `localstripe`: `cargo xtask test` says where.
pub fn python() -> PathBuf {
    let cache = std::env::var_os("XDG_CACHE_HOME").filter(|folder| !folder.is_empty()).map(PathBuf::from);
    let cache = cache.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache")));
    let python = cache.unwrap_or_default().join("souk-tools/stripe-16.1.0/bin/python");
    assert!(python.exists(), "{} is missing: `cargo xtask test --install` makes it", python.display());
    python
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_official_package_takes_fakepsp_for_stripe() {
    let psp = FakePsp::start().await;
    let folder = tempfile::tempdir().expect("a folder");
    let script = folder.path().join("calibrate.py");
    std::fs::write(&script, CALIBRATE).expect("a file in the test's folder");
    let url = psp.url.clone();
    let ran = tokio::task::spawn_blocking(move || Command::new(python()).arg(script).arg(url).output());
    let ran = ran.await.expect("a task that ends").expect("python runs");
    let said = String::from_utf8_lossy(&ran.stdout);
    assert!(ran.status.success(), "{said}\n{}", String::from_utf8_lossy(&ran.stderr));
    assert!(said.trim().ends_with("checks hold"), "{said}");
}

/// The process, and where it serves.
struct Gateway {
    child: Child,
    url: String,
}

impl Gateway {
    fn start(folder: &Path) -> Self {
        let said = folder.join("fakepsp.out");
        let child = Command::new(env!("CARGO_BIN_EXE_fakepsp"))
            .args(["--listen", "127.0.0.1:0", "--state"])
            .arg(folder)
            .stdin(Stdio::null())
            .stdout(std::fs::File::create(&said).expect("a file in the test's folder"))
            .spawn()
            .expect("fakepsp starts");
        let mut gateway = Self { child, url: String::new() };
        let begun = Instant::now();
        while gateway.url.is_empty() {
            let text = std::fs::read_to_string(&said).unwrap_or_default();
            let line = text.strip_suffix('\n').and_then(|line| line.strip_prefix("fakepsp serves on "));
            line.unwrap_or_default().clone_into(&mut gateway.url);
            assert!(begun.elapsed() < PATIENCE, "it does not serve");
            std::thread::sleep(Duration::from_millis(20));
        }
        gateway
    }

    async fn create(&self, client: &reqwest::Client, key: &str) -> (u16, bool, Value) {
        let form = "amount=2000&currency=eur&payment_method=pm_card_visa&capture_method=manual&confirm=true";
        let request = client.post(format!("{}/v1/payment_intents", self.url)).bearer_auth("sk_test_1");
        let answer = request.header("Idempotency-Key", key).body(form).send().await.expect("an answer");
        let is_replay = answer.headers().contains_key("idempotent-replayed");
        (answer.status().as_u16(), is_replay, answer.json().await.expect("JSON"))
    }

    async fn ledger(&self, client: &reqwest::Client) -> Value {
        let answer = client.get(format!("{}/_control/ledger", self.url)).send().await.expect("an answer");
        answer.json().await.expect("JSON")
    }

    /// As a power cut would.
    fn kill(mut self) {
        self.child.kill().expect("our own child");
        self.child.wait().expect("our own child");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_fakepsp_answered_outlives_its_kill() {
    let folder = tempfile::tempdir().expect("a folder");
    let client = testkit::Client::new("").http();
    let gateway = Gateway::start(folder.path());
    let (status, is_replay, made) = gateway.create(&client, "one").await;
    assert_eq!((status, is_replay), (200, false), "{made:#}");
    gateway.kill();
    // A line that was being written when it died was never answered.
    let journal = folder.path().join("fakepsp.jsonl");
    let mut text = std::fs::read_to_string(&journal).expect("a journal");
    assert_eq!(text.lines().count(), 1, "{text}");
    text.push_str("[{\"entry\":");
    std::fs::write(&journal, text).expect("a journal");

    let gateway = Gateway::start(folder.path());
    let (status, is_replay, again) = gateway.create(&client, "one").await;
    assert_eq!((status, is_replay, &again["id"]), (200, true, &made["id"]));
    gateway.create(&client, "two").await;
    gateway.kill();
    let gateway = Gateway::start(folder.path());
    let ledger = gateway.ledger(&client).await;
    let charges: Vec<&Value> =
        ledger["charges"].as_array().expect("charges").iter().map(|one| &one["authorized"]).collect();
    assert_eq!(charges, [&json!(2000), &json!(2000)], "{ledger:#}");
    gateway.kill();
}
