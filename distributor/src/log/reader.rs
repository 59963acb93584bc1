//! Reading segments.

use super::record::{HEADER, Header};
use super::segment::{self, Entry, Segment};
use super::{LogError, LogReader, Place, RecordHead};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

/// Bytes read at a time, or more where one record needs them.
const READ_AHEAD: usize = 128 << 10;
/// A buffer that grew beyond this for a large record is given back.
const KEEP: usize = 2 << 20;

/// What the writer and its readers share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) directory: PathBuf,
    /// Oldest first, never empty.
    pub(super) segments: RwLock<Vec<Segment>>,
}

impl Shared {
    pub(super) fn with<T>(&self, use_segments: impl FnOnce(&mut Vec<Segment>) -> T) -> T {
        use_segments(&mut self.segments.write().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn look<T>(&self, use_segments: impl FnOnce(&[Segment]) -> T) -> T {
        use_segments(&self.segments.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The segment that holds what follows an offset: where it begins and ends.
    fn holding(&self, offset: u64) -> Option<(u64, u64)> {
        self.look(|segments| {
            let index = segments.partition_point(|s| s.start.offset <= offset).checked_sub(1)?;
            let found = &segments[index];
            Some((found.start.offset, found.end().offset))
        })
    }
}

/// Records of one segment file, read through a buffer.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) path: PathBuf,
    file: File,
    /// Offset in the log of the segment's first record.
    pub(super) start: u64,
    buffer: Vec<u8>,
    /// Offset in the log of the buffer's first byte.
    at: u64,
}

impl Source {
    pub(super) fn new(path: PathBuf, file: File, start: u64) -> Self {
        Self { path, file, start, buffer: Vec::new(), at: start }
    }

    /// The bytes at an offset in the log; `None` where they do not all lie before `end`.
    fn bytes(&mut self, offset: u64, length: usize, end: u64) -> Result<Option<&[u8]>, LogError> {
        if offset + length as u64 > end {
            return Ok(None);
        }
        let buffered = self.at <= offset && offset + length as u64 <= self.at + self.buffer.len() as u64;
        if !buffered {
            let wanted = (length.max(READ_AHEAD) as u64).min(end - offset) as usize;
            if self.buffer.capacity() > KEEP && wanted <= KEEP {
                self.buffer = Vec::new();
            }
            self.buffer.resize(wanted, 0);
            self.at = offset;
            let read = self
                .file
                .seek(SeekFrom::Start(segment::HEADER + (offset - self.start)))
                .and_then(|_| self.file.read_exact(&mut self.buffer));
            if let Err(error) = read {
                self.buffer.clear();
                return Err(LogError::io("read", &self.path)(error));
            }
        }
        let from = (offset - self.at) as usize;
        Ok(self.buffer.get(from..from + length))
    }

    /// The header and head at an offset; `None` where no whole record lies before `end`.
    pub(super) fn record(&mut self, offset: u64, end: u64) -> Result<Option<(Header, Vec<u8>)>, LogError> {
        let Some(bytes) = self.bytes(offset, HEADER, end)?.and_then(|b| b.first_chunk::<HEADER>()) else {
            return Ok(None);
        };
        let header = Header::parse(*bytes);
        if offset + header.size() > end {
            return Ok(None);
        }
        let Some(head) = self.bytes(offset + HEADER as u64, header.head as usize, end)? else { return Ok(None) };
        Ok(header.matches(head).then(|| (header, head.to_vec())))
    }

    /// A part of the payload of the record at an offset.
    pub(super) fn payload(
        &mut self,
        offset: u64,
        header: &Header,
        range: Range<u32>,
        end: u64,
    ) -> Result<Option<&[u8]>, LogError> {
        let from = offset + HEADER as u64 + u64::from(header.head) + u64::from(range.start);
        self.bytes(from, range.len(), end)
    }

    pub(super) fn damaged(&self, offset: u64, why: &'static str) -> LogError {
        LogError::Damaged { path: self.path.clone(), offset: segment::HEADER + (offset - self.start), why }
    }
}

/// Reads a [`super::SegmentLog`].
#[derive(Debug)]
pub(super) struct SegmentReader {
    shared: Arc<Shared>,
    source: Option<Source>,
    offset: u64,
    /// The record returned last, and where it is.
    last: Option<(u64, Header)>,
}

impl SegmentReader {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        let offset = shared.look(|segments| segments.first().map_or(0, |s| s.start.offset));
        Self { shared, source: None, offset, last: None }
    }

    /// Opens the segment that holds the present offset and returns where it ends.
    fn open(&mut self) -> Result<u64, LogError> {
        let (start, end) = self.shared.holding(self.offset).ok_or(LogError::Gone)?;
        if self.source.as_ref().is_none_or(|s| s.start != start) {
            let path = segment::log_path(&self.shared.directory, start);
            let file = File::open(&path).map_err(|error| match error.kind() {
                std::io::ErrorKind::NotFound => LogError::Gone,
                _ => LogError::io("open", &path)(error),
            })?;
            self.source = Some(Source::new(path, file, start));
        }
        Ok(end)
    }
}

impl LogReader for SegmentReader {
    fn seek_after(&mut self, key: Option<u128>, limit: u64) -> Result<Place, LogError> {
        let found = self.shared.look(|segments| {
            let first = segments.first()?;
            if key < first.start.key {
                return None;
            }
            let start = Entry { key: 0, offset: first.start.offset, units: first.start.units };
            // The last known beginning of a unit that is not after what is looked for.
            let known = segments.iter().rev().find_map(|s| {
                let after = s.summary.entries.partition_point(|e| Some(e.key) <= key);
                after.checked_sub(1).map(|index| s.summary.entries[index])
            });
            Some(known.unwrap_or(start))
        });
        let entry = found.ok_or(LogError::Gone)?;
        self.offset = entry.offset;
        self.last = None;
        let mut place = Place { offset: entry.offset, key, units: entry.units };
        while let Some(head) = self.next(limit)? {
            if Some(head.key) > key {
                self.offset = place.offset;
                break;
            }
            let units = place.units + u64::from(head.ends_unit && head.counts);
            place = Place { offset: self.offset, key: Some(head.key), units };
        }
        self.last = None;
        Ok(place)
    }

    fn next(&mut self, limit: u64) -> Result<Option<RecordHead>, LogError> {
        if self.offset >= limit {
            return Ok(None);
        }
        let end = self.open()?.min(limit);
        let offset = self.offset;
        let source = self.source.as_mut().ok_or(LogError::Gone)?;
        let Some((header, head)) = source.record(offset, end)? else {
            return Err(source.damaged(offset, "a record's checksum is wrong"));
        };
        self.offset += header.size();
        self.last = Some((offset, header));
        Ok(Some(RecordHead {
            key: header.key,
            ends_unit: header.ends_unit(),
            counts: header.counts(),
            head,
            payload: header.payload,
        }))
    }

    fn payload(&mut self, range: Range<u32>) -> Result<Vec<u8>, LogError> {
        let ((offset, header), source) = self.last.as_ref().zip(self.source.as_mut()).ok_or(LogError::Gone)?;
        let (offset, end) = (*offset, *offset + header.size());
        let bytes = if range.end <= header.payload { source.payload(offset, header, range, end)? } else { None };
        match bytes.map(<[u8]>::to_vec) {
            Some(bytes) => Ok(bytes),
            None => Err(source.damaged(offset, "a record is shorter than its head says")),
        }
    }

    fn offset(&self) -> u64 {
        self.offset
    }
}
