//! Staff, their keys, and the audit log.

use ::store::{Db, FromRow, Json, Result, Row, Tx, params, rows, statements};
use contracts::Id;
use contracts::customers::{ApiKeyId, AuditEntryId, Role, StaffId};
use jiff::Timestamp;
use uuid::Uuid;

use crate::add_key::{KEYS_MAX, KeyToAdd};
use crate::add_staff::StaffToAdd;
use crate::audit_log::AuditEntryView;
use crate::chain::{AuditEntry, Head};
use crate::staff::{StaffKeyView, StaffView};

statements! {
    INSERT_STAFF = "INSERT INTO customers_staff (id, email, role, active, created_at)
        VALUES ($1, $2, $3, true, $4) ON CONFLICT (email) DO NOTHING";
    INSERT_KEY = "INSERT INTO customers_api_key (id, staff_id, key_sha256, name, created_at) VALUES ($1, $2, $3, $4, $5)";
    LOCK_STAFF = "SELECT id FROM customers_staff WHERE email = $1 AND active @for_update";
    INSERT_ANOTHER_KEY = "INSERT INTO customers_api_key (id, staff_id, key_sha256, name, created_at)
        SELECT $1, id, $3, $4, $5 FROM customers_staff
        WHERE id = $2 AND (SELECT COUNT(*) FROM customers_api_key WHERE staff_id = $2) < $6";
    STAFF_AFTER = "SELECT staff.id, staff.email, staff.role, staff.active, staff.created_at,
            api_key.id, api_key.name, api_key.created_at, api_key.revoked_at
        FROM (SELECT id, email, role, active, created_at FROM customers_staff WHERE id > $1 ORDER BY id LIMIT $2) AS staff
        LEFT JOIN customers_api_key AS api_key ON api_key.staff_id = staff.id
        ORDER BY staff.id, api_key.id -- bounded: a page of staff, each with at most add_key::KEYS_MAX";
    KEY_HOLDER = "SELECT api_key.id, staff.id, staff.role
        FROM customers_api_key AS api_key JOIN customers_staff AS staff ON staff.id = api_key.staff_id
        WHERE api_key.key_sha256 = $1 AND api_key.revoked_at IS NULL AND staff.active";
    REVOKE_KEY = "UPDATE customers_api_key SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL RETURNING staff_id";
    KEY = "SELECT id, name, created_at, revoked_at FROM customers_api_key WHERE id = $1";

    INSERT_ENTRY = "INSERT INTO customers_audit_entry (id, staff_id, key_id, action, subject, fields, request_id, at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (id) DO NOTHING";
    ENTRIES_BEFORE = "SELECT id, staff_id, key_id, action, subject, fields, request_id, at, sequence, hash
        FROM customers_audit_entry WHERE id < $1 ORDER BY id DESC LIMIT $2";
    ENTRIES_OF_SUBJECT_BEFORE = "SELECT id, staff_id, key_id, action, subject, fields, request_id, at, sequence, hash
        FROM customers_audit_entry WHERE subject = $3 AND id < $1 ORDER BY id DESC LIMIT $2";
    HEAD = "SELECT sequence, hash FROM customers_audit_entry WHERE sequence IS NOT NULL
        ORDER BY sequence DESC LIMIT 1 @for_update";
    UNSEALED = "SELECT id, staff_id, key_id, action, subject, fields, request_id, at
        FROM customers_audit_entry WHERE hash IS NULL ORDER BY id LIMIT $1";
    /// Field names and ids: for the audit, which looks whether they are no more than that.
    ENTRY_TEXTS = "SELECT id, action || ' ' || subject || ' ' || CAST(fields AS TEXT) FROM customers_audit_entry
        WHERE id > $1 ORDER BY id LIMIT $2";
    SEAL = "UPDATE customers_audit_entry SET sequence = sealed.sequence, hash = sealed.hash
        FROM @rows($1: id @id, sequence @int, hash @text) AS sealed
        WHERE customers_audit_entry.id = sealed.id AND customers_audit_entry.hash IS NULL";
    SEALED_AFTER = "SELECT id, staff_id, key_id, action, subject, fields, request_id, at, sequence, hash
        FROM customers_audit_entry WHERE sequence > $1 ORDER BY sequence LIMIT $2";
}

/// `false`: a member has this e-mail.
pub async fn insert_staff(tx: &mut Tx, staff: &StaffToAdd) -> Result<bool> {
    let params = params![staff.id, staff.email.as_str(), staff.role, staff.at];
    Ok(tx.exec(&INSERT_STAFF, params).await? == 1)
}

pub async fn insert_key(tx: &mut Tx, staff: &StaffToAdd) -> Result<()> {
    let params = params![staff.key, staff.id, staff.key_sha256, staff.key_name, staff.at];
    tx.exec(&INSERT_KEY, params).await.map(drop)
}

/// An active member; whoever makes them a key goes one by one.
pub async fn lock_staff(tx: &mut Tx, email: &str) -> Result<Option<StaffId>> {
    let found: Option<(StaffId,)> = tx.opt(&LOCK_STAFF, params![email]).await?;
    Ok(found.map(|(staff,)| staff))
}

/// `false`: they had as many as they can. Call [`lock_staff`] first.
pub async fn insert_another_key(tx: &mut Tx, staff: StaffId, key: &KeyToAdd) -> Result<bool> {
    let params = params![key.id, staff, key.key_sha256, key.name, key.at, KEYS_MAX];
    Ok(tx.exec(&INSERT_ANOTHER_KEY, params).await? == 1)
}

/// A page of staff with their keys, in order of ids.
pub async fn staff_after(db: &Db, after: Option<StaffId>, limit: i64) -> Result<Vec<StaffView>> {
    let after = after.unwrap_or(StaffId::from_uuid(Uuid::nil()));
    let joined: Vec<(StaffView, Option<StaffKeyView>)> = db
        .all::<StaffRow>(&STAFF_AFTER, params![after, limit])
        .await?
        .into_iter()
        .map(|row| (row.staff, row.key))
        .collect();
    let mut staff: Vec<StaffView> = Vec::new();
    for (member, key) in joined {
        if staff.last().is_none_or(|last| last.id != member.id) {
            staff.push(member);
        }
        if let Some(last) = staff.last_mut() {
            last.keys.extend(key);
        }
    }
    Ok(staff)
}

/// Who holds this key, if it works.
pub async fn key_holder(db: &Db, key_sha256: &str) -> Result<Option<(ApiKeyId, StaffId, Role)>> {
    db.opt(&KEY_HOLDER, params![key_sha256]).await
}

/// Whose key it was; `None` where there is none to revoke.
pub async fn revoke_key(tx: &mut Tx, key: ApiKeyId) -> Result<Option<StaffId>> {
    let now = tx.now();
    let revoked: Option<(StaffId,)> = tx.opt(&REVOKE_KEY, params![key, now]).await?;
    Ok(revoked.map(|(staff,)| staff))
}

pub async fn key(tx: &mut Tx, key: ApiKeyId) -> Result<Option<StaffKeyView>> {
    tx.opt(&KEY, params![key]).await
}

/// `false`: it is there already.
pub async fn insert_entry(tx: &mut Tx, entry: &AuditEntry) -> Result<bool> {
    let AuditEntry { id, staff, key, action, subject, fields, request_id, at } = entry;
    let params = params![id, staff, key, action, subject, Json(fields), request_id, at];
    Ok(tx.exec(&INSERT_ENTRY, params).await? == 1)
}

/// A page of the log, newest first.
pub async fn entries_before(
    db: &Db,
    before: Option<AuditEntryId>,
    subject: Option<&str>,
    limit: i64,
) -> Result<Vec<AuditEntryView>> {
    let before = before.unwrap_or(AuditEntryId::from_uuid(Uuid::max()));
    match subject {
        Some(subject) => db.all(&ENTRIES_OF_SUBJECT_BEFORE, params![before, limit, subject]).await,
        None => db.all(&ENTRIES_BEFORE, params![before, limit]).await,
    }
}

/// Where the chain ends.
pub async fn head(tx: &mut Tx) -> Result<Head> {
    let head: Option<(i64, String)> = tx.opt(&HEAD, params![]).await?;
    Ok(head.map_or_else(Head::start, |(sequence, hash)| Head { sequence, hash }))
}

/// Entries that wait to be sealed, in order of ids.
pub async fn unsealed(tx: &mut Tx, limit: i64) -> Result<Vec<AuditEntry>> {
    tx.all(&UNSEALED, params![limit]).await
}

/// Gives each entry its place in the chain. Fails where another took a place meanwhile.
pub async fn seal(tx: &mut Tx, entries: &[AuditEntry], heads: &[Head]) -> Result<()> {
    let table = rows(entries.iter().zip(heads).map(|(entry, head)| params![entry.id, head.sequence, head.hash]));
    let sealed = tx.exec(&SEAL, params![table]).await?;
    if usize::try_from(sealed) == Ok(entries.len()) { Ok(()) } else { Err(::store::Error::NoRow(SEAL.name)) }
}

/// Sealed entries in order of their places.
pub async fn sealed_after(db: &Db, sequence: i64, limit: i64) -> Result<Vec<(AuditEntry, Head)>> {
    let sealed: Vec<SealedRow> = db.all(&SEALED_AFTER, params![sequence, limit]).await?;
    Ok(sealed.into_iter().map(|SealedRow(entry, head)| (entry, head)).collect())
}

struct StaffRow {
    staff: StaffView,
    key: Option<StaffKeyView>,
}

impl FromRow for StaffRow {
    fn from_row(row: &mut Row) -> Result<Self> {
        let staff = StaffView {
            id: row.take()?,
            email: row.take()?,
            role: row.take()?,
            active: row.take()?,
            created_at: row.take()?,
            keys: Vec::new(),
        };
        let (id, name, created_at): (Option<ApiKeyId>, Option<String>, Option<Timestamp>) =
            (row.take()?, row.take()?, row.take()?);
        let revoked_at = row.take()?;
        let key = id.zip(name).zip(created_at);
        let key = key.map(|((id, name), created_at)| StaffKeyView { id, name, created_at, revoked_at });
        Ok(Self { staff, key })
    }
}

impl FromRow for StaffKeyView {
    fn from_row(row: &mut Row) -> Result<Self> {
        Ok(Self { id: row.take()?, name: row.take()?, created_at: row.take()?, revoked_at: row.take()? })
    }
}

impl FromRow for AuditEntry {
    fn from_row(row: &mut Row) -> Result<Self> {
        Ok(Self {
            id: row.take()?,
            staff: row.take()?,
            key: row.take()?,
            action: row.take()?,
            subject: row.take()?,
            fields: row.take::<Json<Vec<String>>>()?.0,
            request_id: row.take()?,
            at: row.take()?,
        })
    }
}

struct SealedRow(AuditEntry, Head);

impl FromRow for SealedRow {
    fn from_row(row: &mut Row) -> Result<Self> {
        Ok(Self(AuditEntry::from_row(row)?, Head { sequence: row.take()?, hash: row.take()? }))
    }
}

impl FromRow for AuditEntryView {
    fn from_row(row: &mut Row) -> Result<Self> {
        let AuditEntry { id, staff, key, action, subject, fields, request_id, at } = AuditEntry::from_row(row)?;
        Ok(Self { id, staff, key, action, subject, fields, request_id, at, sequence: row.take()?, hash: row.take()? })
    }
}

/// What no route does yet, or no one may: for tests alone.
#[cfg(test)]
pub mod testing {
    ::store::statements! {
        DEACTIVATE = "UPDATE customers_staff SET active = false WHERE id = $1";
        TAMPER = "UPDATE customers_audit_entry SET action = 'catalog.nothing_at_all' WHERE sequence = $1";
        SAID = "SELECT type, data FROM souk_outbox ORDER BY id LIMIT 1000";
        COUNT_SESSIONS = "SELECT COUNT(*) FROM customers_session";
        SUBJECTS = "SELECT subject FROM customers_throttle LIMIT 10";
        COUNT_THROTTLES = "SELECT COUNT(*) FROM customers_throttle";
        TAKE_OUT = "DELETE FROM customers_audit_entry WHERE sequence = $1";
    }
}
