//! Writes down what staff want to remember of an order. The buyer does not see it.

use ::store::Tx;
use ::store::idempotency::{self, Key};
use contracts::Id;
use contracts::orders::{OrderId, OrderNoteId};
use platform::http::{Body, OptionalKey, Replay, replayed};
use platform::{Ctx, Problem, Staff};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::error::Error;
use crate::view::{OrderNote, OrderView};
use crate::{read, store};

const ROUTE: &str = "POST /v1/admin/orders/{order}/notes";

/// A note on an order, for staff.
#[derive(Debug, Clone, Serialize, Deserialize, garde::Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AddOrderNote {
    #[garde(length(chars, min = 1, max = 2_000))]
    #[schema(example = "Called: will be at home on Friday.", min_length = 1, max_length = 2_000)]
    pub text: String,
}

/// The order with the note.
pub struct Noted {
    pub view: OrderView,
    /// The key made this note before.
    pub is_repeat: bool,
}

pub async fn add(
    ctx: &Ctx,
    order: OrderId,
    staff: Staff<()>,
    key: OptionalKey,
    body: Body<AddOrderNote>,
) -> Result<Noted, Error> {
    let key = match key.look_up(&ctx.db, staff.principal(), ROUTE, &body).await? {
        Some(Replay::Made(made)) => return repeat(ctx, OrderNoteId::from_uuid(made.resource)).await,
        Some(Replay::New(key)) => Some(key),
        None => None,
    };
    let text = body.into_inner().text;
    let note = OrderNote { id: ctx.ids.next(), staff: staff.id, text, written_at: ctx.clock.now() };
    let input = (key.clone(), order, staff, note);
    let written =
        ctx.db.write(input, |tx, (key, order, staff, note)| Box::pin(write(tx, key.as_ref(), *order, staff, note)));
    match (written.await?, key) {
        (Written::Done, _) => Ok(Noted { view: read::for_staff(ctx, order).await?, is_repeat: false }),
        (Written::KeyTaken, Some(key)) => {
            let made = replayed(&ctx.db, &key).await?;
            repeat(ctx, OrderNoteId::from_uuid(made.resource)).await
        }
        (Written::KeyTaken, None) => Err(Problem::internal("a key was taken that was not sent").into()),
    }
}

enum Written {
    Done,
    /// A faster request with the same key.
    KeyTaken,
}

async fn write(
    tx: &mut Tx,
    key: Option<&Key>,
    order: OrderId,
    staff: &Staff<()>,
    note: &OrderNote,
) -> Result<Written, Error> {
    if let Some(key) = key
        && !idempotency::claim(tx, key, 201, note.id.uuid()).await?
    {
        return Ok(Written::KeyTaken);
    }
    if !store::insert_note(tx, order, note).await? {
        return Err(Error::NotFound);
    }
    staff.records(tx, "orders.add_note", order, &["notes"]);
    Ok(Written::Done)
}

async fn repeat(ctx: &Ctx, note: OrderNoteId) -> Result<Noted, Error> {
    let order = store::order_of_note(&ctx.db, note).await?.ok_or(Error::NotFound)?;
    Ok(Noted { view: read::for_staff(ctx, order).await?, is_repeat: true })
}
