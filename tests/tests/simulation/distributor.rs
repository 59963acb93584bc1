//! The distributor: its cores and its catalog, over a disk on which only what was synced survives. What the service does in several
//! steps, between which others can come, are several steps here too.

mod housekeeping;

use self::housekeeping::Round;
use super::catalog_log::CatalogLog;
use super::network::{ConnectionId, Network, Read};
use super::queue::{Delivery, Queue};
use super::source::database;
use distributor::catalog::{Asked, Catalog, Change, Contents, Entry, Key, Planned, SubscriptionEntry, plan};
use distributor::core::intake::{Input, Intake, Output};
use distributor::core::subscriptions::{Progress, Subscriptions, overtaken};
use proto::catalog::{Request, Response};
use proto::message::{ClientMessage, Refusal, RefusalKind, ServerMessage};
use proto::{Article, ArticleId, Lsn, TableName};
use rand::Rng;
use rand::rngs::StdRng;
use std::collections::BTreeMap;

/// What survives the process. The catalog is durable with each change.
#[derive(Debug)]
struct Disk {
    queue: Queue,
    catalog: Catalog,
}

/// The process.
#[derive(Debug)]
struct Process {
    intake: Intake,
    subscriptions: Subscriptions,
    reader: Option<Reader>,
    /// Log readers that wait for their answer until what was written before is durable.
    attaching: Vec<(u64, Option<Lsn>, ConnectionId)>,
    /// Requests for a stream that are being looked at.
    openings: BTreeMap<ConnectionId, Opening>,
    /// Subscriptions being streamed.
    streams: BTreeMap<ConnectionId, Stream>,
    /// Snapshots that wait for the log reader to take up the articles.
    begins: Vec<(ConnectionId, Begin)>,
    /// Subscribers may read up to here.
    visible: Option<Lsn>,
    /// Version of the articles.
    version: u64,
    /// Goes up with each snapshot that is registered.
    registered: u64,
    round: Round,
}

/// The log reader's connection.
#[derive(Debug)]
struct Reader {
    connection: ConnectionId,
    epoch: u64,
    /// It has read up to here.
    read: Option<Lsn>,
    /// The version of the articles that it was told, and that it reads with; `None` before it is attached.
    told: Option<u64>,
    in_use: Option<u64>,
}

#[derive(Debug)]
struct Opening {
    subscription: String,
    position: Lsn,
    held: Vec<ArticleId>,
    /// The publication's definitions, once it was looked for.
    articles: Option<Vec<Article>>,
    /// The subscription is this connection's.
    taken: bool,
}

#[derive(Debug)]
struct Stream {
    subscription: String,
    delivery: Delivery,
    /// Where it began.
    began: Lsn,
    told: Option<Lsn>,
    /// The snapshots that were registered when it was looked whether there is something to load.
    looked: Option<u64>,
}

#[derive(Debug)]
struct Begin {
    asked: Asked,
    snapshot: uuid::Uuid,
    tables: Option<Vec<TableName>>,
}

#[derive(Debug)]
pub struct Distributor {
    disk: Disk,
    process: Option<Process>,
    /// Snapshots that were registered.
    pub snapshots: usize,
}

impl Distributor {
    pub fn new() -> Self {
        let catalog = Catalog::over(Box::new(CatalogLog::default())).expect("nothing is there");
        let disk = Disk { queue: Queue::default(), catalog };
        let mut new = Self { disk, process: None, snapshots: 0 };
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

    /// Everything up to here is in the queue no more.
    pub fn dropped(&self) -> Option<Lsn> {
        self.disk.queue.dropped()
    }

    /// The articles of a publication as they are now.
    pub fn articles_of(&mut self, publication: &str) -> Vec<Article> {
        self.disk.catalog.read(|contents| contents.articles_of(publication)).expect("the catalog can be read")
    }

    /// SIGKILL or a power cut.
    pub fn kill(&mut self, network: &mut Network, rng: &mut StdRng) {
        if self.process.take().is_some() {
            network.distributor_died(rng);
            self.disk.queue.lose(rng);
        }
    }

    pub fn start(&mut self) {
        if self.process.is_some() {
            return;
        }
        let durable = self.disk.queue.recover();
        let known = self.disk.catalog.read(|contents| Ok((contents.subscriptions()?, contents.database(&database())?)));
        let (entries, known) = known.expect("the catalog can be read");
        let mut subscriptions = Subscriptions::new();
        for entry in &entries {
            subscriptions.add(&entry.subscription.name, stored(entry));
        }
        self.process = Some(Process {
            intake: Intake::recovered(known.as_ref().map_or(0, |known| known.epoch), durable),
            subscriptions,
            reader: None,
            attaching: Vec::new(),
            openings: BTreeMap::new(),
            streams: BTreeMap::new(),
            begins: Vec::new(),
            visible: durable,
            version: known.map_or(0, |known| known.articles_version),
            registered: 0,
            round: Round::Persist,
        });
    }

    /// Answers a request that comes over no connection that matters.
    pub fn request(&mut self, request: Request, network: &mut Network, rng: &mut StdRng) -> Result<Response, Refusal> {
        let Some(process) = &self.process else { return Err(Refusal::new(RefusalKind::Internal, "not running")) };
        let (end, kept_after) = (process.visible, self.dropped());
        match request {
            Request::PublicationAdd(publication) => {
                self.change(network, rng, |contents| plan::publication_add(contents, publication.clone()))
            }
            Request::ArticleAdd(article) => {
                self.change(network, rng, |contents| plan::article_add(contents, (*article).clone()))
            }
            Request::ArticleDrop { publication, source } => {
                self.change(network, rng, |contents| plan::article_drop(contents, &publication, &source))
            }
            Request::SubscriptionAdd(subscription) => self.change(network, rng, |contents| {
                plan::subscription_add(contents, subscription.clone(), kept_after, end)
            }),
            Request::SubscriptionDrop { name } => {
                self.change(network, rng, |contents| plan::subscription_drop(contents, &name))
            }
            Request::SnapshotRegister(snapshot) => {
                self.change(network, rng, |contents| plan::snapshot_register(contents, snapshot.clone(), kept_after))
            }
            Request::SnapshotAbandon { snapshot } => {
                self.change(network, rng, |contents| plan::snapshot_abandon(contents, snapshot))
            }
            Request::SnapshotList { publication } => {
                self.persist();
                let ask = |contents: Contents<'_>| {
                    plan::snapshot_list(contents, publication.as_deref(), |_| kept_after, 0, 1)
                };
                self.ask(ask).map(Response::Snapshots)
            }
            Request::SnapshotForget { snapshot } => {
                self.persist();
                self.change(network, rng, |contents| plan::snapshot_forget(contents, snapshot, |_| kept_after))
            }
            Request::SnapshotLatest { publication, has } => {
                let ask = |contents: Contents<'_>| plan::snapshot_latest(contents, &publication, &has, kept_after);
                self.ask(ask).map(Response::SnapshotsToLoad)
            }
            unexpected => panic!("nobody asks {unexpected:?} here"),
        }
    }

    fn ask<T>(&mut self, ask: impl Fn(Contents<'_>) -> Result<T, Refusal>) -> Result<T, Refusal> {
        self.disk.catalog.read(|contents| Ok(ask(contents))).expect("the catalog can be read")
    }

    /// Makes a planned change, and what follows from it for the process.
    fn change(
        &mut self,
        network: &mut Network,
        rng: &mut StdRng,
        plan: impl Fn(Contents<'_>) -> Result<Planned, Refusal>,
    ) -> Result<Response, Refusal> {
        let planned = self.ask(plan)?;
        self.disk.catalog.change(planned.changes.clone()).expect("the catalog can be written");
        let Some(process) = &mut self.process else { return Ok(planned.response) };
        for change in &planned.changes {
            match change {
                Change::Put(Entry::Database(entry)) => process.version = entry.articles_version,
                Change::Put(Entry::Subscription(entry)) => {
                    let name = &entry.subscription.name;
                    if process.subscriptions.get(name).is_none() {
                        process.subscriptions.add(name, stored(entry));
                    }
                }
                Change::Delete(Key::Subscription(name)) => {
                    if let Some(stream) = process.subscriptions.remove(name) {
                        process.end_stream(stream as ConnectionId, network, rng);
                    }
                }
                Change::Put(Entry::Snapshot(_)) => {
                    process.registered += 1;
                    self.snapshots += 1;
                }
                _ => {}
            }
        }
        Ok(planned.response)
    }

    /// Reads one message of one connection.
    pub fn receive(&mut self, network: &mut Network, rng: &mut StdRng) {
        let Some(process) = &mut self.process else { return };
        let mut connections = network.readable();
        // Who is being looked at is not read from meanwhile.
        connections.retain(|id| !process.openings.contains_key(id) && process.begins.iter().all(|(b, _)| b != id));
        if connections.is_empty() {
            return;
        }
        let id = connections[rng.random_range(0..connections.len())];
        match network.distributor_reads(id) {
            Read::Nothing => {}
            Read::Gone => {
                process.streams.remove(&id);
                process.subscriptions.closed(id as u64);
                if let Some(reader) = process.reader.take_if(|reader| reader.connection == id) {
                    let outputs = process.intake.handle(Input::Detach { epoch: reader.epoch });
                    self.carry_out(outputs, id, network, rng);
                }
                network.forget(id, rng);
            }
            Read::Message(message) => self.take(id, message, network, rng),
        }
    }

    fn take(&mut self, id: ConnectionId, message: ClientMessage, network: &mut Network, rng: &mut StdRng) {
        let dropped = self.dropped();
        let Some(process) = &mut self.process else { return };
        let reads = |epoch: u64| move |reader: &&mut Reader| reader.epoch == epoch;
        let input = match message {
            ClientMessage::Attach { .. } => {
                // Mostly a second log reader waits for the first; taking over tests that the first is fenced off.
                if process.reader.is_some() && rng.random_ratio(3, 4) {
                    let refusal = Refusal::new(RefusalKind::Busy, "another log reader is attached");
                    network.distributor_sends(id, ServerMessage::Refused(refusal));
                    return;
                }
                let known = self.disk.catalog.read(|contents| contents.database(&database()));
                let mut entry = known.expect("the catalog can be read").expect("it has a publication");
                entry.epoch += 1;
                let epoch = entry.epoch;
                let change = vec![Change::Put(Entry::Database(entry))];
                self.disk.catalog.change(change).expect("the catalog can be written");
                process.reader = Some(Reader { connection: id, epoch, read: None, told: None, in_use: None });
                Input::Attach { epoch }
            }
            ClientMessage::Append { epoch, chunks } => {
                if let Some(reader) = process.reader.as_mut().filter(reads(epoch)) {
                    reader.read = reader.read.max(chunks.last().map(|chunk| chunk.lsn));
                }
                Input::Append { epoch, chunks }
            }
            ClientMessage::Progress { epoch, lsn, committed_at } => {
                if let Some(reader) = process.reader.as_mut().filter(reads(epoch)) {
                    reader.read = reader.read.max(Some(lsn));
                }
                Input::Progress { epoch, lsn, committed_at }
            }
            ClientMessage::ArticlesInUse { epoch, version } => {
                if let Some(reader) = process.reader.as_mut().filter(reads(epoch)) {
                    reader.in_use = Some(version);
                    let read = reader.read;
                    self.taken_up(version, read, network, rng);
                }
                return;
            }
            ClientMessage::AlterArticle { epoch, article } => {
                let durable = process.visible;
                let plan = |contents: Contents<'_>| {
                    plan::article_alter(contents, &database(), epoch, durable, (*article).clone())
                };
                let altered = self.change(network, rng, plan).map(|response| match response {
                    Response::ArticleAdded(given) => Box::new(Article { id: given, ..(*article).clone() }),
                    unexpected => panic!("{unexpected:?}"),
                });
                network.distributor_sends(id, ServerMessage::ArticleAltered(altered));
                return;
            }
            ClientMessage::Subscribe { subscription, position, articles: held } => {
                process.openings.insert(id, Opening { subscription, position, held, articles: None, taken: false });
                return;
            }
            ClientMessage::Report(report) => {
                let stream = process.streams.contains_key(&id).then_some(id as u64);
                // Refused where it comes from a connection that was overtaken.
                let _ = process.subscriptions.report(report, stream, dropped.filter(|_| stream.is_none()), 0);
                return;
            }
            ClientMessage::Request(request) => {
                if let Request::SnapshotBegin { publication, snapshot, articles: tables } = *request {
                    let end = process.visible;
                    let ask = |contents: Contents<'_>| {
                        plan::snapshot_asked(contents, &publication, snapshot, tables.as_deref(), end)
                    };
                    match self.ask(ask) {
                        Ok(asked) => {
                            let begins = self.process.as_mut().map(|process| &mut process.begins);
                            begins.into_iter().for_each(|b| {
                                b.push((id, Begin { asked: asked.clone(), snapshot, tables: tables.clone() }))
                            });
                        }
                        Err(refusal) => network.distributor_sends(id, ServerMessage::Response(Err(refusal))),
                    }
                    return;
                }
                let response = self.request(*request, network, rng);
                network.distributor_sends(id, ServerMessage::Response(response));
                return;
            }
            ClientMessage::Ping => return,
            unexpected => panic!("nobody sends {unexpected:?} here"),
        };
        let outputs = process.intake.handle(input);
        self.carry_out(outputs, id, network, rng);
    }

    /// The log reader reads with this version of the articles what comes after `read`.
    fn taken_up(&mut self, version: u64, read: Option<Lsn>, network: &mut Network, rng: &mut StdRng) {
        let plan = |contents: Contents<'_>| plan::articles_taken_up(contents, &database(), version, read);
        self.change(network, rng, plan).expect("the articles are there");
    }

    /// Goes on with one of the things that take several steps.
    pub fn go_on(&mut self, network: &mut Network, rng: &mut StdRng) {
        let Some(process) = &mut self.process else { return };
        if rng.random_bool(0.3) {
            self.tell_articles(network);
            return;
        }
        if !process.begins.is_empty() && rng.random_bool(0.5) {
            self.begin(network, rng);
            return;
        }
        let ids: Vec<ConnectionId> = process.openings.keys().copied().collect();
        if !ids.is_empty() {
            self.open(ids[rng.random_range(0..ids.len())], network, rng);
        }
    }

    /// Tells the log reader of a newer version of the articles.
    fn tell_articles(&mut self, network: &mut Network) {
        let Some(process) = &mut self.process else { return };
        if let Some(reader) = process.reader.as_mut().filter(|r| r.told.is_some_and(|told| told < process.version)) {
            let told = self.disk.catalog.read(|contents| contents.database_articles(&database()));
            let (version, articles) = told.expect("the catalog can be read");
            reader.told = Some(version);
            network.distributor_sends(reader.connection, ServerMessage::Articles { version, articles });
        }
    }

    /// Begins a snapshot once an attached log reader reads all its articles.
    fn begin(&mut self, network: &mut Network, rng: &mut StdRng) {
        let Some(process) = &mut self.process else { return };
        let chosen = rng.random_range(0..process.begins.len());
        let version = process.begins[chosen].1.asked.version;
        if process.reader.as_ref().is_some_and(|reader| reader.in_use < Some(version)) {
            return;
        }
        let (id, begin) = process.begins.swap_remove(chosen);
        let end = process.visible;
        let plan = |contents: Contents<'_>| {
            plan::snapshot_begin(contents, &begin.asked, begin.snapshot, begin.tables.as_deref(), end, 0)
        };
        let response = self.change(network, rng, plan);
        network.distributor_sends(id, ServerMessage::Response(response));
    }

    /// One step of the beginning of a stream.
    fn open(&mut self, id: ConnectionId, network: &mut Network, rng: &mut StdRng) {
        let dropped = self.dropped();
        let Some(process) = &mut self.process else { return };
        let Some(opening) = process.openings.get_mut(&id) else { return };
        let (name, position) = (opening.subscription.clone(), opening.position);
        let Some(articles) = opening.articles.clone() else {
            let durable = process.visible;
            let found = self.disk.catalog.read(|contents| {
                let Some(entry) = contents.subscription(&name)? else { return Ok(None) };
                Ok(Some(contents.definitions_up_to(&entry.subscription.publication, durable)?))
            });
            opening.articles = found.expect("the catalog can be read");
            if opening.articles.is_none() {
                self.refuse_stream(id, Refusal::new(RefusalKind::NotFound, "no such subscription"), network, rng);
            }
            return;
        };
        if !opening.taken {
            match process.subscriptions.subscribe(&name, id as u64, "peer", position, dropped) {
                Ok(()) => opening.taken = true,
                Err(refusal) => {
                    // Over a connection that is gone it may have asked from where it was before.
                    let needed = network.is_open(id) && refusal.kind == RefusalKind::Expired;
                    assert!(!needed, "retention dropped what {name} needs: {refusal}");
                    self.refuse_stream(id, refusal, network, rng);
                }
            }
            return;
        }
        let held = opening.held.clone();
        process.openings.remove(&id);
        let plan = |contents: Contents<'_>| plan::subscription_streams(contents, &name, &held, position);
        if let Err(refusal) = self.change(network, rng, plan) {
            self.refuse_stream(id, refusal, network, rng);
            return;
        }
        assert!(self.dropped() <= Some(position) || !network.is_open(id), "retention dropped what {name} begins with");
        let Some(process) = &mut self.process else { return };
        let wanted = articles.iter().map(|a| a.id).filter(|id| held.contains(id)).collect();
        network.distributor_sends(id, ServerMessage::Subscribed { articles });
        let delivery = Delivery { articles: wanted, sent: position, part: 0 };
        process.streams.insert(id, Stream { subscription: name, delivery, began: position, told: None, looked: None });
    }

    fn refuse_stream(&mut self, id: ConnectionId, refusal: Refusal, network: &mut Network, rng: &mut StdRng) {
        network.distributor_sends(id, ServerMessage::Refused(refusal));
        if let Some(process) = &mut self.process {
            process.openings.remove(&id);
            process.subscriptions.closed(id as u64);
        }
        network.forget(id, rng);
    }

    /// Makes durable what was written.
    pub fn sync(&mut self, network: &mut Network, rng: &mut StdRng) {
        let Some(process) = &mut self.process else { return };
        self.disk.queue.sync();
        let outputs = process.intake.handle(Input::Synced);
        for (epoch, position, id) in std::mem::take(&mut process.attaching) {
            self.attached(epoch, position, id, network, rng);
        }
        self.carry_out(outputs, 0, network, rng);
    }

    fn attached(
        &mut self,
        epoch: u64,
        position: Option<Lsn>,
        id: ConnectionId,
        network: &mut Network,
        rng: &mut StdRng,
    ) {
        let undone = |contents: Contents<'_>| plan::forget_undone(contents, &database(), position);
        self.change(network, rng, undone).expect("what never happened can be forgotten");
        let told = self.disk.catalog.read(|contents| {
            let (version, articles) = contents.database_articles(&database())?;
            Ok((version, contents.unread(&articles, position)?, articles))
        });
        let (version, unread, articles) = told.expect("the catalog can be read");
        self.taken_up(version, position, network, rng);
        let reader = self.process.as_mut().and_then(|process| process.reader.as_mut());
        if let Some(reader) = reader.filter(|reader| reader.epoch == epoch) {
            (reader.read, reader.told, reader.in_use) = (position, Some(version), Some(version));
        }
        let attached = ServerMessage::Attached { epoch, position, position_time: None, version, articles, unread };
        network.distributor_sends(id, attached);
    }

    fn carry_out(&mut self, outputs: Vec<Output>, from: ConnectionId, network: &mut Network, rng: &mut StdRng) {
        let Some(process) = &mut self.process else { return };
        for output in outputs {
            match output {
                Output::Rewind => self.disk.queue.rewind(),
                Output::Write(chunks) => self.disk.queue.append(chunks),
                Output::WriteProgress(lsn, _) => self.disk.queue.progress(lsn),
                Output::Attached { epoch, position } => process.attaching.push((epoch, position, from)),
                Output::Durable { lsn } => {
                    process.visible = Some(lsn);
                    if let Some(reader) = &process.reader {
                        network.distributor_sends(reader.connection, ServerMessage::Durable { lsn });
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
        let kept_after = self.dropped();
        let Some(process) = &mut self.process else { return };
        let ids: Vec<ConnectionId> = process.streams.keys().copied().collect();
        if ids.is_empty() {
            return;
        }
        let id = ids[rng.random_range(0..ids.len())];
        let Some(stream) = process.streams.get_mut(&id) else { return };
        if stream.looked != Some(process.registered) {
            stream.looked = Some(process.registered);
            let name = &stream.subscription;
            let asked = self.disk.catalog.read(|contents| Ok(plan::something_to_load(contents, name, kept_after)));
            if asked.expect("the catalog can be read").expect("it can be told") {
                network.distributor_sends(id, ServerMessage::SnapshotReady);
            }
        }
        if let Some(definition) = self.disk.queue.overtaken(&stream.delivery, stream.began, process.visible) {
            let refusal = overtaken(&stream.subscription, &definition, stream.began);
            process.streams.remove(&id);
            self.refuse_stream(id, refusal, network, rng);
            return;
        }
        let (chunks, all) = self.disk.queue.deliver(&mut stream.delivery, process.visible, rng);
        if !chunks.is_empty() {
            network.distributor_sends(id, ServerMessage::Deliver { chunks });
        }
        if all && stream.delivery.part == 0 && stream.told < process.visible {
            stream.told = process.visible;
            stream.delivery.sent = stream.delivery.sent.max(process.visible.unwrap_or_default());
            network.distributor_sends(id, ServerMessage::CaughtUp { lsn: stream.delivery.sent });
        }
    }
}

impl Process {
    fn end_stream(&mut self, id: ConnectionId, network: &mut Network, rng: &mut StdRng) {
        self.streams.remove(&id);
        self.openings.remove(&id);
        network.distributor_sends(id, ServerMessage::Refused(Refusal::new(RefusalKind::NotFound, "it was dropped")));
        network.forget(id, rng);
    }
}

fn stored(entry: &SubscriptionEntry) -> Progress {
    Progress::new(entry.state, entry.position, entry.keep_after)
}
