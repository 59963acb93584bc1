//! The life of files and folders.

use crate::backend::{Backend, fails, listed, noise, read, write};
use futures::future::join_all;
use std::time::{Duration, Instant};
use uuid::Uuid;
use workdir::ErrorKind;

/// More than a block of any kind of storage.
const LARGE: usize = 40 << 20;

pub async fn a_file_goes_from_writing_to_removal(backend: &impl Backend) {
    let (work_dir, id) = backend.with_folder().await;
    let content = noise(100_000, 1);
    write(&*work_dir, id, "0001.sales.orders.001.bcp", &content).await.unwrap();
    write(&*work_dir, id, "0001.sales.orders.sch", b"CREATE TABLE").await.unwrap();
    assert_eq!(backend.get(&format!("{id}/0001.sales.orders.001.bcp")).await.unwrap(), content);
    let mut files = work_dir.files(id).await.unwrap();
    files.sort();
    assert_eq!(files, [("0001.sales.orders.001.bcp".to_owned(), 100_000), ("0001.sales.orders.sch".to_owned(), 12)]);
    assert_eq!(work_dir.folders().await.unwrap(), [id]);
    assert_eq!(work_dir.location(id), format!("{}/{id}", backend.url()));
    // Another process opens it by its URL.
    assert_eq!(read(&*backend.open(), id, "0001.sales.orders.001.bcp").await.unwrap(), content);
    work_dir.remove(id, "0001.sales.orders.001.bcp").await.unwrap();
    assert_eq!(listed(&*work_dir, id).await, ["0001.sales.orders.sch"]);
    work_dir.remove_folder(id).await.unwrap();
    assert!(work_dir.folders().await.unwrap().is_empty());
    assert!(work_dir.files(id).await.unwrap().is_empty());
    assert_eq!(backend.get(&format!("{id}/0001.sales.orders.sch")).await, None);
}

pub async fn a_folder_that_is_there_is_not_made_again(backend: &impl Backend) {
    let (work_dir, id) = backend.with_folder().await;
    write(&*work_dir, id, "a.sch", b"here").await.unwrap();
    let error = fails(work_dir.create_folder(id).await, ErrorKind::Storage, &id.to_string());
    assert!(!error.is_transient(), "{error}");
    assert_eq!(read(&*work_dir, id, "a.sch").await.unwrap(), b"here");
}

pub async fn a_file_appears_only_when_it_is_finished(backend: &impl Backend) {
    let (work_dir, id) = backend.with_folder().await;
    let content = noise(LARGE, 2);
    let mut file = work_dir.create(id, "a.bcp").await.unwrap();
    for block in content.chunks(3 << 20) {
        file.write(block.to_vec()).await.unwrap();
        assert!(listed(&*work_dir, id).await.is_empty());
        assert_eq!(backend.get(&format!("{id}/a.bcp")).await, None);
    }
    let error = fails(work_dir.open(id, "a.bcp").await, ErrorKind::Storage, "a.bcp");
    assert!(!error.is_transient());
    // Dropped, it never was.
    drop(file);
    assert!(listed(&*work_dir, id).await.is_empty());
    let mut file = work_dir.create(id, "a.bcp").await.unwrap();
    file.write(content.clone()).await.unwrap();
    file.finish().await.unwrap();
    assert_eq!(work_dir.files(id).await.unwrap(), [("a.bcp".to_owned(), LARGE as u64)]);
    // A share removes what was dropped beside.
    let began = Instant::now();
    while backend.names(&id.to_string()).await != ["a.bcp"] {
        assert!(began.elapsed() < Duration::from_secs(60), "something of the dropped file stayed");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(backend.get(&format!("{id}/a.bcp")).await.unwrap(), content);
}

pub async fn a_finished_file_takes_the_place_of_an_older_one(backend: &impl Backend) {
    let (work_dir, id) = backend.with_folder().await;
    write(&*work_dir, id, "resume.json", &noise(200_000, 3)).await.unwrap();
    let mut file = work_dir.create(id, "resume.json").await.unwrap();
    file.write(b"newer".to_vec()).await.unwrap();
    assert_eq!(read(&*work_dir, id, "resume.json").await.unwrap(), noise(200_000, 3));
    file.finish().await.unwrap();
    assert_eq!(read(&*work_dir, id, "resume.json").await.unwrap(), b"newer");
    assert_eq!(work_dir.files(id).await.unwrap(), [("resume.json".to_owned(), 5)]);
}

pub async fn files_are_written_and_read_beside_each_other(backend: &impl Backend) {
    let (work_dir, id) = backend.with_folder().await;
    let files = (0..12).map(|number| {
        let work_dir = &work_dir;
        async move {
            let (name, content) = (format!("{number:04}.t.001.bcp"), noise(number as usize * 700_001, number));
            write(&**work_dir, id, &name, &content).await.unwrap();
            assert_eq!(read(&**work_dir, id, &name).await.unwrap(), content);
        }
    });
    join_all(files).await;
    assert_eq!(listed(&*work_dir, id).await.len(), 12);
}

pub async fn of_two_writers_of_one_name_each_finishes_a_whole_file_or_fails(backend: &impl Backend) {
    let (first, id) = backend.with_folder().await;
    let second = backend.open();
    // More than any kind of storage has on its way at once: both have blocks there before either finishes.
    const SENT: usize = 41 << 20;
    let contents = [noise(SENT + (4 << 20), 4), noise(SENT + (2 << 20), 5)];
    let mut left = first.create(id, "a.bcp").await.unwrap();
    left.write(contents[0][..SENT].to_vec()).await.unwrap();
    let mut right = second.create(id, "a.bcp").await.unwrap();
    right.write(contents[1][..SENT].to_vec()).await.unwrap();
    let left = async {
        left.write(contents[0][SENT..].to_vec()).await?;
        left.finish().await
    };
    let left = left.await;
    if left.is_ok() {
        assert!(
            read(&*first, id, "a.bcp").await.unwrap() == contents[0],
            "the first writer's file is not what it wrote"
        );
    }
    let right = async {
        right.write(contents[1][SENT..].to_vec()).await?;
        right.finish().await
    };
    let right = right.await;
    assert!(left.is_ok() || right.is_ok(), "neither finished");
    let last = if right.is_ok() { 1 } else { 0 };
    assert!(read(&*first, id, "a.bcp").await.unwrap() == contents[last], "the file is not what its last writer wrote");
    for result in [left, right] {
        if result.is_err() {
            fails(result, ErrorKind::Storage, "a.bcp");
        }
    }
}

pub async fn a_large_file_comes_back(backend: &impl Backend) {
    let (work_dir, id) = backend.with_folder().await;
    let content = noise(2 * LARGE + 12_345, 6);
    write(&*work_dir, id, "large.bcp", &content).await.unwrap();
    assert!(read(&*work_dir, id, "large.bcp").await.unwrap() == content, "it came back otherwise");
    // Blocks of any size make the same file.
    let mut file = work_dir.create(id, "uneven.bcp").await.unwrap();
    let mut rest = &content[..LARGE + 7];
    for size in [1, 0, 8 << 20, 17 << 20, 5, usize::MAX] {
        let (block, behind) = rest.split_at(size.min(rest.len()));
        file.write(block.to_vec()).await.unwrap();
        rest = behind;
    }
    file.finish().await.unwrap();
    assert!(read(&*work_dir, id, "uneven.bcp").await.unwrap() == content[..LARGE + 7], "it came back otherwise");
}

pub async fn an_empty_file_comes_back(backend: &impl Backend) {
    let (work_dir, id) = backend.with_folder().await;
    write(&*work_dir, id, "empty.bcp", b"").await.unwrap();
    assert_eq!(work_dir.files(id).await.unwrap(), [("empty.bcp".to_owned(), 0)]);
    assert!(read(&*work_dir, id, "empty.bcp").await.unwrap().is_empty());
}

pub async fn names_that_lead_elsewhere_are_refused(backend: &impl Backend) {
    let (work_dir, id) = backend.with_folder().await;
    let other = Uuid::new_v4();
    backend.put("victim.sch", b"not yours").await;
    backend.put(&format!("{other}/victim.sch"), b"not yours").await;
    let neighbour = format!("../{other}/victim.sch");
    for name in [
        "../victim.sch",
        "..\\victim.sch",
        "/victim.sch",
        &neighbour,
        "%2e%2e/victim.sch",
        "..",
        ".",
        "",
        "a/b",
        "a?b",
        "a#b",
    ] {
        fails(work_dir.create(id, name).await, ErrorKind::Damaged, &format!("{name:?}"));
        fails(work_dir.open(id, name).await, ErrorKind::Damaged, &format!("{name:?}"));
        fails(work_dir.remove(id, name).await, ErrorKind::Damaged, &format!("{name:?}"));
    }
    assert_eq!(backend.get("victim.sch").await.unwrap(), b"not yours");
    assert_eq!(backend.get(&format!("{other}/victim.sch")).await.unwrap(), b"not yours");
}

pub async fn foreign_files_are_left_out_and_left_alone(backend: &impl Backend) {
    let (work_dir, id) = backend.with_folder().await;
    write(&*work_dir, id, "a.sch", b"ours").await.unwrap();
    let other = Uuid::new_v4();
    let foreign = [
        "notes.txt".to_owned(),
        "reports/2026 (1).csv".to_owned(),
        // A file, not a folder.
        Uuid::new_v4().to_string(),
        // Ids, but not as we write them.
        format!("{}/a.sch", other.simple()),
        format!("{}/a.sch", other.hyphenated().to_string().to_uppercase()),
        format!("backup-{other}/a.sch"),
    ];
    for path in &foreign {
        backend.put(path, b"foreign").await;
    }
    backend.put(&format!("{id}/what is this"), b"foreign").await;
    backend.put(&format!("{id}/below/a.sch"), b"foreign").await;
    assert_eq!(work_dir.folders().await.unwrap(), [id]);
    assert_eq!(listed(&*work_dir, id).await, ["a.sch"]);
    work_dir.remove_folder(id).await.unwrap();
    assert!(work_dir.folders().await.unwrap().is_empty());
    assert_eq!(backend.get(&format!("{id}/below/a.sch")).await, None, "a removed folder takes everything with it");
    for path in &foreign {
        assert_eq!(backend.get(path).await.as_deref(), Some(&b"foreign"[..]), "{path}");
    }
}

pub async fn what_is_missing_is_an_error_that_names_it_or_none_at_all(backend: &impl Backend) {
    let (work_dir, id) = backend.with_folder().await;
    let error = fails(work_dir.open(id, "missing.sch").await, ErrorKind::Storage, "missing.sch");
    assert!(!error.is_transient(), "{error}");
    work_dir.remove(id, "missing.sch").await.unwrap();
    let other = Uuid::new_v4();
    assert!(work_dir.files(other).await.unwrap().is_empty());
    work_dir.remove(other, "missing.sch").await.unwrap();
    work_dir.remove_folder(other).await.unwrap();
    fails(work_dir.open(other, "manifest.json").await, ErrorKind::Storage, &other.to_string());
}
