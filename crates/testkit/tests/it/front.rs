//! nginx before a shop, on the files of `deploy/nginx`: what it lets through, and what not.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::time::{Duration, Instant};

use contracts::SERVICES;
use futures::future::join_all;
use serde_json::json;
use testkit::{Client, Front, Shop, Topology};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::many_servers::until;

/// Takes requests and hangs up on each without an answer, or answers each with 200.
async fn upstream(answers: bool) -> (SocketAddr, Arc<AtomicU32>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let (address, asked) = (listener.local_addr().expect("a bound address"), Arc::new(AtomicU32::new(0)));
    let count = Arc::clone(&asked);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut bytes = [0; 4096];
            let Ok(1..) = stream.read(&mut bytes).await else { continue };
            count.fetch_add(1, SeqCst);
            if answers {
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}").await;
            }
        }
    });
    (address, asked)
}

/// Every service at these addresses.
fn all_at(addresses: &[SocketAddr]) -> BTreeMap<&'static str, Vec<SocketAddr>> {
    SERVICES.into_iter().map(|service| (service, addresses.to_vec())).collect()
}

fn before(front: &Front) -> Client {
    Client::new(format!("http://{}", front.address()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_may_have_changed_something_is_never_sent_twice() {
    let (dead, asked_dead) = upstream(false).await;
    let (living, asked_living) = upstream(true).await;
    let front = Front::start(&all_at(&[dead, living]));
    let client = before(&front);
    for _ in 0..6 {
        client.get("/v1/products").await.must(200);
    }
    assert!(asked_dead.load(SeqCst) > 0, "a read is asked of another copy");
    let (reads, mut refused) = (asked_dead.load(SeqCst) + asked_living.load(SeqCst), 0);
    tokio::time::sleep(Duration::from_millis(2_100)).await;
    for _ in 0..4 {
        let answer = client.post("/v1/carts", json!({})).await;
        if answer.status != 200 {
            answer.refused(503, "unavailable");
            refused += 1;
        }
    }
    assert!(refused > 0, "the dead copy was asked");
    let changes = asked_dead.load(SeqCst) + asked_living.load(SeqCst) - reads;
    assert_eq!(changes, 4, "each reached one copy, once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_clients_are_let_go_and_hold_up_nobody() {
    let (shop, owner) = Shop::open(Topology::Distributed).await;
    owner.product(1999, 5).await;
    let front: SocketAddr = shop.client.base.trim_start_matches("http://").parse().expect("an address");
    let begun = Instant::now();
    let dawdling = (0..200).map(|number| async move {
        let mut stream = TcpStream::connect(front).await.expect("nginx takes it");
        let head =
            "POST /v1/carts HTTP/1.1\r\nHost: shop\r\nContent-Type: application/json\r\nContent-Length: 2000\r\n";
        let first = if number % 2 == 0 { "GET /v1/pro".to_owned() } else { format!("{head}\r\n{{") };
        stream.write_all(first.as_bytes()).await.expect("sent");
        let mut answer = Vec::new();
        // Ends when nginx hangs up.
        let _ = stream.read_to_end(&mut answer).await;
        answer
    });
    let buying = async {
        while begun.elapsed() < Duration::from_secs(8) {
            let asked = Instant::now();
            shop.get("/v1/products").await.must(200);
            assert!(asked.elapsed() < Duration::from_secs(5), "held up for {:?}", asked.elapsed());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let let_go = tokio::time::timeout(Duration::from_secs(30), join_all(dawdling));
    let (let_go, ()) = futures::join!(let_go, buying);
    assert_eq!(let_go.expect("each is let go within 30 s").len(), 200);
    shop.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_asks_too_fast_is_told_when_to_go_on() {
    let (living, _) = upstream(true).await;
    let front = Front::start_with(&all_at(&[living]), None);
    let client = before(&front);
    let answers = join_all((0..400).map(|_| async { client.get("/v1/products").await })).await;
    let (let_in, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status == 200);
    assert!(let_in.len() >= 100, "{} let in", let_in.len());
    let one = refused.into_iter().next().expect("some are refused");
    assert_eq!(one.header("retry-after"), "1", "{}", one.shown());
    one.refused(429, "request.too_many");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_the_shops_own_is_closed_and_refusals_are_problems() {
    let (living, asked) = upstream(true).await;
    let front = Front::start(&all_at(&[living]));
    let client = before(&front).with("Souk-Service-Token", "x");
    client.post("/internal/calls/orders.facts", json!({})).await.refused(404, "request.unknown_route");
    client.get("/metrics").await.refused(404, "request.unknown_route");
    assert_eq!(asked.load(SeqCst), 0);
    // Refused by what its head says, before any of it is sent.
    let mut large = TcpStream::connect(front.address()).await.expect("nginx takes it");
    let head = "POST /v1/carts HTTP/1.1\r\nHost: shop\r\nConnection: close\r\nContent-Length: 300000\r\n\r\n";
    large.write_all(head.as_bytes()).await.expect("sent");
    // Head and body may come one after the other; in the end it hangs up, for the rest never comes.
    let mut answer = Vec::new();
    while large.read_buf(&mut answer).await.is_ok_and(|read| read > 0) {}
    let answer = String::from_utf8_lossy(&answer).into_owned();
    assert!(answer.starts_with("HTTP/1.1 413") && answer.contains("request.too_large"), "{answer}");
    let nobody = Front::start(&all_at(&["127.0.0.1:9".parse().expect("an address")]));
    before(&nobody).get("/v1/products").await.refused(503, "unavailable");
    let is_logged = async || nobody.requests().contains("/v1/products");
    until(Duration::from_secs(20), "each request is a line of its log", is_logged).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_is_ready_for_tls() {
    let (living, _) = upstream(true).await;
    let front = Front::start_tls(&all_at(&[living]));
    let url = format!("https://localhost:{}/v1/products", front.address().port());
    let ca = front.file("certificate.pem");
    let asked = Command::new("curl").args(["-sS", "-i", "--cacert"]).arg(ca).arg(&url).output().expect("curl runs");
    let said = String::from_utf8_lossy(&asked.stdout).to_lowercase();
    assert!(said.contains(" 200") && said.contains("strict-transport-security"), "{said} {asked:?}");
}
