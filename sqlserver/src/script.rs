//! The T-SQL scripts of a snapshot: what makes an article's table at the subscriber, what follows once its rows are there, and what
//! follows once the tables of all articles are.
//!
//! What they make is in the article's schema options. What refers to something that is not published is left out, and said
//! ([`Scripts::left_out`]). Batches are separated by `GO`. Each statement makes what is missing only: the second script may meet tables
//! that were there before, and each may run again after an interruption.

mod constraints;
mod mentions;
mod triggers;

use crate::catalog::Table;
use crate::design::{Design, Purpose};
use crate::predicate;
use crate::procedure;
use crate::quote;
use crate::switch;
use mentions::Word;
pub(crate) use mentions::words;
use proto::{Article, Column, ComputedColumn, Identity, SchemaOptions, TableName};
use std::fmt::Write as _;

/// An article with what the publisher's catalog says of its table.
#[derive(Debug, Clone)]
pub struct Published {
    /// The article.
    pub article: Article,
    /// Its table, with the columns that are not published too.
    pub table: Table,
    /// Keys, indexes, constraints, triggers.
    pub design: Design,
}

impl Published {
    fn has_column(&self, name: &str) -> bool {
        let columns = self.article.columns.iter().map(|column| &column.name);
        let computed = self.article.computed.iter().map(|column| &column.name);
        columns.chain(computed).any(|column| column.to_lowercase() == name.to_lowercase())
    }
}

/// An article's scripts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scripts {
    /// Before the rows are loaded: schema and table, where they are missing.
    pub before: String,
    /// After they are loaded: keys, indexes, checks, defaults.
    pub after: String,
    /// After all articles' tables are there: foreign keys and triggers.
    pub last: String,
    /// What could not be scripted, a sentence each.
    pub left_out: Vec<String>,
}

/// The scripts of the article `of`, one of `all` of its publication. `objects` are the names of all objects of the publication
/// database that a trigger may mention.
pub fn scripts(of: &Published, all: &[Published], objects: &[TableName]) -> Scripts {
    let scene = Scene { of, all, objects };
    let mut scripts = Scripts { before: create_table(of), ..Scripts::default() };
    let left_out = &mut scripts.left_out;
    constraints::indexes(&scene, &mut scripts.after, left_out);
    constraints::checks(&scene, &mut scripts.after, left_out);
    constraints::defaults(&scene, &mut scripts.after, left_out);
    scripts.after.push_str(&procedure::scripts(&of.article));
    constraints::foreign_keys(&scene, &mut scripts.last, left_out);
    triggers::triggers(&scene, &mut scripts.last, left_out);
    scripts
}

/// Whether an article's [last](Scripts::last) script makes a foreign key of this name where it is missing.
pub fn makes_foreign_key(last: &str, name: &str) -> bool {
    last.contains(&format!("ADD CONSTRAINT {} FOREIGN KEY ", quote::identifier(name)))
}

/// What a script is made in view of.
struct Scene<'a> {
    of: &'a Published,
    all: &'a [Published],
    objects: &'a [TableName],
}

impl Scene<'_> {
    /// Why an expression over the columns of a table cannot stand at the subscriber, if so.
    fn unfit(&self, of: &Published, expression: &str) -> Option<String> {
        if let Err(why) = predicate::expression(expression) {
            return Some(why);
        }
        for word in words(expression) {
            if word.is_dotted() {
                return Some(format!("it uses {}, which is not published", word.text));
            }
            if is_unpublished_column(of, &word) {
                return Some(format!("column {} is not published", word.text));
            }
        }
        None
    }

    /// Whether a word of a trigger may mean something that is not at the subscriber.
    fn lacks(&self, word: &Word) -> bool {
        let arrives = |object: &TableName| {
            self.all.iter().any(|p| same(&p.article.source, object) && same(&p.article.destination, object))
        };
        let is_absent = |object: &TableName| word.names(&object.table) && !arrives(object);
        is_unpublished_column(self.of, word) || self.objects.iter().any(is_absent)
    }
}

fn is_unpublished_column(of: &Published, word: &Word) -> bool {
    // A bare word before a parenthesis is a function.
    let is_function = !word.quoted && word.followed_by == Some('(');
    !is_function && of.table.columns.iter().any(|c| word.names(&c.name)) && !of.has_column(&word.text)
}

/// Makes the destination's schema and table with its primary key, where they are missing.
/// <https://learn.microsoft.com/sql/t-sql/statements/create-table-transact-sql>
fn create_table(of: &Published) -> String {
    let article = &of.article;
    let destination = &article.destination;
    let mut script = String::new();
    if let Some(make) = make_schema(&destination.schema) {
        line(&mut script, format_args!("{make}"));
        line(&mut script, format_args!("GO"));
    }
    line(&mut script, format_args!("IF OBJECT_ID({}) IS NULL", quote::literal(&quote::table(destination))));
    line(&mut script, format_args!("CREATE TABLE {} (", quote::table(destination)));
    for column in &article.columns {
        let column = as_made(column, &article.options.schema);
        line(&mut script, format_args!("    {},", column_definition(&column)));
    }
    for column in &article.computed {
        line(&mut script, format_args!("    {},", computed_definition(column)));
    }
    line(&mut script, format_args!("    {}", primary_key(of)));
    line(&mut script, format_args!(")"));
    script
}

/// The statement that makes a schema where it is missing, if it can be.
/// <https://learn.microsoft.com/sql/t-sql/statements/create-schema-transact-sql>
pub(crate) fn make_schema(schema: &str) -> Option<String> {
    if schema.eq_ignore_ascii_case("dbo") {
        return None;
    }
    let create = format!("CREATE SCHEMA {}", quote::identifier(schema));
    Some(format!("IF SCHEMA_ID({}) IS NULL EXEC ({})", quote::literal(schema), quote::literal(&create)))
}

/// The primary key's part of `CREATE TABLE`. A table of another name does not take the name of the key, of which there can be one in
/// a schema.
fn primary_key(of: &Published) -> String {
    let article = &of.article;
    let Some(index) = of.design.indexes.iter().find(|index| index.purpose == Purpose::PrimaryKey) else {
        let key = article.key().into_iter().map(|i| article.columns[i].name.as_str());
        return format!("PRIMARY KEY ({})", quote::list(key));
    };
    // A table that waits for another one's place will have that one's name.
    let source = &article.source;
    let same_name = same(source, &article.destination) || same(&switch::waiting(source), &article.destination);
    let named = !index.is_system_named && same_name;
    let name = if named { format!("CONSTRAINT {} ", quote::identifier(&index.name)) } else { String::new() };
    format!("{name}PRIMARY KEY {} ({})", index.kind, constraints::key_columns(index))
}

/// A column as it is at the subscriber: with collation and identity property only where the article's options ask for them.
pub fn as_made(column: &Column, options: &SchemaOptions) -> Column {
    Column {
        collation: column.collation.clone().filter(|_| options.collation),
        identity: column.identity.filter(|_| options.identity),
        ..column.clone()
    }
}

/// A column as `CREATE TABLE` and `ALTER TABLE` take it.
/// <https://learn.microsoft.com/sql/t-sql/statements/alter-table-column-definition-transact-sql>
pub(crate) fn column_definition(column: &Column) -> String {
    let mut text = format!("{} {}", quote::identifier(&column.name), column.column_type);
    if let Some(collation) = &column.collation {
        // A collation's name is an identifier that must not be quoted; the catalog gives nothing but letters, digits and _.
        let name: String = collation.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
        text.push_str(" COLLATE ");
        text.push_str(&name);
    }
    if column.sparse {
        text.push_str(" SPARSE");
    }
    if let Some(Identity { seed, increment }) = column.identity {
        // The rows bring their own values (IDENTITY_INSERT); the property is kept for the day the subscriber takes over.
        let _ = write!(text, " IDENTITY({seed}, {increment}) NOT FOR REPLICATION");
    }
    text.push_str(if column.nullable { " NULL" } else { " NOT NULL" });
    text
}

/// A computed column; the definition stands in parentheses already.
/// <https://learn.microsoft.com/sql/relational-databases/tables/specify-computed-columns-in-a-table>
pub(crate) fn computed_definition(column: &ComputedColumn) -> String {
    let stored = match (column.persisted, column.nullable) {
        (true, false) => " PERSISTED NOT NULL",
        (true, true) => " PERSISTED",
        (false, _) => "",
    };
    format!("{} AS {}{stored}", quote::identifier(&column.name), column.definition)
}

/// The condition that the destination has no constraint or trigger of this name.
fn if_missing(article: &Article, name: &str) -> String {
    format!(
        "IF NOT EXISTS (SELECT 1 FROM sys.objects WHERE parent_object_id = OBJECT_ID({}) AND name = {})",
        quote::literal(&quote::table(&article.destination)),
        quote::literal(name)
    )
}

/// Two statements that an interruption does not leave half done: what is there already when the script runs again is left alone.
fn at_once(first: &str, second: &str) -> String {
    format!("BEGIN\nBEGIN TRANSACTION;\n{first};\n{second};\nCOMMIT TRANSACTION;\nEND")
}

fn same(a: &TableName, b: &TableName) -> bool {
    a.schema.eq_ignore_ascii_case(&b.schema) && a.table.eq_ignore_ascii_case(&b.table)
}

fn line(script: &mut String, text: std::fmt::Arguments<'_>) {
    writeln!(script, "{text}").expect("writing to a string cannot fail");
}

#[cfg(test)]
mod tests;
