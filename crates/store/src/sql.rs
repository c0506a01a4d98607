//! Statements: one text for both databases, written once, rendered once.
//!
//! What must differ is written with `@`:
//! - in migrations, column types: `@id @int @money @time @bool @text @json`, and `@table` after a
//!   table's closing parenthesis (`STRICT` on SQLite). Text is compared byte by byte on both;
//! - `@rows($1: id @id, quantity @int)`: a table made of the one parameter `$1` (see [`crate::rows`]);
//! - `@skip_locked`: at the end of a sub-select that claims rows;
//! - `@for_update`: at the end of a select whose rows this transaction goes on to change;
//! - `@indexed_by(souk_outbox_undone)`: after a table, the index that a statement has to go along on SQLite, which knows
//!   nothing of how many rows there are of what. Where it can't, it is not prepared.
//!
//! Parameters are `$1`, `$2`. SQLite would number *named* parameters by first appearance, so they
//! become `?1`, `?2` there.

use std::sync::OnceLock;

/// A registered statement; made by [`statements!`](crate::statements).
#[derive(Debug)]
pub struct Sql {
    /// `orders::INSERT`: how errors and the preparing test name it.
    pub name: &'static str,
    pub text: &'static str,
    sqlite: OnceLock<String>,
    postgres: OnceLock<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    Sqlite,
    Postgres,
}

impl Sql {
    pub const fn new(name: &'static str, text: &'static str) -> Self {
        Self { name, text, sqlite: OnceLock::new(), postgres: OnceLock::new() }
    }

    pub(crate) fn rendered(&self, dialect: Dialect) -> &str {
        let slot = match dialect {
            Dialect::Sqlite => &self.sqlite,
            Dialect::Postgres => &self.postgres,
        };
        slot.get_or_init(|| render(self.text, dialect))
    }
}

/// Declares a service's statements, and `ALL` of them for the test that prepares each on both databases.
#[macro_export]
macro_rules! statements {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)*) => {
        $($(#[$doc])* pub static $name: $crate::Sql = $crate::Sql::new(concat!(module_path!(), "::", stringify!($name)), $text);)*
        /// Every statement of this module.
        pub static ALL: &[&$crate::Sql] = &[$(&$name),*];
    };
}

const TYPES: [(&str, &str, &str); 7] = [
    ("id", "BLOB", "UUID"),
    ("int", "INTEGER", "BIGINT"),
    ("money", "INTEGER", "BIGINT"),
    ("time", "INTEGER", "BIGINT"),
    ("bool", "INTEGER", "BOOLEAN"),
    ("text", "TEXT", "TEXT COLLATE \"C\""),
    ("json", "TEXT", "JSONB"),
];

/// The text as one database wants it.
pub fn render(text: &str, dialect: Dialect) -> String {
    let mut out = String::with_capacity(text.len() + 64);
    let mut rest = text;
    while let Some(at) = rest.find(['@', '$', '\'', '-']) {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        rest = if rest.starts_with("--") {
            // A comment is for people: its apostrophes quote nothing. It is left out.
            &rest[rest.find('\n').unwrap_or(rest.len())..]
        } else if let Some(minus) = rest.strip_prefix('-') {
            out.push('-');
            minus
        } else if let Some(quoted) = rest.strip_prefix('\'') {
            let end = quoted.find('\'').map_or(rest.len(), |end| end + 2);
            out.push_str(&rest[..end]);
            &rest[end..]
        } else if let Some(number) = rest.strip_prefix('$') {
            out.push(if dialect == Dialect::Sqlite { '?' } else { '$' });
            number
        } else if let Some(list) = rest.strip_prefix("@rows(") {
            let end = list.find(')').expect("`@rows(` is closed");
            out.push_str(&rows_table(&list[..end], dialect));
            &list[end + 1..]
        } else if let Some(index) = rest.strip_prefix("@indexed_by(") {
            let end = index.find(')').expect("`@indexed_by(` is closed");
            if dialect == Dialect::Sqlite {
                out.push_str("INDEXED BY ");
                out.push_str(&index[..end]);
            }
            &index[end + 1..]
        } else {
            let word_end =
                rest[1..].find(|c: char| !c.is_ascii_lowercase() && c != '_').map_or(rest.len(), |end| end + 1);
            out.push_str(word(&rest[1..word_end], dialect));
            &rest[word_end..]
        };
    }
    out.push_str(rest);
    out
}

fn word(name: &str, dialect: Dialect) -> &'static str {
    let (sqlite, postgres) = match name {
        "table" => (" STRICT", ""),
        "skip_locked" => ("", " FOR UPDATE SKIP LOCKED"),
        "for_update" => ("", " FOR UPDATE"),
        name => TYPES
            .iter()
            .find(|(known, ..)| *known == name)
            .map(|(_, sqlite, postgres)| (*sqlite, *postgres))
            .unwrap_or_else(|| panic!("`@{name}` is not a word of store's SQL: see crates/store/src/sql.rs")),
    };
    if dialect == Dialect::Sqlite { sqlite } else { postgres }
}

/// The type without a collation: in an expression that would be explicit, and could clash.
fn cast(kind: &str) -> &'static str {
    word(kind, Dialect::Postgres).trim_end_matches(" COLLATE \"C\"")
}

/// `$1: id @id, quantity @int` as a sub-select with those columns.
fn rows_table(list: &str, dialect: Dialect) -> String {
    let (parameter, columns) = list.split_once(':').expect("`@rows($1: column @type, …)`");
    let number = parameter.trim().trim_start_matches('$');
    let columns: Vec<String> = columns
        .split(',')
        .enumerate()
        .map(|(place, column)| {
            let (name, kind) = column.trim().split_once(" @").expect("`column @type`");
            match (dialect, kind) {
                (Dialect::Sqlite, "id") => format!("unhex(value ->> {place}) AS {name}"),
                (Dialect::Sqlite, _) => format!("value ->> {place} AS {name}"),
                (Dialect::Postgres, kind) => format!("(value ->> {place})::{} AS {name}", cast(kind)),
            }
        })
        .collect();
    match dialect {
        Dialect::Sqlite => format!("(SELECT {} FROM json_each(?{number}))", columns.join(", ")),
        Dialect::Postgres => {
            format!("(SELECT {} FROM json_array_elements(${number}::json) AS each_row(value))", columns.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_numbered_by_name_on_sqlite() {
        let text = "UPDATE t SET x = x + $2 WHERE id = $1 AND note = 'costs $1 @home'";
        assert_eq!(render(text, Dialect::Sqlite), "UPDATE t SET x = x + ?2 WHERE id = ?1 AND note = 'costs $1 @home'");
        assert_eq!(render(text, Dialect::Postgres), text);
    }

    #[test]
    fn rows_are_one_parameter_on_both() {
        let text = "INSERT INTO t (id, n) SELECT id, n FROM @rows($1: id @id, n @int) AS r WHERE true";
        assert_eq!(
            render(text, Dialect::Sqlite),
            "INSERT INTO t (id, n) SELECT id, n FROM (SELECT unhex(value ->> 0) AS id, value ->> 1 AS n FROM json_each(?1)) AS r WHERE true"
        );
        assert!(
            render(text, Dialect::Postgres).contains("(value ->> 1)::BIGINT AS n FROM json_array_elements($1::json)")
        );
    }

    #[test]
    fn an_index_is_named_to_sqlite_alone() {
        let text = "SELECT id FROM t @indexed_by(t_undone) WHERE done_at IS NULL";
        assert_eq!(render(text, Dialect::Sqlite), "SELECT id FROM t INDEXED BY t_undone WHERE done_at IS NULL");
        assert_eq!(render(text, Dialect::Postgres), "SELECT id FROM t  WHERE done_at IS NULL");
    }

    #[test]
    fn an_apostrophe_in_a_comment_quotes_nothing() {
        let text = "-- a buyer's @cart\nCREATE TABLE t (id @id, n @int DEFAULT -1); -- it's done";
        assert_eq!(render(text, Dialect::Sqlite), "\nCREATE TABLE t (id BLOB, n INTEGER DEFAULT -1); ");
    }

    #[test]
    fn types_are_rendered() {
        assert_eq!(
            render("CREATE TABLE t (id @id, at @time)@table;", Dialect::Sqlite),
            "CREATE TABLE t (id BLOB, at INTEGER) STRICT;"
        );
        assert_eq!(
            render("CREATE TABLE t (id @id, at @time)@table;", Dialect::Postgres),
            "CREATE TABLE t (id UUID, at BIGINT);"
        );
    }

    #[test]
    #[should_panic(expected = "not a word")]
    fn an_unknown_word_is_refused() {
        render("CREATE TABLE t (id @uid)", Dialect::Sqlite);
    }
}
