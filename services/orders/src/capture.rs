//! How much of the authorised money a parcel is worth. Pure arithmetic on minor units.

use contracts::carts::LineId;
use contracts::money::allocate;

use crate::sale::Line;

/// What is asked of an order: so much in all, and so much of it was asked already.
#[derive(Debug, Clone, Copy)]
pub struct Asked {
    /// The order's total less what was cancelled.
    pub due_minor: i64,
    pub so_far_minor: i64,
    pub shipping_minor: i64,
}

/// What to capture for a parcel that has just left with these units (already in `lines`' shipped
/// quantities): what its units carry of their lines, and of the shipping that was not asked yet the share
/// by amount beside what waits to be sent, by largest remainder.
///
/// The last parcel takes all that is left to ask: lines that are not shipped, too. So the parcels of an
/// order sum to what is due, however it was split and whatever was cancelled in between.
pub fn for_parcel(lines: &[Line], parcel: &[(LineId, i64)], asked: Asked) -> i64 {
    let left_minor = asked.due_minor - asked.so_far_minor;
    if lines.iter().all(|line| line.to_ship() == 0) {
        return left_minor;
    }
    let units = |line: &Line| parcel.iter().filter(|(id, _)| *id == line.id).map(|(_, units)| units).sum::<i64>();
    let sum = |worth: &dyn Fn(&Line) -> i64| lines.iter().map(worth).sum::<i64>();

    let of_parcel = sum(&|line| line.worth(line.shipped - units(line), units(line)));
    let left_before = sum(&|line| line.worth(0, line.shipped - units(line)));
    let waits = sum(&|line| line.worth(line.shipped, line.to_ship()));

    let shipping_left = (asked.shipping_minor - (asked.so_far_minor - left_before)).max(0);
    // Goods that all cost nothing carry no shipping: the last parcel takes it.
    let of_shipping = allocate(shipping_left, &[of_parcel, waits]).map_or(0, |parts| parts[0]);

    (of_parcel + of_shipping).clamp(0, left_minor)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::tests::samples::line;

    fn asked(due_minor: i64, so_far_minor: i64, shipping_minor: i64) -> Asked {
        Asked { due_minor, so_far_minor, shipping_minor }
    }

    #[test]
    fn one_of_three_teapots_takes_its_third_and_a_third_of_the_shipping() {
        let mut lines = vec![line(1, 3, 1_000)];
        lines[0].shipped = 1;
        // 333 of 1,000 for the first unit; 500 over 333 and 667 gives it 166.5, and the earlier part the odd cent.
        assert_eq!(for_parcel(&lines, &[(lines[0].id, 1)], asked(1_500, 0, 500)), 333 + 167);
        lines[0].shipped = 2;
        assert_eq!(for_parcel(&lines, &[(lines[0].id, 1)], asked(1_500, 500, 500)), 333 + 166);
        lines[0].shipped = 3;
        assert_eq!(for_parcel(&lines, &[(lines[0].id, 1)], asked(1_500, 999, 500)), 501);
    }

    #[test]
    fn shipping_goes_with_the_amounts_and_not_with_the_units() {
        let mut lines = vec![line(1, 1, 9_000), line(2, 9, 1_000)];
        lines[0].shipped = 1;
        assert_eq!(for_parcel(&lines, &[(lines[0].id, 1)], asked(10_500, 0, 500)), 9_000 + 450);
    }

    proptest! {
        #[test]
        fn parcels_sum_to_what_is_due_however_it_is_split_and_cancelled(
            lines in prop::collection::vec((1_i64..6, 0_i64..10_000, any::<bool>()), 1..5),
            shipping in 0_i64..2_000,
            steps in prop::collection::vec((0_usize..5, 1_i64..4, any::<bool>()), 0..40),
        ) {
            let mut lines: Vec<Line> = lines.iter().enumerate()
                .map(|(at, (quantity, total, ships))| Line { requires_shipping: *ships, ..line(at as u128, *quantity, *total) })
                .collect();
            prop_assume!(lines.iter().any(|line| line.requires_shipping));
            let total = shipping + lines.iter().map(|line| line.total_minor).sum::<i64>();
            let due = |lines: &[Line]| total - lines.iter().map(Line::cancelled_minor).sum::<i64>();
            let rest: Vec<(usize, i64, bool)> = (0..lines.len()).map(|at| (at, i64::MAX, false)).collect();
            let mut so_far = 0;
            for (at, units, is_cancelled) in steps.into_iter().chain(rest) {
                let waits: i64 = lines.iter().map(Line::to_ship).sum();
                let Some(line) = lines.get_mut(at) else { continue };
                let units = units.min(line.to_ship());
                // What is cancelled last leaves no parcel to take the rest: the order asks for that itself.
                if units == 0 || (is_cancelled && waits == units) {
                    continue;
                }
                if is_cancelled {
                    line.cancelled += units;
                    continue;
                }
                line.shipped += units;
                let parcel = [(line.id, units)];
                let amount = for_parcel(&lines, &parcel, asked(due(&lines), so_far, shipping));
                prop_assert!(amount >= 0);
                so_far += amount;
            }
            prop_assert_eq!(so_far, due(&lines));
        }
    }
}
