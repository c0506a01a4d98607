//! Calls: questions between services. Answered in this process where the owner runs here, else by
//! `POST /internal/calls/<name>` with the service token, a deadline, retries and a circuit breaker.

use std::any::Any;
use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicI64, AtomicU32, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::body::Bytes;
use backon::{BackoffBuilder, ExponentialBuilder};
use contracts::Call;
use serde::{Serialize, de::DeserializeOwned};
use store::{BoxFuture, Clock};

use crate::telemetry::Stopwatch;
use crate::{Ctx, Problem};

/// A remote call is given up after this, retries included.
pub const DEADLINE: Duration = Duration::from_secs(5);
const TRY_MAX: Duration = Duration::from_secs(2);
const TRIES_MAX: usize = 3;
/// So many failures in a row open the circuit; after the pause calls go through again, and the next failure opens it at once.
const BREAKER_FAILURES: u32 = 5;
const BREAKER_PAUSE: Duration = Duration::from_secs(2);
/// The header that proves a caller is one of us.
pub const SERVICE_TOKEN: &str = "souk-service-token";

/// A typed answer behind its name: asked with a value in the process, with JSON from outside.
pub(crate) trait AnswerAny: Send + Sync {
    fn local(&self, call: Box<dyn Any + Send>) -> BoxFuture<'static, Result<Box<dyn Any + Send>, Problem>>;
    fn json(&self, body: Bytes) -> BoxFuture<'static, Result<Vec<u8>, Problem>>;
}

pub(crate) type AnyAnswer = Arc<dyn AnswerAny>;

struct Answer<C, R, F> {
    ctx: Ctx,
    answer: F,
    call: PhantomData<fn(C) -> R>,
}

/// A typed answer behind its name.
pub(crate) fn erase<C: Call, F, A>(ctx: Ctx, answer: F) -> AnyAnswer
where
    F: Fn(Ctx, C) -> A + Send + Sync + 'static,
    A: Future<Output = Result<C::Reply, Problem>> + Send + 'static,
{
    erase_with(ctx, answer)
}

/// As [`erase`], for questions that every service answers under a name of its own.
pub(crate) fn erase_with<C, R, F, A>(ctx: Ctx, answer: F) -> AnyAnswer
where
    C: DeserializeOwned + Send + 'static,
    R: Serialize + Send + 'static,
    F: Fn(Ctx, C) -> A + Send + Sync + 'static,
    A: Future<Output = Result<R, Problem>> + Send + 'static,
{
    Arc::new(Answer { ctx, answer, call: PhantomData::<fn(C) -> R> })
}

impl<C, R, F, A> AnswerAny for Answer<C, R, F>
where
    C: DeserializeOwned + Send + 'static,
    R: Serialize + Send + 'static,
    F: Fn(Ctx, C) -> A + Send + Sync + 'static,
    A: Future<Output = Result<R, Problem>> + Send + 'static,
{
    fn local(&self, call: Box<dyn Any + Send>) -> BoxFuture<'static, Result<Box<dyn Any + Send>, Problem>> {
        match call.downcast::<C>() {
            Ok(call) => {
                let reply = (self.answer)(self.ctx.clone(), *call);
                Box::pin(async move { Ok(Box::new(reply.await?) as Box<dyn Any + Send>) })
            }
            Err(_) => Box::pin(async { Err(Problem::internal("a call was asked with another type")) }),
        }
    }

    fn json(&self, body: Bytes) -> BoxFuture<'static, Result<Vec<u8>, Problem>> {
        let malformed = |error| {
            Problem::new(
                crate::problem::Kind::Malformed,
                "request.malformed",
                format!("the call can't be read: {error}"),
            )
        };
        match serde_json::from_slice::<C>(&body).map_err(malformed) {
            Ok(call) => {
                let reply = (self.answer)(self.ctx.clone(), call);
                Box::pin(async move {
                    serde_json::to_vec(&reply.await?).map_err(|error| Problem::internal(error.to_string()))
                })
            }
            Err(problem) => Box::pin(async { Err(problem) }),
        }
    }
}

/// Who answers which call. Filled once, when every service of the process is built.
#[derive(Clone)]
pub struct Peers {
    shared: Arc<Shared>,
}

struct Shared {
    local: OnceLock<BTreeMap<String, AnyAnswer>>,
    remote: BTreeMap<String, Remote>,
    http: reqwest::Client,
    token: Option<String>,
    clock: Clock,
}

/// Where a call, or every call of a service, is answered elsewhere: by each of some copies.
struct Remote {
    urls: Vec<String>,
    /// Whose turn it is.
    turn: AtomicUsize,
    failures: AtomicU32,
    /// Microsecond until which calls are refused at once.
    open_until: AtomicI64,
}

impl Remote {
    /// One copy after the other: a try that failed is repeated at the next.
    fn next(&self) -> &str {
        let turn = self.turn.fetch_add(1, Relaxed) % self.urls.len().max(1);
        self.urls.get(turn).map_or("", String::as_str)
    }
}

impl fmt::Debug for Peers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Peers").field("remote", &self.shared.remote.keys()).finish_non_exhaustive()
    }
}

impl Peers {
    /// `remote` maps a call (`shipping.get_options`) or a service (`shipping`) to a base URL, or to those of its
    /// copies, parted by spaces; the more exact name wins, and both win over an answer in the process.
    pub fn new(remote: &BTreeMap<String, String>, token: Option<String>, clock: Clock) -> Result<Self, String> {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let http = reqwest::Client::builder()
            .connect_timeout(TRY_MAX)
            .timeout(TRY_MAX)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| {
                format!("no HTTP client: {error}; does this machine have certificates (`ca-certificates`)?")
            })?;
        let remote = remote
            .iter()
            .map(|(name, url)| {
                let urls: Vec<String> =
                    url.split_whitespace().map(|url| url.trim_end_matches('/').to_owned()).collect();
                let (turn, failures, open_until) = (AtomicUsize::new(0), AtomicU32::new(0), AtomicI64::new(0));
                (name.clone(), Remote { urls, turn, failures, open_until })
            })
            .collect();
        Ok(Self { shared: Arc::new(Shared { local: OnceLock::new(), remote, http, token, clock }) })
    }

    /// Says who answers in this process; once, at boot.
    pub(crate) fn settle(&self, local: BTreeMap<&'static str, AnyAnswer>, own: Vec<(String, AnyAnswer)>) {
        let local = local.into_iter().map(|(name, answer)| (name.to_owned(), answer)).chain(own).collect();
        assert!(self.shared.local.set(local).is_ok(), "the peers were settled before");
    }

    /// Whether anyone answers this call.
    pub fn has_owner(&self, call: &str) -> bool {
        self.shared.local.get().is_some_and(|local| local.contains_key(call)) || self.remote(call).is_some()
    }

    pub(crate) fn local_answer(&self, call: &str) -> Option<AnyAnswer> {
        self.shared.local.get()?.get(call).cloned()
    }

    pub(crate) fn token(&self) -> Option<&str> {
        self.shared.token.as_deref()
    }

    pub async fn call<C: Call>(&self, call: C) -> Result<C::Reply, Problem> {
        if let Some(remote) = self.remote(C::NAME) {
            return self.ask(remote, C::NAME, &call).await;
        }
        let answer =
            self.local_answer(C::NAME).ok_or_else(|| Problem::internal(format!("nobody answers {}", C::NAME)))?;
        let reply = store::work::part(C::NAME, answer.local(Box::new(call))).await?;
        let reply = reply
            .downcast::<C::Reply>()
            .map_err(|_| Problem::internal(format!("{} answered with another type", C::NAME)))?;
        Ok(*reply)
    }

    /// Asks by name, with JSON both ways: for the audit, whose calls every service answers.
    pub async fn call_named(&self, name: &str, call: &serde_json::Value) -> Result<serde_json::Value, Problem> {
        if let Some(remote) = self.remote(name) {
            return self.ask(remote, name, call).await;
        }
        let answer = self.local_answer(name).ok_or_else(|| Problem::internal(format!("nobody answers {name}")))?;
        let reply = answer.json(call.to_string().into()).await?;
        serde_json::from_slice(&reply).map_err(|error| Problem::internal(format!("{name} answered badly: {error}")))
    }

    fn remote(&self, call: &str) -> Option<&Remote> {
        let service = call.split('.').next().unwrap_or(call);
        self.shared.remote.get(call).or_else(|| self.shared.remote.get(service))
    }

    /// Asks over HTTP: calls only read, so a failed try is repeated within the deadline.
    async fn ask<C: Serialize, R: DeserializeOwned>(
        &self,
        remote: &Remote,
        name: &str,
        call: &C,
    ) -> Result<R, Problem> {
        let now = || self.shared.clock.now().as_microsecond();
        let peer = name.split('.').next().unwrap_or(name).to_owned();
        if remote.open_until.load(Relaxed) > now() {
            return Err(Problem::unavailable(format!("{name}: the circuit to {} is open", remote.urls.join(" "))));
        }
        let mut pauses = ExponentialBuilder::new()
            .with_jitter()
            .with_min_delay(Duration::from_millis(50))
            .with_max_times(TRIES_MAX - 1)
            .build();
        let tries = async {
            loop {
                match self.try_once(remote.next(), name, call).await {
                    Err(problem) if problem.is_unavailable() => match pauses.next() {
                        Some(pause) => tokio::time::sleep(pause).await,
                        None => return Err(problem),
                    },
                    other => return other,
                }
            }
        };
        let watch = Stopwatch::start();
        let late = || Problem::unavailable(format!("{name} did not answer within {DEADLINE:?}"));
        let result = tokio::time::timeout(DEADLINE, tries).await.unwrap_or_else(|_| Err(late()));
        let outcome = match &result {
            Ok(_) => "ok",
            Err(problem) if problem.is_unavailable() => "unavailable",
            Err(_) => "refused",
        };
        metrics::counter!("souk_calls_total", "call" => name.to_owned(), "outcome" => outcome).increment(1);
        metrics::histogram!("souk_call_seconds", "call" => name.to_owned()).record(watch.seconds());
        if outcome == "unavailable" {
            if remote.failures.fetch_add(1, Relaxed) + 1 >= BREAKER_FAILURES {
                remote.open_until.store(now() + BREAKER_PAUSE.as_micros() as i64, Relaxed);
                metrics::gauge!("souk_circuit_open", "peer" => peer).set(1.0);
            }
        } else {
            remote.failures.store(0, Relaxed);
            metrics::gauge!("souk_circuit_open", "peer" => peer).set(0.0);
        }
        result
    }

    async fn try_once<C: Serialize, R: DeserializeOwned>(&self, url: &str, name: &str, call: &C) -> Result<R, Problem> {
        let unavailable = |error: reqwest::Error| Problem::unavailable(format!("{name} at {url}: {error}"));
        let mut request = self.shared.http.post(format!("{url}/internal/calls/{name}")).json(call);
        if let Some(token) = &self.shared.token {
            request = request.header(SERVICE_TOKEN, token);
        }
        if let Some(trace) = store::work::traceparent() {
            request = request.header("traceparent", trace.as_ref());
        }
        let response = request.send().await.map_err(unavailable)?;
        let status = response.status();
        let body = response.bytes().await.map_err(unavailable)?;
        if status.is_success() {
            serde_json::from_slice(&body).map_err(|error| Problem::internal(format!("{name} answered badly: {error}")))
        } else {
            if matches!(status.as_u16(), 401 | 403) {
                let why = format!("{name} at {url} answered {status}: is internal.service_token the same there?");
                return Err(Problem::internal(why));
            }
            let unreadable = |_| Problem::unavailable(format!("{name} at {url} answered {status}"));
            Err(serde_json::from_slice::<Problem>(&body).unwrap_or_else(unreadable))
        }
    }
}
