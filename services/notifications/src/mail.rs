//! A mail as it leaves: RFC 5322 with a text and an HTML part.

use std::time::SystemTime;

use jiff::Timestamp;
use lettre::Address;
use lettre::address::Envelope;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message, MultiPart, SinglePart};
use platform::Problem;

use crate::template::Rendered;

/// A mail that is not sent yet: the same message makes the same bytes.
#[derive(Debug)]
pub struct Mail {
    /// Of the message and its sending: its `Message-ID`, so that a doubled hand-over is recognised.
    pub name: String,
    pub at: Timestamp,
    pub from: Mailbox,
    pub to: Mailbox,
    pub content: Rendered,
}

/// Bytes to be handed over, and to whom.
#[derive(Debug)]
pub struct Sealed {
    pub name: String,
    pub envelope: Envelope,
    pub bytes: Vec<u8>,
}

/// Where a mail goes; `None` where the address is no mailbox. A line break in a name would be one in
/// the header, on which lettre panics: control characters become spaces.
pub fn mailbox_of(name: &str, email: &str) -> Option<Mailbox> {
    let address: Address = email.parse().ok()?;
    let name = one_line(name);
    Some(Mailbox::new(Some(name).filter(|name| !name.is_empty()), address))
}

/// The shop's own mailbox, as the settings say it.
pub fn sender(setting: &str) -> Result<Mailbox, Problem> {
    let wrong =
        |_| Problem::internal("setting `notifications.from` is no mailbox: write it like `Shop <shop@example.com>`");
    setting.parse().map_err(wrong)
}

fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect::<String>().trim().to_owned()
}

impl Mail {
    /// Its id and its date are the message's, so a second try is the same mail. Programs don't answer it (RFC 3834).
    pub fn seal(self) -> Result<Sealed, Problem> {
        let id = format!("<{}@{}>", self.name, self.from.email.domain());
        let part = |kind, text| SinglePart::builder().header(kind).body(text);
        let both = MultiPart::alternative()
            .boundary(self.name.clone())
            .singlepart(part(ContentType::TEXT_PLAIN, self.content.text))
            .singlepart(part(ContentType::TEXT_HTML, self.content.html));
        let automatic = HeaderValue::new(HeaderName::new_from_ascii_str("Auto-Submitted"), "auto-generated".to_owned());
        let mail = Message::builder()
            .message_id(Some(id))
            .date(SystemTime::from(self.at))
            .from(self.from)
            .to(self.to)
            .subject(one_line(&self.content.subject))
            .raw_header(automatic)
            .multipart(both);
        // The error names a header that is missing, and no value.
        let mail = mail.map_err(|error| Problem::internal(format!("mail {}: {error}", self.name)))?;
        Ok(Sealed { name: self.name, envelope: mail.envelope().clone(), bytes: mail.formatted() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn mail(to: &str, subject: &str) -> String {
        let text = "Grüße".to_owned();
        let mail = Mail {
            name: "msg_7".to_owned(),
            at: Timestamp::UNIX_EPOCH,
            from: sender("Souk <shop@example.com>").expect("a mailbox"),
            to: mailbox_of(to, "ada@example.com").expect("a mailbox"),
            content: Rendered { subject: subject.to_owned(), html: format!("<p>{text}</p>"), text },
        };
        String::from_utf8(mail.seal().expect("a mail").bytes).expect("ASCII")
    }

    #[test]
    fn the_same_message_makes_the_same_bytes_and_names_itself() {
        let (first, second) = (mail("Ada", "Größe"), mail("Ada", "Größe"));
        assert_eq!(first, second);
        assert!(first.contains("Message-ID: <msg_7@example.com>\r\n"), "{first}");
    }

    #[test]
    fn a_line_break_in_a_name_or_subject_adds_no_header() {
        let mail = mail("Ada\r\nBcc: eve@example.com", "Hello\r\nBcc: eve@example.com");
        assert!(!mail.lines().any(|line| line.starts_with("Bcc:")), "{mail}");
    }

    #[test]
    fn who_has_no_name_is_written_to_by_address() {
        assert!(mail(" ", "Hello").contains("To: ada@example.com\r\n"));
    }

    #[test]
    fn a_sender_that_is_no_mailbox_names_the_setting() {
        let problem = sender("shop").expect_err("no mailbox");
        assert!(problem.cause.is_some_and(|cause| cause.contains("notifications.from")));
    }

    proptest! {
        #[test]
        fn any_name_and_subject_make_the_same_headers(name in any::<String>(), subject in any::<String>()) {
            let mail = mail(&name, &subject);
            prop_assert!(mail.is_ascii());
            let head = mail.split("\r\n\r\n").next().unwrap_or_default();
            let names: Vec<&str> = head.split("\r\n").filter(|line| !line.starts_with([' ', '\t'])).filter_map(|line| line.split(':').next()).collect();
            prop_assert_eq!(names, ["Message-ID", "Date", "From", "To", "Subject", "Auto-Submitted", "MIME-Version", "Content-Type"]);
        }
    }
}
