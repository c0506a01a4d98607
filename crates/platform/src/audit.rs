//! What the platform answers to `souk audit` for every service: its keys and what they made, and whether personal data
//! or secrets strayed to where none may stand. A page a call; nothing is changed.

use std::collections::BTreeMap;
use std::sync::Arc;

use contracts::audit::{
    Existing, KeyCursor, KeyFact, Keys, MadeThing, MadeThings, Misplaced, Routes, Scan, ScanCursor, Scanned,
};
use jiff::Timestamp;
use store::stray::{self, Stray};
use store::{Db, Sql, idempotency, params, rows};
use uuid::Uuid;

use crate::calls::{self, AnyAnswer};
use crate::{Ctx, Problem, Service, personal};

const PAGE_MAX: i64 = 500;
/// More findings of a page than this are not told: the first ones say enough.
const FOUND_MAX: usize = 20;

/// What a route makes: things that nobody deletes, each under a key of its own.
#[derive(Debug, Clone, Copy)]
pub struct Makes {
    pub route: &'static str,
    /// Of the ids in `$1`, those that are there.
    pub existing: &'static Sql,
    /// Id and time of those made by this route, by id, after `$1`, at most `$2`. `None`: others make such things too.
    pub made: Option<&'static Sql>,
}

/// A table of a service's own that holds no personal data: id and text of its rows by id, after `$1`, at most `$2`.
#[derive(Debug, Clone, Copy)]
pub struct Impersonal {
    pub table: &'static str,
    pub page: &'static Sql,
}

/// The calls that every service answers.
pub(crate) fn answers(service: &Service) -> Vec<(String, AnyAnswer)> {
    let makes: Arc<[Makes]> = service.makes.clone().into();
    let impersonal: Arc<[Impersonal]> = service.impersonal.clone().into();
    let (keyed, made, existing_of) = (Arc::clone(&makes), Arc::clone(&makes), Arc::clone(&makes));
    let of = |name: &str| format!("{}.{name}", service.name);
    let ctx = || service.ctx.clone();
    vec![
        (of("keys"), calls::erase_with(ctx(), move |ctx, call| keys(ctx, Arc::clone(&keyed), call))),
        (of("routes"), calls::erase_with(ctx(), move |_, _: Routes| routes(Arc::clone(&makes)))),
        (of("made"), calls::erase_with(ctx(), move |ctx, call| made_things(ctx, Arc::clone(&made), call))),
        (of("existing"), calls::erase_with(ctx(), move |ctx, call| existing(ctx, Arc::clone(&existing_of), call))),
        (of("scan"), calls::erase_with(ctx(), move |ctx, call| scan(ctx, Arc::clone(&impersonal), call))),
    ]
}

async fn routes(makes: Arc<[Makes]>) -> Result<Vec<String>, Problem> {
    Ok(makes.iter().filter(|one| one.made.is_some()).map(|one| one.route.to_owned()).collect())
}

async fn keys(ctx: Ctx, makes: Arc<[Makes]>, call: Keys) -> Result<Vec<KeyFact>, Problem> {
    let after = call.after.map(|at| (at.principal, at.route, at.key)).unwrap_or_default();
    let page = idempotency::page(&ctx.db, after, call.limit.clamp(1, PAGE_MAX)).await?;
    let mut there: BTreeMap<&str, Vec<Uuid>> = BTreeMap::new();
    for one in makes.iter() {
        let of_route = page.iter().filter(|kept| kept.route == one.route);
        let asked: Vec<Uuid> = of_route.map(|kept| kept.made.resource).collect();
        if !asked.is_empty() {
            there.insert(one.route, find(&ctx.db, one, &asked).await?);
        }
    }
    let fact = |kept: idempotency::Kept| KeyFact {
        exists: there.get(kept.route.as_str()).map(|there| there.contains(&kept.made.resource)),
        at: KeyCursor { principal: kept.principal, route: kept.route, key: kept.key },
        status: kept.made.status,
        resource: kept.made.resource,
        created_at: kept.created_at,
    };
    Ok(page.into_iter().map(fact).collect())
}

async fn find(db: &Db, one: &Makes, asked: &[Uuid]) -> Result<Vec<Uuid>, Problem> {
    let there: Vec<(Uuid,)> = db.all(one.existing, params![rows(asked.iter().map(|id| params![*id]))]).await?;
    Ok(there.into_iter().map(|(id,)| id).collect())
}

fn of_route<'a>(makes: &'a [Makes], route: &str) -> Result<&'a Makes, Problem> {
    let found = makes.iter().find(|one| one.route == route);
    found.ok_or_else(|| Problem::field("/route", "is no route of this service that keeps what it makes"))
}

async fn existing(ctx: Ctx, makes: Arc<[Makes]>, call: Existing) -> Result<Vec<Uuid>, Problem> {
    if call.things.len() > PAGE_MAX as usize {
        return Err(Problem::field("/things", format!("names at most {PAGE_MAX}")));
    }
    find(&ctx.db, of_route(&makes, &call.route)?, &call.things).await
}

async fn made_things(ctx: Ctx, makes: Arc<[Makes]>, call: MadeThings) -> Result<Vec<MadeThing>, Problem> {
    let Some(made) = of_route(&makes, &call.route)?.made else { return Ok(Vec::new()) };
    let page = params![call.after.unwrap_or_default(), call.limit.clamp(1, PAGE_MAX)];
    let things: Vec<(Uuid, Timestamp)> = ctx.db.all(made, page).await?;
    let ids: Vec<Uuid> = things.iter().map(|(id, _)| *id).collect();
    let named = idempotency::naming(&ctx.db, &call.route, &ids).await?;
    let fact = |(thing, made_at)| {
        let found = named.iter().find(|named| named.resource == thing);
        let (keys, statuses) = found.map_or((0, (0, 0)), |named| (named.keys, named.statuses));
        MadeThing { thing, made_at, keys, statuses }
    };
    Ok(things.into_iter().map(fact).collect())
}

/// A page of one table: the platform's first, then the service's own.
async fn scan(ctx: Ctx, impersonal: Arc<[Impersonal]>, call: Scan) -> Result<Scanned, Problem> {
    let ScanCursor { table, after } = call.after.unwrap_or(ScanCursor { table: 0, after: Uuid::nil() });
    let limit = call.limit.clamp(1, PAGE_MAX);
    let (name, page) = match impersonal.get(table.wrapping_sub(stray::TABLES.len())) {
        _ if table < stray::TABLES.len() => (stray::TABLES[table], stray::page(&ctx.db, table, after, limit).await?),
        Some(own) => {
            let page: Vec<(Uuid, String)> = ctx.db.all(own.page, params![after, limit]).await?;
            let stray =
                |(id, text): (Uuid, String)| Stray { row: id.to_string(), at: id, texts: vec![("text", Some(text))] };
            (own.table, page.into_iter().map(stray).collect())
        }
        None => return Ok(Scanned { rows: 0, found: Vec::new(), next: None }),
    };
    let is_over = (page.len() as i64) < limit;
    let last = page.last().map_or(after, |stray| stray.at);
    let is_last = table + 1 >= stray::TABLES.len() + impersonal.len();
    let next = match (is_over, is_last) {
        (false, _) => Some(ScanCursor { table, after: last }),
        (true, false) => Some(ScanCursor { table: table + 1, after: Uuid::nil() }),
        (true, true) => None,
    };
    let mut found: Vec<Misplaced> = page.iter().flat_map(|stray| misplaced(name, stray)).collect();
    found.truncate(FOUND_MAX);
    Ok(Scanned { rows: page.len() as i64, found, next })
}

fn misplaced<'a>(table: &'a str, stray: &'a Stray) -> impl Iterator<Item = Misplaced> + 'a {
    stray.texts.iter().filter_map(move |(column, text)| {
        let text = text.as_deref()?;
        let (place, kind) = match serde_json::from_str(text) {
            Ok(json) => personal::find(&json)?,
            Err(_) => (String::new(), personal::kind_of(text)?),
        };
        let (table, row, kind) = (table.to_owned(), stray.row.clone(), kind.to_owned());
        Some(Misplaced { table, row, place: format!("{column}{place}"), kind })
    })
}
