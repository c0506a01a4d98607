//! What the shop refuses, and how it says so: always a problem of RFC 9457 with a stable code.

use contracts::customers::Role;
use serde_json::json;
use testkit::{Answer, Shop, ShopOptions, Topology};

async fn what_cannot_be_read_is_refused_with_the_mend(topology: Topology) {
    let options = ShopOptions { edit: Box::new(|config| config.server.body_bytes_max = 2_000), ..Default::default() };
    let shop = Shop::start_with(topology, options).await;
    let carts = || shop.ask_with("POST", "/v1/carts");
    carts().text("application/json", "{").await.refused(400, "request.malformed");
    carts().text("text/plain", "{}").await.refused(415, "request.media_type");
    carts()
        .text("application/json", format!("{{\"x\":\"{}\"}}", "a".repeat(3_000)))
        .await
        .refused(413, "request.too_large");
    let unknown = shop.post("/v1/carts", json!({ "colour": "red" })).await.refused(400, "request.malformed");
    assert!(unknown["detail"].as_str().is_some_and(|detail| detail.contains("colour")), "{unknown:#}");
    let field = shop.post("/v1/carts", json!({ "market": "moon" })).await.refused(422, "request.invalid");
    assert_eq!(field["errors"][0]["pointer"], "/market", "{field:#}");

    shop.get("/v1/nothing").await.refused(404, "request.unknown_route");
    shop.get("/v1/products/prod_nonsense").await;
    let method = shop.delete("/v1/products").await;
    assert!(method.header("allow").contains("GET"), "{}", method.shown());
    method.refused(405, "request.method_not_allowed");
    for limit in ["0", "101", "many"] {
        let problem = shop.get(format!("/v1/products?limit={limit}")).await.refused(400, "request.malformed");
        assert_eq!(problem["errors"][0]["pointer"], "limit", "{problem:#}");
    }
    let problem = shop.get("/v1/products?cursor=nonsense").await.refused(422, "request.invalid");
    assert_eq!(problem["errors"][0]["pointer"], "cursor", "{problem:#}");
    shop.finish().await;
}

async fn who_may_not_is_refused(topology: Topology) {
    let (shop, owner) = Shop::open(topology).await;
    let teapot = owner.product(1999, 5).await;
    let body = json!({ "name": "elsewhere" });
    shop.post("/v1/admin/locations", body.clone()).await.refused(401, "request.unauthenticated");
    let stranger = shop.with("Authorization", "Bearer souk_sk_nonsense");
    stranger.post("/v1/admin/locations", body.clone()).await.refused(401, "request.unauthenticated");
    let auditor = shop.staff(Role::Auditor).await;
    auditor.post("/v1/admin/locations", body).await.refused(403, "request.forbidden");
    auditor.get("/v1/admin/orders").await.must(200);

    let (buyer, other) = (shop.buyer().await, shop.buyer().await);
    shop.get(format!("/v1/carts/{}", buyer.cart)).await.refused(401, "request.unauthenticated");
    let foreign = other.client.get(format!("/v1/carts/{}", buyer.cart)).await.refused(404, "carts.not_found");
    let never_was = other.client.get("/v1/carts/cart_00000000000000000000000000").await.refused(404, "carts.not_found");
    assert_eq!(foreign["detail"], never_was["detail"], "not yours is not found");
    buyer.cart_with(&teapot, 1).await;
    let stolen = json!({ "cart": buyer.cart, "payment": { "method": "card", "token": "tok_ok" } });
    other.client.post("/v1/orders", stolen.clone()).key("a-theft").await.refused(404, "carts.not_found");
    buyer.client.post("/v1/orders", stolen).await.refused(428, "request.key_required");

    let order = buyer.place("tok_ok").await;
    other.client.get(format!("/v1/orders/{order}")).await.refused(404, "orders.not_found");
    other.cancel(&order).await.refused(404, "orders.not_found");
    other.pay(&order, "tok_ok").await.refused(404, "orders.not_found");
    shop.finish().await;
}

async fn a_revoked_key_stops_at_once(topology: Topology) {
    let shop = Shop::start(topology).await;
    let owner = shop.staff(Role::Owner).await;
    let auditor = shop.staff(Role::Auditor).await;
    auditor.get("/v1/admin/orders").await.must(200);
    let staff = owner.get("/v1/admin/staff").await.must(200);
    let member = staff["items"].as_array().and_then(|items| items.iter().find(|member| member["role"] == "auditor"));
    let key = member.and_then(|member| member["keys"][0]["id"].as_str()).expect("a member shows its keys").to_owned();
    owner.post(format!("/v1/admin/staff-keys/{key}/revoke"), json!({})).await.must(200);
    shop.settle().await;
    auditor.get("/v1/admin/orders").await.refused(401, "request.unauthenticated");
    shop.finish().await;
}

async fn an_edit_names_the_version_it_is_made_on(topology: Topology) {
    let (shop, owner) = Shop::open(topology).await;
    let teapot = owner.product(1999, 0).await;
    let (page, admin) = (format!("/v1/products/{}", teapot.id), format!("/v1/admin/products/{}", teapot.id));
    let etag = shop.get(&page).await.header("etag").to_owned();
    assert!(!etag.is_empty());
    let unchanged = shop.get(&page).header("If-None-Match", &etag).await;
    assert_eq!((unchanged.status, unchanged.text.as_str()), (304, ""));

    let edit = json!({ "title": "A better teapot" });
    owner.patch(&admin, edit.clone()).await.refused(428, "request.if_match_required");
    owner.patch(&admin, edit.clone()).header("If-Match", &etag).await.must(200);
    owner.patch(&admin, edit).header("If-Match", &etag).await.refused(412, "catalog.product_changed");
    let changed = shop.get(&page).header("If-None-Match", &etag).await.must(200);
    assert_eq!(changed["title"], "A better teapot");
    let archive = json!({ "status": "archived" });
    let etag = shop.get(&page).await.header("etag").to_owned();
    owner.patch(&admin, archive).header("If-Match", &etag).await.must(200);
    shop.get(&page).await.refused(404, "catalog.product_not_found");
    shop.finish().await;
}

async fn every_answer_is_guarded(topology: Topology) {
    let shop = Shop::start(topology).await;
    let guarded = |answer: Answer| {
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{}", answer.shown());
        assert_eq!(answer.header("x-frame-options"), "DENY", "{}", answer.shown());
        assert_eq!(answer.header("referrer-policy"), "no-referrer", "{}", answer.shown());
        assert_eq!(answer.header("access-control-allow-origin"), "", "CORS is closed");
    };
    guarded(shop.get("/v1/products").header("Origin", "https://evil.example").await);
    guarded(shop.get("/v1/nothing").header("Origin", "https://evil.example").await);
    let preflight = shop.ask_with("OPTIONS", "/v1/orders").header("Origin", "https://evil.example");
    guarded(preflight.header("Access-Control-Request-Method", "POST").await);
    let request = "0193a1b2-0000-7000-8000-00000000beef";
    let answer = shop.get("/v1/nothing").header("X-Request-Id", request).await;
    assert_eq!(answer.header("x-request-id"), request);
    assert_eq!(answer.refused(404, "request.unknown_route")["request_id"], request);
    shop.finish().await;
}

macro_rules! on_sqlite {
    ($($name:ident)+) => {
        mod refused {$(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name(testkit::Topology::Sqlite).await;
            }
        )+}
    };
}

on_sqlite! {
    what_cannot_be_read_is_refused_with_the_mend who_may_not_is_refused a_revoked_key_stops_at_once
    an_edit_names_the_version_it_is_made_on every_answer_is_guarded
}
