//! Virtual buyers at work. **Closed loop**: so many buyers, each asks again when it was answered; what they get done is
//! the throughput. **Fixed rate**: requests are due at instants that were set before, and their time counts from
//! the instant they were due, not from when a buyer was free to send them (correction for coordinated omission:
//! Gil Tene, "How NOT to measure latency").

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use hdrhistogram::Histogram;

use super::buyer::Buyer;

/// Answers up to a minute, to three digits.
const LATENCY_MAX_US: u64 = 120_000_000;
const DIGITS: u8 = 3;
/// Kinds of failures that are told apart.
const FAILURES_MAX: usize = 20;

/// One thing that a buyer does, again and again.
pub type Act = Arc<dyn for<'a> Fn(&'a mut Buyer) -> BoxFuture<'a, Result<(), String>> + Send + Sync>;

/// What was done in the measured time.
#[derive(Debug, Clone)]
pub struct Tally {
    pub seconds: f64,
    pub latency_us: Histogram<u64>,
    /// What went wrong, and how often.
    pub failures: BTreeMap<String, u64>,
}

impl Tally {
    pub fn new() -> Self {
        let latency_us = Histogram::new_with_bounds(1, LATENCY_MAX_US, DIGITS).expect("the bounds are constants");
        Self { seconds: 0.0, latency_us, failures: BTreeMap::new() }
    }

    pub fn done(&self) -> u64 {
        self.latency_us.len()
    }

    pub fn failed(&self) -> u64 {
        self.failures.values().sum()
    }

    pub fn per_second(&self) -> f64 {
        if self.seconds > 0.0 { self.done() as f64 / self.seconds } else { 0.0 }
    }

    pub fn quantile_ms(&self, quantile: f64) -> f64 {
        self.latency_us.value_at_quantile(quantile) as f64 / 1_000.0
    }

    pub fn add(&mut self, other: &Self) {
        self.latency_us.add(&other.latency_us).expect("the same bounds");
        for (why, count) in &other.failures {
            *self.failures.entry(why.clone()).or_default() += count;
        }
    }

    pub fn note(&mut self, took: Duration, outcome: Result<(), String>) {
        match outcome {
            Ok(()) => self.latency_us.saturating_record(u64::try_from(took.as_micros()).unwrap_or(u64::MAX)),
            Err(why) if self.failures.len() < FAILURES_MAX || self.failures.contains_key(&why) => {
                *self.failures.entry(why).or_default() += 1;
            }
            Err(_) => *self.failures.entry("other failures".to_owned()).or_default() += 1,
        }
    }
}

/// How long a load lasts.
#[derive(Debug, Clone, Copy)]
pub struct Lasting {
    /// Not counted.
    pub warm_up: Duration,
    pub measured: Duration,
}

/// When what is counted begins and ends.
#[derive(Debug)]
struct Window {
    begins: Instant,
    ends: Instant,
    is_over: AtomicBool,
}

/// A closed loop that was started; what it did is told when it ends.
#[derive(Debug)]
pub struct Running {
    window: Arc<Window>,
    buyers: Vec<tokio::task::JoinHandle<Tally>>,
}

/// Starts a closed loop.
pub fn start(buyers: Vec<Buyer>, lasting: Lasting, act: &Act) -> Running {
    let begins = Instant::now() + lasting.warm_up;
    let window = Arc::new(Window { begins, ends: begins + lasting.measured, is_over: AtomicBool::new(false) });
    let buyers = buyers.into_iter().map(|buyer| tokio::spawn(shop(buyer, Arc::clone(&window), Arc::clone(act))));
    Running { buyers: buyers.collect(), window }
}

impl Running {
    pub fn begins(&self) -> Instant {
        self.window.begins
    }

    pub fn ends(&self) -> Instant {
        self.window.ends
    }

    pub async fn tally(self) -> Result<Tally, String> {
        let mut tally = Tally::new();
        tally.seconds = self.window.ends.duration_since(self.window.begins).as_secs_f64();
        for buyer in self.buyers {
            tally.add(&buyer.await.map_err(|why| format!("a buyer of this program panicked: {why}"))?);
        }
        Ok(tally)
    }
}

async fn shop(mut buyer: Buyer, window: Arc<Window>, act: Act) -> Tally {
    let mut tally = Tally::new();
    while !window.is_over.load(Ordering::Relaxed) {
        let begun = Instant::now();
        let outcome = act(&mut buyer).await;
        let ended = Instant::now();
        if ended >= window.ends {
            window.is_over.store(true, Ordering::Relaxed);
            break;
        }
        if outcome.is_err() {
            // Who is refused tries no faster than who is served.
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        // Counted where it ended: what a buyer waits for when the window opens was begun before it.
        if ended >= window.begins {
            tally.note(ended - begun, outcome);
        }
    }
    tally
}

/// So many a second, spread evenly, whether or not the ones before were answered.
pub async fn at_rate(buyers: Vec<Buyer>, per_second: f64, lasting: Lasting, act: &Act) -> Result<Tally, String> {
    let opens = Instant::now();
    let begins = opens + lasting.warm_up;
    let window = Arc::new(Window { begins, ends: begins + lasting.measured, is_over: AtomicBool::new(false) });
    let ticket = Arc::new(AtomicU64::new(0));
    let tasks: Vec<_> = buyers
        .into_iter()
        .map(|buyer| {
            let (window, ticket, act) = (Arc::clone(&window), Arc::clone(&ticket), Arc::clone(act));
            tokio::spawn(follow(buyer, opens, per_second, window, ticket, act))
        })
        .collect();
    let mut tally = Tally::new();
    for task in tasks {
        tally.add(&task.await.map_err(|why| format!("a buyer of this program panicked: {why}"))?);
    }
    tally.seconds = lasting.measured.as_secs_f64();
    Ok(tally)
}

/// Takes the next instant that something is due at, waits for it, and asks.
async fn follow(
    mut buyer: Buyer,
    opens: Instant,
    per_second: f64,
    window: Arc<Window>,
    ticket: Arc<AtomicU64>,
    act: Act,
) -> Tally {
    let mut tally = Tally::new();
    loop {
        let number = ticket.fetch_add(1, Ordering::Relaxed);
        let due = opens + Duration::from_secs_f64(number as f64 / per_second);
        if due >= window.ends {
            return tally;
        }
        tokio::time::sleep_until(due.into()).await;
        let outcome = act(&mut buyer).await;
        // What was due in time counts however late it is answered.
        if due >= window.begins {
            tally.note(due.elapsed(), outcome);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lasting(milliseconds: u64) -> Lasting {
        Lasting { warm_up: Duration::ZERO, measured: Duration::from_millis(milliseconds) }
    }

    fn buyers(count: usize) -> Vec<Buyer> {
        (0..count).map(|number| Buyer::new(([127, 0, 0, 1], 1).into(), 1, "test", number)).collect()
    }

    fn sleeps(milliseconds: u64) -> Act {
        Arc::new(move |_| {
            Box::pin(async move {
                tokio::time::sleep(Duration::from_millis(milliseconds)).await;
                Ok(())
            })
        })
    }

    /// A server that stands still for half a second is seen by everyone who was due in it.
    #[tokio::test]
    async fn who_was_due_while_the_server_stood_still_waited() {
        let stands = Arc::new(AtomicBool::new(true));
        let act: Act = Arc::new(move |_| {
            let stands = Arc::clone(&stands);
            Box::pin(async move {
                if stands.swap(false, Ordering::SeqCst) {
                    tokio::time::sleep(Duration::from_millis(500)).await;
                }
                Ok(())
            })
        });
        let tally = at_rate(buyers(1), 100.0, lasting(1_000), &act).await.expect("it ends");
        assert_eq!(tally.done(), 100);
        // Of 100 that were due each 10 ms, 50 waited for the first: half of them 250 ms or more.
        assert!(tally.quantile_ms(0.75) >= 200.0, "{}", tally.quantile_ms(0.75));
        assert!(tally.quantile_ms(0.30) <= 100.0, "{}", tally.quantile_ms(0.30));
    }

    #[tokio::test]
    async fn a_closed_loop_counts_what_ended_in_its_window() {
        let tally = start(buyers(4), lasting(500), &sleeps(20)).tally().await.expect("it ends");
        assert!((20..=100).contains(&tally.done()), "{}", tally.done());
        assert!(tally.quantile_ms(0.5) >= 20.0);
        assert_eq!(tally.failed(), 0);
    }

    #[tokio::test]
    async fn failures_are_counted_by_what_they_say_and_are_no_throughput() {
        let act: Act = Arc::new(|_| Box::pin(async { Err("503 busy".to_owned()) }));
        let tally = start(buyers(2), lasting(100), &act).tally().await.expect("it ends");
        assert_eq!(tally.done(), 0);
        assert!(tally.failures["503 busy"] > 2);
    }
}
