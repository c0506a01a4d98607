//! How money is written for people: the digits of ISO 4217, the signs of CLDR 47 for the languages below.

use contracts::{Currency, Money};

use crate::locale::language;

/// Between sign and digits, so that no line breaks there.
const NBSP: char = '\u{a0}';

/// How a language writes an amount.
struct Style {
    point: char,
    thousands: char,
    /// The sign stands before the digits.
    sign_first: bool,
    /// A blank between a sign such as `€` and the digits; one such as `CHF` always has it.
    spaced: bool,
    /// Digits before the point from which thousands are parted.
    parted_from: usize,
}

/// `€19.99`, `19,99 €`, `¥2,000`. A language that is not known here: `19.99 EUR`.
pub fn format(money: Money, locale: &str) -> String {
    let Some(style) = style(locale) else { return money.to_string() };
    let digits = digits(money, &style);
    let sign = sign(money.currency, locale);
    let minus = if money.amount < 0 { "-" } else { "" };
    let gap = if style.spaced || sign.ends_with(|last: char| last.is_ascii_alphabetic()) {
        NBSP.to_string()
    } else {
        String::new()
    };
    if style.sign_first { format!("{minus}{sign}{gap}{digits}") } else { format!("{minus}{digits}{gap}{sign}") }
}

fn style(locale: &str) -> Option<Style> {
    let after =
        |point, thousands, parted_from| Style { point, thousands, sign_first: false, spaced: true, parted_from };
    let before = |point, thousands, spaced| Style { point, thousands, sign_first: true, spaced, parted_from: 4 };
    Some(match (locale, language(locale)) {
        ("de-AT", _) | (_, "nl") => before(',', '.', true),
        ("de-CH" | "de-LI", _) => before('.', '’', true),
        (_, "en") => before('.', ',', false),
        (_, "de" | "it") => after(',', '.', 4),
        (_, "fr") => after(',', '\u{202f}', 4),
        (_, "es") => after(',', '.', 5),
        _ => return None,
    })
}

fn digits(money: Money, style: &Style) -> String {
    let exponent = money.currency.exponent() as usize;
    let all = format!("{:0>width$}", money.amount.unsigned_abs(), width = exponent + 1);
    let (whole, fraction) = all.split_at(all.len() - exponent);
    let mut text = String::new();
    for (place, digit) in whole.char_indices() {
        let left = whole.len() - place;
        if place > 0 && left % 3 == 0 && whole.len() >= style.parted_from {
            text.push(style.thousands);
        }
        text.push(digit);
    }
    if exponent > 0 {
        text.push(style.point);
        text.push_str(fraction);
    }
    text
}

/// A sign that nobody takes for another currency's, else the code.
fn sign(currency: Currency, locale: &str) -> &'static str {
    match currency.code() {
        "EUR" => "€",
        "GBP" => "£",
        "JPY" => "¥",
        // Canada, Australia and others have a dollar of their own.
        "USD" if language(locale) == "en" && locale != "en" && locale != "en-US" => "US$",
        "USD" => "$",
        code => code,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn money(amount: i64, code: &str) -> Money {
        Money::new(amount, Currency::from_code(code).expect("a currency"))
    }

    #[test]
    fn amounts_are_written_as_their_language_does() {
        for (locale, amount, code, text) in [
            ("en", 1999, "EUR", "€19.99"),
            ("en-US", 123_456_789, "USD", "$1,234,567.89"),
            ("en-CA", 1999, "USD", "US$19.99"),
            ("en", 1999, "CHF", "CHF\u{a0}19.99"),
            ("de", 1999, "EUR", "19,99\u{a0}€"),
            ("de", 123_456_789, "EUR", "1.234.567,89\u{a0}€"),
            ("de-AT", 123_400, "EUR", "€\u{a0}1.234,00"),
            ("de-CH", 123_400, "CHF", "CHF\u{a0}1’234.00"),
            ("fr", 123_400, "EUR", "1\u{202f}234,00\u{a0}€"),
            ("es", 123_400, "EUR", "1234,00\u{a0}€"),
            ("es", 1_234_500, "EUR", "12.345,00\u{a0}€"),
            ("nl", 1999, "EUR", "€\u{a0}19,99"),
            ("pl", 1999, "PLN", "19.99 PLN"),
        ] {
            assert_eq!(format(money(amount, code), locale), text, "{locale}");
        }
    }

    #[test]
    fn the_digits_after_the_point_are_the_currencys() {
        assert_eq!(format(money(2_000, "JPY"), "en"), "¥2,000");
        assert_eq!(format(money(1_234_567, "KWD"), "de"), "1.234,567\u{a0}KWD");
        assert_eq!(format(money(5, "KWD"), "en"), "KWD\u{a0}0.005");
        assert_eq!(format(money(-5, "EUR"), "en"), "-€0.05");
        assert_eq!(format(money(-5, "EUR"), "de"), "-0,05\u{a0}€");
        assert_eq!(format(money(0, "EUR"), "de"), "0,00\u{a0}€");
    }

    proptest! {
        #[test]
        fn no_digit_is_lost(amount in any::<i64>(), code in prop::sample::select(vec!["EUR", "JPY", "KWD"]), locale in prop::sample::select(vec!["en", "de", "de-AT", "de-CH", "fr", "es", "xx"])) {
            let digits: String = format(money(amount, code), locale).chars().filter(char::is_ascii_digit).collect();
            prop_assert_eq!(digits.parse::<u64>().ok(), Some(amount.unsigned_abs()));
        }
    }
}
