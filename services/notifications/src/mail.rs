//! A mail as it leaves: RFC 5322 with a text and an HTML part, one file a message.

use std::io::Write;
use std::path::Path;
use std::time::SystemTime;

use contracts::notifications::MessageId;
use jiff::Timestamp;
use lettre::Address;
use lettre::message::header::ContentType;
use lettre::message::{Mailbox, Message, MultiPart, SinglePart};
use platform::Problem;

use crate::template::Rendered;

/// A mail that is not sent yet: the same message makes the same bytes.
#[derive(Debug)]
pub struct Mail {
    pub message: MessageId,
    pub created_at: Timestamp,
    pub from: Mailbox,
    pub to: Mailbox,
    pub content: Rendered,
}

/// Where a mail goes; `None` where the address is no mailbox. A line break in a name would be one in
/// the header, on which lettre panics: control characters become spaces.
pub fn mailbox_of(name: &str, email: &str) -> Option<Mailbox> {
    let address: Address = email.parse().ok()?;
    let name: String = name.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    Some(Mailbox::new(Some(name), address))
}

/// The shop's own mailbox, as the settings say it.
pub fn sender(setting: &str) -> Result<Mailbox, Problem> {
    let wrong =
        |_| Problem::internal("setting `notifications.from` is no mailbox: write it like `Shop <shop@example.com>`");
    setting.parse().map_err(wrong)
}

impl Mail {
    /// The mail's bytes. Its id and its date are the message's, so a second try is the same mail.
    pub fn format(self) -> Result<Vec<u8>, Problem> {
        let id = format!("<{}@{}>", self.message, self.from.email.domain());
        let part = |kind, text| SinglePart::builder().header(kind).body(text);
        let both = MultiPart::alternative()
            .boundary(self.message.to_string())
            .singlepart(part(ContentType::TEXT_PLAIN, self.content.text))
            .singlepart(part(ContentType::TEXT_HTML, self.content.html));
        let mail = Message::builder()
            .message_id(Some(id))
            .date(SystemTime::from(self.created_at))
            .from(self.from)
            .to(self.to)
            .subject(self.content.subject)
            .multipart(both);
        // The error names a header that is missing, and no value.
        Ok(mail.map_err(|error| Problem::internal(format!("mail {}: {error}", self.message)))?.formatted())
    }
}

/// Writes a mail to `<folder>/<message>.eml`; makes the folder. Whole or not at all, and durable: the
/// file takes its name when its bytes are on the disk. Written again, it is the same file. Blocks.
pub fn write(folder: &Path, message: MessageId, bytes: &[u8]) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    let part = folder.join(format!("{message}.part"));
    let mut file = std::fs::File::create(&part)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(&part, folder.join(format!("{message}.eml")))?;
    std::fs::File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use contracts::Id;
    use proptest::prelude::*;
    use uuid::Uuid;

    fn mail(to: &str) -> Mail {
        let text = "Grüße".to_owned();
        Mail {
            message: MessageId::from_uuid(Uuid::from_u128(7)),
            created_at: Timestamp::UNIX_EPOCH,
            from: sender("Souk <shop@example.com>").expect("a mailbox"),
            to: mailbox_of(to, "ada@example.com").expect("a mailbox"),
            content: Rendered { subject: "Größe".to_owned(), html: format!("<p>{text}</p>"), text },
        }
    }

    #[test]
    fn the_same_message_makes_the_same_bytes_and_the_same_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let (first, second) = (mail("Ada").format().expect("a mail"), mail("Ada").format().expect("a mail"));
        assert_eq!(first, second);
        let (message, mails) = (mail("Ada").message, folder.path().join("mails"));
        write(&mails, message, b"half").expect("written");
        write(&mails, message, &first).expect("written again");
        let files: Vec<_> =
            std::fs::read_dir(&mails).expect("a folder").map(|entry| entry.expect("a file").path()).collect();
        assert_eq!(files, [mails.join(format!("{message}.eml"))]);
        assert_eq!(std::fs::read(&files[0]).expect("a file"), first);
    }

    #[test]
    fn a_line_break_in_a_name_adds_no_header() {
        let mail = mail("Ada\r\nBcc: eve@example.com").format().expect("a mail");
        let mail = String::from_utf8(mail).expect("ASCII");
        assert!(!mail.lines().any(|line| line.starts_with("Bcc:")), "{mail}");
    }

    #[test]
    fn a_sender_that_is_no_mailbox_names_the_setting() {
        let problem = sender("shop").expect_err("no mailbox");
        assert!(problem.cause.is_some_and(|cause| cause.contains("notifications.from")));
    }

    proptest! {
        #[test]
        fn any_name_makes_the_same_headers(name in any::<String>()) {
            let mail = String::from_utf8(mail(&name).format().expect("a mail")).expect("ASCII");
            prop_assert!(mail.is_ascii());
            let head = mail.split("\r\n\r\n").next().unwrap_or_default();
            let names: Vec<&str> = head.split("\r\n").filter(|line| !line.starts_with([' ', '\t'])).filter_map(|line| line.split(':').next()).collect();
            prop_assert_eq!(names, ["Message-ID", "Date", "From", "To", "Subject", "MIME-Version", "Content-Type"]);
        }
    }
}
