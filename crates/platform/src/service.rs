//! A service is a value: what it answers, hears and does later.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use contracts::{Call, Event};
use store::{BoxFuture, Envelope, Job, Migration, Sql, Tx};
use utoipa_axum::router::OpenApiRouter;

use crate::audit::{Impersonal, Makes};
use crate::calls::{self, AnyAnswer};
use crate::jobs::{self, AnyJob, Ended, JobRun};
use crate::measure::Gauge;
use crate::{Ctx, ErrorCode, Problem};

/// What a reaction decided, from its own tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Its effect is in the transaction.
    Done,
    /// What it needs has not come yet: parked and tried again, with its transaction undone.
    Later(&'static str),
}

/// An async function `(&Ctx, &mut Tx, &E) -> Result<Outcome, Problem>`.
pub trait React<'a, E: 'a>: Fn(&'a Ctx, &'a mut Tx, &'a E) -> Self::Future + Send + Sync + 'static {
    type Future: Future<Output = Result<Outcome, Problem>> + Send + 'a;
}

impl<'a, E: 'a, F, R> React<'a, E> for F
where
    F: Fn(&'a Ctx, &'a mut Tx, &'a E) -> R + Send + Sync + 'static,
    R: Future<Output = Result<Outcome, Problem>> + Send + 'a,
{
    type Future = R;
}

pub(crate) type Reaction =
    Arc<dyn for<'a> Fn(&'a Ctx, &'a mut Tx, &'a Envelope) -> BoxFuture<'a, Result<Outcome, Problem>> + Send + Sync>;
pub(crate) type Watch = Arc<dyn Fn(&Envelope) + Send + Sync>;
pub(crate) type Measure = Arc<dyn Fn() -> BoxFuture<'static, Result<Vec<Gauge>, Problem>> + Send + Sync>;
/// What a process does that may have missed events it watches.
pub(crate) type Missed = Arc<dyn Fn() + Send + Sync>;
pub(crate) type Prune = Arc<dyn Fn() -> BoxFuture<'static, Result<(), Problem>> + Send + Sync>;

/// One of the shop's services, ready to run wherever `souk` puts it.
pub struct Service {
    pub name: &'static str,
    pub ctx: Ctx,
    pub routes: OpenApiRouter,
    pub migrations: &'static [Migration],
    pub statements: Vec<&'static Sql>,
    pub codes: &'static [ErrorCode],
    /// The calls it asks of others; each must have an owner at boot.
    pub asks: Vec<&'static str>,
    pub(crate) answers: BTreeMap<&'static str, AnyAnswer>,
    pub(crate) reactions: BTreeMap<&'static str, Reaction>,
    /// Events that may be applied again, and who says them.
    pub(crate) derives: BTreeMap<&'static str, &'static str>,
    pub(crate) watches: Vec<(&'static str, Watch)>,
    pub(crate) missed: Vec<Missed>,
    pub(crate) jobs: BTreeMap<&'static str, AnyJob>,
    pub(crate) prune: Option<Prune>,
    pub(crate) measure: Option<Measure>,
    pub(crate) makes: Vec<Makes>,
    pub(crate) impersonal: Vec<Impersonal>,
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Service").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Service {
    /// An empty service; `ctx` becomes its own.
    pub fn new(name: &'static str, ctx: &Ctx) -> Self {
        Self {
            name,
            ctx: ctx.of(name),
            routes: OpenApiRouter::new(),
            migrations: &[],
            statements: Vec::new(),
            codes: &[],
            asks: Vec::new(),
            answers: BTreeMap::new(),
            reactions: BTreeMap::new(),
            derives: BTreeMap::new(),
            watches: Vec::new(),
            missed: Vec::new(),
            jobs: BTreeMap::new(),
            prune: None,
            measure: None,
            makes: Vec::new(),
            impersonal: Vec::new(),
        }
    }

    /// Its schema, in order.
    pub fn migrations(self, migrations: &'static [Migration]) -> Self {
        Self { migrations, ..self }
    }

    /// Every statement it runs.
    pub fn statements(mut self, statements: &[&'static Sql]) -> Self {
        self.statements.extend_from_slice(statements);
        self
    }

    /// Every code it refuses with.
    pub fn codes(self, codes: &'static [ErrorCode]) -> Self {
        Self { codes, ..self }
    }

    /// Its HTTP routes, each described.
    pub fn routes(mut self, routes: OpenApiRouter<Ctx>) -> Self {
        self.routes = self.routes.merge(routes.with_state(self.ctx.clone()));
        self
    }

    /// It asks this call of its owner.
    pub fn asks<C: Call>(mut self) -> Self {
        self.asks.push(C::NAME);
        self
    }

    /// It answers this call: `async fn(Ctx, C) -> Result<C::Reply, Problem>`. Reads only.
    pub fn answers<C: Call, F, R>(mut self, answer: F) -> Self
    where
        F: Fn(Ctx, C) -> R + Send + Sync + 'static,
        R: Future<Output = Result<C::Reply, Problem>> + Send + 'static,
    {
        let before = self.answers.insert(C::NAME, calls::erase::<C, _, _>(self.ctx.clone(), answer));
        assert!(before.is_none(), "{} answers {} twice", self.name, C::NAME);
        self
    }

    /// It changes its tables when this happened, exactly once:
    /// `async fn(&Ctx, &mut Tx, &E) -> Result<Outcome, Problem>`.
    pub fn reacts<E: Event, F: for<'a> React<'a, E>>(mut self, reaction: F) -> Self {
        assert!(E::HEARD_BY.contains(&self.name), "contracts do not say that {} hears {}", self.name, E::NAME);
        let reaction = Arc::new(reaction);
        let erased: Reaction = Arc::new(move |ctx, tx, envelope| {
            let reaction = Arc::clone(&reaction);
            Box::pin(async move {
                let event: E = serde_json::from_str(&envelope.data)
                    .map_err(|error| Problem::internal(format!("{} {}: {error}", E::NAME, envelope.id)))?;
                react(reaction.as_ref(), ctx, tx, &event).await
            })
        });
        let before = self.reactions.insert(E::NAME, erased);
        assert!(before.is_none(), "{} reacts to {} twice", self.name, E::NAME);
        self
    }

    /// As [`Service::reacts`], where the effect is derived from the event alone: applied again, in any order, it
    /// leaves what it would have left, and says nothing where it changes nothing. `souk replay` does that.
    pub fn reacts_derived<E: Event, F: for<'a> React<'a, E>>(mut self, reaction: F) -> Self {
        self.derives.insert(E::NAME, E::SAID_BY);
        self.reacts::<E, F>(reaction)
    }

    /// It changes only memory when this happened, in every process that runs it; may miss some.
    pub fn watches<E: Event>(mut self, watch: impl Fn(&E) + Send + Sync + 'static) -> Self {
        self.watches.push(erase_watch(watch));
        self
    }

    /// The events that its tables react to.
    pub fn hears(&self) -> Vec<&'static str> {
        self.reactions.keys().copied().collect()
    }

    /// It may have missed what it watches, after every new connection to a broker: what it remembers may be old.
    pub fn misses(mut self, missed: impl Fn() + Send + Sync + 'static) -> Self {
        self.missed.push(Arc::new(missed));
        self
    }

    /// It forgets what nobody needs any more, hourly in each process that runs it:
    /// `async fn(Ctx) -> Result<(), Problem>`, in transactions of a few hundred rows.
    pub fn prunes<F, R>(mut self, prune: F) -> Self
    where
        F: Fn(Ctx) -> R + Send + Sync + 'static,
        R: Future<Output = Result<(), Problem>> + Send + 'static,
    {
        let ctx = self.ctx.clone();
        self.prune = Some(Arc::new(move || Box::pin(prune(ctx.clone()))));
        self
    }

    /// Figures of its own for `/metrics`: `async fn(Ctx) -> Result<Vec<Gauge>, Problem>`, a statement or two.
    pub fn measures<F, R>(mut self, measure: F) -> Self
    where
        F: Fn(Ctx) -> R + Send + Sync + 'static,
        R: Future<Output = Result<Vec<Gauge>, Problem>> + Send + 'static,
    {
        let ctx = self.ctx.clone();
        self.measure = Some(Arc::new(move || Box::pin(measure(ctx.clone()))));
        self
    }

    /// A route of its makes such things, under a key each; the audit asks whether they are there.
    pub fn makes(mut self, makes: Makes) -> Self {
        self.makes.push(makes);
        self
    }

    /// The routes that [`Service::makes`] named.
    pub fn making_routes(&self) -> impl Iterator<Item = &'static str> {
        self.makes.iter().map(|makes| makes.route)
    }

    /// A table of its must hold no personal data; the audit looks.
    pub fn keeps_impersonal(mut self, table: Impersonal) -> Self {
        self.impersonal.push(table);
        self
    }

    /// It does this later, or now but outside the transaction that asked for it:
    /// `async fn(Ctx, JobRun, J) -> Result<Ended, Problem>`. A problem is tried again with backoff.
    pub fn does<J: Job, F, R>(mut self, job: F) -> Self
    where
        F: Fn(Ctx, JobRun, J) -> R + Send + Sync + 'static,
        R: Future<Output = Result<Ended, Problem>> + Send + 'static,
    {
        let before = self.jobs.insert(J::KIND, jobs::erase::<J, _, _>(self.ctx.clone(), job));
        assert!(before.is_none(), "{} does {} twice", self.name, J::KIND);
        self
    }
}

/// A typed watch behind its event's name.
pub(crate) fn erase_watch<E: Event>(watch: impl Fn(&E) + Send + Sync + 'static) -> (&'static str, Watch) {
    let erased: Watch = Arc::new(move |envelope| match serde_json::from_str::<E>(&envelope.data) {
        Ok(event) => watch(&event),
        Err(error) => tracing::warn!(event = %envelope.id, %error, "a watch could not read its event"),
    });
    (E::NAME, erased)
}

/// Ties the three lifetimes of a reaction together.
async fn react<E, F: for<'a> React<'a, E>>(
    reaction: &F,
    ctx: &Ctx,
    tx: &mut Tx,
    event: &E,
) -> Result<Outcome, Problem> {
    reaction(ctx, tx, event).await
}
