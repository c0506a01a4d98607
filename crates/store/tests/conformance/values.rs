//! What goes in comes out, the same on both.

use jiff::Timestamp;
use serde_json::json;
use store::{Error, Json, Result, Sql, Value, params, rows, statements};
use uuid::Uuid;

use crate::assert_error;
use crate::base::Base;

statements! {
    PUT = "INSERT INTO shop_item (id, name, count, price, made, flag, doc) VALUES ($1, $2, $3, $4, $5, $6, $7)";
    PUT_ALL = "INSERT INTO shop_item (id, name, count, price, made, flag, doc)
        SELECT id, name, count, price, made, flag, doc
        FROM @rows($1: id @id, name @text, count @int, price @money, made @time, flag @bool, doc @json) AS came WHERE true";
    GET = "SELECT name, count, price, made, flag, doc FROM shop_item WHERE id = $1";
    SOME = "SELECT item.name FROM @rows($1: id @id) AS asked JOIN shop_item AS item ON item.id = asked.id ORDER BY item.name";
    NAMES = "SELECT name FROM shop_item ORDER BY name";
}

type Item = (String, Option<i64>, Option<i64>, Option<Timestamp>, Option<bool>, Option<Json<serde_json::Value>>);

/// One item as parameters, and what reads back.
fn items() -> Vec<(Uuid, Item)> {
    let doc = json!({"text": "it's \"quoted\" \\ \u{1F42A}", "list": [1, -2, {"deep": null}], "yes": true});
    let made = Timestamp::from_microsecond(1_795_348_800_123_456).expect("a time");
    vec![
        (
            Uuid::now_v7(),
            (
                "ünïcödé 駱駝 \u{1F42A} 'quoted' $1 @id\n\t\\".into(),
                Some(7),
                Some(-1),
                Some(made),
                Some(true),
                Some(Json(doc)),
            ),
        ),
        (Uuid::nil(), (String::new(), Some(0), None, None, Some(false), Some(Json(json!([]))))),
        (
            Uuid::max(),
            ("42".into(), Some(i64::MAX), Some(i64::MIN), Some(Timestamp::UNIX_EPOCH), None, Some(Json(json!("text")))),
        ),
        (Uuid::from_u128(1), ("nulls".into(), None, None, None, None, None)),
    ]
}

fn item_params((id, (name, count, price, made, flag, doc)): &(Uuid, Item)) -> Vec<Value> {
    params![*id, name, *count, *price, *made, *flag, doc]
}

async fn assert_read_back(base: &Base) {
    for (id, item) in items().into_iter().filter(|(id, _)| id.get_version_num() != 7) {
        let found: Item = base.db.one(&GET, params![id]).await.expect("the item");
        assert_eq!(found, item);
    }
    let names: Vec<(String,)> = base.db.all(&NAMES, params![]).await.expect("names");
    assert_eq!(names.len(), items().len());
    assert!(names.contains(&(items()[0].1.0.clone(),)));
}

pub async fn every_type_reads_back(base: &Base) {
    let all = items();
    for item in &all {
        let put = item_params(item);
        let result: Result<()> =
            base.db.write(put, |tx, put| Box::pin(async move { tx.exec(&PUT, put.clone()).await.map(drop) })).await;
        result.expect("an item is written");
        let found: Item = base.db.one(&GET, params![item.0]).await.expect("the item");
        assert_eq!(found, item.1);
    }
    assert_read_back(base).await;
}

pub async fn numbers_reach_their_ends(base: &Base) {
    static ENDS: Sql =
        Sql::new("test::ENDS", "SELECT a, b FROM @rows($1: a @int, b @int) AS ends WHERE a = $2 AND b = $3");
    let table = rows([params![i64::MIN, i64::MAX], params![0_i64, -1_i64]]);
    let found: Vec<(i64, i64)> = base.db.all(&ENDS, params![table, i64::MIN, i64::MAX]).await.expect("rows");
    assert_eq!(found, [(i64::MIN, i64::MAX)]);
}

pub async fn rows_go_in_and_come_out_in_one_statement(base: &Base) {
    let table = rows(items().iter().map(item_params));
    let written: Result<u64> =
        base.db.write(table, |tx, table| Box::pin(async move { tx.exec(&PUT_ALL, params![*table]).await })).await;
    assert_eq!(written.expect("items"), 4);
    assert_read_back(base).await;
    let asked = rows([params![Uuid::max()], params![Uuid::from_u128(1)], params![Uuid::from_u128(99)]]);
    let found: Vec<(String,)> = base.db.all(&SOME, params![asked]).await.expect("names");
    assert_eq!(found, [("42".to_owned(),), ("nulls".to_owned(),)]);
}

pub async fn no_rows_are_no_rows(base: &Base) {
    let none: Result<u64> =
        base.db.write(rows([]), |tx, table| Box::pin(async move { tx.exec(&PUT_ALL, params![*table]).await })).await;
    assert_eq!(none.expect("no items"), 0);
    let found: Vec<(String,)> = base.db.all(&SOME, params![rows([])]).await.expect("names");
    assert!(found.is_empty());
}

pub async fn text_sorts_by_its_bytes(base: &Base) {
    let names = ["a", "B", "ä", "_", "10", "9", "Z", "é", "\u{1F42A}", ""];
    let table = rows(names.iter().map(|name| {
        params![Uuid::now_v7(), *name, None::<i64>, None::<i64>, None::<i64>, None::<bool>, None::<String>]
    }));
    let written: Result<u64> =
        base.db.write(table, |tx, table| Box::pin(async move { tx.exec(&PUT_ALL, params![*table]).await })).await;
    written.expect("items");
    let found: Vec<(String,)> = base.db.all(&NAMES, params![]).await.expect("names");
    let mut sorted = names.map(|name| (name.to_owned(),));
    sorted.sort();
    assert_eq!(found, sorted);
}

pub async fn a_text_that_is_not_kept_is_refused(base: &Base) {
    let refused = [
        params![Uuid::now_v7(), "a\0b", 1_i64, 1_i64, 1_i64, true, Json(json!({}))],
        params![Uuid::now_v7(), "name", 1_i64, 1_i64, 1_i64, true, Json(json!({"a": "\0"}))],
    ];
    for item in refused {
        let one: Result<u64> =
            base.db.write(item.clone(), |tx, item| Box::pin(async move { tx.exec(&PUT, item.clone()).await })).await;
        assert_error!(one, Error::Statement { .. });
        let table = rows([item]);
        let many: Result<u64> =
            base.db.write(table, |tx, table| Box::pin(async move { tx.exec(&PUT_ALL, params![*table]).await })).await;
        assert_error!(many, Error::Statement { .. });
    }
    // Six characters that only look like it are kept.
    let item = params![Uuid::now_v7(), "\\u0000", 1_i64, 1_i64, 1_i64, true, Json(json!({"a": "\\u0000"}))];
    let table = rows([item]);
    let kept: Result<u64> =
        base.db.write(table, |tx, table| Box::pin(async move { tx.exec(&PUT_ALL, params![*table]).await })).await;
    assert_eq!(kept.expect("an item"), 1);
}

pub async fn a_value_of_another_type_is_refused(base: &Base) {
    // Eight letters are as long as a number; a number is no name.
    let wrong = [
        params![Uuid::now_v7(), "name", "eightlet", 1_i64, 1_i64, true, Json(json!({}))],
        params!["no id", "name", 1_i64, 1_i64, 1_i64, true, Json(json!({}))],
    ];
    for item in wrong {
        let result: Result<u64> =
            base.db.write(item, |tx, item| Box::pin(async move { tx.exec(&PUT, item.clone()).await })).await;
        assert_error!(result, Error::Statement { .. });
    }
}

pub async fn a_column_of_another_type_is_said_by_number(base: &Base) {
    static BOTH: Sql = Sql::new("test::BOTH", "SELECT 'text' AS a, 'more' AS b");
    match base.db.one::<(String, i64)>(&BOTH, params![]).await {
        Err(Error::Decode { statement: "test::BOTH", column: 2, .. }) => {}
        other => panic!("{other:?}"),
    }
    match base.db.one::<(String, String, String)>(&BOTH, params![]).await {
        Err(Error::Decode { column: 3, .. }) => {}
        other => panic!("{other:?}"),
    }
}

pub async fn one_opt_and_all(base: &Base) {
    crate::base::counter(&base.db, 1, 10).await.expect("a counter");
    let (sql, none) = (&crate::base::VALUE, params![2_i64]);
    assert_eq!(base.db.one::<(i64,)>(sql, params![1_i64]).await.expect("a row"), (10,));
    assert_eq!(base.db.opt::<(i64,)>(sql, none.clone()).await.expect("no row"), None);
    assert_error!(base.db.one::<(i64,)>(sql, none.clone()).await, Error::NoRow(_));
    let within: Result<()> = base
        .db
        .write((), |tx, ()| {
            Box::pin(async move {
                assert_eq!(tx.one::<(i64,)>(&crate::base::VALUE, params![1_i64]).await?, (10,));
                assert_error!(tx.one::<(i64,)>(&crate::base::VALUE, params![2_i64]).await, Error::NoRow(_));
                assert_eq!(tx.all::<(i64,)>(&crate::base::COUNTERS, params![]).await?, [(1,)]);
                Ok(())
            })
        })
        .await;
    within.expect("a missing row breaks nothing");
}
