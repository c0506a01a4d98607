//! After the faults: waits until nothing moves any more, and looks at what there is.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::StreamExt;
use outside::psp::Charge;
use outside::{Client, Product};
use serde_json::Value;
use store::{Clock, Ids};
use store::{Db, Options};

use super::check::{OrderSeen, Seen};
use super::market::Market;
use super::rig::Rig;

/// Looks in a row that must find nothing.
const CALM_LOOKS: u32 = 3;
const LOOK_EVERY: Duration = Duration::from_secs(1);
const ORDERS_AT_ONCE: usize = 6;

store::statements! {
    // A mail about a declined card waits ten minutes on purpose: the buyer may be paying now.
    RETRYING = "SELECT COUNT(*) FROM souk_job WHERE dead_at IS NULL AND error IS NOT NULL AND service <> 'notifications'";
}

/// How the shop came to rest.
#[derive(Debug)]
pub struct Settled {
    pub seconds: f64,
    pub waiting: Vec<String>,
}

/// Waits until no event, job, webhook or order is on its way, at most so long.
pub async fn settle(rig: &Rig, market: &Market, at_most: Duration) -> Result<Settled, String> {
    let begun = Instant::now();
    let options = Options { connections_max: 2, ..Options::new(rig.postgres.url()) };
    let db = Db::open(&options, Clock::System, Ids::Random).await.map_err(|why| why.to_string())?;
    let mut calm = 0;
    loop {
        let mut waiting = in_tables(&db).await.unwrap_or_else(|why| vec![format!("the database: {why}")]);
        for status in ["placed", "payable"] {
            let path = format!("/v1/admin/orders?status={status}&limit=100");
            let count =
                market.read(|| market.staff.get(&path)).await.and_then(|list| Some(list["items"].as_array()?.len()));
            match count {
                Some(0) => {}
                Some(count) => waiting.push(format!("{count} orders are {status}")),
                None => waiting.push("orders do not answer".to_owned()),
            }
        }
        let webhooks = market.read(|| rig.gateway_client().get("/_control/pending")).await;
        if webhooks.as_ref().is_none_or(|pending| pending["webhooks"] != 0) {
            waiting.push("webhooks are on their way".to_owned());
        }
        calm = if waiting.is_empty() { calm + 1 } else { 0 };
        if calm == CALM_LOOKS || begun.elapsed() > at_most {
            return Ok(Settled { seconds: begun.elapsed().as_secs_f64(), waiting });
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Events that are not applied yet, jobs that are due, and those to be tried again.
async fn in_tables(db: &Db) -> Result<Vec<String>, store::Error> {
    let waiting = outside::waiting(db, db.clock().now()).await?;
    let (retrying,): (i64,) = db.one(&RETRYING, store::params![]).await?;
    let counts = [(waiting.events, "events"), (waiting.jobs, "due jobs"), (retrying, "jobs to be tried again")];
    let counted = counts.into_iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}"));
    Ok(counted.chain(waiting.places).collect())
}

/// Everything that can be compared with what was promised.
pub async fn look(rig: &Rig, market: &Arc<Market>, stock: &[(Product, i64)]) -> Result<Seen, String> {
    let ids = order_ids(market).await?;
    let looks = ids.into_iter().map(|id| {
        let market = Arc::clone(market);
        async move {
            let path = format!("/v1/admin/orders/{id}");
            market
                .read(|| market.staff.get(&path))
                .await
                .and_then(|seen| order(&seen))
                .ok_or(format!("{id} is not shown"))
        }
    });
    let orders: Vec<Result<OrderSeen, String>> =
        futures::stream::iter(looks).buffer_unordered(ORDERS_AT_ONCE).collect().await;
    let stock = stock.iter().map(|(product, there)| (product.variant.clone(), *there)).collect();
    let orders = orders.into_iter().collect::<Result<Vec<_>, _>>()?;
    Ok(Seen { orders, charges: charges(&rig.gateway_client()).await?, stock, waiting: Vec::new() })
}

async fn order_ids(market: &Market) -> Result<Vec<String>, String> {
    let mut ids = Vec::new();
    let mut cursor = String::new();
    loop {
        let path = format!("/v1/admin/orders?limit=100{cursor}");
        let page = market.read(|| market.staff.get(&path)).await.ok_or("the orders are not listed")?;
        let items = page["items"].as_array().ok_or("a list has items")?;
        ids.extend(items.iter().filter_map(|order| order["id"].as_str().map(str::to_owned)));
        let Some(next) = page["next"].as_str() else { return Ok(ids) };
        cursor = format!("&cursor={next}");
    }
}

async fn charges(gateway: &Client) -> Result<Vec<Charge>, String> {
    let ledger = gateway.get("/_control/ledger").sent().await.map_err(|why| why.to_string())?.json();
    serde_json::from_value(ledger["charges"].clone()).map_err(|why| format!("the gateway's ledger: {why}"))
}

fn order(seen: &Value) -> Option<OrderSeen> {
    let text = |name: &str| seen[name].as_str().map(str::to_owned);
    let amount = |name: &str| seen[name]["amount"].as_i64();
    let units = seen["lines"].as_array()?.iter().map(|line| {
        let kept = line["quantity"].as_i64()? - line["cancelled"].as_i64()?;
        Some((line["variant"].as_str()?.to_owned(), kept))
    });
    Some(OrderSeen {
        id: text("id")?,
        number: text("number")?,
        cart: text("cart")?,
        status: text("status")?,
        total: amount("total")?,
        due: amount("due")?,
        refunded: amount("refunded")?,
        is_asked_to_cancel: seen["cancel_request"]["state"] == "requested",
        units: units.collect::<Option<Vec<_>>>()?,
    })
}
