//! Puts stock on a shelf, or takes it off.

use ::store::{Tx, idempotency};
use contracts::Id;
use contracts::catalog::VariantId;
use contracts::inventory::{LocationId, MovementId, StockPolicy};
use platform::http::{Body, OptionalKey, Replay, replayed};
use platform::{Ctx, Problem, Staff, can};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::book::book_as;
use crate::error::Error;
use crate::level::LevelView;
use crate::movement::Movement;
use crate::store;

const ROUTE: &str = "POST /v1/admin/stock/adjustments";
const UNITS_MAX: i64 = 1_000_000_000;

#[derive(Debug, Clone, Deserialize, garde::Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StockAdjustment {
    #[garde(skip)]
    pub variant: VariantId,
    #[garde(skip)]
    pub location: LocationId,
    /// Sales units that came (positive) or went (negative); never zero.
    #[garde(custom(is_change))]
    #[schema(example = 20, minimum = -1_000_000_000, maximum = 1_000_000_000)]
    pub quantity: i64,
    /// For the ledger. About the goods, not about people.
    #[garde(length(chars, min = 1, max = 200))]
    #[schema(example = "delivery 4711", min_length = 1, max_length = 200)]
    pub reason: String,
    /// From now on; a new level denies what is not there.
    #[serde(default)]
    #[garde(skip)]
    pub policy: Option<StockPolicy>,
    /// At or below this many available, the variant is `low`; 0 on a new level.
    #[serde(default)]
    #[garde(range(min = 0, max = UNITS_MAX))]
    #[schema(minimum = 0, maximum = 1_000_000_000)]
    pub low_threshold: Option<i64>,
}

fn is_change(quantity: &i64, _: &()) -> garde::Result {
    if *quantity != 0 && (-UNITS_MAX..=UNITS_MAX).contains(quantity) {
        Ok(())
    } else {
        Err(garde::Error::new(format!("is a whole number from -{UNITS_MAX} to {UNITS_MAX} and not 0")))
    }
}

struct Adjusting {
    staff: Staff<()>,
    key: Option<idempotency::Key>,
    movement: MovementId,
    asked: StockAdjustment,
}

/// Changes what is on hand, making the level where there is none. Answers with the level as it is
/// then; the flag says that the key did it before.
///
/// Errors: `BelowZero`.
pub async fn adjust(
    ctx: &Ctx,
    staff: Staff<can::InventoryWrite>,
    key: OptionalKey,
    body: Body<StockAdjustment>,
) -> Result<(LevelView, bool), Error> {
    let key = match key.look_up(&ctx.db, staff.principal(), ROUTE, &body).await? {
        Some(Replay::Made(made)) => return Ok((moved(ctx, MovementId::from_uuid(made.resource)).await?, true)),
        Some(Replay::New(key)) => Some(key),
        None => None,
    };
    let asked = body.into_inner();
    if store::location(&ctx.db, asked.location).await?.is_none() {
        let detail = format!("there is no location {}: `GET /v1/admin/locations` lists them", asked.location);
        return Err(Problem::field("/location", detail).into());
    }
    let adjusting = Adjusting { staff: staff.actor(), key: key.clone(), movement: ctx.ids.next(), asked };
    let movement = adjusting.movement;
    let is_mine = ctx.db.write(adjusting, |tx, adjusting| Box::pin(change(tx, adjusting))).await?;
    match key {
        Some(key) if !is_mine => {
            let made = replayed(&ctx.db, &key).await?;
            Ok((moved(ctx, MovementId::from_uuid(made.resource)).await?, true))
        }
        _ => Ok((moved(ctx, movement).await?, false)),
    }
}

/// `false`: the key did it meanwhile.
async fn change(tx: &mut Tx, adjusting: &Adjusting) -> Result<bool, Error> {
    let Adjusting { staff, key, movement: id, asked } = adjusting;
    if let Some(key) = key
        && !idempotency::claim(tx, key, 201, id.uuid()).await?
    {
        return Ok(false);
    }
    store::lock_variants(tx, &[asked.variant]).await?;
    store::set_level(tx, (asked.variant, asked.location), asked.policy, asked.low_threshold).await?;
    let movement = Movement::adjusted(asked.variant, asked.location, asked.quantity, &asked.reason);
    if !book_as(tx, &[(*id, &movement)]).await? {
        return Err(Error::BelowZero);
    }
    let mut fields = vec!["on_hand"];
    fields.extend(asked.policy.map(|_| "policy"));
    fields.extend(asked.low_threshold.map(|_| "low_threshold"));
    staff.records(tx, "inventory.adjust_stock", asked.variant, &fields);
    Ok(true)
}

async fn moved(ctx: &Ctx, movement: MovementId) -> Result<LevelView, Error> {
    let (variant, location) = store::moved_level(&ctx.db, movement).await?;
    Ok(store::level(&ctx.db, variant, location).await?)
}
