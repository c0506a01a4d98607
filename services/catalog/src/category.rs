//! Categories: a tree of at most ten levels, and what staff may do to its shape.

use std::collections::{BTreeMap, BTreeSet};

use contracts::catalog::CategoryId;
use garde::Validate;
use jiff::Timestamp;
use platform::http::said;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::product::CategoryRef;
use crate::slug::is_slug;

pub const DEPTH_MAX: usize = 10;
/// Of the whole shop: a move reads the tree whole, and so does who draws a menu.
pub const CATEGORIES_EVER_MAX: usize = 10_000;
pub const TITLE_CHARS_MAX: usize = 200;
pub const DESCRIPTION_CHARS_MAX: usize = 10_000;
const POSITION_MAX: i64 = 100_000;

/// A category in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct CategoryView {
    pub id: CategoryId,
    #[schema(example = "linen-shirts")]
    pub slug: String,
    #[schema(example = "Linen shirts")]
    pub title: String,
    pub description: String,
    /// The slugs from the root to it.
    #[schema(example = "clothing/shirts/linen-shirts")]
    pub path: String,
    /// 1 to 10; a root has 1.
    pub depth: i64,
    pub parent: Option<CategoryId>,
    /// Its place among its siblings; those with the same are sorted by title.
    pub position: i64,
    pub version: i64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// A category with what is above it and right below it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct CategoryPage {
    #[serde(flatten)]
    pub category: CategoryView,
    /// From the root to its parent.
    pub ancestors: Vec<CategoryRef>,
    /// In their order; at most 1,000.
    pub children: Vec<CategoryRef>,
}

/// A category with all that is below it, as deep as was asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct CategoryNode {
    #[serde(flatten)]
    pub category: CategoryRef,
    #[schema(no_recursion)]
    pub children: Vec<CategoryNode>,
}

/// The whole tree of categories.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct CategoryTree {
    pub roots: Vec<CategoryNode>,
}

/// A category to be made.
#[derive(Debug, Clone, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewCategory {
    #[garde(length(chars, min = 1, max = TITLE_CHARS_MAX))]
    #[schema(example = "Linen shirts", min_length = 1, max_length = 200)]
    pub title: String,
    /// Made from the title where it is left out.
    #[garde(inner(custom(is_slug)))]
    #[schema(example = "linen-shirts", max_length = 200, pattern = "^[a-z0-9]([a-z0-9-]*[a-z0-9])?$")]
    pub slug: Option<String>,
    #[serde(default)]
    #[garde(length(chars, max = DESCRIPTION_CHARS_MAX))]
    #[schema(max_length = 10_000)]
    pub description: String,
    /// By slug or id; a root if not said.
    #[garde(inner(length(chars, min = 1, max = 200)))]
    #[schema(example = "shirts", min_length = 1, max_length = 200)]
    pub parent: Option<String>,
    /// After its siblings if not said.
    #[garde(inner(range(min = 0, max = POSITION_MAX)))]
    #[schema(minimum = 0, maximum = 100_000)]
    pub position: Option<i64>,
}

/// What staff changes of a category; what is left out stays.
#[derive(Debug, Clone, Default, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EditCategory {
    #[garde(inner(length(chars, min = 1, max = TITLE_CHARS_MAX)))]
    #[schema(min_length = 1, max_length = 200)]
    pub title: Option<String>,
    #[garde(inner(custom(is_slug)))]
    #[schema(max_length = 200, pattern = "^[a-z0-9]([a-z0-9-]*[a-z0-9])?$")]
    pub slug: Option<String>,
    #[garde(inner(length(chars, max = DESCRIPTION_CHARS_MAX)))]
    #[schema(max_length = 10_000)]
    pub description: Option<String>,
    /// Moves it, by slug or id, with all that is below it; `null` makes it a root. Lists follow within moments.
    #[serde(default, deserialize_with = "said")]
    #[garde(inner(inner(length(chars, min = 1, max = 200))))]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 200)]
    pub parent: Option<Option<String>>,
    #[garde(inner(range(min = 0, max = POSITION_MAX)))]
    #[schema(minimum = 0, maximum = 100_000)]
    pub position: Option<i64>,
}

impl EditCategory {
    /// The names of what is changed, for the audit log.
    pub fn fields(&self) -> Vec<&'static str> {
        [
            ("title", self.title.is_some()),
            ("slug", self.slug.is_some()),
            ("description", self.description.is_some()),
            ("parent", self.parent.is_some()),
            ("position", self.position.is_some()),
        ]
        .into_iter()
        .filter_map(|(name, is_said)| is_said.then_some(name))
        .collect()
    }
}

/// What the tree knows of a category.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    pub id: CategoryId,
    pub parent: Option<CategoryId>,
    pub slug: String,
    pub title: String,
    pub position: i64,
}

/// Why a category can't be where it should go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Misplaced {
    /// Into itself, or into what is below it.
    Cycle,
    /// Something would be deeper than [`DEPTH_MAX`].
    TooDeep,
    /// A sibling has its title.
    TitleTaken,
    /// The shop has [`CATEGORIES_EVER_MAX`].
    TooMany,
}

/// Where a category is: all that its row and its ancestors' rows say of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub id: CategoryId,
    /// From the root to itself.
    pub line: Vec<CategoryId>,
    /// The slugs of those, joined by `/`.
    pub path: String,
}

/// Every category of the shop by its id.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tree(BTreeMap<CategoryId, Node>);

impl Tree {
    pub fn new(nodes: impl IntoIterator<Item = Node>) -> Self {
        Self(nodes.into_iter().map(|node| (node.id, node)).collect())
    }

    pub fn get(&self, id: CategoryId) -> Option<&Node> {
        self.0.get(&id)
    }

    /// By slug or id.
    pub fn find(&self, name: &str) -> Option<CategoryId> {
        match name.parse() {
            Ok(id) => self.0.contains_key(&id).then_some(id),
            Err(_) => self.0.values().find(|node| node.slug == name).map(|node| node.id),
        }
    }

    pub fn has_slug(&self, slug: &str) -> bool {
        self.0.values().any(|node| node.slug == slug)
    }

    pub fn child(&self, parent: Option<CategoryId>, title: &str) -> Option<CategoryId> {
        self.children(parent).find(|node| node.title == title).map(|node| node.id)
    }

    /// The place after all siblings.
    pub fn next_position(&self, parent: Option<CategoryId>) -> i64 {
        self.children(parent).map(|node| node.position + 1).max().unwrap_or(0).min(POSITION_MAX)
    }

    fn children(&self, parent: Option<CategoryId>) -> impl Iterator<Item = &Node> {
        self.0.values().filter(move |node| node.parent == parent)
    }

    /// From the root to the category; at most [`DEPTH_MAX`] long, whatever the tree holds.
    fn line(&self, id: CategoryId) -> Vec<CategoryId> {
        let mut line = vec![id];
        let mut at = self.0.get(&id).and_then(|node| node.parent);
        while let Some(id) = at.filter(|_| line.len() <= DEPTH_MAX) {
            line.push(id);
            at = self.0.get(&id).and_then(|node| node.parent);
        }
        line.reverse();
        line
    }

    /// The category and all below it.
    pub fn below(&self, id: CategoryId) -> BTreeSet<CategoryId> {
        let (mut below, mut todo) = (BTreeSet::new(), vec![id]);
        let mut children: BTreeMap<CategoryId, Vec<CategoryId>> = BTreeMap::new();
        for node in self.0.values() {
            if let Some(parent) = node.parent {
                children.entry(parent).or_default().push(node.id);
            }
        }
        while let Some(id) = todo.pop() {
            if below.insert(id) {
                todo.extend(children.get(&id).into_iter().flatten());
            }
        }
        below
    }

    /// Puts a category in, or into another place, or under another name. The tree stays as it was where it can't be.
    pub fn put(&mut self, node: Node) -> Result<(), Misplaced> {
        let before = self.0.get(&node.id).cloned();
        if before.is_none() && self.0.len() >= CATEGORIES_EVER_MAX {
            return Err(Misplaced::TooMany);
        }
        if self.children(node.parent).any(|sibling| sibling.id != node.id && sibling.title == node.title) {
            return Err(Misplaced::TitleTaken);
        }
        let above = node.parent.map(|parent| self.line(parent)).unwrap_or_default();
        if above.contains(&node.id) {
            return Err(Misplaced::Cycle);
        }
        let height = match &before {
            Some(_) => self.height(node.id),
            None => 1,
        };
        if above.len() + height > DEPTH_MAX {
            return Err(Misplaced::TooDeep);
        }
        self.0.insert(node.id, node);
        Ok(())
    }

    /// How many levels the category and all below it take.
    fn height(&self, id: CategoryId) -> usize {
        let top = self.line(id).len();
        self.below(id).into_iter().map(|id| self.line(id).len() + 1 - top).max().unwrap_or(1)
    }

    /// Where the category and all below it are.
    pub fn places(&self, id: CategoryId) -> Vec<Place> {
        self.below(id).into_iter().map(|id| self.place(id)).collect()
    }

    pub fn place(&self, id: CategoryId) -> Place {
        let line = self.line(id);
        let slugs: Vec<&str> = line.iter().filter_map(|id| Some(self.0.get(id)?.slug.as_str())).collect();
        Place { id, path: slugs.join("/"), line }
    }
}

/// The tree of what is listed parents first; children stay in the order they come in.
pub fn nest(listed: Vec<(Option<CategoryId>, CategoryRef)>) -> CategoryTree {
    let mut below: BTreeMap<Option<CategoryId>, Vec<CategoryRef>> = BTreeMap::new();
    for (parent, category) in listed {
        below.entry(parent).or_default().push(category);
    }
    CategoryTree { roots: children_of(None, &mut below) }
}

/// Each parent's children are taken out once, so it ends.
fn children_of(
    parent: Option<CategoryId>,
    below: &mut BTreeMap<Option<CategoryId>, Vec<CategoryRef>>,
) -> Vec<CategoryNode> {
    let children = below.remove(&parent).unwrap_or_default();
    let node = |category: CategoryRef| CategoryNode { children: children_of(Some(category.id), below), category };
    children.into_iter().map(node).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use contracts::Id;
    use proptest::prelude::*;
    use uuid::Uuid;

    fn id(number: u128) -> CategoryId {
        CategoryId::from_uuid(Uuid::from_u128(number))
    }

    fn node(number: u128, parent: Option<u128>) -> Node {
        let name = format!("c{number}");
        Node { id: id(number), parent: parent.map(id), slug: name.clone(), title: name, position: 0 }
    }

    fn tree(nodes: &[(u128, Option<u128>)]) -> Tree {
        let mut tree = Tree::default();
        for (number, parent) in nodes {
            tree.put(node(*number, *parent)).expect("a place");
        }
        tree
    }

    #[test]
    fn a_category_moves_with_all_below_it() {
        let mut tree = tree(&[(1, None), (2, Some(1)), (3, Some(2)), (4, None)]);
        tree.put(node(2, Some(4))).expect("a place");
        let paths: Vec<_> = tree.places(id(2)).into_iter().map(|place| place.path).collect();
        assert_eq!(paths, ["c4/c2", "c4/c2/c3"]);
        assert_eq!(tree.place(id(3)).line, [id(4), id(2), id(3)]);
    }

    #[test]
    fn what_would_make_a_cycle_a_tower_or_a_twin_is_refused() {
        let mut one = tree(&[(1, None), (2, Some(1)), (3, Some(2))]);
        assert_eq!(one.put(node(1, Some(3))), Err(Misplaced::Cycle));
        assert_eq!(one.put(node(1, Some(1))), Err(Misplaced::Cycle));
        let twin = Node { title: "c2".to_owned(), ..node(9, Some(1)) };
        assert_eq!(one.put(twin), Err(Misplaced::TitleTaken));
        let mut tower = tree(&(1..=10).map(|n| (n, (n > 1).then(|| n - 1))).collect::<Vec<_>>());
        assert_eq!(tower.put(node(11, Some(10))), Err(Misplaced::TooDeep));
        tower.put(node(20, None)).expect("a root");
        assert_eq!(tower.put(node(1, Some(20))), Err(Misplaced::TooDeep), "its ten levels would be eleven");
    }

    #[test]
    fn a_list_of_categories_is_nested_in_its_order() {
        let named = |number: u128| CategoryRef {
            id: id(number),
            slug: String::new(),
            title: number.to_string(),
            path: String::new(),
        };
        let nested = nest(vec![(None, named(2)), (None, named(1)), (Some(id(1)), named(4)), (Some(id(1)), named(3))]);
        let titles: Vec<_> = nested.roots.iter().map(|root| root.category.title.as_str()).collect();
        assert_eq!(titles, ["2", "1"]);
        let titles: Vec<_> = nested.roots[1].children.iter().map(|child| child.category.title.as_str()).collect();
        assert_eq!(titles, ["4", "3"]);
    }

    proptest! {
        #[test]
        fn no_run_of_moves_makes_a_cycle_or_goes_too_deep(
            moves in prop::collection::vec((0..24_u128, prop::option::of(0..24_u128)), 0..200)
        ) {
            let mut tree = Tree::default();
            for (number, parent) in moves {
                if parent.is_some_and(|parent| tree.get(id(parent)).is_none()) {
                    continue;
                }
                let before = tree.clone();
                if tree.put(node(number, parent)).is_err() {
                    prop_assert_eq!(&tree, &before, "a refusal changed the tree");
                }
                for node in tree.0.values() {
                    // Walked without the tree's own help: every category reaches a root in ten steps.
                    let mut steps = 1;
                    let mut at = node.parent;
                    while let Some(parent) = at {
                        steps += 1;
                        prop_assert!(steps <= DEPTH_MAX, "{:?} does not end", node.id);
                        at = tree.get(parent).expect("a parent that is there").parent;
                    }
                    let place = tree.place(node.id);
                    prop_assert_eq!(place.line.len(), steps);
                    prop_assert!(place.line.iter().all(|above| tree.below(*above).contains(&node.id)));
                }
            }
        }
    }
}
