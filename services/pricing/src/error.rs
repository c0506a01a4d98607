//! What `pricing` refuses.

platform::errors! {
    /// The shop has a tax zone for this country or region already.
    ZoneExists { place: String } => Conflict "pricing.zone_exists" "there is a tax zone for {place} already: name a region of it, or another country";
    /// The staff's tax zone is not known.
    ZoneNotFound => NotFound "pricing.zone_not_found" "there is no such tax zone";
    /// The tax zone was changed since it was read.
    ZoneChanged { version: i64 } => Stale "pricing.zone_changed" "somebody changed the tax zone: read it again (it is at version {version} now) and send its ETag";
    /// Nobody said what tax is due on such goods there, and none is not assumed.
    NoTaxRate { class: String, place: String } => Conflict "pricing.no_tax_rate" "there is no tax rate for `{class}` goods in {place}, so they can't be sold there: the shop sets one with `POST /v1/admin/tax/zones` (a rate without a tax class is for every other class)";
    /// A price of the basket is not in the basket's currency; nothing is ever converted.
    MixedCurrencies { text: String } => Invalid "pricing.mixed_currencies" "{text}: ask with prices of one currency";
    /// A line or the total does not fit into 64 bits of minor units.
    AmountTooLarge => Invalid "pricing.amount_too_large" "the basket's amounts are too large to add up: take smaller quantities";
    /// A basket has more lines than can be quoted at once.
    TooManyLines { lines: usize, lines_max: usize } => Invalid "pricing.too_many_lines" "a basket has at most {lines_max} lines, not {lines}";
}

impl From<contracts::MoneyError> for Error {
    fn from(error: contracts::MoneyError) -> Self {
        match error {
            contracts::MoneyError::Mixed(..) => Self::MixedCurrencies { text: error.to_string() },
            contracts::MoneyError::Overflow | contracts::MoneyError::Weights | contracts::MoneyError::Units { .. } => {
                Self::AmountTooLarge
            }
        }
    }
}
