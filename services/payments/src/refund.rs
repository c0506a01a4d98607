//! A refund: captured money that goes back to the buyer, by amount or by units of lines.

use std::collections::BTreeMap;

use contracts::carts::LineId;
use contracts::orders::{OrderId, Refundable, RefundableLine, UnitsDue};
use contracts::payments::RefundId;
use contracts::{ExternalRef, Metadata, Money};
use garde::Validate;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// As an order has lines.
pub const LINES_MAX: usize = 100;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RefundCause {
    Staff,
    /// Units of a captured order will not be sent.
    LinesCancelled,
    OrderCancelled,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RefundState {
    /// For cancelled units whose capture has no outcome yet: it begins when that is done.
    Waiting,
    /// A gateway is being asked.
    Pending,
    Done,
    /// One of several gateways refused its part for good: `refunded` went back, the rest can be refunded anew.
    Partial,
    /// The gateway refused it for good: nothing went back, and all of it can be refunded anew.
    Failed,
    /// It waited until there was nothing left to give back: other refunds did, or the order was cancelled.
    Withdrawn,
}

::store::name_values!(RefundCause, RefundState);

/// A refund that is to be begun.
#[derive(Debug, Clone)]
pub struct Refund {
    pub id: RefundId,
    pub order: OrderId,
    pub cause: RefundCause,
    pub amount: i64,
    pub lines: Vec<Share>,
    pub shipping: bool,
    pub reason: Option<String>,
    pub metadata: Metadata,
    pub external_ref: Option<ExternalRef>,
}

/// Units of a line and what they carry, in minor units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    pub line: LineId,
    pub quantity: i64,
    pub amount: i64,
    /// Units ordered of the line, and of these the cancelled ones.
    pub ordered: i64,
    pub cancelled: i64,
}

/// A refund that staff ask for: an `amount`, or units of `lines` and the `shipping` charge.
#[derive(Debug, Clone, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewRefund {
    #[garde(skip)]
    pub order: OrderId,
    /// Instead of `lines` and `shipping`.
    #[garde(skip)]
    pub amount: Option<Money>,
    /// What these units cost goes back.
    #[serde(default)]
    #[garde(length(max = LINES_MAX), dive)]
    #[schema(max_items = 100)]
    pub lines: Vec<RefundUnits>,
    /// The shipping charge goes back.
    #[serde(default)]
    #[garde(skip)]
    pub shipping: bool,
    /// Why, for whoever looks at it later.
    #[garde(length(chars, min = 1, max = 500))]
    #[schema(example = "one teapot came broken", min_length = 1, max_length = 500)]
    pub reason: String,
    #[serde(default)]
    #[garde(skip)]
    pub metadata: Metadata,
    #[garde(dive)]
    pub external_ref: Option<ExternalRef>,
}

/// Units of an order's line.
#[derive(Debug, Clone, Copy, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RefundUnits {
    #[garde(skip)]
    pub line: LineId,
    #[garde(skip)]
    pub quantity: contracts::Quantity,
}

/// A refund, as staff see it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct RefundView {
    pub id: RefundId,
    pub order: OrderId,
    pub cause: RefundCause,
    pub state: RefundState,
    pub amount: Money,
    /// What went back so far.
    pub refunded: Money,
    pub lines: Vec<RefundLineView>,
    pub shipping: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    pub metadata: Metadata,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_ref: Option<ExternalRef>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// Units that a refund is for.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct RefundLineView {
    pub line: LineId,
    pub quantity: i64,
    pub amount: Money,
}

/// Why units have no price to give back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unpriced {
    /// The order has no such line; its place in the request.
    NoLine(usize),
    /// The line is named a second time.
    Twice(usize),
    /// So many units of it are left.
    TooMany(usize, i64),
}

impl Refund {
    /// One that nobody of staff asked for.
    pub fn ours(id: RefundId, order: OrderId, cause: RefundCause, amount: i64, lines: Vec<Share>) -> Self {
        let metadata = Metadata::default();
        Self { id, order, cause, amount, lines, shipping: false, reason: None, metadata, external_ref: None }
    }
}

/// What units of lines, and the shipping charge, carry of an order, in minor units. `gone`: units of each line that
/// went back before, or are about to. Units go back in their order, by `Money::units`: so all of them, one by one,
/// return exactly what was paid for them.
pub fn price(
    order: &Refundable,
    gone: &BTreeMap<LineId, i64>,
    wanted: &[RefundUnits],
    wants_shipping: bool,
) -> Result<(Vec<Share>, i64), Unpriced> {
    let mut shares: Vec<Share> = Vec::with_capacity(wanted.len());
    for (place, RefundUnits { line, quantity }) in wanted.iter().enumerate() {
        let known = order.lines.iter().find(|known| known.line == *line).ok_or(Unpriced::NoLine(place))?;
        if shares.iter().any(|share| share.line == *line) {
            return Err(Unpriced::Twice(place));
        }
        let (before, quantity, of) =
            (gone.get(line).copied().unwrap_or(0), quantity.get(), known.quantity - known.cancelled);
        if before + quantity > of {
            return Err(Unpriced::TooMany(place, (of - before).max(0)));
        }
        let amount =
            known.total.units(known.quantity, before, quantity).map_err(|_| Unpriced::TooMany(place, 0))?.amount;
        let (ordered, cancelled) = (known.quantity, known.cancelled);
        shares.push(Share { line: *line, quantity, amount, ordered, cancelled });
    }
    let of_shipping = if wants_shipping { order.shipping_total.amount } else { 0 };
    let amount = shares.iter().map(|share| share.amount).sum::<i64>() + of_shipping;
    Ok((shares, amount))
}

/// Of cancelled units those that did not go back before, and what goes back for them; and what goes back no more, in
/// minor units. `refunded`: units of each line, from the first, that went back.
pub fn not_back_yet(due: &[UnitsDue], refunded: &BTreeMap<LineId, i64>) -> (Vec<Share>, i64) {
    let (mut shares, mut before) = (Vec::new(), 0);
    for units in due {
        let UnitsDue { line, from, quantity, of, total } = *units;
        let end = from + quantity;
        let first = refunded.get(&line).copied().unwrap_or(0).clamp(from, end);
        let worth = |from, count| total.units(of, from, count).map_or(0, |worth| worth.amount);
        before += worth(from, first - from);
        if first < end {
            let (quantity, amount) = (end - first, worth(first, end - first));
            shares.push(Share { line, quantity, amount, ordered: of, cancelled: of - from });
        }
    }
    (shares, before)
}

/// What an order costs without its cancelled units.
pub fn due(order: &Refundable) -> i64 {
    let kept = |line: &RefundableLine| line.total.units(line.quantity, 0, line.quantity - line.cancelled);
    let lines = order.lines.iter().map(|line| kept(line).map_or(0, |kept| kept.amount));
    lines.sum::<i64>() + order.shipping_total.amount
}

#[cfg(test)]
mod tests {
    use contracts::catalog::VariantId;
    use contracts::orders::OrderStatus;
    use contracts::{Currency, Id};
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    fn line(number: u128) -> LineId {
        LineId::from_uuid(Uuid::from_u128(number))
    }

    /// `lines`: quantity, cancelled, total.
    fn order(lines: &[(i64, i64, i64)], shipping: i64) -> Refundable {
        order_in(Currency::EUR, lines, shipping)
    }

    fn order_in(currency: Currency, lines: &[(i64, i64, i64)], shipping: i64) -> Refundable {
        let money = |amount| Money::new(amount, currency);
        let lines = lines.iter().zip(1..).map(|((quantity, cancelled, total), number)| RefundableLine {
            line: line(number),
            variant: VariantId::from_uuid(Uuid::nil()),
            quantity: *quantity,
            cancelled: *cancelled,
            total: money(*total),
        });
        let lines: Vec<_> = lines.collect();
        let total = shipping + lines.iter().map(|line| line.total.amount).sum::<i64>();
        let (order, status) = (OrderId::from_uuid(Uuid::nil()), OrderStatus::Confirmed);
        Refundable { order, status, total: money(total), lines, shipping_total: money(shipping) }
    }

    fn units(number: u128, quantity: i64) -> RefundUnits {
        RefundUnits { line: line(number), quantity: quantity.try_into().expect("a quantity") }
    }

    #[test]
    fn what_is_not_there_is_refused() {
        let (order, gone) = (order(&[(3, 1, 900)], 490), BTreeMap::from([(line(1), 1)]));
        let refused = |wanted: &[RefundUnits]| price(&order, &gone, wanted, false).expect_err("a refusal");
        assert_eq!(refused(&[units(2, 1)]), Unpriced::NoLine(0));
        assert_eq!(refused(&[units(1, 1), units(1, 1)]), Unpriced::Twice(1));
        assert_eq!(refused(&[units(1, 2)]), Unpriced::TooMany(0, 1));
        assert_eq!(price(&order, &gone, &[], true), Ok((Vec::new(), 490)));
        assert_eq!(due(&order), 600 + 490);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(10_000))]
        #[test]
        fn all_units_one_by_one_return_what_is_due(
            code in prop::sample::select(&["EUR", "JPY", "KWD"][..]),
            lines in prop::collection::vec((1_i64..7, 0_i64..7, 0_i64..5_000), 1..5),
            shipping in 0_i64..1_000,
            order_of_units in prop::collection::vec(0_usize..5, 0..40),
        ) {
            let lines: Vec<_> = lines.into_iter().map(|(quantity, cancelled, total)| (quantity, cancelled.min(quantity), total)).collect();
            let order = order_in(Currency::from_code(code).expect("a currency"), &lines, shipping);
            let rest = lines.iter().enumerate().flat_map(|(at, (quantity, ..))| std::iter::repeat_n(at, *quantity as usize));
            let mut gone: BTreeMap<LineId, i64> = BTreeMap::new();
            let (_, mut back) = price(&order, &gone, &[], true).expect("the shipping");
            for at in order_of_units.into_iter().chain(rest) {
                match price(&order, &gone, &[units(at as u128 + 1, 1)], false) {
                    Ok((shares, amount)) => {
                        prop_assert!(amount >= 0 && shares[0].amount == amount);
                        *gone.entry(shares[0].line).or_default() += 1;
                        back += amount;
                    }
                    Err(Unpriced::TooMany(0, 0) | Unpriced::NoLine(0)) => {}
                    Err(other) => prop_assert!(false, "{:?}", other),
                }
            }
            prop_assert_eq!(back, due(&order));
            let paid: i64 = lines.iter().map(|(_, _, total)| total).sum::<i64>() + shipping;
            let cancelled = order.lines.iter().map(|line| UnitsDue {
                line: line.line, from: line.quantity - line.cancelled, quantity: line.cancelled, of: line.quantity, total: line.total,
            });
            let (shares, before) = not_back_yet(&cancelled.collect::<Vec<_>>(), &gone);
            prop_assert_eq!(back + shares.iter().map(|share| share.amount).sum::<i64>(), paid);
            prop_assert_eq!(before, 0, "no unit goes back twice");
        }
    }
}
