//! A guest who logs in.

use contracts::Id;
use contracts::carts::Missing;
use contracts::customers::Buyer;
use platform::http::Page;

use crate::create_cart::NewCart;
use crate::list_carts::list;
use crate::show_cart::show_cart;
use crate::test_shop::*;

async fn open_carts(shop: &Shop, number: u128) -> usize {
    list(&shop.ctx, customer(number), &Page::default()).await.expect("a list").items.len()
}

#[tokio::test]
async fn a_claimed_cart_is_the_customers_and_its_token_is_dead() {
    let shop = shop().await;
    let cart = shop.ready().await;
    let before = shop.show(&cart).await;
    let claimed = shop.claim(&cart, customer(1)).await.expect("a cart");
    assert_eq!((claimed.id, claimed.customer, claimed.version), (cart.id, Some(customer(1)), before.version + 1));
    assert_eq!((&claimed.lines, &claimed.email), (&before.lines, &before.email));
    assert!(show_cart(&shop.ctx, &cart.buyer, cart.id).await.is_err(), "the token opens nothing any more");
    assert_eq!(shop.add(&cart, of(CUP, 1)).await.expect_err("a refusal").status, 404);
    let mine = Held { id: cart.id, buyer: Buyer::Customer { customer: customer(1) } };
    assert_eq!(shop.show(&mine).await, claimed);
    assert_eq!(shop.claim(&cart, customer(1)).await.expect("again"), claimed, "claimed twice is claimed once");
    assert_eq!(shop.claim(&cart, customer(2)).await.expect_err("a refusal").status, 404);
    let other = shop.open().await;
    let foreign = Held { id: other.id, buyer: cart.buyer.clone() };
    assert_eq!(shop.claim(&foreign, customer(2)).await.expect_err("another cart's token").status, 404);
}

#[tokio::test]
async fn the_customers_own_cart_joins_in() {
    let shop = shop().await;
    let guest = shop.open().await;
    shop.add(&guest, of(TEAPOT, 1)).await.expect("a line");
    let body =
        NewCart { lines: vec![of(CUP, 3), of(TEAPOT, 2)], shipping_address: Some(address("AT")), ..NewCart::default() };
    let mine = shop.open_for(customer(1), body).await.expect("a cart");
    let view = shop.claim(&guest, customer(1)).await.expect("a cart");
    let mut lines: Vec<_> = view.lines.iter().map(|line| (line.variant.to_string(), line.quantity.get())).collect();
    lines.sort();
    assert_eq!(
        lines.iter().map(|(_, quantity)| *quantity).collect::<Vec<_>>(),
        [3, 3],
        "equal variants add up: {lines:?}"
    );
    assert_eq!((view.id, &view.missing[..]), (guest.id, &[Missing::ShippingMethod][..]));
    assert!(show_cart(&shop.ctx, &mine.buyer, mine.id).await.is_err(), "what is empty is gone");
    assert_eq!(open_carts(&shop, 1).await, 1);
    assert_eq!(shop.claim(&guest, customer(1)).await.expect("again"), view, "joined twice is joined once");
}

#[tokio::test]
async fn what_does_not_fit_stays_where_it_was() {
    let mut shop = shop().await;
    shop.limit(|carts| {
        (carts.lines_max, carts.quantity_max, carts.open_per_customer_max) = (1, 5, 1);
    });
    let guest = shop.open().await;
    shop.add(&guest, of(TEAPOT, 4)).await.expect("a line");
    let mine =
        shop.open_for(customer(1), NewCart { lines: vec![of(TEAPOT, 3)], ..NewCart::default() }).await.expect("a cart");
    let view = shop.claim(&guest, customer(1)).await.expect("a cart");
    let quantity = |view: &crate::view::CartView| view.lines.iter().map(|line| line.quantity.get()).collect::<Vec<_>>();
    assert_eq!((quantity(&view), quantity(&shop.show(&mine).await)), (vec![5], vec![2]));
    let third = shop.open().await;
    shop.add(&third, of(CUP, 1)).await.expect("a line");
    assert_eq!(quantity(&shop.claim(&third, customer(1)).await.expect("a cart")), [1], "no line more than fits");
    assert_eq!(open_carts(&shop, 1).await, 3);
}

#[tokio::test]
async fn an_ordered_cart_is_not_claimed_and_a_full_hand_takes_no_more() {
    let mut shop = shop().await;
    let ordered = shop.ready().await;
    shop.hear(placed(ordered.id, 1)).await;
    assert_eq!(shop.claim(&ordered, customer(1)).await.expect_err("a refusal").code, "carts.ordered");
    shop.limit(|carts| {
        carts.open_per_customer_max = 1;
    });
    let elsewhere = shop.open_for(customer(1), NewCart::default()).await.expect("a cart");
    shop.hear(placed(elsewhere.id, 2)).await;
    shop.claim(&shop.open().await, customer(1)).await.expect("an ordered cart does not count, and nothing joins");
    assert_eq!(shop.show(&elsewhere).await.order, Some(order(2)));
}

#[tokio::test]
async fn of_two_who_claim_at_once_one_has_it() {
    let shop = shop().await;
    let cart = shop.ready().await;
    let (first, second) = futures::join!(shop.claim(&cart, customer(1)), shop.claim(&cart, customer(2)));
    let statuses = [&first, &second].map(|result| result.as_ref().err().map(|problem| problem.status));
    assert!(statuses == [None, Some(404)] || statuses == [Some(404), None], "{statuses:?}");
}

/// Variants and units of a cart.
fn units(view: &crate::view::CartView) -> Vec<(u128, i64)> {
    let mut units: Vec<_> =
        view.lines.iter().map(|line| (line.variant.uuid().as_u128(), line.quantity.get())).collect();
    units.sort_unstable();
    units
}

impl Shop {
    async fn open_cart_of(&self, number: u128) -> Held {
        let items = list(&self.ctx, customer(number), &Page::default()).await.expect("a list").items;
        assert_eq!(items.len(), 1, "{items:?}");
        Held { id: items[0].id, buyer: Buyer::Customer { customer: customer(number) } }
    }
}

#[tokio::test]
async fn what_joins_into_a_cart_that_was_ordered_goes_on_in_an_open_one() {
    let shop = shop().await;
    let guest = shop.ready().await;
    let version = shop.show(&guest).await.version;
    // Ordered now; but before that is heard, the guest logs in.
    let own = NewCart { lines: vec![of(TEAPOT, 1), of(CUP, 3)], ..NewCart::default() };
    shop.open_for(customer(1), own).await.expect("a cart");
    shop.claim(&guest, customer(1)).await.expect("a cart");
    shop.hear(placed_with(guest.id, 1, version, &[(TEAPOT, 2)])).await;
    let mine = Held { id: guest.id, buyer: Buyer::Customer { customer: customer(1) } };
    let ordered = shop.show(&mine).await;
    assert_eq!((ordered.order, units(&ordered)), (Some(order(1)), vec![(TEAPOT, 2)]));
    let open = shop.show(&shop.open_cart_of(1).await).await;
    assert_eq!((units(&open), &open.email), (vec![(TEAPOT, 1), (CUP, 3)], &ordered.email));
    shop.hear(cancelled(guest.id, 1, true)).await;
    assert_eq!(units(&shop.show(&mine).await), [(TEAPOT, 2)], "given back, and nothing is there twice");
}

#[tokio::test]
async fn what_was_ordered_comes_back_out_of_the_cart_that_it_was_joined_into() {
    let shop = shop().await;
    let own = NewCart { lines: vec![of(TEAPOT, 1), of(CUP, 3)], ..NewCart::default() };
    let own = shop.open_for(customer(1), own).await.expect("a cart");
    let version = shop.show(&own).await.version;
    // Ordered now; but before that is heard, two carts are claimed.
    let (first, last) = (shop.ready().await, shop.open().await);
    shop.claim(&first, customer(1)).await.expect("a cart");
    let all = shop.claim(&last, customer(1)).await.expect("a cart");
    assert_eq!(units(&all), [(TEAPOT, 3), (CUP, 3)]);
    shop.hear(placed_with(own.id, 1, version, &[(TEAPOT, 1), (CUP, 3)])).await;
    let ordered = shop.show(&own).await;
    assert_eq!((ordered.order, units(&ordered)), (Some(order(1)), vec![(TEAPOT, 1), (CUP, 3)]));
    assert!(ordered.version > version);
    let open = shop.open_cart_of(1).await;
    assert_eq!((open.id, units(&shop.show(&open).await)), (last.id, vec![(TEAPOT, 2)]), "nothing is bought twice");
    shop.hear(cancelled(own.id, 1, true)).await;
    let back = shop.show(&own).await;
    assert_eq!((back.order, units(&back)), (None, vec![(TEAPOT, 1), (CUP, 3)]));
}

#[tokio::test]
async fn an_order_that_was_cancelled_before_it_was_heard_of_takes_nothing_out() {
    let shop = shop().await;
    let own = shop.open_for(customer(1), NewCart { lines: vec![of(CUP, 3)], ..NewCart::default() });
    let own = own.await.expect("a cart");
    let guest = shop.ready().await;
    shop.claim(&guest, customer(1)).await.expect("a cart");
    shop.hear(cancelled(own.id, 1, true)).await;
    shop.hear(placed_with(own.id, 1, 1, &[(CUP, 3)])).await;
    let open = shop.open_cart_of(1).await;
    assert_eq!((open.id, units(&shop.show(&open).await)), (guest.id, vec![(TEAPOT, 2), (CUP, 3)]));
}

#[tokio::test]
async fn a_customers_line_that_came_after_the_order_is_not_locked_in() {
    let shop = shop().await;
    let own = shop.open_for(customer(1), NewCart { lines: vec![of(TEAPOT, 1)], ..NewCart::default() });
    let own = own.await.expect("a cart");
    shop.add(&own, of(TEAPOT, 4)).await.expect("a line");
    shop.add(&own, of(CUP, 2)).await.expect("a line");
    shop.hear(placed_with(own.id, 1, 1, &[(TEAPOT, 1)])).await;
    assert_eq!(units(&shop.show(&own).await), [(TEAPOT, 1)]);
    let open = shop.open_cart_of(1).await;
    assert_eq!(units(&shop.show(&open).await), [(TEAPOT, 4), (CUP, 2)]);
    let guest = shop.ready().await;
    let version = shop.show(&guest).await.version;
    shop.add(&guest, of(CUP, 2)).await.expect("a line");
    shop.hear(placed_with(guest.id, 2, version, &[(TEAPOT, 2)])).await;
    assert_eq!(units(&shop.show(&guest).await), [(TEAPOT, 2), (CUP, 2)], "a guest has one token for one cart");
}
