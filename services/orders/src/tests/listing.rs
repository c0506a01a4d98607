//! Lists: a customer's own, what staff search for, and notes.

use super::*;

impl Shop {
    async fn found(&self, query: &str) -> Vec<OrderId> {
        let answer = self.as_staff("GET", &format!("/v1/admin/orders?{query}"), json!({})).await;
        assert_eq!(answer.status, 200, "{query}: {}", answer.body);
        let items = answer.body["items"].as_array().expect("a list");
        items.iter().map(id_of).collect()
    }
}

fn id_of(item: &Value) -> OrderId {
    item["id"].as_str().expect("an id").parse().expect("an order's id")
}

#[tokio::test]
async fn a_customer_lists_their_own_orders_newest_first() {
    let shop = Shop::open().await;
    let (ada, bob) = (samples::id(8), samples::id(9));
    shop.place("k1", samples::id(1)).await;
    let mut placed = Vec::new();
    for (number, customer) in [(2, ada), (3, bob), (4, ada), (5, ada)] {
        shop.ctx.clock.advance(Duration::from_secs(60));
        let wish = wish(samples::id(number));
        let order = shop.as_customer(customer, "POST", "/v1/orders", wish).await.order();
        if customer == ada {
            placed.insert(0, json!(order));
        }
    }
    let first = shop.as_customer(ada, "GET", "/v1/orders?limit=2", json!({})).await;
    assert_eq!(first.status, 200, "{}", first.body);
    let next = first.body["next"].as_str().expect("a next page");
    let rest = shop.as_customer(ada, "GET", &format!("/v1/orders?limit=2&cursor={next}"), json!({})).await;
    let items = [&first, &rest].map(|page| page.body["items"].as_array().expect("a list").clone()).concat();
    assert_eq!(items.iter().map(|item| item["id"].clone()).collect::<Vec<_>>(), placed);
    assert_eq!(rest.body["next"], Value::Null);
    assert_eq!(shop.get("/v1/orders").await.status, 401, "a guest has no list");
}

#[tokio::test]
async fn staff_find_orders_by_what_people_know_of_them() {
    let shop = Shop::open().await;
    let first = shop.confirm("k1", samples::id(1)).await;
    shop.ctx.clock.advance(Duration::from_secs(3_600));
    shop.change_basket(|basket| {
        basket.email = Some("Bob@Example.org".to_owned());
        basket.lines[1].variant.sku = "CUP-9".to_owned();
    });
    let second = shop.place("k2", samples::id(2)).await;
    let ada = samples::id::<CustomerId>(8);
    shop.ctx.clock.advance(Duration::from_secs(3_600));
    let third = shop.as_customer(ada, "POST", "/v1/orders", wish(samples::id(3))).await.order();

    let number = shop.as_staff("GET", &format!("/v1/admin/orders/{first}"), json!({})).await.body["number"].clone();
    let number = number.as_str().expect("a number").to_lowercase();
    let both = vec![third, second];
    for (query, expected) in [
        (String::new(), vec![third, second, first]),
        (format!("number={number}"), vec![first]),
        ("number=S-NONE".to_owned(), vec![]),
        ("email=%20bob@example.ORG".to_owned(), both.clone()),
        ("email=bob@example".to_owned(), vec![]),
        ("sku=CUP-9".to_owned(), both.clone()),
        ("sku=TEA-1".to_owned(), vec![third, second, first]),
        ("sku=CUP-9&email=ada@example.org".to_owned(), vec![]),
        (format!("customer={ada}"), vec![third]),
        (format!("customer={ada}&sku=CUP-9&email=bob@example.org"), vec![third]),
        ("status=placed".to_owned(), both.clone()),
        ("status=confirmed&payment_state=authorized&fulfilment_state=unfulfilled".to_owned(), vec![first]),
        ("payment_state=none".to_owned(), both.clone()),
        ("payment_state=refunded".to_owned(), vec![]),
        ("fulfilment_state=unfulfilled&market=default".to_owned(), vec![third, second, first]),
        ("market=elsewhere".to_owned(), vec![]),
        ("placed_from=1970-01-01T01:00:00Z&placed_before=1970-01-01T02:00:00Z".to_owned(), vec![second]),
        ("market=default&placed_before=1970-01-01T01:00:00Z".to_owned(), vec![first]),
    ] {
        assert_eq!(shop.found(&query).await, expected, "{query}");
    }
    for query in
        ["status=lost", "limit=0", "limit=101", "cursor=x", "placed_from=yesterday", "customer=8", "colour=red"]
    {
        let answer = shop.as_staff("GET", &format!("/v1/admin/orders?{query}"), json!({})).await;
        assert!(matches!(answer.status, 400 | 422), "{query}: {} {}", answer.status, answer.body);
    }
}

#[tokio::test]
async fn pages_of_every_search_meet_without_a_gap() {
    let shop = Shop::open().await;
    // Two lines of one SKU: the order is still found once.
    shop.change_basket(|basket| basket.lines[1].variant.sku = "TEA-1".to_owned());
    let mut placed = Vec::new();
    for number in 1..8 {
        let order = shop.place(&format!("k{number}"), samples::id(number)).await;
        placed.insert(0, order);
        if number % 3 == 0 {
            shop.ctx.clock.advance(Duration::from_secs(60));
        }
    }
    for query in [
        "status=placed",
        "payment_state=none",
        "fulfilment_state=unfulfilled",
        "market=default",
        "sku=TEA-1",
        "email=ada@example.org",
        "limit=2",
    ] {
        let (mut found, mut cursor) = (Vec::<OrderId>::new(), String::new());
        loop {
            let limit = if query.starts_with("limit") { "" } else { "&limit=2" };
            let path = format!("/v1/admin/orders?{query}{limit}{cursor}");
            let page = shop.as_staff("GET", &path, json!({})).await.body;
            let items = page["items"].as_array().expect("a list");
            found.extend(items.iter().map(id_of));
            match page["next"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        assert_eq!(found, placed, "{query}");
    }
}

#[tokio::test]
async fn a_note_is_for_staff_alone_and_written_once() {
    let shop = Shop::open().await;
    let order = shop.place("k1", cart()).await;
    let path = format!("/v1/admin/orders/{order}/notes");
    let write = |text: &str| {
        let headers = [("authorization", "Bearer souk_sk_k"), ("idempotency-key", "n1")];
        let (path, body) = (path.clone(), json!({ "text": text }));
        let shop = &shop;
        async move { shop.send("POST", &path, &headers, body).await }
    };
    let written = write("Called twice.").await;
    assert_eq!((written.status, &written.body["notes"][0]["text"]), (201, &json!("Called twice.")), "{}", written.body);
    assert_eq!(written.body["notes"][0]["staff"], json!(staff()));
    let again = write("Called twice.").await;
    assert_eq!((again.status, again.body["notes"].as_array().map(Vec::len)), (201, Some(1)));
    assert_eq!(again.headers["idempotent-replayed"], "true");
    assert_eq!(write("Other.").await.code(), "request.key_reused");

    let before = shop.as_staff("GET", &format!("/v1/admin/orders/{order}"), json!({})).await;
    shop.as_staff("POST", &path, json!({ "text": "And once more." })).await;
    let after = shop.as_staff("GET", &format!("/v1/admin/orders/{order}"), json!({})).await;
    assert_eq!(after.body["notes"][1]["text"], "And once more.");
    assert_ne!(before.headers["etag"], after.headers["etag"]);
    let seen = shop.get(&format!("/v1/orders/{order}")).await;
    assert!(!seen.body.to_string().contains("Called"), "{}", seen.body);
    let recorded = shop.said("audit.recorded").await;
    assert_eq!((recorded.len(), &recorded[0]["action"]), (2, &json!("orders.add_note")));
    let unknown = OrderId::from_uuid(Uuid::from_u128(99));
    let nowhere = shop.as_staff("POST", &format!("/v1/admin/orders/{unknown}/notes"), json!({ "text": "x" })).await;
    assert_eq!((nowhere.status, nowhere.code()), (404, "orders.not_found"));
}
