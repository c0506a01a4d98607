//! Accounts: registering, the own profile, the own password, and what staff see.

use contracts::customers::{CustomerContact, CustomerId, GetCustomerContact, Role};
use serde_json::json;

use super::{PASSWORD, Shop};

#[tokio::test(flavor = "multi_thread")]
async fn a_person_registers_and_the_shop_says_so_without_saying_who() {
    let shop = Shop::open().await;
    let body = json!({ "email": " Ada@Example.com", "password": PASSWORD, "name": "Ada", "locale": "de", "metadata": { "crm": "7" } });
    let answer = shop.post("/v1/customers", body).await;
    assert_eq!((answer.header("location"), answer.header("cache-control")), ("/v1/customers/me", "no-store"));
    let ada = answer.must(201);
    assert_eq!(
        (&ada["email"], &ada["locale"], &ada["market"]),
        (&json!("ada@example.com"), &json!("de"), &json!("default"))
    );
    assert!(!ada.to_string().contains("argon2") && ada.get("password_hash").is_none(), "{ada}");
    assert_eq!(shop.said("customer.registered").await, [json!({ "customer": ada["id"] })]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_e_mail_is_one_account_however_it_is_written() {
    let shop = Shop::open().await;
    shop.register("ada@example.com").await.must(201);
    shop.register("ADA@example.COM").await.refused(409, "customers.email_taken");
    assert_eq!(shop.said("customer.registered").await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_who_register_the_same_e_mail_at_once_make_one_account() {
    let shop = Shop::open().await;
    let answers = futures::future::join_all((0..8).map(|_| shop.register("ada@example.com"))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1);
    assert_eq!(answers.iter().filter(|answer| answer.status == 409).count(), 7);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_e_mail_no_password_or_no_market_is_refused_where_it_stands() {
    let shop = Shop::open().await;
    for (body, status, pointer) in [
        (json!({ "email": "ada", "password": PASSWORD }), 422, "/email"),
        (json!({ "email": "ada@example.com", "password": "short" }), 400, "/password"),
        (json!({ "email": "ada@example.com", "password": "x".repeat(257) }), 400, "/password"),
        (json!({ "email": "ada@example.com", "password": "Password1234" }), 422, "/password"),
        (json!({ "email": "ada.lovelace@example.com", "password": "ada.lovelace1" }), 422, "/password"),
        (json!({ "email": "ada@example.com", "password": PASSWORD, "market": "mars" }), 422, "/market"),
        (json!({ "email": "ada@example.com", "password": PASSWORD, "name": "" }), 400, "/name"),
        (json!({ "email": "ada@example.com", "password": PASSWORD, "role": "owner" }), 400, "/role"),
    ] {
        let problem = shop.post("/v1/customers", body).await.must(status);
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{problem}");
        assert!(!problem.to_string().contains(PASSWORD), "{problem}");
    }
    assert!(shop.said("customer.registered").await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_is_changed_on_the_version_that_was_read() {
    let shop = Shop::open().await;
    let ada = shop.customer("ada@example.com").await;
    let read = ada.get("/v1/customers/me").await;
    assert_eq!(read.header("etag"), "\"1\"");
    read.must(200);
    assert_eq!(ada.send("GET", "/v1/customers/me", &[("if-none-match", "\"1\"")], None).await.status, 304);
    let change = json!({ "name": "Ada Lovelace", "locale": "fr" });
    let changed = ada.send("PATCH", "/v1/customers/me", &[("if-match", "\"1\"")], Some(change.clone())).await;
    assert_eq!(changed.header("etag"), "\"2\"");
    assert_eq!(changed.must(200)["name"], "Ada Lovelace");
    let again = ada.send("PATCH", "/v1/customers/me", &[("if-match", "\"1\"")], Some(change.clone())).await;
    again.refused(412, "customers.profile_changed");
    let blind = ada.send("PATCH", "/v1/customers/me", &[], Some(change)).await;
    blind.refused(428, "request.if_match_required");
    let cleared = ada.send("PATCH", "/v1/customers/me", &[("if-match", "\"2\"")], Some(json!({ "name": null }))).await;
    let me = cleared.must(200);
    assert_eq!((&me["name"], &me["locale"], &me["version"]), (&json!(null), &json!("fr"), &json!(3)));
    assert_eq!(ada.get("/v1/customers/me").await.must(200), me, "what is answered is what is kept");
    let versions: Vec<_> = shop.said("customer.updated").await.iter().map(|event| event["version"].clone()).collect();
    assert_eq!(versions, [json!(2), json!(3)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_edits_on_one_version_one_is_kept() {
    let shop = Shop::open().await;
    let ada = shop.customer("ada@example.com").await;
    let edits = (0..6).map(|number| {
        let change = json!({ "name": format!("Ada {number}") });
        ada.send("PATCH", "/v1/customers/me", &[("if-match", "\"1\"")], Some(change))
    });
    let answers = futures::future::join_all(edits).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
    assert_eq!(answers.iter().filter(|answer| answer.status == 412).count(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_password_wants_the_old_one_and_ends_every_other_session() {
    let shop = Shop::open().await;
    let (phone, laptop) = (shop.customer("ada@example.com").await, shop.log_in("ada@example.com").await);
    let change = |old: &str, new: &str| json!({ "current_password": old, "new_password": new });
    let path = "/v1/customers/me/password";
    let wrong = phone.send("PUT", path, &[], Some(change("a guess of mine", "vier kleine worte hier"))).await.must(422);
    assert_eq!(wrong["errors"][0]["pointer"], "/current_password");
    let weak = phone.send("PUT", path, &[], Some(change(PASSWORD, "qwertyuiop"))).await.must(422);
    assert_eq!(weak["errors"][0]["pointer"], "/new_password");
    assert!(laptop.is_logged_in().await);
    phone.send("PUT", path, &[], Some(change(PASSWORD, "vier kleine worte hier"))).await.must(204);
    assert!(phone.is_logged_in().await && !laptop.is_logged_in().await);
    shop.refresh(&laptop.refresh).await.refused(401, "customers.session_over");
    shop.refresh(&phone.refresh).await.must(200);
    shop.log_in_with("ada@example.com", PASSWORD).await.refused(401, "customers.wrong_credentials");
    shop.log_in_with("ada@example.com", "vier kleine worte hier").await.must(201);
    let revoked = shop.said("session.revoked").await;
    assert_eq!(revoked.len(), 1);
    assert_eq!(revoked[0]["sessions"], json!([laptop.session]));
}

#[tokio::test(flavor = "multi_thread")]
async fn staff_who_may_see_accounts_and_why_sessions_ended() {
    let shop = Shop::open().await;
    let (support, packer) =
        (shop.add("s@example.com", Role::Support).await, shop.add("p@example.com", Role::Fulfilment).await);
    let ada = shop.customer("ada@example.com").await;
    ada.send("DELETE", "/v1/sessions/current", &[], None).await.must(204);
    shop.register("grace@example.com").await.must(201);
    assert_eq!(shop.ask("GET", "/v1/admin/customers", &packer.key).await.0, 403);
    let (status, page) = shop.ask("GET", "/v1/admin/customers?limit=1", &support.key).await;
    assert_eq!((status, &page["items"][0]["email"]), (200, &json!("grace@example.com")), "the newest first");
    let next = format!("/v1/admin/customers?limit=1&cursor={}", page["next"].as_str().expect("a second page"));
    let (_, page) = shop.ask("GET", &next, &support.key).await;
    assert_eq!((&page["items"][0]["email"], &page["next"]), (&json!("ada@example.com"), &json!(null)));
    let (_, found) = shop.ask("GET", "/v1/admin/customers?email=ADA@example.com", &support.key).await;
    assert_eq!((found["items"].as_array().map(Vec::len), &found["items"]), (Some(1), &page["items"]));
    let path = format!("/v1/admin/customers/{}", found["items"][0]["id"].as_str().expect("an id"));
    let (status, detail) = shop.ask("GET", &path, &support.key).await;
    assert_eq!((status, &detail["email"], &detail["addresses"]), (200, &json!("ada@example.com"), &json!([])));
    assert_eq!(detail["sessions"][0]["id"], ada.session);
    assert_eq!(detail["sessions"][0]["ended_because"], "logged_out");
    let unknown = shop.ask("GET", "/v1/admin/customers/cus_00000000000000000000000000", &support.key).await;
    assert_eq!((unknown.0, &unknown.1["code"]), (404, &json!("customers.not_found")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_is_no_staff_and_staff_are_no_customer() {
    let shop = Shop::open().await;
    let (owner, ada) = (shop.add("o@example.com", Role::Owner).await, shop.customer("ada@example.com").await);
    for path in ["/v1/admin/customers", "/v1/admin/staff", "/v1/admin/roles", "/v1/admin/audit-log"] {
        ada.get(path).await.refused(401, "request.unauthenticated");
    }
    assert_eq!(shop.ask("GET", "/v1/customers/me", &owner.key).await.0, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_roles_are_listed_with_what_they_may() {
    let shop = Shop::open().await;
    let auditor = shop.add("a@example.com", Role::Auditor).await;
    let (status, roles) = shop.ask("GET", "/v1/admin/roles", &auditor.key).await;
    assert_eq!(status, 200);
    let names: Vec<_> = roles["items"].as_array().expect("a list").iter().map(|role| role["role"].clone()).collect();
    assert_eq!(names, ["owner", "merchandiser", "fulfilment", "support", "auditor"]);
    assert!(roles["items"][3]["permissions"].as_array().expect("a list").contains(&json!("payments:write")));
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_writes_mails_asks_for_the_address() {
    let shop = Shop::open().await;
    let ada = shop.register("ada@example.com").await.must(201);
    let customer: CustomerId = ada["id"].as_str().expect("an id").parse().expect("an id");
    let contact: CustomerContact = shop.ctx.call(GetCustomerContact { customer }).await.expect("a contact");
    assert_eq!((contact.email.as_str(), contact.name, contact.locale.as_str()), ("ada@example.com", None, "en"));
    let nobody = GetCustomerContact { customer: shop.ctx.ids.next() };
    assert_eq!(shop.ctx.call(nobody).await.expect_err("nobody").status, 404);
}
