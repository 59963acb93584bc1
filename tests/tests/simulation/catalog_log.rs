//! What the distributor's catalog writes: durable at once, and never read again.

use distributor::log::{Extent, LogError, LogReader, LogStore, LogView, Place, Record, RecordHead};
use std::ops::Range;
use std::sync::Arc;

/// A log that only knows where it ends. The catalog outlives the process in these tests as it is.
#[derive(Debug, Default)]
pub struct CatalogLog {
    end: Place,
}

struct Nothing;

impl LogStore for CatalogLog {
    fn write(&mut self, records: &[Record]) -> Result<(), LogError> {
        for record in records {
            self.end = Place { offset: self.end.offset + 1, key: Some(record.key), units: self.end.units + 1 };
        }
        Ok(())
    }

    fn sync(&mut self) -> Result<(), LogError> {
        Ok(())
    }

    fn rewind(&mut self, to: Place) -> Result<(), LogError> {
        self.end = to;
        Ok(())
    }

    fn drop_before(&mut self, _offset: u64) -> Result<(), LogError> {
        Ok(())
    }

    fn end(&self) -> Place {
        self.end
    }

    fn unit_end(&self) -> Place {
        self.end
    }

    fn view(&self) -> Arc<dyn LogView> {
        Arc::new(Nothing)
    }
}

impl LogView for Nothing {
    fn reader(&self) -> Box<dyn LogReader> {
        Box::new(Self)
    }

    fn extents(&self) -> Vec<Extent> {
        let start = Place::default();
        vec![Extent { start, end: start, written_at: 0, bytes: 0 }]
    }

    fn first_key(&self) -> Option<u128> {
        None
    }
}

impl LogReader for Nothing {
    fn seek_after(&mut self, _key: Option<u128>, _limit: u64) -> Result<Place, LogError> {
        Ok(Place::default())
    }

    fn next(&mut self, _limit: u64) -> Result<Option<RecordHead>, LogError> {
        Ok(None)
    }

    fn payload(&mut self, _range: Range<u32>) -> Result<Vec<u8>, LogError> {
        Ok(Vec::new())
    }

    fn offset(&self) -> u64 {
        0
    }
}
