//! An order's life as server-sent events.

use futures::StreamExt;

use super::*;

impl Shop {
    /// Opens a stream; its status, headers and body.
    async fn stream(&self, order: OrderId, last_seen: Option<&str>) -> axum::response::Response {
        let path = format!("/v1/orders/{order}/events");
        let request = Request::builder().uri(path).header("cart-token", TOKEN);
        let request = match last_seen {
            Some(last) => request.header("last-event-id", last),
            None => request,
        };
        let request = request.body(Body::empty()).expect("a request");
        self.routes.clone().oneshot(request).await.expect("an answer")
    }
}

/// Ids and names of all events until the stream ends.
async fn told(response: axum::response::Response) -> Vec<(i64, String)> {
    let bytes = to_bytes(response.into_body(), usize::MAX).await.expect("a stream");
    let text = String::from_utf8(bytes.to_vec()).expect("text");
    let field = |event: &str, name: &str| {
        let line = event.lines().find_map(|line| line.strip_prefix(name).map(str::trim).map(str::to_owned));
        line.unwrap_or_else(|| panic!("{event} has no {name}"))
    };
    let events = text.split("\n\n").filter(|event| !event.is_empty() && !event.starts_with(':'));
    events.map(|event| (field(event, "id:").parse().expect("a number"), field(event, "event:"))).collect()
}

#[tokio::test]
async fn a_stream_tells_what_was_and_what_comes_until_the_end() {
    let shop = Shop::open().await;
    let order = shop.place("k1", cart()).await;
    shop.hear(samples::reserved(order)).await;
    let response = shop.stream(order, None).await;
    assert_eq!(response.status(), 200);
    let headers = response.headers();
    assert_eq!(
        (&headers["content-type"], &headers["x-accel-buffering"]),
        (&"text/event-stream".parse().unwrap(), &"no".parse().unwrap())
    );
    let living = async {
        for event in [samples::declined(order, 1), samples::authorized(order, 2)] {
            shop.hear(event).await;
        }
        shop.as_staff("POST", &format!("/v1/admin/orders/{order}/notes"), json!({ "text": "secret" })).await;
        let events = samples::purchase(order);
        for event in &events[4..] {
            shop.hear(event.clone()).await;
        }
    };
    let (events, ()) = tokio::join!(told(response), living);
    let ids: Vec<i64> = events.iter().map(|(id, _)| *id).collect();
    assert_eq!(ids, (1..=13).collect::<Vec<_>>(), "{events:?}");
    assert_eq!(events[0].1, "order.placed");
    assert_eq!(events[12].1, "order.completed");
}

#[tokio::test]
async fn a_stream_goes_on_after_the_last_event_that_was_received() {
    let shop = Shop::open().await;
    let order = shop.place("k1", cart()).await;
    for event in [samples::reserved(order), samples::rejected(order)] {
        shop.hear(event).await;
    }
    shop.send("POST", &format!("/v1/orders/{order}/cancel"), &[("cart-token", TOKEN)], json!({})).await;
    let events = told(shop.stream(order, Some("2")).await).await;
    assert_eq!(events.iter().map(|(id, _)| *id).collect::<Vec<_>>(), [3, 4]);
    let over = shop.stream(order, Some("4")).await;
    assert_eq!(over.status(), 204, "it has ended, and all of it was told");
    for last in ["x", "-1", "1.5"] {
        let events = told(shop.stream(order, Some(last)).await).await;
        assert_eq!(events.len(), 4, "{last} is no id of this stream: it begins anew");
    }
}

#[tokio::test]
async fn streams_are_few_and_end_with_their_clients() {
    let shop = Shop::open_with(|config| config.orders.streams_max = 1).await;
    let order = shop.place("k1", cart()).await;
    let mut first = shop.stream(order, None).await.into_body().into_data_stream();
    let begun = first.next().await.expect("a first event").expect("bytes");
    assert!(String::from_utf8_lossy(&begun).contains("order.placed"));
    let second = shop.stream(order, None).await;
    assert_eq!(second.status(), 503);
    drop(first);
    assert_eq!(shop.stream(order, None).await.status(), 200);
}
