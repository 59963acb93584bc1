//! The distributor's queue: records of which only what was synced survives, and what of them a subscription gets.

use distributor::core::retention::Piece;
use distributor::core::subscriptions::overtakes;
use proto::{Article, ArticleId, Chunk, Lsn};
use rand::Rng;
use rand::rngs::StdRng;
use std::collections::VecDeque;

/// What is written to the queue.
#[derive(Debug, Clone)]
enum Record {
    Chunk(Chunk),
    Progress(Lsn),
}

/// The queue on disk.
#[derive(Debug, Default)]
pub struct Queue {
    log: VecDeque<Record>,
    /// So many records of the log survive for certain.
    synced: usize,
    /// Everything up to here was dropped by retention.
    dropped: Option<Lsn>,
}

/// A subscription's place in the queue, and its articles.
#[derive(Debug)]
pub struct Delivery {
    pub articles: Vec<ArticleId>,
    /// Everything up to here has been sent; inside a transaction, the number of its next chunk.
    pub sent: Lsn,
    pub part: u32,
}

impl Queue {
    /// Everything up to here is there no more.
    pub fn dropped(&self) -> Option<Lsn> {
        self.dropped
    }

    /// A power cut: of what was not synced, some has reached the disk.
    pub fn lose(&mut self, rng: &mut StdRng) {
        let reached = rng.random_range(self.synced..=self.log.len());
        self.log.truncate(reached);
    }

    /// Opens it; gives up to where everything is there.
    pub fn recover(&mut self) -> Option<Lsn> {
        self.rewind();
        self.synced = self.log.len();
        self.log.back().map(Record::lsn).or(self.dropped)
    }

    /// Forgets the unfinished transaction at the end.
    pub fn rewind(&mut self) {
        while matches!(self.log.back(), Some(Record::Chunk(chunk)) if !chunk.last) {
            self.log.pop_back();
        }
        self.synced = self.synced.min(self.log.len());
    }

    pub fn append(&mut self, chunks: Vec<Chunk>) {
        self.log.extend(chunks.into_iter().map(Record::Chunk));
    }

    pub fn progress(&mut self, lsn: Lsn) {
        self.log.push_back(Record::Progress(lsn));
    }

    pub fn sync(&mut self) {
        self.synced = self.log.len();
    }

    /// The pieces that can be dropped: one a transaction, all but the newest.
    pub fn pieces(&self) -> Vec<Piece> {
        let last = |record: &&Record| matches!(record, Record::Chunk(chunk) if chunk.last) || record.is_progress();
        let synced = self.log.iter().take(self.synced);
        let mut pieces: Vec<Piece> =
            synced.filter(last).map(|record| Piece { last: record.lsn(), written_at: 0 }).collect();
        pieces.pop();
        pieces
    }

    /// Drops everything up to the end of a piece.
    pub fn drop_up_to(&mut self, last: Lsn) {
        let dropped = self.log.iter().take_while(|record| record.lsn() <= last).count();
        self.log.drain(..dropped);
        self.synced -= dropped;
        self.dropped = self.dropped.max(Some(last));
    }

    /// A definition in what is not delivered any more, since the subscription began after it, that it would have to have.
    pub fn overtaken(&self, delivery: &Delivery, began: Lsn, visible: Option<Lsn>) -> Option<Article> {
        let visible = self.log.iter().filter(|record| Some(record.lsn()) <= visible);
        let before = visible.filter_map(|record| match record {
            Record::Chunk(chunk) if chunk.lsn <= began => Some(chunk),
            _ => None,
        });
        let mut definitions = before.flat_map(|chunk| &chunk.schema).map(|change| &change.article);
        definitions.find(|a| overtakes(a, |id| delivery.articles.contains(&id), began)).cloned()
    }

    /// The next chunks for a subscription, some at a time; whether that is all there is up to `visible`.
    pub fn deliver(&self, delivery: &mut Delivery, visible: Option<Lsn>, rng: &mut StdRng) -> (Vec<Chunk>, bool) {
        let mut chunks = Vec::new();
        let mut room = rng.random_range(1..20);
        for record in self.log.iter().filter(|record| Some(record.lsn()) <= visible) {
            if room == 0 {
                break;
            }
            match record {
                Record::Progress(lsn) => delivery.sent = delivery.sent.max(*lsn),
                Record::Chunk(chunk) if chunk.lsn > delivery.sent && chunk.part == delivery.part => {
                    delivery.part += 1;
                    if chunk.last {
                        (delivery.sent, delivery.part) = (chunk.lsn, 0);
                    }
                    let cut = delivery.cut(chunk);
                    // A transaction of one chunk that holds nothing for this subscription is left out.
                    if !(cut.segments.is_empty() && cut.schema.is_empty() && cut.part == 0 && cut.last) {
                        chunks.push(cut);
                        room -= 1;
                    }
                }
                Record::Chunk(_) => {}
            }
        }
        (chunks, room > 0)
    }
}

impl Delivery {
    /// What of a chunk is for the subscription, whose articles are also those that come in the place of others.
    fn cut(&mut self, chunk: &Chunk) -> Chunk {
        for change in &chunk.schema {
            let superseded = change.article.supersedes.expect("it supersedes one");
            if self.articles.contains(&superseded) && !self.articles.contains(&change.article.id) {
                self.articles.push(change.article.id);
            }
        }
        let mut cut = chunk.clone();
        cut.schema.retain(|change| self.articles.contains(&change.article.id));
        cut.segments.retain(|segment| self.articles.contains(&segment.article));
        cut
    }
}

impl Record {
    fn lsn(&self) -> Lsn {
        match self {
            Self::Chunk(chunk) => chunk.lsn,
            Self::Progress(lsn) => *lsn,
        }
    }

    fn is_progress(&self) -> bool {
        matches!(self, Self::Progress(_))
    }
}
