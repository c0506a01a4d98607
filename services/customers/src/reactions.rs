//! Reactions.

use ::store::Tx;
use contracts::customers::AuditRecorded;
use platform::{Ctx, Outcome, Problem};

use crate::chain::AuditEntry;
use crate::jobs::Seal;
use crate::store::staff as store;

/// Keeps the entry, and has it sealed. In any order: the chain is in order of sealing, the log in order of ids.
pub async fn on_audit_recorded(_: &Ctx, tx: &mut Tx, event: &AuditRecorded) -> Result<Outcome, Problem> {
    let entry = AuditEntry {
        id: event.entry,
        staff: event.staff,
        key: event.key,
        action: event.action.clone(),
        subject: event.subject.clone(),
        fields: event.fields.clone(),
        request_id: event.request_id,
        at: event.at,
    };
    if store::insert_entry(tx, &entry).await? {
        let (seal, due) = Seal::after(tx.now());
        tx.start_at(&seal, due);
    }
    Ok(Outcome::Done)
}
