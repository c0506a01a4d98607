//! Books movements: levels, ledger and availability change together.

use ::store::Tx;
use contracts::catalog::VariantId;
use contracts::inventory::MovementId;
use platform::fault;

use crate::movement::{Movement, MovementKind};
use crate::store;

/// Books movements under new ids; see [`book_as`].
pub async fn book(tx: &mut Tx, movements: &[Movement]) -> Result<bool, ::store::Error> {
    let ids = tx.ids().clone();
    let ledger: Vec<(MovementId, &Movement)> = movements.iter().map(|movement| (ids.next(), movement)).collect();
    book_as(tx, &ledger).await
}

/// Changes each movement's level and writes it into the ledger; says each variant whose availability flips.
/// The variants are locked already.
///
/// `false`: a movement would break a rule (hold more than is there, take away more than lies there). Then
/// the caller undoes its transaction.
pub async fn book_as(tx: &mut Tx, ledger: &[(MovementId, &Movement)]) -> Result<bool, ::store::Error> {
    if ledger.is_empty() {
        return Ok(true);
    }
    let is_hold = ledger.iter().all(|(_, movement)| movement.kind == MovementKind::Reserved);
    if is_hold && fault::planted("bug.inventory.oversells") {
        return Ok(true);
    }
    if store::move_levels(tx, ledger).await? != ledger.len() as u64 {
        return Ok(false);
    }
    store::record(tx, ledger).await?;
    flip(tx, ledger.iter().map(|(_, movement)| movement.variant)).await?;
    Ok(true)
}

/// Brings the availability of these variants up to date, which are locked already, and says each that flips.
pub async fn flip(tx: &mut Tx, variants: impl IntoIterator<Item = VariantId>) -> Result<(), ::store::Error> {
    for flipped in store::flip(tx, variants).await? {
        tx.say(&flipped);
    }
    Ok(())
}
