//! Statements that find their row by a key do as much work in a large table as in a small one: counted in instructions of SQLite's
//! machine over the whole connection, so that neither a scan nor a catalog that is read for each statement stays unseen.

use super::recorder::{Client, TestServer, int_param};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

const SMALL: i32 = 1_000;
const LARGE: i32 = 50_000;

/// Makes a table `t_<rows>` with a key, an indexed text and a plain column.
fn table(client: &mut Client, rows: i32) {
    client.ok(&format!(
        "CREATE TABLE t_{rows} (id int NOT NULL PRIMARY KEY, name nvarchar(20) NOT NULL, v int NOT NULL);
         CREATE INDEX by_name ON t_{rows}(name);
         DECLARE @n int = 1; INSERT INTO t_{rows} VALUES (0, N'name 0', 0);
         WHILE @n < {rows} BEGIN
            INSERT INTO t_{rows} SELECT id + @n, CONCAT(N'name ', id + @n), id + @n FROM t_{rows} WHERE id + @n < {rows};
            SET @n = @n * 2;
         END"
    ));
    assert_eq!(client.value(&format!("SELECT COUNT(*) FROM t_{rows}")), rows.to_string());
}

/// Instructions that a statement takes, once it is compiled.
fn work(client: &mut Client, sql: &str, key: i32) -> u64 {
    let counted = Arc::new(AtomicU64::new(0));
    let run = |client: &mut Client, key| {
        let (recorder, _) = client.execute(sql, "@id int", vec![int_param("@id", key)]);
        assert_eq!((recorder.errors(), recorder.done), (vec![], vec![Some(1)]), "{sql}");
    };
    run(client, key);
    let counter = Arc::clone(&counted);
    let count = move || {
        counter.fetch_add(1, Ordering::Relaxed);
        false
    };
    client.session.connection.progress_handler(1, Some(count)).unwrap();
    run(client, key + 1);
    client.session.connection.progress_handler(0, None::<fn() -> bool>).unwrap();
    counted.load(Ordering::Relaxed)
}

/// A statement's work in the small table and in the large one, at the middle of each.
fn both(client: &mut Client, sql: &str) -> (u64, u64) {
    let mut at = |rows: i32| work(client, &sql.replace("{t}", &format!("t_{rows}")), rows / 2);
    (at(SMALL), at(LARGE))
}

#[test]
fn a_row_that_is_found_by_its_key_costs_the_same_in_a_table_of_any_size() {
    let server = TestServer::new();
    let mut client = server.shop();
    table(&mut client, SMALL);
    table(&mut client, LARGE);
    for sql in [
        "UPDATE {t} SET v = v + 1 WHERE id = @id",
        "UPDATE {t} SET v = v + 1 WHERE name = CONCAT(N'name ', @id)",
        "UPDATE {t} SET v = s.v + 1 FROM {t} JOIN (VALUES (@id, 5)) AS s(id, v) ON s.id = {t}.id",
        "SELECT v FROM {t} WHERE id = @id",
        "INSERT INTO {t} VALUES (@id + 1000000, N'new', 0)",
        "DELETE FROM {t} WHERE id = @id",
    ] {
        let (small, large) = both(&mut client, sql);
        // What a statement does about its transaction may differ by a few.
        assert!(small > 0 && large <= small + 10, "{sql}: {small} instructions, then {large}");
    }
    let (small, large) = both(&mut client, "SELECT COUNT(*) FROM {t} WHERE v = @id");
    assert!(large > 10 * small, "a scan shows: {small} instructions, then {large}");
}

#[test]
fn a_change_that_is_captured_costs_the_same_in_a_table_of_any_size() {
    let server = TestServer::new();
    let mut client = server.shop();
    client.ok("EXEC sys.sp_cdc_enable_db");
    for rows in [SMALL, LARGE] {
        table(&mut client, rows);
        client.ok(&format!("EXEC sys.sp_cdc_enable_table N'dbo', N't_{rows}', @role_name = NULL"));
    }
    client.ok("EXEC sys.sp_cdc_stop_job");
    let (small, large) = both(&mut client, "UPDATE {t} SET v = v + 1 WHERE id = @id");
    assert!(small > 0 && large <= small + 10, "{small} instructions, then {large}");
}
