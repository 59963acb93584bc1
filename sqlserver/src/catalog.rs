//! Tables, their columns and keys.

use crate::client::Client;
use crate::decode::Fields;
use crate::error::{Error, ErrorKind};
use proto::{Column, ColumnType, Identity, TableName};

/// A table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// `object_id`.
    pub object_id: i32,
    /// Name, as the server spells it.
    pub name: TableName,
    /// Whether change data capture is enabled for it.
    pub is_tracked_by_cdc: bool,
    /// Its columns in their order.
    pub columns: Vec<TableColumn>,
}

/// A column of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableColumn {
    /// Name, as the server spells it.
    pub name: String,
    /// Type, or the name of a type that is not handled.
    pub column_type: Result<ColumnType, String>,
    /// Can hold NULL.
    pub nullable: bool,
    /// Is the identity column, counting like this.
    pub identity: Option<Identity>,
    /// Is stored only where it is not NULL.
    pub sparse: bool,
    /// How it is computed from others.
    pub computed: Option<Computed>,
    /// Is a `rowversion`, whose values the server makes.
    pub row_version: bool,
    /// Why its values cannot be replicated, whatever its type.
    pub unfit: Option<String>,
    /// Collation of a character column.
    pub collation: Option<String>,
    /// Place in the primary key, from 0.
    pub key_ordinal: Option<u16>,
}

/// How a computed column comes about
/// (<https://learn.microsoft.com/sql/relational-databases/system-catalog-views/sys-computed-columns-transact-sql>).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Computed {
    /// Expression; empty if the login may not see it.
    pub definition: String,
    /// Is stored.
    pub persisted: bool,
}

impl TableColumn {
    /// A column that can hold NULL and is nothing special.
    pub fn new(name: &str, column_type: Result<ColumnType, String>) -> Self {
        Self {
            name: name.to_owned(),
            column_type,
            nullable: true,
            identity: None,
            sparse: false,
            computed: None,
            row_version: false,
            unfit: None,
            collation: None,
            key_ordinal: None,
        }
    }

    /// As a column of an article; an error says why it cannot be one.
    pub fn published(&self) -> Result<Column, String> {
        if self.computed.is_some() {
            return Err("it is computed".to_owned());
        }
        if let Some(why) = &self.unfit {
            return Err(why.clone());
        }
        let column_type = self.column_type.clone().map_err(|name| format!("its type {name} cannot be replicated"))?;
        Ok(Column {
            name: self.name.clone(),
            column_type,
            nullable: self.nullable,
            identity: self.identity,
            sparse: self.sparse,
            collation: self.collation.clone(),
            key_ordinal: self.key_ordinal,
        })
    }
}

impl Table {
    /// The column of this name, without regard to case (as most databases compare names).
    pub fn column(&self, name: &str) -> Option<&TableColumn> {
        let same = |c: &&TableColumn| c.name.to_lowercase() == name.to_lowercase();
        self.columns.iter().find(|c| c.name == name).or_else(|| self.columns.iter().find(same))
    }
}

/// Looks up a user table with its columns and primary key; `None` if there is none of this name that the login can see.
pub async fn table(client: &mut Client, name: &TableName) -> Result<Option<Table>, Error> {
    let Some((object_id, name, is_tracked_by_cdc)) = find_table(client, name).await? else { return Ok(None) };
    let columns = columns(client, object_id).await?;
    Ok(Some(Table { object_id, name, is_tracked_by_cdc, columns }))
}

/// <https://learn.microsoft.com/sql/relational-databases/system-catalog-views/sys-tables-transact-sql>
async fn find_table(client: &mut Client, name: &TableName) -> Result<Option<(i32, TableName, bool)>, Error> {
    const WHAT: &str = "looking for a table";
    const SQL: &str = "SELECT t.object_id, s.name, t.name, t.is_tracked_by_cdc FROM sys.tables AS t \
        JOIN sys.schemas AS s ON s.schema_id = t.schema_id WHERE s.name = @P1 AND t.name = @P2";
    let rows = client.query(WHAT, SQL, &[(&*name.schema).into(), (&*name.table).into()]).await?;
    let Some(row) = rows.into_iter().next() else { return Ok(None) };
    let mut fields = Fields::new(row, client, WHAT);
    let object_id = fields.integer()? as i32;
    let name = TableName { schema: fields.text()?, table: fields.text()? };
    Ok(Some((object_id, name, fields.flag()?)))
}

/// Columns with their base types (an alias type counts as what it is an alias of) and place in the primary key.
/// <https://learn.microsoft.com/sql/relational-databases/system-catalog-views/sys-columns-transact-sql>,
/// <https://learn.microsoft.com/sql/relational-databases/system-catalog-views/sys-types-transact-sql>,
/// <https://learn.microsoft.com/sql/relational-databases/system-catalog-views/sys-identity-columns-transact-sql>,
/// <https://learn.microsoft.com/sql/relational-databases/system-catalog-views/sys-index-columns-transact-sql>,
/// <https://learn.microsoft.com/sql/relational-databases/system-catalog-views/sys-computed-columns-transact-sql>
pub async fn columns(client: &mut Client, object_id: i32) -> Result<Vec<TableColumn>, Error> {
    const WHAT: &str = "asking for a table's columns";
    const SQL: &str = "SELECT c.name, base.name, own.name, own.is_user_defined, CAST(c.max_length AS int), \
        CAST(c.precision AS int), CAST(c.scale AS int), c.is_column_set, CAST(c.encryption_type AS int), c.is_masked, \
        c.is_nullable, CAST(n.seed_value AS decimal(38, 0)), CAST(n.increment_value AS decimal(38, 0)), c.is_sparse, \
        c.is_computed, d.definition, d.is_persisted, c.collation_name, CAST(k.key_ordinal AS int) FROM sys.columns AS c \
        JOIN sys.types AS own ON own.user_type_id = c.user_type_id \
        LEFT JOIN sys.types AS base ON base.user_type_id = c.system_type_id \
        LEFT JOIN sys.computed_columns AS d ON d.object_id = c.object_id AND d.column_id = c.column_id \
        LEFT JOIN sys.identity_columns AS n ON n.object_id = c.object_id AND n.column_id = c.column_id \
        LEFT JOIN sys.indexes AS i ON i.object_id = c.object_id AND i.is_primary_key = 1 \
        LEFT JOIN sys.index_columns AS k ON k.object_id = c.object_id AND k.index_id = i.index_id AND k.column_id = c.column_id \
        WHERE c.object_id = @P1 ORDER BY c.column_id";
    let rows = client.query(WHAT, SQL, &[object_id.into()]).await?;
    let mut columns = Vec::with_capacity(rows.len());
    for row in rows {
        let mut fields = Fields::new(row, client, WHAT);
        let name = fields.text()?;
        let (base, own, is_users) = (fields.optional_text()?, fields.text()?, fields.flag()?);
        let (length, precision, scale) = (fields.integer()?, fields.integer()?, fields.integer()?);
        // hierarchyid and the spatial types have no base type, and so have the types of users' own assemblies, of whatever name.
        let type_name = if is_users { base.as_deref() } else { Some(base.as_deref().unwrap_or(&own)) };
        columns.push(TableColumn {
            name,
            row_version: type_name == Some("timestamp"),
            column_type: type_name.and_then(|name| column_type(name, length, precision, scale)).ok_or(own),
            unfit: unfit(fields.flag()?, fields.optional_integer()?, fields.flag()?),
            nullable: fields.flag()?,
            identity: identity(fields.optional_decimal()?, fields.optional_decimal()?),
            sparse: fields.flag()?,
            computed: computed(fields.flag()?, fields.optional_text()?, fields.flag()?),
            collation: fields.optional_text()?,
            // Counts from 1; 0 is an included column.
            key_ordinal: fields.optional_integer()?.and_then(|ordinal| u16::try_from(ordinal - 1).ok()),
        });
    }
    Ok(columns)
}

/// A login that may not see a table's definition gets NULL for it.
fn computed(is_computed: bool, definition: Option<String>, persisted: bool) -> Option<Computed> {
    is_computed.then(|| Computed { definition: definition.unwrap_or_default(), persisted })
}

fn identity(seed: Option<i128>, increment: Option<i128>) -> Option<Identity> {
    Some(Identity { seed: seed?, increment: increment? })
}

/// Why a column's values could not be what they are at the publisher.
fn unfit(is_column_set: bool, encryption_type: Option<i64>, is_masked: bool) -> Option<String> {
    if is_column_set {
        // https://learn.microsoft.com/sql/relational-databases/tables/use-column-sets
        return Some(
            "it is a column set, which change data capture does not capture; publish the sparse columns of it"
                .to_owned(),
        );
    }
    if encryption_type.is_some() {
        // https://learn.microsoft.com/sql/relational-databases/security/encryption/always-encrypted-database-engine
        return Some("it is encrypted by Always Encrypted, so its values cannot be read".to_owned());
    }
    // https://learn.microsoft.com/sql/relational-databases/security/dynamic-data-masking
    is_masked.then(|| "it is masked: what is read is not always what is there".to_owned())
}

/// The type that `sys.columns` describes by name, length in bytes (−1 is `(max)`), precision and scale; `None` for those that
/// are not handled.
fn column_type(name: &str, length: i64, precision: i64, scale: i64) -> Option<ColumnType> {
    use ColumnType as T;
    let length = match length {
        -1 => None,
        n => Some(u16::try_from(n).ok()?),
    };
    let (precision, scale) = (u8::try_from(precision).ok()?, u8::try_from(scale).ok()?);
    Some(match name {
        "bit" => T::Bit,
        "tinyint" => T::TinyInt,
        "smallint" => T::SmallInt,
        "int" => T::Int,
        "bigint" => T::BigInt,
        "decimal" | "numeric" => T::Decimal { precision, scale },
        "money" => T::Money,
        "smallmoney" => T::SmallMoney,
        "real" => T::Real,
        "float" => T::Float,
        "char" => T::Char(length?),
        "varchar" => T::VarChar(length),
        "nchar" => T::NChar(length? / 2),
        "nvarchar" => T::NVarChar(length.map(|n| n / 2)),
        "binary" => T::Binary(length?),
        "varbinary" => T::VarBinary(length),
        "date" => T::Date,
        "time" => T::Time(scale),
        "smalldatetime" => T::SmallDateTime,
        "datetime" => T::DateTime,
        "datetime2" => T::DateTime2(scale),
        "datetimeoffset" => T::DateTimeOffset(scale),
        "uniqueidentifier" => T::UniqueIdentifier,
        // rowversion, by its older name.
        "timestamp" => T::Binary(8),
        "xml" => T::Xml,
        "text" => T::Text,
        "ntext" => T::NText,
        "image" => T::Image,
        "sql_variant" => T::SqlVariant,
        "hierarchyid" => T::HierarchyId,
        "geometry" => T::Geometry,
        "geography" => T::Geography,
        "json" => T::Json,
        _ => return None,
    })
}

/// A foreign key between two tables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForeignKey {
    /// Name.
    pub name: String,
    /// Table that refers.
    pub from: TableName,
    /// Table referred to.
    pub to: TableName,
    /// Pairs of referring and referred columns.
    pub columns: Vec<(String, String)>,
}

/// The enabled foreign keys of the database, which rows must not contradict, with their columns in order.
pub async fn foreign_keys(client: &mut Client) -> Result<Vec<ForeignKey>, Error> {
    some_foreign_keys(client, "WHERE f.is_disabled = 0").await
}

/// All foreign keys of the database, with their columns in order: one that is disabled, too, keeps a table from being dropped to which it
/// refers.
pub async fn all_foreign_keys(client: &mut Client) -> Result<Vec<ForeignKey>, Error> {
    some_foreign_keys(client, "").await
}

/// <https://learn.microsoft.com/sql/relational-databases/system-catalog-views/sys-foreign-keys-transact-sql>,
/// <https://learn.microsoft.com/sql/relational-databases/system-catalog-views/sys-foreign-key-columns-transact-sql>
async fn some_foreign_keys(client: &mut Client, condition: &str) -> Result<Vec<ForeignKey>, Error> {
    const WHAT: &str = "asking for the foreign keys";
    const SELECT: &str = "SELECT f.object_id, f.name, ps.name, pt.name, rs.name, rt.name, pc.name, rc.name \
        FROM sys.foreign_keys AS f \
        JOIN sys.foreign_key_columns AS k ON k.constraint_object_id = f.object_id \
        JOIN sys.tables AS pt ON pt.object_id = f.parent_object_id \
        JOIN sys.schemas AS ps ON ps.schema_id = pt.schema_id \
        JOIN sys.tables AS rt ON rt.object_id = f.referenced_object_id \
        JOIN sys.schemas AS rs ON rs.schema_id = rt.schema_id \
        JOIN sys.columns AS pc ON pc.object_id = k.parent_object_id AND pc.column_id = k.parent_column_id \
        JOIN sys.columns AS rc ON rc.object_id = k.referenced_object_id AND rc.column_id = k.referenced_column_id";
    let sql = format!("{SELECT} {condition} ORDER BY f.object_id, k.constraint_column_id");
    let rows = client.query(WHAT, &sql, &[]).await?;
    let mut keys: Vec<(i64, ForeignKey)> = Vec::new();
    for row in rows {
        let mut fields = Fields::new(row, client, WHAT);
        let object_id = fields.integer()?;
        let name = fields.text()?;
        let from = TableName { schema: fields.text()?, table: fields.text()? };
        let to = TableName { schema: fields.text()?, table: fields.text()? };
        let pair = (fields.text()?, fields.text()?);
        match keys.last_mut() {
            Some((id, key)) if *id == object_id => key.columns.push(pair),
            _ => keys.push((object_id, ForeignKey { name, from, to, columns: vec![pair] })),
        }
    }
    Ok(keys.into_iter().map(|(_, key)| key).collect())
}

/// Tables with enabled triggers that fire for every session.
/// <https://learn.microsoft.com/sql/relational-databases/system-catalog-views/sys-triggers-transact-sql>
pub async fn watched_tables(client: &mut Client) -> Result<Vec<TableName>, Error> {
    const WHAT: &str = "asking for tables with triggers";
    const SQL: &str = "SELECT s.name, t.name FROM sys.tables AS t JOIN sys.schemas AS s ON s.schema_id = t.schema_id \
        WHERE EXISTS (SELECT 1 FROM sys.triggers AS g WHERE g.parent_id = t.object_id AND g.is_disabled = 0 \
        AND g.is_not_for_replication = 0)";
    let mut tables = Vec::new();
    for row in client.query(WHAT, SQL, &[]).await? {
        let mut fields = Fields::new(row, client, WHAT);
        tables.push(TableName { schema: fields.text()?, table: fields.text()? });
    }
    Ok(tables)
}

/// Whether there is a procedure of this name that the login can see.
/// <https://learn.microsoft.com/sql/relational-databases/system-catalog-views/sys-procedures-transact-sql>
pub async fn has_procedure(client: &mut Client, name: &TableName) -> Result<bool, Error> {
    const SQL: &str = "SELECT 1 FROM sys.procedures AS p JOIN sys.schemas AS s ON s.schema_id = p.schema_id \
        WHERE s.name = @P1 AND p.name = @P2";
    let rows = client.query("looking for a procedure", SQL, &[(&*name.schema).into(), (&*name.table).into()]).await?;
    Ok(!rows.is_empty())
}

/// Rows of a table, as its partitions say; near enough for progress.
/// <https://learn.microsoft.com/sql/relational-databases/system-catalog-views/sys-partitions-transact-sql>
pub async fn row_count(client: &mut Client, object_id: i32) -> Result<u64, Error> {
    const WHAT: &str = "asking for a table's number of rows";
    const SQL: &str = "SELECT SUM(p.rows) FROM sys.partitions AS p WHERE p.object_id = @P1 AND p.index_id IN (0, 1)";
    let rows = client.query(WHAT, SQL, &[object_id.into()]).await?;
    let row = rows.into_iter().next().ok_or_else(|| client.error(ErrorKind::Type, WHAT, "no answer"))?;
    let count = Fields::new(row, client, WHAT).optional_integer()?;
    Ok(count.and_then(|n| u64::try_from(n).ok()).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::{column_type, unfit};
    use proto::ColumnType as T;

    #[test]
    fn lengths_are_in_the_units_of_the_type() {
        assert_eq!(column_type("nvarchar", 100, 0, 0), Some(T::NVarChar(Some(50))));
        assert_eq!(column_type("varchar", 100, 0, 0), Some(T::VarChar(Some(100))));
        assert_eq!(column_type("varbinary", -1, 0, 0), Some(T::VarBinary(None)));
        assert_eq!(column_type("numeric", 9, 19, 4), Some(T::Decimal { precision: 19, scale: 4 }));
        assert_eq!(column_type("datetime2", 7, 23, 3), Some(T::DateTime2(3)));
    }

    #[test]
    fn types_that_would_not_arrive_as_they_were_are_not_handled() {
        for name in ["vector", "point", "table type", ""] {
            assert_eq!(column_type(name, -1, 0, 0), None, "{name}");
        }
    }

    #[test]
    fn columns_whose_values_cannot_be_read_are_told_apart() {
        assert_eq!(unfit(false, None, false), None);
        for (why, word) in [
            (unfit(true, None, false), "column set"),
            (unfit(false, Some(2), false), "Always Encrypted"),
            (unfit(false, None, true), "masked"),
        ] {
            assert!(why.is_some_and(|why| why.contains(word)), "{word}");
        }
    }
}
