//! Sends a guest a link to their order: by its number and the e-mail address it was ordered with.
//!
//! The answer never says whether there is such an order, and the mail goes to the order's own address. So
//! that nobody's mailbox is filled and no number is guessed, askings are counted by number and by address.

use ::store::Tx;
use contracts::orders::{OrderLinkId, OrderLinkRequested};
use jiff::{SignedDuration, Timestamp};
use platform::{Ctx, Problem};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::store::{self, links};
use crate::{link, number};

const WINDOW: SignedDuration = SignedDuration::from_hours(1);

/// Which order, and whose.
#[derive(Clone, Serialize, Deserialize, garde::Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AskOrderLink {
    /// As the confirmation says; small letters will do.
    #[garde(length(chars, min = 1, max = 64))]
    #[schema(example = "S-7K3M9Q", min_length = 1, max_length = 64)]
    pub number: String,
    /// The address that the order was placed with.
    #[garde(length(chars, min = 1, max = 254))]
    #[schema(example = "ada@example.com", min_length = 1, max_length = 254)]
    pub email: String,
}

impl std::fmt::Debug for AskOrderLink {
    /// Without the address.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AskOrderLink").field("number", &self.number).finish_non_exhaustive()
    }
}

/// An asking, as the transaction takes it.
struct Asking {
    number: String,
    email_key: String,
    /// What it is counted under; sorted, so that two transactions lock the rows in one order.
    keys: Vec<String>,
    asks_max: i64,
}

/// Whether a mail goes out, nobody is told.
pub async fn ask(ctx: &Ctx, body: AskOrderLink) -> Result<(), Problem> {
    let (number, email_key) = (number::normalized(&body.number), store::email_key(&body.email));
    let counted = |kind: &str, text: &str| {
        let key = ctx.secrets.derive("orders.link-asks", &[kind.as_bytes(), text.as_bytes()]);
        key.iter().map(|byte| format!("{byte:02x}")).collect::<String>()
    };
    let mut keys = vec![counted("number", &number), counted("email", &email_key)];
    keys.sort_unstable();
    let asking = Asking { number, email_key, keys, asks_max: ctx.config.orders.link_asks_per_hour_max };
    ctx.db.write(asking, |tx, asking| Box::pin(write(tx, asking))).await
}

async fn write(tx: &mut Tx, asking: &Asking) -> Result<(), Problem> {
    let window_began = tx.now().saturating_sub(WINDOW).unwrap_or(Timestamp::MIN);
    if links::count(tx, &asking.keys, window_began).await? > asking.asks_max {
        return Ok(());
    }
    let (id, expires_at): (OrderLinkId, _) = (tx.ids().next(), link::end(tx.now()));
    if let Some(order) = links::insert(tx, id, expires_at, &asking.number, &asking.email_key).await? {
        tx.say(&OrderLinkRequested { order, link: id });
    }
    Ok(())
}
