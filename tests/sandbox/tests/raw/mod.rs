//! A client that speaks TDS in the clear, packet by packet, for what other clients do not let their user see.
#![allow(clippy::unwrap_used, dead_code)]

use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Longest wait for a message.
const LIMIT: Duration = Duration::from_secs(120);

/// Packet types (MS-TDS 2.2.3.1.1).
const BATCH: u8 = 1;
const ATTENTION: u8 = 6;
const LOGIN: u8 = 16;
const PRELOGIN: u8 = 18;
/// Status of a message's last packet.
const END: u8 = 1;

/// A logged-in connection.
pub struct Raw {
    stream: TcpStream,
}

impl Raw {
    /// Logs in to a database.
    pub async fn connect(address: SocketAddr, password: &str, database: &str) -> Self {
        let mut raw = Self { stream: TcpStream::connect(address).await.unwrap() };
        // One option, ENCRYPTION: not supported.
        raw.send(PRELOGIN, &[1, 0, 6, 0, 1, 0xFF, 2]).await;
        raw.message().await;
        raw.send(LOGIN, &login("sa", password, database)).await;
        let answer = raw.message().await;
        assert!(answer.contains(&0xAD), "no LOGINACK: {answer:x?}");
        raw
    }

    /// Sends a batch that needs no transaction.
    pub async fn batch(&mut self, sql: &str) {
        let mut payload = Vec::new();
        payload.extend_from_slice(&22u32.to_le_bytes());
        payload.extend_from_slice(&18u32.to_le_bytes());
        payload.extend_from_slice(&2u16.to_le_bytes());
        payload.extend_from_slice(&0u64.to_le_bytes());
        payload.extend_from_slice(&1u32.to_le_bytes());
        payload.extend(units(sql));
        self.send(BATCH, &payload).await;
    }

    /// Sends an attention.
    pub async fn attention(&mut self) {
        self.send(ATTENTION, &[]).await;
    }

    /// The payload of the server's next message.
    pub async fn message(&mut self) -> Vec<u8> {
        let read = async {
            let mut message = Vec::new();
            loop {
                let mut header = [0; 8];
                self.stream.read_exact(&mut header).await.unwrap();
                let length = usize::from(u16::from_be_bytes([header[2], header[3]])) - header.len();
                let start = message.len();
                message.resize(start + length, 0);
                self.stream.read_exact(&mut message[start..]).await.unwrap();
                if header[1] & END != 0 {
                    return message;
                }
            }
        };
        tokio::time::timeout(LIMIT, read).await.expect("a message within the limit")
    }

    async fn send(&mut self, kind: u8, payload: &[u8]) {
        let length = (payload.len() + 8) as u16;
        let mut packet = vec![kind, END];
        packet.extend_from_slice(&length.to_be_bytes());
        packet.extend_from_slice(&[0, 0, 1, 0]);
        packet.extend_from_slice(payload);
        self.stream.write_all(&packet).await.unwrap();
    }
}

fn units(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// A LOGIN7 record (MS-TDS 2.2.6.4).
fn login(user: &str, password: &str, database: &str) -> Vec<u8> {
    const FIXED_BYTES: usize = 94;
    let mut record = vec![0; FIXED_BYTES];
    record[4..8].copy_from_slice(&0x7400_0004u32.to_le_bytes());
    record[8..12].copy_from_slice(&4096u32.to_le_bytes());
    for (at, text) in [(40, user), (44, password), (68, database)] {
        let mut bytes = units(text);
        if at == 44 {
            bytes.iter_mut().for_each(|byte| *byte = byte.rotate_left(4) ^ 0xA5);
        }
        let offset = record.len() as u16;
        record[at..at + 2].copy_from_slice(&offset.to_le_bytes());
        record[at + 2..at + 4].copy_from_slice(&(bytes.len() as u16 / 2).to_le_bytes());
        record.extend(bytes);
    }
    let length = record.len() as u32;
    record[..4].copy_from_slice(&length.to_le_bytes());
    record
}

/// Status of the DONE token that ends a message.
pub fn done_status(message: &[u8]) -> u16 {
    const DONE_BYTES: usize = 13;
    let done = &message[message.len() - DONE_BYTES..];
    assert_eq!(done[0], 0xFD, "the message ends with DONE");
    u16::from_le_bytes([done[1], done[2]])
}

/// DONE_ERROR.
pub const ERROR: u16 = 0x02;
/// DONE_ATTN.
pub const ACKNOWLEDGED: u16 = 0x20;

/// Reads the two messages that answer a request which an attention ended: its response, cut short, and the acknowledgement.
pub async fn expect_cancelled(raw: &mut Raw) {
    assert_eq!(done_status(&raw.message().await), ERROR);
    let acknowledgement = raw.message().await;
    assert_eq!((acknowledgement.len(), done_status(&acknowledgement)), (13, ACKNOWLEDGED));
}
