//! The tree of categories, and lists that follow it.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Shop, every, shop, text};
use crate::Error;
use crate::browse::{list_categories, show_category_tree};
use crate::delete_category::delete_category;
use crate::listing::{Filter, Sort};
use crate::store::categories::Below;

impl Shop {
    /// Clothing > Shirts > Linen, Sale.
    async fn tree(&self) {
        for (title, parent) in
            [("Clothing", None), ("Shirts", Some("clothing")), ("Linen", Some("shirts")), ("Sale", None)]
        {
            self.category(title, parent).await.expect("a category");
        }
    }

    async fn delete_category(&self, slug: &str) -> Result<(), Error> {
        let now = crate::browse::find_category(&self.ctx, slug).await?.category;
        delete_category(&self.ctx, self.staff.clone(), now.id, now.version).await?;
        self.hot.forget_all();
        Ok(())
    }

    async fn listed(&self, category: &str) -> Vec<String> {
        let filter = Filter { category: Some(category.to_owned()), ..every() };
        self.titles(&filter, Sort::Newest).await
    }
}

#[tokio::test]
async fn a_category_shows_what_is_above_and_below_it() {
    let shop = shop().await;
    shop.tree().await;
    let shirts = crate::browse::find_category(&shop.ctx, "shirts").await.expect("shirts");
    assert_eq!((shirts.category.path.as_str(), shirts.category.depth), ("clothing/shirts", 2));
    let slugs = |list: &[crate::product::CategoryRef]| list.iter().map(|one| one.slug.clone()).collect::<Vec<_>>();
    assert_eq!((slugs(&shirts.ancestors), slugs(&shirts.children)), (vec!["clothing".into()], vec!["linen".into()]));
    let page = |below| {
        let (ctx, hot) = (shop.ctx.clone(), shop.hot.clone());
        async move {
            let page = list_categories(&ctx, hot.at("a list"), &platform::http::Page::default(), &below)
                .await
                .expect("a page");
            let page: Value = serde_json::from_slice(&page.bytes).expect("JSON");
            page["items"].as_array().expect("items").iter().map(|item| text(&item["slug"])).collect::<Vec<_>>()
        }
    };
    assert_eq!(page(Below::Any).await, ["clothing", "shirts", "linen", "sale"]);
    assert_eq!(page(Below::Roots).await, ["clothing", "sale"]);
    assert_eq!(page(Below::Parent("clothing".into())).await, ["shirts"]);
    let tree = show_category_tree(&shop.ctx, shop.hot.at("a list"), Some(2)).await.expect("the tree");
    let tree: Value = serde_json::from_slice(&tree.bytes).expect("JSON");
    assert_eq!(tree["roots"][0]["children"][0]["slug"], "shirts");
    assert_eq!(tree["roots"][0]["children"][0]["children"], json!([]), "two levels were asked for");
}

#[tokio::test]
async fn a_category_has_a_slug_of_its_own() {
    let shop = shop().await;
    shop.tree().await;
    let under_sale = shop.category("Shirts", Some("sale")).await.expect("a category").category;
    assert_eq!((under_sale.slug.as_str(), under_sale.path.as_str()), ("sale-shirts", "sale/sale-shirts"));
    let twin = shop.category("Shirts", Some("sale")).await;
    assert!(matches!(twin, Err(Error::CategoryMisplaced { .. })));
    let taken = shop.edit_category("sale", json!({ "slug": "shirts" })).await;
    assert!(matches!(taken, Err(Error::CategorySlugTaken { .. })));
    let nowhere = shop.category("X", Some("nowhere")).await;
    assert!(matches!(nowhere, Err(Error::Problem(problem)) if problem.errors[0].pointer == "/parent"));
}

#[tokio::test]
async fn a_category_moves_with_all_below_it_and_lists_follow() {
    let shop = shop().await;
    shop.tree().await;
    let product = |title: &str, categories: Value| {
        json!({ "title": title, "status": "active", "categories": categories,
            "variants": [{ "sku": title, "prices": [{ "amount": 1 }] }] })
    };
    shop.create(product("In linen", json!(["linen"]))).await.expect("a product");
    shop.create(product("In shirts", json!(["shirts"]))).await.expect("a product");
    shop.create(product("In both", json!(["linen", "shirts"]))).await.expect("a product");
    let all = ["In both", "In shirts", "In linen"];
    assert_eq!(
        (shop.listed("clothing").await, shop.listed("shirts").await),
        (all.map(str::to_owned).into(), all.map(str::to_owned).into())
    );
    assert_eq!(shop.listed("linen").await, ["In both", "In linen"]);
    let moved = shop.edit_category("linen", json!({ "parent": "sale", "slug": "flax" })).await.expect("moved");
    assert_eq!(moved.category.path, "sale/flax");
    for _ in 0..500 {
        shop.hot.forget_all();
        if shop.listed("sale").await.len() == 2 && shop.listed("clothing").await.len() == 2 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    shop.hot.forget_all();
    assert_eq!(shop.listed("sale").await, ["In both", "In linen"]);
    assert_eq!(shop.listed("clothing").await, ["In both", "In shirts"]);
    let seen = shop.seen("in-linen").await.expect("the product");
    assert_eq!(seen["categories"][0]["path"], "sale/flax");
    assert!(shop.process.tasks.stop(Duration::from_secs(5)).await, "stopped");
}

#[tokio::test]
async fn only_an_empty_category_is_deleted() {
    let shop = shop().await;
    shop.tree().await;
    assert!(matches!(shop.delete_category("shirts").await, Err(Error::CategoryNotEmpty)));
    let body = json!({ "title": "Draft", "categories": ["linen"], "variants": [{ "sku": "draft" }] });
    let draft = shop.create(body).await.expect("a product");
    assert!(matches!(shop.delete_category("linen").await, Err(Error::CategoryNotEmpty)), "a draft counts");
    shop.edit(draft.id, 1, json!({ "categories": [] })).await.expect("edited");
    shop.delete_category("linen").await.expect("deleted");
    shop.delete_category("shirts").await.expect("deleted");
    assert!(matches!(shop.delete_category("shirts").await, Err(Error::CategoryNotFound { .. })));
}

#[tokio::test]
async fn a_move_on_an_old_version_or_in_a_circle_is_refused() {
    let shop = shop().await;
    shop.tree().await;
    let circle = shop.edit_category("clothing", json!({ "parent": "linen" })).await;
    assert!(matches!(circle, Err(Error::CategoryMisplaced { .. })));
    let stale = crate::browse::find_category(&shop.ctx, "sale").await.expect("sale").category;
    shop.edit_category("sale", json!({ "description": "Cheap." })).await.expect("edited");
    let edit = serde_json::from_value(json!({ "title": "Lost" })).expect("an edit");
    let lost = crate::edit_category::edit_category(&shop.ctx, shop.staff.clone(), stale.id, stale.version, edit).await;
    assert!(matches!(lost, Err(Error::CategoryChanged { version: 2 })));
    let root = shop.edit_category("linen", json!({ "parent": null, "position": 0 })).await.expect("a root");
    assert_eq!((root.category.depth, root.category.path.as_str()), (1, "linen"));
}
