//! Fills templates in: text and HTML, in the reader's language, the shop's own before ours.
//!
//! A message has two: `<locale>/<name>.txt`, whose first line is `Subject: …`, and `<locale>/<name>.html`.
//! `<locale>/words.toml` has what they share. What a buyer wrote or a shop named is data: escaped in HTML,
//! never a template itself.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use contracts::Locale;
use minijinja::syntax::SyntaxConfig;
use minijinja::{AutoEscape, Environment, UndefinedBehavior, Value, context};
use platform::Problem;

use crate::content::Content;
use crate::locale;
use crate::message::Template;

const SOURCE_BYTES_MAX: u64 = 256 * 1024;
const SOURCES_MAX: usize = 1_000;
const SUBJECT: &str = "Subject: ";

/// A message, ready to be addressed.
#[derive(Debug, PartialEq, Eq)]
pub struct Rendered {
    pub subject: String,
    pub text: String,
    pub html: String,
}

macro_rules! sources {
    ($($name:literal)*) => { [$(($name, include_str!(concat!("../templates/", $name)))),*] };
}

static SOURCES: &[(&str, &str)] = &sources![
    "_layout.html" "_layout.txt" "_parts.html" "_order.html" "_order.txt"
    "en/words.toml"
    "en/order_confirmed.html" "en/order_confirmed.txt" "en/order_cancelled.html" "en/order_cancelled.txt"
    "en/shipment_dispatched.html" "en/shipment_dispatched.txt" "en/order_refunded.html" "en/order_refunded.txt"
    "en/payment_needed.html" "en/payment_needed.txt" "en/order_link.html" "en/order_link.txt"
    "en/welcome.html" "en/welcome.txt"
    "de/words.toml"
    "de/order_confirmed.html" "de/order_confirmed.txt" "de/order_cancelled.html" "de/order_cancelled.txt"
    "de/shipment_dispatched.html" "de/shipment_dispatched.txt" "de/order_refunded.html" "de/order_refunded.txt"
    "de/payment_needed.html" "de/payment_needed.txt" "de/order_link.html" "de/order_link.txt"
    "de/welcome.html" "de/welcome.txt"
];

static OURS: LazyLock<Arc<Book>> =
    LazyLock::new(|| Arc::new(Book::of(ours()).expect("the compiled-in templates are read by a test")));

fn ours() -> impl Iterator<Item = (String, String)> {
    SOURCES.iter().map(|(name, source)| ((*name).to_owned(), (*source).to_owned()))
}

/// The shop's templates: ours, under those of its own folder.
#[derive(Debug, Clone)]
pub struct Templates {
    folder: Option<PathBuf>,
}

/// What is wrong with a template, without what was filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrong(pub String);

impl Templates {
    /// `folder` is the setting: empty where the shop has none.
    pub fn new(folder: &str) -> Self {
        Self { folder: (!folder.is_empty()).then(|| PathBuf::from(folder)) }
    }

    /// The shop's templates as they are now; errors name the file.
    pub async fn read(&self) -> Result<Arc<Book>, Wrong> {
        let Some(folder) = self.folder.clone() else { return Ok(Arc::clone(&OURS)) };
        let read = tokio::task::spawn_blocking(move || Book::read(&folder)).await;
        read.unwrap_or_else(|error| Err(Wrong(error.to_string()))).map(Arc::new)
    }

    /// For a message that goes out: a template of the shop that can't be filled in holds no mail back.
    pub async fn render(&self, template: Template, read: &Reader<'_>, content: &Content) -> Result<Rendered, Problem> {
        let rendered = self.read().await.and_then(|book| book.render(template, read, content));
        rendered.or_else(|Wrong(why)| {
            tracing::error!(template = template.as_str(), %why, "the shop's own templates can't be used; ours are");
            OURS.render(template, read, content).map_err(|Wrong(why)| Problem::internal(why))
        })
    }
}

/// Who reads a message, as far as its language goes.
#[derive(Debug, Clone, Copy)]
pub struct Reader<'a> {
    pub locale: &'a Locale,
    pub shop: &'a Locale,
}

/// Templates that were read, by name: `de/welcome.txt`.
#[derive(Debug)]
pub struct Book {
    templates: Environment<'static>,
    names: BTreeSet<String>,
    words: BTreeMap<String, BTreeMap<String, String>>,
}

impl Book {
    /// A later source takes the place of an earlier one of its name; words are replaced one by one.
    fn of(sources: impl Iterator<Item = (String, String)>) -> Result<Self, Wrong> {
        let mut templates = Environment::new();
        templates.set_undefined_behavior(UndefinedBehavior::Strict);
        // A block tag on a line of its own leaves no line behind.
        let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
        templates.set_syntax(syntax.map_err(|error| Wrong(error.to_string()))?);
        templates
            .set_auto_escape_callback(|name| if name.ends_with(".html") { AutoEscape::Html } else { AutoEscape::None });
        let mut names = BTreeSet::new();
        let mut words: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
        for (name, source) in sources {
            if let Some(locale) = name.strip_suffix("/words.toml") {
                let read = toml::from_str::<BTreeMap<String, String>>(&source);
                let read = read.map_err(|error| Wrong(format!("{name}: {}", error.message())))?;
                words.entry(locale.to_owned()).or_default().extend(read);
            } else {
                templates.add_template_owned(name.clone(), source).map_err(|error| wrong(&name, &error))?;
                names.insert(name);
            }
        }
        Ok(Self { templates, names, words })
    }

    /// Ours, and over them the folder's: files at its top and in folders named like a locale.
    fn read(folder: &Path) -> Result<Self, Wrong> {
        let (mut found, mut theirs) = (Vec::new(), Vec::new());
        for path in entries(folder)? {
            if path.is_dir() { found.extend(entries(&path)?) } else { found.push(path) }
        }
        if found.len() > SOURCES_MAX {
            return Err(Wrong(format!("{}: more than {SOURCES_MAX} files", folder.display())));
        }
        for path in found {
            let Ok(name) = path.strip_prefix(folder) else { continue };
            let name = name.to_string_lossy().into_owned();
            let is_source = name.ends_with(".txt") || name.ends_with(".html") || name.ends_with("/words.toml");
            if is_source && path.is_file() {
                theirs.push((name, source(&path)?));
            }
        }
        Self::of(ours().chain(theirs))
    }

    /// Fills a message's templates in.
    pub fn render(&self, template: Template, read: &Reader<'_>, content: &Content) -> Result<Rendered, Wrong> {
        let name = template.as_str();
        let chain = locale::chain(read.locale, read.shop);
        let has = |locale: &String| {
            ["txt", "html"].iter().all(|kind| self.names.contains(&format!("{locale}/{name}.{kind}")))
        };
        let place =
            chain.iter().position(has).ok_or_else(|| Wrong(format!("{name} is in no language of {chain:?}")))?;
        let written = &chain[place];
        let content = content.values(&locale::of_amounts(read.locale, written));
        let words = self.words(&chain[place..]);
        let text = self
            .fill(&format!("{written}/{name}.txt"), context! { lang => written, words => &words, ..content.clone() })?;
        let (subject, text) = text
            .split_once('\n')
            .and_then(|(first, rest)| Some((first.trim_end().strip_prefix(SUBJECT)?, rest)))
            .ok_or_else(|| Wrong(format!("{written}/{name}.txt: its first line is not `Subject: …`")))?;
        let html = context! { lang => written, words => &words, subject, ..content };
        let html = self.fill(&format!("{written}/{name}.html"), html)?;
        Ok(Rendered { subject: subject.trim().to_owned(), text: format!("{}\n", text.trim()), html })
    }

    /// The languages that have a message of their own.
    pub fn locales(&self, template: Template) -> Vec<String> {
        let ends = format!("/{}.txt", template.as_str());
        self.names.iter().filter_map(|name| name.strip_suffix(&ends)).map(str::to_owned).collect()
    }

    /// Of the nearest language that has each.
    fn words(&self, chain: &[String]) -> Value {
        let nearest_last = chain.iter().rev().filter_map(|locale| self.words.get(locale));
        let words: BTreeMap<String, String> =
            nearest_last.flatten().map(|(key, text)| (key.clone(), text.clone())).collect();
        Value::from(words)
    }

    fn fill(&self, name: &str, values: Value) -> Result<String, Wrong> {
        self.templates
            .get_template(name)
            .and_then(|template| template.render(values))
            .map_err(|error| wrong(name, &error))
    }
}

/// Where and what, without the chain of causes: its debug output shows what was filled in.
fn wrong(name: &str, error: &minijinja::Error) -> Wrong {
    let place = error.name().unwrap_or(name);
    let line = error.line().map(|line| format!(" line {line}")).unwrap_or_default();
    Wrong(format!("template {place}{line}: {}", error.kind()))
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, Wrong> {
    let unreadable = |error: std::io::Error| Wrong(format!("{}: {error}", folder.display()));
    let entries = std::fs::read_dir(folder).map_err(unreadable)?;
    entries.map(|entry| entry.map(|entry| entry.path()).map_err(unreadable)).collect()
}

fn source(path: &Path) -> Result<String, Wrong> {
    let unreadable = |error: std::io::Error| Wrong(format!("{}: {error}", path.display()));
    let bytes = std::fs::metadata(path).map_err(unreadable)?.len();
    if bytes > SOURCE_BYTES_MAX {
        return Err(Wrong(format!("{}: {bytes} bytes, more than {SOURCE_BYTES_MAX}", path.display())));
    }
    std::fs::read_to_string(path).map_err(unreadable)
}
