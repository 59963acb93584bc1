//! The distributor: its cores, over a disk on which only what was synced survives.

use super::network::{ConnectionId, Network, Read};
use distributor::core::intake::{Input, Intake, Output};
use distributor::core::retention::{Limits, Piece, decide};
use distributor::core::subscriptions::{Progress, Subscriptions};
use proto::catalog::SubscriptionState;
use proto::message::{ClientMessage, Refusal, RefusalKind, ServerMessage};
use proto::{Article, ArticleId, Chunk, Lsn};
use rand::Rng;
use rand::rngs::StdRng;
use std::collections::{BTreeMap, VecDeque};

/// A subscription: its name and the articles it takes.
pub type SubscriptionArticles = (String, Vec<ArticleId>);

/// What is written to the queue.
#[derive(Debug, Clone)]
enum Record {
    Chunk(Chunk),
    Progress(Lsn),
}

/// What survives the process.
#[derive(Debug, Default)]
struct Disk {
    log: VecDeque<Record>,
    /// So many records of the log survive for certain.
    synced: usize,
    epoch: u64,
    /// Everything up to here was dropped by retention.
    dropped: Option<Lsn>,
    /// Definitions of articles, also of retired ones.
    definitions: Vec<Article>,
    /// The last id that was given.
    last_id: u32,
    /// What subscriptions reported, as far as it was stored.
    positions: BTreeMap<String, Lsn>,
}

/// The process.
#[derive(Debug)]
struct Process {
    intake: Intake,
    subscriptions: Subscriptions,
    /// The log reader's connection.
    reader: Option<(ConnectionId, u64)>,
    /// Log readers that wait for their answer until what was written before is durable.
    attaching: Vec<(u64, Option<Lsn>, ConnectionId)>,
    /// Subscriptions being streamed.
    streams: BTreeMap<ConnectionId, Stream>,
    /// Subscribers may read up to here.
    visible: Option<Lsn>,
}

#[derive(Debug)]
struct Stream {
    articles: Vec<ArticleId>,
    /// Everything up to here has been sent; inside a transaction, the number of its next chunk.
    sent: Lsn,
    part: u32,
    told: Option<Lsn>,
}

#[derive(Debug)]
pub struct Distributor {
    disk: Disk,
    process: Option<Process>,
    subscriptions: Vec<SubscriptionArticles>,
}

impl Distributor {
    pub fn new(articles: Vec<Article>, subscriptions: Vec<SubscriptionArticles>) -> Self {
        let disk = Disk { last_id: articles.len() as u32, definitions: articles, ..Disk::default() };
        let mut new = Self { disk, process: None, subscriptions };
        new.start();
        new
    }

    pub fn is_running(&self) -> bool {
        self.process.is_some()
    }

    /// Everything up to here is in the queue for good.
    pub fn durable(&self) -> Option<Lsn> {
        self.process.as_ref().and_then(|process| process.intake.durable())
    }

    /// SIGKILL or a power cut: of what was not synced, some has reached the disk.
    pub fn kill(&mut self, network: &mut Network, rng: &mut StdRng) {
        if self.process.take().is_some() {
            network.distributor_died(rng);
            let reached = rng.random_range(self.disk.synced..=self.disk.log.len());
            self.disk.log.truncate(reached);
        }
    }

    pub fn start(&mut self) {
        if self.process.is_some() {
            return;
        }
        let disk = &mut self.disk;
        while matches!(disk.log.back(), Some(Record::Chunk(chunk)) if !chunk.last) {
            disk.log.pop_back();
        }
        disk.synced = disk.log.len();
        let durable = disk.log.back().map(Record::lsn).or(disk.dropped);
        let mut subscriptions = Subscriptions::new();
        for (name, _) in &self.subscriptions {
            let position = disk.positions.get(name).copied();
            subscriptions.add(name, Progress::new(SubscriptionState::Active, position, position));
        }
        self.process = Some(Process {
            intake: Intake::recovered(disk.epoch, durable),
            subscriptions,
            reader: None,
            attaching: Vec::new(),
            streams: BTreeMap::new(),
            visible: durable,
        });
    }

    /// Reads one message of one connection.
    pub fn receive(&mut self, network: &mut Network, rng: &mut StdRng) {
        let Some(process) = &mut self.process else { return };
        let connections = network.accepted();
        if connections.is_empty() {
            return;
        }
        let id = connections[rng.random_range(0..connections.len())];
        match network.distributor_reads(id) {
            Read::Nothing => {}
            Read::Gone => {
                process.streams.remove(&id);
                process.subscriptions.closed(id as u64);
                if let Some((_, epoch)) = process.reader.take_if(|(reader, _)| *reader == id) {
                    let outputs = process.intake.handle(Input::Detach { epoch });
                    self.carry_out(outputs, id, network, rng);
                }
                network.forget(id, rng);
            }
            Read::Message(message) => self.take(id, message, network, rng),
        }
    }

    fn take(&mut self, id: ConnectionId, message: ClientMessage, network: &mut Network, rng: &mut StdRng) {
        let Some(process) = &mut self.process else { return };
        let input = match message {
            ClientMessage::Attach { .. } => {
                // Mostly a second log reader waits for the first; taking over tests that the first is fenced off.
                if process.reader.is_some() && rng.random_ratio(3, 4) {
                    let refusal = Refusal::new(RefusalKind::Busy, "another log reader is attached");
                    network.distributor_sends(id, ServerMessage::Refused(refusal));
                    return;
                }
                self.disk.epoch += 1;
                process.reader = Some((id, self.disk.epoch));
                Input::Attach { epoch: self.disk.epoch }
            }
            ClientMessage::Append { epoch, chunks } => Input::Append { epoch, chunks },
            ClientMessage::Progress { epoch, lsn, committed_at } => Input::Progress { epoch, lsn, committed_at },
            ClientMessage::Subscribe { subscription, position, articles: held } => {
                let kept_after = self.disk.dropped;
                match process.subscriptions.subscribe(&subscription, id as u64, "peer", position, kept_after) {
                    Ok(_) => {
                        // With the position, as what the subscription has.
                        self.disk.positions.insert(subscription.clone(), position);
                        let wanted = self.subscriptions.iter().find(|(name, _)| *name == subscription);
                        let wanted = wanted.expect("the subscription exists").1.clone();
                        let durable = process.visible;
                        let tables = |article: &&Article| {
                            let first = |d: &Article| wanted.contains(&d.id) && d.source == article.source;
                            article.since.is_none_or(|since| Some(since) <= durable)
                                && self.disk.definitions.iter().any(first)
                        };
                        let articles: Vec<Article> = self.disk.definitions.iter().filter(tables).cloned().collect();
                        let wanted = articles.iter().map(|a| a.id).filter(|id| held.contains(id)).collect();
                        network.distributor_sends(id, ServerMessage::Subscribed { articles });
                        process.streams.insert(id, Stream { articles: wanted, sent: position, part: 0, told: None });
                    }
                    Err(refusal) => {
                        // Over a connection that is gone it may have asked from where it was before.
                        let needed = network.is_open(id) && refusal.kind == RefusalKind::Expired;
                        assert!(!needed, "retention dropped what {subscription} needs");
                        network.distributor_sends(id, ServerMessage::Refused(refusal));
                    }
                }
                return;
            }
            ClientMessage::Report(report) => {
                let (name, position) = (report.subscription.clone(), report.position);
                if process.subscriptions.report(report, Some(id as u64), self.disk.dropped, 0).is_ok() {
                    self.disk.positions.extend(position.map(|position| (name, position)));
                }
                return;
            }
            ClientMessage::AlterArticle { epoch, article } => {
                let altered = self.disk.alter(epoch, *article);
                network.distributor_sends(id, ServerMessage::ArticleAltered(altered));
                return;
            }
            ClientMessage::ArticlesInUse { .. } | ClientMessage::Ping => return,
            unexpected => panic!("nobody sends {unexpected:?} here"),
        };
        let outputs = process.intake.handle(input);
        self.carry_out(outputs, id, network, rng);
    }

    /// Makes durable what was written.
    pub fn sync(&mut self, network: &mut Network, rng: &mut StdRng) {
        let Some(process) = &mut self.process else { return };
        self.disk.synced = self.disk.log.len();
        let outputs = process.intake.handle(Input::Synced);
        for (epoch, position, id) in std::mem::take(&mut process.attaching) {
            // What is in force only after the queue's end never happened.
            self.disk.definitions.retain(|a| a.since.is_none_or(|since| Some(since) <= position));
            let superseded = |a: &&Article| !self.disk.definitions.iter().any(|d| d.supersedes == Some(a.id));
            let articles = self.disk.definitions.iter().filter(superseded).cloned().collect();
            network.distributor_sends(
                id,
                ServerMessage::Attached { epoch, position, position_time: None, version: 1, articles },
            );
        }
        self.carry_out(outputs, 0, network, rng);
    }

    fn carry_out(&mut self, outputs: Vec<Output>, from: ConnectionId, network: &mut Network, rng: &mut StdRng) {
        let Some(process) = &mut self.process else { return };
        for output in outputs {
            match output {
                Output::Rewind => {
                    while matches!(self.disk.log.back(), Some(Record::Chunk(chunk)) if !chunk.last) {
                        self.disk.log.pop_back();
                    }
                    self.disk.synced = self.disk.synced.min(self.disk.log.len());
                }
                Output::Write(chunks) => self.disk.log.extend(chunks.into_iter().map(Record::Chunk)),
                Output::WriteProgress(lsn, _) => self.disk.log.push_back(Record::Progress(lsn)),
                Output::Attached { epoch, position } => process.attaching.push((epoch, position, from)),
                Output::Durable { lsn } => {
                    process.visible = Some(lsn);
                    if let Some((id, _)) = process.reader {
                        network.distributor_sends(id, ServerMessage::Durable { lsn });
                    }
                }
                Output::Refuse { refusal, .. } => {
                    assert_ne!(refusal.kind, RefusalKind::Invalid, "a log reader did wrong: {refusal}");
                    network.distributor_sends(from, ServerMessage::Refused(refusal));
                    network.forget(from, rng);
                }
            }
        }
    }

    /// Sends a stream some of what it has not had.
    pub fn deliver(&mut self, network: &mut Network, rng: &mut StdRng) {
        let Some(process) = &mut self.process else { return };
        let ids: Vec<ConnectionId> = process.streams.keys().copied().collect();
        if ids.is_empty() {
            return;
        }
        let id = ids[rng.random_range(0..ids.len())];
        let Some(stream) = process.streams.get_mut(&id) else { return };
        let mut chunks = Vec::new();
        let mut room = rng.random_range(1..20);
        for record in self.disk.log.iter().filter(|record| Some(record.lsn()) <= process.visible) {
            if room == 0 {
                break;
            }
            match record {
                Record::Progress(lsn) => stream.sent = stream.sent.max(*lsn),
                Record::Chunk(chunk) if chunk.lsn > stream.sent && chunk.part == stream.part => {
                    stream.part += 1;
                    if chunk.last {
                        (stream.sent, stream.part) = (chunk.lsn, 0);
                    }
                    let mut cut = chunk.clone();
                    for change in &cut.schema {
                        let superseded = change.article.supersedes.expect("it supersedes one");
                        if stream.articles.contains(&superseded) {
                            stream.articles.push(change.article.id);
                        }
                    }
                    cut.schema.retain(|change| stream.articles.contains(&change.article.id));
                    cut.segments.retain(|segment| stream.articles.contains(&segment.article));
                    // A transaction of one chunk that holds nothing for this subscription is left out.
                    if !(cut.segments.is_empty() && cut.schema.is_empty() && cut.part == 0 && cut.last) {
                        chunks.push(cut);
                        room -= 1;
                    }
                }
                Record::Chunk(_) => {}
            }
        }
        if !chunks.is_empty() {
            network.distributor_sends(id, ServerMessage::Deliver { chunks });
        }
        if room > 0 && stream.part == 0 && stream.told < process.visible {
            stream.told = process.visible;
            stream.sent = stream.sent.max(process.visible.unwrap_or_default());
            network.distributor_sends(id, ServerMessage::CaughtUp { lsn: stream.sent });
        }
    }

    /// Drops what every subscription has.
    pub fn retain(&mut self) {
        let Some(process) = &mut self.process else { return };
        let last = |record: &Record| matches!(record, Record::Chunk(chunk) if chunk.last) || record.is_progress();
        let synced = self.disk.log.iter().take(self.disk.synced);
        let pieces: Vec<Piece> =
            synced.filter(|record| last(record)).map(|record| Piece { last: record.lsn(), written_at: 0 }).collect();
        let Some(pieces) = pieces.split_last().map(|(_, pieces)| pieces) else { return };
        let names = self.subscriptions.iter().map(|(name, _)| name);
        let needs: Vec<_> = names.filter_map(|name| process.subscriptions.need(name)).collect();
        let decision = decide(pieces, &needs, Limits { min: 0, max: i64::MAX }, 1);
        assert!(decision.expire.is_empty(), "nothing is old enough to expire anybody");
        if let Some(piece) = decision.drop.checked_sub(1).and_then(|last| pieces.get(last)) {
            let dropped = self.disk.log.iter().take_while(|record| record.lsn() <= piece.last).count();
            self.disk.log.drain(..dropped);
            self.disk.synced -= dropped;
            self.disk.dropped = Some(piece.last);
        }
    }
}

impl Disk {
    /// Keeps a new definition of an article, which gets its id.
    fn alter(&mut self, epoch: u64, mut article: Article) -> Result<Box<Article>, Refusal> {
        if epoch != self.epoch {
            return Err(Refusal::new(RefusalKind::Fenced, "a newer log reader took over"));
        }
        let superseded = article.supersedes;
        assert!(self.definitions.iter().any(|a| Some(a.id) == superseded), "it supersedes one that is there");
        assert!(!self.definitions.iter().any(|a| a.supersedes == superseded), "only the present one is superseded");
        self.last_id += 1;
        article.id = ArticleId(self.last_id);
        self.definitions.push(article.clone());
        Ok(Box::new(article))
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
