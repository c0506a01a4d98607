//! Logging in, staying in, and out.

use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::http::Request;
use contracts::customers::{CustomerId, GetSigningKeys, SessionId};
use platform::auth::tokens::Signer;
use platform::{Buyer, Secrets, Session};
use serde_json::{Value, json};

use super::{PASSWORD, Shop};
use crate::desk::Desk;
use crate::{Error, log_in, refresh, store};

impl Shop {
    fn wait(&self, seconds: u64) {
        self.ctx.clock.advance(Duration::from_secs(seconds));
    }
}

fn text(body: &Value, name: &str) -> String {
    body[name].as_str().expect("a text").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_logs_in_is_known_for_ten_minutes() {
    let shop = Shop::open().await;
    let answer = {
        shop.register("ada@example.com").await.must(201);
        shop.log_in_with("Ada@Example.com", PASSWORD).await
    };
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(answer.header("set-cookie"), "");
    let body = answer.must(201);
    assert_eq!(body["expires_in"], 600);
    assert_eq!(body["session_expires_at"], "2026-01-31T12:00:00Z");
    let ada = shop.log_in("ada@example.com").await;
    assert!(ada.is_logged_in().await);
    shop.wait(599);
    assert!(ada.is_logged_in().await);
    shop.wait(1);
    let late = ada.get("/v1/customers/me").await.refused(401, "request.unauthenticated");
    assert!(late["detail"].as_str().expect("a text").contains("refresh"), "{late}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_and_an_unknown_e_mail_read_the_same() {
    let shop = Shop::open().await;
    shop.register("ada@example.com").await.must(201);
    let refused = async |email: &str, password: &str| {
        let mut problem = shop.log_in_with(email, password).await.refused(401, "customers.wrong_credentials");
        problem["request_id"] = Value::Null;
        problem
    };
    let wrong = refused("ada@example.com", "correct horse battery stable").await;
    assert_eq!(wrong, refused("eve@example.com", PASSWORD).await);
    assert_eq!(wrong, refused("ada@example.com", "").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_renewed_with_a_new_token_each_time() {
    let shop = Shop::open().await;
    let ada = shop.customer("ada@example.com").await;
    let mut token = ada.refresh.clone();
    for _ in 0..5 {
        shop.wait(3_600);
        let renewed = shop.refresh(&token).await;
        assert_eq!(renewed.header("cache-control"), "no-store");
        let renewed = renewed.must(200);
        assert_eq!(renewed["id"], ada.session, "it stays one session");
        assert_ne!(renewed["refresh_token"], token);
        let bearer = format!("Bearer {}", text(&renewed, "access_token"));
        assert_eq!(shop.send("GET", "/v1/customers/me", &[("authorization", &bearer)], None).await.status, 200);
        token = text(&renewed, "refresh_token");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_token_that_comes_again_ends_its_session_and_no_other() {
    let shop = Shop::open().await;
    let (stolen, other) = (shop.customer("ada@example.com").await, shop.log_in("ada@example.com").await);
    let thief = shop.refresh(&stolen.refresh).await.must(200);
    shop.wait(60);
    assert!(stolen.is_logged_in().await);
    shop.refresh(&stolen.refresh).await.refused(401, "customers.session_over");
    assert!(!stolen.is_logged_in().await, "at once");
    shop.refresh(&text(&thief, "refresh_token")).await.refused(401, "customers.session_over");
    assert!(other.is_logged_in().await);
    shop.refresh(&other.refresh).await.must(200);
    let revoked = shop.said("session.revoked").await;
    assert_eq!((revoked.len(), &revoked[0]["sessions"]), (1, &json!([stolen.session])));
    shop.refresh(&stolen.refresh).await.refused(401, "customers.session_over");
    assert_eq!(shop.said("session.revoked").await.len(), 1, "it is over once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_that_was_sent_twice_gets_the_same_token_and_forks_nothing() {
    let shop = Shop::open().await;
    let ada = shop.customer("ada@example.com").await;
    let answers = futures::future::join_all((0..8).map(|_| shop.refresh(&ada.refresh))).await;
    let tokens: Vec<String> = answers.into_iter().map(|answer| text(&answer.must(200), "refresh_token")).collect();
    assert!(tokens.iter().all(|token| *token == tokens[0] && *token != ada.refresh), "{tokens:?}");
    shop.wait(4);
    assert_eq!(text(&shop.refresh(&ada.refresh).await.must(200), "refresh_token"), tokens[0]);
    let next = text(&shop.refresh(&tokens[0]).await.must(200), "refresh_token");
    // The first is not the one before any more, though its seconds are not over.
    shop.refresh(&ada.refresh).await.refused(401, "customers.session_over");
    shop.refresh(&next).await.refused(401, "customers.session_over");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_token_of_ours_ends_nothing() {
    let shop = Shop::open().await;
    let ada = shop.customer("ada@example.com").await;
    let forged = {
        let mut letters: Vec<char> = ada.refresh.chars().collect();
        let last = letters.len() - 10;
        letters[last] = if letters[last] == 'A' { 'B' } else { 'A' };
        letters.into_iter().collect::<String>()
    };
    for token in ["", "souk_rt_", "souk_rt_AAAA", ada.access.get(..150).expect("a token"), forged.as_str()] {
        shop.refresh(token).await.refused(401, "customers.session_over");
    }
    shop.post("/v1/sessions/refresh", json!({})).await.refused(401, "customers.session_over");
    assert!(ada.is_logged_in().await);
    shop.refresh(&ada.refresh).await.must(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_is_not_used_ends_and_none_lasts_for_ever() {
    let shop = Shop::open().await;
    let (idle, used) = (shop.customer("ada@example.com").await, shop.log_in("ada@example.com").await);
    let mut token = used.refresh.clone();
    for _ in 0..8 {
        shop.wait(20 * 86_400);
        token = text(&shop.refresh(&token).await.must(200), "refresh_token");
    }
    shop.refresh(&idle.refresh).await.refused(401, "customers.session_over");
    shop.wait(19 * 86_400);
    token = text(&shop.refresh(&token).await.must(200), "refresh_token");
    shop.wait(86_400);
    shop.refresh(&token).await.refused(401, "customers.session_over");
    assert!(shop.said("session.revoked").await.is_empty(), "an end in time is no revocation");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_logs_out_is_out_at_once_here_or_everywhere() {
    let shop = Shop::open().await;
    let (phone, laptop) = (shop.customer("ada@example.com").await, shop.log_in("ada@example.com").await);
    let (tablet, eve) = (shop.log_in("ada@example.com").await, shop.customer("eve@example.com").await);
    phone.send("DELETE", "/v1/sessions/current", &[], None).await.must(204);
    assert!(!phone.is_logged_in().await && laptop.is_logged_in().await);
    shop.refresh(&phone.refresh).await.refused(401, "customers.session_over");
    laptop.send("DELETE", "/v1/sessions", &[], None).await.must(204);
    assert!(!laptop.is_logged_in().await && !tablet.is_logged_in().await && eve.is_logged_in().await);
    shop.refresh(&tablet.refresh).await.refused(401, "customers.session_over");
    let again = shop.log_in("ada@example.com").await;
    assert!(again.is_logged_in().await, "a new log in works at once");
    shop.send("DELETE", "/v1/sessions/current", &[], None).await.refused(401, "customers.session_over");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_session_not_used_for_longest_makes_room_for_the_fifty_first() {
    let shop = Shop::open().await;
    let first = shop.customer("ada@example.com").await;
    let second = shop.log_in("ada@example.com").await;
    shop.wait(60);
    shop.refresh(&first.refresh).await.must(200);
    for _ in 0..48 {
        shop.log_in("ada@example.com").await;
    }
    assert!(second.is_logged_in().await);
    shop.log_in("ada@example.com").await;
    assert!(!second.is_logged_in().await && first.is_logged_in().await);
    assert_eq!(shop.said("session.revoked").await[0]["sessions"], json!([second.session]));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_log_in_with_the_old_password_outlives_its_change() {
    let shop = Shop::open().await;
    let ada = shop.customer("ada@example.com").await;
    let password = || serde_json::from_value(json!(PASSWORD)).expect("a text");
    // Another process of the shop, with a queue before its hasher: there the log in waits with the hash it read.
    let desk = Desk::new(&shop.ctx);
    let crowd = futures::future::join_all((0..24).map(|_| desk.hasher.is_right(password(), None)));
    let (mut parts, ()) = Request::builder().body(()).expect("a request").into_parts();
    let address = platform::ClientAddress::from_request_parts(&mut parts, &shop.ctx).await.expect("an address");
    let is_changed = AtomicBool::new(false);
    let log_in = async {
        let tokens = log_in::log_in(&shop.ctx, &desk, address, "ada@example.com", password()).await;
        assert!(is_changed.load(SeqCst), "it has to be under way while the password is changed");
        tokens
    };
    let change = async {
        let new = json!({ "current_password": PASSWORD, "new_password": "vier kleine worte hier" });
        ada.send("PUT", "/v1/customers/me/password", &[], Some(new)).await.must(204);
        is_changed.store(true, SeqCst);
    };
    let (_, tokens, ()) = futures::join!(crowd, log_in, change);
    assert!(matches!(tokens, Err(Error::WrongCredentials)), "{tokens:?}");
    assert!(ada.is_logged_in().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_another_shop_or_kind_is_not_believed() {
    let shop = Shop::open().await;
    let ada = shop.customer("ada@example.com").await;
    let me = ada.get("/v1/customers/me").await.must(200);
    let (customer, session): (CustomerId, SessionId) =
        (text(&me, "id").parse().expect("an id"), ada.session.parse().expect("an id"));
    let now = shop.ctx.clock.now();
    let own = Signer::new(&shop.ctx.secrets, &shop.ctx.config.server.public_url);
    let ask = async |token: String| {
        let bearer = format!("Bearer {token}");
        shop.send("GET", "/v1/customers/me", &[("authorization", &bearer)], None).await.status
    };
    assert_eq!(ask(own.sign(customer, session, now)).await, 200);
    assert_eq!(
        ask(Signer::new(&Secrets::random(), &shop.ctx.config.server.public_url).sign(customer, session, now)).await,
        401
    );
    assert_eq!(ask(Signer::new(&shop.ctx.secrets, "https://other.example").sign(customer, session, now)).await, 401);
    assert_eq!(ask(ada.refresh.clone()).await, 401);
    assert_eq!(ask(format!("{}x", ada.access)).await, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn everyone_may_know_the_keys_that_tokens_are_checked_by() {
    let shop = Shop::open().await;
    let answer = shop.send("GET", "/.well-known/jwks.json", &[], None).await;
    assert_eq!(answer.header("cache-control"), "public, max-age=300");
    let keys = answer.must(200);
    let key = &keys["keys"][0];
    assert_eq!(
        (&key["kty"], &key["crv"], &key["alg"], &key["use"]),
        (&json!("OKP"), &json!("Ed25519"), &json!("EdDSA"), &json!("sig"))
    );
    assert!(key.get("d").is_none(), "the other half stays here");
    let asked = shop.ctx.call(GetSigningKeys {}).await.expect("an answer");
    assert_eq!(serde_json::to_value(asked).expect("JSON"), keys);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_counts_before_a_carts_token_and_a_bad_bearer_is_refused() {
    let shop = Shop::open().await;
    let ada = shop.customer("ada@example.com").await;
    let who = async |headers: &[(&str, String)]| {
        let mut request = Request::builder().uri("/v1/carts");
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        let (mut parts, ()) = request.body(()).expect("a request").into_parts();
        Buyer::from_request_parts(&mut parts, &shop.ctx).await.map_err(|problem| problem.status)
    };
    let (bearer, cart) = (("authorization", format!("Bearer {}", ada.access)), ("cart-token", "souk_ct_x".to_owned()));
    let buyer = who(&[bearer.clone(), cart.clone()]).await.expect("a buyer");
    assert!(buyer.customer().is_some() && buyer.token_sha256().is_none());
    assert!(who(std::slice::from_ref(&cart)).await.expect("a guest").token_sha256().is_some());
    assert!(
        who(&[("authorization", "Bearer souk_sk_key".to_owned()), cart.clone()])
            .await
            .expect("a guest")
            .customer()
            .is_none()
    );
    assert!(who(&[("authorization", "bearer ".to_owned() + &ada.access)]).await.is_ok(), "schemes have no case");
    assert_eq!(who(&[("authorization", "Bearer a.b.c".to_owned()), cart.clone()]).await, Err(401));
    let stale = ("cookie", "souk_access=a.b.c".to_owned());
    assert!(who(&[stale, cart]).await.expect("a guest").customer().is_none(), "a browser sends it unasked");
    assert_eq!(who(&[]).await, Err(401));
}

#[tokio::test(flavor = "multi_thread")]
async fn knowing_who_asks_costs_no_statement_and_logging_in_at_most_six() {
    let shop = Shop::open().await;
    let ada = shop.customer("ada@example.com").await;
    let request = Request::builder().header("authorization", format!("Bearer {}", ada.access));
    let (mut parts, ()) = request.body(()).expect("a request").into_parts();
    let (session, statements) = shop.cost(Session::from_request_parts(&mut parts, &shop.ctx)).await;
    assert_eq!((session.expect("a session").session.to_string(), statements), (ada.session.clone(), 0));

    let desk = Desk::new(&shop.ctx);
    let password = || serde_json::from_value(json!(PASSWORD)).expect("a text");
    let address = async || {
        let (mut parts, ()) = Request::builder().body(()).expect("a request").into_parts();
        platform::ClientAddress::from_request_parts(&mut parts, &shop.ctx).await.expect("an address")
    };
    for _ in 0..2 {
        let log_in = log_in::log_in(&shop.ctx, &desk, address().await, "ada@example.com", password());
        let (tokens, statements) = shop.cost(log_in).await;
        assert!(tokens.is_ok() && statements <= 6, "{statements}");
    }
    let (tokens, statements) = shop.cost(refresh::refresh(&shop.ctx, &desk, &ada.refresh)).await;
    assert!(tokens.is_ok() && statements <= 2, "{statements}");
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_that_are_long_over_are_forgotten() {
    let shop = Shop::open().await;
    shop.customer("ada@example.com").await;
    let left = async || {
        let count: (i64,) = shop.ctx.db.one(&store::staff::testing::COUNT_SESSIONS, vec![]).await.expect("a count");
        count.0
    };
    shop.wait(61 * 86_400);
    shop.log_in("ada@example.com").await;
    shop.wait(3_600);
    for _ in 0..500 {
        if left().await == 1 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("{} sessions are left", left().await);
}
