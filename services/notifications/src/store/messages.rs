//! Messages to buyers.

use ::store::{Db, FromRow, Result, Row, Tx, params, statements};
use contracts::notifications::MessageId;
use contracts::orders::OrderId;
use contracts::{Currency, Id, Money};
use jiff::Timestamp;
use uuid::Uuid;

use crate::message::{About, MessageState, MessageView, NewMessage, Template};

statements! {
    INSERT = "INSERT INTO notifications_message (id, template, cause, order_id, customer_id, amount_minor, currency, state, sending, created_at, queued_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, 'pending', 1, $8, $8) ON CONFLICT (template, cause) DO NOTHING";
    END = "UPDATE notifications_message SET state = $3, reason = $4, sent_at = $5
        WHERE id = $1 AND sending = $2 AND state = 'pending'";
    AGAIN = "UPDATE notifications_message SET state = 'pending', reason = NULL, sent_at = NULL, sending = sending + 1, queued_at = $2
        WHERE id = $1 AND state <> 'pending'
        RETURNING id, template, cause, order_id, customer_id, amount_minor, currency, state, reason, sending, created_at, queued_at, sent_at";
    MESSAGE = "SELECT id, template, cause, order_id, customer_id, amount_minor, currency, state, reason, sending, created_at, queued_at, sent_at
        FROM notifications_message WHERE id = $1";
    IS_FOLLOWED = "SELECT 1 FROM notifications_message WHERE order_id = $1 AND template = $2 AND id > $3 LIMIT 1";
    BEFORE = "SELECT id, template, cause, order_id, customer_id, amount_minor, currency, state, reason, sending, created_at, queued_at, sent_at
        FROM notifications_message WHERE id < $1 ORDER BY id DESC LIMIT $2";
    IN_STATE_BEFORE = "SELECT id, template, cause, order_id, customer_id, amount_minor, currency, state, reason, sending, created_at, queued_at, sent_at
        FROM notifications_message WHERE state = $3 AND id < $1 ORDER BY id DESC LIMIT $2";
    OF_ORDER_BEFORE = "SELECT id, template, cause, order_id, customer_id, amount_minor, currency, state, reason, sending, created_at, queued_at, sent_at
        FROM notifications_message WHERE order_id = $3 AND (CAST($4 AS TEXT) IS NULL OR state = $4) AND id < $1 ORDER BY id DESC LIMIT $2";
}

/// `None`: this was written of before.
pub async fn insert(tx: &mut Tx, new: &NewMessage) -> Result<Option<MessageId>> {
    let (message, now): (MessageId, Timestamp) = (tx.ids().next(), tx.now());
    let (order, customer) = match new.about {
        About::Order(order) => (Some(order), None),
        About::Customer(customer) => (None, Some(customer)),
    };
    let (amount, currency) = (new.amount.map(|money| money.amount), new.amount.map(|money| money.currency));
    let inserted =
        tx.exec(&INSERT, params![message, new.template, new.cause, order, customer, amount, currency, now]).await?;
    Ok((inserted == 1).then_some(message))
}

/// `false`: this sending had ended before.
pub async fn end(tx: &mut Tx, message: &MessageView, state: MessageState, reason: Option<&str>) -> Result<bool> {
    let sent_at = (state == MessageState::Sent).then(|| tx.now());
    Ok(tx.exec(&END, params![message.id, message.sending, state, reason, sent_at]).await? == 1)
}

/// The message, to be sent once more; `None`: there is none, or it is on its way.
pub async fn again(tx: &mut Tx, message: MessageId) -> Result<Option<MessageView>> {
    let now = tx.now();
    tx.opt(&AGAIN, params![message, now]).await
}

pub async fn message(db: &Db, message: MessageId) -> Result<Option<MessageView>> {
    db.opt(&MESSAGE, params![message]).await
}

/// Whether a newer message of this kind tells of the same order.
pub async fn is_followed(db: &Db, order: OrderId, template: Template, message: MessageId) -> Result<bool> {
    let newer: Option<(i64,)> = db.opt(&IS_FOLLOWED, params![order, template, message]).await?;
    Ok(newer.is_some())
}

/// Which messages a list shows.
#[derive(Debug, Clone, Copy, Default)]
pub struct Which {
    pub order: Option<OrderId>,
    pub state: Option<MessageState>,
}

/// A page of messages, newest first.
pub async fn before(db: &Db, before: Option<MessageId>, which: Which, limit: i64) -> Result<Vec<MessageView>> {
    let before = before.unwrap_or(MessageId::from_uuid(Uuid::max()));
    match which {
        Which { order: Some(order), state } => db.all(&OF_ORDER_BEFORE, params![before, limit, order, state]).await,
        Which { order: None, state: Some(state) } => db.all(&IN_STATE_BEFORE, params![before, limit, state]).await,
        Which { order: None, state: None } => db.all(&BEFORE, params![before, limit]).await,
    }
}

impl FromRow for MessageView {
    fn from_row(row: &mut Row) -> Result<Self> {
        Ok(Self {
            id: row.take()?,
            template: row.take()?,
            cause: row.take()?,
            order: row.take()?,
            customer: row.take()?,
            amount: {
                let (amount, currency): (Option<i64>, Option<Currency>) = (row.take()?, row.take()?);
                amount.zip(currency).map(|(amount, currency)| Money::new(amount, currency))
            },
            state: row.take()?,
            reason: row.take()?,
            sending: row.take()?,
            created_at: row.take()?,
            queued_at: row.take()?,
            sent_at: row.take()?,
        })
    }
}
