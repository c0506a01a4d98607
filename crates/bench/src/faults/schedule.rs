//! Which faults strike, whom, and in which order: all of it from the seed.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use contracts::SERVICES;
use outside::psp::FaultKind;
use rand::rngs::StdRng;
use rand::seq::{IndexedRandom, SliceRandom};
use rand::{Rng, SeedableRng};

use super::proxy::Wire;

/// A kind of fault, as `--faults` names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    Kill,
    Point,
    Broker,
    Postgres,
    FullDisk,
    DiskAlarm,
    Pause,
    Clock,
    Rolling,
    Upgrade,
    Gateway,
    Webhooks,
    GatewayKill,
    Network,
    Duplicates,
}

pub const GROUPS: [(&str, Group); 15] = [
    ("kill", Group::Kill),
    ("point", Group::Point),
    ("broker", Group::Broker),
    ("postgres", Group::Postgres),
    ("full-disk", Group::FullDisk),
    ("disk-alarm", Group::DiskAlarm),
    ("pause", Group::Pause),
    ("clock", Group::Clock),
    ("rolling", Group::Rolling),
    ("upgrade", Group::Upgrade),
    ("gateway", Group::Gateway),
    ("webhooks", Group::Webhooks),
    ("gateway-kill", Group::GatewayKill),
    ("network", Group::Network),
    ("duplicates", Group::Duplicates),
];

impl FromStr for Group {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = GROUPS.iter().find(|(name, _)| *name == text).map(|(_, group)| *group);
        let names = GROUPS.map(|(name, _)| name).join(", ");
        found.ok_or_else(|| format!("there is no fault `{text}`; there are: {names}"))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    Postgres,
    Broker,
}

/// One fault, with all that is left to choose.
#[derive(Debug, Clone, PartialEq)]
pub enum Fault {
    /// `kill -9`, and a start after so long.
    Kill {
        service: &'static str,
        down: Duration,
    },
    /// A process dies at a named point, the `after + 1`th time it comes there.
    Point {
        service: &'static str,
        point: &'static str,
        after: u32,
    },
    BrokerKill {
        down: Duration,
    },
    PostgresKill {
        down: Duration,
    },
    /// PostgreSQL has no disk left.
    FullDisk {
        lasts: Duration,
    },
    /// The broker has no disk left: its confirms never come.
    DiskAlarm {
        lasts: Duration,
    },
    /// SIGSTOP, and SIGCONT after so long.
    Pause {
        service: &'static str,
        lasts: Duration,
    },
    /// The clock of a process steps by so much, and back after a while.
    ClockStep {
        service: &'static str,
        seconds: i64,
        lasts: Duration,
    },
    /// SIGTERM to each process in turn, and its start.
    Rolling,
    /// The same into the next release, back, and into it again.
    Upgrade {
        seed: u64,
    },
    Gateway {
        /// `create`, `refund`, …; `*` for any that changes something.
        operation: &'static str,
        kind: FaultKind,
        times: u32,
        seconds: f64,
    },
    GatewayKill {
        down: Duration,
    },
    Network {
        to: Engine,
        wire: Wire,
        lasts: Duration,
    },
    /// What was said a moment ago is said again, twice and in any order.
    Duplicates {
        seed: u64,
    },
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kill { service, .. } => write!(f, "kill -9 {service}"),
            Self::Point { service, point, .. } => write!(f, "{service} dies at {point}"),
            Self::BrokerKill { .. } => f.write_str("kill -9 RabbitMQ"),
            Self::PostgresKill { .. } => f.write_str("kill -9 PostgreSQL"),
            Self::FullDisk { lasts } => write!(f, "PostgreSQL's disk is full for {} s", lasts.as_secs()),
            Self::DiskAlarm { .. } => f.write_str("RabbitMQ's disk alarm"),
            Self::Pause { service, lasts } => write!(f, "SIGSTOP {service} for {} s", lasts.as_secs()),
            Self::ClockStep { service, seconds, lasts } => {
                write!(f, "clock of {service} steps by {seconds:+} s for {} s", lasts.as_secs())
            }
            Self::Rolling => f.write_str("rolling restart"),
            Self::Upgrade { .. } => f.write_str("rolling upgrade, back, and again"),
            Self::Gateway { operation: "*", kind, .. } => write!(f, "gateway: {}", words(*kind)),
            Self::Gateway { operation, kind, .. } => write!(f, "gateway at {operation}: {}", words(*kind)),
            Self::GatewayKill { .. } => f.write_str("kill -9 the gateway"),
            Self::Network { to, wire, lasts } => write!(f, "{to:?}: {wire:?} wire for {} s", lasts.as_secs()),
            Self::Duplicates { .. } => f.write_str("events again, shuffled"),
        }
    }
}

fn words(kind: FaultKind) -> &'static str {
    match kind {
        FaultKind::DropAfterCommit => "done, connection dropped",
        FaultKind::ErrorAfterCommit => "done, 500 answered",
        FaultKind::Slow => "slower than our patience",
        FaultKind::RateLimited => "429",
        FaultKind::SearchLags => "searches lag",
        FaultKind::WebhookLost => "webhooks lost",
        FaultKind::WebhookDoubled => "webhooks twice",
        FaultKind::WebhookLate => "webhooks late",
        FaultKind::WebhookEarly => "webhooks before the answer",
        FaultKind::WebhookReordered => "webhooks in another order",
    }
}

/// What goes wrong at which operation of the gateway, how often.
const GATEWAY: [(FaultKind, &str, u32); 7] = [
    (FaultKind::DropAfterCommit, "create", 3),
    (FaultKind::DropAfterCommit, "capture", 2),
    (FaultKind::DropAfterCommit, "cancel", 2),
    (FaultKind::DropAfterCommit, "refund", 2),
    (FaultKind::ErrorAfterCommit, "*", 3),
    (FaultKind::Slow, "*", 3),
    (FaultKind::RateLimited, "*", 3),
];
const WEBHOOKS: [FaultKind; 5] = [
    FaultKind::WebhookLost,
    FaultKind::WebhookDoubled,
    FaultKind::WebhookLate,
    FaultKind::WebhookEarly,
    FaultKind::WebhookReordered,
];
/// Longer than a lease of an event or a job, and than an order of these shops waits for its money.
const CLOCK_STEP_SECONDS: i64 = 150;
/// Longer than `gateway_seconds_max` of these shops.
const SLOW_SECONDS: f64 = 6.0;

/// Where processes die: after our commit and before it is published, after publishing and before it is marked,
/// after applying and before it is acknowledged, around the gateway's answer; each service that comes there often.
const POINTS: [(&str, &[&str]); 10] = [
    ("payments.before_gateway", &["payments"]),
    ("payments.after_gateway", &["payments"]),
    ("payments.settled", &["payments"]),
    ("orders.placed", &["orders"]),
    ("relay.claimed", &["orders", "inventory", "payments"]),
    ("relay.handed_over", &["orders", "inventory", "payments"]),
    ("relay.marked", &["orders", "inventory", "payments"]),
    ("bus.before_apply_commit", &["orders", "inventory", "payments", "carts", "shipping"]),
    ("bus.applied", &["orders", "inventory", "payments", "carts", "shipping"]),
    ("bus.before_ack", &["orders", "inventory", "payments", "carts", "shipping"]),
];

/// How long what lasts lasts.
#[derive(Debug, Clone, Copy)]
pub struct Lengths {
    pub pause: Duration,
    pub full_disk: Duration,
    pub alarm: Duration,
    pub clock: Duration,
    pub network: Duration,
}

/// Every fault of these groups, in the seed's order.
pub fn schedule(groups: &[Group], seed: u64, lengths: Lengths) -> Vec<Fault> {
    let mut random = StdRng::seed_from_u64(seed);
    let mut faults: Vec<Fault> = groups.iter().flat_map(|group| of_group(*group, &mut random, lengths)).collect();
    faults.shuffle(&mut random);
    faults
}

fn of_group(group: Group, random: &mut StdRng, lengths: Lengths) -> Vec<Fault> {
    match group {
        Group::Kill => SERVICES.iter().map(|service| Fault::Kill { service, down: down(random) }).collect(),
        Group::Point => POINTS
            .iter()
            .map(|(point, services)| Fault::Point {
                service: services.choose(random).copied().expect("each point has a service"),
                point,
                after: random.random_range(0..4),
            })
            .collect(),
        Group::Broker => vec![Fault::BrokerKill { down: down(random) }],
        Group::Postgres => vec![Fault::PostgresKill { down: down(random) }],
        Group::FullDisk => vec![Fault::FullDisk { lasts: lengths.full_disk }],
        Group::DiskAlarm => vec![Fault::DiskAlarm { lasts: lengths.alarm }],
        Group::Pause => vec![Fault::Pause { service: busy(random), lasts: lengths.pause }],
        Group::Clock => [CLOCK_STEP_SECONDS, -CLOCK_STEP_SECONDS]
            .map(|seconds| Fault::ClockStep { service: busy(random), seconds, lasts: lengths.clock })
            .to_vec(),
        Group::Rolling => vec![Fault::Rolling],
        Group::Upgrade => vec![Fault::Upgrade { seed: random.random() }],
        Group::Gateway => GATEWAY.map(|(kind, operation, times)| gateway(kind, operation, times)).to_vec(),
        Group::Webhooks => WEBHOOKS.map(|kind| gateway(kind, "*", 3)).to_vec(),
        Group::GatewayKill => vec![Fault::GatewayKill { down: down(random) }],
        Group::Network => [Engine::Postgres, Engine::Broker]
            .into_iter()
            .flat_map(|to| [Wire::Slow, Wire::Cut, Wire::HalfOpen].map(|wire| (to, wire)))
            .map(|(to, wire)| Fault::Network { to, wire, lasts: lengths.network })
            .collect(),
        Group::Duplicates => vec![Fault::Duplicates { seed: random.random() }],
    }
}

/// A service that is at work whatever buyers do.
fn busy(random: &mut StdRng) -> &'static str {
    ["orders", "inventory", "payments", "carts"].choose(random).copied().expect("there are some")
}

fn gateway(kind: FaultKind, operation: &'static str, times: u32) -> Fault {
    let seconds = match kind {
        FaultKind::Slow => SLOW_SECONDS,
        FaultKind::WebhookLate => 2.0,
        _ => 0.0,
    };
    Fault::Gateway { operation, kind, times, seconds }
}

fn down(random: &mut StdRng) -> Duration {
    Duration::from_millis(random.random_range(0..2_500))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LENGTHS: Lengths = Lengths {
        pause: Duration::from_secs(30),
        full_disk: Duration::from_secs(10),
        alarm: Duration::from_secs(10),
        clock: Duration::from_secs(10),
        network: Duration::from_secs(8),
    };

    #[test]
    fn a_seed_replays_its_faults_and_another_has_others() {
        let all = GROUPS.map(|(_, group)| group);
        assert_eq!(schedule(&all, 7, LENGTHS), schedule(&all, 7, LENGTHS));
        assert_ne!(schedule(&all, 7, LENGTHS), schedule(&all, 8, LENGTHS));
    }

    #[test]
    fn every_service_is_killed_and_every_group_strikes() {
        for seed in 0..20 {
            let faults = schedule(&[Group::Kill], seed, LENGTHS);
            for service in SERVICES {
                assert!(faults.iter().any(|fault| fault.to_string() == format!("kill -9 {service}")));
            }
            for (name, group) in GROUPS {
                assert!(!schedule(&[group], seed, LENGTHS).is_empty(), "{name}");
            }
        }
    }

    #[test]
    fn a_fault_that_is_not_is_refused_by_name() {
        assert_eq!("kill".parse(), Ok(Group::Kill));
        let refused = "kil".parse::<Group>().expect_err("a typing error");
        assert!(refused.contains("`kil`") && refused.contains("disk-alarm"), "{refused}");
    }
}
