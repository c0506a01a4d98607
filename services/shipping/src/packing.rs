//! Which units go into which shipment: at confirmation, when a part leaves first, when a part is cancelled.
//! Pure.

use std::collections::BTreeMap;

use contracts::carts::LineId;
use contracts::inventory::{LocationId, StockHold};
use contracts::orders::{LineUnits, OrderedLine};
use contracts::shipping::{CancelledPart, ShipmentId, ShippedLine};
use platform::Problem;
use platform::problem::FieldProblem;

use crate::shipment::{PackedLine, ShipmentState};

/// Gives the units of each line that needs shipping to the locations that hold them, in the order of
/// `holds`. What no hold covers goes with the first: it was sold, so somebody must pack it.
///
/// Errors: nothing is held and something must be shipped.
pub fn allot(lines: &[OrderedLine], holds: &[StockHold]) -> Result<BTreeMap<LocationId, Vec<ShippedLine>>, Problem> {
    let mut left: Vec<StockHold> = holds.to_vec();
    let mut by_location = BTreeMap::<LocationId, BTreeMap<LineId, ShippedLine>>::new();
    for line in lines.iter().filter(|line| line.requires_shipping) {
        let mut open = line.quantity;
        let mut give = |location: LocationId, quantity: i64| {
            let none = ShippedLine { line: line.line, variant: line.variant, quantity: 0 };
            by_location.entry(location).or_default().entry(line.line).or_insert(none).quantity += quantity;
        };
        for hold in left.iter_mut().filter(|hold| hold.variant == line.variant) {
            let taken = open.min(hold.quantity);
            if taken > 0 {
                give(hold.location, taken);
                hold.quantity -= taken;
                open -= taken;
            }
        }
        if open > 0 {
            let first = holds.first().ok_or_else(|| Problem::internal("an order with goods to ship holds none"))?;
            give(first.location, open);
        }
    }
    Ok(by_location.into_iter().map(|(location, lines)| (location, lines.into_values().collect())).collect())
}

/// A line of a shipment after a part of it left: what stays of its row, and what moves on.
#[derive(Debug, Clone)]
pub struct Split {
    /// What leaves now.
    pub sent: Vec<ShippedLine>,
    /// What goes on as another shipment; empty: all leaves.
    pub rest: Vec<ShippedLine>,
}

/// A part of a shipment that is to leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    pub line: LineId,
    pub quantity: i64,
}

/// Divides what is packed into what leaves now and the rest; no parts: all leaves.
///
/// Errors: a field problem for each part that is not there to send.
pub fn split(packed: &[PackedLine], parts: &[Part]) -> Result<Split, Problem> {
    if parts.is_empty() {
        return Ok(Split { sent: sent(packed), rest: Vec::new() });
    }
    let open: Vec<&PackedLine> = packed.iter().filter(|line| line.left() > 0).collect();
    let mut asked = BTreeMap::<LineId, i64>::new();
    let mut wrong = Vec::new();
    for (at, part) in parts.iter().enumerate() {
        let field = |name: &str, detail: String| FieldProblem { pointer: format!("/lines/{at}/{name}"), detail };
        match open.iter().find(|line| line.line == part.line) {
            None => wrong.push(field("line", "is not in this shipment".to_owned())),
            Some(_) if asked.contains_key(&part.line) => wrong.push(field("line", "is named twice".to_owned())),
            Some(line) if part.quantity > line.left() => {
                wrong.push(field("quantity", format!("is more than the {} that are here to send", line.left())));
            }
            Some(line) => drop(asked.insert(line.line, part.quantity)),
        }
    }
    if !wrong.is_empty() {
        return Err(Problem::fields(wrong));
    }
    let units = |line: &&PackedLine, quantity: i64| (quantity > 0).then(|| line.units(quantity));
    let leaves = |line: &&PackedLine| asked.get(&line.line).copied().unwrap_or(0);
    Ok(Split {
        sent: open.iter().filter_map(|line| units(line, leaves(line))).collect(),
        rest: open.iter().filter_map(|line| units(line, line.left() - leaves(line))).collect(),
    })
}

/// A line of one of an order's shipments.
#[derive(Debug, Clone)]
pub struct OrderPacked {
    pub shipment: ShipmentId,
    pub location: LocationId,
    pub state: ShipmentState,
    pub line: PackedLine,
}

/// Units that are taken out of a pending shipment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    pub shipment: ShipmentId,
    pub line: LineId,
    pub quantity: i64,
}

/// What a shipment sends, as events name it.
pub fn sent(packed: &[PackedLine]) -> Vec<ShippedLine> {
    packed.iter().filter(|line| line.left() > 0).map(|line| line.units(line.left())).collect()
}

/// What holding back comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldBack {
    pub taken: Vec<Taken>,
    /// By line and location, for those who wait for the answer.
    pub parts: Vec<CancelledPart>,
}

/// Takes the asked units out of what waits to be sent, of the oldest shipment first. A line that is in no
/// shipment at all doesn't ship: it is not shipping's to refuse, and has no location. `None`: at least one
/// unit has left, or was taken out before; then nothing is taken.
pub fn hold_back(packed: &[OrderPacked], asked: &[LineUnits]) -> Option<HeldBack> {
    let mut left: Vec<(&OrderPacked, i64)> =
        packed.iter().map(|row| (row, if row.state == ShipmentState::Pending { row.line.left() } else { 0 })).collect();
    let (mut taken, mut parts) = (Vec::new(), Vec::<CancelledPart>::new());
    for LineUnits { line, variant, quantity } in asked {
        if !packed.iter().any(|row| row.line.line == *line) {
            parts.push(CancelledPart { line: *line, variant: *variant, quantity: *quantity, location: None });
            continue;
        }
        let mut open = *quantity;
        for (row, here) in left.iter_mut().filter(|(row, _)| row.line.line == *line) {
            let units = open.min(*here);
            if units > 0 {
                take(&mut taken, row.shipment, *line, units);
                add(&mut parts, &row.line, row.location, units);
                *here -= units;
                open -= units;
            }
        }
        if open > 0 {
            return None;
        }
    }
    Some(HeldBack { taken, parts })
}

/// One entry a shipment and line, also where the line is asked for twice.
fn take(taken: &mut Vec<Taken>, shipment: ShipmentId, line: LineId, quantity: i64) {
    match taken.iter_mut().find(|known| known.shipment == shipment && known.line == line) {
        Some(known) => known.quantity += quantity,
        None => taken.push(Taken { shipment, line, quantity }),
    }
}

fn add(parts: &mut Vec<CancelledPart>, packed: &PackedLine, location: LocationId, quantity: i64) {
    let (line, variant, location) = (packed.line, packed.variant, Some(location));
    match parts.iter_mut().find(|part| part.line == line && part.location == location) {
        Some(part) => part.quantity += quantity,
        None => parts.push(CancelledPart { line, variant, quantity, location }),
    }
}

impl PackedLine {
    fn units(&self, quantity: i64) -> ShippedLine {
        let Self { line, variant, .. } = *self;
        ShippedLine { line, variant, quantity }
    }
}

/// Of the variant, for tests elsewhere.
#[cfg(test)]
pub fn ordered(line: u128, variant: u128, quantity: i64, requires_shipping: bool) -> OrderedLine {
    use contracts::Id;
    use contracts::catalog::VariantId;
    let (line, variant) =
        (LineId::from_uuid(uuid::Uuid::from_u128(line)), VariantId::from_uuid(uuid::Uuid::from_u128(variant)));
    OrderedLine { line, variant, quantity, requires_shipping }
}

#[cfg(test)]
mod tests {
    use contracts::Id;
    use contracts::catalog::VariantId;
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    fn location(number: u128) -> LocationId {
        LocationId::from_uuid(Uuid::from_u128(number))
    }

    fn line(number: u128) -> LineId {
        LineId::from_uuid(Uuid::from_u128(number))
    }

    fn hold(variant: u128, at: u128, quantity: i64) -> StockHold {
        StockHold { variant: VariantId::from_uuid(Uuid::from_u128(variant)), location: location(at), quantity }
    }

    fn packed(number: u128, quantity: i64, cancelled: i64) -> PackedLine {
        PackedLine { line: line(number), variant: VariantId::from_uuid(Uuid::from_u128(number)), quantity, cancelled }
    }

    fn row(shipment: u128, state: ShipmentState, line: PackedLine) -> OrderPacked {
        OrderPacked {
            shipment: ShipmentId::from_uuid(Uuid::from_u128(shipment)),
            location: location(shipment),
            state,
            line,
        }
    }

    fn units(number: u128, quantity: i64) -> LineUnits {
        LineUnits { line: line(number), variant: VariantId::from_uuid(Uuid::from_u128(number)), quantity }
    }

    /// Line and quantity, to be compared.
    fn counted(lines: &[ShippedLine]) -> Vec<(LineId, i64)> {
        lines.iter().map(|line| (line.line, line.quantity)).collect()
    }

    #[test]
    fn a_line_that_two_locations_hold_is_in_two_shipments() {
        let lines = [ordered(1, 1, 3, true), ordered(2, 2, 1, true), ordered(3, 3, 9, false)];
        let by_location = allot(&lines, &[hold(1, 7, 2), hold(1, 8, 1), hold(2, 8, 1)]).expect("shipments");
        assert_eq!(by_location.keys().copied().collect::<Vec<_>>(), [location(7), location(8)]);
        assert_eq!(counted(&by_location[&location(7)]), [(line(1), 2)]);
        assert_eq!(counted(&by_location[&location(8)]), [(line(1), 1), (line(2), 1)]);
    }

    #[test]
    fn what_nobody_counts_goes_with_the_first_and_downloads_go_nowhere() {
        let by_location = allot(&[ordered(1, 1, 3, true)], &[hold(2, 7, 1)]).expect("a shipment");
        assert_eq!(counted(&by_location[&location(7)]), [(line(1), 3)]);
        assert!(allot(&[ordered(1, 1, 3, true)], &[]).is_err());
        assert!(allot(&[ordered(1, 1, 3, false)], &[]).expect("nothing").is_empty());
    }

    #[test]
    fn a_part_leaves_and_the_rest_goes_on() {
        let all = [packed(1, 3, 1), packed(2, 1, 0), packed(3, 1, 1)];
        let whole = split(&all, &[]).expect("all of it");
        assert_eq!((counted(&whole.sent), whole.rest.len()), (vec![(line(1), 2), (line(2), 1)], 0));
        let part = split(&all, &[Part { line: line(1), quantity: 1 }]).expect("a part");
        assert_eq!((counted(&part.sent), counted(&part.rest)), (vec![(line(1), 1)], vec![(line(1), 1), (line(2), 1)]));
    }

    #[test]
    fn what_is_not_there_is_refused_at_its_field() {
        let all = [packed(1, 3, 1), packed(3, 1, 1)];
        let part = |number, quantity| Part { line: line(number), quantity };
        let parts = [part(1, 3), part(9, 1), part(3, 1), part(1, 1), part(1, 1)];
        let problem = split(&all, &parts).expect_err("a refusal");
        let pointers: Vec<&str> = problem.errors.iter().map(|field| field.pointer.as_str()).collect();
        assert_eq!(pointers, ["/lines/0/quantity", "/lines/1/line", "/lines/2/line", "/lines/4/line"]);
    }

    #[test]
    fn what_left_is_not_held_back_and_then_nothing_is() {
        use ShipmentState::{Cancelled, Dispatched, Pending};
        let rows =
            [row(1, Dispatched, packed(1, 2, 0)), row(2, Pending, packed(1, 2, 0)), row(3, Cancelled, packed(2, 1, 1))];
        assert_eq!(hold_back(&rows, &[units(1, 3)]), None);
        assert_eq!(hold_back(&rows, &[units(1, 1), units(2, 1)]), None, "what was taken out is not taken twice");
        assert_eq!(hold_back(&rows, &[units(1, 1), units(1, 2)]), None, "a line named twice counts together");
        let held = hold_back(&rows, &[units(1, 2), units(9, 4)]).expect("held back");
        assert_eq!(held.taken.iter().map(|taken| taken.quantity).collect::<Vec<_>>(), [2]);
        assert_eq!(
            held.parts.iter().map(|part| (part.location, part.quantity)).collect::<Vec<_>>(),
            [(Some(location(2)), 2), (None, 4)]
        );
    }

    proptest! {
        #[test]
        fn every_unit_is_in_one_shipment(
            quantities in prop::collection::vec(1_i64..20, 1..6),
            held in prop::collection::vec((0_u128..6, 1_u128..4, 1_i64..20), 1..12),
        ) {
            let lines: Vec<OrderedLine> =
                quantities.iter().enumerate().map(|(at, quantity)| ordered(at as u128, at as u128 / 2, *quantity, true)).collect();
            let holds: Vec<StockHold> = held.iter().map(|(variant, at, quantity)| hold(*variant, *at, *quantity)).collect();
            let by_location = allot(&lines, &holds).expect("shipments");
            for line in &lines {
                let given: i64 = by_location.values().flatten().filter(|part| part.line == line.line).map(|part| part.quantity).sum();
                prop_assert_eq!(given, line.quantity);
            }
        }

        #[test]
        fn a_split_loses_no_unit(
            all in prop::collection::vec((1_i64..9, 0_i64..9), 1..6), asked in prop::collection::vec(1_i64..9, 1..6),
        ) {
            let all: Vec<PackedLine> =
                all.iter().enumerate().map(|(at, (left, cancelled))| packed(at as u128, left + cancelled, *cancelled)).collect();
            let parts: Vec<Part> = asked.iter().enumerate().map(|(at, quantity)| Part { line: line(at as u128), quantity: *quantity }).collect();
            if let Ok(Split { sent, rest }) = split(&all, &parts) {
                for line in &all {
                    let count = |of: &[ShippedLine]| of.iter().filter(|one| one.line == line.line).map(|one| one.quantity).sum::<i64>();
                    prop_assert_eq!(count(&sent) + count(&rest), line.left());
                }
                prop_assert_eq!(sent.iter().map(|line| line.quantity).sum::<i64>(), asked.iter().sum::<i64>());
            }
        }

        #[test]
        fn what_is_held_back_is_what_was_asked_and_was_there(
            rows in prop::collection::vec((1_u128..5, 0_u128..3, 1_i64..5, prop::bool::ANY), 0..8),
            asked in prop::collection::vec((0_u128..4, 1_i64..6), 1..5),
        ) {
            let rows: Vec<OrderPacked> = rows.iter().map(|(shipment, line, quantity, is_pending)| {
                row(*shipment, if *is_pending { ShipmentState::Pending } else { ShipmentState::Dispatched }, packed(*line, *quantity, 0))
            }).collect();
            let asked: Vec<LineUnits> = asked.iter().map(|(line, quantity)| units(*line, *quantity)).collect();
            let known = |line: LineId| rows.iter().any(|row| row.line.line == line);
            let pending = |line: LineId| rows.iter().filter(|row| row.line.line == line && row.state == ShipmentState::Pending).map(|row| row.line.left()).sum::<i64>();
            let wanted = |line: LineId| asked.iter().filter(|one| one.line == line).map(|one| one.quantity).sum::<i64>();
            let held = hold_back(&rows, &asked);
            let fits = asked.iter().all(|one| !known(one.line) || wanted(one.line) <= pending(one.line));
            prop_assert_eq!(held.is_some(), fits);
            if let Some(held) = held {
                for one in &asked {
                    let parts: i64 = held.parts.iter().filter(|part| part.line == one.line).map(|part| part.quantity).sum();
                    let taken: i64 = held.taken.iter().filter(|taken| taken.line == one.line).map(|taken| taken.quantity).sum();
                    prop_assert_eq!(parts, wanted(one.line));
                    prop_assert_eq!(taken, if known(one.line) { parts } else { 0 });
                }
                for (at, one) in held.taken.iter().enumerate() {
                    let twice = held.taken[at + 1..].iter().any(|other| (other.shipment, other.line) == (one.shipment, one.line));
                    prop_assert!(!twice, "one statement writes each row once");
                }
            }
        }
    }
}
