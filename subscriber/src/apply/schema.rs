//! Schema changes, in the transaction in which they stand.
//!
//! What is there already counts as done, so that somebody who prepared the table by hand, or mended it after an error, can let the
//! subscriber go on.

use super::Applier;
use crate::error::{Error, ErrorKind};
use proto::schema::DefaultConstraint;
use proto::{Article, Column, ComputedColumn, Lsn, SchemaChange, TableChange};
use sqlserver::catalog::{Table, TableColumn};
use sqlserver::predicate::Predicate;
use sqlserver::script::as_made;
use sqlserver::{alter, catalog, state};

/// Characters of the publisher's statement that an error shows.
const SHOWN: usize = 300;

impl Applier {
    /// Carries out schema changes in the open transaction and goes on with the new definitions.
    pub(super) async fn change_schema(&mut self, changes: &[SchemaChange], lsn: Lsn) -> Result<(), Error> {
        for change in changes {
            let article = &change.article;
            self.altered = true;
            for step in &change.changes {
                self.change_table(article, step).await.map_err(|failed| failed.told(change, step, lsn, self))?;
            }
            if let Some(superseded) = article.supersedes {
                state::supersede_parts(&mut self.client, &self.subscription, article.id, superseded).await?;
            }
            // Procedures that replication made take the columns of the new definition.
            let procedures = sqlserver::procedure::scripts(article);
            let what = format!("making the procedures of {}", article.destination);
            sqlserver::schema::run_script(&mut self.client, &what, &procedures).await?;
            self.articles.learn(article.clone());
            self.targets.remove(&article.id);
            tracing::info!(
                subscription = self.subscription, table = %article.destination, position = %lsn, article = %article.id,
                changes = change.changes.len(), "the table's definition changed"
            );
        }
        if !changes.is_empty() {
            self.foreign_keys = super::foreign_keys(&mut self.client).await?;
        }
        Ok(())
    }

    async fn change_table(&mut self, article: &Article, change: &TableChange) -> Result<(), Failed> {
        let name = &article.destination;
        let found = catalog::table(&mut self.client, name).await?;
        let table = found.ok_or_else(|| Failed::Unfit("the table does not exist".to_owned()))?;
        match change {
            TableChange::AddColumn { name, default, nullable_first } => match defined(article, name)? {
                Defined::Sent(column) => {
                    let column = as_made(column, &article.options.schema);
                    self.add_column(&table, &column, default.as_ref(), *nullable_first).await
                }
                Defined::Computed(column) => self.add_computed(&table, column).await,
            },
            TableChange::DropColumn { name } => self.drop_column(&table, name).await,
            TableChange::AlterColumn { name } => self.alter_column(&table, article, name).await,
            TableChange::AddConstraint { name, definition, unchecked } => {
                if alter::has_constraint(&mut self.client, table.object_id, name).await? {
                    return Ok(());
                }
                Ok(alter::add_constraint(&mut self.client, &table.name, name, definition, *unchecked).await?)
            }
            TableChange::DropConstraint { name } => {
                if !alter::has_constraint(&mut self.client, table.object_id, name).await? {
                    return Ok(());
                }
                Ok(alter::drop_constraint(&mut self.client, &table.name, name).await?)
            }
            TableChange::DeleteRowsOutside { filter } => {
                let filter = Predicate::parse(filter).map_err(Failed::Unfit)?;
                let source = &article.source;
                let rows = alter::delete_rows_outside(&mut self.client, &table.name, source, &filter).await?;
                tracing::info!(subscription = self.subscription, table = %table.name, rows, "deleted what the filter leaves out now");
                Ok(())
            }
        }
    }

    async fn add_column(
        &mut self,
        table: &Table,
        column: &Column,
        default: Option<&DefaultConstraint>,
        nullable_first: bool,
    ) -> Result<(), Failed> {
        // The values come from the publisher, also those of an identity column, which could not be written if it were one here.
        let column = Column { identity: None, nullable: column.nullable || nullable_first, ..column.clone() };
        match table.column(&column.name) {
            // One that may hold NULL where it need not is no hindrance, and is what an interrupted change leaves.
            Some(there) if fits(there, &column) && (there.nullable || !column.nullable) => Ok(()),
            Some(there) => Err(Failed::Unfit(format!("it is there already, as {}", shown(there)))),
            None => Ok(alter::add_column(&mut self.client, &table.name, &column, default).await?),
        }
    }

    async fn add_computed(&mut self, table: &Table, column: &ComputedColumn) -> Result<(), Failed> {
        match table.column(&column.name) {
            Some(there) if there.computed.is_some() => Ok(()),
            Some(there) => Err(Failed::Unfit(format!("it is there already, as {}", shown(there)))),
            None => Ok(alter::add_computed_column(&mut self.client, &table.name, column).await?),
        }
    }

    async fn drop_column(&mut self, table: &Table, name: &str) -> Result<(), Failed> {
        let Some(column) = table.column(name) else { return Ok(()) };
        if column.key_ordinal.is_some() {
            return Err(Failed::Unfit("it belongs to the primary key".to_owned()));
        }
        for constraint in alter::constraints_of_column(&mut self.client, table.object_id, &column.name).await? {
            alter::drop_constraint(&mut self.client, &table.name, &constraint).await?;
        }
        Ok(alter::drop_column(&mut self.client, &table.name, &column.name).await?)
    }

    async fn alter_column(&mut self, table: &Table, article: &Article, name: &str) -> Result<(), Failed> {
        let column = match defined(article, name)? {
            Defined::Sent(column) => Column { identity: None, ..as_made(column, &article.options.schema) },
            Defined::Computed(_) => return Err(Failed::Unfit("a computed column cannot be altered".to_owned())),
        };
        let there = table.column(name).ok_or_else(|| Failed::Unfit("it is not there".to_owned()))?;
        if there.computed.is_some() {
            return Err(Failed::Unfit("it is computed at the subscriber".to_owned()));
        }
        if fits(there, &column) && there.nullable == column.nullable {
            return Ok(());
        }
        Ok(alter::alter_column(&mut self.client, &table.name, &column).await?)
    }
}

enum Defined<'a> {
    Sent(&'a Column),
    Computed(&'a ComputedColumn),
}

/// What an article says of a column.
fn defined<'a>(article: &'a Article, name: &str) -> Result<Defined<'a>, Failed> {
    let sent = article.columns.iter().find(|c| c.name == name).map(Defined::Sent);
    let computed = || article.computed.iter().find(|c| c.name == name).map(Defined::Computed);
    sent.or_else(computed).ok_or_else(|| Failed::Unfit("the article's new definition does not have it".to_owned()))
}

/// Whether a column can stand for the article's, nullability aside.
fn fits(there: &TableColumn, column: &Column) -> bool {
    let collation = match (&there.collation, &column.collation) {
        (Some(there), Some(wanted)) => there.eq_ignore_ascii_case(wanted),
        _ => true,
    };
    there.computed.is_none() && there.column_type.as_ref() == Ok(&column.column_type) && collation
}

/// A column for people.
fn shown(column: &TableColumn) -> String {
    if column.computed.is_some() {
        return "a computed column".to_owned();
    }
    let (Ok(column_type), null) = (&column.column_type, if column.nullable { "NULL" } else { "NOT NULL" }) else {
        return "a column of another type".to_owned();
    };
    match &column.collation {
        Some(collation) => format!("{column_type} COLLATE {collation} {null}"),
        None => format!("{column_type} {null}"),
    }
}

/// Why a table could not be changed.
enum Failed {
    /// It is not as it would have to be.
    Unfit(String),
    Server(sqlserver::Error),
}

impl From<sqlserver::Error> for Failed {
    fn from(error: sqlserver::Error) -> Self {
        Self::Server(error)
    }
}

impl Failed {
    fn told(self, change: &SchemaChange, step: &TableChange, lsn: Lsn, applier: &Applier) -> Error {
        let (why, source) = match self {
            Self::Server(error) if error.is_transient() => return error.into(),
            Self::Server(error) => (error.message().to_owned(), Some(error)),
            Self::Unfit(why) => (why, None),
        };
        let (verb, object, wanted) = match step {
            TableChange::AddColumn { name, .. } => ("added", format!("column {name}"), wanted(&change.article, name)),
            TableChange::DropColumn { name } => ("dropped", format!("column {name}"), String::new()),
            TableChange::AlterColumn { name } => ("altered", format!("column {name}"), wanted(&change.article, name)),
            TableChange::AddConstraint { name, .. } => ("added", format!("constraint {name}"), String::new()),
            TableChange::DropConstraint { name } => ("dropped", format!("constraint {name}"), String::new()),
            TableChange::DeleteRowsOutside { .. } => ("applied", "the new row filter".to_owned(), String::new()),
        };
        let ddl: String = change.ddl.chars().take(SHOWN).collect();
        let message = format!(
            "{object} of table {} at {} cannot be {verb}{wanted}: {why}. It follows a schema change of {} at position {lsn}: {}. Nothing of \
             that transaction was applied. Remove what stands in the way, or bring the table into the new form yourself (what is \
             there already counts as done), and start the subscriber again; or drop the subscription, add it and initialise it anew",
            change.article.destination,
            applier.client.place(),
            change.article.source,
            ddl.split_whitespace().collect::<Vec<_>>().join(" "),
        );
        match source {
            Some(source) => Error::because(ErrorKind::Schema, message, source),
            None => Error::new(ErrorKind::Schema, message),
        }
    }
}

/// What a column is to be.
fn wanted(article: &Article, name: &str) -> String {
    match defined(article, name) {
        Ok(Defined::Sent(column)) => {
            format!(" as {} {}", column.column_type, if column.nullable { "NULL" } else { "NOT NULL" })
        }
        Ok(Defined::Computed(column)) => format!(" as {}", column.definition),
        Err(_) => String::new(),
    }
}
