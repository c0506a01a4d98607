//! What came before in a file: SKUs and ids, as eight bytes each.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};

/// As many are told apart: 5,000,000 take 90 MB. A larger file is cut in two.
const ENTRIES_MAX: usize = 5_000_000;

/// The names that a file has said so far. Of a million names two are taken for one with a chance of 3 in 100 million;
/// then one row is reported that need not be.
#[derive(Debug, Default)]
pub struct Seen {
    fingerprints: HashSet<u64>,
}

/// Why a name can't be taken for new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotFirst {
    Again,
    /// There are too many to tell.
    TooMany,
}

impl Seen {
    /// `kind` parts names that may be the same: an id is no SKU.
    pub fn first(&mut self, kind: &str, name: &str) -> Result<(), NotFirst> {
        let mut hasher = DefaultHasher::new();
        (kind, name).hash(&mut hasher);
        if self.fingerprints.len() >= ENTRIES_MAX {
            return Err(NotFirst::TooMany);
        }
        if self.fingerprints.insert(hasher.finish()) { Ok(()) } else { Err(NotFirst::Again) }
    }
}

impl NotFirst {
    pub fn code(self, again: &'static str) -> &'static str {
        match self {
            Self::Again => again,
            Self::TooMany => "file_too_large",
        }
    }

    pub fn text(self, what: &str, name: &str) -> String {
        match self {
            Self::Again => format!("the {what} `{name}` came before in this file"),
            Self::TooMany => format!("a file names at most {ENTRIES_MAX} products and SKUs: cut it in two"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_first_once() {
        let mut seen = Seen::default();
        for (kind, name) in [("sku", "a"), ("id", "a"), ("sku", "b")] {
            assert_eq!(seen.first(kind, name), Ok(()));
        }
        assert_eq!(seen.first("sku", "a"), Err(NotFirst::Again));
    }
}
