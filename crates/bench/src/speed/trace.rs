//! Where the time of one purchase goes: a lone buyer buys again and again in a shop that says how long each request
//! and each statement took.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::buyer::Buyer;
use super::grounds::Grounds;
use super::shops::souk::Souk;

const PURCHASES: usize = 200;
const PRODUCTS: usize = 1_000;
/// Statements that are named one by one; the others are in their service's sum.
const SHOWN: usize = 12;

/// So often, and for so many microseconds in all.
#[derive(Debug, Clone, Copy, Default)]
struct Taken {
    count: u64,
    us: f64,
}

/// What the log says, by what it is of.
#[derive(Debug, Default)]
struct Log {
    requests: BTreeMap<String, Taken>,
    statements: BTreeMap<String, Taken>,
}

/// As tables.
pub async fn trace(grounds: &Grounds, seed: u64) -> Result<String, String> {
    let (unit, mut http) = grounds.traced(PRODUCTS).await?;
    let souk = Souk::look(&mut http, PRODUCTS).await?;
    let said_before = unit.stderr().len();
    let mut buyer = Buyer::new(unit.address, seed, "trace", 0);
    let begun = std::time::Instant::now();
    for _ in 0..PURCHASES {
        souk.purchase(&mut buyer).await?;
    }
    let each_ms = begun.elapsed().as_secs_f64() * 1_000.0 / PURCHASES as f64;
    // What the confirmations set off is a part of what they cost.
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    let log = Log::read(unit.stderr().get(said_before..).unwrap_or_default());
    Ok(log.markdown(each_ms))
}

impl Log {
    fn read(said: &str) -> Self {
        let mut log = Self::default();
        for line in said.lines() {
            let value =
                |name: &str| line.split_once(name)?.1.split_whitespace().next().map(|text| text.trim_matches('"'));
            let number = |name: &str| value(name).and_then(|text| text.parse::<f64>().ok());
            if let (Some(statement), Some(us)) = (value("statement="), number("microseconds=")) {
                add(&mut log.statements, statement.to_owned(), us);
            } else if let (Some(method), Some(route), Some(ms)) =
                (value("method="), value("route="), number("milliseconds="))
            {
                add(&mut log.requests, format!("{method} {route}"), ms * 1_000.0);
            }
        }
        log
    }

    fn markdown(&self, each_ms: f64) -> String {
        let mut text = format!("### One purchase by a lone buyer: {each_ms:.1} ms, mean of {PURCHASES}\n\n");
        text += "| request | times | us, in the shop |\n|---|---|---|\n";
        for (request, taken) in &self.requests {
            line(&mut text, request, *taken);
        }
        let (mut by_service, mut all) = (BTreeMap::<String, Taken>::new(), Taken::default());
        for (statement, taken) in &self.statements {
            let service = statement.split("::").next().unwrap_or_default();
            let service = if service == "store" { "outbox, inbox, jobs, keys" } else { service };
            for sum in [by_service.entry(service.to_owned()).or_default(), &mut all] {
                sum.count += taken.count;
                sum.us += taken.us;
            }
        }
        text += "\n| statements of | times | us, in the database |\n|---|---|---|\n";
        for (service, taken) in &by_service {
            line(&mut text, service, *taken);
        }
        line(&mut text, "all", all);
        text += "\n| of these | times | us |\n|---|---|---|\n";
        let mut most: Vec<_> = self.statements.iter().collect();
        most.sort_by(|(_, one), (_, other)| other.us.total_cmp(&one.us));
        for (statement, taken) in most.into_iter().take(SHOWN) {
            line(&mut text, statement, *taken);
        }
        text
    }
}

fn add(to: &mut BTreeMap<String, Taken>, what: String, us: f64) {
    let taken = to.entry(what).or_default();
    taken.count += 1;
    taken.us += us;
}

/// For one purchase.
fn line(text: &mut String, what: &str, taken: Taken) {
    let (times, us) = (taken.count as f64 / PURCHASES as f64, taken.us / PURCHASES as f64);
    // Writing to a String can't fail.
    let _ = writeln!(text, "| {what} | {times:.2} | {us:.0} |");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_is_summed_up_by_request_and_statement() {
        let log = Log::read(
            "T INFO platform::http::layers: answered request=1 method=POST route=/v1/carts status=201 milliseconds=1.5 statements=3\n\
             T TRACE store::sqlite::connection: ran statement=\"orders::store::FIND\" microseconds=10\n\
             T TRACE store::sqlite::connection: ran statement=\"orders::store::FIND\" microseconds=30\n\
             something else\n",
        );
        let of = |taken: &Taken| (taken.count, taken.us);
        assert_eq!(
            log.requests.iter().map(|(name, taken)| (name.as_str(), of(taken))).collect::<Vec<_>>(),
            [("POST /v1/carts", (1, 1_500.0))]
        );
        assert_eq!(of(&log.statements["orders::store::FIND"]), (2, 40.0));
    }
}
