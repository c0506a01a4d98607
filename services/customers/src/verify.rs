//! Verifies the audit log's chain; for `souk audit`.

use platform::Ctx;

use crate::Error;
use crate::chain::{self, Broken, Head};
use crate::store::staff as store;

const ENTRIES_MAX: i64 = 500;

/// Reads the whole chain, a page at a time, and says where it ends or where it is broken. Entries
/// that are not sealed yet are no part of it.
pub async fn verify_audit_log(ctx: &Ctx) -> Result<Result<Head, Broken>, Error> {
    let mut head = Head::start();
    loop {
        let page = store::sealed_after(&ctx.db, head.sequence, ENTRIES_MAX).await?;
        if page.is_empty() {
            return Ok(Ok(head));
        }
        head = match chain::verify(head, &page) {
            Ok(head) => head,
            Err(broken) => return Ok(Err(broken)),
        };
    }
}
