//! Order numbers: short, for people, and saying nothing of how much the shop sells.

use ::store::Ids;

/// Crockford's letters: without I, L, O and U none is taken for another when it is read out.
const LETTERS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const LETTERS_DRAWN: u32 = 6;

/// `S-7K3M9Q`: six letters and digits, drawn from the random end of a new id.
pub fn draw(ids: &Ids, prefix: &str) -> String {
    let bits = ids.uuid().as_u128();
    let letter = |place: u32| char::from(LETTERS[(bits >> (place * 5)) as usize & 31]);
    let letters: String = (0..LETTERS_DRAWN).rev().map(letter).collect();
    format!("{prefix}-{letters}")
}

/// As it was drawn, however it was typed: small letters, spaces around, and the letters that look like digits.
pub fn normalized(typed: &str) -> String {
    let typed = typed.trim().to_uppercase();
    let Some((prefix, letters)) = typed.rsplit_once('-') else { return typed };
    let meant = |letter: char| match letter {
        'O' => '0',
        'I' | 'L' => '1',
        other => other,
    };
    format!("{prefix}-{}", letters.chars().map(meant).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_found_however_it_was_typed() {
        assert_eq!(normalized(" s-7k3mol \n"), "S-7K3M01");
        assert_eq!(normalized("LILO-7K3M9Q"), "LILO-7K3M9Q");
        assert_eq!(normalized("7K3M9Q"), "7K3M9Q");
    }

    #[test]
    fn what_is_drawn_is_normal() {
        let drawn: Vec<String> = (0..200).map(|_| draw(&Ids::Random, "S")).collect();
        assert!(drawn.iter().all(|number| normalized(number) == *number && number.len() == 8), "{drawn:?}");
    }
}
