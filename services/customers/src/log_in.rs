//! Logs a customer in.

use ::store::Tx;
use contracts::customers::{CustomerId, SessionId, SessionRevoked};
use jiff::Timestamp;
use platform::auth::new_secret;
use platform::{ClientAddress, Ctx};

use crate::desk::Desk;
use crate::email::Email;
use crate::password::Password;
use crate::refresh_token::RefreshToken;
use crate::session::Session;
use crate::throttle::Throttle;
use crate::{Error, store};

/// What a session works with. `Debug` hides the tokens.
pub struct Tokens {
    pub session: SessionId,
    pub customer: CustomerId,
    /// For ten minutes, to send with each request.
    pub access: String,
    /// Once, for the next two.
    pub refresh: String,
    /// When the session ends if it is not refreshed before.
    pub expires_at: Timestamp,
}

struct Beginning {
    session: Session,
    /// Of the password that was right.
    hash: String,
    throttle: Throttle,
}

/// Begins a session. Whether the e-mail has no account or the password is another one can't be told, neither
/// by the answer nor by its time.
///
/// Errors: [`Error::WrongCredentials`], [`Error::TooManyTries`], [`Error::Busy`].
pub async fn log_in(
    ctx: &Ctx,
    desk: &Desk,
    from: ClientAddress,
    email: &str,
    password: Password,
) -> Result<Tokens, Error> {
    let email = Email::parse(email)?;
    let throttle = Throttle::log_in(ctx, &email, from);
    throttle.count(ctx, desk).await?;
    let account = store::accounts::credentials(&ctx.db, email.as_str()).await?;
    let is_right = desk.hasher.is_right(password, account.as_ref().map(|(_, hash)| hash.clone())).await?;
    let (customer, hash) = account.filter(|_| is_right).ok_or(Error::WrongCredentials)?;

    let now = ctx.clock.now();
    let session = Session::begin(ctx.ids.next(), customer, new_secret(""), now, &ctx.config.customers);
    let tokens = Tokens::of(ctx, desk, &session);
    let beginning = Beginning { session, hash, throttle };
    let ended = ctx.db.write(beginning, |tx, beginning| Box::pin(begin(tx, beginning))).await?;
    ctx.revoke_sessions(&ended);
    Ok(tokens)
}

/// While the password was looked at, another one may have been set, which ended every other session: this one
/// must not begin after that.
async fn begin(tx: &mut Tx, beginning: &Beginning) -> Result<Vec<SessionId>, Error> {
    let Beginning { session, hash, throttle } = beginning;
    if !store::sessions::begin(tx, session, hash).await? {
        return Err(Error::WrongCredentials);
    }
    throttle.forgive(tx).await?;
    let ended = store::sessions::end_beyond(tx, session.customer).await?;
    if !ended.is_empty() {
        tx.say(&SessionRevoked { customer: session.customer, sessions: ended.clone() });
    }
    Ok(ended)
}

impl Tokens {
    /// A new access token, and the refresh token of the session's generation.
    pub fn of(ctx: &Ctx, desk: &Desk, session: &Session) -> Self {
        Self {
            session: session.id,
            customer: session.customer,
            access: desk.signer.sign(session.customer, session.id, ctx.clock.now()),
            refresh: RefreshToken::of(session, &ctx.secrets),
            expires_at: session.expires_at,
        }
    }
}

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tokens").field("session", &self.session).finish_non_exhaustive()
    }
}
