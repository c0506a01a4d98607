//! A gateway tells by itself that something became of a charge. What it says is a hint: a job asks it,
//! so that an event that is doubled, late, early or forged changes nothing that is not so.

use ::store::Tx;
use contracts::payments::AttemptId;
use platform::problem::FieldProblem;
use platform::{Ctx, Ended, JobRun, Problem};

use crate::error::Error;
use crate::gateway::{ChargeName, Gateway, GatewayEvent, NotHeard};
use crate::test_bank::{self, TestBank};
use crate::{jobs, settle, store};

/// Notes an event, once by its id.
///
/// Errors: `NoEvents`, `BadSignature`, a problem with the body.
pub async fn receive(ctx: &Ctx, method: &str, signature: Option<&str>, body: &[u8]) -> Result<(), Error> {
    let gateway = Gateway::of(ctx, method).map_err(|_| Error::NoEvents)?;
    let event = gateway.event(signature, body, ctx.clock.now()).map_err(|why| match why {
        NotHeard::NoEvents => Error::NoEvents,
        NotHeard::Unsigned => Error::BadSignature,
        NotHeard::Unreadable(detail) => {
            Problem::malformed(vec![FieldProblem { pointer: String::new(), detail }]).into()
        }
    })?;
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
