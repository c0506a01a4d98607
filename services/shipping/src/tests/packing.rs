//! Shipments on their way.

use contracts::Id;
use contracts::shipping::{GetShipmentContact, ShipmentId, ShippingMethodId};
use serde_json::{Value, json};
use uuid::Uuid;

use super::house::*;
use crate::calls;

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

#[tokio::test]
async fn a_shipment_goes_its_way_once() {
    let house = House::open().await;
    house.hear(simple(1)).await;
    let shipment = house.shipments("state=pending").await.remove(0);
    assert_eq!((&shipment["ship_to"]["city"], &shipment["order_number"]), (&"Wien".into(), &"S-1".into()));
    assert_eq!(shipment["lines"].as_array().map(Vec::len), Some(1), "a download is in no parcel");
    assert_eq!((&shipment["lines"][0]["title"], &shipment["lines"][0]["sku"]), (&"Pot 1".into(), &"P-1".into()));
    assert_eq!(house.act(409, &shipment, "deliver", Value::Null).await["code"], "shipping.not_dispatched");
    assert_eq!(house.act(409, &shipment, "lost", Value::Null).await["code"], "shipping.not_dispatched");
    let parcels = json!([{"carrier": "Post", "tracking_number": "RR1", "weight_g": 300}, {"carrier": "Bike"}]);
    let first = house.act(200, &shipment, "dispatch", json!({ "parcels": parcels })).await;
    let second = house.act(200, &shipment, "dispatch", json!({})).await;
    assert_eq!(first, second);
    assert_eq!((&first["state"], &first["version"]), (&"dispatched".into(), &2.into()));
    let urls: Vec<&Value> =
        first["parcels"].as_array().expect("parcels").iter().map(|one| &one["tracking_url"]).collect();
    assert!(text(urls[0]).contains("post.at") && text(urls[0]).ends_with("RR1") && urls[1].is_null(), "{urls:?}");
    for _ in 0..2 {
        assert_eq!(house.act(200, &shipment, "deliver", Value::Null).await["state"], "delivered");
    }
    assert_eq!(house.act(409, &shipment, "lost", Value::Null).await["code"], "shipping.delivered");
    house.hear(Heard::Cancelled(order(1))).await;
    assert_eq!(house.shipments(&format!("order={}&state=delivered", order(1))).await.len(), 1);
    assert_eq!(house.said().await, ["shipment.created", "shipment.dispatched", "shipment.delivered"]);
}

#[tokio::test]
async fn a_lost_shipment_ends_so() {
    let house = House::open().await;
    house.hear(simple(1)).await;
    let shipment = house.shipments("").await.remove(0);
    house.act(200, &shipment, "dispatch", json!({})).await;
    for _ in 0..2 {
        let lost = house.act(200, &shipment, "lost", Value::Null).await;
        assert!(lost["state"] == "lost" && lost["lost_at"].is_string(), "{lost}");
    }
    assert_eq!(house.said().await, ["shipment.created", "shipment.dispatched", "shipment.lost"]);
}

#[tokio::test]
async fn a_lost_shipment_that_turns_up_is_delivered() {
    let house = House::open().await;
    house.hear(simple(1)).await;
    let shipment = house.shipments("").await.remove(0);
    house.act(200, &shipment, "dispatch", json!({})).await;
    house.act(200, &shipment, "lost", Value::Null).await;
    for _ in 0..2 {
        let found = house.act(200, &shipment, "deliver", Value::Null).await;
        assert!(found["state"] == "delivered" && found["lost_at"].is_null(), "{found}");
    }
    assert_eq!(house.act(409, &shipment, "lost", Value::Null).await["code"], "shipping.delivered");
    let said = house.said().await;
    assert_eq!(said, ["shipment.created", "shipment.dispatched", "shipment.lost", "shipment.delivered"]);
}

#[tokio::test]
async fn a_second_dispatch_that_says_otherwise_is_refused_with_what_left() {
    let house = House::open().await;
    house.hear(Heard::Confirmed(confirmed(1, &[(1, 3), (2, 1)], &[(1, 7, 3), (2, 7, 1)]))).await;
    let whole = house.shipments("").await.remove(0);
    let (first, second) = (&whole["lines"][0]["line"], &whole["lines"][1]["line"]);
    let parcel = |number: &str| json!({"carrier": "Post", "tracking_number": number, "weight_g": 300});
    let lines = json!([{"line": first, "quantity": 2}, {"line": second, "quantity": 1}]);
    let asked = json!({"lines": lines, "parcels": [parcel("RR1"), parcel("RR2")]});
    let sent = house.act(200, &whole, "dispatch", asked.clone()).await;
    let turned = json!({"lines": [lines[1], lines[0]], "parcels": [parcel("RR2"), parcel("RR1")]});
    for same in [asked, turned, json!({}), json!({"lines": lines}), json!({"parcels": [parcel("RR1"), parcel("RR2")]})]
    {
        assert_eq!(house.act(200, &whole, "dispatch", same).await, sent);
    }
    for other in [
        json!({"lines": [{"line": first, "quantity": 1}, {"line": second, "quantity": 1}]}),
        json!({"lines": [{"line": first, "quantity": 2}]}),
        json!({"parcels": [parcel("RR1")]}),
        json!({"parcels": [parcel("RR1"), parcel("RR3")]}),
    ] {
        let refused = house.act(409, &whole, "dispatch", other).await;
        assert_eq!(refused["code"], "shipping.dispatched");
        assert_eq!(refused["context"]["lines"].as_array().map(Vec::len), Some(2));
        assert_eq!(refused["context"]["parcels"][1]["tracking_number"], "RR2", "{refused}");
    }
    assert_eq!(house.said().await, ["shipment.created", "shipment.created", "shipment.dispatched"]);
}

#[tokio::test]
async fn each_location_sends_what_it_holds() {
    let house = House::open().await;
    let holds = [(1, 7, 2), (1, 8, 1), (2, 8, 1)];
    house.hear(Heard::Confirmed(confirmed(1, &[(1, 3), (2, 1)], &holds))).await;
    let at = async |number| house.shipments(&format!("location={}", location(number))).await;
    let (here, there) = (at(7).await, at(8).await);
    assert_eq!((here.len(), there.len()), (1, 1));
    assert_eq!((units(&here[0]), units(&there[0])), (vec![(2, 0)], vec![(1, 0), (1, 0)]));
    house.act(200, &here[0], "dispatch", json!({})).await;
    assert_eq!(house.shipments(&format!("location={}&state=pending", location(7))).await.len(), 0);
    assert_eq!(house.shipments(&format!("order={}&location={}", order(1), location(8))).await, there);
    assert_eq!(house.shipments("state=pending").await, there);
    let events = house.events().await;
    let dispatched = events.iter().find(|(name, _)| name == "shipment.dispatched").map(|(_, data)| data);
    let dispatched = dispatched.expect("said");
    assert_eq!((&dispatched["location"], &dispatched["lines"][0]["quantity"]), (&here[0]["location"], &2.into()));
}

#[tokio::test]
async fn a_part_leaves_and_the_rest_is_another_shipment() {
    let house = House::open().await;
    house.hear(Heard::Confirmed(confirmed(1, &[(1, 3), (2, 1)], &[(1, 7, 3), (2, 7, 1)]))).await;
    let whole = house.shipments("").await.remove(0);
    let part = |quantity: i64| json!({"lines": [{"line": whole["lines"][0]["line"], "quantity": quantity}]});
    let refused = house.act(422, &whole, "dispatch", part(4)).await;
    assert_eq!(refused["errors"][0]["pointer"], "/lines/0/quantity");
    assert_eq!(house.shipments("").await, vec![whole.clone()], "a refused dispatch leaves all as it was");
    let sent = house.act(200, &whole, "dispatch", part(2)).await;
    assert_eq!((&sent["state"], units(&sent)), (&"dispatched".into(), vec![(2, 0)]));
    let again = house.act(200, &whole, "dispatch", part(2)).await;
    assert_eq!(again, sent, "a repeat sends nothing more");
    let rest = house.shipments("state=pending").await.remove(0);
    assert_eq!((&rest["location"], units(&rest)), (&whole["location"], vec![(1, 0), (1, 0)]));
    house.act(200, &rest, "dispatch", json!({})).await;
    let events = house.events().await;
    let named = |name: &str| -> Vec<i64> {
        let lines = events
            .iter()
            .filter(|(said, _)| said == name)
            .flat_map(|(_, data)| data["lines"].as_array().expect("lines"));
        lines.map(|line| line["quantity"].as_i64().expect("a number")).collect()
    };
    assert_eq!((named("shipment.created"), named("shipment.dispatched")), (vec![3, 1, 1, 1], vec![2, 1, 1]));
}

#[tokio::test]
async fn a_shipment_keeps_its_method_and_its_place() {
    let house = House::open().await;
    let place =
        json!({"name": "Shop", "address": {"name": "Souk", "line1": "Ring 1", "city": "Wien", "country": "AT"}});
    let method = json!({"pickup": place, "name": "Fetch it", "rates": [{"amount": 0}]});
    let method = house.must(201, "POST", "/v1/admin/shipping/methods", method).await;
    let id: ShippingMethodId = text(&method["id"]).parse().expect("an id");
    house.hear(sent_by(id, 1)).await;
    let path_of_method = format!("/v1/admin/shipping/methods/{id}");
    let other =
        json!({"name": "Other", "pickup": {"name": "Elsewhere", "address": place["address"]}, "archived": true});
    assert_eq!(house.edit(&path_of_method, other).await.0, 200);
    let shipment = house.shipments("").await.remove(0);
    assert_eq!((&shipment["method"], &shipment["method_name"]), (&method["id"], &"Fetch it".into()));
    assert_eq!(shipment["pickup"], method["pickup"]);
    house.act(200, &shipment, "dispatch", json!({"parcels": [{"carrier": "ups", "tracking_number": "1Z"}]})).await;
    let ask = |shipment| calls::get_shipment_contact(house.ctx.clone(), GetShipmentContact { shipment });
    let contact = ask(text(&shipment["id"]).parse().expect("an id")).await.expect("a contact");
    assert_eq!((contact.order, contact.method.as_deref()), (order(1), Some("Fetch it")));
    assert_eq!(contact.pickup.map(|place| place.name).as_deref(), Some("Shop"));
    assert_eq!(contact.lines.iter().map(|line| line.quantity).collect::<Vec<_>>(), [3]);
    assert_eq!(contact.parcels[0].tracking_url.as_deref(), Some("https://www.ups.com/track?tracknum=1Z"));
    assert_eq!(ask(ShipmentId::from_uuid(Uuid::from_u128(99))).await.expect_err("nothing").status, 404);
}

#[tokio::test]
async fn a_slip_says_what_is_in_the_parcel() {
    let house = House::open().await;
    house.hear(Heard::Confirmed(confirmed(1, &[(1, 3), (2, 1)], &[(1, 7, 3), (2, 7, 1)]))).await;
    house.hear(asked(1, 1, &[(1, 1), (2, 1)])).await;
    let shipment = house.shipments("").await.remove(0);
    let slip = house.must(200, "GET", &format!("{}/packing-slip", path(&shipment)), Value::Null).await;
    assert_eq!(
        (&slip["order_number"], &slip["ship_to"]["city"], &slip["weight_g"]),
        (&"S-1".into(), &"Wien".into(), &200.into())
    );
    let line = &slip["lines"][0];
    assert_eq!(
        (slip["lines"].as_array().map(Vec::len), &line["quantity"]),
        (Some(1), &2.into()),
        "what was cancelled is not packed"
    );
    assert_eq!((&line["sku"], &line["options"][0]["value"]), (&"P-1".into(), &"M".into()));
}

#[tokio::test]
async fn what_left_is_corrected_on_the_version_that_was_read() {
    let house = House::open().await;
    house.hear(simple(1)).await;
    house.hear(simple(2)).await;
    let [second, first] = house.shipments("").await.try_into().expect("two");
    let parcels = json!({"parcels": [{"carrier": "Post", "tracking_number": "RR2"}]});
    let (status, refused) = house.edit(&path(&first), parcels.clone()).await;
    assert_eq!((status, &refused["code"]), (409, &"shipping.not_dispatched".into()));
    house.act(200, &first, "dispatch", json!({"parcels": [{"carrier": "Post", "tracking_number": "RR1"}]})).await;
    let (status, refused) = house.send("PATCH", &path(&first), &[("if-match", "1")], parcels.clone()).await;
    assert_eq!((status, &refused["code"]), (412, &"shipping.changed".into()));
    let (_, mended) = house.edit(&path(&first), parcels).await;
    assert_eq!(mended["parcels"].as_array().map(Vec::len), Some(1));
    assert_eq!(mended["parcels"][0]["tracking_number"], "RR2");
    let reference = json!({"external_ref": {"source": "wms", "id": "7"}, "metadata": {"rack": "A"}});
    let (_, noted) = house.edit(&path(&first), reference.clone()).await;
    assert_eq!((&noted["external_ref"]["id"], &noted["metadata"]["rack"]), (&"7".into(), &"A".into()));
    let (status, refused) = house.edit(&path(&second), reference.clone()).await;
    assert_eq!((status, &refused["code"]), (409, &"shipping.reference_taken".into()));
    let (_, cleared) = house.edit(&path(&first), json!({"external_ref": null})).await;
    assert_eq!((&cleared["external_ref"], &cleared["metadata"]["rack"]), (&Value::Null, &"A".into()));
    assert_eq!(house.edit(&path(&second), reference).await.0, 200);
    assert_eq!(house.edit(&path(&second), json!({})).await.0, 422);
}

#[tokio::test]
async fn an_order_of_downloads_has_no_shipment() {
    let house = House::open().await;
    house.hear(Heard::Confirmed(confirmed(1, &[(9, 2)], &[]))).await;
    assert!(house.shipments("").await.is_empty() && house.said().await.is_empty());
}
