//! The noun *parcel*: a box of a shipment, and how it is followed. Pure.

use std::collections::BTreeMap;
use std::fmt::Write;

use contracts::shipping::{ParcelContact, ParcelId};
use platform::config::Carrier;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub const PARCELS_MAX: usize = 50;
const WEIGHT_G_MAX: i64 = 10_000_000;
const TRACKING_PATTERN: &str = "^[A-Za-z0-9][A-Za-z0-9 ./_-]{0,99}$";

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, garde::Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewParcel {
    /// One that `[shipping.carriers]` names gives a link to follow the parcel.
    #[garde(length(chars, min = 1, max = 100))]
    #[schema(example = "Post", min_length = 1, max_length = 100)]
    pub carrier: String,
    #[serde(default)]
    #[garde(inner(custom(is_tracking_number)))]
    #[schema(example = "RR123456785AT", pattern = "^[A-Za-z0-9][A-Za-z0-9 ./_-]{0,99}$")]
    pub tracking_number: Option<String>,
    #[serde(default)]
    #[garde(inner(range(min = 1, max = WEIGHT_G_MAX)))]
    #[schema(example = 1350, minimum = 1, maximum = 10_000_000)]
    pub weight_g: Option<i64>,
}

/// For garde.
fn is_tracking_number(text: &str, (): &()) -> garde::Result {
    let is_letter = |letter: char| letter.is_ascii_alphanumeric() || " ./_-".contains(letter);
    let begins = text.starts_with(|first: char| first.is_ascii_alphanumeric());
    if begins && text.len() <= 100 && text.chars().all(is_letter) {
        Ok(())
    } else {
        Err(garde::Error::new(format!("is a carrier's number: {TRACKING_PATTERN}")))
    }
}

impl From<Parcel> for NewParcel {
    fn from(Parcel { carrier, tracking_number, weight_g, .. }: Parcel) -> Self {
        Self { carrier, tracking_number, weight_g }
    }
}

#[derive(Debug, Clone)]
pub struct Parcel {
    pub id: ParcelId,
    pub carrier: String,
    pub tracking_number: Option<String>,
    pub weight_g: Option<i64>,
}

/// A parcel, as staff see it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ParcelView {
    pub id: ParcelId,
    pub carrier: String,
    pub tracking_number: Option<String>,
    /// Where it can be followed; null where the carrier has no link in the settings.
    pub tracking_url: Option<String>,
    pub weight_g: Option<i64>,
}

impl Parcel {
    fn tracking_url(&self, carriers: &BTreeMap<String, Carrier>) -> Option<String> {
        let carrier = carriers.get(&self.carrier.to_lowercase())?;
        Some(carrier.tracking_url.replace("{number}", &escaped(self.tracking_number.as_ref()?)))
    }

    pub fn view(self, carriers: &BTreeMap<String, Carrier>) -> ParcelView {
        let tracking_url = self.tracking_url(carriers);
        let Self { id, carrier, tracking_number, weight_g } = self;
        ParcelView { id, carrier, tracking_number, tracking_url, weight_g }
    }

    pub fn contact(self, carriers: &BTreeMap<String, Carrier>) -> ParcelContact {
        let tracking_url = self.tracking_url(carriers);
        ParcelContact { carrier: Some(self.carrier), tracking_number: self.tracking_number, tracking_url }
    }
}

/// As a part of a URL (RFC 3986, 2.1).
fn escaped(text: &str) -> String {
    text.bytes().fold(String::new(), |mut url, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            url.push(char::from(byte));
        } else {
            let _ = write!(url, "%{byte:02X}");
        }
        url
    })
}

#[cfg(test)]
mod tests {
    use contracts::Id;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_known_carrier_gives_a_link() {
        let carrier = Carrier { tracking_url: "https://post.example/{number}?l=de".to_owned() };
        let carriers = BTreeMap::from([("post".to_owned(), carrier)]);
        let url = |carrier: &str, number: Option<&str>| {
            let (id, tracking_number) = (ParcelId::from_uuid(Uuid::nil()), number.map(str::to_owned));
            Parcel { id, carrier: carrier.to_owned(), tracking_number, weight_g: None }.view(&carriers).tracking_url
        };
        assert_eq!(url("Post", Some("RR 1/2")).as_deref(), Some("https://post.example/RR%201%2F2?l=de"));
        assert_eq!((url("Bike", Some("1")), url("Post", None)), (None, None));
    }

    #[test]
    fn a_tracking_number_is_short_and_plain() {
        assert!(is_tracking_number("RR 123-456.7/8_9", &()).is_ok());
        let long = "1".repeat(101);
        for text in ["", " 1", "1\n", "ä", long.as_str()] {
            assert!(is_tracking_number(text, &()).is_err(), "{text}");
        }
    }
}
