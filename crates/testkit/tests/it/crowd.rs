//! More buyers than connections: nobody waits for a connection that their own request holds.

use std::time::{Duration, Instant};

use futures::future::join_all;
use testkit::{Shop, ShopOptions, TOKEN_OK, Topology};

const BUYERS: usize = 64;
const CONNECTIONS: usize = 8;

pub async fn sixty_four_buyers_on_eight_connections_are_all_served(topology: Topology) {
    let options = ShopOptions { connections_max: CONNECTIONS, ..Default::default() };
    let (shop, owner) = Shop::open_with(topology, options).await;
    let teapot = owner.product(1999, 1_000).await;
    let begun = Instant::now();
    let purchase = || async {
        let buyer = shop.buyer().await;
        buyer.cart_with(&teapot, 1).await;
        let order = buyer.place(TOKEN_OK).await;
        (buyer, order)
    };
    let placed = join_all((0..BUYERS).map(|_| purchase())).await;
    shop.settle().await;
    let seen = join_all(placed.iter().map(|(buyer, order)| buyer.see(order))).await;
    let confirmed = seen.iter().filter(|order| order["status"] == "confirmed").count();
    assert_eq!(confirmed, BUYERS);
    assert!(begun.elapsed() < Duration::from_secs(30), "it took {:?}", begun.elapsed());
    assert_eq!(owner.level(&teapot).await["reserved"], 64);
    shop.finish().await;
}
