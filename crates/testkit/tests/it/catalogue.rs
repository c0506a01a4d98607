//! The catalogue: browsing it, filtering and sorting it, walking it while it changes, editing it; and that no page is
//! older than an edit that was answered.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering::SeqCst};

use contracts::Currency;
use futures::future::{join, join_all};
use serde_json::{Value, json};
use testkit::{Client, Shop, ShopOptions, Staff, Topology};

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}

async fn category(owner: &Staff, title: &str, parent: Option<&str>) -> Value {
    owner.post("/v1/admin/categories", json!({ "title": title, "parent": parent })).await.must(201)
}

/// A product for sale with one variant; its id.
async fn product(owner: &Staff, title: &str, price: i64, more: Value) -> String {
    let mut body = json!({ "title": title, "status": "active", "variants": [
        { "sku": title, "prices": [{ "amount": price }] }] });
    body.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    text(&owner.post("/v1/admin/products", body).await.must(201)["id"])
}

/// The titles of a list, walked in pages of this many.
async fn titles(client: &Client, query: &str, limit: usize) -> Vec<String> {
    let (mut titles, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = client.get(format!("/v1/products?limit={limit}{query}{cursor}")).await.must(200);
        titles.extend(page["items"].as_array().expect("items").iter().map(|item| text(&item["title"])));
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return titles,
        }
    }
}

/// Edits a product on what it is just now; the answer.
async fn edit(owner: &Staff, product: &str, body: Value) -> Value {
    let path = format!("/v1/admin/products/{product}");
    let etag = owner.get(&path).await.header("etag").to_owned();
    owner.patch(&path, body).header("If-Match", etag).await.must(200)
}

/// Edits a category on what it is just now; the answer's status.
async fn edit_category(owner: &Staff, category: &str, body: Value) -> u16 {
    let shown = owner.get(format!("/v1/categories/{category}")).await;
    let (etag, id) = (shown.header("etag").to_owned(), text(&shown.json()["id"]));
    owner.patch(format!("/v1/admin/categories/{id}"), body).header("If-Match", etag).await.status
}

pub async fn a_buyer_browses_filters_and_sorts(topology: Topology) {
    let (shop, owner) = Shop::open(topology).await;
    for (title, parent) in [("Drinks", None), ("Tea", Some("drinks")), ("Green tea", Some("tea")), ("Tools", None)] {
        category(&owner, title, parent).await;
    }
    for (title, price, category, brand, attributes) in [
        ("Sencha", 900, "green-tea", "Leaf", json!({ "origin": "Japan", "grams": 50, "organic": true })),
        ("Assam", 700, "tea", "Leaf", json!({ "origin": "India", "grams": 100, "organic": false })),
        ("Éclair tea", 800, "tea", "Other", json!({ "origin": "France", "grams": 62.5, "organic": true })),
        ("Whisk", 1500, "tools", "Bamboo & Sons", json!({ "material": "bamboo" })),
    ] {
        product(&owner, title, price, json!({ "categories": [category], "brand": brand, "attributes": attributes }))
            .await;
    }
    for (query, expected) in [
        ("", &["Whisk", "Éclair tea", "Assam", "Sencha"][..]),
        ("&sort=title", &["Assam", "Éclair tea", "Sencha", "Whisk"]),
        ("&sort=price_asc", &["Assam", "Éclair tea", "Sencha", "Whisk"]),
        ("&sort=price_desc", &["Whisk", "Sencha", "Éclair tea", "Assam"]),
        ("&category=drinks&sort=title", &["Assam", "Éclair tea", "Sencha"]),
        ("&category=green-tea", &["Sencha"]),
        ("&brand=leaf&sort=title", &["Assam", "Sencha"]),
        ("&brand=leaf&category=green-tea", &["Sencha"]),
        ("&price_min=800&price_max=900&sort=title", &["Éclair tea", "Sencha"]),
        ("&attribute=origin:Japan&attribute=origin:India&sort=title", &["Assam", "Sencha"]),
        ("&attribute=grams:60..&attribute=organic:true", &["Éclair tea"]),
        ("&in_stock=true", &[]),
    ] {
        assert_eq!(titles(&shop, query, 2).await, expected, "{query}");
    }
    let tree = shop.get("/v1/category-tree").await.must(200);
    assert_eq!(tree["roots"][0]["children"][0]["children"][0]["path"], "drinks/tea/green-tea", "{tree:#}");
    let tea = shop.get("/v1/categories/tea").await.must(200);
    assert_eq!((&tea["ancestors"][0]["slug"], &tea["children"][0]["slug"]), (&json!("drinks"), &json!("green-tea")));
    let below = shop.get("/v1/categories?parent=tea").await.must(200);
    assert_eq!(below["items"].as_array().map(Vec::len), Some(1));
    let brands = shop.get("/v1/brands").await.must(200);
    let brands: Vec<_> = brands["items"].as_array().expect("items").iter().map(|brand| text(&brand["slug"])).collect();
    assert_eq!(brands, ["bamboo-sons", "leaf", "other"]);
    let attributes = shop.get("/v1/attributes?filterable=true&limit=2").await.must(200);
    assert_eq!((&attributes["items"][0]["key"], &attributes["items"][0]["type"]), (&json!("grams"), &json!("number")));
    for (query, pointer) in
        [("category=nowhere", "category"), ("brand=nobody", "brand"), ("attribute=x:y", "attribute")]
    {
        let problem = shop.get(format!("/v1/products?{query}")).await.refused(422, "request.invalid");
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{problem:#}");
    }
    let next = shop.get("/v1/products?limit=1").await.must(200)["next"].clone();
    let other = format!("/v1/products?limit=1&sort=title&cursor={}", text(&next));
    shop.get(other).await.refused(422, "request.invalid");
    shop.finish().await;
}

pub async fn names_that_only_drafts_have_are_for_staff(topology: Topology) {
    let (shop, owner) = Shop::open(topology).await;
    let more = |name: &str| json!({ "brand": name, "attributes": { name: "x" } });
    product(&owner, "Assam", 700, more("leaf")).await;
    let mut draft = more("secret");
    draft["title"] = json!("Next year");
    draft["variants"] = json!([{ "sku": "next" }]);
    let draft = owner.post("/v1/admin/products", draft).await.must(201);
    let names = |list: Value, name: &str| {
        list["items"].as_array().expect("items").iter().map(|item| text(&item[name])).collect::<Vec<_>>()
    };
    shop.get("/v1/admin/brands").await.refused(401, "request.unauthenticated");
    shop.get("/v1/admin/attributes").await.refused(401, "request.unauthenticated");
    assert_eq!(names(shop.get("/v1/brands").await.must(200), "name"), ["leaf"]);
    assert_eq!(names(shop.get("/v1/attributes").await.must(200), "key"), ["leaf"]);
    assert_eq!(names(owner.get("/v1/admin/brands").await.must(200), "name"), ["leaf", "secret"]);
    assert_eq!(names(owner.get("/v1/admin/attributes").await.must(200), "key"), ["leaf", "secret"]);
    let path = format!("/v1/admin/products/{}", text(&draft["id"]));
    let etag = owner.get(&path).await.header("etag").to_owned();
    owner.patch(&path, json!({ "status": "active" })).header("If-Match", &etag).await.must(200);
    assert_eq!(names(shop.get("/v1/brands").await.must(200), "name"), ["leaf", "secret"]);
    assert_eq!(names(shop.get("/v1/attributes").await.must(200), "key"), ["leaf", "secret"]);
    shop.finish().await;
}

/// JSON of texts with U+0000, which PostgreSQL compares with nothing.
pub async fn a_cursor_that_nobody_was_given_is_refused(topology: Topology) {
    let (shop, owner) = Shop::open(topology).await;
    product(&owner, "Assam", 700, json!({})).await;
    for list in ["/v1/categories?", "/v1/attributes?", "/v1/brands?", "/v1/products?sort=title&"] {
        for cursor in ["Ilx1MDAwMCI", "WyJcdTAwMDAiLCIwMTk0ZDJmZS0wMDAwLTcwMDAtODAwMC0wMDAwMDAwMDAwMDAiXQ"] {
            shop.get(format!("{list}cursor={cursor}")).await.refused(422, "request.invalid");
        }
    }
    let by_slug = "/v1/admin/products?slug_prefix=a&cursor=Ilx1MDAwMCI";
    owner.get(by_slug).await.refused(422, "request.invalid");
    shop.finish().await;
}

/// While products come, go and change price, nothing that stays is missed or shown twice.
pub async fn the_whole_catalogue_is_walked_while_it_changes(topology: Topology) {
    let (shop, owner) = Shop::open(topology).await;
    category(&owner, "All", None).await;
    let in_all = || json!({ "categories": ["all"] });
    let mut stays = BTreeSet::new();
    for number in 0..24 {
        stays.insert(product(&owner, &format!("Stays {number:02}"), 100 + number, in_all()).await);
    }
    let owner_ref = &owner;
    let goes = (0..6).map(|number| async move { product(owner_ref, &format!("Goes {number}"), 90, json!({})).await });
    let goes = join_all(goes).await;
    let changes = async {
        for (number, goes) in goes.iter().enumerate() {
            product(&owner, &format!("Comes {number}"), 80, in_all()).await;
            edit(&owner, goes, json!({ "status": "archived" })).await;
        }
    };
    let walk = |query: &'static str| {
        let shop = &shop;
        async move {
            let (mut seen, mut cursor) = (Vec::new(), String::new());
            loop {
                let page = shop.get(format!("/v1/products?limit=3&{query}{cursor}")).await.must(200);
                seen.extend(page["items"].as_array().expect("items").iter().map(|item| text(&item["id"])));
                match page["next"].as_str() {
                    Some(next) => cursor = format!("&cursor={next}"),
                    None => return seen,
                }
            }
        }
    };
    let walks = join_all(["sort=newest", "sort=title", "sort=price_asc", "sort=price_desc", "category=all"].map(walk));
    let ((), walks) = join(changes, walks).await;
    for seen in walks {
        let once: BTreeSet<_> = seen.iter().cloned().collect();
        assert_eq!(once.len(), seen.len(), "something came twice: {seen:?}");
        assert!(stays.is_subset(&once), "missed {:?}", stays.difference(&once));
    }
    shop.finish().await;
}

pub async fn of_many_edits_on_one_tag_one_is_made(topology: Topology) {
    let (shop, owner) = Shop::open(topology).await;
    let teapot = product(&owner, "Teapot", 1999, json!({})).await;
    let other = product(&owner, "Other", 1999, json!({})).await;
    let path = format!("/v1/admin/products/{teapot}");
    let etag = owner.get(&path).await.header("etag").to_owned();
    let edits = (0..8).map(|number| {
        let edit = owner.patch(&path, json!({ "title": format!("Teapot {number}") })).header("If-Match", &etag);
        async move { (number, edit.await) }
    });
    let (mut made, mut stale) = (Vec::new(), 0);
    for (number, answer) in join_all(edits).await {
        match answer.status {
            200 => made.push(number),
            _ => {
                answer.refused(412, "catalog.product_changed");
                stale += 1;
            }
        }
    }
    assert_eq!((made.len(), stale), (1, 7));
    let now = shop.get("/v1/products/teapot").await.must(200);
    assert_eq!(now["title"], format!("Teapot {}", made[0]));
    owner.patch(&path, json!({ "title": "Lost" })).await.refused(428, "request.if_match_required");

    // A slug is one product's, whoever asks for it at once.
    let owner_ref = &owner;
    let wanted = [&teapot, &other].map(|product| async move {
        let path = format!("/v1/admin/products/{product}");
        let owner = owner_ref;
        let etag = owner.get(&path).await.header("etag").to_owned();
        owner.patch(&path, json!({ "slug": "wanted" })).header("If-Match", etag).await
    });
    let mut statuses: Vec<u16> = join_all(wanted).await.iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409]);
    shop.get("/v1/products/wanted").await.must(200);

    edit(&owner, &teapot, json!({ "status": "archived" })).await;
    shop.get(format!("/v1/products/{teapot}")).await.refused(404, "catalog.product_not_found");
    assert_eq!(titles(&shop, "", 9).await, ["Other"]);
    let archived = owner.get("/v1/admin/products?status=archived").await.must(200);
    assert_eq!(archived["items"][0]["id"], json!(teapot));
    shop.finish().await;
}

/// Readers of the page and of the list race with a price that rises: what was answered before a read began is in it.
pub async fn no_page_is_older_than_the_edit_that_was_answered(topology: Topology) {
    const PRICES: i64 = 40;
    let (shop, owner) = Shop::open(topology).await;
    let teapot = owner.product(1000, 5).await;
    let (answered, is_over) = (AtomicI64::new(1000), AtomicBool::new(false));
    let edits = async {
        for price in 1001..=1000 + PRICES {
            owner.set_price(&teapot, price).await;
            answered.store(price, SeqCst);
        }
        is_over.store(true, SeqCst);
    };
    let page = format!("/v1/products/{}", teapot.id);
    let readers = (0..6).map(|number| {
        let path = [page.as_str(), "/v1/products?sort=price_asc", "/v1/products"][number % 3];
        let (shop, answered, is_over) = (&shop, &answered, &is_over);
        async move {
            let mut reads = 0;
            while !is_over.load(SeqCst) {
                let before = answered.load(SeqCst);
                let seen = shop.get(path).await.must(200);
                let price =
                    if number % 3 == 0 { &seen["variants"][0]["price"] } else { &seen["items"][0]["price_min"] };
                let price = price["amount"].as_i64().expect("an amount");
                assert!(price >= before, "{path} showed {price} after {before} was answered");
                reads += 1;
            }
            reads
        }
    });
    let ((), reads) = join(edits, join_all(readers)).await;
    assert!(reads.iter().all(|reads| *reads > 0));
    shop.finish().await;
}

/// Statements of this work in the service that answers it.
async fn statements<T>(shop: &Shop, work: &str, request: impl Future<Output = T>) -> (u64, T) {
    shop.note_work();
    let answer = request.await;
    let entries = shop.work_noted();
    (entries.iter().find(|(name, ..)| name == work).map_or(0, |(.., statements)| *statements), answer)
}

pub async fn what_is_hot_costs_nothing(topology: Topology) {
    let (shop, owner) = Shop::open(topology).await;
    category(&owner, "Pots", None).await;
    product(&owner, "Teapot", 1999, json!({ "categories": ["pots"], "attributes": { "litres": 1 } })).await;
    shop.settle().await;
    for (work, path) in [
        ("GET /v1/products/{product}", "/v1/products/teapot"),
        ("GET /v1/products", "/v1/products?category=pots&sort=price_desc&attribute=litres:1&price_max=5000"),
        ("GET /v1/category-tree", "/v1/category-tree"),
        ("GET /v1/categories/{category}", "/v1/categories/pots"),
    ] {
        let (cold, first) = statements(&shop, work, async { shop.get(path).await }).await;
        let (hot, second) = statements(&shop, work, async { shop.get(path).await }).await;
        assert_eq!((cold, hot), (1, 0), "{path}");
        let etag = first.header("etag").to_owned();
        assert_eq!((second.header("etag"), first.text == second.text), (etag.as_str(), true));
        assert_eq!(shop.get(path).header("If-None-Match", &etag).await.status, 304, "{path}");
    }
    edit_category(&owner, "pots", json!({ "title": "Teapots" })).await;
    let page = shop.get("/v1/products/teapot").await.must(200);
    assert_eq!(page["categories"][0]["title"], "Teapots", "a category's new name is on the pages of its products");
    shop.finish().await;
}

/// Each tries to put the other below itself, many times: the tree stays one.
pub async fn categories_that_are_moved_at_once_make_no_cycle(topology: Topology) {
    let (shop, owner) = Shop::open(topology).await;
    let names = ["a", "b", "c", "d"];
    for name in names {
        category(&owner, name, None).await;
        product(&owner, &format!("In {name}"), 100, json!({ "categories": [name] })).await;
    }
    for round in 0..6 {
        let moves = (0..4_usize).map(|from| {
            let to = names[(from + 1 + round % 3) % 4];
            edit_category(&owner, names[from], json!({ "parent": to }))
        });
        let statuses = join_all(moves).await;
        assert!(statuses.iter().all(|status| matches!(status, 200 | 409 | 412)), "{statuses:?}");
    }
    shop.settle().await;
    let all = shop.get("/v1/categories").await.must(200);
    let parents: BTreeMap<String, Option<String>> = all["items"]
        .as_array()
        .expect("items")
        .iter()
        .map(|item| (text(&item["id"]), item["parent"].as_str().map(str::to_owned)))
        .collect();
    assert_eq!(parents.len(), 4);
    for item in all["items"].as_array().expect("items") {
        let (mut above, mut at) = (1, item["parent"].as_str().map(str::to_owned));
        while let Some(parent) = at {
            above += 1;
            assert!(above <= 4, "{all:#} has a cycle");
            at = parents[&parent].clone();
        }
        assert_eq!((item["depth"].as_i64(), text(&item["path"]).split('/').count()), (Some(above), above as usize));
        // Lists follow: a category has its own product and those of all below it.
        let below = all["items"]
            .as_array()
            .expect("items")
            .iter()
            .filter(|other| format!("{}/", text(&other["path"])).starts_with(&format!("{}/", text(&item["path"]))));
        let mut expected: Vec<_> = below.map(|other| format!("In {}", text(&other["title"]))).collect();
        expected.sort_unstable();
        assert_eq!(titles(&shop, &format!("&sort=title&category={}", text(&item["slug"])), 3).await, expected);
    }
    let deepest = all["items"].as_array().expect("items").last().expect("one").clone();
    let path = format!("/v1/admin/categories/{}", text(&deepest["id"]));
    let etag = shop.get(format!("/v1/categories/{}", text(&deepest["id"]))).await.header("etag").to_owned();
    owner.delete(&path).header("If-Match", etag).await.refused(409, "catalog.category_not_empty");
    shop.finish().await;
}

pub async fn variants_come_and_go_and_change_places(topology: Topology) {
    let (shop, owner) = Shop::open(topology).await;
    let body = json!({ "title": "Shirt", "status": "active", "options": ["Size"], "variants": [
        { "sku": "S", "options": { "Size": "S" }, "prices": [{ "amount": 1000 }] },
        { "sku": "M", "options": { "Size": "M" }, "images": [{ "url": "/m.jpg", "alt": "M" }], "prices": [{ "amount": 900 }] },
    ] });
    let shirt = owner.post("/v1/admin/products", body).await.must(201);
    let (path, variants) = (format!("/v1/admin/products/{}", text(&shirt["id"])), shirt["variants"].clone());
    let large = json!({ "sku": "L", "options": { "Size": "L" }, "prices": [{ "amount": 800 }] });
    let added = owner.post(format!("{path}/variants"), large.clone()).key("one").await.must(201);
    let again = owner.post(format!("{path}/variants"), large.clone()).key("one").await;
    assert_eq!((again.header("idempotent-replayed"), again.json()), ("true", added.clone()));
    owner.post(format!("{path}/variants"), large).await.refused(422, "request.invalid");
    let order = [&added["variants"][2], &variants[1], &variants[0]].map(|variant| json!({ "id": variant["id"] }));
    edit(&owner, &text(&shirt["id"]), json!({ "variants": order })).await;
    let skus = async || {
        let page = shop.get("/v1/products/shirt").await.must(200);
        page["variants"].as_array().expect("variants").iter().map(|variant| text(&variant["sku"])).collect::<Vec<_>>()
    };
    assert_eq!(skus().await, ["L", "M", "S"]);

    let large = format!("{path}/variants/{}", text(&added["variants"][2]["id"]));
    let etag = owner.get(&path).await.header("etag").to_owned();
    owner.patch(&large, json!({ "sku": "XL" })).header("If-Match", &etag).await.must(200);
    owner.delete(&large).header("If-Match", &etag).await.refused(412, "catalog.product_changed");
    let etag = owner.get(&path).await.header("etag").to_owned();
    let answer = owner.delete(&large).header("If-Match", &etag).await.must(200);
    assert_eq!(answer["variants"][0]["status"], "archived", "staff still sees it");
    assert_eq!(skus().await, ["M", "S"]);
    let buyer = shop.buyer().await;
    let line = json!({ "variant": added["variants"][2]["id"], "quantity": 1 });
    let refused = buyer.client.post(format!("/v1/carts/{}/lines", buyer.cart), line).await;
    assert!((400..500).contains(&refused.status), "{}", refused.shown());

    let prices = format!("/v1/admin/variants/{}/prices", text(&variants[1]["id"]));
    assert_eq!(owner.get(&prices).await.must(200)[0]["price"]["amount"], 900);
    owner.delete(format!("{prices}/default")).await.must(204);
    assert_eq!(shop.get("/v1/products").await.must(200)["items"][0]["price_min"]["amount"], 1000);
    assert_eq!(shop.get("/v1/products/shirt").await.must(200)["variants"][0]["price"], Value::Null);
    shop.finish().await;
}

/// A market shows what has a price there, in its currency.
pub async fn each_market_has_its_prices(topology: Topology) {
    let edit = |config: &mut platform::Config| {
        let default = config.markets.values().next().expect("a market").clone();
        let us = platform::Market { currency: Currency::USD, countries: vec!["US".to_owned()], ..default };
        config.markets.insert("us".parse().expect("a name"), us);
    };
    let (shop, owner) = Shop::open_with(topology, ShopOptions { edit: Box::new(edit), ..ShopOptions::default() }).await;
    let in_both = json!({ "variants": [{ "sku": "both", "prices": [
        { "amount": 1000 }, { "market": "us", "amount": 1200, "currency": "USD" }] }] });
    product(&owner, "Both", 0, in_both).await;
    product(&owner, "Euros", 500, json!({})).await;
    assert_eq!(titles(&shop, "&sort=title", 9).await, ["Both", "Euros"]);
    assert_eq!(titles(&shop, "&market=us", 9).await, ["Both"]);
    let page = shop.get("/v1/products/both?market=us").await.must(200);
    assert_eq!(page["variants"][0]["price"], json!({ "amount": 1200, "currency": "USD" }));
    shop.get("/v1/products?market=mars").await.refused(422, "request.invalid");
    let wrong =
        json!({ "title": "Wrong", "variants": [{ "sku": "w", "prices": [{ "amount": 1, "currency": "USD" }] }] });
    let problem = owner.post("/v1/admin/products", wrong).await.refused(422, "request.invalid");
    assert_eq!(problem["errors"][0]["pointer"], "/variants/0/prices/0/currency");
    shop.finish().await;
}

pub async fn attributes_have_types(topology: Topology) {
    let (shop, owner) = Shop::open(topology).await;
    let volume = json!({ "key": "volume", "label": "Volume", "type": "number", "unit": "ml" });
    owner.post("/v1/admin/attributes", volume.clone()).await.must(201);
    owner.post("/v1/admin/attributes", volume).await.refused(409, "catalog.attribute_taken");
    let wrong =
        json!({ "title": "Jug", "attributes": { "volume": "large", "colour": "red" }, "variants": [{ "sku": "j" }] });
    let problem = owner.post("/v1/admin/products", wrong).await.refused(422, "request.invalid");
    assert_eq!(problem["errors"][0]["pointer"], "/attributes/volume");
    shop.get("/v1/attributes/colour").await.refused(404, "catalog.attribute_not_found");
    product(&owner, "Jug", 100, json!({ "attributes": { "volume": 750, "colour": "red" } })).await;
    assert_eq!(titles(&shop, "&attribute=volume:500..1000&attribute=colour:red", 9).await, ["Jug"]);
    let etag = shop.get("/v1/attributes/colour").await.header("etag").to_owned();
    let hide = json!({ "label": "Colour", "filterable": false });
    let now = owner.patch("/v1/admin/attributes/colour", hide.clone()).header("If-Match", &etag).await.must(200);
    assert_eq!((&now["label"], &now["filterable"]), (&json!("Colour"), &json!(false)));
    let stale = owner.patch("/v1/admin/attributes/colour", hide).header("If-Match", &etag).await;
    stale.refused(412, "catalog.attribute_changed");
    shop.get("/v1/products?attribute=colour:red").await.refused(422, "request.invalid");
    // Many products that name a new key at once declare it once.
    let owner_ref = &owner;
    let made = join_all((0..6).map(|number| async move {
        let more = json!({ "brand": "New", "attributes": { "new key": number } });
        product(owner_ref, &format!("Cup {number}"), 100, more).await
    }));
    assert_eq!(made.await.len(), 6);
    assert_eq!(titles(&shop, "&attribute=new%20key:2..4", 2).await.len(), 3);
    assert_eq!(shop.get("/v1/brands").await.must(200)["items"].as_array().map(Vec::len), Some(1));
    shop.finish().await;
}
