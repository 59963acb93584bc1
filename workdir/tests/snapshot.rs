//! A snapshot is whole or an error that names the file.
#![allow(clippy::unwrap_used)]

use proto::catalog::{DatabaseName, Publication, PublicationKind};
use proto::{Article, ArticleId, Capture, Column, ColumnType, KeyRange, Lsn, Row, TableName, Value};
use std::path::{Path, PathBuf};
use uuid::Uuid;
use workdir::{ArticleScripts, Credentials, ErrorKind, SnapshotReader, SnapshotWriter, WorkDirError};

const ROWS: i32 = 40_000;

fn article(id: u32, table: &str) -> Article {
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

fn row(number: i32) -> Row {
    let note = match number % 3 {
        0 => Value::Null,
        // Longer than a block, so that a row spans several of them.
        _ if number == 1000 => Value::String("ü".repeat(1 << 20)),
        _ => Value::String(format!("note of row {number}")),
    };
    vec![Value::I32(number), note]
}

fn publication() -> Publication {
    Publication {
        name: "p".into(),
        kind: PublicationKind::Transactional,
        database: DatabaseName { server: "s".into(), database: "d".into() },
        server_version: 16,
        replicate_ddl: true,
        created_at: 0,
    }
}

/// Writes a snapshot of two articles of two parts each and gives its location and folder.
async fn snapshot(root: &Path) -> (String, PathBuf) {
    let work_dir = workdir::open(&format!("file://{}", root.display()), &Credentials::default()).unwrap();
    let id = Uuid::new_v4();
    let writer = SnapshotWriter::create(work_dir, id).await.unwrap();
    let mut finished = Vec::new();
    for (id, table) in [(1, "orders"), (2, "../../order lines")] {
        let scripts = ArticleScripts {
            before: "CREATE TABLE t".into(),
            after: "ALTER TABLE t".into(),
            last: "CREATE TRIGGER t".into(),
        };
        let middle = Some(Value::I32(ROWS / 2));
        let halves = vec![KeyRange { lower: None, upper: middle.clone() }, KeyRange { lower: middle, upper: None }];
        let files = writer.article(id as usize, article(id, table), &scripts, halves).await.unwrap();
        let mut parts = Vec::new();
        for (index, numbers) in [0..ROWS / 2, ROWS / 2..ROWS].into_iter().enumerate() {
            let mut rows = writer.part(&files, index, Uuid::from_u128(1)).await.unwrap();
            for number in numbers {
                rows.push(&row(number)).await.unwrap();
            }
            let bytes = rows.bytes();
            let part = rows.finish().await.unwrap();
            assert_eq!((part.rows, part.bytes, part.file.size), (ROWS as u64 / 2, bytes, bytes));
            parts.push((part, Lsn::new(9, 9, 9)));
        }
        finished.push((files, parts));
    }
    let snapshot = writer.finish(publication(), finished).await.unwrap();
    assert_eq!(snapshot.rows, 2 * ROWS as u64);
    assert_eq!(snapshot.boundaries, [(ArticleId(1), Lsn::new(9, 9, 9)), (ArticleId(2), Lsn::new(9, 9, 9))]);
    (snapshot.location, root.join(id.to_string()))
}

async fn read(location: &str) -> Result<Vec<Row>, WorkDirError> {
    let reader = SnapshotReader::open(location, &Credentials::default()).await?;
    let mut rows = Vec::new();
    for id in [ArticleId(1), ArticleId(2)] {
        assert_eq!(reader.pre_script(id).await?, "CREATE TABLE t");
        assert_eq!(reader.post_script(id).await?, "ALTER TABLE t");
        assert_eq!(reader.last_script(id).await?, "CREATE TRIGGER t");
        let mut reader = reader.rows(id)?;
        while let Some(row) = reader.next().await? {
            rows.push(row);
        }
    }
    Ok(rows)
}

fn file(folder: &Path, end: &str) -> PathBuf {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.into_iter().find(|path| path.file_name().unwrap().to_str().unwrap().ends_with(end)).unwrap()
}

#[tokio::test]
async fn a_snapshot_comes_back_as_it_was_written() {
    let root = tempfile::tempdir().unwrap();
    let (location, folder) = snapshot(root.path()).await;
    let expected: Vec<Row> = (0..ROWS).chain(0..ROWS).map(row).collect();
    assert_eq!(read(&location).await.unwrap(), expected);
    let mut names: Vec<String> =
        std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    assert_eq!(
        names,
        [
            "0001.sales.orders.001.bcp",
            "0001.sales.orders.002.bcp",
            "0001.sales.orders.last.sql",
            "0001.sales.orders.post.sql",
            "0001.sales.orders.sch",
            "0001.sales.orders.xml",
            "0002.sales.______order_lines.001.bcp",
            "0002.sales.______order_lines.002.bcp",
            "0002.sales.______order_lines.last.sql",
            "0002.sales.______order_lines.post.sql",
            "0002.sales.______order_lines.sch",
            "0002.sales.______order_lines.xml",
            "manifest.json",
        ]
    );
}

#[tokio::test]
async fn a_changed_byte_anywhere_is_found_and_its_file_named() {
    let root = tempfile::tempdir().unwrap();
    let (location, folder) = snapshot(root.path()).await;
    for end in ["orders.001.bcp", "orders.002.bcp", "lines.001.bcp", "orders.sch", "orders.post.sql", "orders.last.sql"]
    {
        let path = file(&folder, end);
        let whole = std::fs::read(&path).unwrap();
        for at in [0, whole.len() / 2, whole.len() - 1] {
            let mut changed = whole.clone();
            changed[at] ^= 1;
            std::fs::write(&path, changed).unwrap();
            let error = read(&location).await.unwrap_err();
            assert_eq!(error.kind, ErrorKind::Damaged);
            assert!(error.to_string().contains(end), "{error}");
        }
        std::fs::write(&path, whole).unwrap();
    }
    assert!(read(&location).await.is_ok());
}

#[tokio::test]
async fn a_cut_a_longer_and_a_missing_file_are_found_and_named() {
    let root = tempfile::tempdir().unwrap();
    let (location, folder) = snapshot(root.path()).await;
    let path = file(&folder, "orders.001.bcp");
    let whole = std::fs::read(&path).unwrap();
    let mut longer = whole.clone();
    longer.push(0);
    for content in [&whole[..whole.len() - 1], &whole[..1 << 20], &[], &longer] {
        std::fs::write(&path, content).unwrap();
        let error = read(&location).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Damaged);
        assert!(error.to_string().contains("orders.001.bcp"), "{error}");
    }
    std::fs::remove_file(&path).unwrap();
    let error = read(&location).await.unwrap_err();
    assert!(error.to_string().contains("orders.001.bcp"), "{error}");
    assert!(!error.is_transient());
}

#[tokio::test]
async fn a_manifest_that_leads_out_of_its_folder_is_refused() {
    let root = tempfile::tempdir().unwrap();
    let (location, folder) = snapshot(root.path()).await;
    std::fs::write(root.path().join("secret.sch"), "not yours").unwrap();
    let path = folder.join("manifest.json");
    let manifest = std::fs::read_to_string(&path).unwrap();
    for name in ["../secret.sch", "/etc/passwd", "..\\secret.sch"] {
        let forged = manifest.replace("\"0001.sales.orders.sch\"", &format!("{name:?}"));
        assert_ne!(forged, manifest);
        std::fs::write(&path, forged).unwrap();
        let error = SnapshotReader::open(&location, &Credentials::default()).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Damaged, "{error}");
    }
}

#[tokio::test]
async fn what_is_no_whole_snapshot_is_refused() {
    let root = tempfile::tempdir().unwrap();
    let (location, folder) = snapshot(root.path()).await;
    let path = folder.join("manifest.json");
    let manifest = std::fs::read_to_string(&path).unwrap();
    let other_version = manifest.replace("\"version\": 2,", "\"version\": 3,");
    let other_id = manifest.replace("\"id\": \"", "\"id\": \"00000000-0000-4000-8000-000000000000\", \"x\": \"");
    for content in [&manifest[..manifest.len() / 2], "", "{}", &other_version, &other_id] {
        assert_ne!(content, manifest);
        std::fs::write(&path, content).unwrap();
        let error = SnapshotReader::open(&location, &Credentials::default()).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Damaged, "{error}");
        assert!(error.to_string().contains("manifest.json"), "{error}");
    }
    std::fs::remove_file(&path).unwrap();
    assert!(
        SnapshotReader::open(&location, &Credentials::default())
            .await
            .unwrap_err()
            .to_string()
            .contains("manifest.json")
    );
}

#[tokio::test]
async fn an_article_that_was_not_finished_leaves_no_data_file() {
    let root = tempfile::tempdir().unwrap();
    let work_dir = workdir::open(&format!("file://{}", root.path().display()), &Credentials::default()).unwrap();
    let id = Uuid::new_v4();
    let writer = SnapshotWriter::create(work_dir.clone(), id).await.unwrap();
    let files = writer.article(1, article(1, "t"), &ArticleScripts::default(), vec![KeyRange::ALL]).await.unwrap();
    let mut rows = writer.part(&files, 0, Uuid::from_u128(1)).await.unwrap();
    rows.push(&row(1)).await.unwrap();
    drop(rows);
    assert!(SnapshotReader::open(&work_dir.location(id), &Credentials::default()).await.is_err());
    writer.abandon().await.unwrap();
    assert!(work_dir.folders().await.unwrap().is_empty());
}
