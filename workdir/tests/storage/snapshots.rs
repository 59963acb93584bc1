//! Whole snapshots, read without trust in what the storage gives.

use crate::backend::{Backend, fails};
use proto::catalog::{DatabaseName, Publication, PublicationKind};
use proto::{Article, ArticleId, Capture, Column, ColumnType, KeyRange, Lsn, Row, TableName, Value};
use uuid::Uuid;
use workdir::{ArticleScripts, Compression, ErrorKind, SnapshotReader, SnapshotWriter, WorkDirError};

const ROWS: i32 = 30_000;
pub const DATA: &str = "0001.sales.orders.001.bcp";
const SCRIPT: &str = "0001.sales.orders.sch";
const OTHER_SCRIPT: &str = "0002.sales.______lines.sch";

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

async fn written(backend: &impl Backend) -> Uuid {
    written_with(backend, Compression::None).await
}

/// Writes a snapshot of two articles, one of them with a name that would lead elsewhere.
pub async fn written_with(backend: &impl Backend, compression: Compression) -> Uuid {
    let publication = Publication {
        name: "p".into(),
        kind: PublicationKind::Transactional,
        database: DatabaseName { server: "s".into(), database: "d".into() },
        server_version: 16,
        replicate_ddl: true,
        created_at: 0,
    };
    let id = Uuid::new_v4();
    let writer = SnapshotWriter::create(backend.open(), id).await.unwrap().with_compression(compression);
    let mut finished = Vec::new();
    for (id, table) in [(1, "orders"), (2, "../../lines")] {
        // As long as each other, so that only their checksums tell the files of both articles apart.
        let scripts = ArticleScripts { before: format!("CREATE TABLE t{id}"), ..ArticleScripts::default() };
        let article = article(id, table);
        let files = writer.article(id as usize, article, &scripts, vec![KeyRange::ALL]).await.unwrap();
        let mut rows = writer.part(&files, 0, Uuid::from_u128(1)).await.unwrap();
        for number in 0..ROWS {
            rows.push(&row(number)).await.unwrap();
        }
        finished.push((files, vec![(rows.finish().await.unwrap(), Lsn::new(9, 9, 9))]));
    }
    let snapshot = writer.finish(publication, finished).await.unwrap();
    assert_eq!(snapshot.location, format!("{}/{id}", backend.url()));
    id
}

/// Reads it as a subscriber does, by its location.
pub async fn read(backend: &impl Backend, id: Uuid) -> Result<Vec<Row>, WorkDirError> {
    let reader = SnapshotReader::open(&format!("{}/{id}", backend.url()), &backend.credentials()).await?;
    let mut rows = Vec::new();
    for id in [1, 2] {
        assert_eq!(reader.pre_script(ArticleId(id)).await?, format!("CREATE TABLE t{id}"));
        reader.post_script(ArticleId(id)).await?;
        reader.last_script(ArticleId(id)).await?;
        let mut reader = reader.rows(ArticleId(id))?;
        while let Some(row) = reader.next().await? {
            rows.push(row);
        }
    }
    Ok(rows)
}

pub async fn a_snapshot_comes_back_as_it_was_written(backend: &impl Backend) {
    let id = written(backend).await;
    let expected: Vec<Row> = (0..ROWS).chain(0..ROWS).map(row).collect();
    assert!(read(backend, id).await.unwrap() == expected, "the rows came back otherwise");
    let names = backend.names(&id.to_string()).await;
    assert!(
        [DATA, SCRIPT, OTHER_SCRIPT, "manifest.json"].iter().all(|name| names.iter().any(|n| n == name)),
        "{names:?}"
    );
    assert!(!names.iter().any(|name| name.ends_with(".part")), "{names:?}");
}

pub async fn a_changed_byte_is_found_and_its_file_named(backend: &impl Backend) {
    let id = written(backend).await;
    for name in [DATA, SCRIPT] {
        let path = format!("{id}/{name}");
        let whole = backend.get(&path).await.unwrap();
        for at in [0, whole.len() / 2, whole.len() - 1] {
            let mut changed = whole.clone();
            changed[at] ^= 1;
            backend.put(&path, &changed).await;
            fails(read(backend, id).await, ErrorKind::Damaged, name);
        }
        backend.put(&path, &whole).await;
    }
    read(backend, id).await.unwrap();
}

pub async fn a_cut_a_longer_and_a_missing_file_are_found_and_named(backend: &impl Backend) {
    let id = written(backend).await;
    let path = format!("{id}/{DATA}");
    let whole = backend.get(&path).await.unwrap();
    let longer = [&whole[..], b"\0"].concat();
    for content in [&whole[..whole.len() - 1], &whole[..1 << 20], &[], &longer] {
        backend.put(&path, content).await;
        fails(read(backend, id).await, ErrorKind::Damaged, DATA);
    }
    backend.delete(&path).await;
    let error = fails(read(backend, id).await, ErrorKind::Storage, DATA);
    assert!(!error.is_transient(), "{error}");
}

pub async fn files_that_changed_places_are_found(backend: &impl Backend) {
    let id = written(backend).await;
    let (one, two) = (format!("{id}/{SCRIPT}"), format!("{id}/{OTHER_SCRIPT}"));
    let (content, other) = (backend.get(&one).await.unwrap(), backend.get(&two).await.unwrap());
    assert_eq!(content.len(), other.len());
    backend.put(&one, &other).await;
    backend.put(&two, &content).await;
    fails(read(backend, id).await, ErrorKind::Damaged, SCRIPT);
}

pub async fn a_manifest_that_leads_elsewhere_is_refused(backend: &impl Backend) {
    let id = written(backend).await;
    backend.put("secret.sch", b"not yours").await;
    let path = format!("{id}/manifest.json");
    let manifest = String::from_utf8(backend.get(&path).await.unwrap()).unwrap();
    for name in ["../secret.sch", "/etc/passwd", "..\\secret.sch", "%2e%2e/secret.sch", "a/../../secret.sch"] {
        let forged = manifest.replace(&format!("{SCRIPT:?}"), &format!("{name:?}"));
        assert_ne!(forged, manifest);
        backend.put(&path, forged.as_bytes()).await;
        fails(read(backend, id).await, ErrorKind::Damaged, &format!("{name:?}"));
    }
}

pub async fn a_folder_without_a_whole_manifest_is_no_snapshot(backend: &impl Backend) {
    let id = written(backend).await;
    let path = format!("{id}/manifest.json");
    let manifest = backend.get(&path).await.unwrap();
    for content in [&manifest[..manifest.len() / 2], b"", b"{}"] {
        backend.put(&path, content).await;
        fails(read(backend, id).await, ErrorKind::Damaged, "manifest.json");
    }
    // A manifest of another snapshot is none of this one's.
    let other = Uuid::new_v4();
    backend.put(&format!("{other}/manifest.json"), &manifest).await;
    fails(read(backend, other).await, ErrorKind::Damaged, "manifest.json");
    backend.delete(&path).await;
    fails(read(backend, id).await, ErrorKind::Storage, "manifest.json");
}
