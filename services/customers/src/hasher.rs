//! Hashes passwords with Argon2id, as many at once as the machine has cores: each takes 19 MiB and some
//! 15 ms of a core, so that a flood of log ins must not starve the shop.

use std::sync::Arc;

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version};
use platform::Problem;
use tokio::sync::Semaphore;

use crate::Error;
use crate::password::Password;

/// OWASP Password Storage Cheat Sheet.
const MEMORY_KIB: u32 = 19_456;
const PASSES: u32 = 2;
const LANES: u32 = 1;
/// So many wait for a core; who comes then is told to come again. Two seconds on two cores.
const QUEUE_MAX: usize = 256;
/// Of no password: it is checked where there is no account, so that the answer takes as long.
const NOBODYS: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$Yx0wUo1pK3vQ6mTjH9cRbA$fZ0m2Jk7yqR1sV9uX4tW8bN5cL3hD6gP0aE2iO7wMzk";

#[derive(Debug, Clone)]
pub struct Hasher {
    queue: Arc<Semaphore>,
    cores: Arc<Semaphore>,
}

impl Default for Hasher {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self::new(cores, QUEUE_MAX)
    }
}

impl Hasher {
    fn new(cores: usize, waiting_max: usize) -> Self {
        Self { queue: Arc::new(Semaphore::new(cores + waiting_max)), cores: Arc::new(Semaphore::new(cores)) }
    }

    /// The hash to keep, in PHC string format, with a salt of its own.
    ///
    /// Errors: [`Error::Busy`].
    pub async fn hash(&self, password: Password) -> Result<String, Error> {
        self.run(move || {
            let hash = argon2().hash_password(password.as_bytes());
            hash.map(|hash| hash.to_string()).map_err(|error| Problem::internal(error.to_string()).into())
        })
        .await
    }

    /// Whether this is the password of the hash. Without a hash it isn't, and that takes as long.
    ///
    /// Errors: [`Error::Busy`].
    pub async fn is_right(&self, password: Password, hash: Option<String>) -> Result<bool, Error> {
        self.run(move || {
            let kept = hash.as_deref().unwrap_or(NOBODYS);
            let kept = PasswordHash::new(kept).map_err(|error| Problem::internal(format!("a hash: {error}")))?;
            Ok(argon2().verify_password(password.as_bytes(), &kept).is_ok() && hash.is_some())
        })
        .await
    }

    /// A caller that hangs up while it waits frees its place; one whose work runs does not free the core.
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let place = Arc::clone(&self.queue).try_acquire_owned().map_err(|_| Error::Busy)?;
        let core = Arc::clone(&self.cores).acquire_owned().await.map_err(|_| Error::Busy)?;
        let done = tokio::task::spawn_blocking(move || {
            let _held = (place, core);
            work()
        });
        done.await.map_err(|error| Problem::internal(format!("hashing: {error}")))?
    }
}

fn argon2() -> Argon2<'static> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).expect("the parameters are valid: a test hashes");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn password(text: &str) -> Password {
        serde_json::from_value(text.into()).expect("a text")
    }

    #[tokio::test]
    async fn a_password_is_recognised_by_its_hash_alone() {
        let hasher = Hasher::default();
        let hash = hasher.hash(password("correct horse")).await.expect("a hash");
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert_ne!(hash, hasher.hash(password("correct horse")).await.expect("a hash"), "each has its own salt");
        assert!(hasher.is_right(password("correct horse"), Some(hash.clone())).await.expect("an answer"));
        assert!(!hasher.is_right(password("Correct horse"), Some(hash)).await.expect("an answer"));
        assert!(!hasher.is_right(password("correct horse"), None).await.expect("an answer"));
    }

    #[test]
    fn nobodys_hash_costs_what_a_real_one_costs() {
        let nobodys = PasswordHash::new(NOBODYS).expect("a hash");
        let own = argon2().hash_password(b"x").expect("a hash");
        assert_eq!((nobodys.algorithm, nobodys.version, &nobodys.params), (own.algorithm, own.version, &own.params));
        assert_eq!(nobodys.hash.map(|hash| hash.len()), own.hash.map(|hash| hash.len()));
        assert_eq!(nobodys.salt.map(|salt| salt.len()), own.salt.map(|salt| salt.len()));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn whom_the_machine_cannot_serve_soon_is_told_to_come_again() {
        let hasher = Hasher::new(1, 1);
        let busy = |_: usize| hasher.hash(password("correct horse"));
        let answers = futures::future::join_all((0..3).map(busy)).await;
        let refused = answers.iter().filter(|answer| matches!(answer, Err(Error::Busy))).count();
        assert_eq!((refused, answers.iter().filter(|answer| answer.is_ok()).count()), (1, 2));
        assert!(hasher.hash(password("correct horse")).await.is_ok(), "every place is free again");
    }
}
