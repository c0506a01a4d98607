//! Accounts: registering, logging in, staying in and out; what is one's own and nobody else's.

use std::time::Duration;

use contracts::customers::Role;
use futures::future::join_all;
use serde_json::{Value, json};
use testkit::{Client, Product, Shop, ShopOptions, Staff, TOKEN_OK, Topology};
use uuid::Uuid;

const PASSWORD: &str = "correct horse battery staple";
const SAME_SITE: (&str, &str) = ("Sec-Fetch-Site", "same-origin");

/// A customer, logged in.
struct Customer {
    client: Client,
    /// The session, as logging in answered it.
    session: Value,
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("a text, not {value}")).to_owned()
}

async fn register(shop: &Shop, email: &str) -> Value {
    let body = json!({ "email": email, "password": PASSWORD, "name": "Ada Lovelace" });
    shop.post("/v1/customers", body).await.must(201)
}

async fn log_in(shop: &Shop, email: &str) -> Customer {
    let session = shop.post("/v1/sessions", json!({ "email": email, "password": PASSWORD })).await.must(201);
    Customer { client: bearer(shop, &session), session }
}

async fn customer(shop: &Shop, email: &str) -> Customer {
    register(shop, email).await;
    log_in(shop, email).await
}

fn bearer(shop: &Shop, session: &Value) -> Client {
    shop.client.with("Authorization", format!("Bearer {}", text(&session["access_token"])))
}

async fn refresh(shop: &Shop, token: &Value) -> testkit::Answer {
    shop.post("/v1/sessions/refresh", json!({ "refresh_token": token })).await
}

impl Customer {
    async fn must_be_out(&self) {
        self.client.get("/v1/customers/me").await.refused(401, "request.unauthenticated");
    }

    async fn me(&self) -> Value {
        self.client.get("/v1/customers/me").await.must(200)
    }
}

pub async fn a_customer_registers_and_stays_in_until_they_log_out(topology: Topology) {
    let shop = Shop::start(topology).await;
    let ada = register(&shop, "Ada@Example.com").await;
    assert_eq!(ada["email"], "ada@example.com");
    let again = json!({ "email": "ada@EXAMPLE.com", "password": PASSWORD });
    shop.post("/v1/customers", again).await.refused(409, "customers.email_taken");
    shop.post("/v1/sessions", json!({ "email": "ada@example.com", "password": "a guess of mine" }))
        .await
        .refused(401, "customers.wrong_credentials");

    let mut session = log_in(&shop, "ada@example.com").await.session;
    for _ in 0..4 {
        shop.advance(Duration::from_secs(599));
        assert_eq!(bearer(&shop, &session).get("/v1/customers/me").await.must(200)["id"], ada["id"]);
        shop.advance(Duration::from_secs(1));
        bearer(&shop, &session).get("/v1/customers/me").await.refused(401, "request.unauthenticated");
        let next = refresh(&shop, &session["refresh_token"]).await.must(200);
        assert_ne!(next["refresh_token"], session["refresh_token"]);
        assert_eq!(next["id"], session["id"]);
        session = next;
    }
    let last = bearer(&shop, &session);
    last.delete("/v1/sessions/current").await.must(204);
    last.get("/v1/customers/me").await.refused(401, "request.unauthenticated");
    refresh(&shop, &session["refresh_token"]).await.refused(401, "customers.session_over");
    shop.finish().await;
}

pub async fn a_refresh_token_that_comes_again_ends_the_session_for_both(topology: Topology) {
    let shop = Shop::start(topology).await;
    let (stolen, other) = (customer(&shop, "ada@example.com").await, log_in(&shop, "ada@example.com").await);
    // Ten tabs at once: one session, one next token.
    let tabs = join_all((0..10).map(|_| refresh(&shop, &stolen.session["refresh_token"]))).await;
    let next: Vec<Value> = tabs.into_iter().map(|tab| tab.must(200)["refresh_token"].clone()).collect();
    assert!(next.iter().all(|token| *token == next[0]), "{next:?}");
    shop.advance(Duration::from_secs(6));
    refresh(&shop, &stolen.session["refresh_token"]).await.refused(401, "customers.session_over");
    stolen.must_be_out().await;
    refresh(&shop, &next[0]).await.refused(401, "customers.session_over");
    other.me().await;
    refresh(&shop, &other.session["refresh_token"]).await.must(200);

    let support = shop.staff(Role::Support).await;
    let account = support.get("/v1/admin/customers?email=ada@example.com").await.must(200);
    let path = format!("/v1/admin/customers/{}", text(&account["items"][0]["id"]));
    let sessions = support.get(path).await.must(200)["sessions"].clone();
    let why: Vec<&Value> = sessions.as_array().expect("a list").iter().map(|one| &one["ended_because"]).collect();
    assert_eq!(why, [&json!(null), &json!("token_reused")], "staff see why, newest first");
    shop.finish().await;
}

pub async fn log_out_everywhere_and_a_new_password_end_other_sessions(topology: Topology) {
    let shop = Shop::start(topology).await;
    let (phone, laptop) = (customer(&shop, "ada@example.com").await, log_in(&shop, "ada@example.com").await);
    let eve = customer(&shop, "eve@example.com").await;
    let new = json!({ "current_password": PASSWORD, "new_password": "vier kleine worte hier" });
    phone.client.put("/v1/customers/me/password", new.clone()).await.must(204);
    phone.me().await;
    laptop.must_be_out().await;
    refresh(&shop, &laptop.session["refresh_token"]).await.refused(401, "customers.session_over");
    let wrong = phone.client.put("/v1/customers/me/password", new).await.refused(422, "request.invalid");
    assert_eq!(wrong["errors"][0]["pointer"], "/current_password");

    let body = json!({ "email": "ada@example.com", "password": "vier kleine worte hier" });
    let tablet = bearer(&shop, &shop.post("/v1/sessions", body).await.must(201));
    tablet.delete("/v1/sessions").await.must(204);
    phone.must_be_out().await;
    tablet.get("/v1/customers/me").await.refused(401, "request.unauthenticated");
    eve.me().await;
    shop.finish().await;
}

pub async fn no_log_in_with_the_old_password_outlives_its_change(topology: Topology) {
    let shop = Shop::start(topology).await;
    let ada = customer(&shop, "ada@example.com").await;
    let old = json!({ "email": "ada@example.com", "password": PASSWORD });
    // All at once: some log ins look at the old password while the new one is set.
    let log_ins = join_all((0..4).map(|_| async { shop.post("/v1/sessions", old.clone()).await }));
    let new = json!({ "current_password": PASSWORD, "new_password": "vier kleine worte hier" });
    let (log_ins, changed) = futures::join!(log_ins, async { ada.client.put("/v1/customers/me/password", new).await });
    changed.must(204);
    for answer in log_ins {
        if answer.status == 201 {
            let session = answer.must(201);
            bearer(&shop, &session).get("/v1/customers/me").await.refused(401, "request.unauthenticated");
            refresh(&shop, &session["refresh_token"]).await.refused(401, "customers.session_over");
        } else {
            answer.refused(401, "customers.wrong_credentials");
        }
    }
    ada.me().await;
    shop.finish().await;
}

pub async fn a_page_of_a_named_origin_asks_with_its_cookies(topology: Topology) {
    const APP: &str = "https://app.shop.example";
    let edit: Box<dyn FnOnce(&mut platform::Config) + Send> =
        Box::new(|config| config.server.cors_origins = vec![APP.to_owned()]);
    let shop = Shop::start_with(topology, ShopOptions { edit, ..Default::default() }).await;
    let preflight = async |origin: &str| {
        let asked = shop.ask_with("OPTIONS", "/v1/customers/me").header("Origin", origin);
        let asked = asked.header("Access-Control-Request-Method", "PATCH");
        asked.header("Access-Control-Request-Headers", "content-type,if-match").await
    };
    let allowed = preflight(APP).await;
    assert_eq!(allowed.header("access-control-allow-origin"), APP);
    assert_eq!(allowed.header("access-control-allow-credentials"), "true");
    // Browsers take no `*` with credentials.
    assert!(allowed.header("access-control-allow-methods").split(',').any(|method| method == "PATCH"));
    assert_eq!(allowed.header("access-control-allow-headers"), "content-type,if-match");
    assert_eq!(preflight("https://evil.example").await.header("access-control-allow-origin"), "");

    register(&shop, "ada@example.com").await;
    let body = json!({ "email": "ada@example.com", "password": PASSWORD, "cookies": true });
    let answer = shop.post("/v1/sessions", body).header("Origin", APP).header("Sec-Fetch-Site", "same-site").await;
    let cookies: Vec<String> =
        answer.headers.get_all("set-cookie").iter().map(|line| line.to_str().expect("text").to_owned()).collect();
    assert_eq!(answer.header("access-control-allow-credentials"), "true");
    answer.must(201);
    let jar: Vec<&str> = cookies.iter().map(|cookie| cookie.split(';').next().expect("a pair")).collect();
    let page = shop.client.with("Cookie", jar.join("; ")).with("Origin", APP);
    let me = page.get("/v1/customers/me").await;
    assert_eq!(
        (me.header("access-control-allow-origin"), me.header("access-control-allow-credentials")),
        (APP, "true")
    );
    let etag = me.header("etag").to_owned();
    me.must(200);
    let changed = page.patch("/v1/customers/me", json!({ "phone": "+43 1 58858" })).header("If-Match", etag).await;
    assert_eq!(changed.must(200)["phone"], "+43 1 58858");
    shop.finish().await;
}

pub async fn a_browser_keeps_its_tokens_in_cookies_and_other_sites_get_nowhere(topology: Topology) {
    let shop = Shop::start(topology).await;
    register(&shop, "ada@example.com").await;
    let body = json!({ "email": "ada@example.com", "password": PASSWORD, "cookies": true });
    shop.post("/v1/sessions", body.clone()).await.refused(403, "request.cross_site");
    let answer = shop.post("/v1/sessions", body).header(SAME_SITE.0, SAME_SITE.1).await;
    let cookies: Vec<String> =
        answer.headers.get_all("set-cookie").iter().map(|line| line.to_str().expect("text").to_owned()).collect();
    assert_eq!(cookies.len(), 2, "{cookies:?}");
    assert!(cookies.iter().all(|cookie| cookie.contains("; HttpOnly; SameSite=Strict")), "{cookies:?}");
    assert!(answer.must(201).get("access_token").is_none());
    let jar: Vec<&str> = cookies.iter().map(|cookie| cookie.split(';').next().expect("a pair")).collect();
    let browser = shop.client.with("Cookie", jar.join("; "));

    let me = browser.get("/v1/customers/me").await;
    let etag = me.header("etag").to_owned();
    me.must(200);
    let change = |from: (&'static str, &'static str)| {
        let change = browser.patch("/v1/customers/me", json!({ "phone": "+43 1 58858" }));
        change.header("If-Match", &etag).header(from.0, from.1)
    };
    for elsewhere in
        [("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Site", "same-site"), ("Origin", "https://evil.example")]
    {
        change(elsewhere).await.refused(403, "request.cross_site");
    }
    assert_eq!(change(SAME_SITE).await.must(200)["phone"], "+43 1 58858");
    browser.post("/v1/sessions/refresh", json!({})).await.refused(403, "request.cross_site");
    browser.post("/v1/sessions/refresh", json!({})).header(SAME_SITE.0, SAME_SITE.1).await.must(200);
    browser.delete("/v1/sessions/current").await.refused(403, "request.cross_site");
    browser.delete("/v1/sessions/current").header(SAME_SITE.0, SAME_SITE.1).await.must(204);
    browser.get("/v1/customers/me").await.refused(401, "request.unauthenticated");
    shop.finish().await;
}

/// A customer who has bought, with what is theirs.
struct Owner {
    customer: Customer,
    cart: String,
    order: String,
    address: String,
}

async fn with_an_order(shop: &Shop, email: &str, teapot: &Product) -> Owner {
    let customer = customer(shop, email).await;
    let client = &customer.client;
    let cart = text(&client.post("/v1/carts", json!({})).await.must(201)["id"]);
    let line = json!({ "variant": teapot.variant, "quantity": 1 });
    client.post(format!("/v1/carts/{cart}/lines"), line).await.must(201);
    let ship_to =
        json!({ "name": email, "line1": "Hauptstraße 1", "city": "Wien", "postcode": "1010", "country": "AT" });
    let place = json!({ "email": email, "shipping_address": ship_to });
    client.patch(format!("/v1/carts/{cart}"), place).await.must(200);
    let options = client.get(format!("/v1/carts/{cart}/shipping-options")).await.must(200);
    let method = json!({ "shipping_method": options["items"][0]["method"] });
    client.patch(format!("/v1/carts/{cart}"), method).await.must(200);
    let order = json!({ "cart": cart, "payment": { "method": "card", "token": TOKEN_OK } });
    let order = client.post("/v1/orders", order).key(Uuid::now_v7().to_string()).await.must(201);
    let entry = json!({ "address": ship_to, "default_shipping": true, "default_billing": true });
    let address = client.post("/v1/customers/me/addresses", entry).await.must(201);
    let (order, address) = (text(&order["id"]), text(&address["id"]));
    Owner { customer, cart, order, address }
}

pub async fn two_customers_see_and_touch_nothing_of_each_other(topology: Topology) {
    let (shop, owner) = Shop::open(topology).await;
    let teapot = owner.product(1999, 10).await;
    let (ada, eve) = (
        with_an_order(&shop, "ada@example.com", &teapot).await,
        with_an_order(&shop, "eve@example.com", &teapot).await,
    );
    shop.settle().await;
    let nobody = &shop.client;
    let guest = shop.buyer().await.client;
    for other in [&eve.customer.client, &guest] {
        for path in [
            format!("/v1/carts/{}", ada.cart),
            format!("/v1/carts/{}/shipping-options", ada.cart),
            format!("/v1/orders/{}", ada.order),
        ] {
            assert_eq!(other.get(&path).await.status, 404, "{path}");
            assert_eq!(nobody.get(&path).await.status, 401, "{path}");
        }
        let line = json!({ "variant": teapot.variant, "quantity": 1 });
        assert_eq!(other.post(format!("/v1/carts/{}/lines", ada.cart), line).await.status, 404);
        assert_eq!(
            other.patch(format!("/v1/carts/{}", ada.cart), json!({ "email": "eve@example.com" })).await.status,
            404
        );
        assert_eq!(other.post(format!("/v1/orders/{}/cancel", ada.order), json!({})).await.status, 404);
        let pay = json!({ "order": ada.order, "method": "card", "token": TOKEN_OK });
        assert_eq!(other.post("/v1/payments", pay).key(Uuid::now_v7().to_string()).await.status, 404);
    }
    let address = format!("/v1/customers/me/addresses/{}", ada.address);
    eve.customer.client.get(&address).await.refused(404, "customers.address_not_found");
    let change = json!({ "default_shipping": false });
    eve.customer.client.patch(&address, change).await.refused(404, "customers.address_not_found");
    eve.customer.client.delete(&address).await.refused(404, "customers.address_not_found");
    guest.get(&address).await.refused(401, "request.unauthenticated");
    for (one, list) in [(&ada, "/v1/orders"), (&eve, "/v1/orders")] {
        let orders = one.customer.client.get(list).await.must(200);
        let ids: Vec<&Value> = orders["items"].as_array().expect("a list").iter().map(|order| &order["id"]).collect();
        assert_eq!(ids, [&json!(one.order)]);
    }
    assert_eq!(ada.customer.client.get(&address).await.must(200)["default_shipping"], true);
    assert_eq!(ada.customer.client.get(format!("/v1/orders/{}", ada.order)).await.must(200)["status"], "confirmed");
    for admin in ["/v1/admin/customers", "/v1/admin/orders", "/v1/admin/staff"] {
        eve.customer.client.get(admin).await.refused(401, "request.unauthenticated");
    }
    shop.finish().await;
}

pub async fn wrong_passwords_slow_down_for_a_known_and_an_unknown_account_alike(topology: Topology) {
    let shop = Shop::start(topology).await;
    register(&shop, "ada@example.com").await;
    let guess = |email: &str| shop.post("/v1/sessions", json!({ "email": email, "password": "a guess of mine" }));
    for email in ["ada@example.com", "nobody@example.com"] {
        // All at once: none of them slips by while the others are counted.
        let statuses = join_all((0..20).map(|_| async { guess(email).await.status })).await;
        assert_eq!(statuses.iter().filter(|status| **status == 401).count(), 6, "{email}: {statuses:?}");
        assert_eq!(statuses.iter().filter(|status| **status == 429).count(), 14, "{email}: {statuses:?}");
        for wait in [1, 2, 4] {
            let refused = guess(email).await;
            assert_eq!(refused.header("retry-after"), wait.to_string());
            refused.refused(429, "customers.too_many_tries");
            shop.advance(Duration::from_secs(wait));
            guess(email).await.refused(401, "customers.wrong_credentials");
        }
    }
    shop.advance(Duration::from_secs(8));
    log_in(&shop, "ada@example.com").await.me().await;
    guess("ada@example.com").await.refused(401, "customers.wrong_credentials");
    shop.finish().await;
}

pub async fn whoever_races_for_one_thing_of_an_account_gets_it_once(topology: Topology) {
    let shop = Shop::start(topology).await;
    let body = json!({ "email": "ada@example.com", "password": PASSWORD });
    let registered = join_all((0..8).map(|_| async { shop.post("/v1/customers", body.clone()).await.status })).await;
    assert_eq!(registered.iter().filter(|status| **status == 201).count(), 1, "{registered:?}");
    let ada = log_in(&shop, "ada@example.com").await;

    let rename = |number: usize| {
        let name = json!({ "name": format!("Ada {number}") });
        ada.client.patch("/v1/customers/me", name).header("If-Match", "\"1\"")
    };
    let renamed = join_all((0..8).map(|number| async move { rename(number).await.status })).await;
    assert_eq!(renamed.iter().filter(|status| **status == 200).count(), 1, "{renamed:?}");
    assert_eq!(renamed.iter().filter(|status| **status == 412).count(), 7, "{renamed:?}");

    let book = "/v1/customers/me/addresses";
    let at = json!({ "name": "Ada", "line1": "Hauptstraße 1", "city": "Wien", "country": "AT" });
    let entry = json!({ "address": at, "default_shipping": true });
    let mut added = Vec::new();
    for _ in 0..5 {
        added.extend(join_all((0..12).map(|_| async { ada.client.post(book, entry.clone()).await.status })).await);
    }
    assert_eq!(added.iter().filter(|status| **status == 201).count(), 50, "{added:?}");
    assert_eq!(added.iter().filter(|status| **status == 409).count(), 10, "{added:?}");
    let all = ada.client.get(format!("{book}?limit=100")).await.must(200);
    let entries = all["items"].as_array().expect("a list");
    let defaults = entries.iter().filter(|entry| entry["default_shipping"] == true).count();
    assert_eq!((entries.len(), defaults), (50, 1));
    shop.finish().await;
}

pub async fn staff_find_accounts_and_roles_if_they_may(topology: Topology) {
    let shop = Shop::start(topology).await;
    for number in 0..5 {
        register(&shop, &format!("buyer{number}@example.com")).await;
    }
    let support: Staff = shop.staff(Role::Support).await;
    let page = support.get("/v1/admin/customers?limit=3").await.must(200);
    let next = format!("/v1/admin/customers?limit=3&cursor={}", text(&page["next"]));
    let rest = support.get(next).await.must(200);
    assert_eq!((page["items"][0]["email"].as_str(), &rest["next"]), (Some("buyer4@example.com"), &json!(null)));
    assert_eq!(rest["items"].as_array().map(Vec::len), Some(2));
    let none = support.get("/v1/admin/customers?email=nobody@example.com").await.must(200);
    assert_eq!(none["items"], json!([]));
    support.get("/v1/admin/roles").await.refused(403, "request.forbidden");
    let roles = shop.staff(Role::Auditor).await.get("/v1/admin/roles").await.must(200);
    assert_eq!(roles["items"].as_array().map(Vec::len), Some(5));
    shop.staff(Role::Fulfilment).await.get("/v1/admin/customers").await.refused(403, "request.forbidden");
    let keys = shop.get("/.well-known/jwks.json").await.must(200);
    assert_eq!((&keys["keys"][0]["alg"], keys["keys"].as_array().map(Vec::len)), (&json!("EdDSA"), Some(1)));
    shop.finish().await;
}
