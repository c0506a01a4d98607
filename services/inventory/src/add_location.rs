//! Makes a location.

use ::store::{Tx, idempotency};
use contracts::Id;
use contracts::inventory::LocationId;
use platform::http::{Body, OptionalKey, Replay, replayed};
use platform::{Ctx, Staff, can};

use crate::error::Error;
use crate::location::{LocationView, NewLocation};
use crate::store;

const ROUTE: &str = "POST /v1/admin/locations";

struct Adding {
    staff: Staff<()>,
    key: Option<idempotency::Key>,
    id: LocationId,
    name: String,
}

/// Makes a location with a name of its own. The flag says that the key made it before.
///
/// Errors: `LocationExists`.
pub async fn add(
    ctx: &Ctx,
    staff: Staff<can::InventoryWrite>,
    key: OptionalKey,
    body: Body<NewLocation>,
) -> Result<(LocationView, bool), Error> {
    let key = match key.look_up(&ctx.db, staff.principal(), ROUTE, &body).await? {
        Some(Replay::Made(made)) => return Ok((view(ctx, LocationId::from_uuid(made.resource)).await?, true)),
        Some(Replay::New(key)) => Some(key),
        None => None,
    };
    let adding = Adding { staff: staff.actor(), key: key.clone(), id: ctx.ids.next(), name: body.into_inner().name };
    let id = adding.id;
    let is_mine = ctx.db.write(adding, |tx, adding| Box::pin(insert(tx, adding))).await?;
    match key {
        Some(key) if !is_mine => {
            let made = replayed(&ctx.db, &key).await?;
            Ok((view(ctx, LocationId::from_uuid(made.resource)).await?, true))
        }
        _ => Ok((view(ctx, id).await?, false)),
    }
}

/// `false`: the key made another one meanwhile.
async fn insert(tx: &mut Tx, adding: &Adding) -> Result<bool, Error> {
    if let Some(key) = &adding.key
        && !idempotency::claim(tx, key, 201, adding.id.uuid()).await?
    {
        return Ok(false);
    }
    if !store::insert_location(tx, adding.id, &adding.name).await? {
        return Err(Error::LocationExists);
    }
    adding.staff.records(tx, "inventory.add_location", adding.id, &["name"]);
    Ok(true)
}

async fn view(ctx: &Ctx, id: LocationId) -> Result<LocationView, Error> {
    let view = store::location(&ctx.db, id).await?;
    view.ok_or_else(|| platform::Problem::internal(format!("{id} was made and is gone")).into())
}
