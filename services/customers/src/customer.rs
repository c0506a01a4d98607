//! A customer: the account, as its holder and staff see it, and what may be written into it.

use contracts::customers::{CustomerAddressId, CustomerId, SessionId};
use contracts::values::is_one_line;
use contracts::{Address, Locale, MarketId, Metadata};
use garde::Validate;
use jiff::Timestamp;
use platform::http::said;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::password::{self, Password};
use crate::session::EndedBecause;

const NAME_CHARS_MAX: usize = 200;
const PHONE_CHARS_MAX: usize = 40;

/// An account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct CustomerView {
    pub id: CustomerId,
    #[schema(example = "ada@example.com")]
    pub email: String,
    #[schema(example = "Ada Lovelace")]
    pub name: Option<String>,
    pub phone: Option<String>,
    /// Mails are written in it.
    pub locale: Locale,
    /// Where they shop unless they say otherwise.
    pub market: MarketId,
    pub metadata: Metadata,
    /// Changes with each edit; the `ETag` is made of it.
    pub version: i64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// Makes an account.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RegisterCustomer {
    /// Compared without regard to case; one account each.
    #[garde(length(chars, min = 3, max = 254))]
    #[schema(format = "email", min_length = 3, max_length = 254, example = "ada@example.com")]
    pub email: String,
    /// 8 to 256 characters of any kind; the first ones that anyone would try are refused.
    #[garde(custom(password::has_length))]
    #[schema(value_type = String, format = "password", min_length = 8, max_length = 256, example = "correct horse battery staple")]
    pub password: Password,
    #[garde(inner(length(chars, min = 1, max = NAME_CHARS_MAX), custom(is_one_line)))]
    #[schema(min_length = 1, max_length = 200, pattern = "^[^\\x00-\\x1f\\x7f-\\x9f]*$", example = "Ada Lovelace")]
    pub name: Option<String>,
    #[garde(inner(length(chars, min = 1, max = PHONE_CHARS_MAX), custom(is_one_line)))]
    #[schema(min_length = 1, max_length = 40, pattern = "^[^\\x00-\\x1f\\x7f-\\x9f]*$")]
    pub phone: Option<String>,
    /// The market's, if not said.
    #[garde(skip)]
    pub locale: Option<Locale>,
    /// `default`, if not said.
    #[garde(skip)]
    pub market: Option<MarketId>,
    #[serde(default)]
    #[garde(skip)]
    pub metadata: Metadata,
}

/// Changes the profile; what is left out stays.
#[derive(Debug, Clone, Default, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeProfile {
    /// `null` takes it away.
    #[serde(default, deserialize_with = "said")]
    #[garde(inner(inner(length(chars, min = 1, max = NAME_CHARS_MAX), custom(is_one_line))))]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 200, pattern = "^[^\\x00-\\x1f\\x7f-\\x9f]*$")]
    pub name: Option<Option<String>>,
    /// `null` takes it away.
    #[serde(default, deserialize_with = "said")]
    #[garde(inner(inner(length(chars, min = 1, max = PHONE_CHARS_MAX), custom(is_one_line))))]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 40, pattern = "^[^\\x00-\\x1f\\x7f-\\x9f]*$")]
    pub phone: Option<Option<String>>,
    #[garde(skip)]
    pub locale: Option<Locale>,
    #[garde(skip)]
    pub market: Option<MarketId>,
    /// All of it anew.
    #[garde(skip)]
    pub metadata: Option<Metadata>,
}

impl ChangeProfile {
    /// The profile as it is after the change; its version and time are the transaction's.
    pub fn applied_to(self, before: CustomerView) -> CustomerView {
        CustomerView {
            name: self.name.unwrap_or(before.name),
            phone: self.phone.unwrap_or(before.phone),
            locale: self.locale.unwrap_or(before.locale),
            market: self.market.unwrap_or(before.market),
            metadata: self.metadata.unwrap_or(before.metadata),
            ..before
        }
    }
}

/// An entry of an address book.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct CustomerAddressView {
    pub id: CustomerAddressId,
    pub address: Address,
    /// Where parcels go unless they say otherwise; at most one is.
    pub default_shipping: bool,
    /// Who invoices are made out to; at most one is.
    pub default_billing: bool,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// An account with all that belongs to it, for staff.
#[derive(Debug, Serialize, ToSchema)]
pub struct CustomerDetailView {
    #[serde(flatten)]
    pub customer: CustomerView,
    pub addresses: Vec<CustomerAddressView>,
    /// The newest twenty.
    pub sessions: Vec<SessionView>,
}

/// A log in, from one device.
#[derive(Debug, Serialize, ToSchema)]
pub struct SessionView {
    pub id: SessionId,
    pub created_at: Timestamp,
    pub refreshed_at: Timestamp,
    /// If it is not refreshed before.
    pub expires_at: Timestamp,
    pub ended_at: Option<Timestamp>,
    pub ended_because: Option<EndedBecause>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ada() -> CustomerView {
        serde_json::from_str::<ChangeProfile>("{}").expect("nothing").applied_to(CustomerView {
            id: "cus_00000000000000000000000001".parse().expect("an id"),
            email: "ada@example.com".to_owned(),
            name: Some("Ada".to_owned()),
            phone: Some("1".to_owned()),
            locale: "en".parse().expect("a locale"),
            market: "default".parse().expect("a market"),
            metadata: Metadata::default(),
            version: 1,
            created_at: Timestamp::UNIX_EPOCH,
            updated_at: Timestamp::UNIX_EPOCH,
        })
    }

    #[test]
    fn what_is_left_out_stays_and_null_takes_away() {
        let change: ChangeProfile = serde_json::from_str(r#"{"name":null,"locale":"de"}"#).expect("a change");
        let after = change.applied_to(ada());
        assert_eq!((after.name, after.phone.as_deref(), after.locale.as_str()), (None, Some("1"), "de"));
    }

    #[test]
    fn who_one_is_and_the_password_are_not_changed_by_the_way() {
        for body in [r#"{"email":"eve@example.com"}"#, r#"{"id":"x"}"#, r#"{"password":"x"}"#, r#"{"version":9}"#] {
            assert!(serde_json::from_str::<ChangeProfile>(body).is_err(), "{body}");
        }
    }
}
