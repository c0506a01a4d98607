//! Everyone logs in at once while others look at pages. Hashing a password takes a core some 16 ms on purpose; it must
//! not take the pages with it.

use hyper::Method;

use super::SOUK;
use crate::speed::http::Http;
use crate::speed::shops::{Deed, souk};
use crate::speed::stage::{Sample, Scenario, Stage};

const CUSTOMERS: usize = 32;
const PAGES_PER_SECOND: f64 = 1_000.0;
const BROWSERS: usize = 64;

pub const SCENARIO: Scenario = Scenario {
    name: "login-storm",
    about: "32 customers log in as fast as they can beside 1,000 product pages a second",
    whom: SOUK,
    run: |stage| Box::pin(run(stage)),
};

async fn run(stage: &Stage) -> Result<Vec<Sample>, String> {
    let mut http = Http::to(stage.party.address);
    for customer in stage.who(Deed::LogIn, "storm", CUSTOMERS) {
        let body = souk::credentials(&customer.email);
        http.send(Method::POST, "/v1/customers", &[], body.into()).await?.must_be(201)?;
    }
    let storm = stage.start(Deed::LogIn, "storm", CUSTOMERS);
    let (browsing, storm) = futures::join!(
        stage.at_rate(Deed::Product, "storm", BROWSERS, PAGES_PER_SECOND),
        stage.finish("logins", storm)
    );
    Ok(vec![Sample::of("pages", &browsing?), storm?])
}
