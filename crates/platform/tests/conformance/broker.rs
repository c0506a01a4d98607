//! What the bus promises when the broker itself, a connection to it or a copy of a service fails.

use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use engines::RabbitMq;
use futures::StreamExt;
use lapin::options::{
    BasicConsumeOptions, BasicGetOptions, BasicPublishOptions, QueueDeleteOptions, QueuePurgeOptions,
};
use lapin::types::FieldTable;
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties};

use crate::rig::{Counted, Place, Rig, ThingId, What};

async fn connect(url: &str) -> (Connection, Channel) {
    let connection = Connection::connect(url, ConnectionProperties::default()).await.expect("the broker answers");
    let channel = connection.create_channel().await.expect("a channel");
    (connection, channel)
}

/// Takes a test's queues away.
pub async fn delete(url: &str, queues: &[String]) {
    let (connection, channel) = connect(url).await;
    for queue in queues {
        for name in [queue.clone(), format!("{queue}.dead")] {
            channel.queue_delete(name.into(), QueueDeleteOptions::default()).await.expect("a queue is deleted");
        }
    }
    connection.close(200, "done".into()).await.expect("a goodbye");
}

fn shared_broker() -> String {
    #[allow(clippy::disallowed_methods, reason = "tests are told where RabbitMQ is")]
    std::env::var("SOUK_TEST_RABBITMQ").expect("SOUK_TEST_RABBITMQ is not set: run `cargo xtask test`")
}

async fn say_one_each(rig: &Rig, count: usize) -> Vec<ThingId> {
    let things: Vec<_> = (0..count).map(|_| rig.thing()).collect();
    rig.say(things.iter().map(|thing| Counted { thing: *thing, what: What::One }).collect()).await;
    things
}

async fn must_be_counted_once(rig: &Rig, things: &[ThingId]) {
    for thing in things {
        assert_eq!(rig.number("listener", *thing).await, 1);
    }
}

async fn until(what: &str, holds: impl AsyncFn() -> bool) {
    for _ in 0..1_500 {
        if holds().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("not within 30 s: {what}");
}

/// How many messages of a queue nobody has taken.
async fn depth(channel: &Channel, queue: &str) -> u32 {
    let options = lapin::options::QueueDeclareOptions { passive: true, ..Default::default() };
    channel.queue_declare(queue.into(), options, FieldTable::default()).await.expect("a queue").message_count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_dies_costs_no_event_and_doubles_none() {
    let mut broker = RabbitMq::start().expect("a broker");
    let place = Place::on_broker(broker.url()).await;
    let rig = place.start(None).await;
    let before = say_one_each(&rig, 300).await;
    // At any moment of the delivery.
    tokio::time::sleep(Duration::from_millis(60)).await;
    broker.kill();
    let during = say_one_each(&rig, 300).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    must_be_unsaid(&rig, &during).await;
    let missed = rig.missed.load(SeqCst);
    broker.restart().expect("it starts again");
    rig.settle().await;
    must_be_counted_once(&rig, &before).await;
    must_be_counted_once(&rig, &during).await;
    until("watches are told that they missed something", async || rig.missed.load(SeqCst) > missed).await;
    let watched = rig.watched.load(SeqCst);
    say_one_each(&rig, 1).await;
    until("watches hear again", async || rig.watched.load(SeqCst) > watched).await;
    rig.settle().await;
    rig.stop().await;
    place.end().await;
}

/// The broker was dead when they were said: they can only be in the outbox.
async fn must_be_unsaid(rig: &Rig, things: &[ThingId]) {
    let (undone, _) = store::outbox::undone(&rig.db, &["speaker"]).await.expect("a count");
    assert!(undone >= i64::try_from(things.len()).expect("a few"), "{undone} wait");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_takes_no_messages_is_waited_for() {
    let broker = RabbitMq::start().expect("a broker");
    let place = Place::on_broker(broker.url()).await;
    let rig = place.start(None).await;
    broker.control(&["set_disk_free_limit", "900000000000000"]).expect("the disk is short");
    let things = say_one_each(&rig, 300).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    must_be_unsaid(&rig, &things).await;
    broker.control(&["set_disk_free_limit", "50MB"]).expect("there is room again");
    rig.settle().await;
    must_be_counted_once(&rig, &things).await;
    rig.stop().await;
    place.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_copies_share_the_work_and_one_may_go() {
    let place = Place::rabbitmq().await;
    let (one, other) = (place.start(None).await, place.start(None).await);
    let mut things = say_one_each(&one, 400).await;
    things.extend(say_one_each(&other, 400).await);
    one.stop().await;
    other.settle().await;
    must_be_counted_once(&other, &things).await;
    other.stop().await;
    place.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_copy_watches_everything() {
    let place = Place::rabbitmq().await;
    let (one, other) = (place.start(None).await, place.start(None).await);
    say_one_each(&one, 20).await;
    one.settle().await;
    until("both have watched all", async || one.watched.load(SeqCst) == 20 && other.watched.load(SeqCst) == 20).await;
    one.stop().await;
    other.stop().await;
    place.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_said_before_a_service_first_starts_waits_for_it() {
    let place = Place::rabbitmq().await;
    let rig = place.start(None).await;
    let url = shared_broker();
    let (connection, channel) = connect(&url).await;
    rig.stop().await;
    let queue = place.queue("listener");
    let event = cloud_event();
    channel
        .basic_publish("".into(), queue.clone().into(), BasicPublishOptions::default(), &event, properties())
        .await
        .expect("published");
    until("it waits", async || depth(&channel, &queue).await == 1).await;
    let rig = place.start(None).await;
    until("it is taken", async || rig.number("listener", told_thing()).await == 1).await;
    rig.stop().await;
    connection.close(200, "done".into()).await.expect("a goodbye");
    place.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_event_ends_in_the_dead_queue_and_the_others_go_on() {
    let place = Place::rabbitmq().await;
    let rig = place.start(None).await;
    let (connection, channel) = connect(&shared_broker()).await;
    let queue = place.queue("listener");
    for body in [&b"hello"[..], br#"{"specversion":"0.3"}"#] {
        let options = BasicPublishOptions::default();
        channel.basic_publish("".into(), queue.clone().into(), options, body, properties()).await.expect("published");
    }
    let things = say_one_each(&rig, 50).await;
    rig.settle().await;
    must_be_counted_once(&rig, &things).await;
    let dead = place.queue("listener.dead");
    until("both are dead letters", async || depth(&channel, &dead).await == 2).await;
    let letter = channel.basic_get(dead.clone().into(), BasicGetOptions { no_ack: true }).await.expect("an answer");
    assert_eq!(letter.expect("a letter").delivery.data, b"hello");
    channel.queue_purge(dead.into(), QueuePurgeOptions::default()).await.expect("purged");
    rig.stop().await;
    connection.close(200, "done".into()).await.expect("a goodbye");
    place.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_delivery_that_ends_every_process_that_takes_it_is_given_up_alone() {
    let place = Place::rabbitmq().await;
    place.start(None).await.stop().await;
    let url = shared_broker();
    let (connection, channel) = connect(&url).await;
    let queue = place.queue("listener");
    let event = cloud_event();
    let options = BasicPublishOptions::default();
    channel.basic_publish("".into(), queue.clone().into(), options, &event, properties()).await.expect("published");
    let dead = place.queue("listener.dead");
    let mut crashes = 0;
    while depth(&channel, &dead).await == 0 {
        assert!(crashes < 40, "it is delivered again and again");
        crash_on_it(&url, &queue).await;
        crashes += 1;
    }
    assert!(crashes > 10, "given up after {crashes}: a few restarts in a row must cost no event");
    let rig = place.start(None).await;
    let things = say_one_each(&rig, 10).await;
    rig.settle().await;
    must_be_counted_once(&rig, &things).await;
    rig.stop().await;
    connection.close(200, "done".into()).await.expect("a goodbye");
    place.end().await;
}

/// A process that takes a delivery and dies of it.
async fn crash_on_it(url: &str, queue: &str) {
    let (connection, channel) = connect(url).await;
    let options = BasicConsumeOptions::default();
    let consumer = channel.basic_consume(queue.into(), "".into(), options, FieldTable::default()).await;
    let mut consumer = consumer.expect("a consumer");
    let _ = tokio::time::timeout(Duration::from_secs(2), consumer.next()).await;
    connection.close(200, "dead".into()).await.expect("a goodbye");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_queue_that_somebody_deleted_is_declared_again() {
    let place = Place::rabbitmq().await;
    let rig = place.start(None).await;
    let url = shared_broker();
    let (connection, channel) = connect(&url).await;
    channel
        .queue_delete(place.queue("listener").into(), QueueDeleteOptions::default())
        .await
        .expect("a queue is deleted");
    let things = say_one_each(&rig, 20).await;
    rig.settle().await;
    must_be_counted_once(&rig, &things).await;
    rig.stop().await;
    connection.close(200, "done".into()).await.expect("a goodbye");
    place.end().await;
}

fn properties() -> BasicProperties {
    BasicProperties::default().with_delivery_mode(2)
}

/// The thing of [`cloud_event`].
fn told_thing() -> ThingId {
    use contracts::Id;
    ThingId::from_uuid(uuid::Uuid::from_u128(77))
}

/// An event as another program would write it.
fn cloud_event() -> Vec<u8> {
    use contracts::Id;
    let thing = ThingId::from_uuid(uuid::Uuid::from_u128(77));
    serde_json::json!({
        "specversion": "1.0", "id": uuid::Uuid::from_u128(78), "source": "/souk/speaker", "type": "thing.counted",
        "subject": thing.uuid(), "time": "2026-11-22T10:00:00Z", "datacontenttype": "application/json",
        "data": { "thing": thing, "what": "One" },
    })
    .to_string()
    .into_bytes()
}
