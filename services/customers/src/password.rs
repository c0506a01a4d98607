//! Passwords that people choose: long enough and not among the first that anyone would try (NIST SP
//! 800-63B-4, 3.1.1; ASVS 5.0, 6.2). No rules about kinds of characters, and none is ever cut short.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use platform::Problem;
use serde::Deserialize;

pub const CHARS_MIN: usize = 8;
pub const CHARS_MAX: usize = 256;
/// What people put behind a word to make it long enough: `password2026!`.
const TAIL_CHARS_MAX: usize = 5;

/// Compiled for Souk: words and strings that head every published list of guessed passwords.
static COMMON: LazyLock<BTreeSet<&str>> = LazyLock::new(|| {
    let lines = include_str!("common_passwords.txt").lines();
    lines.filter(|line| !line.starts_with('#')).flat_map(str::split_whitespace).collect()
});

/// A password as it came. `Debug` hides it.
#[derive(Clone, Deserialize)]
#[serde(transparent)]
pub struct Password(String);

impl Password {
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// Refuses a new password that is guessed early; at `pointer`, with the mend.
    pub fn must_be_hard_to_guess(&self, pointer: &str, email: &str) -> Result<(), Problem> {
        if is_guessable(&self.0, email) {
            let detail = "is among the first that anyone would try: choose another, such as four words in a row";
            return Err(Problem::field(pointer, detail));
        }
        Ok(())
    }
}

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Password(…)")
    }
}

/// For garde: the length of a password that someone chooses.
pub fn has_length(password: &Password, (): &()) -> garde::Result {
    match password.0.chars().count() {
        CHARS_MIN..=CHARS_MAX => Ok(()),
        _ => Err(garde::Error::new(format!("is {CHARS_MIN} to {CHARS_MAX} characters long"))),
    }
}

/// For garde: one that is compared with another may be any, up to a length that is hashed in time.
pub fn is_short_enough(password: &Password, (): &()) -> garde::Result {
    match password.0.chars().count() {
        0..=CHARS_MAX => Ok(()),
        _ => Err(garde::Error::new(format!("is at most {CHARS_MAX} characters long"))),
    }
}

fn is_guessable(password: &str, email: &str) -> bool {
    let lower = password.to_lowercase();
    let plain = without_tail(&lower);
    let words = [lower.as_str(), plain, &spelled_out(&lower), &spelled_out(plain)].map(str::to_owned);
    let is_common = words.iter().any(|word| COMMON.contains(word.as_str()));
    let own = [email, email.split('@').next().unwrap_or_default()];
    let is_own = own.iter().any(|own| own.chars().count() > 3 && (lower == *own || plain == *own));
    is_common || is_own || repeats(&lower) || is_a_row(&lower)
}

/// `password2026!` without `2026!`.
fn without_tail(text: &str) -> &str {
    let word = text.trim_end_matches(|letter: char| !letter.is_alphabetic());
    let tail = text[word.len()..].chars().count();
    if word.is_empty() || tail > TAIL_CHARS_MAX { text } else { word }
}

/// `p@$$w0rd` as `password`.
fn spelled_out(text: &str) -> String {
    let letter = |sign: char| match sign {
        '@' | '4' => 'a',
        '3' | '€' => 'e',
        '1' | '!' | '|' => 'i',
        '0' => 'o',
        '$' | '5' => 's',
        '7' | '+' => 't',
        other => other,
    };
    text.chars().map(letter).collect()
}

/// One to four characters, over and over: `aaaaaaaa`, `abcabcabc`.
fn repeats(text: &str) -> bool {
    let letters: Vec<char> = text.chars().collect();
    (1..=4).any(|unit| letters.len() >= 2 * unit && letters.iter().zip(&letters[unit..]).all(|(a, b)| a == b))
}

/// Each character is the next of a keyboard's row, of the alphabet or of the digits, either way.
fn is_a_row(text: &str) -> bool {
    const ROWS: [&str; 9] = [
        "abcdefghijklmnopqrstuvwxyz",
        "01234567890",
        "1234567890",
        "qwertyuiop",
        "asdfghjkl",
        "zxcvbnm",
        "qwertzuiopü",
        "yxcvbnm",
        "azertyuiop",
    ];
    let is_part = |text: &str| ROWS.iter().any(|row| row.contains(text));
    is_part(text) || is_part(&text.chars().rev().collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn refused(password: &str) -> bool {
        is_guessable(password, "grace.hopper@example.com")
    }

    #[test]
    fn what_anyone_would_try_is_refused() {
        for password in [
            "password",
            "Password",
            "PASSWORD1",
            "P@ssw0rd",
            "p@$$w0rd2026!",
            "iloveyou!",
            "qwerty123",
            "12345678",
            "87654321",
            "1234567890",
            "abcdefgh",
            "poiuytrewq",
            "aaaaaaaaaaaaaaaa",
            "abcabcabcabc",
            "grace.hopper@example.com",
            "grace.hopper",
            "Grace.Hopper99",
            "football1",
            "Welcome2026",
        ] {
            assert!(refused(password), "{password}");
        }
    }

    #[test]
    fn what_is_hard_to_guess_is_taken_whatever_it_is_made_of() {
        for password in [
            "correct horse battery staple",
            "mmmmmmmy dog",
            "vierkleinewortehier",
            "ユニコードの長い合言葉",
            "83920174650183",
            "passwords are a nuisance",
            "x9#Lq!2vP",
        ] {
            assert!(!refused(password), "{password}");
        }
    }

    #[test]
    fn the_list_is_lower_case_and_without_doubles() {
        let lines = include_str!("common_passwords.txt").lines().filter(|line| !line.starts_with('#'));
        let words: Vec<&str> = lines.flat_map(str::split_whitespace).collect();
        assert_eq!(words.len(), COMMON.len(), "a word stands twice");
        assert!(words.iter().all(|word| *word == word.to_lowercase()));
        assert!(COMMON.len() > 500, "{}", COMMON.len());
    }

    #[test]
    fn the_length_is_counted_in_characters() {
        let of = |text: &str| has_length(&Password(text.to_owned()), &()).is_ok();
        assert!(of("ユユユユユユユユ") && !of("ユユユユユユユ"));
        assert!(of(&"ü".repeat(CHARS_MAX)) && !of(&"ü".repeat(CHARS_MAX + 1)));
        assert!(is_short_enough(&Password("x".to_owned()), &()).is_ok());
    }

    #[test]
    fn a_password_does_not_show_in_debug_output() {
        assert_eq!(format!("{:?}", Password("geheim".to_owned())), "Password(…)");
    }

    proptest! {
        #[test]
        fn nothing_that_people_type_breaks_it(password in ".{0,300}", email in ".{0,60}") {
            let _ = is_guessable(&password, &email);
        }

        #[test]
        fn random_ones_are_taken(password in "[a-z]{6}[0-9]{3}[A-Z]{4}[a-z]{5}") {
            prop_assert!(!refused(&password));
        }
    }
}
