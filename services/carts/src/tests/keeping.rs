//! How long carts are kept.

use std::time::Duration;

use contracts::orders::OrderCompleted;

use crate::create_cart::NewCart;
use crate::prune::prune;
use crate::show_cart::show_cart;
use crate::test_shop::*;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

impl Shop {
    async fn is_there(&self, cart: &Held) -> bool {
        show_cart(&self.ctx, &cart.buyer, cart.id).await.is_ok()
    }

    async fn pass(&self, days: u32) {
        self.ctx.clock.advance(DAY * days);
        prune(self.ctx.clone()).await.expect("pruned");
    }
}

#[tokio::test]
async fn a_cart_that_is_left_alone_goes_and_one_that_is_touched_stays() {
    let shop = shop().await;
    let (left, touched) = (shop.ready().await, shop.ready().await);
    assert_eq!(shop.show(&left).await.expires_at, Some(shop.ctx.clock.now() + DAY * 30));
    shop.pass(29).await;
    shop.add(&touched, of(CUP, 1)).await.expect("a line");
    assert!(shop.is_there(&left).await);
    shop.pass(2).await;
    assert_eq!((shop.is_there(&left).await, shop.is_there(&touched).await), (false, true));
    shop.hear(placed(left.id, 1)).await;
}

#[tokio::test]
async fn a_cart_is_kept_as_long_as_its_order_lives() {
    let shop = shop().await;
    let (living, completed, cancelled_paid) = (shop.ready().await, shop.ready().await, shop.ready().await);
    for (cart, number) in [(&living, 1), (&completed, 2), (&cancelled_paid, 3)] {
        shop.hear(placed(cart.id, number)).await;
        assert_eq!(shop.show(cart).await.expires_at, None);
    }
    shop.hear(Heard::Completed(OrderCompleted { order: order(2) })).await;
    shop.hear(cancelled(cancelled_paid.id, 3, false)).await;
    shop.pass(29).await;
    assert!(shop.is_there(&completed).await);
    shop.pass(2).await;
    assert!(shop.is_there(&living).await);
    assert!(!shop.is_there(&completed).await && !shop.is_there(&cancelled_paid).await);
    shop.hear(cancelled(living.id, 1, true)).await;
    assert!(shop.show(&living).await.expires_at.is_some(), "it is open again, and counts from now");
    shop.pass(29).await;
    assert!(shop.is_there(&living).await);
    shop.pass(2).await;
    assert!(!shop.is_there(&living).await);
}

#[tokio::test]
async fn an_order_that_ended_before_it_was_heard_of_keeps_no_cart_for_good() {
    let shop = shop().await;
    let cart = shop.ready().await;
    shop.hear(Heard::Completed(OrderCompleted { order: order(1) })).await;
    shop.hear(Heard::Completed(OrderCompleted { order: order(2) })).await;
    shop.hear(placed(cart.id, 1)).await;
    assert_eq!(shop.show(&cart).await.order, Some(order(1)));
    shop.pass(31).await;
    assert!(!shop.is_there(&cart).await);
}

#[tokio::test]
async fn guests_of_one_address_open_so_many_carts_an_hour() {
    let mut shop = shop().await;
    shop.limit(|carts| carts.guest_carts_per_hour_max = 3);
    for _ in 0..3 {
        shop.open().await;
        shop.ctx.clock.advance(Duration::from_secs(600));
    }
    let refused = shop.open_with(NewCart::default()).await.err().expect("a refusal");
    assert_eq!((refused.status, refused.code.as_ref()), (429, "carts.too_many_opened"));
    assert_eq!(refused.retry_after_seconds, Some(1_800));
    shop.open_for(customer(1), NewCart::default()).await.expect("a customer has a limit of their own");
    shop.ctx.clock.advance(Duration::from_secs(1_800));
    shop.open().await;
    shop.limit(|carts| carts.guest_carts_per_hour_max = 0);
    for _ in 0..5 {
        shop.open().await;
    }
}
