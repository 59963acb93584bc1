//! Opening a log after whatever ended the last process.

use super::LogError;
use super::reader::Source;
use super::segment::{self, Segment};
use std::io;
use std::path::Path;

/// Reads what is in a directory, oldest first; empty if there is no log yet. Only the newest segments can have been in the middle of
/// something: there, what cannot be read is where writing was cut off. In an older one it is damage.
pub(super) fn read(directory: &Path) -> Result<Vec<Segment>, LogError> {
    let offsets = segment::list(directory).map_err(LogError::io("list", directory))?;
    let mut segments: Vec<Segment> = Vec::with_capacity(offsets.len());
    for (number, offset) in offsets.iter().copied().enumerate() {
        let path = segment::log_path(directory, offset);
        let newest = number + 1 == offsets.len();
        let mut file = segment::open(&path)?;
        let metadata = file.metadata().map_err(LogError::io("read", &path))?;
        let start = segment::read_header(&path, &mut file, offset)?;
        if let Some(before) = segments.last()
            && before.end() != start
        {
            let why = "the segment before it does not end where it begins";
            return Err(LogError::Damaged { path, offset: 0, why });
        }
        let stored = offset + metadata.len() - segment::HEADER;
        let mut read = Segment::empty(start);
        let index = (!newest).then(|| segment::read_index(directory, offset)).flatten();
        match index {
            Some(summary) => {
                read.summary = summary;
                if read.end().offset > stored {
                    return Err(LogError::Damaged { path, offset: metadata.len(), why: "it is shorter than it was" });
                }
            }
            None => {
                let mut source = Source::new(path, file, offset);
                scan(&mut source, &mut read, stored)?;
                // What was written last but never finished may follow in a newer file only if that was begun: its start tells.
                let next = offsets.get(number + 1).copied();
                if next.is_some_and(|next| next != read.end().offset) {
                    return Err(source.damaged(read.end().offset, "a record cannot be read"));
                }
            }
        }
        read.written_at = metadata.modified().map_or(0, segment::micros);
        segments.push(read);
    }
    Ok(segments)
}

/// Reads records, payloads included, up to the first that is not whole.
fn scan(source: &mut Source, segment: &mut Segment, end: u64) -> Result<(), LogError> {
    loop {
        let offset = segment.end().offset;
        let record = match source.record(offset, end) {
            // A hole at the end of what the file system kept.
            Err(LogError::Io { source, .. }) if source.kind() == io::ErrorKind::UnexpectedEof => None,
            other => other?,
        };
        let Some((header, _)) = record else { return Ok(()) };
        let payload = source.payload(offset, &header, 0..header.payload, end)?;
        let whole = payload.is_some_and(|p| crc32fast::hash(p) == header.payload_crc);
        let ordered = segment.end().key.is_none_or(|last| last <= header.key);
        if !whole || !ordered {
            return Ok(());
        }
        segment.push(header.key, header.size(), header.ends_unit(), header.counts());
    }
}
