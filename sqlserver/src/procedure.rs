//! Procedures that propagate changes: their parameters, their names, and those that replication makes.
//!
//! The layouts of parameters are Microsoft's
//! (<https://learn.microsoft.com/sql/relational-databases/replication/transactional/transactional-articles-specify-how-changes-are-propagated>):
//!
//! | | insert | update | delete |
//! |---|---|---|---|
//! | `CALL` | all columns | all columns, then the key as it was | the key |
//! | `SCALL` | | the changed columns, the others not given; the key as it was; bitmask | |
//! | `MCALL` | | all columns; the key as it was; bitmask | |
//! | `XCALL` | | all columns as they were, then all columns | all columns as they were |
//!
//! Columns are those of the article in their order, keys in key order. The bitmask is `binary(n)`, a bit a column: the first column is
//! the lowest bit of the first byte.

use crate::apply::ROWS_MISSING;
use crate::apply::collation_name;
use crate::quote;
use proto::{Article, CallFormat, Column, ColumnType, Command, TableName};
use std::fmt::Write as _;

/// Kinds of changes that can have a procedure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// Inserts.
    Insert,
    /// Updates.
    Update,
    /// Deletes.
    Delete,
}

/// The name of the procedure that replication makes for an article, in the destination's schema: `sp_MSins_`, `sp_MSupd_` or
/// `sp_MSdel_`, then owner and name of the destination
/// (<https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sp-addarticle-transact-sql>).
pub fn default_name(verb: Verb, destination: &TableName) -> TableName {
    let verb = match verb {
        Verb::Insert => "ins",
        Verb::Update => "upd",
        Verb::Delete => "del",
    };
    let TableName { schema, table } = destination;
    TableName { schema: schema.clone(), table: format!("sp_MS{verb}_{schema}{table}") }
}

/// Bytes of an article's bitmask.
pub fn bitmask_bytes(columns: usize) -> usize {
    columns.div_ceil(8)
}

/// Type of the parameter that takes a column's values. Text is `nvarchar` whatever the column's code page: a parameter has the code page
/// of the database, in which the value may not exist.
fn parameter_type(column: &Column) -> ColumnType {
    match column.column_type {
        ColumnType::Char(n) => ColumnType::NVarChar((n <= 4000).then_some(n)),
        ColumnType::VarChar(n) => ColumnType::NVarChar(n.filter(|n| *n <= 4000)),
        ColumnType::Text | ColumnType::NText => ColumnType::NVarChar(None),
        ColumnType::Image => ColumnType::VarBinary(None),
        other => other,
    }
}

/// The script of all procedures that replication makes for an article; the others are the user's.
pub fn scripts(article: &Article) -> String {
    let options = &article.options;
    let commands = [(Verb::Insert, &options.insert), (Verb::Update, &options.update), (Verb::Delete, &options.delete)];
    let mut text = String::new();
    for (verb, command) in commands {
        if let Command::Call { format, procedure, generated: true } = command {
            text.push_str(&script(article, verb, *format, procedure));
        }
    }
    text
}

/// The script of the procedure that replication makes for the changes of one kind. Batches are separated by `GO`.
/// <https://learn.microsoft.com/sql/t-sql/statements/create-procedure-transact-sql>
fn script(article: &Article, verb: Verb, format: CallFormat, name: &TableName) -> String {
    let name = quote::table(name);
    let Parts { parameters, body } = match (verb, format) {
        (Verb::Insert, _) => insert(article),
        (Verb::Delete, CallFormat::Xcall) => delete(article, true),
        (Verb::Delete, _) => delete(article, false),
        (Verb::Update, format) => update(article, format),
    };
    format!(
        "DROP PROCEDURE IF EXISTS {name}\nGO\nCREATE PROCEDURE {name}\n    {}\nAS\nBEGIN\n{body}END\nGO\n",
        parameters.join(",\n    ")
    )
}

struct Parts {
    parameters: Vec<String>,
    body: String,
}

/// Parameters for all columns, from `@c<first>` on.
fn all_columns(article: &Article, first: usize, default: &str) -> Vec<String> {
    let parameter = |(i, column): (usize, &Column)| format!("@c{} {}{default}", first + i, parameter_type(column));
    article.columns.iter().enumerate().map(parameter).collect()
}

fn key_columns(article: &Article) -> Vec<String> {
    let key = article.key();
    key.into_iter().enumerate().map(|(k, i)| format!("@pkc{} {}", k + 1, parameter_type(&article.columns[i]))).collect()
}

/// The row whose key is in these parameters, by which the server can seek.
fn is_row(article: &Article, parameter: impl Fn(usize, usize) -> String) -> String {
    let equal = |(k, i): (usize, usize)| {
        let column = &article.columns[i];
        let parameter = parameter(k, i);
        let value = match (&column.collation, column.column_type) {
            (Some(collation), ColumnType::Char(_) | ColumnType::VarChar(_)) => {
                format!("CAST({parameter} COLLATE {} AS {})", collation_name(collation), column.column_type)
            }
            _ => parameter,
        };
        format!("{} = {value}", quote::identifier(&column.name))
    };
    article.key().into_iter().enumerate().map(equal).collect::<Vec<_>>().join(" AND ")
}

fn insert(article: &Article) -> Parts {
    let table = quote::table(&article.destination);
    let identity = article.options.schema.identity && article.columns.iter().any(|column| column.identity.is_some());
    let mut body = String::new();
    if identity {
        let _ = writeln!(body, "    SET IDENTITY_INSERT {table} ON;");
    }
    let values: Vec<String> = (1..=article.columns.len()).map(|n| format!("@c{n}")).collect();
    let names = quote::list(article.columns.iter().map(|column| &column.name));
    let _ = writeln!(body, "    INSERT INTO {table} ({names})\n    VALUES ({});", values.join(", "));
    if identity {
        let _ = writeln!(body, "    SET IDENTITY_INSERT {table} OFF;");
    }
    Parts { parameters: all_columns(article, 1, ""), body }
}

fn delete(article: &Article, whole_rows: bool) -> Parts {
    let (parameters, row) = if whole_rows {
        (all_columns(article, 1, ""), is_row(article, |_, i| format!("@c{}", i + 1)))
    } else {
        (key_columns(article), is_row(article, |k, _| format!("@pkc{}", k + 1)))
    };
    let table = quote::table(&article.destination);
    Parts { parameters, body: format!("    DELETE FROM {table}\n    WHERE {row};\n{}", missing("deleted")) }
}

/// The end of the transaction where there is no such row, as Microsoft's procedures do with error 20598.
fn missing(verb: &str) -> String {
    format!("    IF @@ROWCOUNT = 0\n        THROW {ROWS_MISSING}, N'the row to be {verb} is not there', 1;\n")
}

fn update(article: &Article, format: CallFormat) -> Parts {
    let columns = article.columns.len();
    let table = quote::table(&article.destination);
    let (mut parameters, row, first) = match format {
        CallFormat::Xcall => {
            let mut parameters = all_columns(article, 1, "");
            parameters.extend(all_columns(article, columns + 1, ""));
            (parameters, is_row(article, |_, i| format!("@c{}", i + 1)), columns + 1)
        }
        CallFormat::Call | CallFormat::Scall | CallFormat::Mcall => {
            let default = if format == CallFormat::Scall { " = NULL" } else { "" };
            let mut parameters = all_columns(article, 1, default);
            parameters.extend(key_columns(article));
            (parameters, is_row(article, |k, _| format!("@pkc{}", k + 1)), 1)
        }
    };
    let masked = matches!(format, CallFormat::Scall | CallFormat::Mcall);
    if masked {
        parameters.push(format!("@bitmap binary({})", bitmask_bytes(columns)));
    }
    let bit = |i: usize| (format!("SUBSTRING(@bitmap, {}, 1)", i / 8 + 1), 1 << (i % 8));
    let assign = |i: &usize| {
        let name = quote::identifier(&article.columns[*i].name);
        let parameter = format!("@c{}", first + i);
        if masked {
            let (byte, bit) = bit(*i);
            format!("{name} = CASE {byte} & {bit} WHEN {bit} THEN {parameter} ELSE {name} END")
        } else {
            format!("{name} = {parameter}")
        }
    };
    let statement = |columns: &[usize]| {
        let set: Vec<String> = columns.iter().map(assign).collect();
        format!("    UPDATE {table}\n    SET {}\n    WHERE {row};\n{}", set.join(",\n        "), missing("updated"))
    };
    // An identity column never changes, and cannot be assigned to.
    let all: Vec<usize> = (0..columns).filter(|i| article.columns[*i].identity.is_none()).collect();
    let (key, others): (Vec<usize>, Vec<usize>) = all.iter().partition(|i| article.columns[**i].key_ordinal.is_some());
    let body = if !masked || key.is_empty() || others.is_empty() {
        if all.is_empty() { "    RETURN;\n".to_owned() } else { statement(&all) }
    } else {
        // The key is written only where it changes: it may be referred to.
        let changes = |i: &usize| {
            let (byte, bit) = bit(*i);
            format!("{byte} & {bit} = {bit}")
        };
        let key_changes: Vec<String> = key.iter().map(changes).collect();
        format!(
            "    IF {}\n    BEGIN\n{}    END\n    ELSE\n    BEGIN\n{}    END\n",
            key_changes.join(" OR "),
            statement(&all),
            statement(&others)
        )
    };
    Parts { parameters, body }
}
