//! Tries to log in or to register.

use ::store::{Result, Tx, Value, params, rows, statements};
use jiff::Timestamp;

use crate::throttle::{DELAY_MAX, FIRST_DELAY, FORGOTTEN_AFTER, Throttle};

statements! {
    // Counts a try of each subject whose delay is over. `tries_free` of them cost nothing; from then on the
    // delay doubles. One that was quiet for long begins anew.
    COUNT = "INSERT INTO customers_throttle (subject, tries, tries_free, delay, tried_at)
        SELECT subject, 1, tries_free, 0, CAST($2 AS BIGINT)
        FROM @rows($1: subject @text, tries_free @int) AS one WHERE true ORDER BY subject
        ON CONFLICT (subject) DO UPDATE SET
            tries = CASE WHEN customers_throttle.tried_at <= $3 THEN 1 ELSE customers_throttle.tries + 1 END,
            tries_free = excluded.tries_free,
            delay = CASE
                WHEN customers_throttle.tried_at <= $3 OR customers_throttle.tries < excluded.tries_free THEN 0
                WHEN customers_throttle.delay = 0 THEN CAST($4 AS BIGINT)
                WHEN customers_throttle.delay * 2 > $5 THEN CAST($5 AS BIGINT)
                ELSE customers_throttle.delay * 2 END,
            tried_at = excluded.tried_at
        WHERE customers_throttle.delay + customers_throttle.tried_at <= $2
        RETURNING subject";
    BLOCKED_UNTIL = "SELECT MAX(tried_at + delay) FROM customers_throttle
        WHERE subject IN (SELECT subject FROM @rows($1: subject @text) AS one)";
    // An account that was right begins anew; an address gets back one try, and the time before it.
    FORGIVE = "UPDATE customers_throttle SET
            tries = CASE WHEN tries = 0 OR subject = $2 THEN 0 ELSE tries - 1 END,
            delay = CASE WHEN subject = $2 OR delay <= $3 THEN 0 ELSE delay / 2 END,
            tried_at = tried_at - delay
        WHERE subject IN (SELECT subject FROM @rows($1: subject @text) AS one)";
    PRUNE = "DELETE FROM customers_throttle WHERE subject IN (
            SELECT subject FROM customers_throttle WHERE tried_at < $1 ORDER BY tried_at LIMIT $2)";
}

/// Returns how many of the subjects may try; where it is not all of them, undo the transaction.
pub async fn count(tx: &mut Tx, throttle: &Throttle) -> Result<usize> {
    let table = rows(throttle.subjects.iter().map(|(subject, free)| params![subject, free]));
    let now = tx.now();
    let forgotten = now.saturating_sub(FORGOTTEN_AFTER).unwrap_or(Timestamp::MIN);
    let (first, most) = (micros(FIRST_DELAY), micros(DELAY_MAX));
    let counted: Vec<(String,)> = tx.all(&COUNT, params![table, now, forgotten, first, most]).await?;
    Ok(counted.len())
}

/// When the last of them may try again.
pub async fn blocked_until(tx: &mut Tx, throttle: &Throttle) -> Result<Option<Timestamp>> {
    let until: Option<(Option<Timestamp>,)> = tx.opt(&BLOCKED_UNTIL, params![subjects(throttle)]).await?;
    Ok(until.and_then(|(until,)| until))
}

/// Takes back one try of each; all of the account's.
pub async fn forgive(tx: &mut Tx, throttle: &Throttle) -> Result<()> {
    let account = throttle.account.as_deref().unwrap_or_default();
    let forgiven =
        throttle.subjects.iter().map(|(subject, _)| subject).filter(|one| Some(*one) != throttle.kept.as_ref());
    let forgiven = rows(forgiven.map(|subject| params![subject]));
    tx.exec(&FORGIVE, params![forgiven, account, micros(FIRST_DELAY)]).await.map(drop)
}

/// Forgets up to `limit` that did not try since a time.
pub async fn prune(tx: &mut Tx, tried_before: Timestamp, limit: i64) -> Result<u64> {
    tx.exec(&PRUNE, params![tried_before, limit]).await
}

fn subjects(throttle: &Throttle) -> Value {
    rows(throttle.subjects.iter().map(|(subject, _)| params![subject]))
}

fn micros(time: jiff::SignedDuration) -> i64 {
    i64::try_from(time.as_micros()).unwrap_or(i64::MAX)
}
