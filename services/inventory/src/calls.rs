//! What inventory answers to other services: facts for `souk audit`.

use contracts::Id;
use contracts::catalog::VariantId;
use contracts::inventory::{InventoryLevelFacts, InventoryOrderFact, InventoryOrderFacts, LevelFact, LocationId};
use platform::{Ctx, Problem};
use uuid::Uuid;

use crate::store;

const FACTS_MAX: usize = 500;

pub async fn level_facts(ctx: Ctx, call: InventoryLevelFacts) -> Result<Vec<LevelFact>, Problem> {
    let start = (VariantId::from_uuid(Uuid::nil()), LocationId::from_uuid(Uuid::nil()));
    let limit = call.limit.clamp(1, FACTS_MAX as i64);
    Ok(store::facts::levels(&ctx.db, call.after.unwrap_or(start), limit).await?)
}

/// Orders that inventory never heard of are left out.
pub async fn order_facts(ctx: Ctx, call: InventoryOrderFacts) -> Result<Vec<InventoryOrderFact>, Problem> {
    if call.orders.len() > FACTS_MAX {
        return Err(Problem::field("/orders", format!("asks for {} orders; at most {FACTS_MAX}", call.orders.len())));
    }
    Ok(store::facts::orders(&ctx.db, &call.orders).await?)
}
