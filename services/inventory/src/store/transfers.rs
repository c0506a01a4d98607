//! The statements of transfers.

use contracts::inventory::TransferId;
use store::{Db, FromRow, Result, Row, Tx, name_values, params, rows, statements};

use crate::transfer::{Arrived, NewTransfer, TransferLineView, TransferListItem, TransferState};

name_values!(TransferState);

statements! {
    INSERT = "INSERT INTO inventory_transfer (id, from_location_id, to_location_id, state, note, created_at, updated_at)
        VALUES ($1, $2, $3, $4, $5, $6, $6)";
    INSERT_LINES = "INSERT INTO inventory_transfer_line (transfer_id, variant_id, quantity, received, lost)
        SELECT $1, variant_id, quantity, received, 0
        FROM @rows($2: variant_id @id, quantity @int, received @int) AS line WHERE true";
    LOCK = "SELECT id, from_location_id, to_location_id, state, note, created_at, updated_at
        FROM inventory_transfer WHERE id = $1 @for_update";
    SET_STATE = "UPDATE inventory_transfer SET state = $2, updated_at = $3 WHERE id = $1";
    ARRIVE = "UPDATE inventory_transfer_line SET received = received + more_received, lost = lost + more_lost
        FROM @rows($2: variant @id, more_received @int, more_lost @int) AS arrived
        WHERE transfer_id = $1 AND variant_id = variant";
    TRANSFER = "SELECT id, from_location_id, to_location_id, state, note, created_at, updated_at
        FROM inventory_transfer WHERE id = $1";
    // bounded: one transfer, at most transfer::LINES_MAX
    LINES = "SELECT variant_id, quantity, received, lost FROM inventory_transfer_line
        WHERE transfer_id = $1 ORDER BY variant_id";
    TRANSFERS = "SELECT id, from_location_id, to_location_id, state, note, created_at, updated_at
        FROM inventory_transfer WHERE id < $1 ORDER BY id DESC LIMIT $2";
    TRANSFERS_IN_STATE = "SELECT id, from_location_id, to_location_id, state, note, created_at, updated_at
        FROM inventory_transfer WHERE state = $1 AND id < $2 ORDER BY id DESC LIMIT $3";
}

impl FromRow for TransferListItem {
    fn from_row(row: &mut Row) -> Result<Self> {
        let (id, from, to, state) = (row.take()?, row.take()?, row.take()?, row.take()?);
        Ok(Self { id, from, to, state, note: row.take()?, created_at: row.take()?, updated_at: row.take()? })
    }
}

impl FromRow for TransferLineView {
    fn from_row(row: &mut Row) -> Result<Self> {
        Ok(Self { variant: row.take()?, quantity: row.take()?, received: row.take()?, lost: row.take()? })
    }
}

pub async fn insert(tx: &mut Tx, id: TransferId, new: &NewTransfer, state: TransferState) -> Result<()> {
    let now = tx.now();
    tx.exec(&INSERT, params![id, new.from, new.to, state, new.note, now]).await?;
    let is_there = state == TransferState::Received;
    let lines = new.lines.iter().map(|line| {
        let received = if is_there { line.quantity.get() } else { 0 };
        params![line.variant, line.quantity, received]
    });
    tx.exec(&INSERT_LINES, params![id, rows(lines)]).await.map(drop)
}

/// The transfer; nobody else changes it or its lines until this transaction ends.
pub async fn lock(tx: &mut Tx, id: TransferId) -> Result<Option<TransferListItem>> {
    tx.opt(&LOCK, params![id]).await
}

/// Its row is locked already.
pub async fn set_state(tx: &mut Tx, id: TransferId, state: TransferState) -> Result<()> {
    let now = tx.now();
    tx.exec(&SET_STATE, params![id, state, now]).await.map(drop)
}

pub async fn arrive(tx: &mut Tx, id: TransferId, arrived: &[Arrived]) -> Result<()> {
    let line = |line: &Arrived| params![line.variant, line.received, line.lost];
    tx.exec(&ARRIVE, params![id, rows(arrived.iter().map(line))]).await.map(drop)
}

pub async fn lines_in(tx: &mut Tx, id: TransferId) -> Result<Vec<TransferLineView>> {
    tx.all(&LINES, params![id]).await
}

pub async fn transfer(db: &Db, id: TransferId) -> Result<Option<TransferListItem>> {
    db.opt(&TRANSFER, params![id]).await
}

pub async fn lines(db: &Db, id: TransferId) -> Result<Vec<TransferLineView>> {
    db.all(&LINES, params![id]).await
}

pub async fn transfers(
    db: &Db,
    state: Option<TransferState>,
    before: TransferId,
    limit: i64,
) -> Result<Vec<TransferListItem>> {
    match state {
        Some(state) => db.all(&TRANSFERS_IN_STATE, params![state, before, limit]).await,
        None => db.all(&TRANSFERS, params![before, limit]).await,
    }
}
