//! Every process is stopped and started in turn while the shop sells: as it is, or as another release.

use std::path::Path;

use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;

use super::nemesis::{DRAIN_MAX, Fired, Nemesis};

pub async fn restart(nemesis: &mut Nemesis<'_>) -> Result<Fired, String> {
    let mut fired = Fired { orders_in_flight: i64::MAX, ..Fired::default() };
    let all: Vec<usize> = (0..nemesis.rig.units.len()).collect();
    roll(nemesis, &all, None, &mut fired).await?;
    Ok(fired)
}

/// Into the next release, back by one as a shop may have to, and into it again; in the seed's order each time, so that
/// who says something new may be there before who hears it, and the other way round.
pub async fn upgrade(nemesis: &mut Nemesis<'_>, seed: u64) -> Result<Fired, String> {
    let now = nemesis.rig.plan.binary.clone();
    let next = nemesis.rig.plan.next_binary.clone().ok_or("there is no next release")?;
    let mut random = StdRng::seed_from_u64(seed);
    let mut fired = Fired { orders_in_flight: i64::MAX, ..Fired::default() };
    let mut order: Vec<usize> = (0..nemesis.rig.units.len()).collect();
    for program in [&next, &now, &next] {
        order.shuffle(&mut random);
        roll(nemesis, &order, Some(program), &mut fired).await?;
    }
    nemesis.rig.plan.binary = next;
    Ok(fired)
}

async fn roll(
    nemesis: &mut Nemesis<'_>,
    order: &[usize],
    program: Option<&Path>,
    fired: &mut Fired,
) -> Result<(), String> {
    for at in order {
        fired.orders_in_flight = fired.orders_in_flight.min(nemesis.market.in_flight());
        let unit = &mut nemesis.rig.units[*at];
        match unit.stop(DRAIN_MAX).await {
            Ok(status) if status.success() => {}
            Ok(status) => fired.note = format!("{}{} ended with {status}; ", fired.note, unit.name),
            Err(why) => fired.note = format!("{}{why}; ", fired.note),
        }
        if let Some(program) = program {
            unit.set_program(program);
        }
        unit.start()?;
        unit.ready().await?;
        fired.times += 1;
    }
    Ok(())
}
