//! Counts in bulk, for the importer; and what it reads back, for the exporter.

use std::collections::{BTreeMap, BTreeSet};

use ::store::Tx;
use contracts::catalog::VariantId;
use contracts::inventory::{LocationId, StockPolicy};
use platform::{Ctx, Problem};
use serde::{Deserialize, Serialize};

use crate::book::{book, flip};
use crate::error::Error;
use crate::level::UNITS_MAX;
use crate::location::{EditLocation, LOCATIONS_MAX, NAME_CHARS_MAX, NewLocation, PRIORITY_MAX};
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

/// Why a count, or a location, can't be taken in; for the person who mends the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CountFault {
    /// The same for the same kind of fault, such as `bad_quantity`.
    pub code: &'static str,
    /// As `stock.quantity`.
    pub field: &'static str,
    pub text: String,
}

/// What became of the counts of one import.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct ImportedCounts {
    /// Levels made or changed: none the second time.
    pub changed: u64,
    /// The place among the counts given, and what is wrong there.
    pub faults: Vec<(usize, CountFault)>,
}

/// Sets what is on hand, making locations and levels where there are none; a count that can't be taken is refused by
/// itself. A count below what is reserved is kept as a shortfall; one below 0 is of a variant that is sold beyond what
/// is there. Of a variant that comes twice at a location the last count holds.
///
/// `ctx` may be any service's: the levels are inventory's all the same.
pub async fn import_counts(ctx: &Ctx, counts: Vec<ImportedCount>) -> Result<ImportedCounts, Error> {
    let ctx = ctx.of("inventory");
    let mut done = ImportedCounts::default();
    let mut locations: BTreeMap<String, Result<LocationId, CountFault>> = BTreeMap::new();
    let mut counted = BTreeMap::new();
    for (index, count) in counts.into_iter().enumerate() {
        let location = match (count.refusal(), locations.get(&count.location)) {
            (Some(fault), _) => Err(fault),
            (None, Some(known)) => known.clone(),
            (None, None) => {
                let location = location_named(&ctx, NewLocation::named(&count.location)).await?.map(|(id, _)| id);
                locations.entry(count.location.clone()).or_insert(location).clone()
            }
        };
        match location {
            Ok(location) => drop(counted.insert((count.variant, location), (index, count))),
            Err(fault) => done.faults.push((index, fault)),
        }
    }
    let counted = counted.into_iter();
    let counted = counted.map(|((variant, location), (index, count))| Counted { index, variant, location, count });
    for chunk in counted.collect::<Vec<Counted>>().chunks(CHUNK) {
        let before = store::import::before(&ctx.db, places(chunk)).await?;
        let differing = differing(chunk, &before);
        if !differing.is_empty() {
            let (changed, faults) = ctx.db.write(differing, |tx, counts| Box::pin(count(tx, counts))).await?;
            done.changed += changed;
            done.faults.extend(faults);
        }
    }
    done.faults.sort_by_key(|(index, _)| *index);
    Ok(done)
}

/// As [`import_counts`], at one location.
#[cfg(test)]
pub async fn import_levels(ctx: &Ctx, location: &str, levels: Vec<(VariantId, i64)>) -> Result<u64, Error> {
    let counts = levels.into_iter().map(|(variant, on_hand)| ImportedCount::new(variant, location, on_hand));
    let imported = import_counts(ctx, counts.collect()).await?;
    assert_eq!(imported.faults, []);
    Ok(imported.changed)
}

/// A count at a place.
#[derive(Debug, Clone)]
struct Counted {
    index: usize,
    variant: VariantId,
    location: LocationId,
    count: ImportedCount,
}

fn places(counts: &[Counted]) -> impl Iterator<Item = (VariantId, LocationId)> {
    counts.iter().map(|count| (count.variant, count.location))
}

type Known = BTreeMap<(VariantId, LocationId), Before>;

/// Returns how many levels it made or changed, and what is wrong with the others.
async fn count(tx: &mut Tx, counts: &[Counted]) -> Result<(u64, Vec<(usize, CountFault)>), Error> {
    let variants: BTreeSet<VariantId> = counts.iter().map(|count| count.variant).collect();
    let variants = Vec::from_iter(variants);
    store::lock_variants(tx, &variants).await?;
    let before = store::import::before_in(tx, places(counts)).await?;
    let (differing, faults) = possible(differing(counts, &before), &before);
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
    Ok((differing.len() as u64, faults))
}

/// Leaves out what is below 0 of a variant that is not sold beyond what is there.
fn possible(counts: Vec<Counted>, before: &Known) -> (Vec<Counted>, Vec<(usize, CountFault)>) {
    let said = policies(&counts);
    let is_denied = |counted: &Counted| {
        let known = before.get(&(counted.variant, counted.location)).and_then(|before| before.policy);
        let policy = said.get(&counted.variant).copied().or(known);
        counted.count.on_hand < 0 && policy.unwrap_or(StockPolicy::Deny) == StockPolicy::Deny
    };
    let (denied, possible): (Vec<Counted>, Vec<Counted>) = counts.into_iter().partition(is_denied);
    let fault = |counted: Counted| {
        let text = format!("quantity {} is below 0, and no more is sold than is there", counted.count.on_hand);
        (counted.index, CountFault { code: "bad_quantity", field: "stock.quantity", text })
    };
    (possible, denied.into_iter().map(fault).collect())
}

/// What the counts say of their variants; a policy is the variant's: the last that is said of it holds.
fn policies(counts: &[Counted]) -> BTreeMap<VariantId, StockPolicy> {
    counts.iter().filter_map(|counted| Some((counted.variant, counted.count.policy?))).collect()
}

fn on_hand(before: &Known, counted: &Counted) -> Option<i64> {
    before.get(&(counted.variant, counted.location))?.level.map(|(on_hand, _)| on_hand)
}

async fn set_policies(tx: &mut Tx, counts: &[Counted], before: &Known) -> Result<(), Error> {
    let known: BTreeMap<VariantId, StockPolicy> =
        before.iter().filter_map(|((variant, _), before)| Some((*variant, before.policy?))).collect();
    let wanted = policies(counts).into_iter().filter(|(variant, policy)| known.get(variant) != Some(policy));
    let wanted: BTreeMap<VariantId, StockPolicy> = wanted.collect();
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
) -> Result<(u64, Vec<(usize, CountFault)>), Error> {
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
        match location_named(&ctx, new).await? {
            Ok((id, true)) => {
                made += 1;
                if !location.active {
                    let edit = EditLocation { active: Some(false), ..EditLocation::default() };
                    ctx.db
                        .write((id, edit), |tx, (id, edit)| Box::pin(store::locations::edit(tx, *id, 1, edit)))
                        .await?;
                }
            }
            Ok((_, false)) => {}
            Err(fault) => refused.push((place, fault)),
        }
    }
    Ok((made, refused))
}

impl ImportedCount {
    fn refusal(&self) -> Option<CountFault> {
        let bad = |field, text: String| Some(CountFault { code: "bad_quantity", field, text });
        if !(-UNITS_MAX..=UNITS_MAX).contains(&self.on_hand) {
            return bad("stock.quantity", format!("quantity {} is more than {UNITS_MAX}", self.on_hand));
        }
        if let Some(low) = self.low_threshold.filter(|low| !(0..=UNITS_MAX).contains(low)) {
            return bad("stock.low_threshold", format!("low_threshold {low} is not from 0 to {UNITS_MAX}"));
        }
        refused_location(&self.location)
    }
}

impl ImportedLocation {
    fn refusal(&self) -> Option<CountFault> {
        let bad = |field, text: String| Some(CountFault { code: "bad_value", field, text });
        if let Some(Err(why)) = self.country.as_deref().map(|code| contracts::values::is_country(code, &())) {
            return bad("location.country", format!("the country {why}"));
        }
        if self.priority.is_some_and(|priority| !(0..=PRIORITY_MAX).contains(&priority)) {
            return bad("location.priority", format!("the priority is a whole number from 0 to {PRIORITY_MAX}"));
        }
        refused_name("location.name", &self.name)
    }
}

/// Why a count can't name its location so.
pub fn refused_location(name: &str) -> Option<CountFault> {
    refused_name("stock.location", name)
}

fn refused_name(field: &'static str, name: &str) -> Option<CountFault> {
    let (code, text) = match name.chars().count() {
        0 => ("missing", "the name of the location is missing".to_owned()),
        1..=NAME_CHARS_MAX if !name.contains('\0') => return None,
        1..=NAME_CHARS_MAX => ("forbidden_character", "the location has the character U+0000".to_owned()),
        chars => ("too_long", format!("the location has {chars} characters, {NAME_CHARS_MAX} is the most")),
    };
    Some(CountFault { code, field, text })
}

/// The flag says that it was made for this. The shop has as many locations as it can have: a fault.
async fn location_named(ctx: &Ctx, new: NewLocation) -> Result<Result<(LocationId, bool), CountFault>, Error> {
    if let Some(known) = store::locations::named(&ctx.db, &new.name).await? {
        return Ok(Ok((known, false)));
    }
    let name = new.name.clone();
    let input = (ctx.ids.next::<LocationId>(), new);
    let is_new = ctx.db.write(input, |tx, (id, new)| Box::pin(store::locations::insert(tx, *id, new))).await?;
    // Another importer may have been faster.
    let made = store::locations::named(&ctx.db, &name).await?.map(|id| (id, is_new));
    Ok(made.ok_or_else(|| {
        let text = format!("`{name}` can't be made: the shop has {LOCATIONS_MAX} locations");
        CountFault { code: "too_many", field: "stock.location", text }
    }))
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
