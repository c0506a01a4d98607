//! Adds a method to a zone, or a place where buyers fetch their goods.

use ::store::{Tx, idempotency};
use contracts::Id;
use contracts::shipping::ShippingMethodId;
use platform::http::{Body, OptionalKey, Replay, replayed};
use platform::{Ctx, Problem, Staff, can};

use crate::error::Error;
use crate::method::{MethodToAdd, NewShippingMethod, ShippingMethodView};
use crate::show_zones::view_method;
use crate::store::zones as store;
use crate::zone::ZONE_METHODS_MAX;

const ROUTE: &str = "POST /v1/admin/shipping/methods";

struct Adding {
    staff: Staff<()>,
    key: Option<idempotency::Key>,
    id: ShippingMethodId,
    method: MethodToAdd,
}

/// Makes a method. The flag says that the key made it before.
///
/// Errors: `TooManyMethods`; field problems for a zone that is none and for rates that fit no market.
pub async fn add(
    ctx: &Ctx,
    staff: Staff<can::ShippingWrite>,
    key: OptionalKey,
    body: Body<NewShippingMethod>,
) -> Result<(ShippingMethodView, bool), Error> {
    let key = match key.look_up(&ctx.db, staff.principal(), ROUTE, &body).await? {
        Some(Replay::Made(made)) => {
            return Ok((view_method(ctx, ShippingMethodId::from_uuid(made.resource)).await?, true));
        }
        Some(Replay::New(key)) => Some(key),
        None => None,
    };
    let adding =
        Adding { staff: staff.actor(), key: key.clone(), id: ctx.ids.next(), method: body.check(&ctx.config)? };
    let id = adding.id;
    let is_mine = ctx.db.write(adding, |tx, adding| Box::pin(insert(tx, adding))).await?;
    match key {
        Some(key) if !is_mine => {
            let made = replayed(&ctx.db, &key).await?;
            Ok((view_method(ctx, ShippingMethodId::from_uuid(made.resource)).await?, true))
        }
        _ => Ok((view_method(ctx, id).await?, false)),
    }
}

/// `false`: the key made another one meanwhile.
async fn insert(tx: &mut Tx, adding: &Adding) -> Result<bool, Error> {
    let Adding { staff, key, id, method } = adding;
    if let Some(key) = key
        && !idempotency::claim(tx, key, 201, id.uuid()).await?
    {
        return Ok(false);
    }
    if let Some(zone) = method.zone {
        if !store::lock_zone(tx, zone).await? {
            return Err(Problem::field("/zone", format!("there is no zone {zone}")).into());
        }
        let most = i64::try_from(ZONE_METHODS_MAX).unwrap_or(i64::MAX);
        if store::count_methods(tx, zone).await? >= most {
            return Err(Error::TooManyMethods { most });
        }
    }
    store::insert_methods(tx, &[(*id, method.clone())]).await?;
    staff.records(tx, "shipping.add_method", id, &["zone", "pickup", "name", "tax_class", "rates"]);
    Ok(true)
}
