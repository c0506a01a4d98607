//! The noun *reservation*: which location holds an order. All of the order at one location, or nothing.

use std::collections::{BTreeMap, BTreeSet};

use contracts::catalog::VariantId;
use contracts::inventory::{LocationId, Shortage};
use contracts::orders::OrderedLine;
use contracts::shipping::ShippedLine;

use crate::level::Level;

/// What an order asks for, summed per variant. In the order of variants, which is the order of locks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked(BTreeMap<VariantId, Ask>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Ask {
    quantity: i64,
    requires_shipping: bool,
}

/// What becomes of the order.
#[derive(Debug, Clone)]
pub enum Allocation {
    /// Hold these at this location. Goods that need no shelf (a download without a level) are not among them.
    Hold { location: LocationId, quantities: Vec<(VariantId, i64)> },
    /// No location has it all; these are missing at the one that comes nearest.
    Reject(Vec<Shortage>),
}

impl Asked {
    pub fn of(lines: &[OrderedLine]) -> Self {
        let mut asked: BTreeMap<VariantId, Ask> = BTreeMap::new();
        for line in lines {
            let ask = asked.entry(line.variant).or_insert(Ask { quantity: 0, requires_shipping: false });
            ask.quantity = ask.quantity.saturating_add(line.quantity);
            ask.requires_shipping |= line.requires_shipping;
        }
        Self(asked)
    }

    pub fn variants(&self) -> Vec<VariantId> {
        self.0.keys().copied().collect()
    }

    /// Chooses the oldest location that can hold everything. `levels` are all levels of these variants,
    /// `first` the shop's oldest location: it stands for an order that lies on no shelf.
    pub fn allocate(&self, levels: &[Level], first: Option<LocationId>) -> Allocation {
        let counted: BTreeSet<VariantId> = levels.iter().map(|level| level.variant).collect();
        let to_hold: Vec<(VariantId, i64)> = self
            .0
            .iter()
            .filter(|(variant, ask)| ask.requires_shipping || counted.contains(variant))
            .map(|(variant, ask)| (*variant, ask.quantity))
            .collect();
        let locations: BTreeSet<LocationId> = levels.iter().map(|level| level.location).chain(first).collect();
        let mut nearest: Option<Vec<Shortage>> = None;
        for location in locations {
            let shortages = shortages(&to_hold, levels, location);
            if shortages.is_empty() {
                return Allocation::Hold { location, quantities: to_hold };
            }
            if nearest.as_ref().is_none_or(|nearest| shortages.len() < nearest.len()) {
                nearest = Some(shortages);
            }
        }
        let all =
            self.0.iter().map(|(variant, ask)| Shortage { variant: *variant, requested: ask.quantity, available: 0 });
        Allocation::Reject(nearest.unwrap_or_else(|| all.collect()))
    }
}

fn shortages(to_hold: &[(VariantId, i64)], levels: &[Level], location: LocationId) -> Vec<Shortage> {
    let missing = |(variant, requested): &(VariantId, i64)| {
        let level = levels.iter().find(|level| level.variant == *variant && level.location == location);
        match level {
            Some(level) if level.can_hold(*requested) => None,
            level => {
                let available = level.map_or(0, Level::available);
                Some(Shortage { variant: *variant, requested: *requested, available })
            }
        }
    };
    to_hold.iter().filter_map(missing).collect()
}

/// What left the house, summed per variant.
pub fn summed(lines: &[ShippedLine]) -> BTreeMap<VariantId, i64> {
    let mut sums: BTreeMap<VariantId, i64> = BTreeMap::new();
    for line in lines {
        let sum = sums.entry(line.variant).or_insert(0);
        *sum = sum.saturating_add(line.quantity);
    }
    sums
}

#[cfg(test)]
mod tests {
    use contracts::inventory::StockPolicy;
    use contracts::{Id, carts::LineId};
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    fn variant(number: u128) -> VariantId {
        VariantId::from_uuid(Uuid::from_u128(number))
    }

    fn location(number: u128) -> LocationId {
        LocationId::from_uuid(Uuid::from_u128(number))
    }

    fn line(variant_number: u128, quantity: i64) -> OrderedLine {
        let line = LineId::from_uuid(Uuid::from_u128(variant_number));
        OrderedLine { line, variant: variant(variant_number), quantity, requires_shipping: true }
    }

    fn level(at: u128, of: u128, on_hand: i64) -> Level {
        Level { variant: variant(of), location: location(at), policy: StockPolicy::Deny, on_hand, reserved: 0 }
    }

    #[test]
    fn lines_of_one_variant_are_summed() {
        let asked = Asked::of(&[line(1, 2), line(1, 3)]);
        let Allocation::Reject(shortages) = asked.allocate(&[level(1, 1, 4)], None) else { panic!("held") };
        assert_eq!((shortages[0].requested, shortages[0].available), (5, 4));
    }

    #[test]
    fn the_oldest_location_that_has_everything_holds_the_order() {
        let asked = Asked::of(&[line(1, 2), line(2, 1)]);
        let levels = [level(1, 1, 9), level(2, 1, 2), level(2, 2, 1), level(3, 1, 9), level(3, 2, 9)];
        let Allocation::Hold { location: chosen, quantities } = asked.allocate(&levels, None) else {
            panic!("rejected")
        };
        assert_eq!(chosen, location(2));
        assert_eq!(quantities, [(variant(1), 2), (variant(2), 1)]);
    }

    #[test]
    fn an_order_is_not_split_and_the_nearest_location_says_what_is_missing() {
        let asked = Asked::of(&[line(1, 1), line(2, 1), line(3, 1)]);
        let levels = [level(1, 1, 1), level(2, 2, 1), level(2, 3, 1)];
        let Allocation::Reject(shortages) = asked.allocate(&levels, None) else { panic!("held") };
        assert_eq!(shortages.iter().map(|shortage| shortage.variant).collect::<Vec<_>>(), [variant(1)]);
    }

    #[test]
    fn a_variant_without_a_level_is_out_of_stock_unless_nothing_is_shipped() {
        let shipped = Asked::of(&[line(1, 1)]);
        assert!(
            matches!(shipped.allocate(&[], Some(location(1))), Allocation::Reject(shortages) if shortages[0].available == 0)
        );
        let download = Asked::of(&[OrderedLine { requires_shipping: false, ..line(1, 1) }]);
        let Allocation::Hold { quantities, .. } = download.allocate(&[], Some(location(1))) else { panic!("rejected") };
        assert!(quantities.is_empty());
        let counted = download.allocate(&[level(1, 1, 0)], None);
        assert!(matches!(counted, Allocation::Reject(_)), "a ticket that is counted can be sold out");
    }

    #[test]
    fn backorder_and_untracked_hold_what_is_not_there() {
        for policy in [StockPolicy::Backorder, StockPolicy::Untracked] {
            let levels = [Level { policy, ..level(1, 1, 0) }];
            assert!(matches!(Asked::of(&[line(1, 7)]).allocate(&levels, None), Allocation::Hold { .. }));
        }
    }

    proptest! {
        #[test]
        fn what_is_held_is_there(
            lines in prop::collection::vec((1_u128..5, 1_i64..10), 1..6),
            stock in prop::collection::btree_map((1_u128..4, 1_u128..5), 0_i64..30, 0..12),
        ) {
            let lines: Vec<OrderedLine> = lines.into_iter().map(|(variant, quantity)| line(variant, quantity)).collect();
            let levels: Vec<Level> = stock.iter().map(|((at, of), on_hand)| level(*at, *of, *on_hand)).collect();
            let on_hand = |variant: VariantId, location: LocationId| {
                levels.iter().find(|level| (level.variant, level.location) == (variant, location)).map_or(0, |level| level.on_hand)
            };
            match Asked::of(&lines).allocate(&levels, None) {
                Allocation::Hold { location, quantities } => {
                    let total: i64 = quantities.iter().map(|(_, quantity)| quantity).sum();
                    prop_assert_eq!(total, lines.iter().map(|line| line.quantity).sum::<i64>());
                    prop_assert!(quantities.iter().all(|(variant, quantity)| on_hand(*variant, location) >= *quantity));
                }
                Allocation::Reject(shortages) => {
                    prop_assert!(!shortages.is_empty());
                    prop_assert!(shortages.iter().all(|shortage| shortage.requested > shortage.available));
                }
            }
        }
    }
}
