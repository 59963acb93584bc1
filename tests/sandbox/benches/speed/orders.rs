//! The table that is loaded and read: six columns of ordinary types, some 80 bytes a row.

use rusqlite::{CachedStatement, Connection};
use sandbox::session::ColumnMeta;
use sandbox::types::{Datum, Length, SqlType};

/// T-SQL of the table.
pub fn create(name: &str) -> String {
    format!(
        "CREATE TABLE {name} (id int NOT NULL PRIMARY KEY, customer int NOT NULL, name nvarchar(40) NOT NULL, \
         amount decimal(18,2) NOT NULL, placed datetime2(3) NOT NULL, note varchar(60) NULL)"
    )
}

/// What a bulk load of it announces.
pub fn insert_bulk(name: &str) -> String {
    format!(
        "INSERT BULK {name} ([id] int, [customer] int, [name] nvarchar(40), [amount] decimal(18,2), [placed] datetime2(3), \
         [note] varchar(60))"
    )
}

/// Its columns.
pub fn columns() -> Vec<ColumnMeta> {
    let column =
        |name: &str, ty, nullable| ColumnMeta { name: name.to_owned(), ty, nullable, identity: false, computed: false };
    vec![
        column("id", SqlType::Int, false),
        column("customer", SqlType::Int, false),
        column("name", SqlType::NVarChar(Length::N(40)), false),
        column("amount", SqlType::Decimal { precision: 18, scale: 2 }, false),
        column("placed", SqlType::DateTime2(3), false),
        column("note", SqlType::VarChar(Length::N(60)), true),
    ]
}

/// 100 ns units in a millisecond.
const MILLISECOND: u64 = 10_000;

/// A row of it.
pub fn row(id: i32) -> Vec<Datum> {
    let note = if id % 4 == 0 { Datum::Null } else { Datum::String(format!("as agreed on the telephone, case {id}")) };
    vec![
        Datum::Int(id),
        Datum::Int(id % 977),
        Datum::String(format!("Ordering customer {}", id % 977)),
        Datum::Decimal { unscaled: i128::from(id) * 37, scale: 2 },
        Datum::DateTime2 { days: 738_000 + id % 365, ticks: u64::from(id.unsigned_abs()) * MILLISECOND },
        note,
    ]
}

/// The same table in bare SQLite, as somebody who knows SQLite would write it.
pub fn create_bare(db: &Connection) {
    db.execute_batch(
        "DROP TABLE IF EXISTS orders;
         CREATE TABLE orders(id INTEGER PRIMARY KEY, customer INTEGER NOT NULL, name TEXT NOT NULL, amount INTEGER NOT NULL,
            placed INTEGER NOT NULL, note TEXT)",
    )
    .expect("SQLite makes a table");
}

/// Statement that inserts into it.
pub fn insert_bare(db: &Connection) -> CachedStatement<'_> {
    db.prepare_cached("INSERT INTO orders VALUES (?1, ?2, ?3, ?4, ?5, ?6)").expect("SQLite prepares")
}

/// Inserts rows into it, in one transaction.
pub fn fill_bare(db: &Connection, rows: &[Vec<Datum>]) {
    db.execute_batch("BEGIN").expect("SQLite begins");
    let mut insert = insert_bare(db);
    for row in rows {
        for (index, value) in row.iter().enumerate() {
            let bound = match value {
                Datum::Int(value) => insert.raw_bind_parameter(index + 1, value),
                Datum::String(value) => insert.raw_bind_parameter(index + 1, value.as_str()),
                Datum::Decimal { unscaled, .. } => insert.raw_bind_parameter(index + 1, *unscaled as i64),
                Datum::DateTime2 { days, ticks } => {
                    insert.raw_bind_parameter(index + 1, i64::from(*days) * 864_000_000_000 + *ticks as i64)
                }
                _ => insert.raw_bind_parameter(index + 1, rusqlite::types::Null),
            };
            bound.expect("SQLite binds");
        }
        insert.raw_execute().expect("SQLite inserts");
    }
    drop(insert);
    db.execute_batch("COMMIT").expect("SQLite commits");
}

/// A tiberius row of it.
pub fn token_row(row: &[Datum]) -> tiberius::TokenRow<'static> {
    use tiberius::ColumnData;
    let mut tokens = tiberius::TokenRow::new();
    for value in row {
        tokens.push(match value {
            Datum::Int(value) => ColumnData::I32(Some(*value)),
            Datum::String(value) => ColumnData::String(Some(value.clone().into())),
            Datum::Decimal { unscaled, scale } => {
                ColumnData::Numeric(Some(tiberius::numeric::Numeric::new_with_scale(*unscaled, *scale)))
            }
            Datum::DateTime2 { days, ticks } => ColumnData::DateTime2(Some(tiberius::time::DateTime2::new(
                tiberius::time::Date::new(days.unsigned_abs()),
                tiberius::time::Time::new(ticks / MILLISECOND, 3),
            ))),
            _ => ColumnData::String(None),
        });
    }
    tokens
}
