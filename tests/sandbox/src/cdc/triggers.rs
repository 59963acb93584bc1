//! The storage of a change table and the SQLite triggers that fill it.
//!
//! Shape and rules of the rows:
//! <https://learn.microsoft.com/sql/relational-databases/system-tables/cdc-capture-instance-ct-transact-sql>. An update that
//! changes a key, or a column of a unique or clustered index, is a delete and an insert
//! (<https://learn.microsoft.com/troubleshoot/sql/database-engine/replication/update-statements-replicated-as-delete-insert-pairs>).

use super::row_functions::{self, MASK_CHUNK};
use crate::engine::encode::sqlite_type;
use crate::engine::quoting::quote;
use crate::types::{Length, SqlType};
use rusqlite::Connection;

/// A column of a change table.
#[derive(Debug, Clone, PartialEq)]
pub struct CapturedColumn {
    /// Its name in the change table, which stays when the source's column goes.
    pub name: String,
    /// Its type.
    pub ty: SqlType,
    /// Its collation.
    pub collation: Option<String>,
    /// A column of the source that is stored there; `None` for a computed or a dropped one, which are always NULL.
    pub source: Option<String>,
}

impl CapturedColumn {
    /// The type of a source column in the change table: a `rowversion` there is any eight bytes.
    pub fn type_of(source: &SqlType) -> SqlType {
        if *source == SqlType::RowVersion { SqlType::Binary(8) } else { *source }
    }

    /// Of the deprecated large types, whose old values are never captured.
    fn is_text(&self) -> bool {
        matches!(self.ty, SqlType::Text | SqlType::NText | SqlType::Image)
    }

    /// Bytes of a code unit of its text, 0 for bytes.
    fn units_in_bytes(&self) -> u8 {
        match self.ty {
            SqlType::NVarChar(_) | SqlType::NText | SqlType::Xml => 2,
            SqlType::VarChar(_) | SqlType::Text | SqlType::Json => 1,
            _ => 0,
        }
    }

    /// Unchanged values of these types are left out of updates.
    fn is_large(&self) -> bool {
        self.is_text()
            || matches!(
                self.ty,
                SqlType::VarChar(Length::Max)
                    | SqlType::NVarChar(Length::Max)
                    | SqlType::VarBinary(Length::Max)
                    | SqlType::Xml
                    | SqlType::Json
                    | SqlType::Geometry
                    | SqlType::Geography
            )
    }
}

/// What is captured and where it goes.
#[derive(Debug, Clone, PartialEq)]
pub struct Capture {
    /// `object_id` of the change table.
    pub object_id: i32,
    /// SQLite's name of the source table, unquoted.
    pub source: String,
    /// SQLite's name of the change table that clients see, unquoted.
    pub view: String,
    /// Columns by ordinal.
    pub columns: Vec<CapturedColumn>,
    /// Columns of the source's unique and clustered indexes.
    pub moving_columns: Vec<String>,
}

impl Capture {
    fn storage(&self) -> String {
        quote(&format!("$cdc:{}", self.object_id))
    }

    fn trigger(&self, event: &str) -> String {
        quote(&format!("$cdc:{}:{event}", self.object_id))
    }

    fn column_list(&self) -> String {
        let own: String = self.columns.iter().map(|column| format!(", {}", quote(&column.name))).collect();
        format!(r#""__$start_lsn", "__$end_lsn", "__$seqval", "__$operation", "__$update_mask"{own}, "__$command_id""#)
    }

    /// Makes storage, view and triggers.
    pub fn create(&self, connection: &Connection) -> rusqlite::Result<()> {
        let columns: String = self
            .columns
            .iter()
            .map(|column| format!(", {} {}", quote(&column.name), sqlite_type(&column.ty, column.collation.as_deref())))
            .collect();
        connection.execute_batch(&format!(
            r#"CREATE TABLE db.{storage}("__$start_lsn" BLOB NOT NULL, "__$end_lsn" BLOB, "__$seqval" BLOB NOT NULL,
                 "__$operation" INT NOT NULL, "__$update_mask" BLOB{columns}, "__$command_id" INT NOT NULL,
                 PRIMARY KEY ("__$start_lsn", "__$command_id", "__$seqval", "__$operation")) WITHOUT ROWID"#,
            storage = self.storage(),
        ))?;
        self.create_view(connection)?;
        self.create_triggers(connection)
    }

    fn create_view(&self, connection: &Connection) -> rusqlite::Result<()> {
        connection.execute_batch(&format!(
            r#"CREATE VIEW db.{view} AS SELECT {list} FROM {storage}
                 WHERE "__$start_lsn" <= (SELECT captured_lsn FROM "$cdc_state")"#,
            view = quote(&self.view),
            list = self.column_list(),
            storage = self.storage(),
        ))
    }

    /// Gives columns, by their ordinals, the storage of their types, which are others than they were made with; beside the ordinal
    /// stands the value that a row gets.
    pub fn store_anew(&self, changed: &[(usize, String)], connection: &Connection) -> rusqlite::Result<()> {
        let storage = self.storage();
        connection.execute_batch(&format!("DROP VIEW db.{}", quote(&self.view)))?;
        for (ordinal, value) in changed {
            let Some(column) = self.columns.get(*ordinal) else { continue };
            connection.execute_batch(&format!(
                r#"ALTER TABLE db.{storage} ADD COLUMN "$new" {ty};
                   UPDATE db.{storage} SET "$new" = {value};
                   ALTER TABLE db.{storage} DROP COLUMN {name};
                   ALTER TABLE db.{storage} RENAME COLUMN "$new" TO {name}"#,
                ty = sqlite_type(&column.ty, column.collation.as_deref()),
                name = quote(&column.name),
            ))?;
        }
        self.create_view(connection)
    }

    /// Drops everything.
    pub fn drop(object_id: i32, view: &str, connection: &Connection) -> rusqlite::Result<()> {
        Self::drop_triggers(object_id, connection)?;
        connection.execute_batch(&format!(
            "DROP VIEW IF EXISTS db.{}; DROP TABLE IF EXISTS db.{}",
            quote(view),
            quote(&format!("$cdc:{object_id}"))
        ))
    }

    /// Makes the triggers anew, after the source table changed.
    pub fn renew_triggers(&self, connection: &Connection) -> rusqlite::Result<()> {
        Self::drop_triggers(self.object_id, connection)?;
        self.create_triggers(connection)
    }

    /// Drops the triggers alone.
    pub fn drop_triggers(object_id: i32, connection: &Connection) -> rusqlite::Result<()> {
        for event in ["i", "d", "u", "k"] {
            let name = quote(&format!("$cdc:{object_id}:{event}"));
            connection.execute_batch(&format!("DROP TRIGGER IF EXISTS db.{name}"))?;
        }
        Ok(())
    }

    fn create_triggers(&self, connection: &Connection) -> rusqlite::Result<()> {
        let source = quote(&self.source);
        let full = self.full_mask();
        let insert = self.row("sandbox_cdc_next()", 2, &full, Image::Inserted);
        let delete = self.row("sandbox_cdc_next()", 1, &full, Image::Deleted);
        connection.execute_batch(&format!(
            "CREATE TRIGGER db.{} AFTER INSERT ON {source} BEGIN {insert} END;
             CREATE TRIGGER db.{} AFTER DELETE ON {source} BEGIN {delete} END;",
            self.trigger("i"),
            self.trigger("d"),
        ))?;
        let Some(changed) = any(self.columns.iter().filter_map(|column| column.source.as_deref())) else {
            return Ok(());
        };
        let mask = self.changed_mask();
        let before = self.row("sandbox_cdc_next()", 3, &mask, Image::Before);
        let after = self.row("sandbox_cdc_same()", 4, &mask, Image::After);
        let moved = any(self.moving_columns.iter().map(String::as_str));
        let in_place = moved.as_ref().map_or(changed.clone(), |moved| format!("({changed}) AND NOT ({moved})"));
        connection.execute_batch(&format!(
            "CREATE TRIGGER db.{} AFTER UPDATE ON {source} WHEN {in_place} BEGIN {before} {after} END;",
            self.trigger("u"),
        ))?;
        if let Some(moved) = moved {
            let arrived = self.row("sandbox_cdc_moved()", 2, &full, Image::Inserted);
            connection.execute_batch(&format!(
                "CREATE TRIGGER db.{} AFTER UPDATE ON {source} WHEN {moved} BEGIN {delete} {arrived} END;",
                self.trigger("k"),
            ))?;
        }
        Ok(())
    }

    fn row(&self, seqval: &str, operation: u8, mask: &str, image: Image) -> String {
        let values: String = self.columns.iter().map(|column| format!(", {}", value(column, image))).collect();
        format!(
            "INSERT INTO {}({}) VALUES (sandbox_cdc_lsn(), NULL, {seqval}, {operation}, {mask}{values}, sandbox_cdc_command());",
            self.storage(),
            self.column_list(),
        )
    }

    fn mask_length(&self) -> usize {
        self.columns.len().div_ceil(8)
    }

    /// Every bit set, as for inserts and deletes.
    fn full_mask(&self) -> String {
        let mut bytes = vec![0xff_u8; self.mask_length()];
        let used = self.columns.len() % 8;
        if used > 0 {
            bytes[0] = (1 << used) - 1;
        }
        let hex: String = bytes.iter().map(|byte| format!("{byte:02X}")).collect();
        format!("x'{hex}'")
    }

    /// The bits of the columns that an update changed.
    fn changed_mask(&self) -> String {
        let chunks: Vec<String> = self
            .columns
            .chunks(MASK_CHUNK)
            .map(|columns| {
                let bits: Vec<String> = columns
                    .iter()
                    .enumerate()
                    .filter_map(|(n, column)| {
                        column.source.as_deref().map(|name| format!("({}) * {}", differs(name), 1_u64 << n))
                    })
                    .collect();
                if bits.is_empty() { "0".to_owned() } else { bits.join(" + ") }
            })
            .collect();
        format!("sandbox_cdc_mask({}, {})", self.mask_length(), chunks.join(", "))
    }
}

/// Which image of a row.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Image {
    Inserted,
    Deleted,
    Before,
    After,
}

impl Image {
    /// The row that a trigger has for it.
    fn side(self) -> &'static str {
        match self {
            Self::Inserted | Self::After => "NEW",
            Self::Deleted | Self::Before => "OLD",
        }
    }

    fn is_of_update(self) -> bool {
        matches!(self, Self::Before | Self::After)
    }
}

fn value(column: &CapturedColumn, image: Image) -> String {
    let side = image.side();
    match &column.source {
        None => "NULL".to_owned(),
        Some(_) if side == "OLD" && column.is_text() => "NULL".to_owned(),
        Some(name) if image.is_of_update() && column.is_large() => {
            format!("CASE WHEN {} THEN {} END", differs(name), large(column, name, side))
        }
        Some(name) if column.is_large() && side == "NEW" => large(column, name, side),
        Some(name) => format!("{side}.{}", quote(name)),
    }
}

/// A large value, which the server's configuration may limit.
fn large(column: &CapturedColumn, name: &str, side: &str) -> String {
    let name = quote(name);
    if side == "OLD" {
        return format!("{side}.{name}");
    }
    format!("{}({side}.{name}, {})", row_functions::LARGE, column.units_in_bytes())
}

/// Whether a column's bytes changed: the collation that calls `a` and `A` equal does not count.
fn differs(column: &str) -> String {
    let name = quote(column);
    format!("OLD.{name} COLLATE BINARY IS NOT NEW.{name}")
}

fn any<'a>(columns: impl Iterator<Item = &'a str>) -> Option<String> {
    let conditions: Vec<String> = columns.map(differs).collect();
    if conditions.is_empty() { None } else { Some(conditions.join(" OR ")) }
}

#[cfg(test)]
mod tests;
