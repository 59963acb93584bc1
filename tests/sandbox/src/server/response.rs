//! The response to a request, as a [`Sink`] that encodes what the session produces and sends it in chunks through a bounded
//! channel: a slow client slows its session down, and no result is held in memory.

use super::attention::Attention;
use crate::error::SqlError;
use crate::session::{Cancelled, ColumnMeta, Param, RpcOutcome, Sink, TransactionChange};
use crate::tds::login::Login;
use crate::tds::packet::{DEFAULT_PACKET_SIZE, PacketType, Packetizer};
use crate::tds::token::{self, Done, DoneKind, EnvChange, RowWriter};
use crate::tds::value::Misfit;
use crate::types::Datum;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use tokio::sync::mpsc;

/// Bytes of tokens that are gathered before they are sent.
const CHUNK_BYTES: usize = 64 * 1024;
/// Chunks on the way to the socket.
pub const CHUNKS_IN_FLIGHT: usize = 8;

/// Version in PRELOGIN and LOGINACK: SQL Server 2022 RTM, 16.0.1000.
pub const PRODUCT_VERSION: [u8; 4] = [16, 0, 0x03, 0xE8];

/// Responses of one connection.
pub struct Response {
    output: mpsc::Sender<Vec<u8>>,
    packetizer: Packetizer,
    tokens: Vec<u8>,
    attention: Arc<Attention>,
    server_name: Arc<str>,
    null_bitmaps: bool,
    rows: Option<RowWriter>,
    kind: DoneKind,
    /// The last DONE, held back because only what follows tells whether it is the response's last.
    held: Option<(DoneKind, Done)>,
    /// An error was sent since the last DONE.
    failed: bool,
    /// The session produced something that cannot be sent; nothing of this response goes out any more.
    broken: bool,
    transaction: u64,
}

impl Response {
    /// Sends to `output`, before login.
    pub fn new(output: mpsc::Sender<Vec<u8>>, attention: Arc<Attention>, server_name: Arc<str>) -> Self {
        Self {
            output,
            packetizer: Packetizer::new(PacketType::Response, DEFAULT_PACKET_SIZE),
            tokens: Vec::with_capacity(CHUNK_BYTES * 2),
            attention,
            server_name,
            null_bitmaps: false,
            rows: None,
            kind: DoneKind::Statement,
            held: None,
            failed: false,
            broken: false,
            transaction: 0,
        }
    }

    /// Answers a login and agrees on what the client asked for.
    pub fn accept_login(&mut self, login: &Login) -> Result<(), Cancelled> {
        let database = if login.database.is_empty() { "master" } else { &login.database };
        self.null_bitmaps = login.null_bitmaps;
        self.put_database_change("master", database);
        token::put_env_change(&mut self.tokens, EnvChange::Collation);
        token::put_env_change(&mut self.tokens, EnvChange::Language);
        self.put_message(&SqlError {
            number: 5703,
            severity: 10,
            ..SqlError::new(0, "Changed language setting to us_english.")
        });
        token::put_login_ack(&mut self.tokens, login.version, PRODUCT_VERSION);
        token::put_env_change(&mut self.tokens, EnvChange::PacketSize(DEFAULT_PACKET_SIZE, login.packet_size));
        if login.extensions {
            token::put_no_features(&mut self.tokens);
        }
        self.finish_batch()?;
        self.packetizer = Packetizer::new(PacketType::Response, login.packet_size);
        Ok(())
    }

    /// The transaction that the client knows it is in, or 0.
    pub fn transaction(&self) -> u64 {
        self.transaction
    }

    /// The session was reset because the client asked for it with this request.
    pub fn acknowledge_reset(&mut self) {
        self.transaction = 0;
        token::put_env_change(&mut self.tokens, EnvChange::Reset);
    }

    /// Starts a call's part of the response.
    pub fn start_call(&mut self) {
        self.kind = DoneKind::InProcedure;
    }

    /// Ends a call's part; `more` when another follows in the same response.
    pub fn finish_call(
        &mut self,
        outcome: &RpcOutcome,
        requested: &[(String, bool)],
        more: bool,
    ) -> Result<(), Cancelled> {
        self.release_held();
        token::put_return_status(&mut self.tokens, outcome.status);
        for (index, param) in outcome.outputs.iter().enumerate() {
            let ordinal = output_ordinal(requested, index, param);
            let start = self.tokens.len();
            if token::put_return_value(&mut self.tokens, ordinal, param).is_err() {
                self.tokens.truncate(start);
                self.put_message(&misfit(Misfit(param.ty)));
                self.failed = true;
            }
        }
        let done = Done { more, error: std::mem::take(&mut self.failed), ..Done::default() };
        token::put_done(&mut self.tokens, DoneKind::Procedure, done);
        self.kind = DoneKind::Statement;
        if more { Ok(()) } else { self.end_message() }
    }

    /// Ends the response of anything but calls.
    pub fn finish_batch(&mut self) -> Result<(), Cancelled> {
        let last = match self.held.take() {
            Some(held) if !self.failed => held,
            held => {
                if let Some((kind, held)) = held {
                    token::put_done(&mut self.tokens, kind, Done { more: true, ..held });
                }
                (DoneKind::Statement, Done { error: self.failed, ..Done::default() })
            }
        };
        token::put_done(&mut self.tokens, last.0, last.1);
        self.end_message()
    }

    /// Ends a response after the session gave up, not because of an attention.
    pub fn finish_failed(&mut self) -> Result<(), Cancelled> {
        self.release_held();
        self.kind = DoneKind::Statement;
        self.failed = true;
        self.finish_batch()
    }

    /// Ends the response with the acknowledgement of an attention. It may have no other part.
    pub fn finish_attention(&mut self) -> Result<(), Cancelled> {
        self.release_held();
        token::put_done(&mut self.tokens, DoneKind::Statement, Done { attention: true, ..Done::default() });
        self.end_message()
    }

    /// Sends an error whether or not the request was cancelled.
    pub fn put_error(&mut self, error: &SqlError) {
        self.release_held();
        self.put_message(error);
        self.failed |= error.severity > 10;
    }

    fn put_message(&mut self, message: &SqlError) {
        token::put_message(&mut self.tokens, &self.server_name, message);
    }

    fn put_database_change(&mut self, from: &str, to: &str) {
        token::put_env_change(&mut self.tokens, EnvChange::Database(from, to));
        let text = format!("Changed database context to '{to}'.");
        self.put_message(&SqlError { number: 5701, severity: 10, state: 2, ..SqlError::new(0, text) });
    }

    fn release_held(&mut self) {
        if let Some((kind, held)) = self.held.take() {
            token::put_done(&mut self.tokens, kind, Done { more: true, ..held });
        }
    }

    fn end_message(&mut self) -> Result<(), Cancelled> {
        self.rows = None;
        self.held = None;
        self.failed = false;
        self.broken = false;
        self.kind = DoneKind::Statement;
        let framed = self.packetizer.take(&mut self.tokens, true);
        self.send(framed)
    }

    fn send(&self, framed: Vec<u8>) -> Result<(), Cancelled> {
        self.output.blocking_send(framed).map_err(|_| Cancelled)
    }

    fn send_full_chunk(&mut self) -> Result<(), Cancelled> {
        if self.tokens.len() < CHUNK_BYTES {
            return Ok(());
        }
        let framed = self.packetizer.take(&mut self.tokens, false);
        self.send(framed)
    }

    fn check_wanted(&self) -> Result<(), Cancelled> {
        if self.is_cancelled() { Err(Cancelled) } else { Ok(()) }
    }

    fn fail_misfit(&mut self, found: Misfit) -> Cancelled {
        self.put_error(&misfit(found));
        self.broken = true;
        Cancelled
    }
}

fn misfit(found: Misfit) -> SqlError {
    SqlError::new(50_000, format!("sandbox: internal error: {found}"))
}

/// Position of an output parameter in the call: by its name, else the matching one among those passed by reference.
fn output_ordinal(requested: &[(String, bool)], index: usize, param: &Param) -> u16 {
    let by_name = requested.iter().position(|(name, _)| !name.is_empty() && name.eq_ignore_ascii_case(&param.name));
    let nth_by_reference =
        || requested.iter().enumerate().filter(|(_, (_, by_reference))| *by_reference).nth(index).map(|(at, _)| at);
    by_name.or_else(nth_by_reference).unwrap_or(index) as u16
}

impl Sink for Response {
    fn columns(&mut self, columns: &[ColumnMeta]) -> Result<(), Cancelled> {
        self.check_wanted()?;
        self.release_held();
        self.rows = Some(RowWriter::start(&mut self.tokens, columns, self.null_bitmaps));
        Ok(())
    }

    fn row(&mut self, row: &[Datum]) -> Result<(), Cancelled> {
        self.check_wanted()?;
        let written = match &self.rows {
            Some(rows) => rows.row(&mut self.tokens, row),
            None => Err(Misfit(crate::types::SqlType::Int)),
        };
        written.map_err(|found| self.fail_misfit(found))?;
        self.send_full_chunk()
    }

    fn statement_done(&mut self, rows: Option<u64>, is_select: bool) -> Result<(), Cancelled> {
        self.check_wanted()?;
        self.rows = None;
        let failed = std::mem::take(&mut self.failed);
        // With NOCOUNT on, a procedure's statements end without a DONEINPROC.
        if self.kind == DoneKind::InProcedure && rows.is_none() && !is_select && !failed {
            return Ok(());
        }
        self.release_held();
        self.held = Some((self.kind, Done { rows, select: is_select, error: failed, ..Done::default() }));
        Ok(())
    }

    fn procedure_started(&mut self) {
        self.kind = DoneKind::InProcedure;
    }

    fn procedure_done(&mut self, status: Option<i32>) -> Result<(), Cancelled> {
        self.release_held();
        self.kind = DoneKind::Statement;
        if let Some(status) = status {
            token::put_return_status(&mut self.tokens, status);
            let error = std::mem::take(&mut self.failed);
            self.held = Some((DoneKind::Procedure, Done { error, ..Done::default() }));
        }
        self.check_wanted()
    }

    fn message(&mut self, message: &SqlError) -> Result<(), Cancelled> {
        self.check_wanted()?;
        self.put_error(message);
        self.send_full_chunk()
    }

    fn database_changed(&mut self, from: &str, to: &str) -> Result<(), Cancelled> {
        self.release_held();
        self.put_database_change(from, to);
        self.check_wanted()
    }

    fn transaction_changed(&mut self, change: TransactionChange) -> Result<(), Cancelled> {
        // Told even to a client that cancelled: it must know whether it is still in a transaction.
        self.release_held();
        token::put_env_change(&mut self.tokens, EnvChange::Transaction(change));
        self.transaction = match change {
            TransactionChange::Began(descriptor) => descriptor,
            TransactionChange::Committed(_) | TransactionChange::RolledBack(_) => 0,
        };
        self.check_wanted()
    }

    fn is_cancelled(&self) -> bool {
        self.broken || self.attention.is_raised()
    }

    fn cancellation(&self) -> Option<Arc<AtomicBool>> {
        Some(self.attention.flag())
    }
}
