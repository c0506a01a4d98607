//! The same key makes the same thing, once.

use futures::future::join_all;
use store::Result;
use store::idempotency::{Key, Named, claim, find, naming, page, prune};
use uuid::Uuid;

use crate::base::*;

fn key(text: &str) -> Key {
    Key { principal: "cart_1".into(), route: "POST /v1/orders", key: text.into(), body_sha256: "ab".repeat(32) }
}

async fn claimed(db: &store::Db, text: &str, resource: Uuid) -> Result<bool> {
    db.write((key(text), resource), |tx, (key, resource)| Box::pin(claim(tx, key, 201, *resource))).await
}

pub async fn a_key_is_claimed_once(base: &Base) {
    let order = Uuid::now_v7();
    assert_eq!(find(&base.db, &key("k")).await.expect("nothing"), None);
    assert!(claimed(&base.db, "k", order).await.expect("a claim"));
    assert!(!claimed(&base.db, "k", Uuid::now_v7()).await.expect("no claim"));
    let made = find(&base.db, &key("k")).await.expect("an answer").expect("something");
    assert_eq!((made.resource, made.status, made.body_sha256), (order, 201, "ab".repeat(32)));
    assert!(claimed(&base.db.of("carts"), "k", order).await.expect("another service's key"));
    assert!(claimed(&base.db, "other", order).await.expect("another key"));
    let later = NOON + std::time::Duration::from_secs(1);
    let pruned: Result<u64> = base.db.write(later, |tx, later| Box::pin(prune(tx, *later, 1))).await;
    assert_eq!(pruned.expect("pruned"), 1);
}

pub async fn at_once_exactly_one_claims(base: &Base) {
    let claims = join_all((0..24).map(|_| {
        let db = base.db.clone();
        tokio::spawn(async move { claimed(&db, "k", Uuid::now_v7()).await })
    }))
    .await;
    let won = claims.into_iter().filter(|claim| matches!(claim, Ok(Ok(true)))).count();
    assert_eq!(won, 1);
}

pub async fn keys_are_walked_and_things_know_theirs(base: &Base) {
    let (one, two, unnamed) = (Uuid::now_v7(), Uuid::now_v7(), Uuid::now_v7());
    for (text, made) in [("c", one), ("a", two), ("b", two)] {
        assert!(claimed(&base.db, text, made).await.expect("a claim"));
    }
    let (mut seen, mut after) = (Vec::new(), Default::default());
    loop {
        let walked = page(&base.db, after, 2).await.expect("a page");
        let Some(last) = walked.last() else { break };
        after = (last.principal.clone(), last.route.clone(), last.key.clone());
        seen.extend(walked.into_iter().map(|kept| (kept.key, kept.made.resource)));
    }
    assert_eq!(seen, [("a".to_owned(), two), ("b".to_owned(), two), ("c".to_owned(), one)]);
    assert!(page(&base.db.of("carts"), Default::default(), 9).await.expect("a page").is_empty());
    let mut named = naming(&base.db, "POST /v1/orders", &[one, two, unnamed]).await.expect("names");
    named.sort_by_key(|named| named.keys);
    let expected = |resource, keys| Named { resource, keys, statuses: (201, 201) };
    assert_eq!(named, [expected(one, 1), expected(two, 2)]);
    assert_eq!(naming(&base.db, "POST /v1/refunds", &[one]).await.expect("names"), []);
}
