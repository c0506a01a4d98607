//! Cookie mode: what a browser keeps, and what other sites can't do with it.

use serde_json::json;

use super::{Answer, PASSWORD, Shop};

const SAME: (&str, &str) = ("sec-fetch-site", "same-origin");
const CROSS: (&str, &str) = ("sec-fetch-site", "cross-site");

/// The cookies of an answer, as a browser sends them back.
fn jar(answer: &Answer) -> String {
    let set = answer.headers.get_all("set-cookie").iter().map(|line| line.to_str().expect("text"));
    let pairs: Vec<&str> = set.map(|line| line.split(';').next().expect("a pair")).collect();
    pairs.join("; ")
}

async fn browser(shop: &Shop, email: &str) -> String {
    shop.register(email).await.must(201);
    let body = json!({ "email": email, "password": PASSWORD, "cookies": true });
    let answer = shop.send("POST", "/v1/sessions", &[SAME], Some(body)).await;
    let jar = jar(&answer);
    let body = answer.must(201);
    assert!(body.get("access_token").is_none() && body.get("refresh_token").is_none(), "{body}");
    jar
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_is_known_by_its_cookie_and_renews_it() {
    let shop = Shop::open().await;
    let jar_before = browser(&shop, "ada@example.com").await;
    assert!(jar_before.contains("souk_access=") && jar_before.contains("souk_refresh=souk_rt_"), "{jar_before}");
    let cookie = ("cookie", jar_before.as_str());
    assert_eq!(shop.send("GET", "/v1/customers/me", &[cookie], None).await.must(200)["email"], "ada@example.com");
    let change = Some(json!({ "name": "Ada" }));
    shop.send("PATCH", "/v1/customers/me", &[cookie, SAME, ("if-match", "\"1\"")], change).await.must(200);
    let renewed = shop.send("POST", "/v1/sessions/refresh", &[cookie, SAME], Some(json!({}))).await;
    let jar_after = jar(&renewed);
    assert_ne!(jar_before, jar_after);
    assert!(renewed.must(200).get("refresh_token").is_none());
    assert_eq!(shop.send("GET", "/v1/customers/me", &[("cookie", &jar_after)], None).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_site_can_do_nothing_with_the_cookie() {
    let shop = Shop::open().await;
    let jar = browser(&shop, "ada@example.com").await;
    let cookie = ("cookie", jar.as_str());
    for from in [vec![CROSS], vec![("origin", "https://evil.example")], vec![("sec-fetch-site", "same-site")], vec![]] {
        let headers = |more: &[(&'static str, &'static str)]| [&[cookie], from.as_slice(), more].concat();
        let change = Some(json!({ "name": "Eve" }));
        let patch = shop.send("PATCH", "/v1/customers/me", &headers(&[("if-match", "\"1\"")]), change).await;
        patch.refused(403, "request.cross_site");
        let password = Some(json!({ "current_password": PASSWORD, "new_password": "vier kleine worte hier" }));
        let put = shop.send("PUT", "/v1/customers/me/password", &headers(&[]), password).await;
        put.refused(403, "request.cross_site");
        let refresh = shop.send("POST", "/v1/sessions/refresh", &headers(&[]), Some(json!({}))).await;
        refresh.refused(403, "request.cross_site");
        let log_out = shop.send("DELETE", "/v1/sessions/current", &headers(&[]), None).await;
        log_out.refused(403, "request.cross_site");
        let log_in = json!({ "email": "ada@example.com", "password": PASSWORD, "cookies": true });
        let log_in = shop.send("POST", "/v1/sessions", &headers(&[]), Some(log_in)).await;
        log_in.refused(403, "request.cross_site");
    }
    assert_eq!(shop.send("GET", "/v1/customers/me", &[cookie], None).await.must(200)["name"], json!(null));
    let origin = ("origin", "http://127.0.0.1:8080");
    shop.send("POST", "/v1/sessions/refresh", &[cookie, origin], Some(json!({}))).await.must(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_logs_out_even_after_its_access_token_has_run_out() {
    let shop = Shop::open().await;
    let jar_before = browser(&shop, "ada@example.com").await;
    let refresh = jar_before.split("; ").find(|pair| pair.starts_with("souk_refresh")).expect("a token").to_owned();
    let out = shop.send("DELETE", "/v1/sessions/current", &[("cookie", &refresh), SAME], None).await;
    assert_eq!((out.status, jar(&out).as_str()), (204, "souk_access=; souk_refresh="));
    assert_eq!(shop.send("GET", "/v1/customers/me", &[("cookie", &jar_before)], None).await.status, 401);
    let renew = shop.send("POST", "/v1/sessions/refresh", &[("cookie", &jar_before), SAME], Some(json!({}))).await;
    renew.refused(401, "customers.session_over");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxys_own_password_logs_no_browser_out() {
    let shop = Shop::open().await;
    let jar = browser(&shop, "ada@example.com").await;
    let basic = ("authorization", "Basic c3RhZ2luZzpzdGFnaW5n");
    let me = shop.send("GET", "/v1/customers/me", &[("cookie", &jar), basic], None).await;
    assert_eq!(me.must(200)["email"], "ada@example.com");
    let cross = shop.send("DELETE", "/v1/sessions", &[("cookie", &jar), basic, CROSS], None).await;
    cross.refused(403, "request.cross_site");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bearer_needs_no_page_and_counts_before_a_cookie() {
    let shop = Shop::open().await;
    let jar = browser(&shop, "ada@example.com").await;
    let eve = shop.customer("eve@example.com").await;
    let headers = [("cookie", jar.as_str()), CROSS, ("if-match", "\"1\"")];
    let changed = eve.send("PATCH", "/v1/customers/me", &headers, Some(json!({ "name": "Eve" }))).await;
    assert_eq!(changed.must(200)["email"], "eve@example.com");
}
