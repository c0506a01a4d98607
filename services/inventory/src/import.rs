//! Counts in bulk, for the importer; and what it reads back, for the exporter.

use std::collections::{BTreeMap, BTreeSet};

use ::store::Tx;
use contracts::catalog::VariantId;
use contracts::inventory::{LocationId, StockPolicy};
use platform::{Ctx, Problem};
use serde::{Deserialize, Serialize};

use crate::book::{book, flip};
use crate::error::Error;
use crate::location::{EditLocation, LOCATIONS_MAX, NewLocation, PRIORITY_MAX};
use crate::movement::Movement;
use crate::store;
use crate::store::import::Before;

/// Counts per transaction.
const CHUNK: usize = 500;

/// What lies of a variant at a location, and how it is sold when it runs out. What is `None` stays as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportedCount {
    pub variant: VariantId,
    /// By name.
    pub location: String,
    pub on_hand: i64,
    /// At every location.
    pub policy: Option<StockPolicy>,
    pub low_threshold: Option<i64>,
}

impl ImportedCount {
    pub fn new(variant: VariantId, location: &str, on_hand: i64) -> Self {
        Self { variant, location: location.to_owned(), on_hand, policy: None, low_threshold: None }
    }
}

/// A location, told before what lies there. One that the shop has already stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImportedLocation {
    pub name: String,
    #[serde(default)]
    pub country: Option<String>,
    #[serde(default)]
    pub priority: Option<i64>,
    #[serde(default = "yes")]
    pub active: bool,
}

fn yes() -> bool {
    true
}

/// Sets what is on hand, making locations and levels where there are none. Returns how many levels were made or
/// changed: nothing the second time. A count below what is reserved is kept as a shortfall. Of a variant that comes
/// twice at a location the last count holds.
///
/// `ctx` may be any service's: the levels are inventory's all the same.
///
/// Errors: a field problem where a number is negative or the shop has too many locations; then nothing is changed.
pub async fn import_counts(ctx: &Ctx, counts: Vec<ImportedCount>) -> Result<u64, Error> {
    let is_negative = |count: &&ImportedCount| count.on_hand < 0 || count.low_threshold.is_some_and(|low| low < 0);
    if let Some(count) = counts.iter().find(is_negative) {
        return Err(Problem::field("/counts", format!("a number of {} is below 0", count.variant)).into());
    }
    let ctx = ctx.of("inventory");
    let mut locations: BTreeMap<String, LocationId> = BTreeMap::new();
    let mut counted = BTreeMap::new();
    for count in counts {
        let location = match locations.get(&count.location) {
            Some(known) => *known,
            None => {
                let location = location_named(&ctx, NewLocation::named(&count.location)).await?.0;
                *locations.entry(count.location.clone()).or_insert(location)
            }
        };
        counted.insert((count.variant, location), count);
    }
    let counted: Vec<Counted> =
        counted.into_iter().map(|((variant, location), count)| Counted { variant, location, count }).collect();
    let mut changed = 0;
    for chunk in counted.chunks(CHUNK) {
        let before = store::import::before(&ctx.db, places(chunk)).await?;
        let differing = differing(chunk, &before);
        if !differing.is_empty() {
            changed += ctx.db.write(differing, |tx, counts| Box::pin(count(tx, counts))).await?;
        }
    }
    Ok(changed)
}

/// As [`import_counts`], at one location.
#[cfg(test)]
pub async fn import_levels(ctx: &Ctx, location: &str, levels: Vec<(VariantId, i64)>) -> Result<u64, Error> {
    let counts = levels.into_iter().map(|(variant, on_hand)| ImportedCount::new(variant, location, on_hand));
    import_counts(ctx, counts.collect()).await
}

/// A count at a place.
#[derive(Debug, Clone)]
struct Counted {
    variant: VariantId,
    location: LocationId,
    count: ImportedCount,
}

fn places(counts: &[Counted]) -> impl Iterator<Item = (VariantId, LocationId)> {
    counts.iter().map(|count| (count.variant, count.location))
}

type Known = BTreeMap<(VariantId, LocationId), Before>;

async fn count(tx: &mut Tx, counts: &[Counted]) -> Result<u64, Error> {
    let variants: BTreeSet<VariantId> = counts.iter().map(|count| count.variant).collect();
    let variants = Vec::from_iter(variants);
    store::lock_variants(tx, &variants).await?;
    let before = store::import::before_in(tx, places(counts)).await?;
    let differing = differing(counts, &before);
    store::add_levels(tx, places(&differing)).await?;
    set_policies(tx, &differing, &before).await?;
    let thresholds = differing.iter().filter_map(|counted| {
        let low = counted.count.low_threshold?;
        Some(((counted.variant, counted.location), low))
    });
    let thresholds = Vec::from_iter(thresholds);
    if !thresholds.is_empty() {
        store::set_thresholds(tx, thresholds).await?;
    }
    let movements: Vec<Movement> = differing
        .iter()
        .map(|counted| (counted, counted.count.on_hand - on_hand(&before, counted).unwrap_or(0)))
        .filter(|(_, change)| *change != 0)
        .map(|(counted, change)| Movement::counted(counted.variant, counted.location, change))
        .collect();
    if !book(tx, &movements).await? {
        return Err(Problem::internal("a level changed under its lock").into());
    }
    // A policy or a threshold alone may change what buyers are told, too.
    flip(tx, variants).await?;
    Ok(differing.len() as u64)
}

fn on_hand(before: &Known, counted: &Counted) -> Option<i64> {
    before.get(&(counted.variant, counted.location))?.level.map(|(on_hand, _)| on_hand)
}

/// A policy is the variant's: the last that is said of it holds.
async fn set_policies(tx: &mut Tx, counts: &[Counted], before: &Known) -> Result<(), Error> {
    let mut wanted: BTreeMap<VariantId, StockPolicy> = BTreeMap::new();
    for counted in counts {
        let known = before.get(&(counted.variant, counted.location)).and_then(|before| before.policy);
        if let Some(policy) = counted.count.policy.filter(|policy| Some(*policy) != known) {
            wanted.insert(counted.variant, policy);
        }
    }
    for policy in [StockPolicy::Deny, StockPolicy::Backorder, StockPolicy::Untracked] {
        let of = wanted.iter().filter(|(_, wanted)| **wanted == policy).map(|(variant, _)| *variant);
        let of = Vec::from_iter(of);
        if !of.is_empty() {
            store::set_policy(tx, &of, policy).await?;
        }
    }
    Ok(())
}

/// The counts that say something new.
fn differing(counts: &[Counted], before: &Known) -> Vec<Counted> {
    let is_new = |counted: &&Counted| {
        let Some(before) = before.get(&(counted.variant, counted.location)) else { return true };
        let ImportedCount { on_hand, policy, low_threshold, .. } = &counted.count;
        match before.level {
            Some((known, low)) => {
                known != *on_hand
                    || policy.is_some_and(|policy| Some(policy) != before.policy)
                    || low_threshold.is_some_and(|said| said != low)
            }
            None => true,
        }
    };
    counts.iter().filter(is_new).cloned().collect()
}

/// Makes locations that the shop has not. Returns how many it made, and which can't be: their place, and why.
pub async fn import_locations(
    ctx: &Ctx,
    locations: Vec<ImportedLocation>,
) -> Result<(u64, Vec<(usize, String)>), Error> {
    let ctx = ctx.of("inventory");
    let (mut made, mut refused) = (0, Vec::new());
    for (place, location) in locations.into_iter().enumerate() {
        if let Some(why) = location.refusal() {
            refused.push((place, why));
            continue;
        }
        let usual = NewLocation::named(&location.name);
        let priority = location.priority.unwrap_or(usual.priority);
        let new = NewLocation { country: location.country, priority, ..usual };
        let (id, is_new) = location_named(&ctx, new).await?;
        made += u64::from(is_new);
        if is_new && !location.active {
            let edit = EditLocation { active: Some(false), ..EditLocation::default() };
            ctx.db.write((id, edit), |tx, (id, edit)| Box::pin(store::locations::edit(tx, *id, 1, edit))).await?;
        }
    }
    Ok((made, refused))
}

impl ImportedLocation {
    fn refusal(&self) -> Option<String> {
        if !(1..=100).contains(&self.name.chars().count()) || self.name.contains('\0') {
            return Some("the name of a location has 1 to 100 characters".to_owned());
        }
        if let Some(Err(why)) = self.country.as_deref().map(|code| contracts::values::is_country(code, &())) {
            return Some(format!("the country {why}"));
        }
        let is_wrong = self.priority.is_some_and(|priority| !(0..=PRIORITY_MAX).contains(&priority));
        is_wrong.then(|| format!("the priority is a whole number from 0 to {PRIORITY_MAX}"))
    }
}

/// The flag says that it was made for this.
async fn location_named(ctx: &Ctx, new: NewLocation) -> Result<(LocationId, bool), Error> {
    if let Some(known) = store::locations::named(&ctx.db, &new.name).await? {
        return Ok((known, false));
    }
    if !(1..=100).contains(&new.name.chars().count()) {
        return Err(Problem::field("/location", "the name of a location has 1 to 100 characters").into());
    }
    let name = new.name.clone();
    let input = (ctx.ids.next::<LocationId>(), new);
    let is_new = ctx.db.write(input, |tx, (id, new)| Box::pin(store::locations::insert(tx, *id, new))).await?;
    // Another importer may have been faster.
    let made = store::locations::named(&ctx.db, &name).await?;
    let full =
        || Problem::field("/location", format!("`{name}` can't be made: the shop has {LOCATIONS_MAX} locations"));
    Ok((made.ok_or_else(full)?, is_new))
}

/// A level as an export gives it; the variant's SKU is the catalogue's to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportedLevel {
    pub variant: VariantId,
    pub location: LocationId,
    pub location_name: String,
    pub on_hand: i64,
    pub policy: StockPolicy,
    pub low_threshold: i64,
}

/// Up to `limit` levels after one, by variant and location.
pub async fn export_levels(
    ctx: &Ctx,
    after: Option<(VariantId, LocationId)>,
    limit: i64,
) -> Result<Vec<ExportedLevel>, Error> {
    Ok(store::import::levels(&ctx.of("inventory").db, after, limit).await?)
}

/// Every location of the shop, the oldest first.
pub async fn export_locations(ctx: &Ctx) -> Result<Vec<ImportedLocation>, Error> {
    let first = contracts::Id::from_uuid(uuid::Uuid::nil());
    let all = store::locations::locations(&ctx.of("inventory").db, first, LOCATIONS_MAX).await?;
    let told = all.into_iter().map(|location| ImportedLocation {
        name: location.name,
        country: location.country,
        priority: Some(location.priority),
        active: location.active,
    });
    Ok(told.collect())
}
