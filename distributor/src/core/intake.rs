//! Intake of one publication database: from log readers' messages to what is written and acknowledged.
//!
//! Invariants: `durable ≤ complete`, and an open transaction's LSN is above both. Only complete transactions are ever made visible,
//! and only once they are durable. An epoch's messages are taken until a higher epoch attaches.

use proto::message::{Refusal, RefusalKind};
use proto::{Chunk, Lsn};

/// What happens to an intake.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// A log reader attaches. The caller has made the epoch durable before; it is higher than every earlier one.
    Attach {
        /// Its epoch.
        epoch: u64,
    },
    /// Chunks from a log reader.
    Append {
        /// The epoch it says to have.
        epoch: u64,
        /// The chunks.
        chunks: Vec<Chunk>,
    },
    /// A log reader has read and sent everything up to here.
    Progress {
        /// The epoch it says to have.
        epoch: u64,
        /// Up to here.
        lsn: Lsn,
        /// When that was committed.
        committed_at: i64,
    },
    /// A log reader's connection ended.
    Detach {
        /// Its epoch.
        epoch: u64,
    },
    /// Everything that was to be written before is durable now.
    Synced,
}

/// What is to be done, in this order.
#[derive(Debug, Clone, PartialEq)]
pub enum Output {
    /// Forget the chunks of the unfinished transaction at the queue's end, durably.
    Rewind,
    /// Write these chunks.
    Write(Vec<Chunk>),
    /// Write that everything up to here, which was committed then, has been read.
    WriteProgress(Lsn, i64),
    /// The log reader of this epoch may begin, after this position, as soon as what was to be written before is durable.
    Attached {
        /// Its epoch.
        epoch: u64,
        /// The position.
        position: Option<Lsn>,
    },
    /// Everything up to here is durable: tell the log reader and let subscriptions read it.
    Durable {
        /// Up to here.
        lsn: Lsn,
    },
    /// The log reader of this epoch did what it must not: end its connection. Nothing of its message was taken.
    Refuse {
        /// The epoch it said to have.
        epoch: u64,
        /// Why.
        refusal: Refusal,
    },
}

/// The state. See the module's invariants.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Intake {
    /// Highest epoch seen.
    epoch: u64,
    /// Whether that epoch's log reader is still there.
    attached: bool,
    /// Everything up to here was to be written completely.
    complete: Option<Lsn>,
    /// Everything up to here is durable.
    durable: Option<Lsn>,
    /// The transaction that is coming in.
    open: Option<Open>,
}

/// A transaction of which the last chunk has not come yet, and the number of its next chunk.
type Open = (Lsn, u32);

impl Intake {
    /// With what the queue and the catalog hold.
    pub fn recovered(epoch: u64, durable: Option<Lsn>) -> Self {
        Self { epoch, attached: false, complete: durable, durable, open: None }
    }

    /// Everything up to here is durable.
    pub fn durable(&self) -> Option<Lsn> {
        self.durable
    }

    /// The attached log reader's epoch.
    pub fn attached(&self) -> Option<u64> {
        self.attached.then_some(self.epoch)
    }

    /// Takes one input.
    pub fn handle(&mut self, input: Input) -> Vec<Output> {
        match input {
            Input::Attach { epoch } => self.attach(epoch),
            Input::Detach { epoch } if self.attached() == Some(epoch) => {
                self.attached = false;
                self.drop_open()
            }
            Input::Detach { .. } => Vec::new(),
            Input::Append { epoch, chunks } => match self.admit(epoch).and_then(|()| self.follow(&chunks)) {
                Ok((complete, open)) => {
                    self.complete = complete;
                    self.open = open;
                    vec![Output::Write(chunks)]
                }
                Err(refusal) => vec![Output::Refuse { epoch, refusal }],
            },
            Input::Progress { epoch, lsn, committed_at } => match self.admit(epoch).and_then(|()| self.progress(lsn)) {
                Ok(true) => {
                    self.complete = Some(lsn);
                    vec![Output::WriteProgress(lsn, committed_at)]
                }
                Ok(false) => Vec::new(),
                Err(refusal) => vec![Output::Refuse { epoch, refusal }],
            },
            Input::Synced => {
                let moved = self.complete > self.durable;
                self.durable = self.complete;
                self.durable.filter(|_| moved).map(|lsn| Output::Durable { lsn }).into_iter().collect()
            }
        }
    }

    fn attach(&mut self, epoch: u64) -> Vec<Output> {
        if epoch <= self.epoch {
            return vec![Output::Refuse { epoch, refusal: fenced(epoch, self.epoch) }];
        }
        self.epoch = epoch;
        self.attached = true;
        let mut outputs = self.drop_open();
        outputs.push(Output::Attached { epoch, position: self.complete });
        outputs
    }

    fn drop_open(&mut self) -> Vec<Output> {
        self.open.take().map(|_| Output::Rewind).into_iter().collect()
    }

    fn admit(&self, epoch: u64) -> Result<(), Refusal> {
        if self.attached() == Some(epoch) { Ok(()) } else { Err(fenced(epoch, self.epoch)) }
    }

    /// Whether chunks follow what came before, and what holds after them.
    fn follow(&self, chunks: &[Chunk]) -> Result<(Option<Lsn>, Option<Open>), Refusal> {
        let (mut complete, mut open) = (self.complete, self.open);
        for chunk in chunks {
            match open {
                Some((lsn, part)) if (lsn, part) != (chunk.lsn, chunk.part) => {
                    return Err(invalid(format!(
                        "chunk {} of transaction {} came where chunk {part} of transaction {lsn} was due",
                        chunk.part, chunk.lsn
                    )));
                }
                None if chunk.part != 0 => {
                    return Err(invalid(format!(
                        "transaction {} began with chunk {} instead of chunk 0",
                        chunk.lsn, chunk.part
                    )));
                }
                None if complete >= Some(chunk.lsn) => {
                    let last = complete.unwrap_or_default();
                    return Err(invalid(format!(
                        "transaction {} came after {last}: the queue has everything up to there",
                        chunk.lsn
                    )));
                }
                _ => {}
            }
            let next =
                chunk.part.checked_add(1).ok_or_else(|| invalid("a transaction has too many chunks".to_owned()))?;
            if chunk.last {
                complete = Some(chunk.lsn);
                open = None;
            } else {
                open = Some((chunk.lsn, next));
            }
        }
        Ok((complete, open))
    }

    /// Whether progress to here is news.
    fn progress(&self, lsn: Lsn) -> Result<bool, Refusal> {
        match self.open {
            Some((open, _)) => Err(invalid(format!("progress to {lsn} was told in the middle of transaction {open}"))),
            None if self.complete > Some(lsn) => {
                Err(invalid(format!("progress to {lsn} was told after {}", self.complete.unwrap_or_default())))
            }
            None => Ok(self.complete < Some(lsn)),
        }
    }
}

fn invalid(message: String) -> Refusal {
    Refusal::new(RefusalKind::Invalid, message)
}

fn fenced(epoch: u64, current: u64) -> Refusal {
    let message = format!("epoch {epoch} of this log reader is over; the queue is at epoch {current}: attach again");
    Refusal::new(RefusalKind::Fenced, message)
}

#[cfg(test)]
#[path = "intake_tests.rs"]
mod tests;
