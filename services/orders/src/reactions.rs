//! What orders hears: every event takes the same path.

use ::store::Tx;
use platform::{Ctx, Outcome, Problem};

use crate::advance;
use crate::saga::Happening;

pub async fn hear<E>(ctx: &Ctx, tx: &mut Tx, event: &E) -> Result<Outcome, Problem>
where
    for<'a> Happening<'a>: From<&'a E>,
{
    advance::advance(ctx, tx, event.into()).await
}
