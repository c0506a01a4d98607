//! fakepsp's books: payment intents, refunds, events, answers by key, and the ledger that is only added to.
//!
//! Each request is one line of the journal, synced before it is answered: a kill at any instant loses
//! no answer that was given, and half a line is as if it had never been asked.

use std::collections::{BTreeMap, HashMap};
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub const JOURNAL: &str = "fakepsp.jsonl";

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    RequiresPaymentMethod,
    RequiresConfirmation,
    RequiresAction,
    RequiresCapture,
    Succeeded,
    Canceled,
}

impl Status {
    /// As it is written on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::RequiresPaymentMethod => "requires_payment_method",
            Self::RequiresConfirmation => "requires_confirmation",
            Self::RequiresAction => "requires_action",
            Self::RequiresCapture => "requires_capture",
            Self::Succeeded => "succeeded",
            Self::Canceled => "canceled",
        }
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Decline {
    pub code: String,
    pub decline_code: Option<String>,
    pub message: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Intent {
    pub id: String,
    pub amount: i64,
    pub currency: String,
    pub status: Status,
    pub is_manual: bool,
    pub payment_method: Option<String>,
    pub metadata: BTreeMap<String, String>,
    pub description: Option<String>,
    pub return_url: Option<String>,
    pub charge: Option<String>,
    pub received: i64,
    pub refunded: i64,
    pub decline: Option<Decline>,
    pub cancellation_reason: Option<String>,
    pub created: i64,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Refund {
    pub id: String,
    pub intent: String,
    pub charge: Option<String>,
    pub amount: i64,
    pub currency: String,
    pub reason: Option<String>,
    pub metadata: BTreeMap<String, String>,
    pub created: i64,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Event {
    pub id: String,
    #[serde(rename = "type")]
    pub kind: String,
    pub object: Value,
    pub created: i64,
}

/// What a line of the ledger says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Moved {
    Authorized,
    Captured,
    /// Let go: by a cancellation, or what a capture left over.
    Voided,
    Refunded,
}

/// A line of the ledger: money that moved, with what the shop had written on its charge.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Entry {
    pub kind: Moved,
    pub intent: String,
    pub amount: i64,
    pub currency: String,
    pub metadata: BTreeMap<String, String>,
    /// The `Idempotency-Key` of the request that moved it.
    pub key: Option<String>,
    pub at: i64,
}

/// What was answered to a key.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Answer {
    pub key: String,
    /// Method, path and parameters.
    pub asked: String,
    pub status: u16,
    pub body: Value,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Endpoint {
    pub id: String,
    pub url: String,
    pub secret: String,
}

/// One thing that a request wrote.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Record {
    Intent(Intent),
    Refund(Refund),
    Event(Event),
    Entry(Entry),
    Answer(Answer),
    Endpoint(Endpoint),
}

/// Things by id, in the order they were made.
#[derive(Debug)]
pub struct Shelf<T> {
    all: Vec<T>,
    places: HashMap<String, usize>,
}

impl<T> Default for Shelf<T> {
    fn default() -> Self {
        Self { all: Vec::new(), places: HashMap::new() }
    }
}

impl<T> Shelf<T> {
    pub fn get(&self, id: &str) -> Option<&T> {
        self.places.get(id).map(|place| &self.all[*place])
    }

    pub fn newest_first(&self) -> impl Iterator<Item = &T> {
        self.all.iter().rev()
    }

    fn put(&mut self, id: &str, thing: T) {
        match self.places.get(id) {
            Some(place) => self.all[*place] = thing,
            None => {
                self.places.insert(id.to_owned(), self.all.len());
                self.all.push(thing);
            }
        }
    }
}

#[derive(Debug, Default)]
pub struct Book {
    pub intents: Shelf<Intent>,
    pub refunds: Shelf<Refund>,
    pub events: Shelf<Event>,
    pub endpoints: Vec<Endpoint>,
    pub ledger: Vec<Entry>,
    answers: HashMap<String, Answer>,
    journal: Option<File>,
}

impl Book {
    /// In this folder, with what an earlier run wrote there; without one, in memory alone.
    pub fn open(folder: Option<&Path>) -> io::Result<Self> {
        let mut book = Self::default();
        let Some(folder) = folder else { return Ok(book) };
        std::fs::create_dir_all(folder)?;
        let path = folder.join(JOURNAL);
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(error),
        };
        // What has no end of line was never answered.
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        for line in text[..whole].lines() {
            let records: Vec<Record> = serde_json::from_str(line).map_err(io::Error::other)?;
            records.into_iter().for_each(|record| book.apply(record));
        }
        let journal = OpenOptions::new().create(true).append(true).open(&path)?;
        journal.set_len(whole as u64)?;
        book.journal = Some(journal);
        Ok(book)
    }

    /// Writes what a request changed: all of it or nothing.
    pub fn commit(&mut self, records: Vec<Record>) -> io::Result<()> {
        if records.is_empty() {
            return Ok(());
        }
        if let Some(journal) = &mut self.journal {
            let mut line = serde_json::to_vec(&records).map_err(io::Error::other)?;
            line.push(b'\n');
            journal.write_all(&line)?;
            journal.sync_data()?;
        }
        records.into_iter().for_each(|record| self.apply(record));
        Ok(())
    }

    pub fn answer(&self, key: &str) -> Option<&Answer> {
        self.answers.get(key)
    }

    fn apply(&mut self, record: Record) {
        match record {
            Record::Intent(intent) => self.intents.put(&intent.id.clone(), intent),
            Record::Refund(refund) => self.refunds.put(&refund.id.clone(), refund),
            Record::Event(event) => self.events.put(&event.id.clone(), event),
            Record::Entry(entry) => self.ledger.push(entry),
            Record::Endpoint(endpoint) => {
                self.endpoints.retain(|known| known.id != endpoint.id);
                self.endpoints.push(endpoint);
            }
            Record::Answer(answer) => {
                self.answers.insert(answer.key.clone(), answer);
            }
        }
    }
}
