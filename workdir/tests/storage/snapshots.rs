//! Whole snapshots, read without trust in what the storage gives.

use crate::backend::{Backend, fails};
use crate::sample::{self, CONTENTS, DATA, OTHER_SCRIPT, SCRIPT};
use proto::Row;
use uuid::Uuid;
use workdir::{Compression, ErrorKind, WorkDirError};

async fn written(backend: &impl Backend) -> Uuid {
    written_with(backend, Compression::None).await
}

/// Writes the sample.
pub async fn written_with(backend: &impl Backend, compression: Compression) -> Uuid {
    let (id, snapshot) = sample::write(backend.open(), compression).await;
    assert_eq!(snapshot.location, format!("{}/{id}", backend.url()));
    id
}

/// Reads it as a subscriber does, by its location.
pub async fn read(backend: &impl Backend, id: Uuid) -> Result<Vec<Row>, WorkDirError> {
    sample::read(&format!("{}/{id}", backend.url()), &backend.credentials()).await
}

pub async fn a_snapshot_comes_back_as_it_was_written(backend: &impl Backend) {
    let id = written(backend).await;
    assert!(read(backend, id).await.unwrap() == sample::rows(), "the rows came back otherwise");
    let names = backend.names(&id.to_string()).await;
    assert!(CONTENTS.iter().all(|name| names.iter().any(|n| n == name)), "{names:?}");
    assert!(!names.iter().any(|name| name.ends_with(".part")), "{names:?}");
}

pub async fn a_changed_byte_is_found_and_its_file_named(backend: &impl Backend) {
    let id = written(backend).await;
    for name in CONTENTS {
        let path = format!("{id}/{name}");
        let whole = backend.get(&path).await.unwrap();
        // At both ends and in the middle of one, and somewhere in each of the others.
        let places = if name == DATA { vec![0, whole.len() / 2, whole.len() - 1] } else { vec![whole.len() / 3] };
        for at in places {
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
