//! Slugs: a title as part of an address.

const CHARS_MAX: usize = 80;
const SORT_KEY_CHARS_MAX: usize = 48;
/// Longer than the longest that is made: an import adds an id of its source.
const CHOSEN_CHARS_MAX: usize = 200;

/// `Crème brûlée (2 pcs)` as `creme-brulee-2-pcs`: a-z, 0-9 and single hyphens, at most 80 characters.
/// A title without a letter of the Latin alphabet becomes `product`.
pub fn slug(title: &str) -> String {
    let mut slug = String::new();
    let mut gap = false;
    for letter in title.chars().flat_map(char::to_lowercase) {
        let plain = plain(letter);
        if plain.is_empty() {
            gap |= !is_silent(letter);
            continue;
        }
        let hyphen = usize::from(gap && !slug.is_empty());
        if slug.len() + hyphen + plain.len() > CHARS_MAX {
            break;
        }
        if hyphen == 1 {
            slug.push('-');
        }
        gap = false;
        slug.push_str(plain);
    }
    if slug.is_empty() { "product".to_owned() } else { slug }
}

/// A title as lists sort it: without case and accents, its first 48 characters.
pub fn sort_key(title: &str) -> String {
    let mut key = String::new();
    for letter in title.trim_start().chars().flat_map(char::to_lowercase) {
        if is_silent(letter) {
            continue;
        }
        match plain(letter) {
            "" => key.push(letter),
            plain => key.push_str(plain),
        }
        if key.chars().count() >= SORT_KEY_CHARS_MAX {
            break;
        }
    }
    key.chars().take(SORT_KEY_CHARS_MAX).collect()
}

/// A longer slug for what shares its first with another name: the same name makes the same.
pub fn with_hash(slug: &str, name: &str) -> String {
    format!("{slug}-{}", &platform::auth::sha256_hex(name.as_bytes())[..8])
}

/// A slug that nothing else has: with the last characters of an id, which are random.
pub fn with_id(slug: &str, id: impl std::fmt::Display) -> String {
    let id = id.to_string();
    format!("{slug}-{}", &id[id.len() - 10..])
}

/// For garde: a slug that a client chose.
pub fn is_slug(text: &str, _: &()) -> garde::Result {
    let allowed = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-';
    if (1..=CHOSEN_CHARS_MAX).contains(&text.len())
        && text.chars().all(allowed)
        && !text.starts_with('-')
        && !text.ends_with('-')
    {
        Ok(())
    } else {
        Err(garde::Error::new("is 1 to 200 of a-z, 0-9 and -, with no - at its ends"))
    }
}

/// Combining marks and apostrophes part no word.
fn is_silent(letter: char) -> bool {
    matches!(letter, '\u{300}'..='\u{36f}' | '\'' | '’')
}

/// The letter without its marks; empty for what is no letter or digit here.
fn plain(letter: char) -> &'static str {
    const ASCII: &str = "0123456789abcdefghijklmnopqrstuvwxyz";
    if letter.is_ascii() {
        return ASCII.find(letter).map_or("", |at| &ASCII[at..=at]);
    }
    match letter {
        'ä' | 'æ' => "ae",
        'ö' | 'ø' | 'œ' => "oe",
        'ü' => "ue",
        'ß' => "ss",
        'à'..='å' | 'ā' | 'ă' | 'ą' => "a",
        'ç' | 'ć' | 'č' => "c",
        'ď' | 'đ' | 'ð' => "d",
        'è'..='ë' | 'ē' | 'ė' | 'ę' | 'ě' => "e",
        'ğ' | 'ģ' => "g",
        'ì'..='ï' | 'ī' | 'į' | 'ı' => "i",
        'ķ' => "k",
        'ļ' | 'ł' => "l",
        'ñ' | 'ń' | 'ņ' | 'ň' => "n",
        'ò'..='õ' | 'ō' | 'ő' => "o",
        'ř' => "r",
        'ś' | 'š' | 'ş' | 'ș' => "s",
        'ţ' | 'ț' | 'ť' => "t",
        'ù'..='û' | 'ū' | 'ů' | 'ű' | 'ų' => "u",
        'ý' | 'ÿ' => "y",
        'ź' | 'ż' | 'ž' => "z",
        'þ' => "th",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_title_becomes_part_of_an_address() {
        for (title, expected) in [
            ("HP 80 Original Cyan", "hp-80-original-cyan"),
            ("  Crème brûlée (2 pcs)! ", "creme-brulee-2-pcs"),
            ("Größe Ø 5\" / Łódź", "groesse-oe-5-lodz"),
            ("Levi's 501", "levis-501"),
            ("日本", "product"),
            ("", "product"),
        ] {
            assert_eq!(slug(title), expected, "{title}");
        }
    }

    #[test]
    fn titles_sort_without_case_and_accents() {
        let mut titles = ["Zebra", "éclair", "Ecru", "apple", "日本", "Äpfel"];
        titles.sort_by_key(|title| sort_key(title));
        assert_eq!(titles, ["Äpfel", "apple", "éclair", "Ecru", "Zebra", "日本"]);
        assert_eq!(sort_key(&"x".repeat(300)).len(), 48);
    }

    proptest! {
        #[test]
        fn every_slug_is_one_a_client_could_choose(title in ".{0,200}") {
            let slug = slug(&title);
            prop_assert!(is_slug(&slug, &()).is_ok(), "{slug}");
            prop_assert!(slug.len() <= CHARS_MAX && !slug.contains("--"), "{slug}");
        }
    }
}
