//! Compression of data files: standard zstd frames (RFC 8878), so that `zstd -d` gives the bcp file back.

use crate::error::WorkDirError;
use std::fmt;
use std::io::{self, Write};
use std::str::FromStr;
use zstd::stream::raw::{self, InBuffer, Operation, OutBuffer};
use zstd::stream::write;
use zstd::zstd_safe::DParameter;

/// End of the name of a compressed file.
const ZST: &str = ".zst";
/// Of 64 MiB of order lines as bcp files have them, level 1 makes 21.0 % at 440 MB/s, level 3 20.5 % at 210, level 5 19.6 % at 92
/// (one core; back at about 1 GB/s).
const LEVEL: i32 = 1;
/// Largest window that is accepted, as a power of two: what a frame may ask for in memory. Ours are far below.
const WINDOW: u32 = 23;
/// Bytes of decompressed rows that are handed over at once.
const BLOCK: usize = 1 << 20;

/// How data files are compressed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Compression {
    /// Not at all.
    #[default]
    None,
    /// By zstd.
    Zstd,
}

impl Compression {
    /// A data file's name says how it is compressed.
    pub fn of_file(name: &str) -> Self {
        if name.ends_with(ZST) { Self::Zstd } else { Self::None }
    }

    /// The name of a data file that would be called `name` if it were not compressed.
    pub(crate) fn file(self, name: String) -> String {
        match self {
            Self::None => name,
            Self::Zstd => name + ZST,
        }
    }
}

impl FromStr for Compression {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "none" => Ok(Self::None),
            "zstd" => Ok(Self::Zstd),
            _ => Err("compression is none or zstd".to_owned()),
        }
    }
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "none",
            Self::Zstd => "zstd",
        })
    }
}

/// Makes the bytes of a file from those of its rows.
pub(crate) enum Compressor {
    None,
    Zstd(write::Encoder<'static, Vec<u8>>),
}

impl Compressor {
    pub(crate) fn new(compression: Compression) -> io::Result<Self> {
        Ok(match compression {
            Compression::None => Self::None,
            Compression::Zstd => {
                let mut encoder = write::Encoder::new(Vec::new(), LEVEL)?;
                encoder.include_checksum(true)?;
                Self::Zstd(encoder)
            }
        })
    }

    /// Takes a block and gives what there is to write, which may be nothing yet.
    pub(crate) fn push(&mut self, block: Vec<u8>) -> io::Result<Vec<u8>> {
        match self {
            Self::None => Ok(block),
            Self::Zstd(encoder) => {
                encoder.write_all(&block)?;
                Ok(std::mem::take(encoder.get_mut()))
            }
        }
    }

    /// The end of the file.
    pub(crate) fn finish(self) -> io::Result<Vec<u8>> {
        match self {
            Self::None => Ok(Vec::new()),
            Self::Zstd(encoder) => encoder.finish(),
        }
    }
}

/// Makes the rows' bytes from those of their file, and never more of them than the manifest tells, whatever the file holds.
pub(crate) struct Decompressor {
    /// The file, for errors.
    name: String,
    decoder: Option<raw::Decoder<'static>>,
    /// The decoder has begun a frame and not ended it.
    within_frame: bool,
    /// There was no room for everything that the decoder had to give.
    pending: bool,
    /// Bytes that may still come.
    left: u64,
    bytes: u64,
}

impl Decompressor {
    /// For a file of this name with `bytes` bytes of rows.
    pub(crate) fn new(name: &str, bytes: u64) -> Result<Self, WorkDirError> {
        let decoder = match Compression::of_file(name) {
            Compression::None => Ok(None),
            Compression::Zstd => raw::Decoder::new().and_then(|mut decoder| {
                decoder.set_parameter(DParameter::WindowLogMax(WINDOW))?;
                Ok(Some(decoder))
            }),
        };
        let decoder = decoder.map_err(|error| WorkDirError::storage(format!("cannot read {name}"), error))?;
        Ok(Self { name: name.to_owned(), decoder, within_frame: false, pending: false, left: bytes, bytes })
    }

    /// Decompresses a stored block in steps: the next part of the rows, after `at` bytes of the block, which moves on; `None` once the block
    /// is used up.
    pub(crate) fn next(&mut self, stored: &mut Vec<u8>, at: &mut usize) -> Result<Option<Vec<u8>>, WorkDirError> {
        // A decoder that is called for nothing at the end of a frame takes it for the beginning of another.
        while *at < stored.len() || self.pending {
            let part = match &mut self.decoder {
                None => {
                    *at = 0;
                    std::mem::take(stored)
                }
                Some(decoder) => {
                    let mut part = vec![0; BLOCK];
                    let mut input = InBuffer::around(&stored[*at..]);
                    let mut output = OutBuffer::around(&mut part[..]);
                    let ran = decoder.run(&mut input, &mut output);
                    let (read, written) = (input.pos(), output.pos());
                    match ran {
                        Ok(hint) => self.within_frame = hint != 0,
                        Err(error) => return Err(self.damaged(&format!("it cannot be decompressed: {error}"))),
                    }
                    *at += read;
                    self.pending = self.within_frame && written == BLOCK;
                    part.truncate(written);
                    part
                }
            };
            match self.left.checked_sub(part.len() as u64) {
                Some(left) => self.left = left,
                None => return Err(self.damaged(&format!("it holds more than its {} bytes of rows", self.bytes))),
            }
            if !part.is_empty() {
                return Ok(Some(part));
            }
        }
        Ok(None)
    }

    /// After the last block.
    pub(crate) fn finish(&self) -> Result<(), WorkDirError> {
        if self.within_frame {
            return Err(self.damaged("its compressed data has no end"));
        }
        if self.left > 0 {
            let held = self.bytes - self.left;
            return Err(self.damaged(&format!("it holds {held} bytes of rows instead of {}", self.bytes)));
        }
        Ok(())
    }

    fn damaged(&self, why: &str) -> WorkDirError {
        WorkDirError::damaged(format!("the snapshot's file {} is damaged: {why}", self.name))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::{Compression, Compressor, Decompressor};
    use crate::error::WorkDirError;
    use proptest::prelude::*;

    const NAME: &str = "0001.t.001.bcp.zst";

    fn compressed(blocks: &[Vec<u8>]) -> Vec<u8> {
        let mut compressor = Compressor::new(Compression::Zstd).unwrap();
        let mut stored: Vec<u8> = blocks.iter().flat_map(|block| compressor.push(block.clone()).unwrap()).collect();
        stored.extend(compressor.finish().unwrap());
        stored
    }

    /// Decompresses what is stored, given in pieces of this size.
    fn decompressed(stored: &[u8], piece: usize, bytes: u64) -> Result<Vec<u8>, WorkDirError> {
        let mut decompressor = Decompressor::new(NAME, bytes)?;
        let mut rows = Vec::new();
        for piece in stored.chunks(piece) {
            let (mut piece, mut at) = (piece.to_vec(), 0);
            while let Some(part) = decompressor.next(&mut piece, &mut at)? {
                rows.extend(part);
            }
            assert!(at >= piece.len());
        }
        decompressor.finish()?;
        Ok(rows)
    }

    proptest! {
        #[test]
        fn rows_come_back(blocks in prop::collection::vec(prop::collection::vec(0u8..4, 0..3000), 0..5), piece in 1usize..5000) {
            let rows = blocks.concat();
            prop_assert_eq!(decompressed(&compressed(&blocks), piece, rows.len() as u64).unwrap(), rows);
        }

        #[test]
        fn what_is_not_whole_is_an_error_and_never_too_much(stored: Vec<u8>, bytes in 0u64..100) {
            if let Ok(rows) = decompressed(&stored, 64, bytes) {
                prop_assert_eq!(rows.len() as u64, bytes);
            }
        }
    }

    #[test]
    fn a_frame_that_grows_beyond_its_rows_is_stopped_and_named() {
        // 256 MiB of zeros in a few KiB.
        let bomb = compressed(&vec![vec![0; 1 << 20]; 256]);
        assert!(bomb.len() < 64 << 10);
        let mut decompressor = Decompressor::new(NAME, 3 << 20).unwrap();
        let (mut bomb, mut at, mut most) = (bomb, 0, 0);
        let error = loop {
            match decompressor.next(&mut bomb, &mut at) {
                Ok(Some(part)) => most += part.len(),
                Ok(None) => panic!("the bomb went off"),
                Err(error) => break error.to_string(),
            }
        };
        assert!(most <= 3 << 20, "{most}");
        assert!(error.contains(NAME) && error.contains("more than its 3145728 bytes"), "{error}");
    }

    #[test]
    fn a_cut_frame_and_a_window_of_gigabytes_are_named() {
        let stored = compressed(&[vec![7; 5000]]);
        for cut in [1, stored.len() / 2, stored.len() - 1] {
            assert!(decompressed(&stored[..cut], 100, 5000).unwrap_err().to_string().contains(NAME));
        }
        for bytes in [4999, 5001] {
            assert!(decompressed(&stored, 100, bytes).unwrap_err().to_string().contains(NAME));
        }
        // Magic number, a frame header without a single segment, and a window descriptor for 2 GiB (RFC 8878, 3.1.1.1.2).
        let wide = [0x28, 0xB5, 0x2F, 0xFD, 0x00, 21 << 3, 0x01, 0x00, 0x00];
        let error = decompressed(&wide, 100, 0).unwrap_err().to_string();
        assert!(error.contains("cannot be decompressed"), "{error}");
    }
}
