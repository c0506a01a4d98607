//! Every statement of customers, by noun.

pub mod accounts;
pub mod addresses;
pub mod sessions;
pub mod staff;
pub mod throttle;

/// Columns that hold personal data: what an export shows and an erasure empties.
pub const PERSONAL: &[&str] = &[
    "customers_customer.email",
    "customers_customer.name",
    "customers_customer.phone",
    "customers_customer.metadata",
    "customers_address.address",
    "customers_staff.email",
];
