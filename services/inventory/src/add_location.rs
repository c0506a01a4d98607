//! Makes a location.

use ::store::{Tx, idempotency};
use contracts::Id;
use contracts::inventory::LocationId;
use platform::{Ctx, Staff};

use crate::edit_location::show_location;
use crate::error::Error;
use crate::location::{LOCATIONS_MAX, LocationView, NewLocation};
use crate::once::{self, Begun};
use crate::store;

struct Adding {
    staff: Staff<()>,
    key: Option<idempotency::Key>,
    id: LocationId,
    new: NewLocation,
}

/// Makes an active location with a name of its own. The flag says that the key made it before.
///
/// Errors: `LocationExists`, `TooManyLocations`.
pub async fn add_location(
    ctx: &Ctx,
    staff: Staff<()>,
    begun: Begun,
    new: NewLocation,
) -> Result<(LocationView, bool), Error> {
    let key = match begun {
        Begun::Made(id) => return Ok((show_location(ctx, LocationId::from_uuid(id)).await?, true)),
        Begun::New(key) => key,
    };
    let adding = Adding { staff, key: key.clone(), id: ctx.ids.next(), new };
    let id = adding.id.uuid();
    let is_mine = ctx.db.write(adding, |tx, adding| Box::pin(insert(tx, adding))).await?;
    let (id, repeat) = once::made(&ctx.db, key, is_mine, id).await?;
    Ok((show_location(ctx, LocationId::from_uuid(id)).await?, repeat))
}

/// `false`: the key made another one meanwhile.
async fn insert(tx: &mut Tx, adding: &Adding) -> Result<bool, Error> {
    let Adding { staff, key, id, new } = adding;
    if !once::claim(tx, key.as_ref(), 201, id.uuid()).await? {
        return Ok(false);
    }
    if !store::locations::insert(tx, *id, new).await? {
        return Err(match store::locations::named_in(tx, &new.name).await? {
            Some(_) => Error::LocationExists,
            None => Error::TooManyLocations { locations_max: LOCATIONS_MAX },
        });
    }
    staff.records(tx, "inventory.add_location", *id, &["name", "country", "priority"]);
    Ok(true)
}
