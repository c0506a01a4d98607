//! Attributes: declared by hand or by their first value.

use platform::http::Page;
use serde_json::json;

use super::{Shop, every, shop};
use crate::Error;
use crate::attribute::{AttributeType, AttributeView};
use crate::browse::{list_attributes, show_attribute};
use crate::declare_attribute::declare_attribute;
use crate::edit_attribute::edit_attribute;
use crate::listing::{Filter, Sort};

impl Shop {
    async fn declare(&self, body: serde_json::Value) -> Result<(), Error> {
        let attribute = serde_json::from_value(body).expect("an attribute");
        declare_attribute(&self.ctx, self.staff.clone(), attribute).await
    }

    async fn attribute(&self, key: &str) -> AttributeView {
        show_attribute(&self.ctx, key).await.expect("an attribute")
    }

    /// A tea with these attributes.
    async fn tea(&self, title: &str, attributes: serde_json::Value) -> Result<(), Error> {
        let body = json!({ "title": title, "status": "active", "attributes": attributes,
            "variants": [{ "sku": title, "prices": [{ "amount": 100 }] }] });
        self.create(body).await.map(drop)
    }

    async fn with(&self, attributes: &[&str]) -> Result<Vec<String>, Error> {
        let attributes = attributes.iter().map(|text| text.parse().expect("a filter")).collect();
        let filter = Filter { attributes, ..every() };
        self.page(&filter, Sort::Title, 100, None).await?;
        Ok(self.titles(&filter, Sort::Title).await)
    }
}

#[tokio::test]
async fn the_first_value_declares_an_attribute_and_the_next_have_its_type() {
    let shop = shop().await;
    shop.tea("Assam", json!({ "origin": "India", "grams": 100, "organic": true })).await.expect("a tea");
    let kind = |key: &'static str| async { show_attribute(&shop.ctx, key).await.expect("an attribute").kind };
    assert_eq!(kind("origin").await, AttributeType::Text);
    assert_eq!(kind("grams").await, AttributeType::Number);
    assert_eq!(kind("organic").await, AttributeType::Boolean);
    let wrong = shop.tea("Sencha", json!({ "grams": "100 g", "organic": "yes", "new": "x" })).await;
    let Err(Error::Problem(problem)) = wrong else { panic!("{wrong:?}") };
    let pointers: Vec<_> = problem.errors.iter().map(|error| error.pointer.as_str()).collect();
    assert_eq!((problem.status, pointers), (422, vec!["/attributes/grams", "/attributes/organic"]));
    assert!(show_attribute(&shop.ctx, "new").await.is_err(), "a refused product declares nothing");
}

#[tokio::test]
async fn staff_declares_and_describes_attributes() {
    let shop = shop().await;
    shop.declare(json!({ "key": "grams", "label": "Weight", "type": "number", "unit": "g" })).await.expect("declared");
    let twice = shop.declare(json!({ "key": "grams", "type": "text" })).await;
    assert!(matches!(twice, Err(Error::AttributeTaken { .. })));
    let edit = |body| serde_json::from_value(body).expect("an edit");
    let (ctx, staff) = (&shop.ctx, &shop.staff);
    let change = json!({ "label": "Net weight", "unit": null, "filterable": false });
    edit_attribute(ctx, staff.clone(), "grams".into(), 1, edit(change)).await.expect("edited");
    let stale = edit_attribute(ctx, staff.clone(), "grams".into(), 1, edit(json!({ "label": "x" }))).await;
    assert!(matches!(stale, Err(Error::AttributeChanged { version: 2 })));
    let now = shop.attribute("grams").await;
    assert_eq!((now.label.as_str(), now.unit, now.filterable), ("Net weight", None, false));
    shop.tea("Assam", json!({ "grams": 100, "origin": "India" })).await.expect("a tea");
    let refused = shop.with(&["grams:100"]).await;
    assert!(matches!(refused, Err(Error::Problem(problem)) if problem.errors[0].pointer == "attribute"));
    let keys = |only| async move {
        let list = list_attributes(ctx, &Page::default(), only, true).await.expect("a page");
        list.items.into_iter().map(|item| item.key).collect::<Vec<_>>()
    };
    assert_eq!((keys(false).await, keys(true).await), (vec!["grams".into(), "origin".into()], vec!["origin".into()]));
}

#[tokio::test]
async fn lists_are_filtered_by_attributes() {
    let shop = shop().await;
    for (title, attributes) in [
        ("Assam", json!({ "origin": "India", "grams": 100, "organic": true })),
        ("Bancha", json!({ "origin": "Japan", "grams": 50.5, "organic": true, "long": "x".repeat(300) })),
        ("Ceylon", json!({ "origin": "Sri Lanka", "grams": 250, "organic": false })),
        ("Darjeeling", json!({ "origin": "India", "grams": 250, "organic": false })),
    ] {
        shop.tea(title, attributes).await.expect("a tea");
    }
    for (asked, expected) in [
        (&["origin:India"][..], &["Assam", "Darjeeling"][..]),
        (&["origin:india"], &[]),
        (&["origin:India", "origin:Japan"], &["Assam", "Bancha", "Darjeeling"]),
        (&["origin:India", "organic:true"], &["Assam"]),
        (&["grams:100..250"], &["Assam", "Ceylon", "Darjeeling"]),
        (&["grams:..50.5"], &["Bancha"]),
        (&["grams:50.50"], &["Bancha"]),
        (&["grams:100..", "origin:Sri Lanka"], &["Ceylon"]),
        (&["organic:false"], &["Ceylon", "Darjeeling"]),
    ] {
        assert_eq!(shop.with(asked).await.expect("a list"), expected, "{asked:?}");
    }
    let unknown = shop.with(&["colour:red"]).await;
    assert!(matches!(unknown, Err(Error::Problem(problem)) if problem.errors[0].pointer == "attribute"));
}

#[tokio::test]
async fn what_only_drafts_have_is_for_staff() {
    let shop = shop().await;
    shop.tea("Assam", json!({ "origin": "India", "grams": 100 })).await.expect("a tea");
    let draft = |sku: &str| json!({ "title": "Next year", "brand": "Secret", "attributes": { "secret": "x", "grams": 1 }, "variants": [{ "sku": sku }] });
    let made = shop.create(draft("next")).await.expect("a draft");
    let seen = async |is_staff: bool| {
        let attributes = list_attributes(&shop.ctx, &Page::default(), false, is_staff).await.expect("a page").items;
        let brands = crate::browse::list_brands(&shop.ctx, &Page::default(), is_staff).await.expect("a page").items;
        let keys = attributes.into_iter().map(|attribute| attribute.key);
        keys.chain(brands.into_iter().map(|brand| brand.name)).collect::<Vec<String>>()
    };
    assert_eq!(seen(false).await, ["grams", "origin"]);
    assert_eq!(seen(true).await, ["grams", "origin", "secret", "Secret"]);
    shop.edit(made.id, made.version, json!({ "status": "active" })).await.expect("in the shop");
    assert_eq!(seen(false).await, ["grams", "origin", "secret", "Secret"]);
}
