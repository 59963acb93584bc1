//! A segment file: its name, its header, what is known of its content, and the index file that a finished one gets.
//!
//! `<offset>.log` begins with 64 bytes: magic, version, CRC-32 of what follows, offset, units before, key before and whether there is
//! one. Records follow up to the file's end, or to zeros where the file was preallocated.
//! `<offset>.index` holds a finished segment's [`Summary`], so that opening the log need not read it all.

use super::{LogError, Place};
use serde::{Deserialize, Serialize};
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// Bytes before a segment's first record.
pub(super) const HEADER: u64 = 64;
const MAGIC: [u8; 8] = *b"SQLRQLOG";
const INDEX_MAGIC: [u8; 8] = *b"SQLRQIDX";
const VERSION: u32 = 1;
/// Distance between two entries of the sparse index.
const INDEX_EVERY: u64 = 128 << 10;

/// The beginning of a unit within a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Entry {
    pub(super) key: u128,
    pub(super) offset: u64,
    /// Counted units before it.
    pub(super) units: u64,
}

/// What is in a segment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Summary {
    /// Where its records end.
    pub(super) end: StoredPlace,
    /// Where the last unit that ends in it ends; at its beginning if none does.
    pub(super) unit_end: StoredPlace,
    /// Some beginnings of units, ascending; the first one in the segment is among them.
    pub(super) entries: Vec<Entry>,
}

/// [`Place`], as stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct StoredPlace {
    offset: u64,
    key: Option<u128>,
    units: u64,
}

impl From<Place> for StoredPlace {
    fn from(place: Place) -> Self {
        Self { offset: place.offset, key: place.key, units: place.units }
    }
}

impl From<StoredPlace> for Place {
    fn from(place: StoredPlace) -> Self {
        Self { offset: place.offset, key: place.key, units: place.units }
    }
}

/// A segment as known in memory.
#[derive(Debug, Clone)]
pub(super) struct Segment {
    pub(super) start: Place,
    pub(super) summary: Summary,
    pub(super) written_at: i64,
}

impl Segment {
    pub(super) fn empty(start: Place) -> Self {
        let summary = Summary { end: start.into(), unit_end: start.into(), entries: Vec::new() };
        Self { start, summary, written_at: now() }
    }

    pub(super) fn end(&self) -> Place {
        self.summary.end.into()
    }

    pub(super) fn unit_end(&self) -> Place {
        self.summary.unit_end.into()
    }

    /// Notes a record at the end.
    pub(super) fn push(&mut self, key: u128, size: u64, ends_unit: bool, counts: bool) {
        let end = self.end();
        let starts_unit = end.key != Some(key);
        let due = self.summary.entries.last().is_none_or(|last| end.offset - last.offset >= INDEX_EVERY);
        if starts_unit && due {
            self.summary.entries.push(Entry { key, offset: end.offset, units: end.units });
        }
        let units = end.units + u64::from(ends_unit && counts);
        let end = Place { offset: end.offset + size, key: Some(key), units };
        self.summary.end = end.into();
        if ends_unit {
            self.summary.unit_end = end.into();
        }
    }

    /// Forgets everything after a place in it that ends a unit or ends what had been written at some time.
    pub(super) fn rewind(&mut self, to: Place) {
        self.summary.entries.retain(|entry| entry.offset < to.offset);
        self.summary.end = to.into();
        if self.unit_end().offset > to.offset {
            self.summary.unit_end = to.into();
        }
    }
}

/// Now, microseconds since 1970-01-01 UTC.
pub(super) fn now() -> i64 {
    micros(SystemTime::now())
}

pub(super) fn micros(time: SystemTime) -> i64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |d| d.as_micros() as i64)
}

pub(super) fn log_path(directory: &Path, offset: u64) -> PathBuf {
    directory.join(format!("{offset:020}.log"))
}

pub(super) fn index_path(directory: &Path, offset: u64) -> PathBuf {
    directory.join(format!("{offset:020}.index"))
}

/// The offsets of the segment files in a directory, ascending.
pub(super) fn list(directory: &Path) -> io::Result<Vec<u64>> {
    let mut offsets = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        let name = entry?.file_name();
        let digits = name.to_str().and_then(|n| n.strip_suffix(".log")).filter(|d| d.len() == 20);
        offsets.extend(digits.and_then(|d| d.parse::<u64>().ok()));
    }
    offsets.sort_unstable();
    Ok(offsets)
}

/// Makes what happened to a directory's entries durable.
pub(super) fn sync_directory(directory: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(directory)?.sync_all() } else { Ok(()) }
}

/// Makes a segment file durably and opens it.
pub(super) fn create(directory: &Path, start: Place) -> Result<File, LogError> {
    let mut header = Vec::with_capacity(HEADER as usize);
    header.extend_from_slice(&MAGIC);
    header.extend_from_slice(&VERSION.to_le_bytes());
    header.extend_from_slice(&[0; 4]);
    header.extend_from_slice(&start.offset.to_le_bytes());
    header.extend_from_slice(&start.units.to_le_bytes());
    header.extend_from_slice(&start.key.unwrap_or(0).to_le_bytes());
    header.push(u8::from(start.key.is_some()));
    header.resize(HEADER as usize, 0);
    let crc = crc32fast::hash(&header[16..]);
    header[12..16].copy_from_slice(&crc.to_le_bytes());
    let path = log_path(directory, start.offset);
    replace(directory, &path, &header)?;
    open(&path)
}

pub(super) fn open(path: &Path) -> Result<File, LogError> {
    OpenOptions::new().read(true).write(true).open(path).map_err(LogError::io("open", path))
}

/// Reads a segment's header: where it begins.
pub(super) fn read_header(path: &Path, file: &mut File, offset: u64) -> Result<Place, LogError> {
    let damaged = |why| LogError::Damaged { path: path.to_owned(), offset: 0, why };
    let mut header = [0; HEADER as usize];
    file.read_exact(&mut header).map_err(|e| match e.kind() {
        io::ErrorKind::UnexpectedEof => damaged("it is shorter than its header"),
        _ => LogError::io("read", path)(e),
    })?;
    let word = |at: usize| {
        let mut word = [0; 8];
        word.copy_from_slice(&header[at..at + 8]);
        u64::from_le_bytes(word)
    };
    if header[..8] != MAGIC {
        return Err(damaged("it is not a segment file"));
    }
    if header[8..12] != VERSION.to_le_bytes() {
        return Err(damaged("it is of another version of this program"));
    }
    if header[12..16] != crc32fast::hash(&header[16..]).to_le_bytes() {
        return Err(damaged("its header's checksum is wrong"));
    }
    if word(16) != offset {
        return Err(damaged("it was renamed"));
    }
    let key = u128::from(word(32)) | (u128::from(word(40)) << 64);
    Ok(Place { offset, units: word(24), key: (header[48] != 0).then_some(key) })
}

/// Writes a finished segment's index.
pub(super) fn write_index(directory: &Path, segment: &Segment) -> Result<(), LogError> {
    let path = index_path(directory, segment.start.offset);
    let body =
        proto::codec::encode(&segment.summary).map_err(|e| LogError::io("encode", &path)(io::Error::other(e)))?;
    let mut bytes = INDEX_MAGIC.to_vec();
    bytes.extend_from_slice(&crc32fast::hash(&body).to_le_bytes());
    bytes.extend_from_slice(&body);
    replace(directory, &path, &bytes)
}

/// Reads a finished segment's index; `None` if there is none that can be used.
pub(super) fn read_index(directory: &Path, offset: u64) -> Option<Summary> {
    let bytes = std::fs::read(index_path(directory, offset)).ok()?;
    let (crc, body) = bytes.strip_prefix(&INDEX_MAGIC)?.split_first_chunk::<4>()?;
    if crc32fast::hash(body).to_le_bytes() != *crc {
        return None;
    }
    proto::codec::decode(body).ok()
}

/// Write, sync, rename, sync of the directory: the file is there as a whole or not at all.
fn replace(directory: &Path, path: &Path, content: &[u8]) -> Result<(), LogError> {
    let scratch = path.with_extension("new");
    let written = (|| {
        let mut file = File::create(&scratch)?;
        file.write_all(content)?;
        file.sync_all()?;
        std::fs::rename(&scratch, path)?;
        sync_directory(directory)
    })();
    written.map_err(LogError::io("write", path))
}
