//! A cart while it is filled: lines come, change and go, from several tabs at once.

use futures::future::join_all;
use serde_json::json;
use testkit::{Product, Shop, Topology};

pub async fn a_cart_is_changed_until_it_is_right(topology: Topology) {
    let (shop, owner) = Shop::open(topology).await;
    let (teapot, cup) = (owner.product(1999, 9).await, owner.product(500, 9).await);
    let buyer = shop.buyer().await;
    buyer.add(&teapot, 1).await.must(201);
    let cart = buyer.add(&cup, 2).await.must(201);
    assert_eq!(cart["quote"]["total"]["amount"], 1999 + 2 * 500, "{cart:#}");
    let (first, second) = (&cart["lines"][0]["id"], &cart["lines"][1]["id"]);
    let line = |id: &serde_json::Value| format!("/v1/carts/{}/lines/{}", buyer.cart, id.as_str().expect("an id"));

    let cart = buyer.client.patch(line(second), json!({ "quantity": 6 })).await.must(200);
    assert_eq!(cart["quote"]["total"]["amount"], 1999 + 6 * 500, "{cart:#}");
    let cart = buyer.client.delete(line(first)).await.must(200);
    assert_eq!(
        (cart["lines"].as_array().map(Vec::len), &cart["quote"]["total"]["amount"]),
        (Some(1), &json!(3000)),
        "{cart:#}"
    );
    buyer.client.delete(line(first)).await.refused(404, "carts.line_not_found");
    buyer.client.patch(line(second), json!({ "quantity": 0 })).await.refused(400, "request.malformed");

    let unknown = Product { variant: "var_00000000000000000000000000".to_owned(), ..cup.clone() };
    let refused = buyer.add(&unknown, 1).await.refused(422, "request.invalid");
    assert_eq!(refused["errors"][0]["pointer"], "/variant", "{refused:#}");
    let abroad =
        json!({ "shipping_address": { "name": "Ada", "line1": "1 Main St", "city": "Reno", "country": "US" } });
    let refused = buyer.client.patch(format!("/v1/carts/{}", buyer.cart), abroad).await.refused(422, "request.invalid");
    assert_eq!(refused["errors"][0]["pointer"], "/shipping_address/country", "{refused:#}");
    shop.finish().await;
}

pub async fn what_two_tabs_put_in_at_once_is_all_there(topology: Topology) {
    let (shop, owner) = Shop::open(topology).await;
    let teapot = owner.product(1999, 99).await;
    let mut others = Vec::new();
    for _ in 0..5 {
        others.push(owner.product(500, 9).await);
    }
    let buyer = shop.buyer().await;
    let more = (0..8).map(|_| async { buyer.add(&teapot, 1).await.must(201) });
    let other = others.iter().map(|product| async { buyer.add(product, 1).await.must(201) });
    futures::join!(join_all(more), join_all(other));

    let cart = buyer.see_cart().await;
    let lines = cart["lines"].as_array().expect("lines");
    let of_teapots: Vec<_> = lines.iter().filter(|line| line["variant"] == teapot.variant.as_str()).collect();
    assert_eq!(lines.len(), 6, "{cart:#}");
    assert_eq!(of_teapots[0]["quantity"], 8, "{cart:#}");
    assert_eq!(cart["quote"]["total"]["amount"], 8 * 1999 + 5 * 500, "{cart:#}");
    shop.finish().await;
}
