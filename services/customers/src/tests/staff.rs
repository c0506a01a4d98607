//! Staff, keys and the audit log.

use std::time::Duration;

use contracts::Id;
use contracts::customers::{ApiKeyId, AuditEntryId, Permission, Role};
use serde_json::Value;
use uuid::Uuid;

use super::Shop;
use crate::chain::Broken;
use crate::{Error, add_key, add_staff, store, verify_audit_log};

#[tokio::test(flavor = "multi_thread")]
async fn a_new_member_can_do_what_the_role_says() {
    let shop = Shop::open().await;
    let owner = shop.add("Ada@Example.com", Role::Owner).await;
    let auditor = shop.add("grace@example.com", Role::Auditor).await;
    assert_eq!(owner.staff.email, "ada@example.com");
    assert!(owner.key.starts_with("souk_sk_") && owner.key != auditor.key);
    assert_eq!(shop.permissions_of(&owner.key).await, Some(Permission::ALL.to_vec()));
    assert_eq!(shop.permissions_of(&auditor.key).await, Some(Role::Auditor.permissions().to_vec()));
    assert_eq!(shop.permissions_of("souk_sk_guessed").await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_address_is_one_member() {
    let shop = Shop::open().await;
    shop.add("ada@example.com", Role::Owner).await;
    let again = add_staff(&shop.ctx, "ADA@example.com", Role::Auditor).await;
    assert!(matches!(again, Err(Error::StaffEmailTaken)));
    assert!(
        matches!(add_staff(&shop.ctx, "no address", Role::Owner).await, Err(Error::Problem(problem)) if problem.status == 422)
    );
    assert_eq!(store::staff::staff_after(&shop.ctx.db, None, 10).await.expect("a list").len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_lost_the_key_gets_another() {
    let shop = Shop::open().await;
    let ada = shop.add("ada@example.com", Role::Auditor).await;
    let another = add_key(&shop.ctx, "ADA@example.com").await.expect("a key");
    assert!(another.starts_with("souk_sk_") && another != ada.key);
    assert_eq!(shop.permissions_of(&another).await, Some(Role::Auditor.permissions().to_vec()));
    let keys = &store::staff::staff_after(&shop.ctx.db, None, 10).await.expect("a list")[0].keys;
    assert_eq!(keys.iter().map(|key| key.name.as_str()).collect::<Vec<_>>(), ["souk staff add", "souk staff key"]);
    assert!(matches!(add_key(&shop.ctx, "eve@example.com").await, Err(Error::NoSuchStaff)));
    for _ in 2..50 {
        add_key(&shop.ctx, "ada@example.com").await.expect("a key");
    }
    assert!(matches!(add_key(&shop.ctx, "ada@example.com").await, Err(Error::TooManyKeys { most: 50 })));
    shop.change(&store::staff::testing::DEACTIVATE, ::store::Value::Id(ada.staff.id.uuid())).await;
    assert!(matches!(add_key(&shop.ctx, "ada@example.com").await, Err(Error::NoSuchStaff)));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_key_of_someone_inactive_does_not_work() {
    let shop = Shop::open().await;
    let ada = shop.add("ada@example.com", Role::Owner).await;
    shop.change(&store::staff::testing::DEACTIVATE, ::store::Value::Id(ada.staff.id.uuid())).await;
    assert_eq!(shop.permissions_of(&ada.key).await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_key_stops_at_once_and_the_log_says_who_did_it() {
    let shop = Shop::open().await;
    let (ada, mallory) = (shop.add("ada@example.com", Role::Owner).await, shop.add("m@example.com", Role::Owner).await);
    assert_eq!(shop.ask("GET", "/v1/admin/staff", &mallory.key).await.0, 200);
    let key = mallory.staff.keys[0].id;
    let path = format!("/v1/admin/staff-keys/{key}/revoke");
    let (status, first) = shop.ask("POST", &path, &ada.key).await;
    assert_eq!((status, &first["id"]), (200, &Value::from(key.to_string())));
    assert!(first["revoked_at"].is_string());
    assert_eq!(shop.ask("GET", "/v1/admin/staff", &mallory.key).await.0, 401);
    shop.ctx.clock.advance(Duration::from_secs(1));
    assert_eq!(shop.ask("POST", &path, &ada.key).await, (200, first), "revoking again changes nothing");

    let (status, staff) = shop.ask("GET", "/v1/admin/staff?limit=1", &ada.key).await;
    assert_eq!((status, staff["items"][0]["email"].as_str()), (200, Some("ada@example.com")));
    let next = format!("/v1/admin/staff?limit=1&cursor={}", staff["next"].as_str().expect("a second page"));
    let (_, staff) = shop.ask("GET", &next, &ada.key).await;
    assert!(staff["items"][0]["keys"][0]["revoked_at"].is_string() && staff["next"].is_null(), "{staff}");

    let mut log = Value::Null;
    for _ in 0..500 {
        log = shop.ask("GET", &format!("/v1/admin/audit-log?subject={key}"), &ada.key).await.1;
        if log["items"][0].is_object() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(log["items"].as_array().map(Vec::len), Some(1));
    assert_eq!(log["items"][0]["action"], "customers.revoke_key");
    assert_eq!(log["items"][0]["staff"], ada.staff.id.to_string());
    assert_eq!(shop.seal().await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_who_may_revokes_and_what_is_not_there_is_not_found() {
    let shop = Shop::open().await;
    let (ada, grace) = (shop.add("ada@example.com", Role::Owner).await, shop.add("g@example.com", Role::Auditor).await);
    let path = format!("/v1/admin/staff-keys/{}/revoke", ada.staff.keys[0].id);
    assert_eq!(shop.ask("POST", &path, &grace.key).await.0, 403);
    let unknown = format!("/v1/admin/staff-keys/{}/revoke", ApiKeyId::from_uuid(Uuid::max()));
    let (status, problem) = shop.ask("POST", &unknown, &ada.key).await;
    assert_eq!((status, problem["code"].as_str()), (404, Some("customers.key_not_found")));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_is_listed_newest_first_whatever_came_first_and_doubled() {
    let shop = Shop::open().await;
    let ada = shop.add("ada@example.com", Role::Owner).await;
    for number in [3, 1, 2, 3, 1] {
        shop.record(number, if number == 2 { "prod_b" } else { "prod_a" }).await;
    }
    let ids = |page: &Value| {
        page["items"].as_array().expect("a list").iter().map(|entry| entry["id"].clone()).collect::<Vec<_>>()
    };
    let id = |number| Value::from(AuditEntryId::from_uuid(Uuid::from_u128(number)).to_string());
    let (_, first) = shop.ask("GET", "/v1/admin/audit-log?limit=2", &ada.key).await;
    assert_eq!(ids(&first), [id(3), id(2)]);
    let next = format!("/v1/admin/audit-log?limit=2&cursor={}", first["next"].as_str().expect("a second page"));
    assert_eq!(ids(&shop.ask("GET", &next, &ada.key).await.1), [id(1)]);
    assert_eq!(ids(&shop.ask("GET", "/v1/admin/audit-log?subject=prod_a", &ada.key).await.1), [id(3), id(1)]);
    assert_eq!(shop.ask("GET", "/v1/admin/audit-log?subjekt=prod_a", &ada.key).await.0, 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_late_is_sealed_later_and_the_chain_stays_whole() {
    let shop = Shop::open().await;
    for number in [10, 30, 20] {
        shop.record(number, "prod_a").await;
    }
    assert_eq!(shop.seal().await, 3);
    shop.record(15, "prod_a").await;
    assert_eq!(shop.seal().await, 4);
    let log = store::staff::entries_before(&shop.ctx.db, None, None, 10).await.expect("a list");
    assert_eq!(log.iter().map(|entry| entry.sequence).collect::<Vec<_>>(), [Some(3), Some(2), Some(4), Some(1)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn tampering_with_the_table_is_found() {
    let shop = Shop::open().await;
    for number in 1..=4 {
        shop.record(number, "prod_a").await;
    }
    assert_eq!(shop.seal().await, 4);
    shop.change(&store::staff::testing::TAMPER, ::store::Value::Int(3)).await;
    let found = verify_audit_log(&shop.ctx).await.expect("a database");
    let entry = AuditEntryId::from_uuid(Uuid::from_u128(3));
    assert_eq!(found, Err(Broken::Changed { sequence: 3, entry }));
    shop.change(&store::staff::testing::TAKE_OUT, ::store::Value::Int(2)).await;
    let found = verify_audit_log(&shop.ctx).await.expect("a database");
    assert_eq!(found, Err(Broken::Missing { sequence: 2 }));
}
