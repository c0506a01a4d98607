//! Slugs: a title as part of an address.

const CHARS_MAX: usize = 80;
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

    proptest! {
        #[test]
        fn every_slug_is_one_a_client_could_choose(title in ".{0,200}") {
            let slug = slug(&title);
            prop_assert!(is_slug(&slug, &()).is_ok(), "{slug}");
            prop_assert!(slug.len() <= CHARS_MAX && !slug.contains("--"), "{slug}");
        }
    }
}
