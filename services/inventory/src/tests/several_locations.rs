//! Orders over several locations, and what staff say of locations and variants.

use platform::JobRun;
use serde_json::{Value, json};

use super::*;
use crate::edit_location;

#[tokio::test]
async fn an_order_is_split_where_no_location_has_it_all_and_each_shipment_leaves_from_its_own() {
    let house = House::open().await;
    let main = house.stock(variant(1), 3).await;
    let other = house.stock_at("Other", variant(1), 4).await;
    house.hear(placed(1, &[(variant(1), 5)])).await.expect("applied");
    let reserved = house.said("stock.reserved").await;
    let holds: Vec<_> =
        reserved[0]["holds"].as_array().expect("holds").iter().map(|hold| hold["quantity"].clone()).collect();
    assert_eq!(holds, [3, 2]);
    assert_eq!((house.level(variant(1), main).await, house.level(variant(1), other).await), ((3, 3), (4, 2)));
    house.hear(dispatched(1, other, &[(variant(1), 2)])).await.expect("applied");
    house.hear(dispatched(1, other, &[(variant(1), 2)])).await.expect("a double of the same shipment");
    assert_eq!((house.level(variant(1), main).await, house.level(variant(1), other).await), ((3, 3), (2, 0)));
    house.hear(Heard::Cancelled(order(1))).await.expect("applied");
    assert_eq!((house.level(variant(1), main).await, house.level(variant(1), other).await), ((3, 0), (2, 0)));
    house.must_be_whole().await;
}

#[tokio::test]
async fn a_market_is_served_from_its_own_locations_first() {
    let house = House::open_with(|config| {
        let market = config.markets.values_mut().next().expect("a market");
        market.locations = vec!["Gone".into(), "Near".into()];
    });
    let house = house.await;
    let far = house.stock_at("Far", variant(1), 5).await;
    let near = house.stock_at("Near", variant(1), 5).await;
    house.hear(placed(1, &[(variant(1), 5)])).await.expect("applied");
    assert_eq!((house.level(variant(1), near).await.1, house.level(variant(1), far).await.1), (5, 0));
    house.hear(placed(2, &[(variant(1), 5)])).await.expect("applied");
    assert_eq!(house.level(variant(1), far).await.1, 5, "then from the others");
}

async fn change(house: &House, location: LocationId, version: i64, edit: Value) -> (u16, Value) {
    let tag = format!("\"{version}\"");
    house.send_with("PATCH", &format!("/v1/admin/locations/{location}"), &[("if-match", &tag)], edit).await
}

/// As the job runner does, until nothing is left to do; how many jobs it did.
async fn work(house: &House) -> usize {
    let mut done = 0;
    loop {
        let claim = house.ctx.db.write((), |tx, ()| Box::pin(::store::job::claim(tx, &["inventory"], 32)));
        let jobs = claim.await.expect("jobs");
        if jobs.is_empty() {
            return done;
        }
        for started in jobs {
            let job = serde_json::from_str(&started.payload).expect("a job");
            let run = JobRun { id: started.id, attempts: started.attempts, created_at: started.created_at };
            let _ = edit_location::refresh_location(house.ctx.clone(), run, job).await.expect("done");
            done += 1;
        }
    }
}

#[tokio::test]
async fn a_location_is_renamed_reordered_and_taken_out_of_use() {
    let house = House::open().await;
    let old = house.stock_at("Old", variant(1), 5).await;
    let new = house.stock_at("New", variant(1), 5).await;
    let shown = house.get(&format!("/v1/admin/locations/{new}")).await;
    assert_eq!((&shown["version"], &shown["priority"], &shown["active"]), (&1.into(), &100.into(), &true.into()));
    let (status, changed) = change(&house, new, 1, json!({"name": "Newer", "country": "AT", "priority": 1})).await;
    assert_eq!(
        (status, &changed["name"], &changed["country"], &changed["version"]),
        (200, &"Newer".into(), &"AT".into(), &2.into())
    );
    let (status, changed) = change(&house, new, 2, json!({"country": null})).await;
    assert_eq!((status, &changed["country"], &changed["priority"]), (200, &Value::Null, &1.into()));
    house.hear(placed(1, &[(variant(1), 2)])).await.expect("applied");
    assert_eq!(house.level(variant(1), new).await.1, 2, "the lower priority is asked first");

    let (status, stale) = change(&house, new, 1, json!({"priority": 2})).await;
    assert_eq!((status, &stale["code"]), (412, &"inventory.location_changed".into()));
    let (status, taken) = change(&house, new, 3, json!({"name": "Old"})).await;
    assert_eq!((status, &taken["code"]), (409, &"inventory.location_exists".into()));
    let (status, nothing) = change(&house, new, 3, json!({})).await;
    assert_eq!(status, 422, "{nothing}");

    let (status, _) = change(&house, new, 3, json!({"active": false})).await;
    assert_eq!(status, 200);
    house.hear(placed(2, &[(variant(1), 2)])).await.expect("applied");
    assert_eq!((house.level(variant(1), new).await.1, house.level(variant(1), old).await.1), (2, 2));
    house.hear(dispatched(1, new, &[(variant(1), 2)])).await.expect("what is held there still leaves");
    assert_eq!(house.level(variant(1), new).await, (3, 0));
    house.hear(placed(3, &[(variant(1), 4)])).await.expect("applied");
    assert_eq!(house.said("stock.rejected").await[0]["shortages"][0]["available"], 3);
}

#[tokio::test]
async fn what_lies_at_a_location_that_is_out_of_use_is_not_for_sale() {
    let house = House::open().await;
    let counts: Vec<(VariantId, i64)> = (1..=600).map(|number| (variant(number), 3)).collect();
    import_levels(&house.ctx, "Closed", counts).await.expect("a stocktake");
    let closed = store::locations::named(&house.ctx.db, "Closed").await.expect("a read").expect("a location");
    house.stock_at("Open", variant(7), 1).await;
    let availability =
        async |number: u128| house.get(&format!("/v1/stock/{}", variant(number))).await["availability"].clone();
    assert_eq!(availability(600).await, "in");
    change(&house, closed, 1, json!({"active": false})).await;
    assert!(work(&house).await >= 2, "more than one chunk");
    assert_eq!((availability(600).await, availability(7).await), ("out".into(), "in".into()));
    change(&house, closed, 2, json!({"active": true})).await;
    work(&house).await;
    assert_eq!(availability(600).await, "in");
    let (status, unknown) = house.send("GET", &format!("/v1/stock/{}", variant(601)), None, ().into()).await;
    assert_eq!((status, &unknown["code"]), (404, &"inventory.variant_not_found".into()));
}

async fn set_policy(house: &House, of: VariantId, policy: &str) -> (u16, Value) {
    house.send("PUT", &format!("/v1/admin/stock/variants/{of}/policy"), None, json!({ "policy": policy })).await
}

#[tokio::test]
async fn a_policy_is_of_the_variant_wherever_it_lies() {
    let house = House::open().await;
    let teapot = variant(1);
    let (status, refused) = set_policy(&house, teapot, "untracked").await;
    assert_eq!((status, &refused["code"]), (409, &"inventory.no_location".into()));
    let main = house.stock(teapot, 1).await;
    let other = house.stock_at("Other", teapot, 1).await;
    let (status, shown) = set_policy(&house, teapot, "backorder").await;
    assert_eq!((status, &shown["policy"], &shown["availability"]), (200, &"backorder".into(), &"in".into()));
    house.hear(placed(1, &[(teapot, 5)])).await.expect("applied");
    assert_eq!((house.level(teapot, main).await, house.level(teapot, other).await), ((1, 5), (1, 0)));
    assert!(house.levels().await.iter().all(|level| level.shortfall == 0));

    let (_, shown) = set_policy(&house, teapot, "deny").await;
    assert_eq!((&shown["available"], &shown["availability"]), (&(-3).into(), &"in".into()));
    let levels = house.levels().await;
    assert_eq!(levels.iter().map(|level| level.shortfall).collect::<Vec<_>>(), [4, 0], "what was promised is missing");
    house.hear(placed(2, &[(teapot, 2)])).await.expect("applied");
    assert_eq!(house.said("stock.rejected").await[0]["shortages"][0]["available"], 1);

    let (_, fresh) = set_policy(&house, variant(2), "untracked").await;
    assert_eq!((&fresh["policy"], &fresh["on_hand"]), (&"untracked".into(), &0.into()));
    house.hear(placed(3, &[(variant(2), 70)])).await.expect("applied");
    assert_eq!(house.level(variant(2), main).await, (0, 70), "held at the first location, which it was given");
    let (status, _) = set_policy(&house, variant(KNOWN + 1), "deny").await;
    assert_eq!(status, 404);
    house.must_be_whole().await;
}

#[tokio::test]
async fn what_is_low_is_listed() {
    let house = House::open().await;
    let main = house.stock(variant(1), 10).await;
    let other = house.stock_at("Other", variant(1), 1).await;
    house.stock(variant(2), 0).await;
    house.stock(variant(3), 0).await;
    set_policy(&house, variant(3), "untracked").await;
    let low = async |query: &str| {
        let list = house.get(&format!("/v1/admin/stock/low{query}")).await;
        let items = list["items"].as_array().expect("a list").iter();
        items.map(|level| (level["variant"].clone(), level["on_hand"].clone())).collect::<Vec<_>>()
    };
    let of = |number: u128| Value::from(variant(number).to_string());
    assert_eq!(low("").await, [(of(2), 0.into())], "1 and 10 are above 0; nobody counts 3");
    let path = |at: LocationId| format!("/v1/admin/stock/variants/{}/thresholds/{at}", variant(1));
    for at in [main, other] {
        let (status, level) = house.send("PUT", &path(at), None, json!({"low_threshold": 9})).await;
        assert_eq!((status, &level["low_threshold"]), (200, &9.into()));
    }
    assert_eq!(low("").await, [(of(1), 1.into()), (of(2), 0.into())]);
    house.hear(placed(1, &[(variant(1), 1)])).await.expect("applied");
    assert_eq!(low(&format!("?location={main}")).await, [(of(1), 10.into()), (of(2), 0.into())]);
    assert_eq!(house.get(&format!("/v1/stock/{}", variant(1))).await["availability"], "low");
    let first = house.get("/v1/admin/stock/low?limit=1").await;
    let next = first["next"].as_str().expect("a next page");
    assert_eq!(low(&format!("?limit=9&cursor={next}")).await.len(), 2);
}

#[tokio::test]
async fn the_ledger_is_read_by_variant_location_order_kind_and_time() {
    let house = House::open().await;
    let main = house.stock(variant(1), 5).await;
    let other = house.stock_at("Other", variant(1), 5).await;
    house.hear(placed(1, &[(variant(1), 8)])).await.expect("applied");
    house.hear(placed(2, &[(variant(1), 1)])).await.expect("applied");
    let count = async |query: &str| {
        let list = house.get(&format!("/v1/admin/stock/movements?{query}")).await;
        list["items"].as_array().expect("a list").len()
    };
    let of = variant(1);
    assert_eq!(count(&format!("variant={of}")).await, 5);
    assert_eq!(count(&format!("variant={of}&location={main}")).await, 2);
    assert_eq!(count(&format!("location={other}")).await, 3);
    assert_eq!(count(&format!("location={other}&kind=counted")).await, 1);
    assert_eq!(count(&format!("order={}", order(1))).await, 2);
    assert_eq!(count(&format!("order={}&variant={of}&location={other}&kind=reserved", order(1))).await, 1);
    assert_eq!(count(&format!("variant={of}&from=1970-01-01T00:00:00Z&to=1970-01-02T00:00:00Z")).await, 5);
    assert_eq!(count(&format!("variant={of}&from=1970-01-02T00:00:00Z")).await, 0);
    assert_eq!(count(&format!("variant={of}&to=1970-01-01T00:00:00Z")).await, 0);
    let (status, whose) = house.send("GET", "/v1/admin/stock/movements?kind=counted", None, ().into()).await;
    assert_eq!((status, &whose["errors"][0]["pointer"]), (422, &"variant".into()));
    let (status, _) = house.send("GET", "/v1/admin/stock/levels", None, ().into()).await;
    assert_eq!(status, 422);
    let levels = house.get(&format!("/v1/admin/stock/levels?location={main}")).await;
    assert_eq!(levels["items"][0]["reserved"], 5);
    let one = house.get(&format!("/v1/admin/stock/levels?variant={of}&location={other}")).await;
    assert_eq!((one["items"].as_array().map(Vec::len), &one["items"][0]["reserved"]), (Some(1), &4.into()));
    let mut path = format!("/v1/admin/stock/movements?variant={of}&limit=2");
    let mut seen = Vec::new();
    loop {
        let page = house.get(&path).await;
        seen.extend(page["items"].as_array().expect("a list").iter().map(|item| item["id"].clone()));
        let Some(next) = page["next"].as_str() else { break };
        path = format!("/v1/admin/stock/movements?variant={of}&limit=2&cursor={next}");
    }
    seen.dedup();
    assert_eq!(seen.len(), 5, "page by page, each once");
}

#[tokio::test]
async fn lines_are_released_where_they_lie_and_downloads_leave_with_the_completion() {
    let house = House::open().await;
    let (goods, download) = (variant(1), variant(DOWNLOADS));
    let main = house.stock(goods, 2).await;
    let other = house.stock_at("Other", goods, 2).await;
    house.stock(download, 9).await;
    let early = lines_cancelled(1, &[(goods, Some(other), 1), (download, None, 2)]);
    assert!(house.hear(early.clone()).await.expect_err("parked").is_unavailable());
    assert!(house.hear(Heard::Completed(order(1))).await.expect_err("parked").is_unavailable());
    house.hear(placed(1, &[(goods, 4), (download, 5)])).await.expect("applied");
    house.hear(Heard::Completed(order(1))).await.expect("applied");
    assert_eq!(house.level(download, main).await, (4, 0), "handed over, though its cancellation is still on its way");
    assert_eq!((house.level(goods, main).await, house.level(goods, other).await), ((2, 2), (2, 2)));
    house.hear(early).await.expect("applied");
    assert_eq!(house.level(download, main).await, (6, 0), "so two come back");
    assert_eq!((house.level(goods, main).await, house.level(goods, other).await), ((2, 2), (2, 1)));
    house.must_be_whole().await;
}
