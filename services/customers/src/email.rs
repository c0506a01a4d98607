//! An e-mail address, as it is compared and kept.

use garde::rules::email::parse_email;
use platform::Problem;

pub const CHARS_MAX: usize = 254;

/// A valid address in lower case. Personal data: it shows in no log, and `Debug` hides it.
#[derive(Clone, PartialEq, Eq)]
pub struct Email(String);

impl Email {
    /// Trims and lower-cases; what is no address is a field problem at `/email`.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        let text = Self::as_compared(text);
        if text.chars().count() > CHARS_MAX || parse_email(&text).is_err() {
            return Err(Problem::field("/email", "is an e-mail address like `ada@example.com`"));
        }
        Ok(Self(text))
    }

    /// How a text would be kept if it was an address; for looking one up.
    pub fn as_compared(text: &str) -> String {
        text.trim().to_lowercase()
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Email {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Email(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_compared_in_lower_case() {
        assert_eq!(Email::parse(" Ada@Example.COM ").expect("an address").as_str(), "ada@example.com");
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in ["", "ada", "@example.com", "ada@", "a b@example.com"] {
            assert_eq!(Email::parse(text).expect_err(text).errors[0].pointer, "/email");
        }
    }

    #[test]
    fn an_address_does_not_show_in_debug_output() {
        assert_eq!(format!("{:?}", Email::parse("ada@example.com").expect("an address")), "Email(…)");
    }
}
