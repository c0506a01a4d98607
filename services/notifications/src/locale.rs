//! Which language a message is written in: the nearest that the shop has to the one asked for.

use contracts::Locale;

/// What every shop has.
pub const LAST: &str = "en";

/// The tags to look for, nearest first: `de-AT`, `de`, then the shop's own locale and its language, then `en`.
pub fn chain(asked: &Locale, shop: &Locale) -> Vec<String> {
    let mut chain: Vec<String> = Vec::new();
    for tag in [asked.as_str(), shop.as_str(), LAST] {
        let mut tag = canonical(tag);
        loop {
            if !chain.contains(&tag) && !tag.is_empty() {
                chain.push(tag.clone());
            }
            match tag.rfind('-') {
                Some(cut) => tag.truncate(cut),
                None => break,
            }
        }
    }
    chain
}

/// The language of a tag: `de` of `de-AT`.
pub fn language(tag: &str) -> &str {
    tag.split('-').next().unwrap_or(tag)
}

/// How amounts are written in a text of `written`, for who asked for `asked`: their own way, where it is
/// another country of the same language.
pub fn of_amounts(asked: &Locale, written: &str) -> String {
    let asked = canonical(asked.as_str());
    if language(&asked) == language(written) { asked } else { written.to_owned() }
}

/// As BCP 47 recommends: `de-AT`, `zh-Hant-TW`.
fn canonical(tag: &str) -> String {
    let part = |(place, part): (usize, &str)| match (place, part.len()) {
        (0, _) => part.to_ascii_lowercase(),
        (_, 2) => part.to_ascii_uppercase(),
        (_, 4) => part[..1].to_ascii_uppercase() + &part[1..].to_ascii_lowercase(),
        _ => part.to_ascii_lowercase(),
    };
    tag.split('-').filter(|part| !part.is_empty()).enumerate().map(part).collect::<Vec<_>>().join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(asked: &str, shop: &str) -> Vec<String> {
        chain(&asked.parse().expect("a locale"), &shop.parse().expect("a locale"))
    }

    #[test]
    fn the_nearest_language_comes_first_then_the_shops_then_english() {
        assert_eq!(of("de-AT", "fr-CH"), ["de-AT", "de", "fr-CH", "fr", "en"]);
        assert_eq!(of("en", "en"), ["en"]);
        assert_eq!(of("zh-hant-tw", "de"), ["zh-Hant-TW", "zh-Hant", "zh", "de", "en"]);
        assert_eq!(of("DE-at", "de"), ["de-AT", "de", "en"]);
        assert_eq!(of("-", "--de-"), ["de", "en"], "odd tags are tags");
    }

    #[test]
    fn amounts_are_written_as_in_the_readers_country_if_they_read_its_language() {
        assert_eq!(of_amounts(&"de-AT".parse().expect("a locale"), "de"), "de-AT");
        assert_eq!(of_amounts(&"fr".parse().expect("a locale"), "en"), "en");
    }
}
