//! What a message tells, as templates see it: names, amounts as people write them, links that can be followed.

use contracts::orders::{CancelReason, OrderContact};
use contracts::payments::NextAction;
use contracts::pricing::AmountKind;
use contracts::shipping::{PickupPoint, ShipmentContact};
use contracts::{Address, Money};
use jiff::Timestamp;
use minijinja::{Value, context};

use crate::amount;

/// Facts of one message. Personal: made when it is sent or looked at, never kept.
#[derive(Debug, Clone)]
pub struct Content {
    pub shop: Shop,
    /// Whom it greets; empty where nobody knows.
    pub name: String,
    pub order: Option<Order>,
    pub shipment: Option<Shipment>,
    /// What went back to the buyer.
    pub refund: Option<Money>,
    pub payment: Option<Payment>,
    pub access: Option<Access>,
}

#[derive(Debug, Clone)]
pub struct Shop {
    pub name: String,
    pub url: String,
}

#[derive(Debug, Clone)]
pub struct Order {
    pub contact: OrderContact,
    /// Where the buyer sees it; `None` where the shop has no page for that.
    pub page: Option<String>,
}

#[derive(Debug, Clone)]
pub struct Shipment {
    pub contact: ShipmentContact,
}

/// What the buyer has to do, and for how much.
#[derive(Debug, Clone)]
pub struct Payment {
    pub next: Next,
    pub amount: Money,
}

#[derive(Debug, Clone)]
pub enum Next {
    /// Go somewhere, or transfer the money.
    Action(NextAction),
    /// Pay again: the last try was declined.
    Again,
}

/// How a guest gets at the order without the cart's token.
#[derive(Debug, Clone)]
pub struct Access {
    pub token: String,
    pub expires_at: Timestamp,
}

impl Content {
    /// As templates see it; amounts as `locale` writes them.
    pub fn values(&self, locale: &str) -> Value {
        let order = self.order.as_ref();
        context! {
            shop => context! { name => &self.shop.name, url => &self.shop.url },
            name => &self.name,
            order => order.map(|order| order.values(locale)),
            shipment => self.shipment.as_ref().map(|shipment| shipment.values(order)),
            refund => self.refund.map(|amount| amount::format(amount, locale)),
            payment => self.payment.as_ref().map(|payment| payment.values(locale)),
            access => self.access.as_ref().map(|access| context! {
                token => &access.token,
                expires_at => access.expires_at.strftime("%Y-%m-%d %H:%M UTC").to_string(),
            }),
        }
    }
}

impl Order {
    fn values(&self, locale: &str) -> Value {
        let contact = &self.contact;
        let line = |line: &contracts::orders::ContactLine| {
            let total = amount::format(line.total, locale);
            context! { title => &line.title, quantity => line.quantity, cancelled => line.cancelled, total => total }
        };
        let row = |row: &contracts::pricing::AmountRow| {
            let kind = match row.kind {
                AmountKind::Items => "items",
                AmountKind::Shipping => "shipping",
                AmountKind::Tax => "tax",
            };
            let amount = amount::format(row.amount, locale);
            context! { kind => kind, label => &row.label, amount => amount, included => row.included }
        };
        context! {
            number => &contact.number,
            page => self.page.as_deref().and_then(safe_link),
            lines => contact.lines.iter().map(line).collect::<Vec<_>>(),
            amounts => contact.amounts.iter().map(row).collect::<Vec<_>>(),
            total => amount::format(contact.total, locale),
            address => contact.shipping_address.as_ref().map(address_lines),
            pickup => contact.pickup.as_ref().map(pickup_lines),
            cancel_reason => contact.cancel_reason.map(reason_name),
        }
    }
}

impl Shipment {
    /// What is in it is called as in the order.
    fn values(&self, order: Option<&Order>) -> Value {
        let lines = order.map(|order| order.contact.lines.as_slice()).unwrap_or_default();
        let line = |sent: &contracts::shipping::ShippedLine| {
            let title = lines.iter().find(|line| line.line == sent.line).map(|line| line.title.as_str());
            title.map(|title| context! { title => title, quantity => sent.quantity })
        };
        let parcel = |parcel: &contracts::shipping::ParcelContact| {
            let link = parcel.tracking_url.as_deref().and_then(safe_link);
            context! { carrier => parcel.carrier.as_deref(), number => parcel.tracking_number.as_deref(), link => link }
        };
        context! {
            method => self.contact.method.as_deref(),
            lines => self.contact.lines.iter().filter_map(line).collect::<Vec<_>>(),
            parcels => self.contact.parcels.iter().map(parcel).collect::<Vec<_>>(),
            pickup => self.contact.pickup.as_ref().map(pickup_lines),
        }
    }
}

impl Payment {
    fn values(&self, locale: &str) -> Value {
        let amount = amount::format(self.amount, locale);
        match &self.next {
            Next::Action(NextAction::Redirect { url }) => {
                context! { kind => "redirect", amount => amount, link => safe_link(url) }
            }
            Next::Action(NextAction::Transfer { reference, instructions, amount }) => context! {
                kind => "transfer",
                amount => amount::format(*amount, locale),
                reference => reference.as_str(),
                instructions => instructions.lines().map(Value::from).collect::<Vec<_>>(),
            },
            Next::Again => context! { kind => "again", amount => amount },
        }
    }
}

/// What a mail may link to: a scheme that runs nothing in a reader's browser.
fn safe_link(url: &str) -> Option<&str> {
    let is_web = url.starts_with("https://") || url.starts_with("http://");
    (is_web && !url.contains(char::is_whitespace)).then_some(url)
}

/// `order_page` of the settings with an order filled in; `None` where it is not set.
pub fn order_page(setting: &str, order: &str, token: &str) -> Option<String> {
    (!setting.is_empty()).then(|| setting.replace("{order}", order).replace("{token}", token))
}

fn pickup_lines(pickup: &PickupPoint) -> Vec<String> {
    let mut lines = vec![pickup.name.clone()];
    lines.extend(address_lines(&pickup.address).into_iter().filter(|line| *line != pickup.name));
    lines
}

fn address_lines(address: &Address) -> Vec<String> {
    let place = [address.postcode.as_deref(), Some(address.city.as_str()), address.region.as_deref()];
    let place = place.into_iter().flatten().collect::<Vec<_>>().join(" ");
    let lines = [
        Some(address.name.clone()),
        address.company.clone(),
        Some(address.line1.clone()),
        address.line2.clone(),
        Some(place),
        Some(address.country.clone()),
    ];
    lines.into_iter().flatten().filter(|line| !line.trim().is_empty()).collect()
}

fn reason_name(reason: CancelReason) -> &'static str {
    match reason {
        CancelReason::OutOfStock => "out_of_stock",
        CancelReason::Unpaid => "unpaid",
        CancelReason::Buyer => "buyer",
        CancelReason::Staff => "staff",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_links_of_the_web_are_links() {
        assert_eq!(safe_link("https://a.example/?x=1"), Some("https://a.example/?x=1"));
        for bad in ["javascript:alert(1)", "data:text/html,x", "/orders", "https://a.example/\nBcc: x", ""] {
            assert_eq!(safe_link(bad), None, "{bad}");
        }
    }

    #[test]
    fn the_page_of_an_order_is_filled_in() {
        let page = order_page("https://shop.example/o/{order}?t={token}", "ord_1", "tok");
        assert_eq!(page.as_deref(), Some("https://shop.example/o/ord_1?t=tok"));
        assert_eq!(order_page("", "ord_1", "tok"), None);
    }
}
