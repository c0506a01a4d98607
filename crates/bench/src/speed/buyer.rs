//! A virtual buyer: a connection, a random stream and an e-mail address of their own. Buyers that shared a stream would
//! all want the same product at the same moment under the same address.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::SocketAddr;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::http::Http;

#[derive(Debug)]
pub struct Buyer {
    pub http: Http,
    pub random: StdRng,
    pub email: String,
}

/// How an attempt to buy the one thing that all want ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bought {
    Ordered,
    /// Told so.
    SoldOut,
}

impl Buyer {
    /// The same seed, run and number have the same stream.
    pub fn new(address: SocketAddr, seed: u64, run: &str, number: usize) -> Self {
        let mut hasher = DefaultHasher::new();
        (seed, run, number).hash(&mut hasher);
        let stream = hasher.finish();
        Self {
            http: Http::to(address),
            random: StdRng::seed_from_u64(stream),
            email: format!("buyer-{stream:016x}@example.com"),
        }
    }

    /// One of so many, the first the most popular: a rank's share is one by its number (Zipf, s = 1), as visits to
    /// products of a shop are.
    pub fn popular(&mut self, of: usize) -> usize {
        let share: f64 = self.random.random();
        let rank = ((of as f64 + 1.0).powf(share)) as usize;
        rank.clamp(1, of.max(1)) - 1
    }

    /// One of so many, each as likely.
    pub fn any(&mut self, of: usize) -> usize {
        self.random.random_range(0..of.max(1))
    }
}
