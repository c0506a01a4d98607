//! A made-up order, for looking at templates.

use contracts::carts::LineId;
use contracts::catalog::VariantId;
use contracts::orders::{CancelReason, ContactLine, OrderContact, OrderId, OrderLink};
use contracts::payments::NextAction;
use contracts::pricing::{AmountKind, AmountRow};
use contracts::shipping::{ParcelContact, ShipmentContact, ShipmentId, ShippedLine};
use contracts::{Address, Id, Locale, MarketId, Money};
use jiff::{SignedDuration, Timestamp};
use platform::{Config, Problem};
use uuid::Uuid;

use crate::ask::{self, Letter};
use crate::content::{Access, Next, Payment, Shipment};
use crate::message::Template;

const TOKEN: &str = "souk_ot_sample";
const LINK_LASTS: SignedDuration = SignedDuration::from_hours(24);

/// An order of this shop's currency, as a buyer would have made it.
pub fn order(config: &Config, locale: &Locale) -> Result<OrderContact, Problem> {
    let name: MarketId = "default".parse().map_err(Problem::internal)?;
    let (market, setting) = config
        .markets
        .get_key_value(&name)
        .or_else(|| config.markets.first_key_value())
        .ok_or_else(|| Problem::internal("a shop has a market"))?;
    let currency = setting.currency;
    let unit = 10_i64.pow(currency.exponent());
    let money = |tenths: i64| Money::new(tenths * unit / 10, currency);
    let line = |place: u128, title: &str, quantity, total| ContactLine {
        line: LineId::from_uuid(Uuid::from_u128(place)),
        title: title.to_owned(),
        quantity,
        cancelled: 0,
        total,
    };
    let row = |kind, label: &str, amount, included| AmountRow { kind, label: label.to_owned(), amount, included };
    Ok(OrderContact {
        order: OrderId::from_uuid(Uuid::nil()),
        number: "S1042".to_owned(),
        email: "ada@example.com".to_owned(),
        locale: locale.clone(),
        customer: None,
        name: "Ada Lovelace".to_owned(),
        market: market.clone(),
        lines: vec![
            line(1, "Teapot, stoneware, 0.8 l", 1, money(490)),
            line(2, "Cup & saucer, stoneware", 2, money(318)),
            line(3, "Sencha, 100 g", 1, money(99)),
        ],
        amounts: vec![
            row(AmountKind::Items, "Items", money(907), false),
            row(AmountKind::Shipping, "Standard, 2 to 4 days", money(49), false),
            row(AmountKind::Tax, "20 % VAT", money(159), true),
        ],
        total: money(956),
        refunded: Money::zero(currency),
        method: "card".to_owned(),
        pickup: None,
        shipping_address: Some(address(setting.countries.first().map_or("AT", String::as_str))),
        cancel_reason: None,
        link: None,
    })
}

fn address(country: &str) -> Address {
    Address {
        name: "Ada Lovelace".to_owned(),
        company: None,
        line1: "Hauptstraße 1".to_owned(),
        line2: None,
        city: "Wien".to_owned(),
        region: None,
        postcode: Some("1010".to_owned()),
        country: country.to_owned(),
        phone: None,
        tax_id: None,
    }
}

/// What this message would say of an order, with made-up parts where it tells of more than the order. Who looks
/// at it may read the order and no more: the link that opens it to a guest is never the real one.
pub fn letter(config: &Config, template: Template, mut order: OrderContact, now: Timestamp) -> Result<Letter, Problem> {
    if template == Template::OrderCancelled && order.cancel_reason.is_none() {
        order.cancel_reason = Some(CancelReason::Buyer);
    }
    let expires_at = now.saturating_add(LINK_LASTS).unwrap_or(Timestamp::MAX);
    if template == Template::OrderLink || order.link.is_some() {
        order.link = Some(OrderLink { order: order.order, token: TOKEN.to_owned(), expires_at });
    }
    let (total, shipment) = (order.total, shipment(&order));
    let mut letter = ask::order_letter(config, order)?;
    let content = &mut letter.content;
    match template {
        Template::ShipmentDispatched => content.shipment = Some(shipment),
        Template::OrderRefunded => content.refund = Some(total),
        Template::PaymentNeeded => content.payment = Some(payment(total, content)),
        Template::OrderLink => content.access = Some(Access { token: TOKEN.to_owned(), expires_at }),
        Template::Welcome => (content.order, content.name) = (None, String::new()),
        Template::OrderConfirmed | Template::OrderCancelled => {}
    }
    Ok(letter)
}

fn payment(amount: Money, content: &crate::content::Content) -> Payment {
    let reference = content.order.as_ref().map(|order| order.contact.number.clone()).unwrap_or_default();
    let instructions = "Souk GmbH\nIBAN AT61 1904 3002 3457 3201\nBIC OPSKATWW".to_owned();
    Payment { next: Next::Action(NextAction::Transfer { reference, instructions, amount }), amount }
}

fn shipment(order: &OrderContact) -> Shipment {
    let sent = |line: &ContactLine| ShippedLine {
        line: line.line,
        variant: VariantId::from_uuid(Uuid::nil()),
        quantity: line.quantity - line.cancelled,
    };
    let parcel = |number: &str| ParcelContact {
        carrier: Some("dhl".to_owned()),
        tracking_number: Some(number.to_owned()),
        tracking_url: Some(format!("https://tracking.example.com/{number}")),
    };
    Shipment {
        contact: ShipmentContact {
            shipment: ShipmentId::from_uuid(Uuid::nil()),
            order: order.order,
            method: Some("Standard, 2 to 4 days".to_owned()),
            pickup: order.pickup.clone(),
            lines: order.lines.iter().map(sent).filter(|line| line.quantity > 0).collect(),
            parcels: vec![parcel("JD014600006281230704"), parcel("JD014600006281230705")],
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use contracts::Currency;

    #[test]
    fn the_sample_adds_up() {
        let order = order(&Config::defaults(), &"en".parse().expect("a locale")).expect("an order");
        let lines: i64 = order.lines.iter().map(|line| line.total.amount).sum();
        let rows: i64 = order.amounts.iter().filter(|row| !row.included).map(|row| row.amount.amount).sum();
        assert_eq!((lines, rows), (order.amounts[0].amount.amount, order.total.amount));
        assert_eq!(order.total, Money::new(9_560, Currency::EUR));
    }
}
