//! What must not stand in events, jobs, keys, errors and audit entries: card numbers, addresses, tokens, names. They
//! carry ids; who needs more asks by a call.
//!
//! It finds what has a shape (a card number, an e-mail or network address, a token) and fields that are named after
//! a person's data. A name under a field of another name has no shape: the tests plant one and look for it.

use serde_json::Value;

const MASK: &str = "[masked]";
/// Fields of ours that hold a person's data wherever they stand.
const FIELDS: [&str; 26] = [
    "address",
    "billing_address",
    "birthday",
    "card",
    "card_number",
    "company",
    "cvc",
    "cvv",
    "email",
    "email_key",
    "first_name",
    "iban",
    "ip",
    "ip_address",
    "last_name",
    "line1",
    "line2",
    "password",
    "phone",
    "postcode",
    "recipient",
    "secret",
    "shipping_address",
    "street",
    "tax_id",
    "token",
];
/// What our own tokens and keys, and those of gateways, begin with.
const TOKENS: [&str; 8] = ["Bearer ", "eyJ", "sk_live_", "sk_test_", "souk_sk_", "tok_", "whsec_", "$argon2"];
const CARD_DIGITS: std::ops::RangeInclusive<usize> = 13..=19;
const GROUPS_MAX: usize = 5;

/// What kind of personal data or secret a text holds.
pub fn kind_of(text: &str) -> Option<&'static str> {
    if TOKENS.iter().any(|token| starts_a_word(text, token)) {
        return Some("a token");
    }
    if has_card_number(text) {
        return Some("a card number");
    }
    text.split(|char: char| {
        char.is_whitespace() || matches!(char, '<' | '>' | '"' | ',' | ';' | '(' | ')' | '=' | '\'')
    })
    .find_map(|word| {
        let word = word.trim_matches(['.', ':', '[', ']']);
        if is_email(word) {
            Some("an e-mail address")
        } else if word.contains(['.', ':']) && is_network_address(word) {
            Some("a network address")
        } else {
            None
        }
    })
}

/// The first place in JSON that holds personal data: where, and what kind.
pub fn find(json: &Value) -> Option<(String, &'static str)> {
    find_at(json, &mut String::new())
}

fn find_at(json: &Value, path: &mut String) -> Option<(String, &'static str)> {
    match json {
        Value::String(text) => kind_of(text).map(|kind| (path.clone(), kind)),
        Value::Number(number) => has_card_number(&number.to_string()).then(|| (path.clone(), "a card number")),
        Value::Array(items) => items.iter().find_map(|item| find_at(item, path)),
        Value::Object(fields) => fields.iter().find_map(|(name, value)| {
            let length = path.len();
            path.push('/');
            path.push_str(name);
            let found = match is_personal(name, value) {
                true => Some((path.clone(), "a person's data")),
                false => find_at(value, path),
            };
            path.truncate(length);
            found
        }),
        Value::Null | Value::Bool(_) => None,
    }
}

fn is_personal(name: &str, value: &Value) -> bool {
    let says_something = match value {
        Value::String(text) => !text.is_empty(),
        Value::Object(fields) => !fields.is_empty(),
        Value::Number(_) => true,
        Value::Null | Value::Bool(_) | Value::Array(_) => false,
    };
    says_something && FIELDS.contains(&name)
}

/// Puts a mask over what [`find`] would find.
pub fn mask(json: &mut Value) {
    match json {
        Value::String(text) if kind_of(text).is_some() => MASK.clone_into(text),
        Value::Number(number) if has_card_number(&number.to_string()) => *json = MASK.into(),
        Value::Array(items) => items.iter_mut().for_each(mask),
        Value::Object(fields) => {
            for (name, value) in fields.iter_mut() {
                if is_personal(name, value) {
                    *value = MASK.into();
                } else {
                    mask(value);
                }
            }
        }
        _ => {}
    }
}

/// A text for people, masked word by word; one whose parts can't be told apart is masked whole.
pub fn masked_text(text: &str) -> String {
    if kind_of(text).is_none() {
        return text.to_owned();
    }
    let words: Vec<&str> = text.split(' ').map(|word| if kind_of(word).is_some() { MASK } else { word }).collect();
    let masked = words.join(" ");
    if kind_of(&masked).is_some() { MASK.to_owned() } else { masked }
}

fn starts_a_word(text: &str, token: &str) -> bool {
    text.match_indices(token).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let follows = text[at + token.len()..].chars().take_while(char::is_ascii_graphic).count();
        before.is_none_or(|char| !char.is_ascii_alphanumeric()) && follows >= 2
    })
}

fn is_email(word: &str) -> bool {
    let Some((local, domain)) = word.split_once('@') else { return false };
    let is_local = |char: char| char.is_ascii_alphanumeric() || "!#$%&*+-./?^_`{|}~".contains(char);
    !local.is_empty()
        && local.chars().all(is_local)
        && domain.split_once('.').is_some_and(|(name, rest)| !name.is_empty() && rest.len() >= 2)
        && domain.chars().all(|char| char.is_alphanumeric() || matches!(char, '.' | '-'))
}

/// Of somebody: not of this machine or nobody.
fn is_network_address(word: &str) -> bool {
    let address = word.parse::<std::net::SocketAddr>().map(|socket| socket.ip()).or_else(|_| word.parse());
    address.is_ok_and(|address: std::net::IpAddr| !address.is_loopback() && !address.is_unspecified())
}

/// Thirteen to nineteen digits on their own, in one piece or in groups, that begin as cards do and have Luhn's check
/// digit. Digits within an id or a longer number are none.
fn has_card_number(text: &str) -> bool {
    let in_words = |char: char| char.is_ascii_alphanumeric() || matches!(char, '_' | '-' | ' ');
    text.split(|char: char| !in_words(char)).filter(|part| part.len() >= *CARD_DIGITS.start()).any(|part| {
        let words: Vec<&str> = part.split(' ').collect();
        words.iter().any(|word| is_card(word))
            || (2..=GROUPS_MAX).any(|groups| {
                words.windows(groups).any(|words| words.iter().all(|word| is_group(word)) && is_card(&words.concat()))
            })
    })
}

fn is_group(word: &str) -> bool {
    (3..=6).contains(&word.len()) && word.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_card(word: &str) -> bool {
    if word.starts_with('-') || word.ends_with('-') || !word.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-') {
        return false;
    }
    let digits: Vec<u32> = word.chars().filter_map(|char| char.to_digit(10)).collect();
    let weigh = |(place, digit): (usize, &u32)| match (place % 2, digit * 2) {
        (0, _) => *digit,
        (_, double) => double % 10 + double / 10,
    };
    CARD_DIGITS.contains(&digits.len())
        && matches!(digits[0], 2..=6)
        && digits.iter().any(|digit| *digit != digits[0])
        && digits.iter().rev().enumerate().map(weigh).sum::<u32>() % 10 == 0
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_has_a_shape_is_found() {
        for (text, kind) in [
            ("4111111111111111", "a card number"),
            ("paid with 4111 1111 1111 1111 today", "a card number"),
            ("card=5555-5555-5555-4444", "a card number"),
            ("378282246310005", "a card number"),
            ("550 <ada@example.com> is unknown", "an e-mail address"),
            ("came from 203.0.113.7:443", "a network address"),
            ("2001:db8::1", "a network address"),
            ("Authorization: Bearer abcdef", "a token"),
            ("eyJhbGciOiJFZERTQSJ9.e30.x", "a token"),
        ] {
            assert_eq!(kind_of(text), Some(kind), "{text}");
        }
    }

    #[test]
    fn what_only_looks_like_it_is_left() {
        for text in [
            "",
            "4111111111111112",
            "1795348800000000",
            "0193aaaa-4111-1111-1111-111111111111",
            "ord_06k4111111111111111111111a",
            "order 41111111111111110000000",
            "2026-11-22T10:00:00.123456Z",
            "127.0.0.1:8080 refused",
            "version 1.2.3",
            "three @ five",
            "order.placed",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        ] {
            assert_eq!(kind_of(text), None, "{text}");
        }
    }

    #[test]
    fn a_field_that_is_named_after_a_persons_data_is_found_and_masked() {
        let mut json =
            json!({ "order": "ord_1", "to": [{ "phone": "+431234" }], "email": null, "card": "4111111111111111" });
        assert_eq!(find(&json), Some(("/card".to_owned(), "a person's data")));
        mask(&mut json);
        assert_eq!(json, json!({ "order": "ord_1", "to": [{ "phone": MASK }], "email": null, "card": MASK }));
        assert_eq!(find(&json!({ "amount": { "amount": 1999, "currency": "EUR" }, "email": null })), None);
    }

    #[test]
    fn a_text_is_masked_word_by_word() {
        assert_eq!(masked_text("550 <ada@example.com> is unknown"), "550 [masked] is unknown");
        assert_eq!(masked_text("4111 1111 1111 1111"), MASK);
        assert_eq!(masked_text("nothing here"), "nothing here");
    }
}
