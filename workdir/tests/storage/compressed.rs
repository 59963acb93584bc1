//! Compressed data files, held against the program `zstd`.

use crate::backend::{Backend, fails};
use crate::local::Local;
use crate::sample::DATA;
use crate::snapshots::{read, written_with};
use sha2::{Digest, Sha256};
use std::io::Write;
use std::process::{Command, Stdio};
use uuid::Uuid;
use workdir::manifest::{FileEntry, Manifest};
use workdir::{Compression, ErrorKind};

/// Name of a compressed data file.
const COMPRESSED: &str = "0001.sales.orders.001.bcp.zst";

/// What `zstd` makes of this input.
fn zstd(arguments: &[&str], input: &[u8]) -> Vec<u8> {
    let mut command = Command::new("zstd");
    command.args(arguments).args(["--quiet", "--stdout"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap_or_else(|error| panic!("zstd: {error}: run tests/run, which installs it"));
    let (mut stdin, input) = (child.stdin.take().unwrap(), input.to_vec());
    let feeding = std::thread::spawn(move || stdin.write_all(&input));
    let output = child.wait_with_output().unwrap();
    feeding.join().unwrap().unwrap();
    assert!(output.status.success(), "zstd {arguments:?} failed");
    output.stdout
}

async fn manifest(local: &Local, id: Uuid) -> Manifest {
    serde_json::from_slice(&local.get(&format!("{id}/manifest.json")).await.unwrap()).unwrap()
}

/// Puts another file in the place of the first article's rows, and into the manifest.
async fn exchange(local: &Local, id: Uuid, content: &[u8]) {
    local.put(&format!("{id}/{COMPRESSED}"), content).await;
    let mut manifest = manifest(local, id).await;
    let sha256 = Sha256::digest(content).iter().map(|byte| format!("{byte:02x}")).collect();
    manifest.articles[0].data[0].file = FileEntry { name: COMPRESSED.to_owned(), size: content.len() as u64, sha256 };
    local.put(&format!("{id}/manifest.json"), &serde_json::to_vec(&manifest).unwrap()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn zstd_makes_the_bcp_file_of_a_compressed_one() {
    let local = Local::start().await;
    let plain = written_with(&local, Compression::None).await;
    let compressed = written_with(&local, Compression::Zstd).await;
    let bcp = local.get(&format!("{plain}/{DATA}")).await.unwrap();
    let stored = local.get(&format!("{compressed}/{COMPRESSED}")).await.unwrap();
    assert_eq!(local.get(&format!("{compressed}/{DATA}")).await, None);
    assert!(zstd(&["--decompress"], &stored) == bcp, "zstd makes another file of it");
    assert!(stored.len() < bcp.len() / 4, "{} bytes were compressed to {}", bcp.len(), stored.len());
    let data = &manifest(&local, compressed).await.articles[0].data[0];
    assert_eq!((data.bytes, data.file.size), (bcp.len() as u64, stored.len() as u64));
    assert_eq!(data.bytes, manifest(&local, plain).await.articles[0].data[0].bytes);
    assert!(
        read(&local, compressed).await.unwrap() == read(&local, plain).await.unwrap(),
        "the rows came back otherwise"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_zstd_compressed_are_read() {
    let local = Local::start().await;
    let id = written_with(&local, Compression::Zstd).await;
    let rows = read(&local, id).await.unwrap();
    let bcp = zstd(&["--decompress"], &local.get(&format!("{id}/{COMPRESSED}")).await.unwrap());
    for level in ["-1", "-9", "-19"] {
        exchange(&local, id, &zstd(&[level], &bcp)).await;
        assert!(read(&local, id).await.unwrap() == rows, "{level}: the rows came back otherwise");
    }
    // Several frames are one file (RFC 8878, 3).
    let (one, two) = bcp.split_at(bcp.len() / 3);
    exchange(&local, id, &[zstd(&["-3"], one), zstd(&["-3"], two)].concat()).await;
    assert!(read(&local, id).await.unwrap() == rows, "two frames: the rows came back otherwise");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_compressed_file_and_one_with_too_much_in_it_are_named() {
    let local = Local::start().await;
    let id = written_with(&local, Compression::Zstd).await;
    let path = format!("{id}/{COMPRESSED}");
    let whole = local.get(&path).await.unwrap();
    for at in [0, whole.len() / 2, whole.len() - 1] {
        let mut changed = whole.clone();
        changed[at] ^= 1;
        local.put(&path, &changed).await;
        fails(read(&local, id).await, ErrorKind::Damaged, COMPRESSED);
    }
    local.put(&path, &whole[..whole.len() - 1]).await;
    fails(read(&local, id).await, ErrorKind::Damaged, COMPRESSED);
    // Whoever can change the manifest too still gets no more out than it says.
    let bcp = zstd(&["--decompress"], &whole);
    for content in [
        zstd(&["-3"], &vec![0; 64 << 20]),
        zstd(&["-3"], &[&bcp[..], b"\0"].concat()),
        zstd(&["-3"], &bcp[..bcp.len() - 1]),
        zstd(&["-3"], &bcp)[..100].to_vec(),
        bcp.clone(),
        Vec::new(),
    ] {
        exchange(&local, id, &content).await;
        fails(read(&local, id).await, ErrorKind::Damaged, COMPRESSED);
    }
    exchange(&local, id, &whole).await;
    read(&local, id).await.unwrap();
}
