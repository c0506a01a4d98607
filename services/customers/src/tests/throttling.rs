//! Wrong tries slow down; right ones don't.

use std::net::SocketAddr;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::ConnectInfo;
use axum::http::Request;
use serde_json::{Value, json};
use tower::ServiceExt;

use super::{PASSWORD, Shop};
use crate::store;

impl Shop {
    /// From a network address of its own.
    async fn post_from(&self, address: &str, path: &str, body: &Value) -> (u16, Value) {
        let mut request = Request::post(path)
            .header("content-type", "application/json")
            .body(Body::from(body.to_string()))
            .expect("a request");
        let peer: SocketAddr = format!("{address}:4711").parse().expect("an address");
        request.extensions_mut().insert(ConnectInfo(peer));
        let response = self.router.clone().oneshot(request).await.expect("an answer");
        let status = response.status().as_u16();
        let body = to_bytes(response.into_body(), 1 << 20).await.expect("a body");
        (status, serde_json::from_slice(&body).expect("JSON"))
    }

    async fn guess(&self, address: &str, email: &str) -> (u16, Value) {
        self.post_from(address, "/v1/sessions", &json!({ "email": email, "password": "a guess of mine" })).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_passwords_of_an_account_wait_twice_as_long_each_time() {
    let shop = Shop::open().await;
    shop.register("ada@example.com").await.must(201);
    for number in 0..5 {
        assert_eq!(shop.guess(&format!("10.0.0.{number}"), "ada@example.com").await.0, 401, "from anywhere");
    }
    assert_eq!(shop.guess("10.0.0.9", "ada@example.com").await.0, 401, "the sixth is the first with a delay behind it");
    for wait in [1_u64, 2, 4, 8, 16] {
        let (status, problem) = shop.guess("10.0.0.9", "ada@example.com").await;
        assert_eq!((status, &problem["code"]), (429, &json!("customers.too_many_tries")));
        assert_eq!(problem["retry_after_seconds"], wait);
        let right = shop.log_in_with("ada@example.com", PASSWORD).await;
        assert_eq!(right.header("retry-after"), wait.to_string(), "the right one has to wait as well");
        shop.ctx.clock.advance(Duration::from_secs(wait));
        assert_eq!(shop.guess("10.0.0.9", "ada@example.com").await.0, 401);
    }
    assert_eq!(shop.guess("10.0.0.9", "grace@example.com").await.0, 401, "another account is another account");
    shop.ctx.clock.advance(Duration::from_secs(32));
    shop.log_in("ada@example.com").await;
    for _ in 0..5 {
        assert_eq!(shop.guess("10.0.0.9", "ada@example.com").await.0, 401, "the right one made all forgotten");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_e_mail_is_throttled_like_a_known_one() {
    let shop = Shop::open().await;
    shop.register("ada@example.com").await.must(201);
    for email in ["ada@example.com", "nobody@example.com"] {
        let mut statuses = Vec::new();
        for _ in 0..8 {
            statuses.push(shop.guess("10.0.0.1", email).await.0);
        }
        assert_eq!(statuses, [401, 401, 401, 401, 401, 401, 429, 429], "{email}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_guesses_at_once_are_a_hundred_tries() {
    let shop = Shop::open().await;
    shop.register("ada@example.com").await.must(201);
    let guesses = futures::future::join_all((0..100).map(|_| shop.guess("10.0.0.1", "ada@example.com"))).await;
    assert_eq!(guesses.iter().filter(|(status, _)| *status == 401).count(), 6);
    assert_eq!(guesses.iter().filter(|(status, _)| *status == 429).count(), 94);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_address_that_tries_many_accounts_slows_down_and_right_answers_dont_help() {
    let shop = Shop::open().await;
    shop.register("mallory@example.com").await.must(201);
    let own = json!({ "email": "mallory@example.com", "password": PASSWORD });
    for number in 0..101 {
        assert_eq!(shop.guess("10.0.0.1", &format!("victim{number}@example.com")).await.0, 401, "{number}");
        if number % 20 == 0 && number < 100 {
            assert_eq!(shop.post_from("10.0.0.1", "/v1/sessions", &own).await.0, 201);
        }
    }
    assert_eq!(shop.guess("10.0.0.1", "victim101@example.com").await.0, 429);
    assert_eq!(shop.post_from("10.0.0.1", "/v1/sessions", &own).await.0, 429);
    assert_eq!(shop.guess("10.0.0.2", "victim101@example.com").await.0, 401, "another address goes on");
    shop.ctx.clock.advance(Duration::from_secs(1));
    assert_eq!(shop.post_from("10.0.0.1", "/v1/sessions", &own).await.0, 201);
    assert_eq!(shop.guess("10.0.0.1", "victim102@example.com").await.0, 401, "it got its own try back");
    assert_eq!(shop.guess("10.0.0.1", "victim103@example.com").await.1["retry_after_seconds"], 2, "and not more");
}

#[tokio::test(flavor = "multi_thread")]
async fn right_passwords_are_never_throttled() {
    let shop = Shop::open().await;
    shop.register("ada@example.com").await.must(201);
    let own = json!({ "email": "ada@example.com", "password": PASSWORD });
    for _ in 0..30 {
        assert_eq!(shop.post_from("10.0.0.1", "/v1/sessions", &own).await.0, 201);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_address_makes_some_accounts_an_hour_and_then_ever_fewer() {
    let per_hour = 5;
    let shop = Shop::open_with(|config| config.customers.registrations_per_hour_max = per_hour).await;
    let register = async |address: &str, number: i64| {
        let body = json!({ "email": format!("a{number}@example.com"), "password": PASSWORD });
        shop.post_from(address, "/v1/customers", &body).await
    };
    // The one after them is let in, with a delay behind it.
    for number in 0..=per_hour {
        assert_eq!(register("10.0.0.1", number).await.0, 201, "{number}: an office, or many buyers of one provider");
    }
    let (status, problem) = register("10.0.0.1", 1_000).await;
    assert_eq!((status, &problem["code"]), (429, &json!("customers.too_many_tries")));
    assert_eq!(register("10.0.0.2", 1_000).await.0, 201, "another address goes on");
    shop.ctx.clock.advance(Duration::from_secs(3_600));
    assert_eq!(register("10.0.0.1", 1_001).await.0, 201, "the next hour is another one");
}

#[tokio::test(flavor = "multi_thread")]
async fn asking_which_e_mails_have_an_account_slows_down() {
    let shop = Shop::open().await;
    shop.register("ada@example.com").await.must(201);
    let body = json!({ "email": "ada@example.com", "password": PASSWORD });
    for _ in 0..21 {
        assert_eq!(shop.post_from("10.0.0.1", "/v1/customers", &body).await.0, 409);
    }
    assert_eq!(shop.post_from("10.0.0.1", "/v1/customers", &body).await.0, 429);
    assert_eq!(shop.post_from("10.0.0.2", "/v1/customers", &body).await.0, 409);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_guesses_the_old_password_of_a_stolen_session_is_slowed_down() {
    let shop = Shop::open().await;
    let ada = shop.customer("ada@example.com").await;
    let body = json!({ "current_password": "a guess of mine", "new_password": "vier kleine worte hier" });
    for _ in 0..6 {
        ada.send("PUT", "/v1/customers/me/password", &[], Some(body.clone())).await.must(422);
    }
    let last = ada.send("PUT", "/v1/customers/me/password", &[], Some(body)).await;
    last.refused(429, "customers.too_many_tries");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_hour_without_a_try_makes_all_forgotten_and_the_rows_go() {
    let shop = Shop::open().await;
    shop.register("ada@example.com").await.must(201);
    for _ in 0..7 {
        shop.guess("10.0.0.1", "ada@example.com").await;
    }
    assert_eq!(shop.guess("10.0.0.1", "ada@example.com").await.0, 429);
    shop.ctx.clock.advance(Duration::from_secs(3_601));
    for _ in 0..5 {
        assert_eq!(shop.guess("10.0.0.1", "ada@example.com").await.0, 401);
    }
    shop.log_in("ada@example.com").await;
    shop.ctx.clock.advance(Duration::from_secs(2 * 3_600));
    for _ in 0..500 {
        let count: (i64,) = shop.ctx.db.one(&store::staff::testing::COUNT_THROTTLES, vec![]).await.expect("a count");
        if count.0 == 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("throttles are left");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_table_of_tries_names_nobody() {
    let shop = Shop::open().await;
    shop.guess("203.0.113.7", "ada@example.com").await;
    let rows: Vec<(String,)> = shop.ctx.db.all(&store::staff::testing::SUBJECTS, vec![]).await.expect("rows");
    assert_eq!(rows.len(), 2);
    for (subject,) in rows {
        assert!(!subject.contains("ada") && !subject.contains("203.0"), "{subject}");
    }
}
