//! The verbs and reactions, as a buyer and the orders meet them.

mod claiming;
mod keeping;
mod opening;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;

use ::store::{Tx, idempotency, work};
use contracts::carts::{CartId, LineId, Missing};
use contracts::{Id, Quantity};
use jiff::Timestamp;
use platform::Problem;
use platform::http::Replay;
use uuid::Uuid;

use crate::cart;
use crate::cart::Limits;
use crate::change_cart::ChangeCart;
use crate::change_lines::{ChangeLine, add_line, change_line, remove_line};
use crate::shipping_options::shipping_options;
use crate::show_cart::show_cart;
use crate::view::{CartPrices, CartStatus, CartView};

use crate::test_shop::*;

#[tokio::test]
async fn a_cart_is_filled_addressed_and_ready_to_be_ordered() {
    let shop = shop().await;
    let cart = shop.open().await;
    assert_eq!(shop.show(&cart).await.missing, [Missing::Lines, Missing::Email]);
    shop.add(&cart, of(TEAPOT, 2)).await.expect("a line");
    let view = shop.add(&cart, of(TEAPOT, 1)).await.expect("the same line");
    let line = &view.lines[0];
    assert_eq!(
        (view.lines.len(), line.quantity.get(), line.title.as_deref(), line.for_sale),
        (1, 3, Some("Teapot"), true)
    );
    assert_eq!((view.version, view.quote.as_ref().map(|quote| quote.total)), (3, Some(eur(3000))));
    let view = shop.change(&cart, going_to("AT")).await.expect("an address");
    assert_eq!(view.missing, [Missing::Email, Missing::ShippingMethod]);
    let options = shipping_options(&shop.ctx, &cart.buyer, cart.id).await.expect("options");
    let details = ChangeCart {
        email: Some(Some("ada@example.com".into())),
        shipping_method: Some(Some(options.items[1].method)),
        ..ChangeCart::default()
    };
    let view = shop.change(&cart, details).await.expect("a changed cart");
    assert_eq!((view.missing.len(), view.quote.as_ref().map(|quote| quote.total)), (0, Some(eur(3490))));
    assert_eq!(shop.show(&cart).await, view, "what was answered is what is there");
    let basket = shop.basket(&cart).await.expect("a basket");
    assert_eq!(
        (basket.version, basket.lines.len(), basket.missing.len(), basket.quote.total),
        (view.version, 1, 0, eur(3490))
    );
}

#[tokio::test]
async fn lines_are_changed_and_removed() {
    let shop = shop().await;
    let cart = shop.open().await;
    shop.add(&cart, of(TEAPOT, 2)).await.expect("a line");
    let view = shop.add(&cart, of(CUP, 1)).await.expect("a line");
    let (teapot, cup) = (view.lines[0].id, view.lines[1].id);
    let nine = ChangeLine { quantity: 9.try_into().ok(), metadata: None };
    let view = change_line(&shop.ctx, &cart.buyer, cart.id, teapot, nine.clone()).await.expect("a changed line");
    assert_eq!(view.quote.as_ref().map(|quote| quote.total), Some(eur(10_000)));
    let view = remove_line(&shop.ctx, &cart.buyer, cart.id, teapot).await.expect("a removed line");
    assert_eq!(view.lines.iter().map(|line| line.id).collect::<Vec<_>>(), [cup]);
    let gone = change_line(&shop.ctx, &cart.buyer, cart.id, teapot, nine).await.expect_err("a refusal");
    assert_eq!(Problem::from(gone).code, "carts.line_not_found");
    assert_eq!(shop.show(&cart).await, view);
}

#[tokio::test]
async fn another_token_finds_no_cart() {
    let shop = shop().await;
    let (mine, other) = (shop.open().await, shop.open().await);
    let line = shop.add(&mine, of(TEAPOT, 1)).await.expect("a line").lines[0].id;
    let foreign = Held { id: mine.id, buyer: other.buyer.clone() };
    let refusals = [
        show_cart(&shop.ctx, &foreign.buyer, foreign.id).await.err().map(Problem::from),
        shop.add(&foreign, of(CUP, 1)).await.err(),
        shop.change(&foreign, going_to("AT")).await.err(),
        remove_line(&shop.ctx, &foreign.buyer, foreign.id, line).await.err().map(Problem::from),
        remove_line(&shop.ctx, &other.buyer, other.id, line).await.err().map(Problem::from),
        shop.basket(&foreign).await.err(),
    ];
    for problem in refusals {
        assert_eq!(problem.map(|problem| problem.status), Some(404));
    }
    assert_eq!(shop.show(&mine).await.lines.len(), 1);
}

#[tokio::test]
async fn what_cannot_be_sold_or_sent_is_refused_at_its_field() {
    let shop = shop().await;
    let cart = shop.open().await;
    let pointer = |result: Result<CartView, Problem>| {
        result.expect_err("a refusal").errors.first().map(|field| field.pointer.clone())
    };
    assert_eq!(pointer(shop.add(&cart, of(ARCHIVED, 1)).await).as_deref(), Some("/variant"));
    assert_eq!(pointer(shop.add(&cart, of(99, 1)).await).as_deref(), Some("/variant"));
    shop.add(&cart, of(TEAPOT, 20)).await.expect("a line");
    assert_eq!(pointer(shop.add(&cart, of(TEAPOT, Quantity::MAX)).await).as_deref(), Some("/quantity"));
    let method = |cart| ChangeCart { shipping_method: Some(Some(post().method)), ..cart };
    assert_eq!(pointer(shop.change(&cart, method(ChangeCart::default())).await).as_deref(), Some("/shipping_method"));
    let nowhere = ChangeCart { email: Some(Some("ada at home".into())), ..ChangeCart::default() };
    assert_eq!(pointer(shop.change(&cart, nowhere).await).as_deref(), Some("/email"));
    assert_eq!(pointer(shop.change(&cart, going_to("US")).await).as_deref(), Some("/shipping_address/country"));
    assert_eq!(pointer(shop.change(&cart, method(going_to("DE"))).await).as_deref(), Some("/shipping_method"));
    let view = shop.change(&cart, method(going_to("AT"))).await.expect("an address that is served");
    assert_eq!(view.missing, [Missing::Email]);
    let view = shop.change(&cart, going_to("DE")).await.expect("an address that is not");
    assert_eq!(view.missing, [Missing::Email, Missing::ShippingMethod]);
    assert_eq!(view.quote.map(|quote| quote.total), Some(eur(20_000)), "what does not serve costs nothing");
}

#[tokio::test]
async fn a_cart_takes_no_more_lines_than_the_shop_allows() {
    let mut shop = shop().await;
    shop.limit(|carts| carts.lines_max = 1);
    let cart = shop.open().await;
    shop.add(&cart, of(TEAPOT, 1)).await.expect("a line");
    assert_eq!(shop.add(&cart, of(CUP, 1)).await.expect_err("a refusal").code, "carts.too_many_lines");
    shop.add(&cart, of(TEAPOT, 1)).await.expect("the same line");
}

#[tokio::test]
async fn the_last_quote_is_shown_while_prices_are_down() {
    let shop = shop().await;
    let cart = shop.ready().await;
    let before = shop.show(&cart).await;
    shop.down.store(true, SeqCst);
    let view = shop.show(&cart).await;
    assert_eq!(
        (view.prices, &view.quote, view.priced_at),
        (CartPrices::LastKnown, &before.quote, Some(before.updated_at))
    );
    let line = &view.lines[0];
    assert_eq!((line.quantity.get(), line.title.as_deref(), line.unit_price), (2, None, Some(eur(1000))));
    let one = ChangeLine { quantity: 1.try_into().ok(), metadata: None };
    let view = change_line(&shop.ctx, &cart.buyer, cart.id, line.id, one).await.expect("fewer needs nobody");
    assert_eq!((view.lines[0].quantity.get(), view.lines[0].unit_price), (1, Some(eur(1000))));
    assert_eq!(shop.basket(&cart).await.expect_err("nothing is ordered at a last known price").status, 503);
    assert_eq!(shop.add(&cart, of(CUP, 1)).await.expect_err("nothing is added unseen").status, 503);
    let view = remove_line(&shop.ctx, &cart.buyer, cart.id, before.lines[0].id).await.expect("removing needs nobody");
    assert_eq!((view.lines.len(), view.prices, &view.quote), (0, CartPrices::LastKnown, &before.quote));
    shop.down.store(false, SeqCst);
    let now = shop.show(&cart).await;
    assert_eq!((now.prices, now.priced_at), (CartPrices::Current, None));
}

#[tokio::test]
async fn of_changes_at_the_same_time_none_is_lost() {
    let shop = shop().await;
    let cart = shop.open().await;
    let adds = (0..16).map(|at| shop.add(&cart, of(if at % 2 == 0 { TEAPOT } else { CUP }, 1 + at)));
    let views = futures::future::join_all(adds).await;
    let mut versions: Vec<i64> = Vec::new();
    for view in views {
        versions.push(view.expect("a view").version);
    }
    let view = shop.show(&cart).await;
    let quantities: BTreeMap<_, _> =
        view.lines.iter().map(|line| (line.variant.uuid().as_u128(), line.quantity.get())).collect();
    assert_eq!(quantities, BTreeMap::from([(TEAPOT, 64), (CUP, 72)]));
    assert_eq!((view.version, versions.into_iter().max()), (17, Some(17)));
    shop.down.store(true, SeqCst);
    let last = shop.show(&cart).await.quote.map(|quote| quote.total);
    assert!(last.is_some_and(|last| last.amount > 0 && last.amount <= 136_000), "{last:?}");
}

#[tokio::test]
async fn a_change_stays_within_its_statements() {
    let shop = shop().await;
    let cart = shop.open().await;
    let cost = Arc::new(work::Cost::default());
    work::scope("add", None, Arc::clone(&cost), shop.add(&cart, of(TEAPOT, 1))).await.expect("a line");
    assert_eq!((cost.statements(), cost.transactions()), (3, 1));
    let cost = Arc::new(work::Cost::default());
    work::scope("show", None, Arc::clone(&cost), shop.show(&cart)).await;
    assert_eq!((cost.statements(), cost.transactions()), (1, 0));
}

#[tokio::test]
async fn an_order_closes_its_cart_and_an_unpaid_end_opens_it_again() {
    let shop = shop().await;
    let cart = shop.ready().await;
    let before = shop.show(&cart).await;
    shop.hear(placed(cart.id, 1)).await;
    let closed = shop.show(&cart).await;
    assert_eq!(
        (closed.status, closed.order, closed.version),
        (CartStatus::Ordered, Some(order(1)), before.version + 1)
    );
    for problem in [
        shop.basket(&cart).await.err(),
        shop.add(&cart, of(CUP, 1)).await.err(),
        shop.change(&cart, going_to("AT")).await.err(),
    ] {
        let problem = problem.expect("a refusal");
        assert_eq!((problem.status, problem.code.as_ref()), (409, "carts.ordered"));
        assert!(problem.detail.contains(&order(1).to_string()), "{problem}");
    }
    shop.hear(cancelled(cart.id, 1, true)).await;
    let open = shop.show(&cart).await;
    assert_eq!((open.status, open.order, open.version), (CartStatus::Open, None, before.version + 2));
    assert_eq!(open.lines, before.lines);
    shop.hear(placed(cart.id, 2)).await;
    shop.hear(cancelled(cart.id, 2, false)).await;
    assert_eq!(shop.show(&cart).await.order, Some(order(2)), "what was paid stays closed");
    shop.hear(placed(CartId::from_uuid(Uuid::from_u128(77)), 9)).await;
}

/// Two orders of one cart: the first is cancelled unpaid, the second stands. Any order, each heard twice.
#[tokio::test]
async fn a_cart_ends_the_same_in_whatever_order_it_hears() {
    let shop = shop().await;
    let mut orders = Vec::new();
    permutations(&mut vec![0, 1, 2], 0, &mut orders);
    assert_eq!(orders.len(), 6);
    for at in orders {
        for doubled in 0..3 {
            let cart = shop.open().await;
            // An order's id is its own for each cart.
            let (first, second) = (cart.id.uuid().as_u128() * 2, cart.id.uuid().as_u128() * 2 + 1);
            let events = [placed(cart.id, first), cancelled(cart.id, first, true), placed(cart.id, second)];
            for place in &at {
                shop.hear(events[*place].clone()).await;
                if *place == doubled {
                    shop.hear(events[*place].clone()).await;
                }
            }
            let heard = shop.show(&cart).await;
            assert_eq!((heard.status, heard.order), (CartStatus::Ordered, Some(order(second))), "{at:?}");
            shop.hear(events[doubled].clone()).await;
            assert_eq!(shop.show(&cart).await, heard, "a double changes nothing");
        }
    }
}

#[tokio::test]
async fn a_placing_that_comes_after_its_cancelling_closes_nothing() {
    let shop = shop().await;
    let cart = shop.ready().await;
    let before = shop.show(&cart).await;
    shop.hear(cancelled(cart.id, 1, true)).await;
    shop.hear(placed(cart.id, 1)).await;
    assert_eq!(shop.show(&cart).await, before);
}

fn permutations(items: &mut Vec<usize>, from: usize, all: &mut Vec<Vec<usize>>) {
    if from == items.len() {
        all.push(items.clone());
    }
    for at in from..items.len() {
        items.swap(from, at);
        permutations(items, from + 1, all);
        items.swap(from, at);
    }
}

#[tokio::test]
async fn the_database_itself_refuses_a_line_too_many() {
    let shop = shop().await;
    let cart = shop.open().await;
    shop.add(&cart, of(TEAPOT, 1)).await.expect("a line");
    let addition = |variant: u128, quantity| cart::tests::addition(50 + variant, variant, quantity);
    for (variant, quantity, lines_max, is_taken) in
        [(CUP, 1, 1, false), (TEAPOT, 1, 1, true), (TEAPOT, Quantity::MAX, 1, false), (CUP, 1, 2, true)]
    {
        let input = (cart.id, addition(variant, quantity), Limits { lines_max, quantity_max: Quantity::MAX });
        let line: Option<LineId> = shop
            .ctx
            .db
            .write(input, |tx: &mut Tx, (cart, addition, limits)| {
                Box::pin(crate::store::add_line(tx, *cart, addition, *limits, Timestamp::UNIX_EPOCH))
            })
            .await
            .expect("a statement");
        assert_eq!(line.is_some(), is_taken, "{variant} {quantity} {lines_max}");
    }
}

#[tokio::test]
async fn a_repeated_key_adds_once() {
    let shop = shop().await;
    let cart = shop.open().await;
    let key = || idempotency::Key {
        principal: cart.id.to_string(),
        route: "POST /v1/carts/{cart}/lines",
        key: "k1".into(),
        body_sha256: "b".into(),
    };
    let add = |replay| add_line(&shop.ctx, &cart.buyer, cart.id, Some(replay), of(TEAPOT, 2));
    // Both looked the key up before either had it.
    let (first, second) = futures::join!(add(Replay::New(key())), add(Replay::New(key())));
    let (first, second) = (first.expect("a line"), second.expect("the same line"));
    assert!(first.1 != second.1, "one of them is the repeat");
    let made = idempotency::find(&shop.ctx.db, &key()).await.expect("a look-up").expect("a key");
    let (third, is_repeat) = add(Replay::Made(made)).await.expect("the same line");
    assert!(is_repeat);
    assert_eq!((third.lines.len(), third.lines[0].quantity.get(), third.version), (1, 2, 2));
    assert_eq!((&first.0, &second.0), (&third, &third));
}
