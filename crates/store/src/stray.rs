//! Texts of the platform's tables, page by page: where personal data must not stray to.

use uuid::Uuid;

use crate::{Db, Result, params, statements};

/// In the order in which [`page`] counts them.
pub const TABLES: [&str; 4] = ["souk_outbox", "souk_inbox", "souk_job", "souk_idempotency"];

statements! {
    OUTBOX = "SELECT id, data FROM souk_outbox WHERE service = $1 AND id > $2 ORDER BY id LIMIT $3";
    INBOX = "SELECT event_id, event, error FROM (
            SELECT event_id, event, error FROM souk_inbox
            WHERE service = $1 AND applied_at IS NULL AND dead_at IS NULL AND event_id > $2
            UNION ALL SELECT event_id, event, error FROM souk_inbox
            WHERE service = $1 AND dead_at IS NOT NULL AND event_id > $2) AS waiting
        ORDER BY event_id LIMIT $3";
    JOB = "SELECT id, payload, error, key FROM souk_job WHERE service = $1 AND id > $2 ORDER BY id LIMIT $3";
    KEY = "SELECT resource, principal, key FROM souk_idempotency WHERE service = $1 AND resource > $2
        ORDER BY resource LIMIT $3";
}

/// The texts of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stray {
    /// How a person finds the row.
    pub row: String,
    /// Where the page after this row begins.
    pub at: Uuid,
    pub texts: Vec<(&'static str, Option<String>)>,
}

/// A page of one of [`TABLES`]; of the inbox, what waits or is dead: what is applied holds no text.
pub async fn page(db: &Db, table: usize, after: Uuid, limit: i64) -> Result<Vec<Stray>> {
    type Found = (Uuid, Option<Text>, Option<Text>, Option<Text>);
    let params = params![db.service(), after, limit];
    let (columns, found): ([&str; 3], Vec<Found>) = match table {
        0 => {
            let rows: Vec<(Uuid, Text)> = db.all(&OUTBOX, params).await?;
            (["data", "", ""], rows.into_iter().map(|(id, data)| (id, Some(data), None, None)).collect())
        }
        1 => {
            let rows: Vec<(Uuid, Option<Text>, Option<Text>)> = db.all(&INBOX, params).await?;
            (["event", "error", ""], rows.into_iter().map(|(id, event, error)| (id, event, error, None)).collect())
        }
        2 => (["payload", "error", "key"], db.all(&JOB, params).await?),
        _ => {
            let rows: Vec<(Uuid, Text, Text)> = db.all(&KEY, params).await?;
            let texts = |(id, principal, key)| (id, Some(principal), Some(key), None);
            (["principal", "key", ""], rows.into_iter().map(texts).collect())
        }
    };
    let stray = |(id, first, second, third): Found| {
        let texts = columns.into_iter().zip([first, second, third]);
        Stray {
            row: id.to_string(),
            at: id,
            texts: texts.map(|(name, text)| (name, text.map(|Text(text)| text))).collect(),
        }
    };
    Ok(found.into_iter().map(stray).collect())
}

/// A text, or JSON as it is written.
struct Text(String);

impl crate::FromValue for Text {
    fn from_value(value: crate::Value) -> std::result::Result<Self, String> {
        match value {
            crate::Value::Text(text) | crate::Value::Json(text) => Ok(Self(text)),
            other => Err(format!("{other:?} is no text")),
        }
    }
}
