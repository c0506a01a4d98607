//! Jobs and timers: one runner a process and database, for the services that run there.

use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use jiff::{SignedDuration, Timestamp};
use store::{BoxFuture, Db, Job, StartedJob, Tx, fault, job, work};
use tokio::sync::{Semaphore, mpsc};
use uuid::Uuid;

use crate::tasks::Tasks;
use crate::{Ctx, Problem, Service};

/// Jobs of one process that run at once.
const RUNNING_MAX: usize = 64;
const CLAIMED_MAX: i64 = 32;
const POLL: SignedDuration = SignedDuration::from_millis(1_000);
/// A job that failed for so long becomes a dead letter.
pub(crate) const GIVEN_UP_AFTER: SignedDuration = SignedDuration::from_hours(24);
/// And never after fewer tries: a shop that was off for a weekend tries again first.
pub(crate) const GIVEN_UP_TRIES: i64 = 10;

/// A job in hand.
#[derive(Debug, Clone)]
pub struct JobRun {
    pub id: Uuid,
    /// This one included.
    pub attempts: i64,
    pub created_at: Timestamp,
}

/// How a job ended: made only by a [`JobRun`], so that none is forgotten.
#[derive(Debug)]
#[must_use]
pub struct Ended(End);

#[derive(Debug)]
enum End {
    /// Its row went with a transaction.
    Finished,
    Later(Timestamp, String),
}

impl JobRun {
    /// It is done exactly when this transaction is committed.
    pub async fn finish(&self, tx: &mut Tx) -> Result<Ended, store::Error> {
        tx.finish(self.id).await?;
        Ok(Ended(End::Finished))
    }

    /// It is done and changed nothing.
    pub async fn nothing_to_do(&self, ctx: &Ctx) -> Result<Ended, Problem> {
        let run = self.clone();
        Ok(ctx.db.write(run, |tx, run| Box::pin(run.finish(tx))).await?)
    }

    /// Not yet: run it again at `due`.
    pub fn later(&self, due: Timestamp, why: impl Into<String>) -> Ended {
        Ended(End::Later(due, why.into()))
    }
}

pub(crate) type AnyJob = Arc<dyn DoAny>;

pub(crate) trait DoAny: Send + Sync {
    fn run(&self, started: &StartedJob) -> BoxFuture<'static, Result<Ended, Problem>>;
}

struct Typed<J, F> {
    ctx: Ctx,
    job: F,
    kind: PhantomData<fn(J)>,
}

/// A typed job behind its kind.
pub(crate) fn erase<J: Job, F, R>(ctx: Ctx, job: F) -> AnyJob
where
    F: Fn(Ctx, JobRun, J) -> R + Send + Sync + 'static,
    R: Future<Output = Result<Ended, Problem>> + Send + 'static,
{
    Arc::new(Typed { ctx, job, kind: PhantomData::<fn(J)> })
}

impl<J: Job, F, R> DoAny for Typed<J, F>
where
    F: Fn(Ctx, JobRun, J) -> R + Send + Sync + 'static,
    R: Future<Output = Result<Ended, Problem>> + Send + 'static,
{
    fn run(&self, started: &StartedJob) -> BoxFuture<'static, Result<Ended, Problem>> {
        let run = JobRun { id: started.id, attempts: started.attempts, created_at: started.created_at };
        match serde_json::from_str::<J>(&started.payload) {
            Ok(job) => Box::pin((self.job)(self.ctx.clone(), run, job)),
            Err(error) => {
                let problem = Problem::internal(format!("job {} {}: {error}", J::KIND, started.id));
                Box::pin(async { Err(problem) })
            }
        }
    }
}

/// Runs the jobs of services that share a database.
pub(crate) struct Runner {
    db: Db,
    services: Vec<&'static str>,
    jobs: BTreeMap<(&'static str, &'static str), AnyJob>,
    running: Arc<Semaphore>,
    tasks: Tasks,
}

impl Runner {
    pub(crate) fn new(db: Db, services: &[&Service], tasks: Tasks) -> Self {
        let mut jobs = BTreeMap::new();
        for service in services {
            jobs.extend(service.jobs.iter().map(|(kind, job)| ((service.name, *kind), Arc::clone(job))));
        }
        let services = services.iter().map(|service| service.name).collect();
        Self { db, services, jobs, running: Arc::new(Semaphore::new(RUNNING_MAX)), tasks }
    }

    /// Until shutdown: jobs as they are started, due timers, and what other processes left behind.
    pub(crate) async fn run(self) {
        let Some(mut started) = self.db.take_started() else {
            tracing::error!("two job runners on one database handle");
            return;
        };
        let runner = Arc::new(self);
        while !runner.tasks.is_stopping() {
            let next_due = runner.claim_due().await;
            runner.run_until(next_due, &mut started).await;
        }
        runner.db.stop_starting();
    }

    /// Runs what is started here until the next timer is due.
    async fn run_until(self: &Arc<Self>, due: Timestamp, started: &mut mpsc::Receiver<StartedJob>) {
        loop {
            tokio::select! {
                biased;
                () = self.tasks.stopping() => return,
                // Before what is started now: a busy process still keeps its timers.
                () = self.db.clock().sleep_until(due) => return,
                job = started.recv() => match job {
                    Some(job) => self.begin(job).await,
                    None => return,
                },
                () = poll_pause() => return,
            }
        }
    }

    /// Claims and begins what is due; returns when to look again.
    async fn claim_due(self: &Arc<Self>) -> Timestamp {
        let now = self.db.clock().now();
        let again = now.saturating_add(POLL).unwrap_or(Timestamp::MAX);
        let next = work::scope("jobs", None, Arc::default(), job::next_due(&self.db, &self.services)).await;
        match next {
            Ok(Some(due)) if due <= now => {}
            Ok(due) => return due.unwrap_or(again).min(again),
            Err(error) => {
                tracing::warn!(%error, "could not look for due jobs");
                return again;
            }
        }
        let services = self.services.clone();
        let claim = self.db.write(services, |tx, services| Box::pin(job::claim(tx, services, CLAIMED_MAX)));
        match work::scope("jobs", None, Arc::default(), claim).await {
            Ok(claimed) => {
                for job in claimed {
                    self.begin(job).await;
                }
                now
            }
            Err(error) => {
                tracing::warn!(%error, "could not claim due jobs");
                again
            }
        }
    }

    async fn begin(self: &Arc<Self>, started: StartedJob) {
        // Closed never: the semaphore lives as long as the runner.
        let Ok(permit) = Arc::clone(&self.running).acquire_owned().await else {
            return;
        };
        let runner = Arc::clone(self);
        self.tasks.spawn(async move {
            runner.run_one(&started).await;
            drop(permit);
        });
    }

    async fn run_one(&self, started: &StartedJob) {
        let name = format!("{} job {}", started.service, started.kind);
        let trace = started.traceparent.clone();
        let work = async {
            let job =
                self.jobs.iter().find(|((service, kind), _)| *service == started.service && *kind == started.kind);
            let result = match job {
                _ if fault::planted("bug.jobs.refuse") => Err(Problem::internal("a bug refuses every job")),
                Some((_, job)) => AssertUnwindSafe(job.run(started))
                    .catch_unwind()
                    .await
                    .unwrap_or_else(|_| Err(Problem::internal(format!("{name} panicked")))),
                None => Err(Problem::internal(format!("{name}: this release does not know it"))),
            };
            if let Err(error) = self.settle(started, result).await {
                // Its lease ends and it is run again.
                tracing::warn!(job = %started.id, %error, "could not note how a job ended");
            }
        };
        work::scope(name.as_str(), trace.as_deref(), Arc::default(), work).await;
    }

    async fn settle(&self, started: &StartedJob, result: Result<Ended, Problem>) -> Result<(), store::Error> {
        let (due, why) = match result {
            Ok(Ended(End::Finished)) => return Ok(()),
            Ok(Ended(End::Later(due, why))) => {
                let input = (started.id, due, why);
                return self.db.write(input, |tx, (id, due, why)| Box::pin(job::later(tx, *id, *due, why))).await;
            }
            Err(problem) => {
                let why = problem.cause.clone().unwrap_or_else(|| problem.to_string());
                let age = self.db.clock().now().duration_since(started.created_at);
                let hopeless = age > GIVEN_UP_AFTER && started.attempts >= GIVEN_UP_TRIES;
                if hopeless || fault::planted("bug.jobs.give_up_at_once") {
                    tracing::error!(job = %started.id, kind = %started.kind, %why, "given up after 24 hours");
                    metrics::counter!("souk_dead_letters_total", "service" => started.service.clone()).increment(1);
                    let input = (started.id, why);
                    return self.db.write(input, |tx, (id, why)| Box::pin(job::bury(tx, *id, why))).await;
                }
                tracing::warn!(job = %started.id, kind = %started.kind, attempts = started.attempts, %why, "a job failed and is tried again");
                metrics::counter!("souk_retries_total", "service" => started.service.clone(), "kind" => "job")
                    .increment(1);
                (self.db.clock().now().saturating_add(backoff(started.attempts)).unwrap_or(Timestamp::MAX), why)
            }
        };
        let input = (started.id, due, why);
        self.db.write(input, |tx, (id, due, why)| Box::pin(job::retry(tx, *id, *due, why))).await
    }
}

/// 1 s, doubled with each attempt, at most 10 min.
pub(crate) fn backoff(attempts: i64) -> SignedDuration {
    let doublings = u32::try_from(attempts.clamp(1, 11) - 1).unwrap_or(0);
    SignedDuration::from_secs(2_i64.pow(doublings).min(600))
}

/// A fixed clock stands still, so jobs of other processes are looked for by the machine's time too.
async fn poll_pause() {
    tokio::time::sleep(Duration::from_secs(1)).await;
}
