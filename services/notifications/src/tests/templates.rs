//! Every message in every language, and a shop's own.

use contracts::orders::{CancelReason, OrderContact};
use contracts::payments::NextAction;
use contracts::{Currency, Locale, Money};
use jiff::Timestamp;
use platform::Config;

use crate::ask::Letter;
use crate::content::{Next, Payment};
use crate::message::Template;
use crate::sample;
use crate::template::{Book, Reader, Rendered, Templates, Wrong};

fn locale(tag: &str) -> Locale {
    tag.parse().expect("a locale")
}

fn config() -> Config {
    let mut config = Config::defaults();
    config.notifications.from = "Teehaus <tee@example.com>".to_owned();
    config.notifications.order_page = "https://shop.example/orders/{order}?token={token}".to_owned();
    config
}

fn order() -> OrderContact {
    sample::order(&config(), &locale("en")).expect("an order")
}

fn letter_of(template: Template, order: OrderContact) -> Letter {
    sample::letter(&config(), template, order, Timestamp::UNIX_EPOCH).expect("a letter")
}

fn fill(book: &Book, template: Template, tag: &str, order: OrderContact) -> Result<Rendered, Wrong> {
    let reader = Reader { locale: &locale(tag), shop: &locale("en") };
    book.render(template, &reader, &letter_of(template, order).content)
}

async fn ours(template: Template, tag: &str, order: OrderContact) -> Rendered {
    let book = Templates::new("").read().await.expect("our templates");
    fill(&book, template, tag, order).expect("a message")
}

/// Where `SOUK_TEST_MAILS` names a folder, what was rendered is written there, to be looked at.
fn show(name: &str, rendered: &Rendered) {
    #[allow(clippy::disallowed_methods, reason = "a test's own switch")]
    let Some(folder) = std::env::var_os("SOUK_TEST_MAILS") else { return };
    let path = std::path::Path::new(&folder).join(name);
    std::fs::write(path.with_extension("html"), &rendered.html).expect("written");
    std::fs::write(path.with_extension("txt"), format!("{}\n\n{}", rendered.subject, rendered.text)).expect("written");
}

#[tokio::test]
async fn every_message_is_written_in_every_language() {
    for (tag, total) in [("en", "€95.60"), ("de", "95,60\u{a0}€"), ("de-AT", "€\u{a0}95,60")] {
        for template in Template::ALL {
            let mail = ours(template, tag, order()).await;
            show(&format!("{}_{tag}", template.as_str()), &mail);
            assert!(!mail.subject.is_empty() && !mail.subject.contains(['\n', '{']), "{mail:?}");
            for part in [&mail.text, &mail.html] {
                assert!(part.contains("Teehaus") && !part.contains("{{"), "{part}");
                assert!(part.contains("S1042") || template == Template::Welcome, "{template:?} {part}");
            }
            assert!(mail.html.starts_with("<!doctype html>") && mail.html.contains("</html>"));
            assert!(!mail.text.contains("\n\n\n\n"), "{}", mail.text);
            let tells_amounts =
                matches!(template, Template::OrderConfirmed | Template::OrderRefunded | Template::PaymentNeeded);
            assert!(!tells_amounts || (mail.text.contains(total) && mail.html.contains(total)), "{tag} {}", mail.text);
        }
    }
}

#[tokio::test]
async fn a_confirmation_reads_as_people_write() {
    let mail = ours(Template::OrderConfirmed, "en", order()).await;
    assert_eq!(mail.subject, "Your order S1042 is confirmed");
    let expected = "Thank you, Ada Lovelace.\n\n\
        Your order S1042 is confirmed. We write again when it leaves our house.\n\n\
        1 x Teapot, stoneware, 0.8 l: €49.00\n\
        2 x Cup & saucer, stoneware: €31.80\n\
        1 x Sencha, 100 g: €9.90\n\n\
        Shipping: Standard, 2 to 4 days: €4.90\n\
        Total: €95.60\n\
        includes 20 % VAT: €15.90\n\n\
        It goes to:\nAda Lovelace\nHauptstraße 1\n1010 Wien\nAT\n\n\
        See your order: https://shop.example/orders/ord_00000000000000000000000000?token=\n\n-- \nTeehaus\n";
    assert_eq!(mail.text, expected, "{}", mail.text);
}

#[tokio::test]
async fn what_a_buyer_wrote_is_text_in_html_and_no_template() {
    let mut order = order();
    order.name = "Ada <b>Lovelace</b> {{ 7 * 7 }}".to_owned();
    order.lines[0].title = "<script>alert(1)</script>".to_owned();
    let mail = ours(Template::OrderConfirmed, "en", order).await;
    assert!(mail.html.contains("Ada &lt;b&gt;Lovelace&lt;&#x2f;b&gt; {{ 7 * 7 }}"), "{}", mail.html);
    assert!(!mail.html.contains("<script>") && !mail.html.contains("<b>"));
    assert!(mail.text.starts_with("Thank you, Ada <b>Lovelace</b> {{ 7 * 7 }}.\n"), "{}", mail.text);
}

#[tokio::test]
async fn a_cancellation_says_why() {
    for (reason, text) in [
        (CancelReason::OutOfStock, "no longer in stock"),
        (CancelReason::Unpaid, "not paid in time"),
        (CancelReason::Buyer, "as you asked"),
        (CancelReason::Staff, "could not fulfil"),
    ] {
        let mail = ours(Template::OrderCancelled, "en", OrderContact { cancel_reason: Some(reason), ..order() }).await;
        assert!(mail.text.contains(text) && mail.html.contains(text), "{reason:?}: {mail:?}");
    }
}

#[tokio::test]
async fn a_cancelled_part_is_shown_and_an_unnamed_buyer_is_greeted_too() {
    let mut order = order();
    (order.lines[1].cancelled, order.name) = (1, String::new());
    let mail = ours(Template::OrderConfirmed, "en", order).await;
    assert!(
        mail.text.starts_with("Thank you.\n") && mail.text.contains("2 x Cup & saucer, stoneware (1 cancelled)"),
        "{}",
        mail.text
    );
}

#[tokio::test]
async fn each_way_to_pay_says_what_to_do() {
    let book = Templates::new("").read().await.expect("our templates");
    let amount = Money::new(9_560, Currency::EUR);
    let redirect = |url: &str| Next::Action(NextAction::Redirect { url: url.to_owned() });
    for (name, next, link, text) in [
        (
            "redirect",
            redirect("https://bank.example/3ds?a=1&b=2"),
            Some("https:&#x2f;&#x2f;bank.example&#x2f;3ds?a=1&amp;b=2"),
            "confirm the payment",
        ),
        ("script", redirect("javascript:alert(1)"), None, "confirm the payment"),
        ("again", Next::Again, Some("https:&#x2f;&#x2f;shop.example"), "did not go through"),
    ] {
        let mut letter = letter_of(Template::PaymentNeeded, order());
        letter.content.payment = Some(Payment { next, amount });
        let reader = Reader { locale: &locale("en"), shop: &locale("en") };
        let mail = book.render(Template::PaymentNeeded, &reader, &letter.content).expect("a message");
        show(&format!("payment_needed_{name}_en"), &mail);
        assert!(mail.text.contains(text) && mail.html.contains(text) && mail.text.contains("€95.60"), "{}", mail.text);
        assert_eq!(mail.html.contains("href=\""), link.is_some());
        assert!(link.is_none_or(|link| mail.html.contains(&format!("href=\"{link}"))), "{}", mail.html);
    }
    let transfer = ours(Template::PaymentNeeded, "de", order()).await;
    assert!(transfer.text.contains("Verwendungszweck, bitte genau so: S1042\nSouk GmbH\nIBAN"), "{}", transfer.text);
}

#[tokio::test]
async fn parcels_come_with_their_links() {
    let mail = ours(Template::ShipmentDispatched, "de", order()).await;
    assert!(mail.text.contains("2 x Cup & saucer, stoneware\n"), "{}", mail.text);
    assert!(
        mail.text.contains(
            "Paket 2: DHL JD014600006281230705\nSendung verfolgen: https://tracking.example.com/JD014600006281230705\n"
        ),
        "{}",
        mail.text
    );
    assert_eq!(mail.html.matches("href=\"https:&#x2f;&#x2f;tracking.example.com").count(), 2);
}

#[tokio::test]
async fn a_shops_own_templates_come_before_ours() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        std::fs::write(path, text).expect("written");
    };
    write("de/welcome.txt", "Subject: Servus bei {{ shop.name }}\nServus {{ name }}\n");
    write("de/welcome.html", "<p>Servus {{ name }}</p>");
    write("fr/words.toml", "total = \"Somme\"\n");
    write("fr/order_confirmed.txt", "Subject: Merci\n{{ words.total }} {{ order.total }} {{ words.shipping }}\n");
    write("fr/order_confirmed.html", "<p>{{ words.total }}</p>");
    write("de/words.toml", "total = \"Summe\"\n");
    write("notes.md", "not a template {{");
    let templates = Templates::new(&folder.path().display().to_string());
    let book = templates.read().await.expect("templates");
    let german = fill(&book, Template::Welcome, "de-AT", order()).expect("a message");
    assert_eq!(
        (german.subject.as_str(), german.html.as_str()),
        ("Servus bei Teehaus", "<p>Servus </p>"),
        "whoever it is"
    );
    let french = fill(&book, Template::OrderConfirmed, "fr-CA", order()).expect("a message");
    assert_eq!(french.text, "Somme 95,60\u{a0}€ Shipping\n", "what French lacks is English");
    assert!(
        fill(&book, Template::Welcome, "fr", order()).expect("a message").text.contains("Log in"),
        "English where French has none"
    );
    let german = fill(&book, Template::OrderConfirmed, "de", order()).expect("a message");
    assert!(german.text.contains("Summe: 95,60") && german.text.contains("Geht an:"), "words are replaced one by one");
    assert_eq!(book.locales(Template::OrderConfirmed), ["de", "en", "fr"]);
}

#[tokio::test]
async fn a_broken_template_is_named_and_holds_no_mail_back() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(folder.path().join("en")).expect("a folder");
    std::fs::write(folder.path().join("en/welcome.txt"), "Subject: x\n\n{{ nobody }}\n").expect("written");
    let templates = Templates::new(&folder.path().display().to_string());
    let book = templates.read().await.expect("it can be read");
    let Err(Wrong(why)) = fill(&book, Template::Welcome, "en", order()) else { panic!("nobody is not there") };
    assert_eq!(why, "template en/welcome.txt line 3: undefined value");
    let reader = Reader { locale: &locale("en"), shop: &locale("en") };
    let letter = letter_of(Template::Welcome, order());
    let mail = templates.render(Template::Welcome, &reader, &letter.content).await.expect("our own instead");
    assert_eq!(mail.subject, "Welcome to Teehaus");
    for (name, text, says) in [
        ("en/welcome.txt", "{% if %}", "en/welcome.txt"),
        ("en/words.toml", "total = ", "en/words.toml"),
        ("en/welcome.html", &"x".repeat(300_000), "more than 262144"),
    ] {
        std::fs::write(folder.path().join(name), text).expect("written");
        let Err(Wrong(why)) = templates.read().await else { panic!("{name} is broken") };
        assert!(why.contains(says), "{why}");
        assert!(templates.render(Template::Welcome, &reader, &letter.content).await.is_ok());
        std::fs::remove_file(folder.path().join(name)).expect("removed");
    }
    assert!(Templates::new("/nowhere/at/all").read().await.is_err_and(|Wrong(why)| why.contains("/nowhere/at/all")));
}
