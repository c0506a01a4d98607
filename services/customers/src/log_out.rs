//! Logs a customer out, here or everywhere.

use ::store::Tx;
use contracts::customers::{CustomerId, SessionId, SessionRevoked};
use platform::{Ctx, Session};

use crate::refresh_token::RefreshToken;
use crate::session::EndedBecause;
use crate::{Error, store};

/// Which sessions of a customer end.
#[derive(Debug, Clone, Copy)]
pub enum Which {
    This(SessionId),
    All,
    Others(SessionId),
}

/// Ends a session: its tokens stop working at once, in this process and by `session.revoked` in all others.
pub async fn log_out(ctx: &Ctx, session: Session) -> Result<(), Error> {
    end(ctx, session.customer, Which::This(session.session), EndedBecause::LoggedOut).await
}

/// Ends the session of a browser whose access token has run out; one that is over stays so.
pub async fn log_out_with(ctx: &Ctx, refresh_token: &str) -> Result<(), Error> {
    let Some(token) = RefreshToken::read(refresh_token) else { return Ok(()) };
    match store::sessions::session(&ctx.db, token.session).await? {
        Some(session) if token.is_of(&session, &ctx.secrets) => {
            end(ctx, session.customer, Which::This(session.id), EndedBecause::LoggedOut).await
        }
        _ => Ok(()),
    }
}

/// Ends every session of the customer.
pub async fn log_out_everywhere(ctx: &Ctx, customer: CustomerId) -> Result<(), Error> {
    end(ctx, customer, Which::All, EndedBecause::LoggedOutEverywhere).await
}

async fn end(ctx: &Ctx, customer: CustomerId, which: Which, because: EndedBecause) -> Result<(), Error> {
    let ended = ctx.db.write((customer, which, because), |tx, (customer, which, because)| {
        Box::pin(end_in(tx, *customer, *which, *because))
    });
    let ended = ended.await?;
    ctx.revoke_sessions(&ended);
    Ok(())
}

/// Ends sessions within a transaction, and says so; the caller refuses them in its process after the commit.
pub async fn end_in(
    tx: &mut Tx,
    customer: CustomerId,
    which: Which,
    because: EndedBecause,
) -> Result<Vec<SessionId>, Error> {
    let sessions = match which {
        Which::This(session) => store::sessions::end(tx, customer, session, because).await?,
        Which::All => store::sessions::end_all(tx, customer, because).await?,
        Which::Others(kept) => store::sessions::end_others(tx, customer, kept, because).await?,
    };
    if !sessions.is_empty() {
        tx.say(&SessionRevoked { customer, sessions: sessions.clone() });
    }
    Ok(sessions)
}
