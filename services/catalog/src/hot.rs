//! What buyers read again and again, as the bytes that answered them last.
//!
//! An entry is served only while nothing that it shows was changed since its load began. Every change in
//! this process and every event of another one moves a count; an entry remembers the count at the beginning
//! of its load, so one that was loaded while something changed is never served after it. What a missed event
//! leaves behind ends with the entry's time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use axum::body::Bytes;
use axum::http::uri::PathAndQuery;
use axum::http::{HeaderMap, HeaderValue, Uri};
use axum::response::Response;
use contracts::Id;
use contracts::catalog::ProductId;
use moka::sync::Cache;
use platform::http::tagged_bytes;
use serde::Serialize;

/// No page is older, whatever a process missed.
const KEPT: Duration = Duration::from_secs(30);
/// Products share so many counts: one that changes makes a few others be loaded again.
const COUNTS: usize = 4_096;
/// What an entry takes beside its bytes and its key.
const ENTRY_BYTES: usize = 200;

/// Pages by what was asked. Cheap to clone.
#[derive(Clone)]
pub struct Hot(Arc<Inner>);

struct Inner {
    pages: Cache<String, Kept>,
    /// How many changes there were.
    changes: AtomicU64,
    /// The last change of a product that shares the count.
    products: Vec<AtomicU64>,
    /// The last change of anything that lists show.
    lists: AtomicU64,
    /// The last change of what every page may show: a category.
    all: AtomicU64,
}

/// Bytes that answer a request, with their tag.
#[derive(Debug, Clone)]
pub struct Page {
    pub bytes: Bytes,
    pub etag: HeaderValue,
}

/// The place of one request's answer.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    hot: &'a Hot,
    /// Path and query, as they were asked: what says the same in other words has a place of its own.
    address: &'a str,
}

#[derive(Clone)]
struct Kept {
    page: Page,
    shows: Shows,
    /// How many changes there were when its load began.
    as_of: u64,
}

/// What a page shows, and so what makes it old.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shows {
    Product(ProductId),
    List,
    /// Categories.
    Names,
}

/// How many changes there were when a load began.
#[derive(Debug, Clone, Copy)]
pub struct Load(u64);

impl std::fmt::Debug for Hot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hot").field("pages", &self.0.pages.entry_count()).finish_non_exhaustive()
    }
}

impl Page {
    /// The answer as JSON.
    pub fn new(version: i64, answer: &impl Serialize) -> Self {
        let bytes = serde_json::to_vec(answer).expect("an answer is plain data with text keys");
        let etag = format!("\"{}\"", tag(version, &bytes));
        Self { etag: HeaderValue::try_from(etag).expect("digits and a point"), bytes: bytes.into() }
    }

    pub fn answer(self, headers: &HeaderMap) -> Response {
        tagged_bytes(headers, self.etag, self.bytes)
    }
}

/// A tag that begins with the version, which an edit is made on, and changes with every byte.
pub fn tag(version: i64, bytes: &[u8]) -> String {
    format!("{version}.{}", &platform::auth::sha256_hex(bytes)[..16])
}

impl Hot {
    /// Keeps at most so many bytes; 0 keeps nothing.
    pub fn new(bytes_max: u64) -> Self {
        let weight = |key: &String, kept: &Kept| {
            u32::try_from(key.len() + kept.page.bytes.len() + ENTRY_BYTES).unwrap_or(u32::MAX)
        };
        Self(Arc::new(Inner {
            pages: Cache::builder().max_capacity(bytes_max).weigher(weight).time_to_live(KEPT).build(),
            changes: AtomicU64::new(0),
            products: std::iter::repeat_with(|| AtomicU64::new(0)).take(COUNTS).collect(),
            lists: AtomicU64::new(0),
            all: AtomicU64::new(0),
        }))
    }

    pub fn at<'a>(&'a self, address: &'a str) -> Place<'a> {
        Place { hot: self, address }
    }

    /// Where the answer to this request has its place.
    pub fn place<'a>(&'a self, uri: &'a Uri) -> Place<'a> {
        self.at(uri.path_and_query().map_or_else(|| uri.path(), PathAndQuery::as_str))
    }

    fn get(&self, key: &str) -> Option<Page> {
        let kept = self.0.pages.get(key)?;
        let changed = match kept.shows {
            Shows::Product(product) => self.count(product).load(SeqCst),
            Shows::List => self.0.lists.load(SeqCst),
            Shows::Names => 0,
        };
        let is_current = changed.max(self.0.all.load(SeqCst)) <= kept.as_of;
        is_current.then_some(kept.page)
    }

    fn load(&self) -> Load {
        Load(self.0.changes.load(SeqCst))
    }

    fn keep(&self, load: Load, key: String, shows: Shows, page: Page) {
        self.0.pages.insert(key, Kept { page, shows, as_of: load.0 });
    }

    /// These products were changed: their pages and the lists are read anew.
    pub fn forget(&self, products: &[ProductId]) {
        let change = self.0.changes.fetch_add(1, SeqCst) + 1;
        for product in products {
            self.count(*product).fetch_max(change, SeqCst);
        }
        self.0.lists.fetch_max(change, SeqCst);
    }

    /// Anything may be other than it was.
    pub fn forget_all(&self) {
        let change = self.0.changes.fetch_add(1, SeqCst) + 1;
        self.0.all.fetch_max(change, SeqCst);
    }

    /// The end of an id is random.
    fn count(&self, product: ProductId) -> &AtomicU64 {
        let end = product.uuid().as_u128() % COUNTS as u128;
        &self.0.products[end as usize]
    }
}

impl Place<'_> {
    /// What was kept here, if it is as it was.
    pub fn get(self) -> Option<Page> {
        self.hot.get(self.address)
    }

    /// To be called before what is to be kept is read.
    pub fn load(self) -> Load {
        self.hot.load()
    }

    pub fn keep(self, load: Load, shows: Shows, page: Page) {
        self.hot.keep(load, self.address.to_owned(), shows, page);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn product(number: u128) -> ProductId {
        ProductId::from_uuid(Uuid::from_u128(number))
    }

    fn page(text: &str) -> Page {
        Page::new(1, &text)
    }

    #[test]
    fn a_page_is_kept_until_what_it_shows_changes() {
        let hot = Hot::new(1_000_000);
        let load = hot.load();
        hot.keep(load, "one".into(), Shows::Product(product(1)), page("one"));
        hot.keep(load, "two".into(), Shows::Product(product(2)), page("two"));
        hot.keep(load, "list".into(), Shows::List, page("list"));
        hot.keep(load, "names".into(), Shows::Names, page("names"));
        hot.forget(&[product(1)]);
        let kept = |hot: &Hot| ["one", "two", "list", "names"].map(|key| hot.get(key).is_some());
        assert_eq!(kept(&hot), [false, true, false, true]);
        hot.forget_all();
        assert_eq!(kept(&hot), [false; 4]);
    }

    #[test]
    fn what_was_read_before_a_change_is_not_served_after_it() {
        let hot = Hot::new(1_000_000);
        let load = hot.load();
        hot.forget(&[product(1)]);
        hot.keep(load, "one".into(), Shows::Product(product(1)), page("old"));
        hot.keep(load, "list".into(), Shows::List, page("old"));
        assert!(hot.get("one").is_none() && hot.get("list").is_none());
        hot.keep(hot.load(), "one".into(), Shows::Product(product(1)), page("new"));
        assert_eq!(hot.get("one").expect("kept").bytes, "\"new\"");
    }

    #[test]
    fn it_keeps_no_more_bytes_than_it_may() {
        let hot = Hot::new(20_000);
        for number in 0..100 {
            hot.keep(hot.load(), number.to_string(), Shows::List, page(&"x".repeat(1_000)));
        }
        hot.0.pages.run_pending_tasks();
        assert!(hot.0.pages.weighted_size() <= 20_000, "{}", hot.0.pages.weighted_size());
        let none = Hot::new(0);
        none.keep(none.load(), "one".into(), Shows::List, page("x"));
        none.0.pages.run_pending_tasks();
        assert!(none.get("one").is_none());
    }

    #[test]
    fn a_tag_begins_with_the_version_and_changes_with_the_bytes() {
        let (one, other) = (page("one"), page("other"));
        let text = |page: &Page| page.etag.to_str().expect("text").to_owned();
        assert!(text(&one).starts_with("\"1.") && text(&other).starts_with("\"1."));
        assert_ne!(one.etag, other.etag);
    }
}
