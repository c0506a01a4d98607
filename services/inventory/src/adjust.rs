//! Puts stock on a shelf, or takes it off, and says why.

use ::store::{Tx, idempotency};
use contracts::Id;
use contracts::catalog::VariantId;
use contracts::inventory::{LocationId, MovementId};
use platform::{Ctx, Problem, Staff};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::book::book_as;
use crate::error::Error;
use crate::known::must_be_known;
use crate::level::{LevelView, UNITS_MAX};
use crate::movement::{AdjustReason, Movement};
use crate::once::{self, Begun};
use crate::store;

#[derive(Debug, Clone, Deserialize, garde::Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StockAdjustment {
    #[garde(skip)]
    pub variant: VariantId,
    #[garde(skip)]
    pub location: LocationId,
    /// Sales units that came (positive) or went (negative); never zero.
    #[garde(range(min = -UNITS_MAX, max = UNITS_MAX))]
    #[schema(example = 20, minimum = -1_000_000_000, maximum = 1_000_000_000)]
    pub quantity: i64,
    /// `received`, `found` and `returned` bring goods, `damaged` and `lost` take them away; `correction` does either.
    #[garde(skip)]
    pub reason: AdjustReason,
    /// For the ledger. About the goods, not about people.
    #[serde(default)]
    #[garde(length(chars, min = 1, max = 200))]
    #[schema(example = "delivery 4711", min_length = 1, max_length = 200)]
    pub note: Option<String>,
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
/// Errors: `BelowZero`; field problems where the variant or the location is unknown, or the reason means another
/// direction.
pub async fn adjust(
    ctx: &Ctx,
    staff: Staff<()>,
    begun: Begun,
    asked: StockAdjustment,
) -> Result<(LevelView, bool), Error> {
    let key = match begun {
        Begun::Made(movement) => return Ok((moved(ctx, MovementId::from_uuid(movement)).await?, true)),
        Begun::New(key) => key,
    };
    if !asked.reason.fits(asked.quantity) {
        let mend = "`received`, `found` and `returned` bring goods, `damaged` and `lost` take them away, `correction` does either";
        return Err(Problem::field("/quantity", format!("does not fit its reason: {mend}; and it is never 0")).into());
    }
    must_be_known(ctx, &[asked.variant], |_| "/variant".to_owned()).await?;
    must_be_there(ctx, asked.location, "/location").await?;
    let adjusting = Adjusting { staff, key: key.clone(), movement: ctx.ids.next(), asked };
    let movement = adjusting.movement.uuid();
    let is_mine = ctx.db.write(adjusting, |tx, adjusting| Box::pin(change(tx, adjusting))).await?;
    let (movement, repeat) = once::made(&ctx.db, key, is_mine, movement).await?;
    Ok((moved(ctx, MovementId::from_uuid(movement)).await?, repeat))
}

/// `false`: the key did it meanwhile.
async fn change(tx: &mut Tx, adjusting: &Adjusting) -> Result<bool, Error> {
    let Adjusting { staff, key, movement: id, asked } = adjusting;
    if !once::claim(tx, key.as_ref(), 201, id.uuid()).await? {
        return Ok(false);
    }
    let StockAdjustment { variant, location, quantity, reason, ref note } = *asked;
    store::lock_variants(tx, &[variant]).await?;
    store::add_levels(tx, [(variant, location)]).await?;
    let movement = Movement::adjusted(variant, location, quantity, reason, note.clone());
    if !book_as(tx, &[(*id, &movement)]).await? {
        return Err(Error::BelowZero);
    }
    staff.records(tx, "inventory.adjust_stock", variant, &["on_hand"]);
    Ok(true)
}

async fn moved(ctx: &Ctx, movement: MovementId) -> Result<LevelView, Error> {
    let (variant, location) = store::ledger::moved_level(&ctx.db, movement).await?;
    Ok(store::level(&ctx.db, variant, location).await?)
}

/// A field problem where a body names a location that the shop doesn't have.
pub async fn must_be_there(ctx: &Ctx, location: LocationId, pointer: &str) -> Result<(), Problem> {
    if store::locations::location(&ctx.db, location).await?.is_some() {
        return Ok(());
    }
    Err(Problem::field(pointer, format!("there is no location {location}: `GET /v1/admin/locations` lists them")))
}
