//! How a table is designed beyond its columns: keys, indexes, constraints, triggers; what the snapshot agent scripts.
//!
//! Expressions come as the server keeps them: filters, checks and defaults with their parentheses, names in brackets.

use crate::catalog::ForeignKey;
use crate::client::Client;
use crate::decode::Fields;
use crate::error::Error;
use proto::TableName;

/// The design of one table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Design {
    /// Keys and indexes, the clustered one first.
    pub indexes: Vec<Index>,
    /// `CHECK` constraints.
    pub checks: Vec<Check>,
    /// `DEFAULT` constraints.
    pub defaults: Vec<DefaultValue>,
    /// Foreign keys from this table.
    pub foreign_keys: Vec<Reference>,
    /// Triggers.
    pub triggers: Vec<Trigger>,
}

/// What an index is there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Itself.
    Index,
    /// A primary key.
    PrimaryKey,
    /// A `UNIQUE` constraint.
    UniqueKey,
}

/// An index, or the key behind which it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Index {
    /// Name, of the key as of its index.
    pub name: String,
    /// Whether the server made the name up.
    pub is_system_named: bool,
    /// What it is there for.
    pub purpose: Purpose,
    /// Is the clustered index.
    pub clustered: bool,
    /// `CLUSTERED`, `NONCLUSTERED` or another kind, as `sys.indexes.type_desc` says.
    pub kind: String,
    /// Holds a value once.
    pub unique: bool,
    /// Skips duplicates with a warning instead of refusing them (`IGNORE_DUP_KEY`).
    pub ignores_duplicates: bool,
    /// Is switched off.
    pub disabled: bool,
    /// Key columns in their order, and whether they descend.
    pub columns: Vec<(String, bool)>,
    /// Columns beside the key (`INCLUDE`).
    pub included: Vec<String>,
    /// Predicate of a filtered index.
    pub filter: Option<String>,
}

/// A `CHECK` constraint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// Name.
    pub name: String,
    /// The predicate, in parentheses.
    pub definition: String,
    /// Is switched off.
    pub disabled: bool,
    /// Rows may contradict it.
    pub untrusted: bool,
    /// `NOT FOR REPLICATION`.
    pub not_for_replication: bool,
}

/// A `DEFAULT` constraint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DefaultValue {
    /// Name.
    pub name: String,
    /// Column.
    pub column: String,
    /// The expression, in parentheses.
    pub definition: String,
}

/// A foreign key with how it is enforced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// Tables and columns.
    pub key: ForeignKey,
    /// Is switched off.
    pub disabled: bool,
    /// Rows may contradict it.
    pub untrusted: bool,
    /// `NOT FOR REPLICATION`.
    pub not_for_replication: bool,
    /// Does something else than refuse when the referenced row is deleted or its key updated.
    pub cascades: bool,
}

/// A DML trigger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trigger {
    /// Name; its schema is the table's.
    pub name: String,
    /// Its `CREATE TRIGGER`; `None` where it is encrypted or not T-SQL.
    pub definition: Option<String>,
    /// Is switched off.
    pub disabled: bool,
    /// `NOT FOR REPLICATION`.
    pub not_for_replication: bool,
}

/// Reads the design of a table.
pub async fn design(client: &mut Client, object_id: i32) -> Result<Design, Error> {
    Ok(Design {
        indexes: indexes(client, object_id).await?,
        checks: checks(client, object_id).await?,
        defaults: defaults(client, object_id).await?,
        foreign_keys: references(client, object_id).await?,
        triggers: triggers(client, object_id).await?,
    })
}

/// <https://learn.microsoft.com/sql/relational-databases/system-catalog-views/sys-indexes-transact-sql>,
/// <https://learn.microsoft.com/sql/relational-databases/system-catalog-views/sys-index-columns-transact-sql>,
/// <https://learn.microsoft.com/sql/relational-databases/system-catalog-views/sys-key-constraints-transact-sql>
async fn indexes(client: &mut Client, object_id: i32) -> Result<Vec<Index>, Error> {
    const WHAT: &str = "asking for a table's indexes";
    const SQL: &str = "SELECT i.index_id, i.name, i.type_desc, i.is_primary_key, i.is_unique_constraint, i.is_unique, \
        i.ignore_dup_key, i.is_disabled, i.filter_definition, k.is_system_named, c.name, ic.is_descending_key, \
        ic.is_included_column \
        FROM sys.indexes AS i \
        JOIN sys.index_columns AS ic ON ic.object_id = i.object_id AND ic.index_id = i.index_id \
        JOIN sys.columns AS c ON c.object_id = ic.object_id AND c.column_id = ic.column_id \
        LEFT JOIN sys.key_constraints AS k ON k.parent_object_id = i.object_id AND k.unique_index_id = i.index_id \
        WHERE i.object_id = @P1 AND i.is_hypothetical = 0 \
        ORDER BY i.index_id, ic.is_included_column, ic.key_ordinal, ic.index_column_id";
    let mut indexes: Vec<(i64, Index)> = Vec::new();
    for row in client.query(WHAT, SQL, &[object_id.into()]).await? {
        let mut fields = Fields::new(row, client, WHAT);
        let id = fields.integer()?;
        let (name, kind) = (fields.text()?, fields.text()?);
        let (primary_key, unique_key) = (fields.flag()?, fields.flag()?);
        let purpose = match (primary_key, unique_key) {
            (true, _) => Purpose::PrimaryKey,
            (_, true) => Purpose::UniqueKey,
            _ => Purpose::Index,
        };
        let (unique, ignores_duplicates, disabled) = (fields.flag()?, fields.flag()?, fields.flag()?);
        let filter = fields.optional_text()?;
        let is_system_named = fields.flag()?;
        let (column, descending, included) = (fields.text()?, fields.flag()?, fields.flag()?);
        if indexes.last().is_none_or(|(last, _)| *last != id) {
            let clustered = kind == "CLUSTERED";
            let (columns, included) = (Vec::new(), Vec::new());
            indexes.push((
                id,
                Index {
                    name,
                    is_system_named,
                    purpose,
                    clustered,
                    kind,
                    unique,
                    ignores_duplicates,
                    disabled,
                    columns,
                    included,
                    filter,
                },
            ));
        }
        if let Some((_, index)) = indexes.last_mut() {
            if included { index.included.push(column) } else { index.columns.push((column, descending)) }
        }
    }
    Ok(indexes.into_iter().map(|(_, index)| index).collect())
}

/// <https://learn.microsoft.com/sql/relational-databases/system-catalog-views/sys-check-constraints-transact-sql>
async fn checks(client: &mut Client, object_id: i32) -> Result<Vec<Check>, Error> {
    const WHAT: &str = "asking for a table's checks";
    const SQL: &str = "SELECT name, definition, is_disabled, is_not_trusted, is_not_for_replication \
        FROM sys.check_constraints WHERE parent_object_id = @P1 ORDER BY object_id";
    let mut checks = Vec::new();
    for row in client.query(WHAT, SQL, &[object_id.into()]).await? {
        let mut fields = Fields::new(row, client, WHAT);
        checks.push(Check {
            name: fields.text()?,
            definition: fields.text()?,
            disabled: fields.flag()?,
            untrusted: fields.flag()?,
            not_for_replication: fields.flag()?,
        });
    }
    Ok(checks)
}

/// <https://learn.microsoft.com/sql/relational-databases/system-catalog-views/sys-default-constraints-transact-sql>
async fn defaults(client: &mut Client, object_id: i32) -> Result<Vec<DefaultValue>, Error> {
    const WHAT: &str = "asking for a table's defaults";
    const SQL: &str = "SELECT d.name, c.name, d.definition FROM sys.default_constraints AS d \
        JOIN sys.columns AS c ON c.object_id = d.parent_object_id AND c.column_id = d.parent_column_id \
        WHERE d.parent_object_id = @P1 ORDER BY d.parent_column_id";
    let mut defaults = Vec::new();
    for row in client.query(WHAT, SQL, &[object_id.into()]).await? {
        let mut fields = Fields::new(row, client, WHAT);
        defaults.push(DefaultValue { name: fields.text()?, column: fields.text()?, definition: fields.text()? });
    }
    Ok(defaults)
}

/// <https://learn.microsoft.com/sql/relational-databases/system-catalog-views/sys-foreign-keys-transact-sql>
async fn references(client: &mut Client, object_id: i32) -> Result<Vec<Reference>, Error> {
    const WHAT: &str = "asking for a table's foreign keys";
    const SQL: &str = "SELECT f.object_id, f.name, ps.name, pt.name, rs.name, rt.name, pc.name, rc.name, f.is_disabled, \
        f.is_not_trusted, f.is_not_for_replication, \
        CASE WHEN f.delete_referential_action <> 0 OR f.update_referential_action <> 0 THEN 1 ELSE 0 END \
        FROM sys.foreign_keys AS f \
        JOIN sys.foreign_key_columns AS k ON k.constraint_object_id = f.object_id \
        JOIN sys.tables AS pt ON pt.object_id = f.parent_object_id \
        JOIN sys.schemas AS ps ON ps.schema_id = pt.schema_id \
        JOIN sys.tables AS rt ON rt.object_id = f.referenced_object_id \
        JOIN sys.schemas AS rs ON rs.schema_id = rt.schema_id \
        JOIN sys.columns AS pc ON pc.object_id = k.parent_object_id AND pc.column_id = k.parent_column_id \
        JOIN sys.columns AS rc ON rc.object_id = k.referenced_object_id AND rc.column_id = k.referenced_column_id \
        WHERE f.parent_object_id = @P1 ORDER BY f.object_id, k.constraint_column_id";
    let mut references: Vec<(i64, Reference)> = Vec::new();
    for row in client.query(WHAT, SQL, &[object_id.into()]).await? {
        let mut fields = Fields::new(row, client, WHAT);
        let id = fields.integer()?;
        let name = fields.text()?;
        let from = TableName { schema: fields.text()?, table: fields.text()? };
        let to = TableName { schema: fields.text()?, table: fields.text()? };
        let pair = (fields.text()?, fields.text()?);
        let (disabled, untrusted, not_for_replication) = (fields.flag()?, fields.flag()?, fields.flag()?);
        let cascades = fields.flag()?;
        match references.last_mut() {
            Some((last, reference)) if *last == id => reference.key.columns.push(pair),
            _ => {
                let key = ForeignKey { name, from, to, columns: vec![pair] };
                references.push((id, Reference { key, disabled, untrusted, not_for_replication, cascades }));
            }
        }
    }
    Ok(references.into_iter().map(|(_, reference)| reference).collect())
}

/// <https://learn.microsoft.com/sql/relational-databases/system-catalog-views/sys-triggers-transact-sql>,
/// <https://learn.microsoft.com/sql/relational-databases/system-catalog-views/sys-sql-modules-transact-sql>
async fn triggers(client: &mut Client, object_id: i32) -> Result<Vec<Trigger>, Error> {
    const WHAT: &str = "asking for a table's triggers";
    const SQL: &str = "SELECT t.name, m.definition, t.is_disabled, t.is_not_for_replication FROM sys.triggers AS t \
        LEFT JOIN sys.sql_modules AS m ON m.object_id = t.object_id \
        WHERE t.parent_id = @P1 AND t.is_ms_shipped = 0 ORDER BY t.object_id";
    let mut triggers = Vec::new();
    for row in client.query(WHAT, SQL, &[object_id.into()]).await? {
        let mut fields = Fields::new(row, client, WHAT);
        triggers.push(Trigger {
            name: fields.text()?,
            definition: fields.optional_text()?,
            disabled: fields.flag()?,
            not_for_replication: fields.flag()?,
        });
    }
    Ok(triggers)
}

/// Names of everything in the database that a trigger may mention.
/// <https://learn.microsoft.com/sql/relational-databases/system-catalog-views/sys-objects-transact-sql>
pub async fn objects(client: &mut Client) -> Result<Vec<TableName>, Error> {
    const WHAT: &str = "asking for the database's objects";
    const SQL: &str = "SELECT s.name, o.name FROM sys.objects AS o JOIN sys.schemas AS s ON s.schema_id = o.schema_id \
        WHERE o.is_ms_shipped = 0 AND o.type IN ('U', 'V', 'P', 'PC', 'FN', 'FS', 'IF', 'TF', 'FT', 'SO', 'SN') AND s.name <> N'cdc'";
    let mut objects = Vec::new();
    for row in client.query(WHAT, SQL, &[]).await? {
        let mut fields = Fields::new(row, client, WHAT);
        objects.push(TableName { schema: fields.text()?, table: fields.text()? });
    }
    Ok(objects)
}
