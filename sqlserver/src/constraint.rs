//! Constraints of the published tables as they are now, and as the subscriber's tables take them.
//!
//! `cdc.ddl_history` does not tell of them: it has changes of the column structure
//! (<https://learn.microsoft.com/sql/relational-databases/system-tables/cdc-ddl-history-transact-sql>).

use crate::client::Client;
use crate::decode::Fields;
use crate::error::{Error, ErrorKind};
use crate::quote;
use crate::script::words;
use crate::session::NOT_FOR_REPLICATION;
use proto::{Constraint, Rule, TableName};
use std::collections::BTreeMap;

/// A captured table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Constrained {
    /// What it is called now.
    pub name: TableName,
    /// Its constraints that are in force, without its primary key.
    pub constraints: Vec<Constraint>,
}

/// The captured tables with their constraints that are in force, by `object_id`: one batch, however many there are. One that is switched
/// off is none. A table that the login may not see is not there.
/// <https://learn.microsoft.com/sql/relational-databases/system-catalog-views/sys-tables-transact-sql>,
/// <https://learn.microsoft.com/sql/relational-databases/system-catalog-views/sys-check-constraints-transact-sql>,
/// <https://learn.microsoft.com/sql/relational-databases/system-catalog-views/sys-default-constraints-transact-sql>,
/// <https://learn.microsoft.com/sql/relational-databases/system-catalog-views/sys-key-constraints-transact-sql>,
/// <https://learn.microsoft.com/sql/relational-databases/system-catalog-views/sys-foreign-keys-transact-sql>
pub async fn constraints(client: &mut Client) -> Result<BTreeMap<i32, Constrained>, Error> {
    const WHAT: &str = "asking for the constraints of the captured tables";
    // Each with another number of columns, by which its rows are known.
    const SQL: &str = "SELECT t.object_id, s.name, t.name FROM sys.tables AS t \
            JOIN sys.schemas AS s ON s.schema_id = t.schema_id WHERE t.is_tracked_by_cdc = 1; \
        SELECT k.parent_object_id, k.object_id, k.name, k.definition, k.is_not_trusted, k.is_not_for_replication \
            FROM sys.check_constraints AS k JOIN sys.tables AS t ON t.object_id = k.parent_object_id \
            WHERE t.is_tracked_by_cdc = 1 AND k.is_disabled = 0 ORDER BY k.object_id; \
        SELECT d.parent_object_id, d.object_id, d.name, c.name, d.definition FROM sys.default_constraints AS d \
            JOIN sys.tables AS t ON t.object_id = d.parent_object_id \
            JOIN sys.columns AS c ON c.object_id = d.parent_object_id AND c.column_id = d.parent_column_id \
            WHERE t.is_tracked_by_cdc = 1 ORDER BY d.object_id; \
        SELECT k.parent_object_id, k.object_id, k.name, i.type_desc, i.ignore_dup_key, c.name, ic.is_descending_key \
            FROM sys.key_constraints AS k JOIN sys.tables AS t ON t.object_id = k.parent_object_id \
            JOIN sys.indexes AS i ON i.object_id = k.parent_object_id AND i.index_id = k.unique_index_id \
            JOIN sys.index_columns AS ic ON ic.object_id = i.object_id AND ic.index_id = i.index_id \
            JOIN sys.columns AS c ON c.object_id = ic.object_id AND c.column_id = ic.column_id \
            WHERE t.is_tracked_by_cdc = 1 AND k.type = 'UQ' AND i.is_disabled = 0 ORDER BY k.object_id, ic.key_ordinal; \
        SELECT f.parent_object_id, f.object_id, f.name, f.referenced_object_id, pc.name, rc.name, f.is_not_trusted, \
            f.is_not_for_replication FROM sys.foreign_keys AS f \
            JOIN sys.tables AS t ON t.object_id = f.parent_object_id \
            JOIN sys.foreign_key_columns AS k ON k.constraint_object_id = f.object_id \
            JOIN sys.columns AS pc ON pc.object_id = k.parent_object_id AND pc.column_id = k.parent_column_id \
            JOIN sys.columns AS rc ON rc.object_id = k.referenced_object_id AND rc.column_id = k.referenced_column_id \
            WHERE t.is_tracked_by_cdc = 1 AND f.is_disabled = 0 ORDER BY f.object_id, k.constraint_column_id";
    let mut tables: BTreeMap<i32, Constrained> = BTreeMap::new();
    for row in client.query(WHAT, SQL, &[]).await? {
        let width = row.len();
        let mut fields = Fields::new(row, client, WHAT);
        let table = fields.integer()? as i32;
        if width == 3 {
            let name = TableName { schema: fields.text()?, table: fields.text()? };
            tables.insert(table, Constrained { name, constraints: Vec::new() });
            continue;
        }
        let (id, name) = (fields.integer()? as i32, fields.text()?);
        let (rule, untrusted) = match width {
            6 => {
                let (definition, untrusted) = (fields.optional_text()?, fields.flag()?);
                (Rule::Check { definition, not_for_replication: fields.flag()? }, untrusted)
            }
            5 => (Rule::Default { column: fields.text()?, definition: fields.optional_text()? }, false),
            7 => {
                let (kind, ignores_duplicates) = (fields.text()?, fields.flag()?);
                (Rule::Unique { kind, ignores_duplicates, columns: vec![(fields.text()?, fields.flag()?)] }, false)
            }
            8 => {
                let to = fields.integer()? as i32;
                let columns = vec![(fields.text()?, fields.text()?)];
                let untrusted = fields.flag()?;
                (Rule::ForeignKey { to, columns, not_for_replication: fields.flag()? }, untrusted)
            }
            _ => return Err(client.error(ErrorKind::Type, WHAT, "an answer that was not asked for")),
        };
        // One that was made since its table was looked for.
        let Some(table) = tables.get_mut(&table) else { continue };
        match (table.constraints.last_mut().filter(|last| last.id == id).map(|last| &mut last.rule), rule) {
            (Some(Rule::Unique { columns, .. }), Rule::Unique { columns: more, .. }) => columns.extend(more),
            (Some(Rule::ForeignKey { columns, .. }), Rule::ForeignKey { columns: more, .. }) => columns.extend(more),
            (_, rule) => table.constraints.push(Constraint { id, name, rule, untrusted }),
        }
    }
    Ok(tables)
}

/// A constraint as `ALTER TABLE … ADD CONSTRAINT name` takes it; `None` if the login may not see what it says. `to` is the table at the
/// subscriber that a foreign key refers to. Like in the snapshot's scripts, a foreign key never cascades, and a check that is
/// `NOT FOR REPLICATION` lets our own sessions pass.
/// <https://learn.microsoft.com/sql/t-sql/statements/alter-table-table-constraint-transact-sql>
pub fn definition(rule: &Rule, to: &TableName) -> Option<String> {
    Some(match rule {
        Rule::Check { definition, not_for_replication: false } => format!("CHECK {}", definition.as_ref()?),
        Rule::Check { definition, not_for_replication: true } => {
            format!("CHECK NOT FOR REPLICATION ({NOT_FOR_REPLICATION} OR {})", definition.as_ref()?)
        }
        Rule::Default { column, definition } => {
            format!("DEFAULT {} FOR {}", definition.as_ref()?, quote::identifier(column))
        }
        Rule::Unique { kind, ignores_duplicates, columns } => {
            let column = |(name, descending): &(String, bool)| {
                format!("{}{}", quote::identifier(name), if *descending { " DESC" } else { "" })
            };
            let columns: Vec<String> = columns.iter().map(column).collect();
            let kind = if kind == "CLUSTERED" { "CLUSTERED" } else { "NONCLUSTERED" };
            let options = if *ignores_duplicates { " WITH (IGNORE_DUP_KEY = ON)" } else { "" };
            format!("UNIQUE {kind} ({}){options}", columns.join(", "))
        }
        Rule::ForeignKey { columns, not_for_replication, .. } => format!(
            "FOREIGN KEY ({}) REFERENCES {} ({}){}",
            quote::list(columns.iter().map(|(from, _)| from)),
            quote::table(to),
            quote::list(columns.iter().map(|(_, to)| to)),
            if *not_for_replication { " NOT FOR REPLICATION" } else { "" }
        ),
    })
}

/// What an expression names besides columns that are published, if anything: a column of the table (whose `columns` these are) that is not,
/// or an object of its own.
pub fn unpublished(expression: &str, columns: &[String], is_published: impl Fn(&str) -> bool) -> Option<String> {
    let names = words(expression).into_iter().find(|word| {
        let is_function = !word.quoted && word.followed_by == Some('(');
        let is_column = !is_function && columns.iter().any(|column| word.names(column));
        word.is_dotted() || (is_column && !is_published(&word.text))
    });
    names.map(|word| word.text)
}
