//! What orders answers to other services. Reads only.

use std::collections::BTreeMap;

use contracts::catalog::VariantId;
use contracts::customers::Buyer;
use contracts::orders::{
    ContactLine, GetOrderContact, GetOrderLink, GetPaymentInstruction, GetPaymentInstructionByLink, GetRefundable,
    GetShipTo, OrderContact, OrderFact, OrderFacts, OrderId, OrderLink, OrderStatus, PaymentInstruction, Refundable,
    RefundableLine, ShipTo,
};
use contracts::{Id, Money};
use platform::measure::Gauge;
use platform::{Ctx, Problem};
use uuid::Uuid;

use crate::access::Asker;
use crate::error::Error;
use crate::sale::Line;
use crate::store::facts::{self, FactLines, FactOrder, Facts};
use crate::store::{self, links};
use crate::{link, read};

const SHIP_TO_MAX: usize = 100;
const FACTS_MAX: i64 = 500;

pub async fn payment_instruction(ctx: Ctx, call: GetPaymentInstruction) -> Result<PaymentInstruction, Problem> {
    instruction(&ctx, call.order, call.buyer.map_or(Asker::Shop, Asker::Buyer)).await
}

pub async fn payment_instruction_by_link(
    ctx: Ctx,
    call: GetPaymentInstructionByLink,
) -> Result<PaymentInstruction, Problem> {
    let opened = link::opens(&ctx.secrets, &call.token, ctx.clock.now()).ok_or(Error::LinkEnded)?;
    instruction(&ctx, call.order, Asker::Link(opened)).await
}

async fn instruction(ctx: &Ctx, order: OrderId, asker: Asker) -> Result<PaymentInstruction, Problem> {
    let found = store::instruction(&ctx.db, order, asker.owner(order)).await?;
    Ok(found.ok_or(Error::NotFound)?)
}

pub async fn contact(ctx: Ctx, call: GetOrderContact) -> Result<OrderContact, Problem> {
    let (order, _) = read::find(&ctx, call.order, &Asker::Shop).await?;
    let currency = order.sale.currency();
    let line = |line: &Line| ContactLine {
        line: line.id,
        title: line.title(),
        quantity: line.quantity,
        cancelled: line.cancelled,
        total: Money::new(line.total_minor, currency),
    };
    let link = match order.sale.buyer {
        Buyer::Guest { .. } => Some(link::make(&ctx.secrets, order.id, link::end(ctx.clock.now()))),
        Buyer::Customer { .. } => None,
    };
    let sale = order.sale;
    // Nothing to ship and no invoice address: then nobody told us a name.
    let named = sale.shipping_address.as_ref().or(sale.billing_address.as_ref());
    Ok(OrderContact {
        order: order.id,
        lines: order.lines.iter().map(line).collect(),
        number: order.number,
        customer: sale.buyer.customer(),
        name: named.map(|address| address.name.clone()).unwrap_or_default(),
        email: sale.email,
        locale: sale.locale,
        market: sale.market,
        amounts: sale.amounts,
        total: sale.total,
        refunded: Money::new(order.money.refunded, currency),
        method: sale.payment_method,
        pickup: sale.pickup,
        shipping_address: sale.shipping_address,
        cancel_reason: order.cancel_reason,
        link,
    })
}

pub async fn refundable(ctx: Ctx, call: GetRefundable) -> Result<Refundable, Problem> {
    let (order, _) = read::find(&ctx, call.order, &Asker::Shop).await?;
    let currency = order.sale.currency();
    let line = |line: &Line| RefundableLine {
        line: line.id,
        variant: line.variant,
        quantity: line.quantity,
        cancelled: line.cancelled,
        total: Money::new(line.total_minor, currency),
    };
    Ok(Refundable {
        shipping_total: Money::new(order.shipping_due_minor(), currency),
        order: order.id,
        status: order.status,
        total: order.sale.total,
        lines: order.lines.iter().map(line).collect(),
    })
}

/// Where a link leads, while it does.
pub async fn order_link(ctx: Ctx, call: GetOrderLink) -> Result<Option<OrderLink>, Problem> {
    let found = links::find(&ctx.db, call.link, ctx.clock.now()).await?;
    Ok(found.map(|(order, expires_at)| link::make(&ctx.secrets, order, expires_at)))
}

pub async fn ship_to(ctx: Ctx, call: GetShipTo) -> Result<Vec<ShipTo>, Problem> {
    if call.orders.len() > SHIP_TO_MAX {
        return Err(Problem::field("/orders", format!("names at most {SHIP_TO_MAX} orders")));
    }
    Ok(facts::ship_to(&ctx.db, &call.orders).await?)
}

/// For the audit: what the order says, and the sums of what it consists of.
pub async fn order_facts(ctx: Ctx, call: OrderFacts) -> Result<Vec<OrderFact>, Problem> {
    let after = call.after.map_or_else(Uuid::nil, Id::uuid);
    let limit = call.limit.clamp(1, FACTS_MAX);
    let read = ctx.db.read((after, limit), |tx, (after, limit)| Box::pin(facts::facts(tx, *after, *limit)));
    let Facts { orders, lines, units, history } = read.await.map_err(|error: ::store::Error| Problem::from(error))?;
    let mut lines: BTreeMap<OrderId, FactLines> = lines.into_iter().collect();
    let mut histories: BTreeMap<OrderId, Vec<_>> = BTreeMap::new();
    for (order, sequence, status) in history {
        histories.entry(order).or_default().push((sequence, status));
    }
    let mut of_orders: BTreeMap<OrderId, Vec<_>> = BTreeMap::new();
    for (order, variant, quantity) in units {
        of_orders.entry(order).or_default().push((variant, quantity));
    }
    let fact = |order: FactOrder| {
        let units = of_orders.remove(&order.id).unwrap_or_default();
        let lines = lines.remove(&order.id).unwrap_or_default();
        let history = histories.remove(&order.id).unwrap_or_default();
        fact(order, lines, units, history)
    };
    Ok(orders.into_iter().map(fact).collect())
}

fn fact(
    order: FactOrder,
    lines: FactLines,
    units: Vec<(VariantId, i64)>,
    history: Vec<(i64, contracts::orders::OrderStatus)>,
) -> OrderFact {
    let is_whole = history.iter().zip(1..).all(|((sequence, _), expected)| *sequence == expected);
    let length = i64::try_from(history.len()).unwrap_or(i64::MAX);
    let mut statuses: Vec<_> = history.into_iter().map(|(_, status)| status).collect();
    statuses.dedup();
    OrderFact {
        order: order.id,
        cart: order.cart,
        buyer: order.buyer,
        status: order.status,
        units,
        unpaid_until: order.unpaid_until,
        total: order.total,
        amounts_total: order.amounts.iter().filter(|row| !row.included).map(|row| row.amount.amount).sum(),
        parts_total: lines.total_minor + order.shipping.map_or(0, |shipping| shipping.total.amount),
        due: order.due_minor,
        captured: order.captured_minor,
        refunded: order.refunded_minor,
        to_ship: lines.to_ship,
        shipped: lines.shipped,
        ordered: lines.ordered,
        cancelled: lines.cancelled,
        history: statuses,
        history_whole: is_whole && length == order.version,
        updated_at: order.updated_at,
    }
}

/// For `/metrics`: what is on its way, and for how long.
pub async fn measures(ctx: Ctx) -> Result<Vec<Gauge>, Problem> {
    let (open, now) = (facts::open(&ctx.db).await?, ctx.clock.now());
    let statuses =
        [(OrderStatus::Placed, "placed"), (OrderStatus::Payable, "payable"), (OrderStatus::Confirmed, "confirmed")];
    let gauges = statuses.into_iter().flat_map(|(status, name)| {
        let found = open.iter().find(|(of, ..)| *of == status);
        let (count, age) =
            found.map_or((0, 0.0), |(_, count, oldest)| (*count, now.duration_since(*oldest).as_secs_f64()));
        let label = ("status", name);
        [
            Gauge { name: "souk_orders_open", label, value: count as f64 },
            Gauge { name: "souk_order_oldest_seconds", label, value: age.max(0.0) },
        ]
    });
    Ok(gauges.collect())
}
