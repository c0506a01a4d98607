//! The bare web server: the bytes that Souk answered before, out of memory, by the same axum. What Souk answers fewer
//! of in the same minute it spends on routing, its layers and the database.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::Path;
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::header::{CONTENT_TYPE, ETAG};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::serve::ListenerExt as _;
use serde::Deserialize;
use tokio::net::TcpListener;

/// By path and query, as they are asked for.
type Pages = HashMap<String, (HeaderMap, Bytes)>;

/// A line of the file of pages: an answer as it was recorded.
#[derive(Debug, Deserialize)]
struct Page {
    path: String,
    #[serde(default)]
    etag: Option<String>,
    body: String,
    content_type: String,
    /// All others that Souk sends: they are bytes too.
    #[serde(default)]
    headers: BTreeMap<String, String>,
}

/// Answers the pages of a file until it is killed.
pub async fn serve(listen: &str, pages: &Path) -> Result<(), String> {
    let app = Router::new().fallback(answer).with_state(Arc::new(read(pages)?));
    let listener = TcpListener::bind(listen).await.map_err(|why| format!("listening on {listen}: {why}"))?;
    let address = listener.local_addr().map_err(|why| format!("the address of {listen}: {why}"))?;
    crate::say(&format!("limit server serves on {address}"));
    // Without it an answer may wait for the client's acknowledgement of the one before. A connection that is gone
    // already can't be set, and is not missed.
    let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
    axum::serve(listener, app).await.map_err(|why| format!("serving on {address}: {why}"))
}

async fn answer(State(pages): State<Arc<Pages>>, uri: Uri) -> Response {
    let asked = uri.path_and_query().map_or("/", |asked| asked.as_str());
    match pages.get(asked) {
        Some((headers, body)) => (headers.clone(), body.clone()).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

fn read(file: &Path) -> Result<Pages, String> {
    let text = fs::read_to_string(file).map_err(|why| format!("{}: {why}", file.display()))?;
    let mut pages = Pages::new();
    for (line, number) in text.lines().zip(1..) {
        let page = serde_json::from_str::<Page>(line).map_err(|why| why.to_string());
        let (path, page) = page.and_then(kept).map_err(|why| format!("{}:{number}: {why}", file.display()))?;
        pages.insert(path, page);
    }
    if pages.is_empty() {
        return Err(format!("{}: no page in it", file.display()));
    }
    Ok(pages)
}

/// A page as it is sent. Its length and the date are hyper's, as they are in Souk.
fn kept(page: Page) -> Result<(String, (HeaderMap, Bytes)), String> {
    let mut headers = HeaderMap::with_capacity(page.headers.len() + 2);
    let of = |text: &str| HeaderValue::from_str(text).map_err(|why| format!("header {text:?}: {why}"));
    for (name, value) in &page.headers {
        let name = HeaderName::try_from(name.as_str()).map_err(|why| format!("header {name:?}: {why}"))?;
        headers.insert(name, of(value)?);
    }
    headers.insert(CONTENT_TYPE, of(&page.content_type)?);
    if let Some(etag) = &page.etag {
        headers.insert(ETAG, of(etag)?);
    }
    for name in ["content-length", "date", "connection", "transfer-encoding"] {
        headers.remove(name);
    }
    Ok((page.path, (headers, Bytes::from(page.body))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_page_is_found_by_its_path_and_query() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("pages.ndjson");
        let line = r#"{"path":"/v1/a?b=c","etag":"\"1\"","body":"{}","content_type":"application/json","headers":{"vary":"accept","content-length":"9"}}"#;
        fs::write(&file, line).expect("a file");
        let pages = Arc::new(read(&file).expect("pages"));
        let found = answer(State(Arc::clone(&pages)), Uri::from_static("/v1/a?b=c")).await;
        assert_eq!(found.status(), StatusCode::OK);
        assert_eq!(found.headers()[ETAG], "\"1\"");
        assert_eq!(found.headers()["vary"], "accept");
        assert!(!found.headers().contains_key("content-length"));
        assert_eq!(answer(State(pages), Uri::from_static("/v1/a")).await.status(), StatusCode::NOT_FOUND);
    }

    #[test]
    fn a_line_that_is_no_page_is_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("pages.ndjson");
        fs::write(&file, "{}\n").expect("a file");
        assert!(read(&file).expect_err("no page").contains("pages.ndjson:1: missing field"));
    }
}
