//! Storage that goes away, is full, or says no.

use crate::backend::{Backend, fails, listed, noise, read, write};
use std::time::Duration;
use uuid::Uuid;
use workdir::{ErrorKind, WorkDir, WorkDirError};

/// More than any kind of storage reads ahead.
const LARGE: usize = 96 << 20;
/// Longest that anything may take to notice that the storage is gone.
const LIMIT: Duration = Duration::from_secs(120);

async fn in_time<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(LIMIT, what).await.unwrap_or_else(|_| panic!("nothing was noticed within {LIMIT:?}"))
}

pub async fn a_read_during_which_the_storage_goes_fails_and_later_succeeds<B: Backend>(backend: &mut B) {
    let (work_dir, id) = backend.with_folder().await;
    let content = noise(LARGE, 1);
    write(&*work_dir, id, "a.bcp", &content).await.unwrap();
    let mut file = work_dir.open(id, "a.bcp").await.unwrap();
    let mut read_so_far = file.read().await.unwrap().unwrap();
    backend.go().await;
    let rest = async {
        while let Some(block) = file.read().await? {
            read_so_far.extend_from_slice(&block);
        }
        Ok(())
    };
    let (rest, anew) = tokio::join!(in_time(rest), in_time(read(&*work_dir, id, "a.bcp")));
    fails(anew, ErrorKind::Storage, "a.bcp");
    assert!(content.starts_with(&read_so_far), "what was read is not what was written");
    if B::OPEN_FILES_SURVIVE {
        rest.unwrap();
        assert_eq!(read_so_far.len(), content.len(), "it ended early without an error");
    } else {
        fails(rest, ErrorKind::Storage, "a.bcp");
    }
    backend.come_back().await;
    assert!(read(&*work_dir, id, "a.bcp").await.unwrap() == content, "it came back otherwise");
}

pub async fn a_write_during_which_the_storage_goes_leaves_no_file_and_later_succeeds(backend: &mut impl Backend) {
    let (work_dir, id) = backend.with_folder().await;
    let content = noise(LARGE, 2);
    let mut file = work_dir.create(id, "a.bcp").await.unwrap();
    let (first, second) = content.split_at(LARGE / 2);
    file.write(first.to_vec()).await.unwrap();
    backend.go().await;
    let rest = async {
        file.write(second.to_vec()).await?;
        file.finish().await
    };
    fails(in_time(rest).await, ErrorKind::Storage, "a.bcp");
    backend.come_back().await;
    assert!(listed(&*work_dir, id).await.is_empty());
    write(&*work_dir, id, "a.bcp", &content).await.unwrap();
    assert_eq!(backend.names(&id.to_string()).await, ["a.bcp"], "something of the first attempt stayed");
    assert!(read(&*work_dir, id, "a.bcp").await.unwrap() == content, "it came back otherwise");
}

pub async fn nothing_works_without_the_storage_and_everything_does_once_it_is_back(backend: &mut impl Backend) {
    let (work_dir, id) = backend.with_folder().await;
    write(&*work_dir, id, "a.sch", b"here").await.unwrap();
    backend.go().await;
    let (opened, written, listed_folders) = tokio::join!(
        in_time(work_dir.open(id, "a.sch")),
        in_time(write(&*work_dir, id, "b.sch", b"")),
        in_time(work_dir.folders()),
    );
    fails(opened, ErrorKind::Storage, "a.sch");
    fails(written, ErrorKind::Storage, "b.sch");
    let url = backend.url();
    fails(listed_folders, ErrorKind::Storage, url.rsplit('/').next().unwrap());
    backend.come_back().await;
    assert_eq!(work_dir.folders().await.unwrap(), [id]);
    assert_eq!(read(&*work_dir, id, "a.sch").await.unwrap(), b"here");
    write(&*work_dir, id, "b.sch", b"").await.unwrap();
    assert_eq!(listed(&*work_dir, id).await, ["a.sch", "b.sch"]);
}

/// A working directory with room for `room` bytes: a file that does not fit is an error that names it and takes no room, others
/// do fit then.
pub async fn full(backend: &impl Backend, room: usize) {
    let (work_dir, id) = backend.with_folder().await;
    write(&*work_dir, id, "small.bcp", &noise(room / 4, 3)).await.unwrap();
    for _ in 0..2 {
        let error =
            fails(write(&*work_dir, id, "large.bcp", &noise(2 * room, 4)).await, ErrorKind::Storage, "large.bcp");
        let source = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
        assert!(source.contains("No space left"), "{error}: {source}");
    }
    assert_eq!(listed(&*work_dir, id).await, ["small.bcp"]);
    assert_eq!(backend.names(&id.to_string()).await, ["small.bcp"], "something of the failed file stayed");
    write(&*work_dir, id, "fits.bcp", &noise(room / 2, 5)).await.unwrap();
    assert!(read(&*work_dir, id, "fits.bcp").await.unwrap() == noise(room / 2, 5), "it came back otherwise");
}

/// A working directory that holds the snapshot `id` with the one file `a.sch` and lets us read, not write: every change is refused
/// by an error that names what it was about, and nothing changes.
pub async fn refused(work_dir: &dyn WorkDir, id: Uuid, file_content: &[u8]) {
    assert_eq!(read(work_dir, id, "a.sch").await.unwrap(), file_content);
    let new = Uuid::new_v4();
    let denied = |result: Result<(), WorkDirError>, what: &str| {
        let error = fails(result, ErrorKind::Storage, what);
        let source = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
        assert!(source.to_lowercase().contains("denied"), "{error}: {source}");
    };
    denied(work_dir.create_folder(new).await, &new.to_string());
    denied(write(work_dir, id, "b.sch", b"new").await, "b.sch");
    denied(write(work_dir, id, "a.sch", b"new").await, "a.sch");
    denied(work_dir.remove(id, "a.sch").await, "a.sch");
    denied(work_dir.remove_folder(id).await, &id.to_string());
    assert_eq!(work_dir.folders().await.unwrap(), [id]);
    assert_eq!(listed(work_dir, id).await, ["a.sch"]);
    assert_eq!(read(work_dir, id, "a.sch").await.unwrap(), file_content);
}
