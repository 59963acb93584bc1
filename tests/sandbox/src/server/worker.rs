//! The thread of a session: takes the client's messages one after another and runs them.

use super::attention::Attention;
use super::response::Response;
use crate::error::{SqlError, SqlResult};
use crate::faults::Point;
use crate::faults::line::{Broken, Line};
use crate::session::{Cancelled, Engine, LoginRequest, Session};
use crate::tds::bulk::{BulkDecoder, Progress};
use crate::tds::login::Login;
use crate::tds::packet::{Header, PacketType, STATUS_IGNORE, STATUS_RESET, STATUS_RESET_KEEP_TRANSACTION};
use crate::tds::{WireError, WireResult, request, rpc};
use crate::types::Datum;
use bytes::Bytes;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use tokio::sync::mpsc;

/// Bytes of one request; a client that sends more is cut off.
const MAX_REQUEST_BYTES: usize = 512 * 1024 * 1024;

/// What the socket's reader hands over.
#[derive(Debug)]
pub enum Event {
    /// A packet of a request.
    Packet(Header, Bytes),
    /// An attention, in its place among the packets.
    Attention,
}

/// The connection is to be closed.
struct Disconnect;

impl From<Broken> for Disconnect {
    fn from(_: Broken) -> Self {
        Self
    }
}

impl From<Cancelled> for Disconnect {
    fn from(_: Cancelled) -> Self {
        Self
    }
}

type Step = Result<(), Disconnect>;

/// A login record with the client's address, or the error that refuses it.
pub type Client = Result<(Login, String), SqlError>;

/// Logs in and serves the session until the client leaves.
pub fn run(engine: &dyn Engine, login: Client, mut response: Response, inbox: Inbox, line: Arc<Line>) {
    let opened = login.and_then(|(login, peer)| {
        let request = LoginRequest {
            user: login.user.clone(),
            password: login.password.clone(),
            database: login.database.clone(),
            host_name: login.host_name.clone(),
            app_name: login.app_name.clone(),
            peer,
            line: Arc::clone(&line),
        };
        Ok((engine.login(&request)?, login))
    });
    match opened {
        Err(_) if line.is_cut() => {}
        Err(error) => {
            response.put_error(&line.take_farewell().unwrap_or(error));
            // Whether the client still hears it does not matter any more.
            let _ = response.finish_batch();
        }
        Ok((session, login)) => {
            if response.accept_login(&login).is_ok() {
                Worker { session, response, inbox, line }.serve();
            }
        }
    }
}

/// Events of a connection in order.
pub struct Inbox {
    events: mpsc::Receiver<Event>,
    attention: Arc<Attention>,
    /// An attention was taken out while a bulk load was being read; its acknowledgement is still owed.
    attention_taken: bool,
}

impl Inbox {
    /// Reads from `events`.
    pub fn new(events: mpsc::Receiver<Event>, attention: Arc<Attention>) -> Self {
        Self { events, attention, attention_taken: false }
    }

    /// The next event; the client's leaving ends the session.
    fn next(&mut self) -> Result<Event, Disconnect> {
        self.events.blocking_recv().ok_or(Disconnect)
    }

    /// Drops what arrived before the attention, and takes that.
    fn skip_to_attention(&mut self) -> Step {
        while !std::mem::take(&mut self.attention_taken) {
            if let Event::Attention = self.next()? {
                break;
            }
        }
        self.attention.answered();
        Ok(())
    }
}

struct Worker {
    session: Box<dyn Session>,
    response: Response,
    inbox: Inbox,
    line: Arc<Line>,
}

impl Worker {
    fn serve(mut self) {
        let served = catch_unwind(AssertUnwindSafe(|| while self.serve_one().is_ok() {}));
        if served.is_err() {
            self.response
                .put_error(&SqlError::new(50_000, "sandbox: internal error: the session panicked").severity(20));
            let _ = self.response.finish_failed();
        }
        self.session.reset();
    }

    /// Takes a message and answers it.
    fn serve_one(&mut self) -> Step {
        let (first, payload) = match self.inbox.next()? {
            Event::Attention => {
                self.inbox.attention.answered();
                return Ok(self.response.finish_attention()?);
            }
            Event::Packet(header, payload) => (header, payload),
        };
        self.line.pass(Point::Request)?;
        if first.kind == PacketType::BulkLoad {
            return self.bulk_load(first, &payload);
        }
        let Some((last, message)) = self.assemble(first, &payload)? else { return Ok(()) };
        if last.status & STATUS_IGNORE != 0 {
            return Ok(self.response.finish_failed()?);
        }
        if let Err(error) = self.reset_if_asked(first) {
            return self.refuse(error);
        }
        let answered = match first.kind {
            PacketType::Batch => self.batch(&message),
            PacketType::Rpc => self.calls(&message),
            PacketType::Transaction => self.transaction(&message),
            other => Err(WireError::malformed(format!("{other:?} after login"))),
        };
        match answered {
            Ok(step) => step,
            Err(error) => self.refuse(error),
        }
    }

    /// The whole message, or `None` if an attention came in the middle of it and was acknowledged.
    fn assemble(&mut self, first: Header, payload: &[u8]) -> Result<Option<(Header, Vec<u8>)>, Disconnect> {
        let mut message = payload.to_vec();
        let mut last = first;
        while !last.is_end() {
            match self.inbox.next()? {
                Event::Attention => {
                    self.inbox.attention.answered();
                    self.response.finish_attention()?;
                    return Ok(None);
                }
                Event::Packet(header, payload) => {
                    if header.kind != first.kind || message.len() + payload.len() > MAX_REQUEST_BYTES {
                        self.refuse(WireError::malformed("a message of mixed packets or too long"))?;
                    }
                    message.extend_from_slice(&payload);
                    last = header;
                }
            }
        }
        Ok(Some((last, message)))
    }

    /// Answers a request that could not be read; after one that contradicts the protocol the connection ends.
    fn refuse(&mut self, error: WireError) -> Step {
        let fatal = !matches!(error, WireError::Refused(_));
        self.response.put_error(&error.into_sql());
        self.response.finish_failed()?;
        if fatal { Err(Disconnect) } else { Ok(()) }
    }

    fn reset_if_asked(&mut self, first: Header) -> WireResult<()> {
        if first.status & STATUS_RESET_KEEP_TRANSACTION != 0 && self.response.transaction() != 0 {
            return Err(SqlError::unsupported("resetting a connection and keeping its transaction").into());
        }
        if first.status & (STATUS_RESET | STATUS_RESET_KEEP_TRANSACTION) != 0 {
            self.session.reset();
            self.response.acknowledge_reset();
        }
        Ok(())
    }

    /// A request must name the transaction that the session is in; that also shows that client and server agree about it.
    fn check_transaction(&self, descriptor: u64) -> WireResult<()> {
        if descriptor == self.response.transaction() {
            return Ok(());
        }
        let text = "New request is not allowed to start because it should come with valid transaction descriptor.";
        Err(SqlError::new(3989, text).into())
    }

    fn batch(&mut self, message: &[u8]) -> WireResult<Step> {
        let (descriptor, sql) = request::read_batch(message)?;
        self.check_transaction(descriptor)?;
        let ran = self.session.batch(&sql, &mut self.response);
        Ok(self.finish(ran))
    }

    fn transaction(&mut self, message: &[u8]) -> WireResult<Step> {
        let (descriptor, request) = request::read_transaction(message)?;
        self.check_transaction(descriptor)?;
        let ran = self.session.transaction(request, &mut self.response);
        Ok(self.finish(ran))
    }

    fn calls(&mut self, message: &[u8]) -> WireResult<Step> {
        let (descriptor, calls) = rpc::read_calls(message)?;
        self.check_transaction(descriptor)?;
        let count = calls.len();
        for (index, call) in calls.into_iter().enumerate() {
            let more = index + 1 < count;
            let requested: Vec<_> = call.params.iter().map(|param| (param.name.clone(), param.output)).collect();
            self.response.start_call();
            match self.session.rpc(&call.procedure, call.params, &mut self.response) {
                Ok(_) if !more && self.before_the_end().is_err() => return Ok(Err(Disconnect)),
                Ok(outcome) => {
                    if self.response.finish_call(&outcome, &requested, more).is_err() {
                        return Ok(Err(Disconnect));
                    }
                }
                Err(Cancelled) => return Ok(self.finish(Err(Cancelled))),
            }
        }
        Ok(Ok(()))
    }

    /// The request has been carried out; the connection may have to end without a response, or with an error.
    fn before_the_end(&mut self) -> Step {
        self.line.pass(Point::Response)?;
        if let Some(error) = self.line.take_farewell() {
            self.response.put_error(&error);
            self.response.finish_failed()?;
            return Err(Disconnect);
        }
        Ok(())
    }

    fn finish(&mut self, ran: Result<(), Cancelled>) -> Step {
        self.before_the_end()?;
        match ran {
            Ok(()) => self.response.finish_batch()?,
            Err(Cancelled) if self.inbox.attention.is_unanswered() => {
                // The request's response ends like that of a statement which failed, without an error to tell; the
                // acknowledgement is a message of its own, and there are clients (tedious) that rely on it.
                self.response.finish_failed()?;
                self.inbox.skip_to_attention()?;
                self.response.finish_attention()?;
            }
            // The response broke, or the client is gone; then this fails.
            Err(Cancelled) => self.response.finish_failed()?,
        }
        Ok(())
    }

    fn bulk_load(&mut self, first: Header, payload: &[u8]) -> Step {
        let mut stream =
            BulkStream { inbox: &mut self.inbox, decoder: BulkDecoder::default(), ended: first.is_end(), gone: false };
        let read =
            stream.decoder.push(payload, first.is_end()).map_err(WireError::into_sql).and_then(|()| stream.columns());
        let ran = match (read, self.session.bulk_columns()) {
            (Err(error), _) => {
                self.response.put_error(&error);
                Ok(())
            }
            (Ok(_), None) => {
                self.response.put_error(&SqlError::new(4002, "A bulk load that no INSERT BULK announced."));
                Ok(())
            }
            (Ok(columns), Some(_)) => self.session.bulk_load(&columns, &mut || stream.row(), &mut self.response),
        };
        stream.skip_rest();
        if stream.gone {
            return Err(Disconnect);
        }
        if ran.is_ok() && self.inbox.attention_taken {
            // The load was over before its attention; it is acknowledged on its own.
            self.response.finish_batch()?;
            self.inbox.skip_to_attention()?;
            return Ok(self.response.finish_attention()?);
        }
        self.finish(ran)
    }
}

/// A bulk load's rows as its packets arrive.
struct BulkStream<'a> {
    inbox: &'a mut Inbox,
    decoder: BulkDecoder,
    /// The last packet was taken.
    ended: bool,
    /// The client left.
    gone: bool,
}

impl BulkStream<'_> {
    fn columns(&mut self) -> SqlResult<Vec<crate::session::ColumnMeta>> {
        loop {
            match self.decoder.columns().map_err(WireError::into_sql)? {
                Progress::Ready(columns) => return Ok(columns),
                Progress::Starved => self.feed()?,
            }
        }
    }

    fn row(&mut self) -> SqlResult<Option<Vec<Datum>>> {
        loop {
            match self.decoder.row().map_err(WireError::into_sql)? {
                Progress::Ready(row) => return Ok(row),
                Progress::Starved => self.feed()?,
            }
        }
    }

    /// Takes another packet.
    fn feed(&mut self) -> SqlResult<()> {
        /// 4804: <https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-4000-to-4999>.
        const CUT_OFF: i32 = 4804;
        let cut_off = || {
            SqlError::new(
                CUT_OFF,
                "While reading current row from host, a premature end-of-message was encountered--an incoming data stream was interrupted when the server expected to see more data. The host program may have terminated.",
            )
        };
        match self.take_packet() {
            Some((header, payload)) if header.status & STATUS_IGNORE == 0 => {
                self.decoder.push(&payload, header.is_end()).map_err(WireError::into_sql)
            }
            _ => Err(cut_off()),
        }
    }

    /// The next packet of the load; `None` when it ended, was given up by an attention, or the client left.
    fn take_packet(&mut self) -> Option<(Header, Bytes)> {
        if self.ended {
            return None;
        }
        match self.inbox.next() {
            Ok(Event::Packet(header, payload)) if header.kind == PacketType::BulkLoad => {
                self.ended = header.is_end();
                Some((header, payload))
            }
            Ok(Event::Attention) => {
                self.inbox.attention_taken = true;
                self.ended = true;
                None
            }
            Ok(Event::Packet(..)) | Err(Disconnect) => {
                self.gone = true;
                self.ended = true;
                None
            }
        }
    }

    /// Drops what is left, so that the next message starts where it should.
    fn skip_rest(&mut self) {
        while self.take_packet().is_some() {}
    }
}
