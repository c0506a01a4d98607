//! Renews the tokens of a session.

use contracts::customers::SessionId;
use jiff::Timestamp;
use platform::{Ctx, Problem};

use crate::desk::Desk;
use crate::log_in::Tokens;
use crate::log_out::{Which, end_in};
use crate::refresh_token::RefreshToken;
use crate::session::{EndedBecause, Session, Use};
use crate::{Error, store};

/// Each other try, another request used the token up in between.
const TRIES_MAX: usize = 3;

struct Rotation {
    session: SessionId,
    generation: i64,
    expires_at: Timestamp,
}

/// Takes a refresh token, once, and gives the next. A request that was sent twice within some seconds gets
/// the same next one again; a token that comes later than that was stolen, by whoever sends it or from
/// whoever used it: the session ends for both.
///
/// Errors: [`Error::SessionOver`].
pub async fn refresh(ctx: &Ctx, desk: &Desk, token: &str) -> Result<Tokens, Error> {
    let token = RefreshToken::read(token).ok_or(Error::SessionOver)?;
    for _ in 0..TRIES_MAX {
        let session = store::sessions::session(&ctx.db, token.session).await?;
        let session = session.filter(|session| token.is_of(session, &ctx.secrets)).ok_or(Error::SessionOver)?;
        match session.use_of(token.generation, ctx.clock.now()) {
            Use::Rotate => {
                if let Some(session) = rotate(ctx, session).await? {
                    return Ok(Tokens::of(ctx, desk, &session));
                }
            }
            Use::Again => return Ok(Tokens::of(ctx, desk, &session)),
            Use::Reused => return Err(end(ctx, session).await?),
            Use::Over => return Err(Error::SessionOver),
        }
    }
    Err(Problem::unavailable("a session was refreshed again and again meanwhile").into())
}

/// `None`: another request was faster.
async fn rotate(ctx: &Ctx, session: Session) -> Result<Option<Session>, Error> {
    let expires_at = session.expires_if_used(ctx.clock.now(), &ctx.config.customers);
    let rotation = Rotation { session: session.id, generation: session.generation, expires_at };
    let is_rotated = ctx.db.write(rotation, |tx, rotation| {
        Box::pin(store::sessions::rotate(tx, rotation.session, rotation.generation, rotation.expires_at))
    });
    let generation = session.generation + 1;
    Ok(is_rotated.await?.then_some(Session { generation, expires_at, ..session }))
}

/// Nobody knows who the thief is, so both log in again.
async fn end(ctx: &Ctx, session: Session) -> Result<Error, Error> {
    tracing::warn!(session = %session.id, customer = %session.customer, "a refresh token came again: its session ends");
    let ended = ctx.db.write((session.customer, session.id), |tx, (customer, session)| {
        Box::pin(end_in(tx, *customer, Which::This(*session), EndedBecause::TokenReused))
    });
    ctx.revoke_sessions(&ended.await?);
    Ok(Error::SessionOver)
}
