//! A guest who logs in.

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
