//! Orders, lines and events to test with.

use contracts::carts::{Basket, BasketVariant, LineId};
use contracts::catalog::{ProductStatus, VariantForSale, VariantId};
use contracts::customers::Buyer;
use contracts::inventory::{Availability, StockHold, StockRejected, StockReserved};
use contracts::orders::{CancelRequestId, OrderId};
use contracts::payments::{
    PaymentActionRequired, PaymentAuthorized, PaymentCaptured, PaymentDeclined, PaymentFailed, PaymentOperation,
    PaymentRefunded, PaymentVoided, RefundedLine,
};
use contracts::pricing::{AmountKind, AmountRow, Quote, QuotedLine, QuotedShipping, TraceStep};
use contracts::shipping::{
    CancelledPart, ShipmentCancelAccepted, ShipmentCancelRefused, ShipmentCreated, ShipmentDelivered,
    ShipmentDispatched, ShipmentLost, ShippedLine,
};
use contracts::{Address, Currency, Id, Metadata, Money, TaxClass};
use jiff::Timestamp;
use uuid::Uuid;

use crate::order::Order;
use crate::saga::Happening;
use crate::sale::{Line, Sale, Terms};

/// The `number`th id of its kind.
pub fn id<I: Id>(number: u128) -> I {
    I::from_uuid(Uuid::from_u128(number + 1))
}

/// A line that ships, of so many units that cost so much together.
pub fn line(number: u128, quantity: i64, total_minor: i64) -> Line {
    Line {
        id: id::<LineId>(number),
        variant: id::<VariantId>(number),
        product_title: "Teapot".to_owned(),
        variant_title: None,
        sku: format!("TEA-{number}"),
        options: Vec::new(),
        image: None,
        quantity,
        cancelled: 0,
        shipped: 0,
        refunded: 0,
        unit_price_minor: total_minor / quantity,
        subtotal_minor: total_minor,
        net_minor: total_minor,
        tax_minor: 0,
        total_minor,
        tax_class: TaxClass::standard(),
        tax_rate: "0.2".to_owned(),
        tax_name: "VAT".to_owned(),
        weight_g: 500,
        requires_shipping: true,
        metadata: Metadata::default(),
    }
}

/// Two teapots and a cup that ship for 5.00 and need no address to be read: 34.99 EUR together.
pub fn basket() -> Basket {
    let lines = [(1, 2, 2_000), (2, 1, 999)];
    let eur = |minor| Money::new(minor, Currency::EUR);
    let quoted = |(number, quantity, total): (u128, i64, i64)| QuotedLine {
        line: id(number),
        variant: id(number),
        quantity: quantity.try_into().expect("a quantity"),
        unit_price: eur(total / quantity),
        subtotal: eur(total),
        net: eur(total - total / 6),
        tax: eur(total / 6),
        total: eur(total),
        tax_rate: "0.2".parse().expect("a rate"),
        tax_name: "VAT".to_owned(),
    };
    let row = |kind, minor, included| AmountRow { kind, label: String::new(), amount: eur(minor), included };
    let shipping = QuotedShipping {
        method: id(1),
        name: "Standard".to_owned(),
        price: eur(500),
        net: eur(417),
        tax: eur(83),
        total: eur(500),
        tax_rate: "0.2".parse().expect("a rate"),
        tax_name: "VAT".to_owned(),
    };
    Basket {
        cart: id(1),
        version: 4,
        market: "default".parse().expect("a market"),
        currency: Currency::EUR,
        locale: "en".parse().expect("a locale"),
        customer: None,
        email: Some("Ada@Example.org".to_owned()),
        shipping_address: Some(address()),
        billing_address: None,
        pickup: None,
        shipping_method: Some(id(1)),
        metadata: Metadata::default(),
        lines: lines.map(|(number, quantity, _)| basket_variant(number, quantity)).to_vec(),
        missing: Vec::new(),
        quote: Quote {
            currency: Currency::EUR,
            tax_inclusive: true,
            reverse_charge: false,
            lines: lines.map(quoted).to_vec(),
            shipping: Some(shipping),
            amounts: vec![
                row(AmountKind::Items, 2_999, false),
                row(AmountKind::Shipping, 500, false),
                row(AmountKind::Tax, 583, true),
            ],
            total: eur(3_499),
            trace: vec![TraceStep { line: None, text: "2 x Teapot at 10.00 EUR".to_owned(), amount: eur(2_000) }],
        },
    }
}

fn basket_variant(number: u128, quantity: i64) -> BasketVariant {
    BasketVariant {
        line: id(number),
        quantity: quantity.try_into().expect("a quantity"),
        metadata: Metadata::default(),
        variant: VariantForSale {
            variant: id(number),
            product: id(number),
            status: ProductStatus::Active,
            product_title: "Teapot".to_owned(),
            variant_title: Some("Blue".to_owned()),
            sku: format!("TEA-{number}"),
            options: vec![("Colour".to_owned(), "Blue".to_owned())],
            image: None,
            unit_price: None,
            tax_class: TaxClass::standard(),
            weight_g: 500,
            requires_shipping: true,
            availability: Availability::In,
        },
    }
}

pub fn address() -> Address {
    serde_json::from_value(serde_json::json!({
        "name": "Ada Lovelace", "line1": "Hauptstraße 1", "city": "Wien", "postcode": "1010", "country": "AT"
    }))
    .expect("an address")
}

/// The order of [`basket`], just placed.
pub fn order() -> Order {
    let terms = Terms {
        buyer: Buyer::Guest { token_sha256: "b".to_owned() },
        payment_method: "card".to_owned(),
        payment_minor: None,
        metadata: None,
        placed_at: Timestamp::UNIX_EPOCH,
    };
    let (sale, lines) = Sale::of(basket(), terms).expect("a complete basket");
    let unpaid_until = Timestamp::UNIX_EPOCH.saturating_add(jiff::SignedDuration::from_mins(30)).expect("a time");
    Order::place(id(1), sale, lines, Some("tok_ok".to_owned()), unpaid_until)
}

/// An event that some order hears, for tests that shuffle them.
#[derive(Debug, Clone)]
pub enum Heard {
    Reserved(StockReserved),
    Rejected(StockRejected),
    Authorized(PaymentAuthorized),
    Declined(PaymentDeclined),
    ActionRequired(PaymentActionRequired),
    Captured(PaymentCaptured),
    Voided(PaymentVoided),
    Refunded(PaymentRefunded),
    Failed(PaymentFailed),
    Created(ShipmentCreated),
    Dispatched(ShipmentDispatched),
    Delivered(ShipmentDelivered),
    Lost(ShipmentLost),
    HeldBack(ShipmentCancelAccepted),
    NotHeldBack(ShipmentCancelRefused),
}

impl Heard {
    pub fn happening(&self) -> Happening<'_> {
        match self {
            Self::Reserved(event) => event.into(),
            Self::Rejected(event) => event.into(),
            Self::Authorized(event) => event.into(),
            Self::Declined(event) => event.into(),
            Self::ActionRequired(event) => event.into(),
            Self::Captured(event) => event.into(),
            Self::Voided(event) => event.into(),
            Self::Refunded(event) => event.into(),
            Self::Failed(event) => event.into(),
            Self::Created(event) => event.into(),
            Self::Dispatched(event) => event.into(),
            Self::Delivered(event) => event.into(),
            Self::Lost(event) => event.into(),
            Self::HeldBack(event) => event.into(),
            Self::NotHeldBack(event) => event.into(),
        }
    }
}

pub fn reserved(order: OrderId) -> Heard {
    let hold = |(number, quantity)| StockHold { variant: id(number), location: id(1), quantity };
    Heard::Reserved(StockReserved { order, holds: [(1, 2), (2, 1)].map(hold).to_vec() })
}

pub fn rejected(order: OrderId) -> Heard {
    Heard::Rejected(StockRejected { order, shortages: Vec::new() })
}

pub fn authorized(order: OrderId, attempt: u128) -> Heard {
    authorized_part(order, attempt, 3_499)
}

/// One of several payments.
pub fn authorized_part(order: OrderId, attempt: u128, minor: i64) -> Heard {
    authorized_by("card", order, attempt, minor)
}

/// One of several payments, in this way.
pub fn authorized_by(method: &str, order: OrderId, attempt: u128, minor: i64) -> Heard {
    let (payment, attempt) = (id(attempt), id(attempt));
    Heard::Authorized(PaymentAuthorized { order, payment, attempt, amount: eur(minor), method: method.to_owned() })
}

pub fn declined(order: OrderId, attempt: u128) -> Heard {
    let reason = "card_declined".to_owned();
    Heard::Declined(PaymentDeclined { order, payment: id(1), attempt: id(attempt), reason, tries_left: 4 })
}

pub fn action_required(order: OrderId, attempt: u128) -> Heard {
    action_required_by("card", order, attempt)
}

/// The buyer goes on in this way.
pub fn action_required_by(method: &str, order: OrderId, attempt: u128) -> Heard {
    let (payment, attempt) = (id(1), id(attempt));
    Heard::ActionRequired(PaymentActionRequired { order, payment, attempt, method: method.to_owned() })
}

pub fn captured(order: OrderId, minor: i64) -> Heard {
    Heard::Captured(PaymentCaptured { order, payment: id(1), capture: Uuid::from_u128(1), amount: eur(minor) })
}

pub fn voided(order: OrderId, minor: i64) -> Heard {
    Heard::Voided(PaymentVoided { order, payment: id(1), amount: eur(minor) })
}

pub fn refunded(order: OrderId, minor: i64) -> Heard {
    refunded_units(order, minor, &[])
}

/// So much for so many units of these lines.
pub fn refunded_units(order: OrderId, minor: i64, lines: &[(u128, i64)]) -> Heard {
    let line = |(number, quantity): &(u128, i64)| RefundedLine { line: id(*number), quantity: *quantity };
    let lines = lines.iter().map(line).collect();
    Heard::Refunded(PaymentRefunded { order, refund: id(1), amount: eur(minor), lines, shipping: false })
}

pub fn failed(order: OrderId) -> Heard {
    let (operation, reason) = (PaymentOperation::Void, "gone".to_owned());
    Heard::Failed(PaymentFailed { order, payment: id(1), operation, reason })
}

pub fn created(order: OrderId, shipment: u128) -> Heard {
    Heard::Created(ShipmentCreated { shipment: id(shipment), order, location: id(1), lines: Vec::new() })
}

/// So many units of these lines left the house.
pub fn dispatched(order: OrderId, shipment: u128, lines: &[(u128, i64)]) -> Heard {
    let line =
        |(number, quantity): &(u128, i64)| ShippedLine { line: id(*number), variant: id(*number), quantity: *quantity };
    let lines = lines.iter().map(line).collect();
    Heard::Dispatched(ShipmentDispatched { shipment: id(shipment), order, location: id(1), lines })
}

pub fn delivered(order: OrderId, shipment: u128) -> Heard {
    Heard::Delivered(ShipmentDelivered { shipment: id(shipment), order })
}

pub fn lost(order: OrderId, shipment: u128) -> Heard {
    Heard::Lost(ShipmentLost { shipment: id(shipment), order })
}

/// Shipping keeps back so many units of these lines.
pub fn held_back(order: OrderId, request: CancelRequestId, lines: &[(u128, i64)]) -> Heard {
    let part = |(number, quantity): &(u128, i64)| CancelledPart {
        line: id(*number),
        variant: id(*number),
        quantity: *quantity,
        location: Some(id(1)),
    };
    Heard::HeldBack(ShipmentCancelAccepted { order, request, parts: lines.iter().map(part).collect() })
}

pub fn not_held_back(order: OrderId, request: CancelRequestId) -> Heard {
    Heard::NotHeldBack(ShipmentCancelRefused { order, request })
}

/// One of each kind.
pub fn every_event(order: OrderId) -> [Heard; 15] {
    [
        reserved(order),
        rejected(order),
        authorized(order, 1),
        declined(order, 1),
        action_required(order, 1),
        captured(order, 1),
        voided(order, 1),
        refunded(order, 1),
        failed(order),
        created(order, 1),
        dispatched(order, 1, &[(1, 1)]),
        delivered(order, 1),
        lost(order, 1),
        held_back(order, id(1), &[(1, 1)]),
        not_held_back(order, id(1)),
    ]
}

/// A purchase with a declined try, a bank that asks, two parcels and their captures, as it goes when
/// nothing is late.
pub fn purchase(order: OrderId) -> Vec<Heard> {
    vec![
        reserved(order),
        declined(order, 1),
        action_required(order, 2),
        authorized(order, 2),
        created(order, 1),
        created(order, 2),
        dispatched(order, 1, &[(1, 1)]),
        captured(order, 1_167),
        dispatched(order, 2, &[(1, 1), (2, 1)]),
        delivered(order, 1),
        captured(order, 2_332),
        delivered(order, 2),
    ]
}

fn eur(minor: i64) -> Money {
    Money::new(minor, Currency::EUR)
}
