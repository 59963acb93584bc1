//! A small snapshot: two tables of two parts each, one with a name that would lead elsewhere.
#![allow(dead_code, reason = "each program that includes this uses a part")]

use proto::catalog::{DatabaseName, Publication, PublicationKind, Snapshot};
use proto::{Article, ArticleId, Capture, Column, ColumnType, KeyRange, Lsn, Row, TableName, Value};
use std::sync::Arc;
use uuid::Uuid;
use workdir::{ArticleScripts, Compression, Credentials, SnapshotReader, SnapshotWriter, WorkDir, WorkDirError};

/// Rows of each table.
pub const ROWS: i32 = 30_000;
/// Its two tables.
pub const TABLES: [&str; 2] = ["orders", "../../order lines"];

/// The first part of the first table's rows.
pub const DATA: &str = "0001.sales.orders.001.bcp";
/// The script that makes the first table.
pub const SCRIPT: &str = "0001.sales.orders.sch";
/// The one that makes the second, as long as that.
pub const OTHER_SCRIPT: &str = "0002.sales.______order_lines.sch";
/// Everything that reading a snapshot reads, but its manifest: scripts and rows of both tables.
pub const CONTENTS: [&str; 10] = [
    SCRIPT,
    "0001.sales.orders.post.sql",
    "0001.sales.orders.last.sql",
    DATA,
    "0001.sales.orders.002.bcp",
    OTHER_SCRIPT,
    "0002.sales.______order_lines.post.sql",
    "0002.sales.______order_lines.last.sql",
    "0002.sales.______order_lines.001.bcp",
    "0002.sales.______order_lines.002.bcp",
];

/// What it is of.
pub fn publication() -> Publication {
    Publication {
        name: "p".into(),
        kind: PublicationKind::Transactional,
        database: DatabaseName { server: "s".into(), database: "d".into() },
        server_version: 16,
        replicate_ddl: true,
        created_at: 0,
    }
}

/// An article with the columns `id`, its key, and `note`.
pub fn article(id: u32, table: &str) -> Article {
    let column = |name: &str, column_type, nullable, key_ordinal| Column {
        name: name.into(),
        column_type,
        nullable,
        identity: None,
        sparse: false,
        collation: None,
        key_ordinal,
    };
    let table = TableName { schema: "sales".into(), table: table.into() };
    let columns =
        vec![column("id", ColumnType::Int, false, Some(0)), column("note", ColumnType::NVarChar(None), true, None)];
    let capture = Capture { instance: "sales_t".into(), start_lsn: Lsn::new(1, 2, 3), ..Capture::default() };
    Article { id: ArticleId(id), ..Article::new("p", table, columns, capture) }
}

/// A row by its number.
pub fn row(number: i32) -> Row {
    let note = match number % 3 {
        0 => Value::Null,
        // Longer than a block, so that a row spans several of them.
        _ if number == 1000 => Value::String("ü".repeat(1 << 20)),
        _ => Value::String(format!("note of row {number}")),
    };
    vec![Value::I32(number), note]
}

/// All rows of both tables as they are read.
pub fn rows() -> Vec<Row> {
    (0..ROWS).chain(0..ROWS).map(row).collect()
}

/// Its scripts: as long as those of the other table, so that only their checksums tell them apart.
fn scripts(id: u32) -> ArticleScripts {
    ArticleScripts {
        before: format!("CREATE TABLE t{id}"),
        after: format!("ALTER TABLE t{id}"),
        last: format!("CREATE TRIGGER t{id}"),
    }
}

/// Writes it, and gives its id with what the distributor is told of it.
pub async fn write(work_dir: Arc<dyn WorkDir>, compression: Compression) -> (Uuid, Snapshot) {
    let id = Uuid::new_v4();
    let writer = SnapshotWriter::create(work_dir, id).await.unwrap().with_compression(compression);
    let mut finished = Vec::new();
    for (id, table) in (1..).zip(TABLES) {
        let middle = vec![Value::I32(ROWS / 2)];
        let halves = vec![KeyRange { lower: vec![], upper: middle.clone() }, KeyRange { lower: middle, upper: vec![] }];
        let files = writer.article(id as usize, article(id, table), &scripts(id), halves).await.unwrap();
        let mut parts = Vec::new();
        for (index, numbers) in [0..ROWS / 2, ROWS / 2..ROWS].into_iter().enumerate() {
            let mut rows = writer.part(&files, index, Uuid::from_u128(1)).await.unwrap();
            for number in numbers {
                rows.push(&row(number)).await.unwrap();
            }
            let bytes = rows.bytes();
            let part = rows.finish().await.unwrap();
            assert_eq!((part.rows, part.bytes), (ROWS as u64 / 2, bytes));
            parts.push((part, Lsn::new(9, 9, 9)));
        }
        finished.push((files, parts));
    }
    (id, writer.finish(publication(), finished).await.unwrap())
}

/// Reads it as a subscriber does, by its location.
pub async fn read(location: &str, credentials: &Credentials) -> Result<Vec<Row>, WorkDirError> {
    let reader = SnapshotReader::open(location, credentials).await?;
    let mut rows = Vec::new();
    for id in [1, 2] {
        let (article, scripts) = (ArticleId(id), scripts(id));
        assert_eq!(reader.pre_script(article).await?, scripts.before);
        assert_eq!(reader.post_script(article).await?, scripts.after);
        assert_eq!(reader.last_script(article).await?, scripts.last);
        let mut reader = reader.rows(article)?;
        while let Some(row) = reader.next().await? {
            rows.push(row);
        }
    }
    Ok(rows)
}
