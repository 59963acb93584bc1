//! What arrives at the subscriber is what was committed at the publisher, by whichever kind of statement it is applied.
#![allow(clippy::unwrap_used)]

mod apply;

use apply::{Database, delete, insert, int, lsn, move_key, text, update};
use proto::{Change, Value};

/// Below and above the size from which rows go through a staging table.
const SIZES: [i32; 2] = [3, 3_000];

const ORDERS: [&str; 3] = [
    "CREATE TABLE customers (id int NOT NULL PRIMARY KEY, name nvarchar(40) NOT NULL, code varchar(20) NULL UNIQUE)",
    "CREATE TABLE orders (id int NOT NULL PRIMARY KEY, customer int NOT NULL REFERENCES customers (id), total decimal(10,2) NULL)",
    "CREATE TABLE lines (orderid int NOT NULL REFERENCES orders (id), line int NOT NULL, qty int NULL, PRIMARY KEY (orderid, line))",
];

fn customer(n: i32) -> Change {
    insert([int(n), text(&format!("customer {n}")), text(&format!("c{n}"))])
}

fn order(n: i32, customer: i32) -> Change {
    insert([int(n), int(customer), Value::Decimal { unscaled: 1050, scale: 2 }])
}

#[tokio::test]
async fn rows_of_several_tables_arrive_change_and_go_in_the_order_that_foreign_keys_ask_for() {
    for size in SIZES {
        let database = Database::new(&ORDERS).await;
        let mut applier = database.applier().await;
        let mut changes = Vec::new();
        for n in 0..size {
            changes.push(("customers", customer(n)));
            changes.push(("orders", order(n, n)));
            changes.push(("lines", insert([int(n), int(1), int(5)])));
        }
        applier.batch(&[database.transaction(1, &changes)], lsn(1)).await.unwrap();
        assert_eq!(database.rows("SELECT COUNT(*) FROM lines").await, [[int(size)]]);

        let total = Value::Decimal { unscaled: 7, scale: 2 };
        let mut changes = Vec::new();
        for n in 0..size {
            changes.push(("lines", update([int(n), int(1)], [(2, Value::Null)])));
            changes.push(("orders", update([int(n)], [(2, total.clone())])));
        }
        // Moved to a customer of the same transaction, and the old one deleted.
        changes.push(("customers", customer(size)));
        changes.push(("orders", update([int(0)], [(1, int(size))])));
        changes.push(("customers", delete([int(0)])));
        applier.batch(&[database.transaction(2, &changes)], lsn(2)).await.unwrap();
        assert_eq!(database.rows("SELECT COUNT(*) FROM lines WHERE qty IS NULL").await, [[int(size)]]);
        assert_eq!(
            database.rows("SELECT customer, total FROM orders WHERE id = 0").await,
            [[int(size), total.clone()]]
        );
        assert_eq!(database.rows("SELECT COUNT(*) FROM customers").await, [[int(size)]]);

        let mut changes = Vec::new();
        for n in 0..size {
            changes.push(("lines", delete([int(n), int(1)])));
            changes.push(("orders", delete([int(n)])));
            changes.push(("customers", delete([int(n + 1)])));
        }
        applier.batch(&[database.transaction(3, &changes)], lsn(3)).await.unwrap();
        assert_eq!(database.rows("SELECT COUNT(*) FROM customers").await, [[int(0)]]);
        assert_eq!(database.position().await, lsn(3));
    }
}

#[tokio::test]
async fn unique_values_that_pass_from_row_to_row_arrive() {
    for size in SIZES {
        let database = Database::new(&ORDERS).await;
        let mut applier = database.applier().await;
        let changes: Vec<_> = (0..size).map(|n| ("customers", customer(n))).collect();
        applier.batch(&[database.transaction(1, &changes)], lsn(1)).await.unwrap();
        // Every customer takes the next one's code.
        let mut changes: Vec<_> = (0..size).map(|n| ("customers", delete([int(n)]))).collect();
        let shifted = |n: i32| insert([int(n), text(&format!("customer {n}")), text(&format!("c{}", (n + 1) % size))]);
        changes.extend((0..size).map(|n| ("customers", shifted(n))));
        applier.batch(&[database.transaction(2, &changes)], lsn(2)).await.unwrap();
        assert_eq!(database.rows("SELECT code FROM customers WHERE id = 1").await, [[text("c2")]]);
    }
}

#[tokio::test]
async fn a_row_with_a_new_unique_value_is_changed_under_the_rows_that_refer_to_it() {
    for size in SIZES {
        let database = Database::new(&ORDERS).await;
        let mut applier = database.applier().await;
        let mut changes: Vec<_> = (0..size).map(|n| ("customers", customer(n))).collect();
        changes.extend((0..size).map(|n| ("orders", order(n, n))));
        applier.batch(&[database.transaction(1, &changes)], lsn(1)).await.unwrap();
        let renamed = |n: i32| insert([int(n), text("renamed"), text(&format!("new{n}"))]);
        let changes: Vec<_> =
            (0..size).flat_map(|n| [("customers", delete([int(n)])), ("customers", renamed(n))]).collect();
        applier.batch(&[database.transaction(2, &changes)], lsn(2)).await.unwrap();
        assert_eq!(database.rows("SELECT code FROM customers WHERE id = 1").await, [[text("new1")]]);
        assert_eq!(database.rows("SELECT COUNT(*) FROM orders").await, [[int(size)]]);
    }
}

#[tokio::test]
async fn a_row_whose_key_changes_keeps_what_the_change_does_not_name() {
    for size in SIZES {
        // `own` is the subscriber's; the article has the columns before it.
        let database = Database::new(&[
            "CREATE TABLE t (k varchar(20) NOT NULL, n int NOT NULL, v int NULL, body nvarchar(max) NULL, PRIMARY KEY (k, n))",
        ])
        .await;
        database.rows("ALTER TABLE t ADD own int NOT NULL DEFAULT 7; SELECT 1").await;
        let mut applier = database.applier().await;
        let key = |prefix: &str, n: i32| [text(&format!("{prefix}{n}")), int(n)];
        let row = |n: i32| insert(key("k", n).into_iter().chain([int(n), text(&"long ".repeat(2_000))]));
        let changes: Vec<_> = (0..size).map(|n| ("t", row(n))).collect();
        applier.batch(&[database.transaction(1, &changes)], lsn(1)).await.unwrap();
        database.rows("UPDATE t SET own = n; SELECT 1").await;

        // A new key, in case only for some, with another column for some.
        let changed = |n: i32| if n % 3 == 0 { vec![(2, int(-n))] } else { Vec::new() };
        let prefix = |n: i32| if n % 2 == 0 { "K" } else { "other" };
        let changes: Vec<_> = (0..size).map(|n| ("t", move_key(key("k", n), key(prefix(n), n), changed(n)))).collect();
        applier.batch(&[database.transaction(2, &changes)], lsn(2)).await.unwrap();
        let kept = "SELECT COUNT(*) FROM t WHERE own = n AND v = CASE WHEN n % 3 = 0 THEN -n ELSE n END AND LEN(body) = 9999 \
            AND k COLLATE Latin1_General_BIN2 = CONCAT(CASE WHEN n % 2 = 0 THEN 'K' ELSE 'other' END, n)";
        assert_eq!(database.rows(kept).await, [[int(size)]]);
    }
}

#[tokio::test]
async fn rows_exchange_their_keys_and_take_those_of_rows_that_go() {
    for size in SIZES {
        let database =
            Database::new(&["CREATE TABLE t (id int NOT NULL PRIMARY KEY, v int NOT NULL, w int NULL)"]).await;
        let mut applier = database.applier().await;
        let changes: Vec<_> = (0..size).map(|n| ("t", insert([int(n), int(n), int(0)]))).collect();
        applier.batch(&[database.transaction(1, &changes)], lsn(1)).await.unwrap();
        // All rows one on, by way of a key that nobody has; the last one is the first then, and they differ in what else changed.
        let mut changes = vec![("t", move_key([int(size - 1)], [int(-1)], []))];
        let also = |n: i32| if n % 2 == 0 { vec![(2, int(n))] } else { Vec::new() };
        changes.extend((0..size - 1).rev().map(|n| ("t", move_key([int(n)], [int(n + 1)], also(n)))));
        changes.push(("t", move_key([int(-1)], [int(0)], [])));
        // The row under key 1 goes, and the one under key 2 comes in its place; a new one takes key 2.
        changes.extend([("t", delete([int(1)])), ("t", move_key([int(2)], [int(1)], [(2, int(99))]))]);
        changes.push(("t", insert([int(2), int(-2), int(0)])));
        applier.batch(&[database.transaction(2, &changes)], lsn(2)).await.unwrap();
        let first = "SELECT v, w FROM t WHERE id < 3 ORDER BY id";
        assert_eq!(database.rows(first).await, [[int(size - 1), int(0)], [int(1), int(99)], [int(-2), int(0)]]);
        assert_eq!(database.rows("SELECT COUNT(*) FROM t WHERE id > 2 AND v = id - 1").await, [[int(size - 3)]]);
        assert_eq!(database.rows("SELECT COUNT(*) FROM t").await, [[int(size)]]);
    }
}

#[tokio::test]
async fn unique_values_pass_round_also_where_the_transaction_can_only_be_applied_change_by_change() {
    let database = Database::new(&[
        "CREATE TABLE tags (id int NOT NULL PRIMARY KEY, label nvarchar(10) NOT NULL UNIQUE)",
        "CREATE TABLE tree (id int NOT NULL PRIMARY KEY, parent int NULL REFERENCES tree (id))",
        "CREATE TABLE uses (id int NOT NULL PRIMARY KEY, tag int NOT NULL REFERENCES tags (id))",
    ])
    .await;
    let mut applier = database.applier().await;
    let tag = |id: i32, label: &str| ("tags", insert([int(id), text(label)]));
    let first = [
        tag(1, "x"),
        tag(2, "y"),
        tag(3, "z"),
        ("uses", insert([int(1), int(1)])),
        ("tree", insert([int(1), Value::Null])),
    ];
    applier.batch(&[database.transaction(1, &first)], lsn(1)).await.unwrap();
    let round = [
        ("tags", delete([int(1)])),
        ("tags", delete([int(2)])),
        tag(1, "y"),
        tag(2, "x"),
        // Moved under a row of the same transaction, whereas updates go before inserts within a table.
        ("tree", insert([int(2), Value::Null])),
        ("tree", update([int(1)], [(1, int(2))])),
        ("tree", move_key([int(1)], [int(5)], [])),
    ];
    applier.batch(&[database.transaction(2, &round)], lsn(2)).await.unwrap();
    let labels = database.rows("SELECT label FROM tags ORDER BY id").await;
    assert_eq!(labels, [[text("y")], [text("x")], [text("z")]]);
    assert_eq!(database.rows("SELECT parent FROM tree WHERE id = 5").await, [[int(2)]]);
}

#[tokio::test]
async fn keys_that_differ_only_in_case_are_one_key_where_the_server_says_so() {
    for size in SIZES {
        let database = Database::new(&[
            "CREATE TABLE t (k varchar(20) NOT NULL, n nchar(4) NOT NULL, v int NULL, PRIMARY KEY (k, n))",
        ])
        .await;
        let mut applier = database.applier().await;
        let key = |n: i32, prefix: &str| [text(&format!("{prefix}{n}")), text("ab  ")];
        let row = |n: i32, prefix: &str| insert(key(n, prefix).into_iter().chain([int(n)]));
        let changes: Vec<_> = (0..size).map(|n| ("t", row(n, "k"))).collect();
        applier.batch(&[database.transaction(1, &changes)], lsn(1)).await.unwrap();
        let mut changes = Vec::new();
        for n in 0..size {
            changes.extend([("t", delete(key(n, "k"))), ("t", row(n, "K"))]);
            changes.push(("t", update(key(n, "K"), [(2, int(-n))])));
        }
        applier.batch(&[database.transaction(2, &changes)], lsn(2)).await.unwrap();
        assert_eq!(database.rows("SELECT k, v FROM t WHERE k = 'k1'").await, [[text("K1"), int(-1)]]);
        assert_eq!(database.rows("SELECT COUNT(*) FROM t").await, [[int(size)]]);
    }
}

#[tokio::test]
async fn identity_values_arrive_as_they_are() {
    for size in SIZES {
        let database =
            Database::new(&["CREATE TABLE t (id int IDENTITY(1,1) NOT NULL PRIMARY KEY, v nvarchar(10) NULL)"]).await;
        let mut applier = database.applier().await;
        let changes: Vec<_> = (0..size).map(|n| ("t", insert([int(n * 7 + 3), text("x")]))).collect();
        applier.batch(&[database.transaction(1, &changes)], lsn(1)).await.unwrap();
        assert_eq!(database.rows("SELECT MAX(id) FROM t").await, [[int((size - 1) * 7 + 3)]]);
    }
}

#[tokio::test]
async fn values_of_every_type_arrive_as_they_are() {
    const TABLE: &str = "CREATE TABLE t (id int NOT NULL PRIMARY KEY, a bit NULL, b tinyint NULL, c smallint NULL, d bigint NULL, \
        e decimal(38,10) NULL, f money NULL, g smallmoney NULL, h real NULL, i float NULL, j char(5) NULL, k varchar(20) NULL, \
        l varchar(max) NULL, m nchar(5) NULL, n nvarchar(20) NULL, o nvarchar(max) NULL, p binary(3) NULL, q varbinary(8) NULL, \
        r varbinary(max) NULL, s date NULL, t time(3) NULL, u smalldatetime NULL, v datetime NULL, w datetime2(5) NULL, \
        x datetimeoffset(2) NULL, y uniqueidentifier NULL)";
    let values = [
        Value::Bit(true),
        Value::U8(255),
        Value::I16(-32_768),
        Value::I64(i64::MIN),
        Value::Decimal { unscaled: -1_234_567_890_123_456_789_012_345_678, scale: 10 },
        Value::Decimal { unscaled: i128::from(i64::MAX), scale: 4 },
        Value::Decimal { unscaled: -2_147_483_648, scale: 4 },
        Value::F32(-0.1),
        Value::F64(1e300),
        text("ab   "),
        text("größe"),
        text(&"long ".repeat(3_000)),
        text("ñ    "),
        text("👟 größe"),
        text(&"lang ".repeat(2_000)),
        Value::Bytes(vec![0, 255, 1]),
        Value::Bytes(vec![1, 0]),
        Value::Bytes(vec![7; 9_000]),
        Value::Date(738_000),
        Value::Time(863_999_990_000),
        Value::SmallDateTime { days: 45_000, minutes: 1_439 },
        Value::DateTime { days: -53_690, ticks: 25_919_999 },
        Value::DateTime2 { days: 0, ticks: 100 },
        Value::DateTimeOffset { days: 738_000, ticks: 420_000_000_000, offset: -839 },
        Value::Guid(*b"0123456789abcdef"),
    ];
    let selected = "SELECT id, a, b, c, d, e, CAST(f AS decimal(19,4)), CAST(g AS decimal(19,4)), h, i, j, k, l, m, n, o, p, q, r, \
        s, t, u, v, w, x, y FROM t ORDER BY id";
    let row = |id: i32| -> Vec<Value> { std::iter::once(int(id)).chain(values.iter().cloned()).collect() };
    let nulls =
        |id: i32| -> Vec<Value> { std::iter::once(int(id)).chain(values.iter().map(|_| Value::Null)).collect() };
    for size in [2, 200] {
        let database = Database::new(&[TABLE]).await;
        let mut applier = database.applier().await;
        let changes: Vec<_> =
            (0..size).map(|id| ("t", insert(if id % 2 == 0 { row(id) } else { nulls(id) }))).collect();
        applier.batch(&[database.transaction(1, &changes)], lsn(1)).await.unwrap();
        let expected: Vec<Vec<Value>> = (0..size).map(|id| if id % 2 == 0 { row(id) } else { nulls(id) }).collect();
        assert_eq!(database.rows(selected).await, expected);

        let all = |row: Vec<Value>| (1..).zip(row.into_iter().skip(1)).collect::<Vec<_>>();
        let changes: Vec<_> =
            (0..size).map(|id| ("t", update([int(id)], all(if id % 2 == 0 { nulls(id) } else { row(id) })))).collect();
        applier.batch(&[database.transaction(2, &changes)], lsn(2)).await.unwrap();
        let expected: Vec<Vec<Value>> = (0..size).map(|id| if id % 2 == 1 { row(id) } else { nulls(id) }).collect();
        assert_eq!(database.rows(selected).await, expected);
    }
}

#[tokio::test]
async fn a_transaction_in_pieces_is_seen_only_when_it_ends() {
    let database = Database::new(&ORDERS).await;
    let mut applier = database.applier().await;
    let piece = |range: std::ops::Range<i32>| {
        let changes: Vec<_> = range.map(|n| ("customers", customer(n))).collect();
        [database.transaction(1, &changes)]
    };
    applier.part(&piece(0..3_000), true).await.unwrap();
    applier.part(&piece(3_000..3_010), false).await.unwrap();
    // A reader of row versions; one that locks would wait for the end.
    let committed = "SET TRANSACTION ISOLATION LEVEL SNAPSHOT; SELECT COUNT(*) FROM customers";
    assert_eq!(database.rows(committed).await, [[int(0)]]);
    applier.commit(lsn(1)).await.unwrap();
    assert_eq!(database.rows("SELECT COUNT(*) FROM customers").await, [[int(3_010)]]);
    assert_eq!(database.position().await, lsn(1));

    applier.part(&[database.transaction(2, &[("customers", delete([int(0)]))])], true).await.unwrap();
    applier.rollback().await.unwrap();
    assert_eq!(database.rows("SELECT COUNT(*) FROM customers").await, [[int(3_010)]]);
    assert_eq!(database.position().await, lsn(1));
}
