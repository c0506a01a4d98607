//! How much of the authorised money a parcel is worth. Pure arithmetic on minor units.

use contracts::carts::LineId;

use crate::sale::Line;

/// What to capture for a parcel that has just left with these units (already in `lines`' shipped
/// quantities): its units' share of each line's total, and of the shipping by number of units.
///
/// The last parcel takes all that is `left` to capture: lines that are not shipped, and what rounding
/// down left over. So the parcels of an order sum to its total, however it was split.
pub fn for_parcel(lines: &[Line], left_in_it: &[(LineId, i64)], shipping_minor: i64, left_minor: i64) -> i64 {
    if lines.iter().all(|line| line.to_ship() == 0) {
        return left_minor;
    }
    let units = |line: &Line| left_in_it.iter().filter(|(id, _)| *id == line.id).map(|(_, units)| units).sum::<i64>();
    let of_lines: i64 =
        lines.iter().map(|line| of_units(line, line.shipped) - of_units(line, line.shipped - units(line))).sum();

    let to_ship: i64 = lines.iter().filter(|line| line.requires_shipping).map(|line| line.quantity).sum();
    let shipped: i64 = lines.iter().map(|line| line.shipped).sum();
    let before = shipped - lines.iter().map(units).sum::<i64>();
    let of_shipping = part(shipping_minor, shipped, to_ship) - part(shipping_minor, before, to_ship);

    (of_lines + of_shipping).clamp(0, left_minor)
}

/// The price of a line's first units, allocated by largest remainder: the odd cents are with the first.
fn of_units(line: &Line, units: i64) -> i64 {
    units * (line.total_minor / line.quantity) + units.min(line.total_minor % line.quantity)
}

/// `amount * some / all`, rounded down.
fn part(amount: i64, some: i64, all: i64) -> i64 {
    let part = i128::from(amount) * i128::from(some) / i128::from(all.max(1));
    i64::try_from(part).expect("a part is not larger than the whole")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::tests::samples::line;

    #[test]
    fn one_of_three_teapots_takes_its_third_and_the_odd_cent() {
        let mut lines = vec![line(1, 3, 1_000)];
        lines[0].shipped = 1;
        // 334 of 1,000 for the first unit, 166 of 500 for the shipping.
        assert_eq!(for_parcel(&lines, &[(lines[0].id, 1)], 500, 1_500), 334 + 166);
    }

    proptest! {
        #[test]
        fn parcels_sum_to_the_total_however_it_is_split(
            lines in prop::collection::vec((1_i64..6, 0_i64..10_000, any::<bool>()), 1..5),
            shipping in 0_i64..2_000,
            splits in prop::collection::vec((0_usize..5, 1_i64..4), 0..40),
        ) {
            let mut lines: Vec<Line> = lines.iter().enumerate()
                .map(|(at, (quantity, total, ships))| Line { requires_shipping: *ships, ..line(at as u128, *quantity, *total) })
                .collect();
            prop_assume!(lines.iter().any(|line| line.requires_shipping));
            let total = shipping + lines.iter().map(|line| line.total_minor).sum::<i64>();
            let rest: Vec<(usize, i64)> = (0..lines.len()).map(|at| (at, i64::MAX)).collect();
            let mut captured = 0;
            for (at, units) in splits.into_iter().chain(rest) {
                let Some(line) = lines.get_mut(at) else { continue };
                let units = units.min(line.to_ship());
                if units == 0 {
                    continue;
                }
                line.shipped += units;
                let parcel = [(line.id, units)];
                let due = for_parcel(&lines, &parcel, shipping, total - captured);
                prop_assert!(due >= 0);
                captured += due;
            }
            prop_assert_eq!(captured, total);
        }
    }
}
