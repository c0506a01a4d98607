//! I2 to I5, I8 and I13 as far as an order tells: its history, its amounts, its holds, its money.

use std::collections::BTreeMap;

use contracts::inventory::{InventoryOrderFact, InventoryOrderFacts};
use contracts::orders::OrderStatus::{self, Cancelled, Completed, Confirmed, Payable, Placed};
use contracts::orders::{GetRefundable, OrderFact, OrderFacts, OrderId};
use contracts::payments::{PaymentFact, PaymentsOfOrders, RefundedUnits, RefundedUnitsFact};
use platform::Problem;

use super::{Audit, PAGE, owners};

pub(super) async fn check(audit: &mut Audit<'_>) -> Result<(), Problem> {
    let mut after = None;
    loop {
        let orders = audit.ctx.call(OrderFacts { after, limit: PAGE }).await?;
        let Some(last) = orders.last() else { return Ok(()) };
        after = Some(last.order);
        let ids: Vec<OrderId> = orders.iter().map(|order| order.order).collect();
        let holds = audit.ctx.call(InventoryOrderFacts { orders: ids.clone() }).await?;
        let holds: BTreeMap<OrderId, InventoryOrderFact> = holds.into_iter().map(|fact| (fact.order, fact)).collect();
        check_refunded_units(audit, &orders, ids.clone()).await?;
        owners::check_carts(audit, &orders).await?;
        let payments = audit.ctx.call(PaymentsOfOrders { orders: ids }).await?;
        let mut of_orders: BTreeMap<OrderId, Vec<PaymentFact>> = BTreeMap::new();
        for payment in payments {
            of_orders.entry(payment.order).or_default().push(payment);
        }
        for order in &orders {
            if audit.is_settled(order.updated_at) {
                audit.orders += 1;
                check_history(audit, order);
                check_amounts(audit, order);
                check_holds(audit, order, holds.get(&order.order));
                check_money(audit, order, of_orders.get(&order.order).map_or(&[], Vec::as_slice));
                check_progress(audit, order);
            }
        }
    }
}

/// I8: the statuses follow each other as the transition table allows, without a gap.
fn check_history(audit: &mut Audit<'_>, order: &OrderFact) {
    let shown = || format!("the history goes {:?} and the order is {:?}", order.history, order.status);
    let legal = order.history.first() == Some(&Placed)
        && order.history.last() == Some(&order.status)
        && order.history.windows(2).all(|pair| follows(pair[0], pair[1]));
    audit.must(legal, "I8", order.order, shown);
    audit.must(order.history_whole, "I8", order.order, || "the history has a gap or a double".to_owned());
}

fn follows(from: OrderStatus, to: OrderStatus) -> bool {
    match from {
        Placed => matches!(to, Payable | Cancelled),
        Payable => matches!(to, Confirmed | Cancelled),
        Confirmed => matches!(to, Completed | Cancelled),
        Completed | Cancelled => false,
    }
}

/// I4: the total is the sum of its rows and of its parts; what is due is taken, and no more than the total.
fn check_amounts(audit: &mut Audit<'_>, order: &OrderFact) {
    let OrderFact { total, amounts_total, parts_total, captured, due, .. } = order;
    let adds_up = total.amount == *amounts_total && total.amount == *parts_total;
    audit.must(adds_up, "I4", order.order, || {
        format!("total {}, rows {amounts_total}, parts {parts_total}", total.amount)
    });
    let taken = *captured <= total.amount && (order.status != Completed || captured >= due);
    audit.must(taken, "I4", order.order, || format!("{captured} captured, {due} due of {}", total.amount));
    let given = (0..=*captured).contains(&order.refunded) && (0..=total.amount).contains(due);
    audit.must(given, "I4", order.order, || format!("{} refunded of {captured}, {due} due", order.refunded));
}

/// I2: an order that ended holds nothing, and nothing ends twice.
fn check_holds(audit: &mut Audit<'_>, order: &OrderFact, holds: Option<&InventoryOrderFact>) {
    let Some(holds) = holds else { return };
    audit.must(holds.ended_twice == 0, "I2", order.order, || format!("{} reservations ended twice", holds.ended_twice));
    let free = !matches!(order.status, Cancelled | Completed) || holds.held == 0;
    audit.must(free, "I2", order.order, || format!("{:?}, but {} units are still held", order.status, holds.held));
    let kept = order.status != Cancelled || holds.shipped == 0;
    audit.must(kept, "I5", order.order, || format!("cancelled, but {} units left the house", holds.shipped));
    let kept = order.ordered - order.cancelled;
    audit.must(holds.shipped <= kept, "I2", order.order, || {
        format!("{} units left the stock of {kept} ordered and not cancelled", holds.shipped)
    });
}

/// I5: confirmed means paid; cancelled means that nothing is kept. I4: both sides took and gave the same.
fn check_money(audit: &mut Audit<'_>, order: &OrderFact, payments: &[PaymentFact]) {
    let sum = |of: fn(&PaymentFact) -> i64| payments.iter().map(of).sum::<i64>();
    let paid = sum(|payment| payment.authorized - payment.voided);
    if matches!(order.status, Confirmed | Completed) {
        audit.must(paid >= order.due, "I5", order.order, || {
            format!("{:?}, but {paid} of {} is authorised", order.status, order.due)
        });
    }
    if sum(|payment| payment.open) > 0 {
        return;
    }
    if order.status == Cancelled {
        let kept = sum(|payment| payment.authorized - payment.voided - payment.refunded);
        audit.must(kept == 0, "I5", order.order, || format!("cancelled, but {kept} is kept"));
    } else if payments.iter().all(|payment| audit.is_settled(payment.updated_at)) {
        let theirs = (sum(|payment| payment.captured), sum(|payment| payment.refunded));
        let ours = (order.captured, order.refunded);
        audit.must(ours == theirs, "I4", order.order, || {
            format!("captured and refunded are {theirs:?} in payments and {ours:?} in the order")
        });
    }
}

/// I4: a unit goes back once, whether staff refund it or it is cancelled.
async fn check_refunded_units(audit: &mut Audit<'_>, orders: &[OrderFact], ids: Vec<OrderId>) -> Result<(), Problem> {
    let back = audit.ctx.call(RefundedUnits { orders: ids }).await?;
    let is_settled = |order: &&OrderFact| audit.is_settled(order.updated_at);
    let settled: Vec<OrderId> = orders.iter().filter(is_settled).map(|order| order.order).collect();
    for of_order in back.chunk_by(|one, next| one.order == next.order) {
        let id = of_order[0].order;
        if !settled.contains(&id) {
            continue;
        }
        let sold = audit.ctx.call(GetRefundable { order: id }).await?;
        for RefundedUnitsFact { line, quantity, amount, .. } in of_order {
            let sold = sold.lines.iter().find(|sold| sold.line == *line);
            let (units, total) = sold.map_or((0, 0), |sold| (sold.quantity, sold.total.amount));
            audit.must(*quantity <= units && *amount <= total, "I4", id, || {
                format!("{amount} went back for {quantity} units of {line}: {units} were sold for {total}")
            });
        }
    }
    Ok(())
}

/// I13: an order goes on, or its timer ends it.
fn check_progress(audit: &mut Audit<'_>, order: &OrderFact) {
    let moves = !matches!(order.status, Placed | Payable) || !audit.is_settled(order.unpaid_until);
    audit.must(moves, "I13", order.order, || format!("{:?}, past its timer of {}", order.status, order.unpaid_until));
}
