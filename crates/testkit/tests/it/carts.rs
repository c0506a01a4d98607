//! Carts: opened in one request, taken along by a guest who logs in, kept for a while, and readable without prices.

use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use serde_json::{Value, json};
use testkit::{Buyer, Client, NOON, Shop, ShopOptions, TOKEN_OK, Topology};
use tokio::net::TcpListener;
use uuid::Uuid;

const TOKEN: &str = "a-token-of-the-test";
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

fn address(country: &str) -> Value {
    json!({ "name": "Ada Lovelace", "line1": "Weg 1", "city": "Ort", "postcode": "8010", "country": country })
}

/// Somebody with an account, logged in.
async fn customer(shop: &Shop) -> Client {
    let account = json!({ "email": format!("{}@example.com", Uuid::now_v7().simple()), "password": "correct horse battery staple" });
    shop.post("/v1/customers", account.clone()).await.must(201);
    let session = shop.post("/v1/sessions", account).await.must(201);
    shop.with("Authorization", format!("Bearer {}", text(&session["access_token"])))
}

/// How many of each variant, sorted.
fn quantities(cart: &Value) -> Vec<i64> {
    let lines = cart["lines"].as_array().expect("lines").iter();
    let mut all: Vec<i64> = lines.map(|line| line["quantity"].as_i64().expect("a number")).collect();
    all.sort_unstable();
    all
}

pub async fn a_guest_who_logs_in_takes_their_cart_along(topology: Topology) {
    let (shop, owner) = Shop::open(topology).await;
    let (teapot, cup) = (owner.product(1999, 9).await, owner.product(500, 9).await);
    let ada = customer(&shop).await;
    let lines = json!([{ "variant": cup.variant, "quantity": 2 }, { "variant": teapot.variant, "quantity": 1 }]);
    let own = ada.post("/v1/carts", json!({ "lines": lines, "shipping_address": address("AT") })).await.must(201);
    assert!(own["token"].is_null() && own["customer"].is_string() && own["email"].is_string(), "{own:#}");
    let (guest, token) = guest(&shop).await;
    guest.add(&teapot, 2).await.must(201);
    let (path, claim) = (format!("/v1/carts/{}", guest.cart), format!("/v1/carts/{}/claim", guest.cart));
    ada.get(&path).await.refused(404, "carts.not_found");
    guest.client.post(&claim, json!({})).await.refused(401, "request.unauthenticated");
    ada.post(&claim, json!({})).await.refused(401, "request.unauthenticated");
    let with_token = |client: &Client| client.with("Cart-Token", &token);
    let cart = with_token(&ada).post(&claim, json!({})).await.must(200);
    assert_eq!((quantities(&cart), &cart["id"]), (vec![2, 3], &json!(guest.cart)), "{cart:#}");
    assert_eq!((&cart["shipping_address"]["city"], &cart["email"]), (&json!("Ort"), &own["email"]), "{cart:#}");

    let again = with_token(&ada).post(&claim, json!({})).await.must(200);
    assert_eq!(again, cart, "claimed twice is claimed once");
    let eve = customer(&shop).await;
    with_token(&eve).post(&claim, json!({})).await.refused(404, "carts.not_found");
    guest.client.get(&path).await.refused(404, "carts.not_found");
    guest.add(&cup, 1).await.refused(404, "carts.not_found");
    ada.get(format!("/v1/carts/{}", text(&own["id"]))).await.refused(404, "carts.not_found");
    let carts = ada.get("/v1/carts").await.must(200);
    assert_eq!(
        (carts["items"].as_array().map(Vec::len), &carts["items"][0]["units"]),
        (Some(1), &json!(5)),
        "{carts:#}"
    );
    assert_eq!(eve.get("/v1/carts").await.must(200)["items"], json!([]));
    shop.get("/v1/carts").await.refused(401, "request.unauthenticated");

    let buyer = Buyer { client: ada.clone(), cart: guest.cart.clone() };
    buyer.check_in().await;
    let order = buyer.place(TOKEN_OK).await;
    shop.settle().await;
    let seen = buyer.see(&order).await;
    assert_eq!((&seen["status"], &seen["customer"]), (&json!("confirmed"), &cart["customer"]), "{seen:#}");
    assert_eq!(ada.get("/v1/carts").await.must(200)["items"], json!([]), "an ordered cart is not open");
    with_token(&eve).get(format!("/v1/orders/{order}")).await.refused(404, "orders.not_found");
    shop.finish().await;
}

/// Variants with their units of each open cart.
async fn open_units(client: &Client) -> Vec<(String, i64)> {
    let mut units = Vec::new();
    for item in client.get("/v1/carts").await.must(200)["items"].as_array().expect("a list") {
        let cart = client.get(format!("/v1/carts/{}", text(&item["id"]))).await.must(200);
        let lines = cart["lines"].as_array().expect("lines").iter();
        units.extend(lines.map(|line| (text(&line["variant"]).to_owned(), line["quantity"].as_i64().expect("units"))));
    }
    units.sort();
    units
}

pub async fn a_cart_is_claimed_beside_an_order_that_is_just_placed(topology: Topology) {
    let (shop, owner) = Shop::open(topology).await;
    let (teapot, cup) = (owner.product(1999, 50).await, owner.product(500, 50).await);
    for round in 0..4 {
        let ada = customer(&shop).await;
        let own =
            ada.post("/v1/carts", json!({ "lines": [{ "variant": cup.variant, "quantity": 3 }] })).await.must(201);
        let own = Buyer { client: ada.clone(), cart: text(&own["id"]).to_owned() };
        let (guest, token) = guest(&shop).await;
        guest.cart_with(&teapot, 2).await;
        // One of the two is ordered, and nobody waits until that is heard of everywhere.
        let ordered = if round % 2 == 0 { &guest } else { &own };
        if round % 2 == 1 {
            own.check_in().await;
        }
        let order = ordered.place(TOKEN_OK).await;
        let claim = ada.with("Cart-Token", &token).post(format!("/v1/carts/{}/claim", guest.cart), json!({})).await;
        let status = claim.status;
        assert!(status == 200 || status == 409, "{}", claim.shown());
        shop.settle().await;
        let sold = ada.with("Cart-Token", &token).get(format!("/v1/orders/{order}")).await;
        let (bought, left) = if round % 2 == 0 { (&teapot, (&cup, 3)) } else { (&cup, (&teapot, 2)) };
        if round % 2 == 1 {
            assert_eq!(sold.must(200)["lines"][0]["variant"], json!(bought.variant));
        }
        let open = open_units(&ada).await;
        let expected = if round % 2 == 1 && status == 409 { vec![] } else { vec![(left.0.variant.clone(), left.1)] };
        assert_eq!(open, expected, "round {round}, the claim was answered {status}");
    }
    shop.finish().await;
}

/// A guest with an empty cart, and its token.
async fn guest(shop: &Shop) -> (Buyer, String) {
    let cart = shop.post("/v1/carts", json!({})).await.must(201);
    let token = text(&cart["token"]).to_owned();
    (Buyer { client: shop.with("Cart-Token", &token), cart: text(&cart["id"]).to_owned() }, token)
}

pub async fn one_request_opens_a_cart_and_null_takes_things_away(topology: Topology) {
    let (shop, owner) = Shop::open(topology).await;
    let teapot = owner.product(1999, 9).await;
    let probe = shop.buyer().await;
    let method = probe.cart_with(&teapot, 1).await["shipping_method"].clone();
    let body = json!({
        "email": "ada@example.com", "shipping_address": address("AT"), "billing_address": address("DE"), "shipping_method": method,
        "lines": [{ "variant": teapot.variant, "quantity": 1, "metadata": { "text": "Ada" } }, { "variant": teapot.variant, "quantity": 1 }],
    });
    let cart = shop.post("/v1/carts", body.clone()).await.must(201);
    assert_eq!((&cart["missing"], &cart["quote"]["total"]["amount"]), (&json!([]), &json!(2 * 1999 + 490)), "{cart:#}");
    assert_eq!((quantities(&cart), &cart["lines"][0]["metadata"]["text"]), (vec![2], &json!("Ada")), "{cart:#}");
    let buyer = Buyer { client: shop.with("Cart-Token", text(&cart["token"])), cart: text(&cart["id"]).to_owned() };
    let path = format!("/v1/carts/{}", buyer.cart);
    let cleared = json!({ "email": null, "shipping_address": null, "billing_address": null, "shipping_method": null });
    let bare = buyer.client.patch(&path, cleared).await.must(200);
    assert_eq!(bare["missing"], json!(["email", "shipping_address", "shipping_method"]), "{bare:#}");
    let whole = json!({ "email": "ada@example.com", "shipping_address": address("AT"), "shipping_method": method });
    assert_eq!(buyer.client.patch(&path, whole).await.must(200)["missing"], json!([]));
    let line = format!("{path}/lines/{}", text(&cart["lines"][0]["id"]));
    let renamed = buyer.client.patch(line, json!({ "metadata": {} })).await.must(200);
    assert_eq!((&renamed["lines"][0]["metadata"], quantities(&renamed)), (&json!({}), vec![2]), "{renamed:#}");
    let order = buyer.place(TOKEN_OK).await;
    shop.settle().await;
    assert_eq!(buyer.see(&order).await["status"], "confirmed");

    let abroad = json!({ "lines": body["lines"], "shipping_address": address("US") });
    let refused = shop.post("/v1/carts", abroad).await.refused(422, "request.invalid");
    assert_eq!(refused["errors"][0]["pointer"], "/shipping_address/country", "{refused:#}");
    let unknown =
        json!({ "lines": [body["lines"][0], { "variant": "var_00000000000000000000000000", "quantity": 1 }] });
    let refused = shop.post("/v1/carts", unknown).await.refused(422, "request.invalid");
    assert_eq!(refused["errors"][0]["pointer"], "/lines/1/variant", "{refused:#}");
    shop.finish().await;
}

pub async fn a_cart_has_limits(topology: Topology) {
    let edit = |config: &mut platform::Config| {
        (config.carts.lines_max, config.carts.quantity_max, config.carts.open_per_customer_max) = (2, 5, 1);
    };
    let (shop, owner) = Shop::open_with(topology, ShopOptions { edit: Box::new(edit), ..Default::default() }).await;
    let (teapot, cup, jug) = (owner.product(1999, 9).await, owner.product(500, 9).await, owner.product(900, 9).await);
    let buyer = shop.buyer().await;
    buyer.add(&teapot, 4).await.must(201);
    let refused = buyer.add(&teapot, 2).await.refused(422, "request.invalid");
    assert_eq!(refused["errors"][0]["pointer"], "/quantity", "{refused:#}");
    buyer.add(&cup, 1).await.must(201);
    buyer.add(&jug, 1).await.refused(422, "carts.too_many_lines");
    buyer.add(&teapot, 1).await.must(201);
    let ada = customer(&shop).await;
    ada.post("/v1/carts", json!({})).await.must(201);
    ada.post("/v1/carts", json!({})).await.refused(409, "carts.too_many_carts");
    // Of sixteen at once, as many go in as fit.
    let buyer = shop.buyer().await;
    let adds = (0..16).map(|_| async { buyer.add(&cup, 1).await.status });
    let statuses = futures::future::join_all(adds).await;
    let added = statuses.iter().filter(|status| **status == 201).count();
    assert!(statuses.iter().all(|status| [201, 422, 503].contains(status)), "{statuses:?}");
    assert_eq!((added, quantities(&buyer.see_cart().await)), (5, vec![5]));
    shop.finish().await;
}

/// Until the shop has forgotten it: it looks hourly, beside the story.
async fn must_be_forgotten(shop: &Shop, buyer: &Buyer) {
    for _ in 0..20 {
        shop.advance(Duration::from_secs(60 * 60));
        for _ in 0..50 {
            if buyer.client.get(format!("/v1/carts/{}", buyer.cart)).await.status == 404 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
    panic!("the cart is still there");
}

pub async fn a_cart_that_is_left_alone_is_forgotten(topology: Topology) {
    let (shop, owner) = Shop::open(topology).await;
    let teapot = owner.product(1999, 9).await;
    let (left, touched, ordered) = (shop.buyer().await, shop.buyer().await, shop.buyer().await);
    left.add(&teapot, 1).await.must(201);
    let expires: jiff::Timestamp = text(&left.see_cart().await["expires_at"]).parse().expect("a time");
    assert_eq!(expires, NOON + 30 * DAY);
    ordered.cart_with(&teapot, 1).await;
    let order = ordered.place(TOKEN_OK).await;
    shop.settle().await;
    assert!(ordered.see_cart().await["expires_at"].is_null(), "an order holds it");
    shop.advance(29 * DAY);
    touched.add(&teapot, 1).await.must(201);
    assert_eq!(left.see_cart().await["status"], "open");
    shop.advance(2 * DAY);
    must_be_forgotten(&shop, &left).await;
    assert_eq!(
        (&touched.see_cart().await["status"], &ordered.see_cart().await["status"]),
        (&json!("open"), &json!("ordered"))
    );

    let shipment = owner.shipments(&order).await.remove(0);
    let path = format!("/v1/admin/shipments/{}", text(&shipment["id"]));
    owner.post(format!("{path}/dispatch"), json!({})).await.must(200);
    owner.post(format!("{path}/deliver"), json!({})).await.must(200);
    shop.settle().await;
    assert_eq!(ordered.see(&order).await["status"], "completed");
    must_be_forgotten(&shop, &ordered).await;
    assert_eq!(ordered.see(&order).await["status"], "completed", "the order needs no cart");
    shop.finish().await;
}

pub async fn what_changed_since_is_shown(topology: Topology) {
    let (shop, owner) = Shop::open(topology).await;
    let (teapot, cup) = (owner.product(1999, 9).await, owner.product(500, 9).await);
    let buyer = shop.buyer().await;
    buyer.add(&teapot, 1).await.must(201);
    let cart = buyer.add(&cup, 1).await.must(201);
    assert_eq!(cart["changes"], json!([]), "{cart:#}");
    owner.set_price(&teapot, 2199).await;
    let product = format!("/v1/admin/products/{}", cup.id);
    let tag = owner.get(&product).await.header("etag").to_owned();
    owner.patch(&product, json!({ "status": "archived" })).header("If-Match", &tag).await.must(200);
    shop.settle().await;
    let cart = buyer.see_cart().await;
    let changes = cart["changes"].as_array().expect("changes");
    let told: Vec<(&str, i64, Option<i64>)> = changes
        .iter()
        .map(|change| {
            (
                text(&change["kind"]),
                change["before"]["amount"].as_i64().expect("a number"),
                change["now"]["amount"].as_i64(),
            )
        })
        .collect();
    assert_eq!(told, [("price", 1999, Some(2199)), ("unavailable", 500, None)], "{cart:#}");
    assert_eq!((&cart["prices"], &cart["quote"]["total"]["amount"]), (&json!("current"), &json!(2199)), "{cart:#}");
    let line = |at: usize| format!("/v1/carts/{}/lines/{}", buyer.cart, text(&cart["lines"][at]["id"]));
    buyer.client.delete(line(1)).await.must(200);
    let seen = buyer.client.patch(line(0), json!({ "quantity": 2 })).await.must(200);
    assert_eq!(seen["changes"], json!([]), "{seen:#}");
    shop.finish().await;
}

/// Pricing as another process would be: passes questions on to the shop, unless it is down.
#[derive(Debug, Default)]
struct Pricing {
    shop: OnceLock<Client>,
    is_down: AtomicBool,
}

async fn quote(State(pricing): State<Arc<Pricing>>, body: axum::Json<Value>) -> Response {
    if pricing.is_down.load(SeqCst) {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let shop = pricing.shop.get().expect("the shop is open before anybody buys");
    let answer = shop.post("/internal/calls/pricing.quote_basket", body.0).await;
    (StatusCode::from_u16(answer.status).expect("a status"), axum::Json(answer.json())).into_response()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cart_is_read_at_last_known_prices_and_not_ordered() {
    let pricing = Arc::new(Pricing::default());
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("a bound address"));
    let router =
        Router::new().route("/internal/calls/pricing.quote_basket", post(quote)).with_state(Arc::clone(&pricing));
    tokio::spawn(async move { axum::serve(listener, router).await });
    let edit = move |config: &mut platform::Config| {
        config.peers.insert("pricing.quote_basket".to_owned(), url);
        config.internal.service_token = TOKEN.to_owned();
    };
    let options = ShopOptions { edit: Box::new(edit), ..Default::default() };
    let (shop, owner) = Shop::open_with(Topology::Sqlite, options).await;
    pricing.shop.set(shop.with("souk-service-token", TOKEN)).expect("set once");
    let teapot = owner.product(1999, 9).await;
    let buyer = shop.buyer().await;
    let cart = buyer.cart_with(&teapot, 2).await;
    assert_eq!((&cart["prices"], &cart["priced_at"]), (&json!("current"), &Value::Null), "{cart:#}");

    pricing.is_down.store(true, SeqCst);
    let known = buyer.see_cart().await;
    assert_eq!((&known["prices"], &known["quote"]), (&json!("last_known"), &cart["quote"]), "{known:#}");
    assert_eq!((&known["priced_at"], quantities(&known)), (&cart["updated_at"], vec![2]), "{known:#}");
    buyer.order(TOKEN_OK).await.refused(503, "unavailable");
    let line = format!("/v1/carts/{}/lines/{}", buyer.cart, text(&cart["lines"][0]["id"]));
    let fewer = buyer.client.patch(line, json!({ "quantity": 1 })).await.must(200);
    assert_eq!((quantities(&fewer), &fewer["prices"]), (vec![1], &json!("last_known")), "{fewer:#}");

    pricing.is_down.store(false, SeqCst);
    shop.advance(Duration::from_secs(3));
    let now = buyer.see_cart().await;
    assert_eq!((&now["prices"], &now["quote"]["total"]["amount"]), (&json!("current"), &json!(1999 + 490)), "{now:#}");
    buyer.place(TOKEN_OK).await;
    shop.finish().await;
}
