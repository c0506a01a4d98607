//! The catalogue over HTTP: a tree, attributes, lists that filter and sort, edits that lose nobody's change,
//! and pages from memory that never tell of yesterday.

use serde_json::{Value, json};
use testkit::{Shop, Staff, Topology};

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}

fn slugs(list: &Value) -> Vec<String> {
    list["items"].as_array().expect("a list").iter().map(|item| text(&item["slug"])).collect()
}

async fn product(owner: &Staff, slug: &str, price: i64, more: Value) -> Value {
    let mut body = json!({
        "title": format!("The {slug}"), "slug": slug, "status": "active", "brand": "Atelier Moos",
        "variants": [{ "sku": slug.to_uppercase(), "prices": [{ "amount": price }] }],
    });
    body.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    owner.post("/v1/admin/products", body).await.must(201)
}

pub async fn a_tree_of_categories_is_walked_and_moved(topology: Topology) {
    let (shop, owner) = Shop::open(topology).await;
    let category = |slug: &str, parent: Option<&str>| {
        owner.post("/v1/admin/categories", json!({ "title": slug, "slug": slug, "parent": parent }))
    };
    category("kitchen", None).await.must(201);
    category("pots", Some("kitchen")).await.must(201);
    let lids = category("lids", Some("pots")).await.must(201);
    assert_eq!(lids["path"], "kitchen/pots/lids", "{lids:#}");
    product(&owner, "lid", 500, json!({ "categories": ["lids"] })).await;
    shop.settle().await;
    assert_eq!(slugs(&shop.get("/v1/products?category=kitchen").await.must(200)), ["lid"], "with what is below");
    let tree = shop.get("/v1/category-tree").await.must(200);
    assert_eq!(tree["roots"][0]["children"][0]["children"][0]["slug"], "lids", "{tree:#}");
    assert_eq!(slugs(&shop.get("/v1/categories?parent=kitchen").await.must(200)), ["pots"]);
    shop.get("/v1/categories?parent=kitchen&roots=true").await.refused(422, "request.invalid");

    let kitchen = owner.get("/v1/categories/kitchen").await;
    let path = format!("/v1/admin/categories/{}", text(&kitchen.json()["id"]));
    let etag = format!("\"{}\"", kitchen.json()["version"]);
    let circle = owner.patch(&path, json!({ "parent": "lids" })).header("If-Match", &etag).await;
    assert_eq!(circle.status, 422, "a circle\n{}", circle.shown());
    let path = format!("/v1/admin/categories/{}", text(&lids["id"]));
    owner.patch(&path, json!({ "parent": null })).header("If-Match", "\"1\"").await.must(200);
    shop.settle().await;
    assert!(slugs(&shop.get("/v1/products?category=kitchen").await.must(200)).is_empty(), "it moved out");
    let filled = owner.delete(&path).await;
    assert!(matches!(filled.status, 409 | 428), "{}", filled.shown());
    shop.finish().await;
}

pub async fn attributes_are_typed_and_filter_lists(topology: Topology) {
    let (shop, owner) = Shop::open(topology).await;
    let volume = json!({ "key": "volume", "label": "Volume", "type": "number", "unit": "ml", "filterable": true });
    owner.post("/v1/admin/attributes", volume).await.must(201);
    for (slug, volume) in [("small", 200), ("middle", 350), ("large", 1100)] {
        product(&owner, slug, 1000, json!({ "attributes": { "volume": volume, "glaze": "moss" } })).await;
    }
    let wrong = json!({
        "title": "Wrong", "variants": [{ "sku": "WRONG" }], "attributes": { "volume": "a lot" },
    });
    let wrong = owner.post("/v1/admin/products", wrong).await.refused(422, "request.invalid");
    assert_eq!(wrong["errors"][0]["pointer"], "/attributes/volume", "{wrong:#}");
    shop.settle().await;
    let mut found = slugs(&shop.get("/v1/products?attribute=volume:200..400").await.must(200));
    found.sort();
    assert_eq!(found, ["middle", "small"]);
    assert_eq!(shop.get("/v1/attributes").await.must(200)["items"].as_array().map(Vec::len), Some(2));
    let glaze = shop.get("/v1/attributes/glaze").await.must(200);
    assert_eq!(glaze["type"], "text", "declared by its first value: {glaze:#}");
    let label =
        owner.patch("/v1/admin/attributes/glaze", json!({ "label": "Glaze" })).header("If-Match", "\"1\"").await;
    assert_eq!(label.status, 200, "{}", label.shown());
    shop.finish().await;
}

pub async fn a_list_is_walked_without_gaps_while_it_changes(topology: Topology) {
    let (shop, owner) = Shop::open(topology).await;
    for place in 0..12 {
        product(&owner, &format!("pot-{place:02}"), 1000 + 100 * place, json!({})).await;
    }
    shop.settle().await;
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = shop.get(format!("/v1/products?sort=price_asc&limit=5{cursor}")).await.must(200);
        seen.extend(slugs(&page));
        // What comes in before the place where the reader is does not move it.
        if seen.len() == 5 {
            product(&owner, "cheap", 1, json!({})).await;
            shop.settle().await;
        }
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    let expected: Vec<_> = (0..12).map(|place| format!("pot-{place:02}")).collect();
    assert_eq!(seen, expected);
    let range = shop.get("/v1/products?price_min=1500&price_max=1700&sort=price_desc").await.must(200);
    assert_eq!(slugs(&range), ["pot-07", "pot-06", "pot-05"]);
    let brands = shop.get("/v1/brands").await.must(200);
    assert_eq!(slugs(&brands), ["atelier-moos"]);
    assert_eq!(slugs(&shop.get("/v1/products?brand=atelier-moos&limit=1&sort=price_asc").await.must(200)), ["cheap"]);
    shop.finish().await;
}

pub async fn an_edit_is_seen_at_once_and_a_stale_one_is_refused(topology: Topology) {
    let (shop, owner) = Shop::open(topology).await;
    let made = product(
        &owner,
        "jar",
        2200,
        json!({ "options": ["Size"], "variants": [
        { "sku": "JAR-S", "options": { "Size": "Small" }, "prices": [{ "amount": 2200 }] },
    ] }),
    )
    .await;
    let (id, path) = (text(&made["id"]), format!("/v1/admin/products/{}", text(&made["id"])));
    let large = json!({ "sku": "JAR-L", "options": { "Size": "Large" }, "prices": [{ "amount": 3400 }] });
    let added = owner.post(format!("/v1/admin/products/{id}/variants"), large).await;
    assert_eq!(added.status, 201, "{}", added.shown());
    let read = owner.get(&path).await;
    let etag = read.header("etag").to_owned();
    let shown = shop.get("/v1/products/jar").await;
    assert_eq!(shown.json()["variants"].as_array().map(Vec::len), Some(2), "{}", shown.shown());
    let known = shop.get("/v1/products/jar").header("If-None-Match", shown.header("etag")).await;
    assert_eq!((known.status, known.text.as_str()), (304, ""));

    owner.patch(&path, json!({ "title": "Jar with a lid" })).header("If-Match", &etag).await.must(200);
    assert_eq!(shop.get("/v1/products/jar").await.must(200)["title"], "Jar with a lid", "own writes are read");
    let stale = owner.patch(&path, json!({ "title": "Jar" })).header("If-Match", &etag).await;
    assert_eq!(stale.status, 412, "{}", stale.shown());
    let variant = text(&made["variants"][0]["id"]);
    for price in [2300, 2400, 2500] {
        owner.put(format!("/v1/admin/variants/{variant}/prices/default"), json!({ "amount": price })).await.must(200);
        let shown = shop.get("/v1/products/jar").await.must(200);
        assert_eq!(shown["variants"][0]["price"]["amount"], price, "no page is older than an answered edit");
    }
    let prices = owner.get(format!("/v1/admin/variants/{variant}/prices")).await.must(200);
    assert!(prices.to_string().contains("2500"), "{prices:#}");

    let etag = owner.get(&path).await.header("etag").to_owned();
    owner.patch(&path, json!({ "status": "archived" })).header("If-Match", &etag).await.must(200);
    shop.get("/v1/products/jar").await.refused(404, "catalog.product_not_found");
    assert_eq!(owner.get("/v1/admin/products?status=archived").await.must(200)["items"][0]["slug"], "jar");
    shop.finish().await;
}
