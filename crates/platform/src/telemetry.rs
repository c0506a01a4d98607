//! Logs, metrics and traces of a process.

use std::io::{BufWriter, IsTerminal as _};
use std::time::{Duration, Instant};

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tracing_appender::non_blocking::{NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::EnvFilter;

use crate::config::{Log, LogFormat};
use crate::tasks::Tasks;

const LINES_BYTES: usize = 64 * 1024;
const SUM_UP_EVERY: Duration = Duration::from_secs(5);

/// Logs until it is dropped: then what waits is written.
#[derive(Debug)]
#[must_use = "the last lines are written when this is dropped"]
pub struct Logging {
    _writer: WorkerGuard,
}

/// Starts logging to standard error; once in a process, a second call changes nothing. A thread of its own writes, as
/// many lines at once as wait for it; who logs waits only where it is far behind, and no line is lost.
pub fn start_logging(log: &Log) -> Result<Logging, String> {
    let filter = EnvFilter::try_new(&log.filter).map_err(|error| format!("setting `log.filter`: {error}"))?;
    let lines = NonBlockingBuilder::default().lossy(false).thread_name("souk-log");
    let (writer, guard) = lines.finish(BufWriter::with_capacity(LINES_BYTES, std::io::stderr()));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(writer);
    let result = match log.format {
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
        LogFormat::Text => builder.with_ansi(std::io::stderr().is_terminal()).try_init(),
    };
    if let Err(error) = result {
        tracing::debug!(%error, "logging was started before");
    }
    Ok(Logging { _writer: guard })
}

/// Starts counting; what `/metrics` answers comes from the handle. `None` when the process counts already.
pub fn start_metrics() -> Option<PrometheusHandle> {
    let builder = PrometheusBuilder::new().set_buckets(&SECONDS).ok()?;
    let handle = builder.install_recorder().ok()?;
    for Metric { name, kind, about, .. } in METRICS {
        match kind {
            MetricKind::Counter => metrics::describe_counter!(*name, *about),
            MetricKind::Gauge => metrics::describe_gauge!(*name, *about),
            MetricKind::Histogram => metrics::describe_histogram!(*name, *about),
        }
    }
    metrics::gauge!("souk_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
    Some(handle)
}

/// Sums up what histograms were told, again and again: else each value of them lies in memory until somebody asks for
/// `/metrics`, and nobody may.
pub(crate) async fn sum_up(metrics: PrometheusHandle, tasks: Tasks) {
    loop {
        tokio::select! {
            () = tasks.stopping() => return,
            () = tokio::time::sleep(SUM_UP_EVERY) => metrics.run_upkeep(),
        }
    }
}

/// Upper ends of the histograms' buckets.
const SECONDS: [f64; 11] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetricKind {
    Counter,
    Gauge,
    Histogram,
}

/// A figure that `/metrics` serves.
#[derive(Debug, Clone, Copy)]
pub struct Metric {
    pub name: &'static str,
    pub kind: MetricKind,
    pub labels: &'static [&'static str],
    pub about: &'static str,
}

macro_rules! metrics_table {
    ($($kind:ident $name:literal [$($label:literal),*] $about:literal;)+) => {
        /// All of them, as docs/operations.md lists them.
        pub const METRICS: &[Metric] =
            &[$(Metric { name: $name, kind: MetricKind::$kind, labels: &[$($label),*], about: $about }),+];
    };
}

metrics_table! {
    Gauge "souk_build_info" ["version"] "1, with the version that runs";
    Gauge "souk_measured" ["service"] "1: the gauges of the service are fresh; 0: its database did not answer";
    Counter "souk_http_requests_total" ["route", "status"] "Answered requests";
    Histogram "souk_http_request_seconds" ["route"] "How long they took";
    Gauge "souk_outbox_waiting" ["service"] "Events said and not yet handed to all who hear them";
    Gauge "souk_outbox_oldest_seconds" ["service"] "How long the oldest of them has waited";
    Gauge "souk_broker_connected" [] "1: connected to RabbitMQ, or no broker is set; 0: it can't be reached";
    Gauge "souk_queue_messages" ["service"] "Events that wait at the broker; 0 without one";
    Gauge "souk_dead_queue_messages" ["service"] "Messages at the broker that could not be read or ended who took them";
    Counter "souk_publish_failures_total" [] "Batches that the broker did not confirm, which are published again";
    Gauge "souk_inbox_parked" ["service"] "Events that wait to be tried again";
    Counter "souk_retries_total" ["service", "kind"] "Tries of events and jobs that failed and are made again";
    Gauge "souk_dead_letters" ["service", "kind"] "Events and jobs that were given up and wait for a person";
    Counter "souk_dead_letters_total" ["service"] "Events and jobs given up since the process began";
    Gauge "souk_jobs_due" ["service"] "Jobs that are due, running ones included";
    Gauge "souk_job_lag_seconds" ["service"] "How long the oldest due job has waited";
    Gauge "souk_orders_open" ["status"] "Orders that are placed, payable or confirmed";
    Gauge "souk_order_oldest_seconds" ["status"] "How long ago the oldest of them was placed";
    Counter "souk_calls_total" ["call", "outcome"] "Calls to other processes: ok, refused, unavailable";
    Histogram "souk_call_seconds" ["call"] "How long they took, retries included";
    Gauge "souk_circuit_open" ["peer"] "1: calls to the peer are refused for a moment, it failed too often";
}

/// Time that passes on the machine, for logs and metrics; the shop's time is the clock's.
#[derive(Debug, Clone, Copy)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    #[allow(clippy::disallowed_methods, reason = "the one place that measures how long things take")]
    pub fn start() -> Self {
        Self(Instant::now())
    }

    pub fn seconds(&self) -> f64 {
        self.0.elapsed().as_secs_f64()
    }
}

/// The W3C trace that the request belongs to, with a span of our own; a new trace where it has none.
pub fn continue_trace(traceparent: Option<&str>) -> String {
    let trace = traceparent.and_then(|text| {
        let mut parts = text.split('-');
        let (version, trace, span) = (parts.next()?, parts.next()?, parts.next()?);
        let hex = |text: &str, chars: usize| text.len() == chars && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        (version == "00" && hex(trace, 32) && hex(span, 16)).then(|| trace.to_owned())
    });
    let trace = trace.unwrap_or_else(|| format!("{:032x}", rand::random::<u128>()));
    format!("00-{trace}-{:016x}-01", rand::random::<u64>())
}
