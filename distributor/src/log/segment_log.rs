//! The log in segment files.

use super::reader::{SegmentReader, Shared};
use super::segment::{self, HEADER, Segment};
use super::{Extent, LogError, LogReader, LogStore, LogView, Place, Record, recovery};
use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::{Arc, RwLock};

/// Size after which a segment is finished and the next one begun.
pub const DEFAULT_SEGMENT_SIZE: u64 = 64 << 20;
/// Zeros that are written ahead of small writes, so that most syncs need not make a new file length durable.
const PREALLOCATE: u64 = 1 << 20;
/// A write of this size or more needs no preallocation: its own bytes outweigh what it would save.
const LARGE_WRITE: u64 = 256 << 10;
/// Encoded bytes that are written at once.
const WRITE_AT: usize = 4 << 20;

/// A [`LogStore`] in segment files of a directory of its own.
#[derive(Debug)]
pub struct SegmentLog {
    shared: Arc<Shared>,
    segment_size: u64,
    /// The newest segment's file.
    file: File,
    /// Its length.
    allocated: u64,
    end: Place,
    unit_end: Place,
    /// Encoded and not yet written, to go at `written`.
    buffer: Vec<u8>,
    written: u64,
}

impl SegmentLog {
    /// Opens the log in a directory, or begins one. What a crash left unfinished at its end is cut off, back to the last complete unit.
    pub fn open(directory: &Path, segment_size: u64) -> Result<Self, LogError> {
        std::fs::create_dir_all(directory).map_err(LogError::io("make", directory))?;
        let mut segments = recovery::read(directory)?;
        if segments.is_empty() {
            segment::create(directory, Place::default())?;
            segments.push(Segment::empty(Place::default()));
        }
        let last = segments.last().ok_or(LogError::Gone)?;
        let end = last.end();
        // Where a unit spans segments, the newest may have none that ends in it.
        let unit_end = segments
            .iter()
            .rev()
            .find(|s| s.unit_end().offset > s.start.offset)
            .map(Segment::unit_end)
            .unwrap_or(segments.first().map(|s| s.start).unwrap_or_default());
        let path = segment::log_path(directory, last.start.offset);
        let file = segment::open(&path)?;
        let allocated = file.metadata().map_err(LogError::io("read", &path))?.len();
        let shared = Arc::new(Shared { directory: directory.to_owned(), segments: RwLock::new(segments) });
        let mut log =
            Self { shared, segment_size, file, allocated, end, unit_end, buffer: Vec::new(), written: end.offset };
        log.rewind(unit_end)?;
        Ok(log)
    }

    fn newest(&self) -> Segment {
        self.shared.look(|segments| segments.last().cloned()).unwrap_or_else(|| Segment::empty(self.end))
    }

    fn newest_start(&self) -> u64 {
        self.shared.look(|segments| segments.last().map_or(0, |s| s.start.offset))
    }

    /// Writes what is encoded.
    fn write_out(&mut self) -> Result<(), LogError> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let start = self.newest_start();
        let (at, length) = (HEADER + self.written - start, self.buffer.len() as u64);
        let written = (|| {
            if at + length > self.allocated && length < LARGE_WRITE {
                self.file.seek(SeekFrom::Start(self.allocated))?;
                let zeros = (at + length - self.allocated).next_multiple_of(PREALLOCATE);
                self.file.write_all(&vec![0; zeros as usize])?;
                self.allocated += zeros;
            }
            self.file.seek(SeekFrom::Start(at))?;
            self.file.write_all(&self.buffer)
        })();
        written.map_err(LogError::io("write", &segment::log_path(&self.shared.directory, start)))?;
        self.allocated = self.allocated.max(at + length);
        self.written += length;
        self.buffer.clear();
        if self.buffer.capacity() > 2 * WRITE_AT {
            self.buffer = Vec::new();
        }
        Ok(())
    }

    /// Finishes the newest segment and begins the next.
    fn roll(&mut self) -> Result<(), LogError> {
        self.write_out()?;
        let finished = self.newest();
        let path = segment::log_path(&self.shared.directory, finished.start.offset);
        let length = HEADER + finished.end().offset - finished.start.offset;
        self.file.set_len(length).and_then(|()| self.file.sync_all()).map_err(LogError::io("finish", &path))?;
        self.allocated = length;
        segment::write_index(&self.shared.directory, &finished)?;
        self.file = segment::create(&self.shared.directory, self.end)?;
        self.allocated = HEADER;
        self.shared.with(|segments| segments.push(Segment::empty(self.end)));
        Ok(())
    }
}

impl LogStore for SegmentLog {
    fn write(&mut self, records: &[Record]) -> Result<(), LogError> {
        for record in records {
            let size = record.stored_size();
            if !record.fits() {
                return Err(LogError::TooLarge { bytes: size });
            }
            let used = self.end.offset - self.newest_start();
            if used > 0 && HEADER + used + size > self.segment_size {
                self.roll()?;
            }
            record.encode(&mut self.buffer);
            self.end = self.shared.with(|segments| {
                segments.last_mut().map_or(self.end, |newest| {
                    newest.push(record.key, size, record.ends_unit, record.counts);
                    newest.written_at = segment::now();
                    newest.end()
                })
            });
            if record.ends_unit {
                self.unit_end = self.end;
            }
            if self.buffer.len() >= WRITE_AT {
                self.write_out()?;
            }
        }
        self.write_out()
    }

    fn sync(&mut self) -> Result<(), LogError> {
        let path = segment::log_path(&self.shared.directory, self.newest_start());
        self.file.sync_data().map_err(LogError::io("sync", &path))
    }

    fn rewind(&mut self, to: Place) -> Result<(), LogError> {
        self.buffer.clear();
        let directory = self.shared.directory.clone();
        let later: Vec<u64> = self.shared.look(|segments| {
            segments.iter().skip(1).map(|s| s.start.offset).filter(|start| *start >= to.offset).collect()
        });
        for start in later.iter().rev() {
            let path = segment::log_path(&directory, *start);
            std::fs::remove_file(&path).map_err(LogError::io("remove", &path))?;
            self.shared.with(Vec::pop);
        }
        self.shared.with(|segments| {
            if let Some(newest) = segments.last_mut() {
                newest.rewind(to);
            }
        });
        let start = self.newest_start();
        // It is open for writing again, and its index no longer true.
        for stale in later.iter().chain([&start]) {
            let index = segment::index_path(&directory, *stale);
            if index.exists() {
                std::fs::remove_file(&index).map_err(LogError::io("remove", &index))?;
            }
        }
        let path = segment::log_path(&directory, start);
        self.file = segment::open(&path)?;
        let length = HEADER + to.offset - start;
        // Whatever lies behind must never be taken for records again.
        self.file.set_len(length).and_then(|()| self.file.sync_all()).map_err(LogError::io("cut", &path))?;
        segment::sync_directory(&directory).map_err(LogError::io("sync", &directory))?;
        self.allocated = length;
        self.end = to;
        self.written = to.offset;
        if self.unit_end.offset > to.offset {
            self.unit_end = to;
        }
        Ok(())
    }

    fn drop_before(&mut self, offset: u64) -> Result<(), LogError> {
        let directory = self.shared.directory.clone();
        loop {
            let oldest = self.shared.look(|segments| match segments {
                [oldest, _, ..] if oldest.end().offset <= offset => Some(oldest.start.offset),
                _ => None,
            });
            let Some(start) = oldest else { break };
            for path in [segment::index_path(&directory, start), segment::log_path(&directory, start)] {
                if path.exists() {
                    std::fs::remove_file(&path).map_err(LogError::io("remove", &path))?;
                }
            }
            self.shared.with(|segments| segments.remove(0));
        }
        segment::sync_directory(&directory).map_err(LogError::io("sync", &directory))
    }

    fn end(&self) -> Place {
        self.end
    }

    fn unit_end(&self) -> Place {
        self.unit_end
    }

    fn view(&self) -> Arc<dyn LogView> {
        Arc::new(SegmentView { shared: self.shared.clone() })
    }
}

struct SegmentView {
    shared: Arc<Shared>,
}

impl LogView for SegmentView {
    fn reader(&self) -> Box<dyn LogReader> {
        Box::new(SegmentReader::new(self.shared.clone()))
    }

    fn first_key(&self) -> Option<u128> {
        self.shared.look(|segments| segments.iter().find_map(|s| s.summary.entries.first().map(|entry| entry.key)))
    }

    fn extents(&self) -> Vec<Extent> {
        self.shared.look(|segments| {
            let extent = |s: &Segment| Extent {
                start: s.start,
                end: s.end(),
                written_at: s.written_at,
                bytes: HEADER + s.end().offset - s.start.offset,
            };
            segments.iter().map(extent).collect()
        })
    }
}
