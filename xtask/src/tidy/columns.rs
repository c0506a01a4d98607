//! No table or column that nothing uses.

use super::Finding;
use super::sql::flat;
use super::tree::{Tree, is_service_store, service_of};
use std::collections::{BTreeMap, BTreeSet};

/// What begins an entry of a table that is not a column.
const TABLE_CONSTRAINTS: [&str; 6] = ["CONSTRAINT", "PRIMARY", "UNIQUE", "CHECK", "FOREIGN", "EXCLUDE"];

/// Rule: each table and column of a service's migrations is a word of a statement in its store.
pub fn unused_column(tree: &Tree) -> Vec<Finding> {
    let mut words = BTreeMap::<&str, BTreeSet<String>>::new();
    for source in tree.rust().filter(|source| is_service_store(source.path)) {
        let Some(service) = service_of(source.path) else {
            continue;
        };
        let used = source.strings.iter().flat_map(|text| words_of(&flat(&text.value)));
        words.entry(service).or_default().extend(used);
    }
    let none = BTreeSet::new();
    let made = made_by_migrations(tree);
    let unused =
        made.into_iter().filter(|made| !words.get(made.service.as_str()).unwrap_or(&none).contains(&made.word));
    unused
        .map(|Made { service, path, line, item, word }| {
            let says = format!(
                "{item}: no statement of services/{service}/src/store.rs names {word}: use it, or leave it out"
            );
            Finding { path, line, item, says }
        })
        .collect()
}

/// A table, or a column of one, that is there when all migrations have run.
struct Made {
    service: String,
    path: String,
    line: usize,
    /// `table` or `table.column`.
    item: String,
    /// What statements call it.
    word: String,
}

fn made_by_migrations(tree: &Tree) -> Vec<Made> {
    let mut made = Vec::<Made>::new();
    for source in &tree.sources {
        let Some(service) = service_of(&source.path) else {
            continue;
        };
        if !source.path.ends_with(".sql") || !source.path.contains("/migrations/") {
            continue;
        }
        for change in changes(&tokens(&source.text)) {
            match change {
                Change::Made(line, item) => {
                    let word = item.rsplit('.').next().unwrap_or(&item).to_owned();
                    made.push(Made { service: service.to_owned(), path: source.path.clone(), line, item, word });
                }
                Change::Dropped(item) => {
                    let columns = format!("{item}.");
                    made.retain(|made| made.item != item && !made.item.starts_with(&columns));
                }
            }
        }
    }
    made
}

enum Change {
    Made(usize, String),
    Dropped(String),
}

/// A word or a sign of a migration, and its line.
struct Token {
    text: String,
    line: usize,
}

impl Token {
    fn is(&self, word: &str) -> bool {
        self.text.eq_ignore_ascii_case(word)
    }
}

fn changes(tokens: &[Token]) -> Vec<Change> {
    let statements = tokens.split(|token| token.is(";"));
    statements.flat_map(|statement| change_of(statement).unwrap_or_default()).collect()
}

fn change_of(statement: &[Token]) -> Option<Vec<Change>> {
    let verb = statement.first()?;
    let at = statement.iter().take(3).position(|token| token.is("TABLE"))?;
    let rest = skip_words(&statement[at + 1..], &["IF", "NOT", "EXISTS", "ONLY"]);
    let (table, rest) = rest.split_first()?;
    if verb.is("CREATE") {
        return Some(created(table, rest));
    }
    if verb.is("DROP") {
        return Some(vec![Change::Dropped(table.text.clone())]);
    }
    let actions = split_outside_parentheses(rest).into_iter().filter_map(|action| altered(&table.text, action));
    verb.is("ALTER").then(|| actions.collect())
}

fn created(table: &Token, rest: &[Token]) -> Vec<Change> {
    let mut changes = vec![Change::Made(table.line, table.text.clone())];
    if let Some(open) = rest.iter().position(|token| token.is("(")) {
        let mut depth = 1;
        let close = rest[open + 1..].iter().position(|token| {
            depth += i32::from(token.is("(")) - i32::from(token.is(")"));
            depth == 0
        });
        let body = &rest[open + 1..close.map_or(rest.len(), |close| open + 1 + close)];
        let entries = split_outside_parentheses(body).into_iter().filter_map(<[Token]>::first);
        let columns = entries.filter(|name| !TABLE_CONSTRAINTS.iter().any(|word| name.is(word)));
        changes.extend(columns.map(|name| Change::Made(name.line, format!("{}.{}", table.text, name.text))));
    }
    changes
}

/// `ADD [COLUMN] name …` or `DROP [COLUMN] name`.
fn altered(table: &str, action: &[Token]) -> Option<Change> {
    let (verb, rest) = action.split_first()?;
    let name = skip_words(rest, &["COLUMN", "IF", "NOT", "EXISTS"]).first()?;
    if TABLE_CONSTRAINTS.iter().any(|word| name.is(word)) {
        return None;
    }
    let item = format!("{table}.{}", name.text);
    if verb.is("ADD") { Some(Change::Made(name.line, item)) } else { verb.is("DROP").then_some(Change::Dropped(item)) }
}

fn skip_words<'a>(tokens: &'a [Token], words: &[&str]) -> &'a [Token] {
    let from = tokens.iter().position(|token| !words.iter().any(|word| token.is(word)));
    from.map_or(&[], |from| &tokens[from..])
}

fn split_outside_parentheses(tokens: &[Token]) -> Vec<&[Token]> {
    let mut depth = 0;
    let parts = tokens.split(|token| {
        depth += i32::from(token.is("(")) - i32::from(token.is(")"));
        depth == 0 && token.is(",")
    });
    parts.collect()
}

/// Words and signs; comments and the insides of quoted strings are gone, quoted names keep their name.
fn tokens(sql: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    for (at, line) in without_block_comments(sql).lines().enumerate() {
        let mut in_string = false;
        let code = line.chars().map(|letter| {
            in_string ^= letter == '\'';
            if in_string || letter == '\'' || letter == '"' { ' ' } else { letter }
        });
        let code = code.collect::<String>();
        let code = code.split_once("--").map_or(code.as_str(), |(before, _)| before);
        let mut word = String::new();
        for letter in code.chars().chain([' ']) {
            if letter.is_alphanumeric() || letter == '_' {
                word.push(letter);
                continue;
            }
            let sign = (!letter.is_whitespace()).then(|| letter.to_string());
            let ended = (!word.is_empty()).then(|| std::mem::take(&mut word));
            tokens.extend(ended.into_iter().chain(sign).map(|text| Token { text, line: at + 1 }));
        }
    }
    tokens
}

fn without_block_comments(sql: &str) -> String {
    let mut parts = sql.split("/*");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| {
        let (comment, code) = part.split_once("*/").unwrap_or((part, ""));
        text + &"\n".repeat(comment.matches('\n').count()) + code
    })
}

fn words_of(statement: &str) -> Vec<String> {
    let words = statement.split(|letter: char| !letter.is_alphanumeric() && letter != '_');
    words.filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn red(migration: &str, store: &str) -> Vec<(usize, String)> {
        let store = format!("statements! {{ ONE = {store:?}; }}");
        let tree = Tree::planted(&[
            ("services/orders/migrations/0001_first.sql", migration),
            ("services/orders/src/store.rs", &store),
            ("services/carts/src/store.rs", "statements! { ONE = \"SELECT weight FROM carts_line\"; }"),
        ]);
        unused_column(&tree).into_iter().map(|finding| (finding.line, finding.item)).collect()
    }

    #[test]
    fn a_column_that_no_statement_of_its_service_names_is_found() {
        let table = "-- lines\nCREATE TABLE IF NOT EXISTS orders_line (\n  id @id PRIMARY KEY,\n  -- a, b\n  \
                     \"weight\" BIGINT CHECK (weight IN (1, 2)),\n  state TEXT DEFAULT 'a,b(' NOT NULL,\n  \
                     UNIQUE (id, state)\n) STRICT;";
        let weight = (5, "orders_line.weight".to_owned());
        assert_eq!(red(table, "SELECT id, state, weights FROM orders_line"), [weight]);
        assert!(red(table, "SELECT id, state, l.weight FROM orders_line l").is_empty());
    }

    #[test]
    fn a_table_and_an_added_column_count_too() {
        assert_eq!(red("CREATE TABLE orders_note (id @id);", "SELECT id"), [(1, "orders_note".to_owned())]);
        let added = "ALTER TABLE orders_line\n ADD COLUMN sku TEXT,\n ADD CONSTRAINT c CHECK (sku <> '');";
        assert_eq!(red(added, "SELECT id"), [(2, "orders_line.sku".to_owned())]);
    }

    #[test]
    fn a_word_in_a_comment_is_no_use() {
        assert_eq!(red("CREATE TABLE t (id @id);", "SELECT 1 FROM t -- id").len(), 1);
    }

    #[test]
    fn what_a_later_migration_drops_needs_no_use() {
        let both = "CREATE TABLE t (id @id, /* old\n */ a TEXT); ALTER TABLE t DROP COLUMN a; CREATE INDEX i ON t (a);";
        assert!(red(both, "SELECT id FROM t").is_empty());
        assert!(red("CREATE TABLE t (a TEXT); DROP TABLE t;", "SELECT 1").is_empty());
    }
}
