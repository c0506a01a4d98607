//! Makes a zone with its methods.

use ::store::{Tx, idempotency};
use contracts::Id;
use contracts::shipping::{ShippingMethodId, ShippingZoneId};
use platform::http::{Body, OptionalKey, Replay, replayed};
use platform::{Ctx, Staff, can};

use crate::error::Error;
use crate::method::MethodToAdd;
use crate::show_zones::view_one;
use crate::store::zones as store;
use crate::zone::{NewShippingZone, Rule, ShippingZoneView};

const ROUTE: &str = "POST /v1/admin/shipping/zones";

struct Adding {
    staff: Staff<()>,
    key: Option<idempotency::Key>,
    id: ShippingZoneId,
    zone: NewShippingZone,
    rules: Vec<Rule>,
    methods: Vec<(ShippingMethodId, MethodToAdd)>,
}

/// Makes a zone. The flag says that the key made it before.
///
/// Errors: `ZoneExists`; field problems for what serves nobody and for methods that fit no market.
pub async fn add(
    ctx: &Ctx,
    staff: Staff<can::ShippingWrite>,
    key: OptionalKey,
    body: Body<NewShippingZone>,
) -> Result<(ShippingZoneView, bool), Error> {
    let key = match key.look_up(&ctx.db, staff.principal(), ROUTE, &body).await? {
        Some(Replay::Made(made)) => return Ok((view_one(ctx, ShippingZoneId::from_uuid(made.resource)).await?, true)),
        Some(Replay::New(key)) => Some(key),
        None => None,
    };
    let (rules, methods) = body.check(&ctx.config)?;
    let id: ShippingZoneId = ctx.ids.next();
    let methods = methods.into_iter().map(|method| (ctx.ids.next(), MethodToAdd { zone: Some(id), ..method }));
    let methods = methods.collect();
    let adding = Adding { staff: staff.actor(), key: key.clone(), id, zone: body.into_inner(), rules, methods };
    let is_mine = ctx.db.write(adding, |tx, adding| Box::pin(insert(tx, adding))).await?;
    match key {
        Some(key) if !is_mine => {
            let made = replayed(&ctx.db, &key).await?;
            Ok((view_one(ctx, ShippingZoneId::from_uuid(made.resource)).await?, true))
        }
        _ => Ok((view_one(ctx, id).await?, false)),
    }
}

/// `false`: the key made another one meanwhile.
async fn insert(tx: &mut Tx, adding: &Adding) -> Result<bool, Error> {
    if let Some(key) = &adding.key
        && !idempotency::claim(tx, key, 201, adding.id.uuid()).await?
    {
        return Ok(false);
    }
    if !store::insert_zone(tx, adding.id, &adding.zone, &adding.rules).await? {
        return Err(Error::ZoneExists);
    }
    store::insert_methods(tx, &adding.methods).await?;
    adding.staff.records(tx, "shipping.add_zone", adding.id, &["name", "countries", "areas", "methods"]);
    Ok(true)
}
