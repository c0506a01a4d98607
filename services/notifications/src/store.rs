//! Every statement of notifications.

use ::store::{Db, FromRow, Result, Row, Tx, params, statements};
use contracts::Id;
use contracts::notifications::MessageId;
use contracts::orders::OrderId;
use uuid::Uuid;

use crate::message::{MessageState, MessageView, Template};

statements! {
    INSERT = "INSERT INTO notifications_message (id, order_id, template, cause, state, created_at)
        VALUES ($1, $2, $3, $4, 'pending', $5) ON CONFLICT (order_id, template, cause) DO NOTHING";
    END = "UPDATE notifications_message SET state = $2, reason = $3, sent_at = $4 WHERE id = $1 AND state = 'pending'";
    MESSAGE = "SELECT id, order_id, template, cause, state, reason, created_at, sent_at
        FROM notifications_message WHERE id = $1";
    MESSAGES_BEFORE = "SELECT id, order_id, template, cause, state, reason, created_at, sent_at
        FROM notifications_message WHERE id < $1 ORDER BY id DESC LIMIT $2";
    MESSAGES_OF_ORDER_BEFORE = "SELECT id, order_id, template, cause, state, reason, created_at, sent_at
        FROM notifications_message WHERE order_id = $3 AND id < $1 ORDER BY id DESC LIMIT $2";
}

/// `None`: this was written of before.
pub async fn insert(tx: &mut Tx, order: OrderId, template: Template, cause: Uuid) -> Result<Option<MessageId>> {
    let (message, now): (MessageId, _) = (tx.ids().next(), tx.now());
    let inserted = tx.exec(&INSERT, params![message, order, template, cause, now]).await?;
    Ok((inserted == 1).then_some(message))
}

/// `false`: it had ended before.
pub async fn end(tx: &mut Tx, message: MessageId, state: MessageState, reason: Option<&str>) -> Result<bool> {
    let sent_at = (state == MessageState::Sent).then(|| tx.now());
    Ok(tx.exec(&END, params![message, state, reason, sent_at]).await? == 1)
}

pub async fn message(db: &Db, message: MessageId) -> Result<Option<MessageView>> {
    db.opt(&MESSAGE, params![message]).await
}

/// A page of messages, newest first.
pub async fn messages_before(
    db: &Db,
    before: Option<MessageId>,
    order: Option<OrderId>,
    limit: i64,
) -> Result<Vec<MessageView>> {
    let before = before.unwrap_or(MessageId::from_uuid(Uuid::max()));
    match order {
        Some(order) => db.all(&MESSAGES_OF_ORDER_BEFORE, params![before, limit, order]).await,
        None => db.all(&MESSAGES_BEFORE, params![before, limit]).await,
    }
}

impl FromRow for MessageView {
    fn from_row(row: &mut Row) -> Result<Self> {
        Ok(Self {
            id: row.take()?,
            order: row.take()?,
            template: row.take()?,
            cause: row.take()?,
            state: row.take()?,
            reason: row.take()?,
            created_at: row.take()?,
            sent_at: row.take()?,
        })
    }
}
