//! What staff read: lists page by page, the ledger of a variant, the messages about an order.

use std::collections::BTreeSet;

use serde_json::Value;
use testkit::{Client, Shop, TOKEN_OK, Topology};

/// Walks a list to its end in pages of this many; returns the ids, which must not repeat.
async fn all_pages(client: &Client, path: &str, limit: usize) -> Vec<String> {
    let (mut ids, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = client
            .get(format!("{path}{}limit={limit}{cursor}", if path.contains('?') { '&' } else { '?' }))
            .await
            .must(200);
        let items = page["items"].as_array().expect("a list has items");
        assert!(items.len() <= limit, "{page:#}");
        ids.extend(items.iter().map(|item| item["id"].as_str().expect("an id").to_owned()));
        let Some(next) = page["next"].as_str() else { break };
        assert_eq!(items.len(), limit, "only the last page is short: {page:#}");
        cursor = format!("&cursor={next}");
    }
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len(), "{path} shows something twice: {ids:?}");
    ids
}

pub async fn lists_are_walked_page_by_page(topology: Topology) {
    let (shop, owner) = Shop::open(topology).await;
    let mut made = Vec::new();
    for _ in 0..7 {
        made.push(owner.product(1999, 5).await);
    }
    let newest_first: Vec<String> = made.iter().rev().map(|product| product.id.clone()).collect();
    assert_eq!(all_pages(&shop, "/v1/products", 3).await, newest_first);
    assert_eq!(all_pages(&shop, "/v1/products", 7).await, newest_first);

    let mut placed = Vec::new();
    for _ in 0..5 {
        let buyer = shop.buyer().await;
        buyer.cart_with(&made[0], 1).await;
        placed.push(buyer.place(TOKEN_OK).await);
    }
    shop.settle().await;
    let orders = all_pages(&owner, "/v1/admin/orders", 2).await;
    assert_eq!(orders.iter().collect::<BTreeSet<_>>(), placed.iter().collect());
    assert_eq!(all_pages(&owner, "/v1/admin/orders?status=confirmed", 2).await.len(), 5);
    assert!(all_pages(&owner, "/v1/admin/orders?status=cancelled", 2).await.is_empty());
    for list in ["shipments", "payments", "messages"] {
        assert_eq!(all_pages(&owner, &format!("/v1/admin/{list}"), 2).await.len(), 5, "{list}");
    }
    for (list, many) in [("tax/zones", 1), ("locations", 1), ("shipping/zones", 1), ("staff", 1)] {
        assert_eq!(all_pages(&owner, &format!("/v1/admin/{list}"), 1).await.len(), many, "{list}");
    }
    assert!(all_pages(&owner, "/v1/admin/audit-log", 4).await.len() >= 7 + 7 + 3);
    shop.finish().await;
}

pub async fn staff_follow_an_order_through_the_books(topology: Topology) {
    let (shop, owner) = Shop::open(topology).await;
    let teapot = owner.product(1999, 5).await;
    let buyer = shop.buyer().await;
    buyer.cart_with(&teapot, 2).await;
    let order = buyer.place(TOKEN_OK).await;
    shop.settle().await;
    let shown = owner.get(format!("/v1/admin/orders/{order}")).await.must(200);
    assert_eq!(shown["email"], "ada@example.com", "{shown:#}");

    let path = format!("/v1/admin/stock/movements?variant={}", teapot.variant);
    let ledger = owner.get(&path).await.must(200);
    let kinds: Vec<&Value> =
        ledger["items"].as_array().expect("a list").iter().map(|movement| &movement["kind"]).collect();
    assert_eq!(kinds, ["reserved", "received"], "newest first: {ledger:#}");
    assert_eq!(ledger["items"][0]["order"], order.as_str(), "{ledger:#}");
    assert_eq!(all_pages(&owner, &path, 1).await.len(), 2);
    let too_much = serde_json::json!({ "variant": teapot.variant, "location": owner.location, "quantity": -6, "reason": "damaged" });
    owner.post("/v1/admin/stock/adjustments", too_much).await.refused(409, "inventory.below_zero");

    let messages = owner.get(format!("/v1/admin/messages?order={order}")).await.must(200);
    let message = &messages["items"][0];
    assert_eq!((&message["template"], &message["state"]), (&"order_confirmed".into(), &"sent".into()), "{messages:#}");
    shop.finish().await;
}
