//! The noun *allocation*: which locations hold an order. One that has everything, else as few as can be.

use std::collections::{BTreeMap, BTreeSet};

use contracts::catalog::VariantId;
use contracts::inventory::{LocationId, Shortage};
use contracts::orders::OrderedLine;

use crate::level::Level;

/// What an order asks for, summed per variant. In the order of variants, which is the order of locks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked(BTreeMap<VariantId, Ask>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Ask {
    quantity: i64,
    ships: bool,
}

/// So much of a variant is to be held at a location.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hold {
    pub variant: VariantId,
    pub location: LocationId,
    pub quantity: i64,
    pub ships: bool,
}

/// What becomes of the order.
#[derive(Debug, Clone)]
pub enum Allocation {
    /// Hold these, by variant and location. Goods that need no shelf (a download without a level) are not among them.
    Hold(Vec<Hold>),
    /// All locations together have too little of these.
    Reject(Vec<Shortage>),
}

impl Asked {
    pub fn of(lines: &[OrderedLine]) -> Self {
        let mut asked: BTreeMap<VariantId, Ask> = BTreeMap::new();
        for line in lines {
            let ask = asked.entry(line.variant).or_insert(Ask { quantity: 0, ships: false });
            ask.quantity = ask.quantity.saturating_add(line.quantity);
            ask.ships |= line.requires_shipping;
        }
        Self(asked)
    }

    pub fn variants(&self) -> Vec<VariantId> {
        self.0.keys().copied().collect()
    }

    /// Chooses the first location by rank that can hold everything, else the first two, else all in turn.
    /// Goods that are there come before goods that are sold beyond that. `levels` are all of these variants.
    pub fn allocate(&self, levels: &[Level]) -> Allocation {
        let shelves = Shelves::of(self, levels);
        let shortages = shelves.shortages();
        if !shortages.is_empty() {
            return Allocation::Reject(shortages);
        }
        let all: Vec<usize> = (0..shelves.locations.len()).collect();
        let choices = || {
            let ones = all.iter().map(|one| vec![*one]);
            let twos = all.iter().flat_map(|one| all[one + 1..].iter().map(|two| vec![*one, *two]));
            std::iter::once(Vec::new()).chain(ones).chain(twos).chain([all.clone()])
        };
        let chosen =
            [false, true].into_iter().find_map(|beyond| choices().find(|choice| shelves.suffice(choice, beyond)));
        Allocation::Hold(shelves.taken(&chosen.unwrap_or(all)))
    }
}

/// What the active locations, by rank, can give of each variant that needs a shelf.
struct Shelves {
    locations: Vec<LocationId>,
    wants: Vec<Want>,
}

struct Want {
    variant: VariantId,
    ask: Ask,
    /// By location: what is there, and whether it can be sold beyond that.
    has: Vec<(i64, bool)>,
}

impl Shelves {
    fn of(asked: &Asked, levels: &[Level]) -> Self {
        let counted: BTreeSet<VariantId> = levels.iter().map(|level| level.variant).collect();
        let ranked: BTreeSet<(i64, LocationId)> =
            levels.iter().filter_map(|level| Some((level.rank?, level.location))).collect();
        let locations: Vec<LocationId> = ranked.into_iter().map(|(_, location)| location).collect();
        let active = levels.iter().filter(|level| level.rank.is_some());
        let by_place: BTreeMap<(VariantId, LocationId), &Level> =
            active.map(|level| ((level.variant, level.location), level)).collect();
        let has = |variant: VariantId| {
            let level = |location: &LocationId| by_place.get(&(variant, *location));
            locations
                .iter()
                .map(|at| level(at).map_or((0, false), |level| (level.available(), level.is_endless())))
                .collect()
        };
        let needing = asked.0.iter().filter(|(variant, ask)| ask.ships || counted.contains(variant));
        let wants = needing.map(|(variant, ask)| Want { variant: *variant, ask: *ask, has: has(*variant) }).collect();
        Self { locations, wants }
    }

    fn shortages(&self) -> Vec<Shortage> {
        let all: Vec<usize> = (0..self.locations.len()).collect();
        let short = self.wants.iter().filter(|want| !want.suffices(&all, true));
        short
            .map(|want| Shortage { variant: want.variant, requested: want.ask.quantity, available: want.there(&all) })
            .collect()
    }

    fn suffice(&self, choice: &[usize], beyond: bool) -> bool {
        self.wants.iter().all(|want| want.suffices(choice, beyond))
    }

    /// Each in turn gives what it has; what is sold beyond that comes from the first that may.
    fn taken(&self, choice: &[usize]) -> Vec<Hold> {
        let mut holds = BTreeMap::new();
        for want in &self.wants {
            let mut left = want.ask.quantity;
            let mut take = |at: usize, most: i64| {
                let quantity = left.min(most);
                left -= quantity;
                if quantity > 0 {
                    *holds.entry((want.variant, self.locations[at], want.ask.ships)).or_insert(0) += quantity;
                }
            };
            choice.iter().for_each(|at| take(*at, want.has[*at].0));
            if let Some(at) = choice.iter().find(|at| want.has[**at].1) {
                take(*at, i64::MAX);
            }
        }
        let hold = |((variant, location, ships), quantity)| Hold { variant, location, quantity, ships };
        holds.into_iter().map(hold).collect()
    }
}

impl Want {
    fn there(&self, choice: &[usize]) -> i64 {
        choice.iter().fold(0, |sum: i64, at| sum.saturating_add(self.has[*at].0))
    }

    fn suffices(&self, choice: &[usize], beyond: bool) -> bool {
        (beyond && choice.iter().any(|at| self.has[*at].1)) || self.there(choice) >= self.ask.quantity
    }
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

    /// Location 1 is asked first.
    fn level(at: u128, of: u128, on_hand: i64) -> Level {
        let (policy, rank) = (StockPolicy::Deny, Some(i64::try_from(at).expect("a small number")));
        Level { variant: variant(of), location: location(at), policy, on_hand, reserved: 0, rank }
    }

    /// `(location, variant, quantity)`
    fn held(asked: &[OrderedLine], levels: &[Level]) -> Vec<(u128, u128, i64)> {
        match Asked::of(asked).allocate(levels) {
            Allocation::Hold(holds) => holds
                .into_iter()
                .map(|hold| (hold.location.uuid().as_u128(), hold.variant.uuid().as_u128(), hold.quantity))
                .collect(),
            Allocation::Reject(shortages) => panic!("rejected for {shortages:?}"),
        }
    }

    /// `(variant, requested, available)`
    fn missing(asked: &[OrderedLine], levels: &[Level]) -> Vec<(u128, i64, i64)> {
        match Asked::of(asked).allocate(levels) {
            Allocation::Reject(shortages) => shortages
                .into_iter()
                .map(|short| (short.variant.uuid().as_u128(), short.requested, short.available))
                .collect(),
            Allocation::Hold(holds) => panic!("held as {holds:?}"),
        }
    }

    #[test]
    fn lines_of_one_variant_are_summed() {
        assert_eq!(missing(&[line(1, 2), line(1, 3)], &[level(1, 1, 4)]), [(1, 5, 4)]);
    }

    #[test]
    fn the_first_location_that_has_everything_holds_the_order() {
        let levels = [level(1, 1, 9), level(2, 1, 2), level(2, 2, 1), level(3, 1, 9), level(3, 2, 9)];
        assert_eq!(held(&[line(1, 2), line(2, 1)], &levels), [(2, 1, 2), (2, 2, 1)]);
        let mut preferred = levels;
        preferred.iter_mut().filter(|level| level.location == location(3)).for_each(|level| level.rank = Some(0));
        assert_eq!(held(&[line(1, 2), line(2, 1)], &preferred), [(3, 1, 2), (3, 2, 1)]);
    }

    #[test]
    fn an_order_that_no_location_has_alone_is_split_over_as_few_as_can_be() {
        let levels = [level(1, 1, 1), level(2, 1, 4), level(2, 2, 1), level(3, 1, 4)];
        assert_eq!(held(&[line(1, 5), line(2, 1)], &levels), [(1, 1, 1), (2, 1, 4), (2, 2, 1)]);
        assert_eq!(held(&[line(1, 8)], &levels), [(2, 1, 4), (3, 1, 4)], "two do, so the first is not asked");
        assert_eq!(held(&[line(1, 9)], &levels), [(1, 1, 1), (2, 1, 4), (3, 1, 4)]);
    }

    #[test]
    fn what_all_locations_together_lack_is_said_and_nothing_else() {
        let levels = [level(1, 1, 1), level(2, 2, 1), level(2, 3, 1)];
        assert_eq!(missing(&[line(1, 2), line(2, 1), line(3, 4)], &levels), [(1, 2, 1), (3, 4, 1)]);
    }

    #[test]
    fn a_location_that_is_not_active_holds_no_new_order() {
        let levels = [Level { rank: None, ..level(1, 1, 9) }, level(2, 1, 2)];
        assert_eq!(held(&[line(1, 2)], &levels), [(2, 1, 2)]);
        assert_eq!(missing(&[line(1, 3)], &levels), [(1, 3, 2)]);
    }

    #[test]
    fn a_variant_without_a_level_is_out_of_stock_unless_nothing_is_shipped() {
        assert_eq!(missing(&[line(1, 1)], &[]), [(1, 1, 0)]);
        let download = [OrderedLine { requires_shipping: false, ..line(1, 1) }];
        assert!(held(&download, &[]).is_empty());
        assert_eq!(missing(&download, &[level(1, 1, 0)]), [(1, 1, 0)], "a ticket that is counted can be sold out");
    }

    #[test]
    fn what_is_there_comes_before_what_is_sold_beyond() {
        let policy = StockPolicy::Backorder;
        let levels = [Level { policy, ..level(1, 1, 1) }, Level { policy, ..level(2, 1, 3) }];
        assert_eq!(held(&[line(1, 3)], &levels), [(2, 1, 3)]);
        assert_eq!(held(&[line(1, 4)], &levels), [(1, 1, 1), (2, 1, 3)]);
        assert_eq!(held(&[line(1, 9)], &levels), [(1, 1, 9)], "nobody has it all: the first sells beyond");
        let untracked = [Level { policy: StockPolicy::Untracked, ..level(1, 1, 0) }];
        assert_eq!(held(&[line(1, 7)], &untracked), [(1, 1, 7)]);
    }

    #[test]
    fn two_hundred_locations_are_asked_quickly() {
        let levels: Vec<Level> = (1..=200).flat_map(|at| (1..=100).map(move |of| level(at, of, 1))).collect();
        let lines: Vec<OrderedLine> = (1..=100).map(|of| line(of, 200)).collect();
        assert_eq!(held(&lines, &levels).len(), 20_000);
    }

    proptest! {
        #[test]
        fn what_is_held_is_there_and_what_is_rejected_is_not(
            lines in prop::collection::vec((1_u128..5, 1_i64..10), 1..6),
            stock in prop::collection::btree_map((1_u128..5, 1_u128..5), 0_i64..15, 0..16),
        ) {
            let lines: Vec<OrderedLine> = lines.into_iter().map(|(variant, quantity)| line(variant, quantity)).collect();
            let levels: Vec<Level> = stock.iter().map(|((at, of), on_hand)| level(*at, *of, *on_hand)).collect();
            let there = |variant: VariantId, at: Option<LocationId>| -> i64 {
                let here = |level: &&Level| level.variant == variant && at.is_none_or(|at| level.location == at);
                levels.iter().filter(here).map(|level| level.on_hand).sum()
            };
            let asked = |variant: VariantId| -> i64 {
                lines.iter().filter(|line| line.variant == variant).map(|line| line.quantity).sum()
            };
            match Asked::of(&lines).allocate(&levels) {
                Allocation::Hold(holds) => {
                    prop_assert!(holds.iter().all(|hold| there(hold.variant, Some(hold.location)) >= hold.quantity));
                    for line in &lines {
                        let held: i64 = holds.iter().filter(|hold| hold.variant == line.variant).map(|hold| hold.quantity).sum();
                        prop_assert_eq!(held, asked(line.variant));
                    }
                    let used: BTreeSet<LocationId> = holds.iter().map(|hold| hold.location).collect();
                    let alone = (1..5).map(location).any(|at| lines.iter().all(|line| there(line.variant, Some(at)) >= asked(line.variant)));
                    prop_assert!(!alone || used.len() == 1);
                }
                Allocation::Reject(shortages) => {
                    prop_assert!(!shortages.is_empty());
                    for shortage in shortages {
                        prop_assert_eq!(shortage.available, there(shortage.variant, None));
                        prop_assert!(shortage.requested > shortage.available);
                    }
                }
            }
        }
    }
}
