//! Tax ids of the European Union, as far as they can be read offline: by the form that each member state
//! gives them (the patterns of the Commission's VIES service). Whether somebody holds the id, only VIES
//! itself knows; a shop that must prove it asks there.

/// Prefix, country, and the forms of what follows: `9` a digit, `A` a letter, `X` either, others themselves.
const FORMS: [(&str, &str, &[&str]); 27] = [
    ("AT", "AT", &["U99999999"]),
    ("BE", "BE", &["0999999999", "1999999999"]),
    ("BG", "BG", &["999999999", "9999999999"]),
    ("CY", "CY", &["99999999A"]),
    ("CZ", "CZ", &["99999999", "999999999", "9999999999"]),
    ("DE", "DE", &["999999999"]),
    ("DK", "DK", &["99999999"]),
    ("EE", "EE", &["999999999"]),
    ("EL", "GR", &["999999999"]),
    ("ES", "ES", &["A9999999X", "99999999A"]),
    ("FI", "FI", &["99999999"]),
    ("FR", "FR", &["XX999999999"]),
    ("HR", "HR", &["99999999999"]),
    ("HU", "HU", &["99999999"]),
    ("IE", "IE", &["9999999A", "9999999AA", "9A99999A", "9+99999A", "9*99999A"]),
    ("IT", "IT", &["99999999999"]),
    ("LT", "LT", &["999999999", "999999999999"]),
    ("LU", "LU", &["99999999"]),
    ("LV", "LV", &["99999999999"]),
    ("MT", "MT", &["99999999"]),
    ("NL", "NL", &["999999999B99"]),
    ("PL", "PL", &["9999999999"]),
    ("PT", "PT", &["999999999"]),
    ("RO", "RO", &["99", "999", "9999", "99999", "999999", "9999999", "99999999", "999999999", "9999999999"]),
    ("SE", "SE", &["999999999999"]),
    ("SI", "SI", &["99999999"]),
    ("SK", "SK", &["9999999999"]),
];

/// The country whose tax id this is by its form; spaces, points and dashes are for people. `None`: of none of
/// the member states.
pub fn country_of(tax_id: &str) -> Option<&'static str> {
    let id: String = tax_id.chars().filter(|letter| !matches!(letter, ' ' | '.' | '-' | '/')).collect();
    let id = id.to_ascii_uppercase();
    let (_, country, forms) = FORMS.iter().find(|(prefix, ..)| id.starts_with(prefix))?;
    forms.iter().any(|form| has_form(&id[2..], form)).then_some(*country)
}

fn has_form(text: &str, form: &str) -> bool {
    let fits = |(letter, form): (u8, u8)| match form {
        b'9' => letter.is_ascii_digit(),
        b'A' => letter.is_ascii_uppercase(),
        b'X' => letter.is_ascii_digit() || letter.is_ascii_uppercase(),
        other => letter == other,
    };
    text.len() == form.len() && text.bytes().zip(form.bytes()).all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tax_id_is_known_by_its_form() {
        for (id, country) in [
            ("ATU12345678", "AT"),
            ("de 123.456-789", "DE"),
            ("EL123456789", "GR"),
            ("ESX1234567X", "ES"),
            ("ES12345678Z", "ES"),
            ("FRXX123456789", "FR"),
            ("IE1234567WA", "IE"),
            ("IE1+23456A", "IE"),
            ("NL123456789B01", "NL"),
            ("RO12", "RO"),
        ] {
            assert_eq!(country_of(id), Some(country), "{id}");
        }
    }

    #[test]
    fn what_has_no_such_form_is_none() {
        for id in
            ["", "AT", "ATU1234567", "AT12345678", "GR123456789", "US123456789", "DE12345678X", "ES123456789", "É1"]
        {
            assert_eq!(country_of(id), None, "{id}");
        }
    }
}
