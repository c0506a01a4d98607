//! Carts that are opened with all that is known, and who owns them.

use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;

use ::store::work;
use contracts::carts::Missing;
use platform::http::Page;

use crate::change_cart::ChangeCart;
use crate::create_cart::{NewCart, create_cart};
use crate::list_carts::list;
use crate::shipping_options::shipping_options;
use crate::test_shop::*;
use crate::view::{CartChangeKind, CartView};

/// All that an order needs.
fn whole() -> NewCart {
    NewCart {
        email: Some("ada@example.com".into()),
        shipping_address: Some(address("AT")),
        shipping_method: Some(post().method),
        lines: vec![of(TEAPOT, 1), of(CUP, 1), of(TEAPOT, 1)],
        ..NewCart::default()
    }
}

#[tokio::test]
async fn one_request_makes_a_cart_that_can_be_ordered() {
    let shop = shop().await;
    let cost = Arc::new(work::Cost::default());
    let opening = create_cart(&shop.ctx, shop.somewhere().await, None, whole());
    let opened = work::scope("open", None, Arc::clone(&cost), opening).await;
    let view = opened.expect("a cart").cart;
    assert_eq!((cost.statements(), cost.transactions()), (3, 1));
    assert_eq!((view.missing.len(), view.lines.len(), view.version), (0, 2, 1));
    assert_eq!(view.quote.as_ref().map(|quote| quote.total), Some(eur(3490)));
    let cart = shop.open_with(whole()).await.expect("a cart");
    let shown = shop.show(&cart).await;
    assert_eq!((&shown.quote, &shown.missing, shown.lines[0].quantity.get()), (&view.quote, &view.missing, 2));
    shop.down.store(true, SeqCst);
    assert_eq!(shop.show(&cart).await.quote, view.quote, "its first quote is its last known one");
}

#[tokio::test]
async fn what_is_wrong_with_it_is_named_and_nothing_is_made() {
    let mut shop = shop().await;
    shop.limit(|carts| {
        (carts.lines_max, carts.quantity_max) = (2, 5);
    });
    let lines = |lines: &[(u128, i64)]| lines.iter().map(|(variant, quantity)| of(*variant, *quantity)).collect();
    let refused = [
        (NewCart { lines: lines(&[(CUP, 1), (ARCHIVED, 1)]), ..whole() }, "/lines/1/variant"),
        (NewCart { lines: lines(&[(CUP, 3), (TEAPOT, 1), (CUP, 3)]), ..whole() }, "/lines/2/quantity"),
        (NewCart { shipping_address: Some(address("US")), ..whole() }, "/shipping_address/country"),
        (NewCart { shipping_address: Some(address("DE")), ..whole() }, "/shipping_method"),
        (NewCart { shipping_address: None, ..whole() }, "/shipping_method"),
        (NewCart { market: "moon".parse().ok(), ..whole() }, "/market"),
    ];
    for (body, pointer) in refused {
        let problem = shop.open_with(body).await.err().expect("a refusal");
        assert_eq!(problem.errors.first().map(|field| field.pointer.as_str()), Some(pointer), "{problem}");
        let customer = shop.open_for(customer(1), NewCart { market: "moon".parse().ok(), ..whole() }).await;
        assert!(customer.is_err());
    }
    let many = NewCart { lines: lines(&[(CUP, 1), (TEAPOT, 1), (99, 1)]), ..whole() };
    assert_eq!(
        shop.open_with(many).await.err().map(|problem| problem.code.to_string()).as_deref(),
        Some("carts.too_many_lines")
    );
    assert!(list(&shop.ctx, customer(1), &Page::default()).await.expect("a list").items.is_empty());
    shop.down.store(true, SeqCst);
    assert_eq!(shop.open_with(whole()).await.err().map(|problem| problem.status), Some(503));
    assert!(shop.open_with(NewCart::default()).await.is_ok(), "an empty cart needs nobody");
}

#[tokio::test]
async fn a_customers_cart_is_theirs_in_every_session_and_nobody_elses() {
    let shop = shop().await;
    let mine =
        shop.open_for(customer(1), NewCart { lines: vec![of(CUP, 2)], ..NewCart::default() }).await.expect("a cart");
    let view = shop.show(&mine).await;
    assert_eq!((view.email.as_deref(), view.locale.as_str()), (Some("account@example.com"), "de"), "the account's");
    let basket = shop.basket(&mine).await.expect("a basket");
    assert_eq!(basket.customer, Some(customer(1)));
    let theirs = Held { id: mine.id, ..shop.open_for(customer(2), NewCart::default()).await.expect("a cart") };
    let guests = Held { id: mine.id, ..shop.open().await };
    for foreign in [theirs, guests] {
        assert_eq!(shop.add(&foreign, of(CUP, 1)).await.expect_err("a refusal").status, 404);
        assert_eq!(shop.basket(&foreign).await.expect_err("a refusal").status, 404);
    }
    shop.down.store(true, SeqCst);
    let opened = shop.open_for(customer(1), NewCart::default()).await.expect("a cart while nobody answers");
    assert_eq!(shop.show(&opened).await.missing, [Missing::Lines, Missing::Email]);
    let carts = list(&shop.ctx, customer(1), &Page { limit: Some(1), cursor: None }).await.expect("a list");
    assert_eq!((carts.items[0].id, carts.items[0].lines, carts.items[0].total), (opened.id, 0, Some(eur(0))));
    let next = list(&shop.ctx, customer(1), &Page { limit: Some(1), cursor: carts.next }).await.expect("a list");
    let item = &next.items[0];
    assert_eq!((item.id, item.lines, item.units, item.total), (mine.id, 1, 2, Some(eur(2000))));
    assert_eq!((item.expires_at, next.next.is_none()), (view.expires_at.expect("it is open"), true));
}

#[tokio::test]
async fn a_customer_has_no_more_carts_than_the_shop_allows() {
    let mut shop = shop().await;
    shop.limit(|carts| {
        carts.open_per_customer_max = 2;
    });
    let open = |number| shop.open_for(customer(number), NewCart::default());
    let first = open(1).await.expect("a cart");
    open(1).await.expect("a cart");
    let refused = open(1).await.err().expect("a refusal");
    assert_eq!((refused.status, refused.code.as_ref()), (409, "carts.too_many_carts"));
    open(2).await.expect("somebody else's");
    shop.hear(placed(first.id, 1)).await;
    open(1).await.expect("an ordered cart is not open");
}

#[tokio::test]
async fn null_takes_away_what_was_said() {
    let shop = shop().await;
    let cart = shop.open_with(whole()).await.expect("a cart");
    let nothing = shop.change(&cart, ChangeCart::default()).await.expect("a cart");
    assert_eq!((nothing.missing.len(), nothing.version), (0, 2), "what is left out stays");
    let json = r#"{"email": null, "shipping_address": null, "shipping_method": null, "billing_address": null}"#;
    let view = shop.change(&cart, serde_json::from_str(json).expect("a change")).await.expect("a cart");
    assert_eq!((&view.email, &view.shipping_address, &view.shipping_method), (&None, &None, &None));
    assert_eq!(view.missing, [Missing::Email, Missing::ShippingAddress, Missing::ShippingMethod]);
    assert_eq!(shop.show(&cart).await, view);
}

#[tokio::test]
async fn who_fetches_needs_no_shipping_address() {
    let shop = shop().await;
    let cart =
        shop.open_with(NewCart { shipping_address: None, shipping_method: None, ..whole() }).await.expect("a cart");
    let options = shipping_options(&shop.ctx, &cart.buyer, cart.id).await.expect("options");
    assert_eq!(options.items, [fetched()]);
    let fetch = ChangeCart { shipping_method: Some(Some(fetched().method)), ..ChangeCart::default() };
    let view = shop.change(&cart, fetch).await.expect("a cart");
    assert_eq!((view.pickup.clone(), view.missing), (fetched().pickup, vec![Missing::BillingAddress]));
    let billed = ChangeCart { billing_address: Some(Some(address("US"))), ..ChangeCart::default() };
    assert!(shop.change(&cart, billed).await.expect("an invoice goes anywhere").missing.is_empty());
    let basket = shop.basket(&cart).await.expect("a basket");
    assert_eq!((basket.pickup, basket.shipping_address), (fetched().pickup, None));
    assert_eq!(basket.billing_address, Some(address("US")));
}

#[tokio::test]
async fn what_is_too_heavy_to_send_is_said_so() {
    let shop = shop().await;
    let cart = shop.open_with(whole()).await.expect("a cart");
    let view = shop.add(&cart, of(TEAPOT, 18)).await.expect("a line of ten kilograms");
    assert_eq!(view.missing, [Missing::ShippingMethod]);
}

#[tokio::test]
async fn a_price_that_changed_is_shown_until_the_line_is_changed() {
    let shop = shop().await;
    let cart = shop.open_with(whole()).await.expect("a cart");
    assert!(shop.show(&cart).await.changes.is_empty());
    shop.price.store(1200, SeqCst);
    let told = |view: &CartView| -> Vec<_> {
        view.changes.iter().map(|change| (change.kind, change.before, change.now)).collect()
    };
    let view = shop.show(&cart).await;
    assert_eq!(told(&view), [(CartChangeKind::Price, eur(1000), Some(eur(1200)))]);
    let view = shop.change(&cart, ChangeCart::default()).await.expect("a cart");
    assert_eq!(view.changes.len(), 1, "another change of the cart is no look at the line");
    let view = shop.add(&cart, of(TEAPOT, 1)).await.expect("a line");
    assert!(view.changes.is_empty() && shop.show(&cart).await.changes.is_empty());
}

#[tokio::test]
async fn a_customer_who_claims_is_not_asked_for_what_the_account_knows() {
    let shop = shop().await;
    let cart = shop.open().await;
    let view = shop.claim(&cart, customer(1)).await.expect("a cart");
    assert_eq!((view.customer, view.email.as_deref()), (Some(customer(1)), Some("account@example.com")));
}
