//! The noun *reservation*: what an order holds of a variant at a location, and how that ends.
//!
//! A unit that is held is shipped or released, once. Every function here gives the same end whatever comes
//! first: a cancellation of lines, the order's cancellation, its shipments, its completion.

use std::collections::BTreeMap;

use contracts::catalog::VariantId;
use contracts::inventory::{LocationId, ReservationId};
use contracts::shipping::{CancelledPart, ShippedLine};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reservation {
    pub id: ReservationId,
    pub variant: VariantId,
    pub location: LocationId,
    /// A shipment takes it; else the order's completion does.
    pub ships: bool,
    pub quantity: i64,
    pub shipped: i64,
    pub released: i64,
}

/// How units of a reservation ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ending {
    pub reservation: ReservationId,
    pub variant: VariantId,
    pub location: LocationId,
    /// Held until now, and left the house.
    pub shipped: i64,
    /// Held until now, and stays in the house.
    pub released: i64,
    /// Booked out when the order was completed, and comes back: it was cancelled before.
    pub back: i64,
}

impl Reservation {
    pub fn held(&self) -> i64 {
        self.quantity - self.shipped - self.released
    }

    fn ending(&self) -> Ending {
        let Self { id, variant, location, .. } = *self;
        Ending { reservation: id, variant, location, shipped: 0, released: 0, back: 0 }
    }

    fn release(&self, quantity: i64) -> Ending {
        let released = quantity.min(self.held());
        // Only what doesn't ship was booked out by the completion alone.
        let back = if self.ships { 0 } else { (quantity - released).min(self.shipped) };
        Ending { released, back, ..self.ending() }
    }
}

/// The order ended: everything that is still held is released.
pub fn release_all(holds: &[Reservation]) -> Vec<Ending> {
    let held = holds.iter().filter(|hold| hold.held() > 0);
    held.map(|hold| hold.release(hold.held())).collect()
}

/// Lines were cancelled: so many units are released, where a part names a location there, else from the first
/// locations by id that have them. At most what the order has.
pub fn release_parts(holds: &[Reservation], parts: &[CancelledPart]) -> Vec<Ending> {
    let mut left: BTreeMap<(VariantId, Option<LocationId>), i64> = BTreeMap::new();
    for part in parts {
        let sum = left.entry((part.variant, part.location)).or_insert(0);
        *sum = sum.saturating_add(part.quantity);
    }
    let mut ordered: Vec<&Reservation> = holds.iter().collect();
    ordered.sort_by_key(|hold| (hold.variant, hold.location));
    let mut endings = Vec::new();
    for hold in ordered {
        let here = left.get(&(hold.variant, Some(hold.location))).copied().unwrap_or(0);
        let anywhere = left.get(&(hold.variant, None)).copied().unwrap_or(0);
        let ending = hold.release(here.saturating_add(anywhere));
        let ended = ending.released + ending.back;
        if ended > 0 {
            left.insert((hold.variant, None), anywhere - (ended - here.min(ended)));
            endings.push(ending);
        }
    }
    endings
}

/// The order is completed: what no shipment takes is handed over.
pub fn hand_over(holds: &[Reservation]) -> Vec<Ending> {
    let held = holds.iter().filter(|hold| !hold.ships && hold.held() > 0);
    held.map(|hold| Ending { shipped: hold.held(), ..hold.ending() }).collect()
}

/// A shipment left a location with `lines`: what the order held of them there ends. Less than left where the
/// order was cancelled before; the rest is held by nobody.
pub fn ship(holds: &[Reservation], location: LocationId, lines: &BTreeMap<VariantId, i64>) -> Vec<Ending> {
    let there = holds.iter().filter(|hold| hold.location == location);
    let ending = |hold: &Reservation| {
        let shipped = lines.get(&hold.variant).map_or(0, |quantity| hold.held().min(*quantity));
        (shipped > 0).then(|| Ending { shipped, ..hold.ending() })
    };
    there.filter_map(ending).collect()
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
    use contracts::Id;
    use contracts::carts::LineId;
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    const TEAPOT: u128 = 1;

    fn location(number: u128) -> LocationId {
        LocationId::from_uuid(Uuid::from_u128(number))
    }

    fn hold(at: u128, quantity: i64, ships: bool) -> Reservation {
        Reservation {
            id: ReservationId::from_uuid(Uuid::from_u128(at)),
            variant: VariantId::from_uuid(Uuid::from_u128(TEAPOT)),
            location: location(at),
            ships,
            quantity,
            shipped: 0,
            released: 0,
        }
    }

    fn part(quantity: i64, at: Option<u128>) -> CancelledPart {
        let (line, variant) = (LineId::from_uuid(Uuid::nil()), VariantId::from_uuid(Uuid::from_u128(TEAPOT)));
        CancelledPart { line, variant, quantity, location: at.map(location) }
    }

    fn apply(holds: &mut [Reservation], endings: Vec<Ending>) {
        for ending in endings {
            let hold = holds.iter_mut().find(|hold| hold.id == ending.reservation).expect("a hold");
            hold.shipped += ending.shipped - ending.back;
            hold.released += ending.released + ending.back;
            assert!(hold.shipped >= 0 && hold.held() >= 0, "{hold:?}");
        }
    }

    #[test]
    fn parts_are_released_where_they_lie() {
        let holds = [hold(1, 3, true), hold(2, 3, true)];
        let endings = release_parts(&holds, &[part(1, Some(2)), part(1, Some(2))]);
        assert_eq!(endings.len(), 1);
        assert_eq!((endings[0].location, endings[0].released, endings[0].back), (location(2), 2, 0));
    }

    #[test]
    fn parts_without_a_place_are_released_at_the_first_that_have_them() {
        let holds = [hold(2, 3, false), hold(1, 2, false)];
        let released: Vec<_> = release_parts(&holds, &[part(4, None)])
            .into_iter()
            .map(|ending| (ending.location, ending.released))
            .collect();
        assert_eq!(released, [(location(1), 2), (location(2), 2)]);
        let both = release_parts(&holds, &[part(1, Some(1)), part(2, None)]);
        let released: Vec<_> = both.into_iter().map(|ending| (ending.location, ending.released)).collect();
        assert_eq!(released, [(location(1), 2), (location(2), 1)]);
    }

    #[test]
    fn a_shipment_ends_only_what_is_held_where_it_left() {
        let holds = [hold(1, 3, true), hold(2, 3, true)];
        let lines = BTreeMap::from([(holds[0].variant, 5)]);
        let endings = ship(&holds, location(2), &lines);
        assert_eq!(
            endings.iter().map(|ending| (ending.location, ending.shipped)).collect::<Vec<_>>(),
            [(location(2), 3)]
        );
    }

    proptest! {
        /// What doesn't ship: lines cancelled in parts, and the completion, in any order.
        #[test]
        fn cancelled_units_stay_in_the_house_whether_the_completion_came_first(
            quantities in prop::collection::vec(1_i64..6, 1..4),
            cancelled in prop::collection::vec(0_i64..5, 0..4),
            completed_at in 0_usize..5,
        ) {
            let total: i64 = quantities.iter().sum();
            let fresh = || quantities.iter().enumerate().map(|(at, q)| hold(at as u128 + 1, *q, false)).collect::<Vec<_>>();
            let run = |completed_at: usize| {
                let mut holds = fresh();
                for (at, quantity) in cancelled.iter().enumerate() {
                    if at == completed_at { let ended = hand_over(&holds); apply(&mut holds, ended); }
                    let ended = release_parts(&holds, &[part(*quantity, None)]);
                    apply(&mut holds, ended);
                }
                let ended = hand_over(&holds);
                apply(&mut holds, ended);
                holds
            };
            let (early, late) = (run(completed_at), run(usize::MAX));
            prop_assert_eq!(&early, &late);
            prop_assert!(early.iter().all(|hold| hold.held() == 0));
            let released: i64 = early.iter().map(|hold| hold.released).sum();
            prop_assert_eq!(released, cancelled.iter().sum::<i64>().min(total));
        }
    }
}
