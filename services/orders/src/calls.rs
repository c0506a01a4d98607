//! What orders answers to other services. Reads only.

use std::collections::BTreeMap;

use contracts::orders::{
    ContactLine, GetOrderContact, GetPaymentInstruction, GetShipTo, OrderContact, OrderFact, OrderFacts, OrderId,
    PaymentInstruction, ShipTo,
};
use contracts::{Id, Money};
use platform::{Ctx, Problem};
use uuid::Uuid;

use crate::error::Error;
use crate::store::{self, FactLines, FactOrder};
use crate::{read, sale};

const SHIP_TO_MAX: usize = 100;
const FACTS_MAX: i64 = 500;

pub async fn payment_instruction(ctx: Ctx, call: GetPaymentInstruction) -> Result<PaymentInstruction, Problem> {
    let found = store::instruction(&ctx.db, call.order, call.buyer_sha256.as_deref()).await?;
    Ok(found.ok_or(Error::NotFound)?)
}

pub async fn contact(ctx: Ctx, call: GetOrderContact) -> Result<OrderContact, Problem> {
    let (order, _) = read::find(&ctx, call.order, None).await?;
    let currency = order.sale.currency();
    let line = |line: &sale::Line| ContactLine {
        title: line
            .variant_title
            .iter()
            .fold(line.product_title.clone(), |title, variant| format!("{title}, {variant}")),
        quantity: line.quantity,
        total: Money::new(line.total_minor, currency),
    };
    Ok(OrderContact {
        order: order.id,
        lines: order.lines.iter().map(line).collect(),
        number: order.number,
        email: order.sale.email,
        locale: order.sale.locale,
        // Nothing to ship, no address: then nobody told us a name.
        name: order.sale.shipping_address.map(|address| address.name).unwrap_or_default(),
        total: order.sale.total,
        cancel_reason: order.cancel_reason,
    })
}

pub async fn ship_to(ctx: Ctx, call: GetShipTo) -> Result<Vec<ShipTo>, Problem> {
    if call.orders.len() > SHIP_TO_MAX {
        return Err(Problem::field("/orders", format!("names at most {SHIP_TO_MAX} orders")));
    }
    Ok(store::ship_to(&ctx.db, &call.orders).await?)
}

/// For the audit: what the order says, and the sums of what it consists of.
pub async fn facts(ctx: Ctx, call: OrderFacts) -> Result<Vec<OrderFact>, Problem> {
    let after = call.after.map_or_else(Uuid::nil, Id::uuid);
    let limit = call.limit.clamp(1, FACTS_MAX);
    let read = ctx.db.read((after, limit), |tx, (after, limit)| Box::pin(store::facts(tx, *after, *limit)));
    let (orders, lines, history) = read.await.map_err(|error: ::store::Error| Problem::from(error))?;
    let mut lines: BTreeMap<OrderId, FactLines> = lines.into_iter().map(|lines| (lines.order, lines)).collect();
    let mut histories: BTreeMap<OrderId, Vec<_>> = BTreeMap::new();
    for (order, sequence, status) in history {
        histories.entry(order).or_default().push((sequence, status));
    }
    let fact = |order: FactOrder| {
        let lines = lines.remove(&order.id).unwrap_or_else(|| FactLines::none(order.id));
        let history = histories.remove(&order.id).unwrap_or_default();
        fact(order, lines, history)
    };
    Ok(orders.into_iter().map(fact).collect())
}

fn fact(order: FactOrder, lines: FactLines, history: Vec<(i64, contracts::orders::OrderStatus)>) -> OrderFact {
    let is_whole = history.iter().zip(1..).all(|((sequence, _), expected)| *sequence == expected);
    let length = i64::try_from(history.len()).unwrap_or(i64::MAX);
    let mut statuses: Vec<_> = history.into_iter().map(|(_, status)| status).collect();
    statuses.dedup();
    OrderFact {
        order: order.id,
        status: order.status,
        total: order.total,
        amounts_total: order.amounts.iter().filter(|row| !row.included).map(|row| row.amount.amount).sum(),
        parts_total: lines.total_minor + order.shipping.map_or(0, |shipping| shipping.total.amount),
        captured: order.captured_minor,
        to_ship: lines.to_ship,
        shipped: lines.shipped,
        ordered: lines.ordered,
        history: statuses,
        history_whole: is_whole && length == order.version,
        updated_at: order.updated_at,
    }
}
