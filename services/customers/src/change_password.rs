//! Changes a customer's own password.

use ::store::Tx;
use contracts::customers::SessionId;
use garde::Validate;
use platform::{ClientAddress, Ctx, Problem, Session};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::desk::Desk;
use crate::email::Email;
use crate::log_out::{Which, end_in};
use crate::password::{self, Password};
use crate::session::EndedBecause;
use crate::throttle::Throttle;
use crate::{Error, store};

/// Changes the password.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangePassword {
    /// The one until now.
    #[garde(custom(password::is_short_enough))]
    #[schema(value_type = String, format = "password", max_length = 256)]
    pub current_password: Password,
    /// 8 to 256 characters of any kind; the first ones that anyone would try are refused.
    #[garde(custom(password::has_length))]
    #[schema(value_type = String, format = "password", min_length = 8, max_length = 256)]
    pub new_password: Password,
}

struct Change {
    session: Session,
    hash_before: String,
    hash_after: String,
    throttle: Throttle,
}

/// Sets another password, for who knows the one until now, and ends every other session. A guess counts as
/// a try to log in.
///
/// Errors: [`Error::TooManyTries`], [`Error::Busy`], problems of fields.
pub async fn change_password(
    ctx: &Ctx,
    desk: &Desk,
    from: ClientAddress,
    session: Session,
    body: ChangePassword,
) -> Result<(), Error> {
    let found = store::accounts::credentials_of(&ctx.db, session.customer).await?;
    let (email, hash_before) = found.ok_or(Error::NotFound)?;
    body.new_password.must_be_hard_to_guess("/new_password", &email)?;
    let throttle = Throttle::log_in(ctx, &Email::parse(&email)?, from);
    throttle.count(ctx, desk).await?;
    if !desk.hasher.is_right(body.current_password, Some(hash_before.clone())).await? {
        return Err(another_by_now());
    }
    let hash_after = desk.hasher.hash(body.new_password).await?;
    let change = Change { session, hash_before, hash_after, throttle };
    let ended = ctx.db.write(change, |tx, change| Box::pin(set(tx, change))).await?;
    ctx.revoke_sessions(&ended);
    Ok(())
}

async fn set(tx: &mut Tx, change: &Change) -> Result<Vec<SessionId>, Error> {
    let Change { session, hash_before, hash_after, throttle } = change;
    // Changed in between: what was sent is not the one until now any more.
    if !store::accounts::set_password(tx, session.customer, hash_before, hash_after).await? {
        return Err(another_by_now());
    }
    throttle.forgive(tx).await?;
    end_in(tx, session.customer, Which::Others(session.session), EndedBecause::PasswordChanged).await
}

fn another_by_now() -> Error {
    Problem::field("/current_password", "is not the password of this account").into()
}
