//! What waits in this process's services, and for how long: looked up when `/metrics` is asked.

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use store::{inbox, job, letter, outbox, work};
use tokio::sync::Mutex;

use crate::service::Measure;
use crate::telemetry::Stopwatch;
use crate::{Ctx, Problem, Service};

/// Figures are this old at most; who asks more often gets the same.
const FRESH_SECONDS: f64 = 5.0;
/// For a database that does not answer; Prometheus waits ten seconds.
const WAIT_MAX: Duration = Duration::from_secs(4);

/// A figure of a service's own: `Gauge { name: "souk_orders_open", label: ("status", "placed"), value: 3.0 }`.
#[derive(Debug, Clone, PartialEq)]
pub struct Gauge {
    pub name: &'static str,
    pub label: (&'static str, &'static str),
    pub value: f64,
}

/// What is looked up, and when it was last.
#[derive(Clone)]
pub(crate) struct Measures {
    services: Arc<[(Ctx, Option<Measure>)]>,
    last: Arc<Mutex<Option<Stopwatch>>>,
}

impl Measures {
    pub(crate) fn of(services: &[Service]) -> Self {
        let services: Vec<_> = services.iter().map(|service| (service.ctx.clone(), service.measure.clone())).collect();
        for (ctx, _) in &services {
            begin(ctx.db.service());
        }
        Self { services: services.into(), last: Arc::default() }
    }

    /// Brings the gauges up to date, unless they are.
    pub(crate) async fn take(&self) {
        let mut last = self.last.lock().await;
        if last.is_some_and(|last| last.seconds() < FRESH_SECONDS) {
            return;
        }
        // All at once: one database that does not answer keeps no other's figures back.
        join_all(self.services.iter().map(|(ctx, own)| look(ctx, own.as_ref()))).await;
        *last = Some(Stopwatch::start());
    }
}

async fn look(ctx: &Ctx, own: Option<&Measure>) {
    let service = ctx.db.service();
    let measured = work::scope("measure", None, Arc::default(), measure(ctx, own));
    let is_fresh = match tokio::time::timeout(WAIT_MAX, measured).await {
        Ok(Ok(())) => true,
        Ok(Err(problem)) => {
            tracing::warn!(service, %problem, "could not measure what waits");
            false
        }
        Err(_) => {
            tracing::warn!(service, "could not measure what waits in time");
            false
        }
    };
    metrics::gauge!("souk_measured", "service" => service).set(f64::from(u8::from(is_fresh)));
}

/// Counters are there from the beginning: an alarm can't compare with what does not exist.
fn begin(service: &'static str) {
    metrics::counter!("souk_dead_letters_total", "service" => service).increment(0);
    for kind in ["event", "job"] {
        metrics::counter!("souk_retries_total", "service" => service, "kind" => kind).increment(0);
    }
}

async fn measure(ctx: &Ctx, own: Option<&Measure>) -> Result<(), Problem> {
    let (db, now) = (&ctx.db, ctx.clock.now());
    let service = db.service();
    let age =
        |since: Option<jiff::Timestamp>| since.map_or(0.0, |since| now.duration_since(since).as_secs_f64().max(0.0));
    let depth = outbox::depth(db, now, now).await?;
    metrics::gauge!("souk_outbox_waiting", "service" => service).set(depth.waiting as f64);
    metrics::gauge!("souk_outbox_oldest_seconds", "service" => service).set(age(depth.oldest_said_at));
    metrics::gauge!("souk_inbox_parked", "service" => service).set(inbox::parked_count(db).await? as f64);
    let (due, oldest) = job::lag(db, now).await?;
    metrics::gauge!("souk_jobs_due", "service" => service).set(due as f64);
    metrics::gauge!("souk_job_lag_seconds", "service" => service).set(age(oldest));
    let (events, jobs) = letter::count(db).await?;
    for (kind, count) in [("event", events), ("job", jobs)] {
        metrics::gauge!("souk_dead_letters", "service" => service, "kind" => kind).set(count as f64);
    }
    if let Some(own) = own {
        for Gauge { name, label: (key, value), value: figure } in own().await? {
            metrics::gauge!(name, key => value).set(figure);
        }
    }
    Ok(())
}
