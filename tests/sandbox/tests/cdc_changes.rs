//! Change data capture: which rows a change makes in the change tables, in which order, and which changes make none.
#![allow(clippy::unwrap_used)]

mod capture;
mod server;

use capture::{captured, changes, enable, enable_table, wait_for_capture};
use server::{error, exec, start, text};

#[tokio::test]
async fn inserts_updates_and_deletes_have_their_operations_and_masks() {
    let server = start().await;
    let mut db = server.shop().await;
    enable(&mut db).await;
    exec(&mut db, "CREATE TABLE t (id int NOT NULL PRIMARY KEY, name nvarchar(20) NULL, price decimal(9, 2) NOT NULL)")
        .await;
    enable_table(&mut db, "t").await;
    exec(&mut db, "INSERT INTO t VALUES (1, N'one', 1.50)").await;
    exec(&mut db, "UPDATE t SET price = 2.50").await;
    exec(&mut db, "UPDATE t SET name = N'ONE', price = 2.50").await;
    exec(&mut db, "UPDATE t SET name = N'ONE'").await;
    exec(&mut db, "DELETE FROM t").await;
    wait_for_capture(&mut db).await;
    assert_eq!(
        changes(&mut db, "t", "id, name, price").await,
        [
            "2 07 1|one|1.50",
            "3 04 1|one|1.50",
            "4 04 1|one|2.50",
            "3 02 1|one|2.50",
            "4 02 1|ONE|2.50",
            "1 07 1|ONE|2.50"
        ]
    );
    assert_eq!(
        text(
            &mut db,
            "SELECT sys.fn_cdc_is_bit_set(sys.fn_cdc_get_column_ordinal('dbo_t', 'price'), __$update_mask), \
            sys.fn_cdc_has_column_changed('dbo_t', 'name', __$update_mask) FROM cdc.dbo_t_CT WHERE __$operation = 4 \
            ORDER BY __$start_lsn"
        )
        .await,
        "1|0;0|1"
    );
}

#[tokio::test]
async fn all_changes_of_a_transaction_over_several_tables_share_one_lsn_in_statement_order() {
    let server = start().await;
    let mut db = server.shop().await;
    enable(&mut db).await;
    exec(&mut db, "CREATE TABLE a (id int NOT NULL PRIMARY KEY, v int NOT NULL)").await;
    exec(&mut db, "CREATE TABLE b (id int NOT NULL PRIMARY KEY, v int NOT NULL)").await;
    enable_table(&mut db, "a").await;
    enable_table(&mut db, "b").await;
    exec(
        &mut db,
        "BEGIN TRANSACTION; INSERT INTO a VALUES (1, 1), (2, 2); INSERT INTO b VALUES (1, 1); UPDATE a SET v = v + 1; \
         DELETE FROM b; COMMIT; INSERT INTO b VALUES (2, 2)",
    )
    .await;
    wait_for_capture(&mut db).await;
    assert_eq!(
        text(
            &mut db,
            "SELECT t, c, o, id FROM ( \
                SELECT __$start_lsn l, __$command_id c, __$seqval s, __$operation o, id, 'a' t FROM cdc.dbo_a_CT UNION ALL \
                SELECT __$start_lsn, __$command_id, __$seqval, __$operation, id, 'b' FROM cdc.dbo_b_CT) x \
             ORDER BY l, c, s, o"
        )
        .await,
        "a|1|2|1;a|1|2|2;b|2|2|1;a|3|3|1;a|3|4|1;a|3|3|2;a|3|4|2;b|4|1|1;b|1|2|2"
    );
    assert_eq!(
        text(&mut db, "SELECT COUNT(DISTINCT __$start_lsn) FROM cdc.dbo_a_CT").await,
        "1",
        "one transaction, one LSN"
    );
    let times = "SELECT COUNT(*) FROM cdc.lsn_time_mapping m JOIN cdc.dbo_b_CT c ON c.__$start_lsn = m.start_lsn \
        WHERE m.tran_id <> 0x00 AND m.tran_begin_time <= m.tran_end_time AND m.tran_begin_lsn < m.start_lsn";
    assert_eq!(text(&mut db, times).await, "3");
}

#[tokio::test]
async fn what_is_rolled_back_is_not_captured() {
    let server = start().await;
    let mut db = server.shop().await;
    enable(&mut db).await;
    exec(&mut db, "CREATE TABLE t (id int NOT NULL PRIMARY KEY)").await;
    enable_table(&mut db, "t").await;
    exec(&mut db, "BEGIN TRANSACTION; INSERT INTO t VALUES (1); ROLLBACK").await;
    exec(
        &mut db,
        "BEGIN TRANSACTION; INSERT INTO t VALUES (2); SAVE TRANSACTION s; INSERT INTO t VALUES (3); ROLLBACK TRANSACTION s; \
         INSERT INTO t VALUES (4); COMMIT",
    )
    .await;
    assert_eq!(error(&mut db, "INSERT INTO t VALUES (5), (2)").await, 2627);
    exec(&mut db, "BEGIN TRANSACTION; INSERT INTO t VALUES (6)").await;
    assert_eq!(error(&mut db, "INSERT INTO t VALUES (7), (6)").await, 2627);
    exec(&mut db, "COMMIT").await;
    wait_for_capture(&mut db).await;
    assert_eq!(captured(&mut db, "t", "id").await, ["2 2", "2 4", "2 6"]);
}

#[tokio::test]
async fn a_key_change_is_a_delete_and_an_insert() {
    let server = start().await;
    let mut db = server.shop().await;
    enable(&mut db).await;
    exec(&mut db, "CREATE TABLE t (id int NOT NULL PRIMARY KEY, code int NOT NULL, v int NOT NULL)").await;
    enable_table(&mut db, "t").await;
    exec(&mut db, "CREATE UNIQUE INDEX codes ON t (code)").await;
    exec(&mut db, "INSERT INTO t VALUES (1, 10, 5)").await;
    exec(&mut db, "UPDATE t SET id = 2").await;
    exec(&mut db, "UPDATE t SET code = 11").await;
    exec(&mut db, "DROP INDEX codes ON t").await;
    exec(&mut db, "UPDATE t SET code = 12").await;
    wait_for_capture(&mut db).await;
    assert_eq!(
        changes(&mut db, "t", "id, code, v").await,
        ["2 07 1|10|5", "1 07 1|10|5", "2 07 2|10|5", "1 07 2|10|5", "2 07 2|11|5", "3 02 2|11|5", "4 02 2|12|5"]
    );
}

#[tokio::test]
async fn keys_that_move_through_each_other_are_deletes_then_inserts_of_one_command() {
    let server = start().await;
    let mut db = server.shop().await;
    enable(&mut db).await;
    exec(&mut db, "CREATE TABLE t (id int NOT NULL PRIMARY KEY, v int NOT NULL)").await;
    enable_table(&mut db, "t").await;
    exec(&mut db, "INSERT INTO t VALUES (1, 10), (2, 20), (3, 30)").await;
    exec(
        &mut db,
        "BEGIN TRANSACTION; UPDATE t SET v = v + 1 WHERE id = 3; \
         UPDATE t SET id = CASE id WHEN 1 THEN 2 WHEN 2 THEN 1 ELSE id END, v = v + 5; UPDATE t SET v = 0 WHERE id = 3; COMMIT",
    )
    .await;
    wait_for_capture(&mut db).await;
    assert_eq!(
        changes(&mut db, "t", "id, v, __$command_id").await[3..],
        [
            "3 02 3|30|1",
            "4 02 3|31|1",
            "1 03 1|10|2",
            "1 03 2|20|2",
            "3 02 3|31|2",
            "4 02 3|36|2",
            "2 03 2|15|2",
            "2 03 1|25|2",
            "3 02 3|36|3",
            "4 02 3|0|3"
        ]
    );
    assert_eq!(text(&mut db, "SELECT id, v FROM t ORDER BY id").await, "1|25;2|15;3|0");
}

#[tokio::test]
async fn captured_rows_that_change_places_in_a_filtered_index_are_refused() {
    let server = start().await;
    let mut db = server.shop().await;
    enable(&mut db).await;
    exec(&mut db, "CREATE TABLE t (id int NOT NULL PRIMARY KEY, code int NOT NULL, live bit NOT NULL)").await;
    exec(&mut db, "CREATE UNIQUE INDEX live_codes ON t (code) WHERE live = 1").await;
    exec(&mut db, "INSERT INTO t VALUES (1, 7, 0), (2, 7, 1)").await;
    exec(&mut db, "UPDATE t SET live = 1 - live").await;
    enable_table(&mut db, "t").await;
    assert_eq!(error(&mut db, "UPDATE t SET live = 1 - live; UPDATE t SET live = 1 - live").await, 50_000);
    wait_for_capture(&mut db).await;
    let changed = "SELECT COUNT(DISTINCT __$start_lsn) FROM cdc.dbo_t_CT WHERE __$operation IN (1, 2)";
    assert_eq!(text(&mut db, changed).await, "0", "no key changed");
}

#[tokio::test]
async fn bulk_loads_cascades_and_merged_statements_are_captured() {
    let server = start().await;
    let mut db = server.shop().await;
    enable(&mut db).await;
    exec(&mut db, "CREATE TABLE p (id int NOT NULL PRIMARY KEY)").await;
    exec(&mut db, "CREATE TABLE c (id int NOT NULL PRIMARY KEY, p int NOT NULL REFERENCES p (id) ON DELETE CASCADE)")
        .await;
    enable_table(&mut db, "p").await;
    enable_table(&mut db, "c").await;
    let mut load = db.bulk_insert("p").await.unwrap();
    for id in 0..1000 {
        let mut row = tiberius::TokenRow::new();
        row.push(tiberius::ColumnData::I32(Some(id)));
        load.send(row).await.unwrap();
    }
    load.finalize().await.unwrap();
    exec(&mut db, "INSERT INTO c SELECT id + 5000, id FROM p WHERE id < 3").await;
    exec(&mut db, "DELETE p FROM p JOIN (VALUES (0), (2)) AS v (id) ON v.id = p.id").await;
    wait_for_capture(&mut db).await;
    assert_eq!(
        text(
            &mut db,
            "SELECT __$operation, COUNT(*), COUNT(DISTINCT __$start_lsn), COUNT(DISTINCT __$seqval) \
            FROM cdc.dbo_p_CT GROUP BY __$operation ORDER BY 1"
        )
        .await,
        "1|2|1|2;2|1000|1|1000"
    );
    assert_eq!(captured(&mut db, "c", "id").await, ["2 5000", "2 5001", "2 5002", "1 5000", "1 5002"]);
    let together = "SELECT COUNT(*) FROM cdc.dbo_p_CT p JOIN cdc.dbo_c_CT c ON c.__$start_lsn = p.__$start_lsn \
        AND c.p = p.id WHERE p.__$operation = 1 AND c.__$operation = 1";
    assert_eq!(text(&mut db, together).await, "2", "a cascade belongs to the transaction that caused it");
}

#[tokio::test]
async fn large_values_show_in_an_update_only_if_they_changed_and_computed_columns_never() {
    let server = start().await;
    let mut db = server.shop().await;
    enable(&mut db).await;
    exec(
        &mut db,
        "CREATE TABLE t (id int NOT NULL PRIMARY KEY, v int NOT NULL, note nvarchar(max) NULL, twice AS v * 2)",
    )
    .await;
    enable_table(&mut db, "t").await;
    exec(&mut db, "INSERT INTO t (id, v, note) VALUES (1, 1, N'long')").await;
    exec(&mut db, "UPDATE t SET v = 2").await;
    exec(&mut db, "UPDATE t SET note = N'longer'").await;
    exec(&mut db, "DELETE FROM t").await;
    wait_for_capture(&mut db).await;
    assert_eq!(
        changes(&mut db, "t", "id, v, note, twice").await,
        [
            "2 0F 1|1|long|NULL",
            "3 02 1|1|NULL|NULL",
            "4 02 1|2|NULL|NULL",
            "3 04 1|2|long|NULL",
            "4 04 1|2|longer|NULL",
            "1 0F 1|2|longer|NULL"
        ]
    );
}

#[tokio::test]
async fn every_type_is_captured_with_the_value_that_was_written() {
    let server = start().await;
    let mut db = server.shop().await;
    enable(&mut db).await;
    let columns = "a bit, b tinyint, c smallint, d bigint, e decimal(38, 10), f money, g float, h real, i char(5), j varchar(10), \
        k nchar(5), l binary(4), m varbinary(8), n date, o time(3), p datetime, q datetime2(7), r datetimeoffset(2), \
        s uniqueidentifier, u smalldatetime, w smallmoney";
    exec(&mut db, &format!("CREATE TABLE t (id int NOT NULL PRIMARY KEY, {columns})")).await;
    enable_table(&mut db, "t").await;
    exec(
        &mut db,
        "INSERT INTO t VALUES (1, 1, 255, -5, 9000000000, 12345678901234567890.0123456789, $12.3456, 1.5, 0.25, 'ab', 'cd', \
            N'ef', 0x0102, 0x03, '2024-02-29', '12:34:56.789', '2024-02-29T01:02:03.997', '2024-02-29T01:02:03.1234567', \
            '2024-02-29T01:02:03.12+02:00', '6F9619FF-8B86-D011-B42D-00C04FC964FF', '2024-02-29T01:02:00', -1.5)",
    )
    .await;
    wait_for_capture(&mut db).await;
    let list = "id, a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, u, w";
    let source = text(&mut db, &format!("SELECT {list} FROM t")).await;
    let change = text(&mut db, &format!("SELECT {list} FROM cdc.dbo_t_CT")).await;
    assert_eq!(source, change);
}

#[tokio::test]
async fn every_action_of_a_merge_and_every_staged_change_is_captured() {
    let server = start().await;
    let mut db = server.shop().await;
    enable(&mut db).await;
    exec(&mut db, "CREATE TABLE t (id int NOT NULL PRIMARY KEY, v int NOT NULL)").await;
    exec(&mut db, "INSERT INTO t VALUES (1, 1), (2, 2), (3, 3)").await;
    enable_table(&mut db, "t").await;
    exec(
        &mut db,
        "MERGE t USING (VALUES (2, 20), (4, 40)) AS s (id, v) ON s.id = t.id WHEN MATCHED THEN UPDATE SET v = s.v \
         WHEN NOT MATCHED THEN INSERT (id, v) VALUES (s.id, s.v) WHEN NOT MATCHED BY SOURCE AND t.id = 3 THEN DELETE;",
    )
    .await;
    exec(&mut db, "UPDATE t SET v = 11 OUTPUT deleted.v WHERE id = 1").await;
    exec(&mut db, "WITH c AS (SELECT TOP (1) * FROM t ORDER BY id DESC) DELETE FROM c").await;
    wait_for_capture(&mut db).await;
    let merged = captured(&mut db, "t", "id, v").await;
    let (merge, rest) = merged.split_at(4);
    let mut merge = merge.to_vec();
    merge.sort();
    assert_eq!(merge, ["1 3|3", "2 4|40", "3 2|2", "4 2|20"]);
    assert_eq!(rest, ["3 1|1", "4 1|11", "1 4|40"]);
}
