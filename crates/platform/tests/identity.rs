//! Who asks, in a process that does not run `customers`: by the keys it was last told.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::http::Request;
use contracts::customers::{CustomerId, GetSigningKeys, SessionId, SigningKeys};
use platform::auth::tokens::Signer;
use platform::calls::Peers;
use platform::{Clock, Config, Ctx, Identity, Ids, Problem, Process, Secrets, Service, Session};
use store::{Db, Options};

struct Shop {
    ctx: Ctx,
    /// What `customers` answers; `None`: it is down.
    keys: Arc<Mutex<Option<SigningKeys>>>,
    asked: Arc<AtomicUsize>,
    _process: Process,
    _folder: tempfile::TempDir,
}

impl Shop {
    async fn open() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let url = format!("sqlite:{}", folder.path().join("souk.db").display());
        let clock = Clock::fixed("2026-01-01T12:00:00Z".parse().expect("a time"));
        let db = Db::open(&Options::new(url), clock.clone(), Ids::counted()).await.expect("a database");
        let config = Arc::new(Config::defaults());
        let peers = Peers::new(&BTreeMap::new(), None, clock).expect("peers");
        let ctx = Ctx::new(db, peers.clone(), Arc::clone(&config), Identity::default());
        let (keys, asked) = (Arc::new(Mutex::new(None::<SigningKeys>)), Arc::new(AtomicUsize::new(0)));
        let (told, count) = (Arc::clone(&keys), Arc::clone(&asked));
        let customers = Service::new("customers", &ctx).answers::<GetSigningKeys, _, _>(move |_, _| {
            count.fetch_add(1, SeqCst);
            let keys = told.lock().expect("no panic").clone();
            async move { keys.ok_or_else(|| Problem::unavailable("customers is down")) }
        });
        let process = Process::new(config, peers);
        process.settle(&[customers]);
        Self { ctx, keys, asked, _process: process, _folder: folder }
    }

    fn signer(&self) -> Signer {
        Signer::new(&Secrets::random(), &self.ctx.config.server.public_url)
    }

    fn tells(&self, keys: Option<SigningKeys>) {
        *self.keys.lock().expect("no panic") = keys;
    }

    fn token(&self, signer: &Signer) -> String {
        signer.sign(self.ctx.ids.next::<CustomerId>(), self.ctx.ids.next::<SessionId>(), self.ctx.clock.now())
    }

    async fn ask(&self, token: &str) -> Result<Session, u16> {
        let request = Request::builder().header("authorization", format!("Bearer {token}"));
        let (mut parts, ()) = request.body(()).expect("a request").into_parts();
        Session::from_request_parts(&mut parts, &self.ctx).await.map_err(|problem| problem.status)
    }

    fn wait(&self, seconds: u64) {
        self.ctx.clock.advance(Duration::from_secs(seconds));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_asked_for_once_and_the_last_good_ones_are_kept() {
    let shop = Shop::open().await;
    let signer = shop.signer();
    assert_eq!(shop.ask(&shop.token(&signer)).await, Err(503), "nobody knows yet");
    shop.wait(10);
    shop.tells(Some(signer.public()));
    for _ in 0..10 {
        assert!(shop.ask(&shop.token(&signer)).await.is_ok());
    }
    assert_eq!(shop.asked.load(SeqCst), 2);
    shop.tells(None);
    for _ in 0..3 {
        shop.wait(3_600);
        assert!(shop.ask(&shop.token(&signer)).await.is_ok(), "customers is down, and everyone stays logged in");
    }
    assert_eq!(shop.asked.load(SeqCst), 5, "it is asked again when the keys are old");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_key_is_believed_at_once_and_one_taken_away_in_five_minutes_no_more() {
    let shop = Shop::open().await;
    let (old, new) = (shop.signer(), shop.signer());
    shop.tells(Some(old.public()));
    assert!(shop.ask(&shop.token(&old)).await.is_ok());
    shop.wait(10);
    shop.tells(Some(new.public()));
    assert!(shop.ask(&shop.token(&old)).await.is_ok(), "still known");
    assert!(shop.ask(&shop.token(&new)).await.is_ok(), "asked for by its name");
    assert_eq!(shop.ask(&shop.token(&old)).await, Err(401));
    shop.tells(Some(old.public()));
    shop.wait(299);
    assert!(shop.ask(&shop.token(&new)).await.is_ok());
    shop.wait(1);
    assert_eq!(shop.ask(&shop.token(&new)).await, Err(401));
}

#[tokio::test(flavor = "multi_thread")]
async fn made_up_keys_are_not_asked_for_again_and_again() {
    let shop = Shop::open().await;
    let signer = shop.signer();
    shop.tells(Some(signer.public()));
    assert!(shop.ask(&shop.token(&signer)).await.is_ok());
    for _ in 0..50 {
        assert_eq!(shop.ask(&shop.token(&shop.signer())).await, Err(401));
    }
    assert_eq!(shop.asked.load(SeqCst), 1);
    shop.wait(10);
    for _ in 0..50 {
        assert_eq!(shop.ask(&shop.token(&shop.signer())).await, Err(401));
    }
    assert_eq!(shop.asked.load(SeqCst), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_ended_is_refused_and_no_other() {
    let shop = Shop::open().await;
    let signer = shop.signer();
    shop.tells(Some(signer.public()));
    let (one, other) = (shop.token(&signer), shop.token(&signer));
    let session = shop.ask(&one).await.expect("a session");
    shop.ctx.revoke_sessions(&[session.session]);
    assert_eq!(shop.ask(&one).await, Err(401));
    assert!(shop.ask(&other).await.is_ok());
}
