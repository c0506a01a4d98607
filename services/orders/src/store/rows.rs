//! Rows as orders, lines and entries: columns in the order in which the statements name them.

use ::store::{Error, FromRow, Json, Result, Row};
use contracts::customers::{Buyer, CustomerId};
use contracts::payments::AttemptId;
use contracts::{Currency, Money};

use crate::order::{Holds, LastTry, Order, OrderShipment, PaymentOutcome, Sums};
use crate::sale::{Line, Sale};
use crate::view::HistoryEntry;

/// A document in a column that may be empty.
pub(super) fn json<T: serde::de::DeserializeOwned>(row: &mut Row) -> Result<Option<T>> {
    Ok(row.take::<Option<Json<T>>>()?.map(|Json(value)| value))
}

impl FromRow for Order {
    /// Without its lines.
    fn from_row(row: &mut Row) -> Result<Self> {
        Ok(Self {
            id: row.take()?,
            number: row.take()?,
            sale: sale(row)?,
            lines: Vec::new(),
            status: row.take()?,
            holds: Holds { stock: row.take()? },
            held: json(row)?,
            payment_token: row.take()?,
            due_minor: row.take()?,
            money: Sums {
                authorized: row.take()?,
                capture_due: row.take()?,
                refund_due: row.take()?,
                captured: row.take()?,
                voided: row.take()?,
                refunded: row.take()?,
            },
            capture_closed: row.take()?,
            last_try: last_try(row.take()?, row.take()?),
            shipments: row.take::<Json<Vec<OrderShipment>>>()?.0,
            cancel_request: json(row)?,
            cancel_reason: row.take()?,
            version: row.take()?,
            updated_at: row.take()?,
            paid_by: row.take::<Json<_>>()?.0,
            unpaid_until: row.take()?,
        })
    }
}

fn sale(row: &mut Row) -> Result<Sale> {
    let (cart, cart_version) = (row.take()?, row.take()?);
    let buyer = buyer(row.take()?, row.take()?)?;
    let (market, currency) = (row.take()?, row.take::<Currency>()?);
    Ok(Sale {
        cart,
        cart_version,
        buyer,
        market,
        locale: row.take()?,
        email: row.take()?,
        shipping_address: json(row)?,
        billing_address: json(row)?,
        pickup: json(row)?,
        shipping: json(row)?,
        reverse_charge: row.take()?,
        payment_method: row.take()?,
        payment_minor: row.take()?,
        amounts: row.take::<Json<_>>()?.0,
        trace: row.take::<Json<_>>()?.0,
        total: Money::new(row.take()?, currency),
        metadata: row.take::<Json<_>>()?.0,
        placed_at: row.take()?,
    })
}

pub(super) fn buyer(customer: Option<CustomerId>, token_sha256: Option<String>) -> Result<Buyer> {
    match (customer, token_sha256) {
        (Some(customer), None) => Ok(Buyer::Customer { customer }),
        (None, Some(token_sha256)) => Ok(Buyer::Guest { token_sha256 }),
        // A CHECK of the table says so.
        _ => Err(Error::NoRow("the one buyer of an order")),
    }
}

fn last_try(attempt: Option<AttemptId>, outcome: Option<PaymentOutcome>) -> Option<LastTry> {
    Some(LastTry { attempt: attempt?, outcome: outcome? })
}

impl FromRow for Line {
    fn from_row(row: &mut Row) -> Result<Self> {
        Ok(Self {
            id: row.take()?,
            variant: row.take()?,
            product_title: row.take()?,
            variant_title: row.take()?,
            sku: row.take()?,
            options: row.take::<Json<_>>()?.0,
            image: row.take()?,
            quantity: row.take()?,
            cancelled: row.take()?,
            shipped: row.take()?,
            refunded: row.take()?,
            unit_price_minor: row.take()?,
            subtotal_minor: row.take()?,
            net_minor: row.take()?,
            tax_minor: row.take()?,
            total_minor: row.take()?,
            tax_class: row.take()?,
            tax_rate: row.take()?,
            tax_name: row.take()?,
            weight_g: row.take()?,
            requires_shipping: row.take()?,
            metadata: row.take::<Json<_>>()?.0,
        })
    }
}

impl FromRow for HistoryEntry {
    fn from_row(row: &mut Row) -> Result<Self> {
        Ok(Self {
            sequence: row.take()?,
            at: row.take()?,
            event: row.take()?,
            source: row.take()?,
            staff: row.take()?,
            status: row.take()?,
            detail: row.take()?,
        })
    }
}
