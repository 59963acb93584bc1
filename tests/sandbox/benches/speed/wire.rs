//! A client that moves bytes: it sends what was made beforehand and reads responses without looking into them.

use sandbox::session::ColumnMeta;
use sandbox::tds::packet::{PacketType, Packetizer};
use sandbox::tds::token::{Done, DoneKind, RowWriter, put_done};
use sandbox::types::Datum;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

/// Packet size that is agreed on: the largest.
const PACKET: usize = 32_767;
const HEADER: usize = 8;
const LAST: u8 = 0x01;

/// A connection that is logged in.
pub struct Wire {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Wire {
    /// Logs in as `sa`.
    pub fn connect(address: SocketAddr, password: &str, database: &str) -> Self {
        let stream = TcpStream::connect(address).expect("the server accepts");
        stream.set_nodelay(true).expect("a socket option");
        let mut wire = Self { stream, buffer: vec![0; 1 << 20] };
        // VERSION and ENCRYPTION (not supported), each with its offset and length.
        let prelogin = [0, 0, 11, 0, 6, 1, 0, 17, 0, 1, 0xFF, 0, 0, 0, 0, 0, 0, 2];
        wire.send(PacketType::PreLogin, 4096, prelogin.to_vec());
        wire.response();
        wire.send(PacketType::Login, 4096, login_record(password, database));
        wire.response();
        wire
    }

    fn send(&mut self, kind: PacketType, packet: usize, mut message: Vec<u8>) {
        let framed = Packetizer::new(kind, packet).take(&mut message, true);
        self.stream.write_all(&framed).expect("the server reads");
    }

    /// Reads a response to its end; the count in its last DONE.
    fn response(&mut self) -> u64 {
        let mut tail = Vec::new();
        loop {
            let mut header = [0; HEADER];
            self.stream.read_exact(&mut header).expect("the server answers");
            let length = usize::from(u16::from_be_bytes([header[2], header[3]])) - HEADER;
            self.stream.read_exact(&mut self.buffer[..length]).expect("the server answers");
            if header[1] & LAST != 0 {
                tail.extend_from_slice(&self.buffer[..length]);
                break;
            }
            // The last token may lie across the last two packets.
            tail = self.buffer[length.saturating_sub(16)..length].to_vec();
        }
        tail.len().checked_sub(8).map_or(0, |at| {
            let mut bytes = [0; 8];
            bytes.copy_from_slice(&tail[at..]);
            u64::from_le_bytes(bytes)
        })
    }

    /// Runs a batch; the count of its last statement.
    pub fn batch(&mut self, sql: &str) -> u64 {
        // ALL_HEADERS with the transaction descriptor 0.
        let mut message = vec![22, 0, 0, 0, 18, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0];
        message.extend(sql.encode_utf16().flat_map(u16::to_le_bytes));
        self.send(PacketType::Batch, PACKET, message);
        self.response()
    }

    /// Sends a bulk load whose packets were made beforehand; how many rows it loaded.
    pub fn load(&mut self, announcement: &str, packets: &[u8]) -> u64 {
        self.batch(announcement);
        self.stream.write_all(packets).expect("the server reads");
        self.response()
    }
}

/// The packets of a bulk load.
pub fn bulk_packets(columns: &[ColumnMeta], rows: &[Vec<Datum>]) -> Vec<u8> {
    let mut message = Vec::new();
    let writer = RowWriter::start(&mut message, columns, false);
    for row in rows {
        writer.row(&mut message, row).expect("the rows are of their columns' types");
    }
    put_done(&mut message, DoneKind::Statement, Done::default());
    Packetizer::new(PacketType::BulkLoad, PACKET).take(&mut message, true)
}

/// LOGIN7 (2.2.6.4).
fn login_record(password: &str, database: &str) -> Vec<u8> {
    const FIXED: usize = 94;
    const TDS_7_4: u32 = 0x7400_0004;
    let mut record = vec![0; FIXED];
    record[4..8].copy_from_slice(&TDS_7_4.to_le_bytes());
    record[8..12].copy_from_slice(&(PACKET as u32).to_le_bytes());
    let hidden = |byte: u8| byte.rotate_left(4) ^ 0xA5;
    // Host, user, password, application, server, none, library, language, database.
    let fields = ["bench", "sa", password, "bench", "sandbox", "", "", "", database];
    for (index, text) in fields.iter().enumerate() {
        let at = 36 + 4 * index;
        let offset = record.len() as u16;
        let bytes: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        record[at..at + 2].copy_from_slice(&offset.to_le_bytes());
        record[at + 2..at + 4].copy_from_slice(&((bytes.len() / 2) as u16).to_le_bytes());
        let is_password = index == 2;
        record.extend(bytes.into_iter().map(|byte| if is_password { hidden(byte) } else { byte }));
    }
    let length = record.len() as u32;
    record[..4].copy_from_slice(&length.to_le_bytes());
    record
}
