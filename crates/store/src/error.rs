//! What can go wrong at the database, in kinds a caller can act on.

/// An error of the store. [`Error::is_unavailable`] ones are answered 503 and may be tried again.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// [`crate::Tx::one`] found nothing.
    #[error("`{0}` returned no row")]
    NoRow(&'static str),
    /// A UNIQUE, CHECK, NOT NULL or FOREIGN KEY of the schema refused the change. Each database
    /// names the constraint its own way: it is for people, not to be matched.
    #[error("`{statement}` breaks {constraint}")]
    Constraint { statement: &'static str, constraint: String },
    /// Every connection is taken, or the queue before them is full.
    #[error("the database is busy: {0}")]
    Busy(&'static str),
    /// The database can't be reached or can't write (down, disk full, connection lost).
    #[error("the database is unavailable: {0}")]
    Unavailable(String),
    /// Two transactions got in each other's way, again and again.
    #[error("the transaction kept losing against others and was given up after {0} tries")]
    Contended(u32),
    /// The function given to `write` or `read` waited for something that is not its transaction.
    #[error("a transaction waited for something other than its database and was rolled back")]
    Waited,
    #[error("a transaction panicked and was rolled back: {0}")]
    Panicked(String),
    #[error("a transaction took longer than {0} ms and was rolled back")]
    TooSlow(u64),
    /// A column does not hold what the caller reads.
    #[error("column {column} of `{statement}`: {reason}")]
    Decode { statement: &'static str, column: usize, reason: String },
    /// The database refused the statement: a defect of ours.
    #[error("`{statement}`: {reason}")]
    Statement { statement: &'static str, reason: String },
    #[error("{0}")]
    Schema(String),
}

impl Error {
    pub(crate) fn too_slow(limit: std::time::Duration) -> Self {
        Self::TooSlow(u64::try_from(limit.as_millis()).unwrap_or(u64::MAX))
    }

    /// Nothing is wrong with the request: the same one may succeed in a moment. Where a connection
    /// broke during the commit, nobody knows whether it was written: ask again with the same key.
    pub fn is_unavailable(&self) -> bool {
        matches!(self, Self::Busy(_) | Self::Unavailable(_) | Self::Contended(_) | Self::TooSlow(_))
    }
}

pub type Result<T, E = Error> = std::result::Result<T, E>;
