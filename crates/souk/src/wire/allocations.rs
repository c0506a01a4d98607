//! What a page costs that was asked for before: counted, since a time would say what else the machine did.

use std::net::SocketAddr;

use allocation_counter::{AllocationInfo, measure};
use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Request, StatusCode};
use platform::{Clock, Config, Ids};
use tokio::runtime::{Builder, Runtime};
use tower::ServiceExt as _;

use super::Shop;

/// Of routing, layers, headers, metrics and the log's line. A page's own bytes are not copied.
const ALLOCATIONS_MAX: u64 = 50;
const BYTES_MAX: u64 = 13_000;

/// A page is looked up and its bytes are shared: no statement, no JSON, and next to no memory.
#[test]
fn a_hot_page_takes_next_to_no_memory() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut config = Config::defaults();
    config.database.url = format!("sqlite:{}", folder.path().join("souk.db").display());
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    let router = runtime.block_on(async {
        let shop = Shop::open(config, Clock::System, Ids::Random).await.expect("a shop");
        shop.migrate().await.expect("its tables");
        shop.process.start(shop.services, &shop.elsewhere).await.expect("its routes")
    });
    for path in ["/v1/products?limit=20", "/v1/categories"] {
        let cold = ask(&runtime, &router, path);
        let hot = ask(&runtime, &router, path);
        assert!(cold.count_total > 2 * hot.count_total, "{path}: {hot:?} is not hot beside {cold:?}");
        assert!(hot.count_total <= ALLOCATIONS_MAX, "{path}: {hot:?}");
        assert!(hot.bytes_total <= BYTES_MAX, "{path}: {hot:?}");
    }
}

/// What this thread allocated for the request.
fn ask(runtime: &Runtime, router: &Router, path: &str) -> AllocationInfo {
    let mut request = Request::get(path).body(Body::empty()).expect("a request");
    request.extensions_mut().insert(ConnectInfo(SocketAddr::from(([127, 0, 0, 1], 4_000))));
    let router = router.clone();
    measure(|| {
        let answer = runtime.block_on(router.oneshot(request)).expect("an answer");
        assert_eq!(answer.status(), StatusCode::OK, "{path}");
    })
}
