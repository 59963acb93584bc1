//! A file to each kind of working directory and back, as snapshots travel: by the product's own code to a folder, to a share (Samba) and
//! to a container of Blob Storage (Azurite, which keeps it in memory), all on this machine; against a bare file on the same disk, made
//! durable when written and in the page cache when read.

use crate::report::{Report, rate};
use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;
use std::time::{Duration, Instant};
use uuid::Uuid;
use workdir::{Credentials, WorkDir};

#[path = "../../../workdir/tests/azurite/mod.rs"]
mod azurite;
#[path = "../../../workdir/tests/samba/mod.rs"]
mod samba;

/// Bytes of the file.
const SIZE: usize = 256 << 20;
/// Bytes handed on at once: as many as a snapshot's writer does.
const BLOCK: usize = 512 << 10;
/// Rounds, of which the best counts.
const ROUNDS: u32 = 3;
/// Bytes a second at which a share should be read: what a line of 1 Gbit/s carries.
const SHARE_GOAL: f64 = 100.0;
/// Name of the file.
const FILE: &str = "0001.bench.001.bcp";
/// Container in Azurite.
const CONTAINER: &str = "bench";

/// Best times of writing and reading the file.
struct Times {
    write: Duration,
    read: Duration,
}

impl Times {
    fn best(rounds: impl IntoIterator<Item = (Duration, Duration)>) -> Self {
        let none = Self { write: Duration::MAX, read: Duration::MAX };
        rounds
            .into_iter()
            .fold(none, |best, (write, read)| Self { write: best.write.min(write), read: best.read.min(read) })
    }
}

/// Measures each kind beside a bare file.
pub async fn measure(report: &mut Report) {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let bare = Times::best((0..ROUNDS).map(|_| bare(folder.path())));
    let url = format!("file://{}", folder.path().display());
    let local = through(&url, &Credentials::default()).await;
    compare(report, "file://", &local, &bare, Some((0.8, 0.5)));

    // What starts them panics, and says why, where they are not installed or not allowed to.
    match std::panic::catch_unwind(samba::Samba::start) {
        Ok(samba) => {
            let credentials =
                Credentials { login: Some(samba.login().to_owned()), secret: Some(samba::PASSWORD.to_owned().into()) };
            let share = through(&samba.url(samba::SHARE, ""), &credentials).await;
            compare(report, "smb://", &share, &bare, None);
            report.speed("smb:// read, vs 1 Gbit/s", "MB", megabytes(share.read), SHARE_GOAL, 1.0);
        }
        Err(_) => report.figure("smb://", "not measured".to_owned(), "Samba did not start"),
    }
    let started = std::panic::catch_unwind(|| {
        azurite::azurite().make_container(CONTAINER);
        azurite::azurite().url(CONTAINER)
    });
    match started {
        Ok(url) => {
            let credentials = Credentials { login: None, secret: Some(azurite::key().into()) };
            let blob = through(&url, &credentials).await;
            compare(report, "Blob Storage", &blob, &bare, None);
        }
        Err(_) => report.figure("Blob Storage", "not measured".to_owned(), "Azurite did not start"),
    }
}

/// Lines of one kind; `goals` are the ratios to reach, of writing and of reading.
fn compare(report: &mut Report, kind: &str, times: &Times, bare: &Times, goals: Option<(f64, f64)>) {
    let (write, read) = goals.unzip();
    let line = |what: &str| format!("{kind} {what}, vs bare file");
    report.against(&line("write"), "MB", megabytes(times.write), megabytes(bare.write), write);
    report.against(&line("read"), "MB", megabytes(times.read), megabytes(bare.read), read);
}

fn megabytes(time: Duration) -> f64 {
    rate(SIZE as u64, time) / 1e6
}

/// The file in blocks, none like another.
fn blocks() -> Vec<Vec<u8>> {
    let words = |block: usize| (block * BLOCK..(block + 1) * BLOCK).step_by(8);
    let word = |at: usize| (at as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15).to_le_bytes();
    (0..SIZE / BLOCK).map(|block| words(block).flat_map(word).collect()).collect()
}

/// A file of the operating system, written and synced, and read from its cache.
fn bare(folder: &Path) -> (Duration, Duration) {
    let (path, blocks) = (folder.join("bare"), blocks());
    let started = Instant::now();
    let mut file = File::create(&path).expect("it can be made");
    blocks.iter().for_each(|block| file.write_all(block).expect("it can be written"));
    file.sync_data().expect("it can be synced");
    let write = started.elapsed();
    let started = Instant::now();
    let (mut file, mut block, mut size) = (File::open(&path).expect("it is there"), vec![0; BLOCK], 0);
    loop {
        match file.read(&mut block).expect("it can be read") {
            0 => break,
            read => size += std::hint::black_box(&block[..read]).len(),
        }
    }
    let read = started.elapsed();
    assert_eq!(size, SIZE, "what is measured is done");
    std::fs::remove_file(&path).expect("it can be removed");
    (write, read)
}

/// The same by a working directory.
async fn through(url: &str, credentials: &Credentials) -> Times {
    let work_dir = workdir::open(url, credentials).expect("the URL is one");
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        rounds.push(round(&*work_dir).await);
    }
    Times::best(rounds)
}

async fn round(work_dir: &dyn WorkDir) -> (Duration, Duration) {
    let (id, blocks) = (Uuid::new_v4(), blocks());
    work_dir.create_folder(id).await.expect("a folder can be made");
    let started = Instant::now();
    let mut file = work_dir.create(id, FILE).await.expect("it can be made");
    for block in blocks {
        file.write(block).await.expect("it can be written");
    }
    file.finish().await.expect("it can be finished");
    let write = started.elapsed();
    let started = Instant::now();
    let mut file = work_dir.open(id, FILE).await.expect("it is there");
    let mut size = 0;
    while let Some(block) = file.read().await.expect("it can be read") {
        size += std::hint::black_box(block).len();
    }
    let read = started.elapsed();
    assert_eq!(size, SIZE, "what is measured is done");
    // The folder goes with the storage: a share keeps a file until nobody has it open.
    work_dir.remove(id, FILE).await.expect("it can be removed");
    (write, read)
}
