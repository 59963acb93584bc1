//! What a snapshot consists of. That it comes back whole or not at all, from every kind of storage: `storage/snapshots.rs`.
#![allow(clippy::unwrap_used)]

mod sample;

use proto::{ArticleId, KeyRange, Lsn};
use sample::{ROWS, article, row};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use uuid::Uuid;
use workdir::{ArticleScripts, Compression, Credentials, ErrorKind, SnapshotReader, SnapshotWriter, WorkDir};

fn work_dir(root: &Path) -> Arc<dyn WorkDir> {
    workdir::open(&format!("file://{}", root.display()), &Credentials::default()).unwrap()
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    let mut names: Vec<String> = entries.map(|entry| entry.file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Writes the sample and gives its location and folder.
async fn snapshot(root: &Path) -> (String, PathBuf) {
    let (id, snapshot) = sample::write(work_dir(root), Compression::None).await;
    (snapshot.location, root.join(id.to_string()))
}

#[tokio::test]
async fn a_snapshot_is_the_files_of_its_articles_and_a_manifest() {
    let root = tempfile::tempdir().unwrap();
    let (id, snapshot) = sample::write(work_dir(root.path()), Compression::None).await;
    let folder = root.path().join(id.to_string());
    assert_eq!(
        names(&folder),
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
    let data = names(&folder).into_iter().filter(|name| name.ends_with(".bcp"));
    let bytes: u64 = data.map(|name| std::fs::metadata(folder.join(name)).unwrap().len()).sum();
    assert_eq!((snapshot.id, snapshot.rows, snapshot.bytes), (id, 2 * ROWS as u64, bytes));
    assert_eq!(snapshot.boundaries, [(ArticleId(1), Lsn::new(9, 9, 9)), (ArticleId(2), Lsn::new(9, 9, 9))]);
}

#[tokio::test]
async fn a_manifest_of_another_version_or_kind_is_refused() {
    let root = tempfile::tempdir().unwrap();
    let (location, folder) = snapshot(root.path()).await;
    let path = folder.join("manifest.json");
    let manifest = std::fs::read_to_string(&path).unwrap();
    let changes = [("\"version\": ", "\"version\": 9"), ("-replication-snapshot\"", "-replication-snapshot-plan\"")];
    for (own, other) in changes {
        let changed = manifest.replace(own, other);
        assert_ne!(changed, manifest);
        std::fs::write(&path, changed).unwrap();
        let error = SnapshotReader::open(&location, &Credentials::default()).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Damaged, "{error}");
        assert!(error.to_string().contains("manifest.json"), "{error}");
    }
}

#[tokio::test]
async fn an_article_that_was_not_finished_leaves_no_data_file() {
    let root = tempfile::tempdir().unwrap();
    let work_dir = work_dir(root.path());
    let id = Uuid::new_v4();
    let writer = SnapshotWriter::create(work_dir.clone(), id).await.unwrap();
    let files = writer.article(1, article(1, "t"), &ArticleScripts::default(), vec![KeyRange::ALL]).await.unwrap();
    let mut rows = writer.part(&files, 0, Uuid::from_u128(1)).await.unwrap();
    rows.push(&row(1)).await.unwrap();
    drop(rows);
    assert!(SnapshotReader::open(&work_dir.location(id), &Credentials::default()).await.is_err());
    // The file is written beside, by a task that ends by itself.
    let began = Instant::now();
    while names(&root.path().join(id.to_string())).iter().any(|name| name.contains(".bcp")) {
        assert!(began.elapsed() < Duration::from_secs(60), "the data file stays");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    writer.abandon().await.unwrap();
    assert!(work_dir.folders().await.unwrap().is_empty());
}
