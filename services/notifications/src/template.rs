//! What messages say: subject, text and HTML, in English.

use std::sync::LazyLock;

use contracts::orders::{CancelReason, OrderContact};
use minijinja::{AutoEscape, Environment, UndefinedBehavior, context};
use platform::Problem;

use crate::message::Template;

/// A message, ready to be addressed.
#[derive(Debug)]
pub struct Rendered {
    pub subject: String,
    pub text: String,
    pub html: String,
}

macro_rules! sources {
    ($($name:literal),*) => { [$(($name, include_str!(concat!("../templates/", $name)))),*] };
}

const SOURCES: [(&str, &str); 8] = sources![
    "_mail.html",
    "_mail.txt",
    "order_confirmed.html",
    "order_confirmed.txt",
    "order_cancelled.html",
    "order_cancelled.txt",
    "shipment_dispatched.html",
    "shipment_dispatched.txt"
];

/// What a buyer wrote or a shop named is data: escaped in HTML, never a template itself.
static TEMPLATES: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut templates = Environment::new();
    templates.set_undefined_behavior(UndefinedBehavior::Strict);
    templates.set_auto_escape_callback(
        |name| {
            if name.ends_with(".html") { AutoEscape::Html } else { AutoEscape::None }
        },
    );
    for (name, source) in SOURCES {
        templates.add_template(name, source).expect("the compiled-in templates are read by a test");
    }
    templates
});

/// Fills a template in.
pub fn render(template: Template, contact: &OrderContact) -> Result<Rendered, Problem> {
    let subject = subject(template, &contact.number);
    let lines: Vec<_> = contact
        .lines
        .iter()
        .map(|line| context! { title => &line.title, quantity => line.quantity, total => line.total.to_string() })
        .collect();
    let values = context! {
        subject => &subject,
        name => &contact.name,
        number => &contact.number,
        lines,
        total => contact.total.to_string(),
        cancelled_because => contact.cancel_reason.map_or("we could not fulfil it", because),
    };
    let fill = |kind: &str| {
        let name = format!("{}.{kind}", template.as_str());
        let filled = TEMPLATES.get_template(&name).and_then(|template| template.render(&values));
        // Without the chain of causes: its debug output shows what was filled in.
        filled.map_err(|error| Problem::internal(format!("template {name}: {}", error.kind())))
    };
    let (text, html) = (fill("txt")?, fill("html")?);
    Ok(Rendered { subject, text, html })
}

fn subject(template: Template, number: &str) -> String {
    match template {
        Template::OrderConfirmed => format!("Your order {number} is confirmed"),
        Template::OrderCancelled => format!("Your order {number} is cancelled"),
        Template::ShipmentDispatched => format!("Your order {number} is on its way"),
    }
}

fn because(reason: CancelReason) -> &'static str {
    match reason {
        CancelReason::OutOfStock => "something in it is no longer in stock",
        CancelReason::Unpaid => "it was not paid in time",
        CancelReason::Buyer => "you asked us to",
        CancelReason::Staff => "we could not fulfil it",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use contracts::orders::{ContactLine, OrderId};
    use contracts::{Currency, Id, Money};

    fn contact(cancel_reason: Option<CancelReason>) -> OrderContact {
        let line = |title: &str, quantity, total| ContactLine {
            title: title.to_owned(),
            quantity,
            total: Money::new(total, Currency::EUR),
        };
        OrderContact {
            order: OrderId::from_uuid(uuid::Uuid::from_u128(1)),
            number: "S1001".to_owned(),
            email: "ada@example.com".to_owned(),
            locale: "en".parse().expect("a locale"),
            name: "Ada <b>Lovelace</b> {{ 7 * 7 }}".to_owned(),
            lines: vec![line("Cup & saucer", 2, 3_180), line("Sencha", 1, 990)],
            total: Money::new(4_760, Currency::EUR),
            cancel_reason,
        }
    }

    #[test]
    fn every_template_names_the_order_its_lines_and_its_total() {
        for template in Template::ALL {
            let mail = render(template, &contact(Some(CancelReason::Unpaid))).expect("a mail");
            assert!(mail.subject.contains("S1001"));
            for part in ["S1001", "31.80 EUR", "Sencha", "47.60 EUR"] {
                assert!(mail.text.contains(part) && mail.html.contains(part), "{part}: {mail:?}");
            }
        }
    }

    #[test]
    fn what_a_buyer_wrote_is_text_in_html_and_no_template() {
        let mail = render(Template::OrderConfirmed, &contact(None)).expect("a mail");
        assert!(mail.html.contains("Ada &lt;b&gt;Lovelace&lt;&#x2f;b&gt; {{ 7 * 7 }}"), "{}", mail.html);
        assert!(mail.html.contains("Cup &amp; saucer") && !mail.html.contains("<b>"));
        assert!(mail.text.starts_with("Hello Ada <b>Lovelace</b> {{ 7 * 7 }},\n"), "{}", mail.text);
    }

    #[test]
    fn a_text_reads_as_people_write() {
        let mail = render(Template::OrderConfirmed, &contact(None)).expect("a mail");
        let text = "thank you for your order S1001. It is confirmed, and this is what you will get:\n\n  \
                    2 x Cup & saucer: 31.80 EUR\n  1 x Sencha: 9.90 EUR\n\n  Order total: 47.60 EUR\n\n\
                    We write again when your parcel leaves the house.\n";
        assert!(mail.text.contains(text), "{}", mail.text);
    }

    #[test]
    fn a_cancellation_says_why() {
        for (reason, text) in [
            (CancelReason::OutOfStock, "no longer in stock"),
            (CancelReason::Unpaid, "not paid in time"),
            (CancelReason::Buyer, "you asked us to"),
            (CancelReason::Staff, "could not fulfil"),
        ] {
            let mail = render(Template::OrderCancelled, &contact(Some(reason))).expect("a mail");
            assert!(mail.text.contains(text) && mail.html.contains(text), "{reason:?}: {mail:?}");
        }
    }
}
