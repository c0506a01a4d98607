//! Logs, metrics and traces of a process.

use std::time::Instant;

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;

use crate::config::{Log, LogFormat};

/// Starts logging to standard error; once in a process, a second call changes nothing.
pub fn start_logging(log: &Log) -> Result<(), String> {
    let filter = EnvFilter::try_new(&log.filter).map_err(|error| format!("setting `log.filter`: {error}"))?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let result = match log.format {
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
        LogFormat::Text => builder.try_init(),
    };
    if let Err(error) = result {
        tracing::debug!(%error, "logging was started before");
    }
    Ok(())
}

/// Starts counting; what `/metrics` answers comes from the handle. `None` when the process counts already.
pub fn start_metrics() -> Option<PrometheusHandle> {
    PrometheusBuilder::new().install_recorder().ok()
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
