//! The audit log's hash chain: what was sealed can't be changed, taken out or put in unseen.
//!
//! A sealed entry has the next `sequence`, from 1 on without a gap, and
//! `hash = SHA-256(hash before it, line feed, canonical entry)` in lower-case hex; before the first
//! stand 64 zeros. The canonical entry is one line of JSON with the members of `Canonical` in that
//! order, ids as the API writes them, `request_id` as a UUID, `at` in microseconds of Unix time.
//!
//! Entries are sealed in batches, each in order of ids; one that came late is sealed in a later batch.
//! The chain can't tell that its newest entries were cut off: note a [`Head`] elsewhere now and then.

use contracts::customers::{ApiKeyId, AuditEntryId, StaffId};
use jiff::Timestamp;
use platform::auth::sha256_hex;
use serde::Serialize;
use uuid::Uuid;

/// A line of the audit log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEntry {
    pub id: AuditEntryId,
    pub staff: StaffId,
    pub key: ApiKeyId,
    pub action: String,
    pub subject: String,
    pub fields: Vec<String>,
    pub request_id: Option<Uuid>,
    pub at: Timestamp,
}

/// Where the chain ends, after the entry with this sequence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// 0: nothing is sealed.
    pub sequence: i64,
    pub hash: String,
}

/// The chain does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    #[error("the audit log lacks sealed entry {sequence}: it was taken out, or its place was changed")]
    Missing { sequence: i64 },
    #[error(
        "audit entry {entry} (sealed as {sequence}) is not what was sealed, or what was sealed before it was changed"
    )]
    Changed { sequence: i64, entry: AuditEntryId },
}

impl Head {
    /// Before the first entry.
    pub fn start() -> Self {
        Self { sequence: 0, hash: "0".repeat(64) }
    }

    /// The chain with one more entry.
    #[must_use]
    pub fn then(&self, entry: &AuditEntry) -> Self {
        let sequence = self.sequence + 1;
        Self { sequence, hash: sha256_hex(format!("{}\n{}", self.hash, canonical(sequence, entry)).as_bytes()) }
    }
}

/// The place of each entry in the chain, continuing it in the order given.
pub fn seal(mut head: Head, entries: &[AuditEntry]) -> Vec<Head> {
    let next = |entry| {
        head = head.then(entry);
        head.clone()
    };
    entries.iter().map(next).collect()
}

/// Continues a chain that holds up to `head` with entries as they are kept, in order of sequence.
/// Returns where it ends now.
pub fn verify(head: Head, sealed: &[(AuditEntry, Head)]) -> Result<Head, Broken> {
    sealed.iter().try_fold(head, |head, (entry, kept)| {
        let right = head.then(entry);
        match kept {
            kept if kept.sequence != right.sequence => Err(Broken::Missing { sequence: right.sequence }),
            kept if kept.hash != right.hash => Err(Broken::Changed { sequence: right.sequence, entry: entry.id }),
            _ => Ok(right),
        }
    })
}

#[derive(Serialize)]
struct Canonical<'a> {
    sequence: i64,
    id: AuditEntryId,
    staff: StaffId,
    key: ApiKeyId,
    action: &'a str,
    subject: &'a str,
    fields: &'a [String],
    request_id: Option<Uuid>,
    at: i64,
}

fn canonical(sequence: i64, entry: &AuditEntry) -> String {
    let canonical = Canonical {
        sequence,
        id: entry.id,
        staff: entry.staff,
        key: entry.key,
        action: &entry.action,
        subject: &entry.subject,
        fields: &entry.fields,
        request_id: entry.request_id,
        at: entry.at.as_microsecond(),
    };
    serde_json::to_string(&canonical).expect("ids, texts and integers always serialize")
}

#[cfg(test)]
mod tests {
    use super::*;
    use contracts::Id;
    use proptest::prelude::*;

    fn entry(number: u128) -> AuditEntry {
        AuditEntry {
            id: AuditEntryId::from_uuid(Uuid::from_u128(number)),
            staff: StaffId::from_uuid(Uuid::from_u128(1)),
            key: ApiKeyId::from_uuid(Uuid::from_u128(2)),
            action: "catalog.create_product".to_owned(),
            subject: format!("prod_{number}"),
            fields: vec!["title".to_owned(), "status".to_owned()],
            request_id: None,
            at: Timestamp::UNIX_EPOCH,
        }
    }

    fn sealed(count: u128) -> Vec<(AuditEntry, Head)> {
        let entries: Vec<AuditEntry> = (1..=count).map(entry).collect();
        let heads = seal(Head::start(), &entries);
        entries.into_iter().zip(heads).collect()
    }

    /// Frozen: a chain that was sealed by one release is verified by the next.
    #[test]
    fn the_canonical_form_does_not_change() {
        assert_eq!(
            canonical(7, &entry(3)),
            "{\"sequence\":7,\"id\":\"audit_00000000000000000000000003\",\"staff\":\"staff_00000000000000000000000001\",\
             \"key\":\"key_00000000000000000000000002\",\"action\":\"catalog.create_product\",\"subject\":\"prod_3\",\
             \"fields\":[\"title\",\"status\"],\"request_id\":null,\"at\":0}"
        );
    }

    #[test]
    fn a_chain_sealed_in_batches_is_one_chain() {
        let whole = sealed(5);
        let entries: Vec<AuditEntry> = whole.iter().map(|(entry, _)| entry.clone()).collect();
        let first = seal(Head::start(), &entries[..2]);
        let second = seal(first[1].clone(), &entries[2..]);
        assert_eq!([first, second].concat(), whole.iter().map(|(_, head)| head.clone()).collect::<Vec<_>>());
        let half = verify(Head::start(), &whole[..3]).expect("whole");
        assert_eq!(verify(half, &whole[3..]), Ok(whole[4].1.clone()));
    }

    #[test]
    fn an_entry_taken_out_is_missed() {
        let mut chain = sealed(5);
        chain.remove(2);
        assert_eq!(verify(Head::start(), &chain), Err(Broken::Missing { sequence: 3 }));
    }

    #[test]
    fn an_entry_put_in_or_moved_is_found() {
        let mut doubled = sealed(3);
        doubled.insert(1, doubled[1].clone());
        assert_eq!(verify(Head::start(), &doubled), Err(Broken::Missing { sequence: 3 }));
        let mut swapped = sealed(3);
        let (first, second) = (swapped[0].0.clone(), swapped[1].0.clone());
        (swapped[0].0, swapped[1].0) = (second, first);
        assert!(matches!(verify(Head::start(), &swapped), Err(Broken::Changed { sequence: 1, .. })));
    }

    #[test]
    fn a_hash_made_anew_breaks_the_next_link() {
        let mut chain = sealed(3);
        chain[0].0.subject = "prod_other".to_owned();
        chain[0].1 = Head::start().then(&chain[0].0);
        assert_eq!(verify(Head::start(), &chain), Err(Broken::Changed { sequence: 2, entry: chain[1].0.id }));
    }

    proptest! {
        #[test]
        fn any_changed_field_is_found_where_it_is(count in 1_u128..20, place: prop::sample::Index, field in 0_usize..8) {
            let mut chain = sealed(count);
            let place = place.index(chain.len());
            let (entry, head) = &mut chain[place];
            match field {
                0 => entry.id = AuditEntryId::from_uuid(Uuid::from_u128(999)),
                1 => entry.staff = StaffId::from_uuid(Uuid::from_u128(999)),
                2 => entry.key = ApiKeyId::from_uuid(Uuid::from_u128(999)),
                3 => entry.action.push('x'),
                4 => entry.subject.push('x'),
                5 => { entry.fields.pop(); }
                6 => entry.request_id = Some(Uuid::nil()),
                7 => head.hash = "f".repeat(64),
                _ => unreachable!("eight fields"),
            }
            let found = verify(Head::start(), &chain);
            let here = i64::try_from(place).expect("few entries") + 1;
            prop_assert_eq!(found, Err(Broken::Changed { sequence: here, entry: chain[place].0.id }));
        }
    }
}
