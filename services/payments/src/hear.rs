//! A gateway tells by itself that something became of a charge. What it says is a hint: a job asks it,
//! so that an event that is doubled, late, early or forged changes nothing that is not so.

use ::store::Tx;
use contracts::payments::AttemptId;
use platform::problem::FieldProblem;
use platform::{Ctx, Ended, JobRun, Problem};

use crate::attempt::AttemptState;
use crate::error::Error;
use crate::gateway::{ChargeName, Gateway, GatewayEvent, NotDone, NotHeard};
use crate::test_bank::{self, TestBank};
use crate::{jobs, settle, store};

/// Notes an event, once by its id.
///
/// Errors: `NoEvents`, `BadSignature`, a problem with the body.
pub async fn receive(ctx: &Ctx, method: &str, signature: Option<&str>, body: &[u8]) -> Result<(), Error> {
    let gateway = Gateway::of(ctx, method).map_err(|_| Error::NoEvents)?;
    let event = match gateway.event(signature, body, ctx.clock.now()) {
        Ok(event) => event,
        Err(NotHeard::NotOurs) => return Ok(()),
        Err(NotHeard::NoEvents) => return Err(Error::NoEvents),
        Err(NotHeard::Unsigned) => return Err(Error::BadSignature),
        Err(NotHeard::Unreadable(detail)) => {
            return Err(Problem::malformed(vec![FieldProblem { pointer: String::new(), detail }]).into());
        }
    };
    ctx.db.write((method.to_owned(), event), |tx, (method, event)| Box::pin(note(tx, method, event))).await
}

async fn note(tx: &mut Tx, method: &str, event: &GatewayEvent) -> Result<(), Error> {
    if store::events::insert(tx, method, event).await? {
        tx.start(&jobs::LookUp { method: method.to_owned(), event: event.id.clone() });
    }
    Ok(())
}

/// Asks what became of the charge that was told of. Right before, while and after the gateway's own answer to us,
/// and after the order's end.
pub async fn look_up(ctx: Ctx, run: JobRun, job: jobs::LookUp) -> Result<Ended, Problem> {
    let Some(event) = store::events::find(&ctx.db, &job.method, &job.event).await? else {
        return run.nothing_to_do(&ctx).await;
    };
    let gateway = match Gateway::of(&ctx, &job.method) {
        Ok(gateway) => gateway,
        // Money may depend on it: never given up. Put the way to pay back into the settings.
        Err(problem) => return Ok(run.later(jobs::again(&ctx, &run), problem.to_string())),
    };
    let name = event.key.map(ChargeName::Key).or(event.reference.map(ChargeName::Reference));
    let Some(name) = name else { return run.nothing_to_do(&ctx).await };
    match gateway.look_up(&name).await {
        Ok(None) => run.nothing_to_do(&ctx).await,
        Ok(Some(found)) => match attempt(&ctx, found.key, &job.method).await? {
            Some(attempt) => settle::found(&ctx, &run, attempt, found.outcome).await,
            None => run.nothing_to_do(&ctx).await,
        },
        Err(why) => Ok(run.later(jobs::again(&ctx, &run), why.to_string())),
    }
}

/// Asks what became of a charge whose buyer was sent to their bank: nothing tells that for certain.
pub async fn look_again(ctx: Ctx, run: JobRun, job: jobs::LookAgain) -> Result<Ended, Problem> {
    let Some(attempt) = store::attempt(&ctx.db, job.attempt).await? else { return run.nothing_to_do(&ctx).await };
    let Some(reference) = attempt.reference.clone().filter(|_| attempt.state == AttemptState::ActionRequired) else {
        return run.nothing_to_do(&ctx).await;
    };
    let found = match Gateway::of(&ctx, &attempt.method) {
        Ok(gateway) => gateway.look_up(&ChargeName::Reference(reference)).await,
        Err(problem) => Err(NotDone::Unknown(problem.to_string())),
    };
    match found {
        Ok(Some(found)) if found.outcome.state() != AttemptState::ActionRequired => {
            settle::found(&ctx, &run, attempt, found.outcome).await
        }
        // Not yet, or no answer: the next look is a job of its own, so that no number of looks makes it a failure.
        Ok(_) | Err(_) => {
            let next = jobs::LookAgain { attempt: job.attempt, looks: job.looks.saturating_add(1) };
            let written = ctx.db.write((run, next), |tx, (run, next)| {
                Box::pin(async move {
                    tx.start_at(next, next.due(tx.now()));
                    run.finish(tx).await
                })
            });
            Ok(written.await?)
        }
    }
}

/// The attempt that made the charge, if this way to pay did.
async fn attempt(ctx: &Ctx, key: AttemptId, method: &str) -> Result<Option<crate::attempt::Attempt>, Problem> {
    let attempt = store::attempt(&ctx.db, key).await?;
    Ok(attempt.filter(|attempt| attempt.method == method))
}

/// The test bank sends an event, as another house would: signed, and until it is heard.
pub async fn test_bank_tells(ctx: Ctx, run: JobRun, job: jobs::TestBankTells) -> Result<Ended, Problem> {
    if let Some(charge) = test_bank::by_key(&ctx.db, job.key).await? {
        let bank = TestBank::of(&ctx, &charge.method);
        let event = test_bank::event_of(&charge, job.event);
        let (body, signature) = bank.signed_event(&event, ctx.clock.now());
        receive(&ctx, &charge.method, Some(&signature), &body).await?;
    }
    run.nothing_to_do(&ctx).await
}

/// The test bank makes a charge that it was asked for a while ago.
pub async fn test_bank_charges(ctx: Ctx, run: JobRun, job: jobs::TestBankCharges) -> Result<Ended, Problem> {
    let written = ctx.db.write((run.clone(), job), |tx, (run, late)| {
        Box::pin(async move {
            test_bank::charge_now(tx, late).await?;
            Ok::<_, crate::gateway::NotDone>(run.finish(tx).await?)
        })
    });
    written.await.map_err(|why| Problem::unavailable(why.to_string()))
}

/// The test bank has changed its mind.
pub async fn test_bank_relents(ctx: Ctx, run: JobRun, job: jobs::TestBankRelents) -> Result<Ended, Problem> {
    let written = ctx.db.write((run, job), |tx, (run, job)| {
        Box::pin(async move {
            test_bank::relent(tx, job.key).await?;
            run.finish(tx).await
        })
    });
    Ok(written.await?)
}
