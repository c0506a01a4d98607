//! Fifty buyers, one teapot.

use futures::future::join_all;
use testkit::{Buyer, Shop, TOKEN_OK, Topology};

const BUYERS: usize = 50;

pub async fn fifty_buyers_race_for_the_last_unit(topology: Topology) {
    let (shop, owner) = Shop::open(topology).await;
    let teapot = owner.product(1999, 1).await;
    shop.settle().await;
    let buyers: Vec<Buyer> = join_all((0..BUYERS).map(|_| shop.buyer())).await;
    join_all(buyers.iter().map(|buyer| buyer.cart_with(&teapot, 1))).await;

    let orders = join_all(buyers.iter().map(|buyer| buyer.place(TOKEN_OK))).await;
    shop.settle().await;

    let seen = join_all(buyers.iter().zip(&orders).map(|(buyer, order)| buyer.see(order))).await;
    let confirmed = seen.iter().filter(|order| order["status"] == "confirmed").count();
    let out_of_stock =
        seen.iter().filter(|order| order["status"] == "cancelled" && order["cancel_reason"] == "out_of_stock").count();
    assert_eq!(
        (confirmed, out_of_stock),
        (1, BUYERS - 1),
        "{:#?}",
        seen.iter().map(|order| &order["status"]).collect::<Vec<_>>()
    );

    let level = owner.level(&teapot).await;
    assert_eq!(
        (level["on_hand"].as_i64(), level["reserved"].as_i64()),
        (Some(1), Some(1)),
        "only the winner's is held: {level:#}"
    );
    let page = shop.get(format!("/v1/products/{}", teapot.id)).await.must(200);
    assert_eq!(page["variants"][0]["availability"], "out", "{page:#}");
    let charged = owner.get("/v1/admin/payments?limit=100").await.must(200);
    assert_eq!(charged["items"].as_array().map(Vec::len), Some(1), "nobody else was asked for money: {charged:#}");
    shop.finish().await;
}
