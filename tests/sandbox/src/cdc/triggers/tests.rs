#![allow(clippy::unwrap_used)]

use super::super::row_functions::{self, Recording};
use super::super::{lsn::Lsn, store};
use super::*;
use std::sync::Arc;

/// A row of a change table: operation, mask, values, command.
type Row = (i64, String, Vec<Option<String>>, i64);

struct Fixture {
    connection: Connection,
    recording: Arc<Recording>,
    transaction: u64,
}

impl Fixture {
    fn new(table: &str, columns: &[(&str, SqlType, bool)], unique: &[&str]) -> Self {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch("ATTACH ':memory:' AS db; PRAGMA foreign_keys = ON").unwrap();
        connection
            .create_collation("SQL_Latin1_General_CP1_CI_AS", |a: &str, b: &str| {
                a.to_lowercase().cmp(&b.to_lowercase())
            })
            .unwrap();
        store::create(&connection).unwrap();
        let recording = Arc::new(Recording::default());
        row_functions::register(&connection, &recording).unwrap();
        row_functions::register_large(&connection, |_| Ok(())).unwrap();
        connection.execute_batch(table).unwrap();
        let columns = columns
            .iter()
            .map(|(name, ty, stored)| CapturedColumn {
                name: (*name).to_owned(),
                ty: *ty,
                collation: None,
                source: stored.then(|| (*name).to_owned()),
            })
            .collect();
        let moving_columns = unique.iter().map(|name| (*name).to_owned()).collect();
        let capture = Capture {
            object_id: 7,
            source: "dbo.t".to_owned(),
            view: "cdc.dbo_t_CT".to_owned(),
            columns,
            moving_columns,
        };
        capture.create(&connection).unwrap();
        Self { connection, recording, transaction: 0x2000 }
    }

    fn commit(&mut self, statements: &[&str]) {
        self.connection.execute_batch("BEGIN").unwrap();
        self.recording.begin(self.transaction, 0);
        for statement in statements {
            self.recording.next_command();
            self.connection.execute_batch(statement).unwrap();
        }
        if let Some(logged) = self.recording.logged() {
            store::log_transaction(&self.connection, &logged, false).unwrap();
            self.transaction += 1;
        }
        self.connection.execute_batch("COMMIT").unwrap();
    }

    fn capture(&self) {
        store::capture(&self.connection, store::progress(&self.connection).unwrap().captured, 1000).unwrap();
    }

    fn rows(&self, columns: &str) -> Vec<Row> {
        let count = columns.split(',').count();
        let sql = format!(
            r#"SELECT "__$operation", hex("__$update_mask"), "__$command_id", {columns} FROM db."cdc.dbo_t_CT"
               ORDER BY "__$start_lsn", "__$command_id", "__$seqval", "__$operation""#
        );
        let mut statement = self.connection.prepare(&sql).unwrap();
        let rows = statement.query_map([], |row| {
            let values = (0..count).map(|n| row.get::<_, Option<String>>(3 + n)).collect::<Result<Vec<_>, _>>()?;
            Ok((row.get(0)?, row.get(1)?, values, row.get(2)?))
        });
        rows.unwrap().map(Result::unwrap).collect()
    }
}

fn text(values: &[&str]) -> Vec<Option<String>> {
    values.iter().map(|value| if *value == "-" { None } else { Some((*value).to_owned()) }).collect()
}

const PLAIN: &str =
    r#"CREATE TABLE db."dbo.t"(k INTEGER PRIMARY KEY, a TEXT COLLATE SQL_Latin1_General_CP1_CI_AS, b INT)"#;

fn plain() -> Fixture {
    let columns = [("k", SqlType::Int, true), ("a", SqlType::NVarChar(Length::N(50)), true), ("b", SqlType::Int, true)];
    Fixture::new(PLAIN, &columns, &["k"])
}

const SHOWN: &str = "CAST(k AS TEXT), a, CAST(b AS TEXT)";

#[test]
fn each_operation_has_its_rows_and_its_mask() {
    let mut fixture = plain();
    fixture.commit(&[
        r#"INSERT INTO db."dbo.t" VALUES (1, 'x', 10)"#,
        r#"UPDATE db."dbo.t" SET b = 11"#,
        r#"UPDATE db."dbo.t" SET a = 'X'"#,
        r#"UPDATE db."dbo.t" SET a = 'X'"#,
        r#"DELETE FROM db."dbo.t""#,
    ]);
    assert!(fixture.rows(SHOWN).is_empty(), "nothing shows before it is captured");
    fixture.capture();
    assert_eq!(
        fixture.rows(SHOWN),
        [
            (2, "07".to_owned(), text(&["1", "x", "10"]), 1),
            (3, "04".to_owned(), text(&["1", "x", "10"]), 2),
            (4, "04".to_owned(), text(&["1", "x", "11"]), 2),
            (3, "02".to_owned(), text(&["1", "x", "11"]), 3),
            (4, "02".to_owned(), text(&["1", "X", "11"]), 3),
            (1, "07".to_owned(), text(&["1", "X", "11"]), 5),
        ]
    );
}

#[test]
fn a_key_change_is_a_delete_and_an_insert_with_all_deletes_of_the_statement_first() {
    let mut fixture = plain();
    fixture.commit(&[r#"INSERT INTO db."dbo.t" VALUES (2, 'x', 1), (1, 'y', 2)"#]);
    fixture.commit(&[r#"UPDATE db."dbo.t" SET k = CASE k WHEN 1 THEN 3 ELSE 4 END"#]);
    fixture.capture();
    let rows = fixture.rows(SHOWN);
    let operations: Vec<i64> = rows[2..].iter().map(|row| row.0).collect();
    assert_eq!(operations, [1, 1, 2, 2]);
    assert_eq!(rows[2].2, text(&["1", "y", "2"]));
    assert_eq!(rows[4].2, text(&["3", "y", "2"]));
}

#[test]
fn a_rolled_back_savepoint_leaves_no_rows() {
    let mut fixture = plain();
    fixture.commit(&[
        r#"INSERT INTO db."dbo.t" VALUES (1, 'x', 1)"#,
        r#"SAVEPOINT s; INSERT INTO db."dbo.t" VALUES (2, 'x', 1); ROLLBACK TO s"#,
        r#"INSERT INTO db."dbo.t" VALUES (3, 'x', 1)"#,
    ]);
    fixture.capture();
    let keys: Vec<_> = fixture.rows(SHOWN).into_iter().map(|row| row.2[0].clone().unwrap()).collect();
    assert_eq!(keys, ["1", "3"]);
}

#[test]
fn unchanged_large_values_and_computed_columns_are_null() {
    let table = r#"CREATE TABLE db."dbo.t"(k INTEGER PRIMARY KEY, a TEXT, b TEXT, c INT AS (k * 2))"#;
    let large = SqlType::NVarChar(Length::Max);
    let columns = [("k", SqlType::Int, true), ("a", large, true), ("b", large, true), ("c", SqlType::Int, false)];
    let mut fixture = Fixture::new(table, &columns, &["k"]);
    fixture.commit(&[
        r#"INSERT INTO db."dbo.t" VALUES (1, 'x', 'y')"#,
        r#"UPDATE db."dbo.t" SET a = 'z'"#,
        r#"DELETE FROM db."dbo.t""#,
    ]);
    fixture.capture();
    assert_eq!(
        fixture.rows("CAST(k AS TEXT), a, b, c"),
        [
            (2, "0F".to_owned(), text(&["1", "x", "y", "-"]), 1),
            (3, "02".to_owned(), text(&["1", "x", "-", "-"]), 2),
            (4, "02".to_owned(), text(&["1", "z", "-", "-"]), 2),
            (1, "0F".to_owned(), text(&["1", "z", "y", "-"]), 3),
        ]
    );
}

#[test]
fn masks_of_wide_tables_have_a_bit_for_each_column() {
    let names: Vec<String> = (1..=100).map(|n| format!("c{n}")).collect();
    let table = format!(r#"CREATE TABLE db."dbo.t"(k INTEGER PRIMARY KEY, {})"#, names.join(", "));
    let mut columns = vec![("k", SqlType::Int, true)];
    columns.extend(names.iter().map(|name| (name.as_str(), SqlType::Int, true)));
    let mut fixture = Fixture::new(&table, &columns, &["k"]);
    fixture.commit(&[r#"INSERT INTO db."dbo.t"(k) VALUES (1)"#, r#"UPDATE db."dbo.t" SET c1 = 1, c60 = 1, c100 = 1"#]);
    fixture.capture();
    let rows = fixture.rows("CAST(c1 AS TEXT)");
    assert_eq!(rows[0].1, "1FFFFFFFFFFFFFFFFFFFFFFFFF");
    // Ordinals 2, 61 and 101, counted from the last byte's lowest bit.
    assert_eq!(rows[1].1, "10000000001000000000000002");
}

#[test]
fn cascading_deletes_are_captured() {
    let mut fixture = Fixture::new(
        r#"CREATE TABLE db."dbo.p"(k INTEGER PRIMARY KEY);
           CREATE TABLE db."dbo.t"(k INTEGER PRIMARY KEY, p INT REFERENCES "dbo.p"(k) ON DELETE CASCADE)"#,
        &[("k", SqlType::Int, true), ("p", SqlType::Int, true)],
        &["k"],
    );
    fixture.commit(&[
        r#"INSERT INTO db."dbo.p" VALUES (1)"#,
        r#"INSERT INTO db."dbo.t" VALUES (5, 1)"#,
        r#"DELETE FROM db."dbo.p""#,
    ]);
    fixture.capture();
    let operations: Vec<i64> = fixture.rows("CAST(k AS TEXT)").iter().map(|row| row.0).collect();
    assert_eq!(operations, [2, 1]);
}

#[test]
fn reading_a_range_of_lsns_uses_the_clustered_order() {
    let fixture = plain();
    let plan: Vec<String> = fixture
        .connection
        .prepare(
            r#"EXPLAIN QUERY PLAN SELECT * FROM db."cdc.dbo_t_CT" WHERE "__$start_lsn" > ?1 AND "__$start_lsn" <= ?2
               ORDER BY "__$start_lsn", "__$command_id", "__$seqval", "__$operation""#,
        )
        .unwrap()
        .query_map([Lsn::ZERO.to_bytes(), Lsn::ZERO.to_bytes()], |row| row.get(3))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    let plan = plan.join("\n");
    assert!(plan.contains("SEARCH $cdc:7 USING PRIMARY KEY"), "{plan}");
    assert!(!plan.contains("TEMP B-TREE"), "{plan}");
}

#[test]
fn transactions_are_numbered_on_after_a_restart_and_after_the_log_was_trimmed() {
    let mut fixture = plain();
    fixture.commit(&[r#"INSERT INTO db."dbo.t" VALUES (1, 'x', 1)"#]);
    fixture.commit(&[r#"INSERT INTO db."dbo.t" VALUES (2, 'x', 1)"#]);
    assert_eq!(store::progress(&fixture.connection).unwrap().next_transaction, 0x2002);
    fixture.capture();
    store::trim_log(&fixture.connection, Lsn::commit(0x2001).next()).unwrap();
    let progress = store::progress(&fixture.connection).unwrap();
    assert_eq!((progress.next_transaction, progress.last), (0x2002, Lsn::ZERO));
    assert_eq!(progress.captured, Lsn::commit(0x2001));
}
