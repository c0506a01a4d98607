//! I1 no oversell, I2 each reservation ends once: levels beside their ledger and holds.

use contracts::inventory::{InventoryLevelFacts, LevelFact, StockPolicy};
use platform::Problem;

use super::{Audit, PAGE};

pub(super) async fn check(audit: &mut Audit<'_>) -> Result<(), Problem> {
    let mut after = None;
    loop {
        let levels = audit.ctx.call(InventoryLevelFacts { after, limit: PAGE }).await?;
        let Some(last) = levels.last() else { return Ok(()) };
        after = Some((last.variant, last.location));
        for level in &levels {
            if audit.is_settled(level.updated_at) {
                check_level(audit, level);
            }
        }
    }
}

fn check_level(audit: &mut Audit<'_>, level: &LevelFact) {
    audit.levels += 1;
    let subject = format!("{} at {}", level.variant, level.location);
    let promised = level.reserved - level.shortfall;
    let fits = level.policy != StockPolicy::Deny || (level.on_hand >= 0 && promised <= level.on_hand);
    audit.must(fits, "I1", &subject, || format!("{promised} units are promised of {} on hand", level.on_hand));
    let held = level.held == level.reserved;
    audit.must(held, "I1", &subject, || {
        format!("orders hold {} units, the level says {} are reserved", level.held, level.reserved)
    });
    let counted = level.ledger_on_hand == level.on_hand;
    audit.must(counted, "I2", &subject, || {
        format!("the ledger sums to {} on hand, the level says {}", level.ledger_on_hand, level.on_hand)
    });
    let booked = level.ledger_reserved == level.reserved;
    audit.must(booked, "I2", &subject, || {
        format!("the ledger sums to {} reserved, the level says {}", level.ledger_reserved, level.reserved)
    });
}
