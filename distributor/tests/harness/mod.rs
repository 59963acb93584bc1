//! A distributor on loopback, in this process, and clients of it.
#![allow(clippy::unwrap_used, dead_code, missing_docs)]

use distributor::log::{LogError, LogStore, LogView, Place, Record, SegmentLog};
use distributor::service::server::OpenLog;
use distributor::service::{DataDirectory, Options, Server, Tls};
use proto::catalog::{
    DatabaseName, LoginRole, Publication, PublicationKind, Request, Response, Snapshot, Status, Subscription,
    SubscriptionState, SyncType,
};
use proto::message::{ClientMessage, Refusal, Report, ServerMessage};
use proto::snapshot::SnapshotToLoad;
use proto::transport::{ClientTls, ConnectOptions, Connection, Receiver, Sender, TransportError};
use proto::{Article, ArticleId, Capture, Chunk, Column, ColumnType, Lsn, Segment, TableName};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use uuid::Uuid;
use zeroize::Zeroizing;

pub const PASSWORD: &str = "admin-password";
/// For anything that should happen soon, on a busy machine.
pub const SOON: Duration = Duration::from_secs(60);

pub struct Distributor {
    pub address: String,
    pub directory: PathBuf,
    shutdown: Option<oneshot::Sender<()>>,
    running: JoinHandle<()>,
}

/// A data directory; made once and copied, since making certificates and hashes takes a while.
pub fn data_directory() -> tempfile::TempDir {
    static MADE: OnceLock<tempfile::TempDir> = OnceLock::new();
    let made = MADE.get_or_init(|| {
        let directory = tempfile::tempdir().unwrap();
        DataDirectory::init(directory.path(), &[], "admin", PASSWORD).unwrap();
        directory
    });
    let copy = tempfile::tempdir().unwrap();
    copy_directory(made.path(), copy.path());
    copy
}

pub fn copy_directory(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_directory(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

pub fn options() -> Options {
    Options { listen: "127.0.0.1:0".to_owned(), tls: Tls::Off, segment_size: 64 << 10, ..Options::default() }
}

impl Distributor {
    pub async fn start(directory: &Path, options: Options) -> Self {
        let data = DataDirectory::open(directory).unwrap();
        let server = Server::open(data, options).await.unwrap();
        let address = server.address().unwrap().to_string();
        let (shutdown, ended) = oneshot::channel();
        let running = tokio::spawn(async move {
            server.run(async { ended.await.unwrap_or(()) }).await.unwrap();
        });
        Self { address, directory: directory.to_owned(), shutdown: Some(shutdown), running }
    }

    pub async fn stop(mut self) {
        let _ = self.shutdown.take().unwrap().send(());
        tokio::time::timeout(SOON, self.running).await.unwrap().unwrap();
    }

    pub async fn connect(&self) -> Connection {
        connect(&self.address, "admin", PASSWORD).await.unwrap()
    }

    pub async fn admin(&self, request: Request) -> Result<Response, Refusal> {
        self.connect().await.request(request).await.map_err(|error| error.refusal().unwrap().clone())
    }

    pub async fn status(&self) -> Status {
        match self.admin(Request::Status).await.unwrap() {
            Response::Status(status) => *status,
            other => panic!("{other:?}"),
        }
    }

    /// Makes publication `p` with articles of tables `t1` to `t<n>`.
    pub async fn publish(&self, articles: u32) -> Vec<ArticleId> {
        self.admin(Request::PublicationAdd(publication("p"))).await.unwrap();
        let mut ids = Vec::new();
        for n in 1..=articles {
            ids.push(self.add_article("p", &format!("t{n}")).await.unwrap());
        }
        ids
    }

    pub async fn add_article(&self, publication: &str, table: &str) -> Result<ArticleId, Refusal> {
        match self.admin(Request::ArticleAdd(Box::new(article(publication, table)))).await? {
            Response::ArticleAdded(id) => Ok(id),
            other => panic!("{other:?}"),
        }
    }

    pub async fn subscribe_to(&self, publication: &str, name: &str) -> Result<Response, Refusal> {
        self.admin(Request::SubscriptionAdd(subscription(name, publication))).await
    }

    pub async fn begin(&self, snapshot: &Snapshot) -> Result<Response, Refusal> {
        let (publication, snapshot) = (snapshot.publication.clone(), snapshot.id);
        self.admin(Request::SnapshotBegin { publication, snapshot, articles: None }).await
    }

    /// Begins a snapshot and makes it known.
    pub async fn register(&self, snapshot: &Snapshot) -> Result<Response, Refusal> {
        self.begin(snapshot).await?;
        self.admin(Request::SnapshotRegister(snapshot.clone())).await
    }

    /// What somebody who has these articles of publication `p` is to load: snapshots with their articles.
    pub async fn latest(&self, has: &[ArticleId]) -> Option<Vec<(Uuid, Vec<ArticleId>)>> {
        let request = Request::SnapshotLatest { publication: "p".to_owned(), has: has.to_vec() };
        match self.admin(request).await.unwrap() {
            Response::SnapshotsToLoad(found) => {
                found.map(|found| found.into_iter().map(|load| (load.snapshot.id, load.articles)).collect())
            }
            other => panic!("{other:?}"),
        }
    }

    pub async fn attach(&self) -> LogReader {
        LogReader::attach(&self.address, Uuid::new_v4()).await.unwrap()
    }

    pub async fn stream(&self, name: &str, position: Lsn) -> Subscriber {
        Subscriber::open(&self.address, name, position).await.unwrap()
    }

    /// Waits until the status is as it should be.
    pub async fn until(&self, what: impl Fn(&Status) -> bool) -> Status {
        tokio::time::timeout(SOON, async {
            loop {
                let status = self.status().await;
                if what(&status) {
                    return status;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        })
        .await
        .unwrap()
    }
}

pub async fn connect(address: &str, login: &str, password: &str) -> Result<Connection, TransportError> {
    let options = ConnectOptions {
        address: address.to_owned(),
        tls: ClientTls::Off,
        server_name: None,
        login: login.to_owned(),
        password: Zeroizing::new(password.to_owned()),
        client: "test".to_owned(),
    };
    Connection::connect(&options).await
}

pub fn database() -> DatabaseName {
    DatabaseName { server: "SQL1".to_owned(), database: "Retail".to_owned() }
}

/// The answer to a question for the latest snapshot: all of one, or none.
pub fn to_load(snapshot: Option<Snapshot>) -> Response {
    Response::SnapshotsToLoad(snapshot.map(|snapshot| {
        let mut articles: Vec<_> = snapshot.boundaries.iter().map(|(id, _)| *id).collect();
        articles.sort_unstable();
        vec![SnapshotToLoad { snapshot, articles }]
    }))
}

pub fn publication(name: &str) -> Publication {
    Publication {
        name: name.to_owned(),
        database: database(),
        server_version: 15,
        kind: PublicationKind::Transactional,
        replicate_ddl: true,
        created_at: 1,
    }
}

pub fn subscription(name: &str, publication: &str) -> Subscription {
    let database = DatabaseName { server: "MI".to_owned(), database: format!("copy_{name}") };
    Subscription {
        name: name.to_owned(),
        publication: publication.to_owned(),
        database,
        sync: SyncType::Automatic,
        created_at: 1,
    }
}

pub fn article(publication: &str, table: &str) -> Article {
    let name = TableName { schema: "dbo".to_owned(), table: table.to_owned() };
    let id = Column {
        name: "id".to_owned(),
        column_type: ColumnType::Int,
        nullable: false,
        identity: None,
        sparse: false,
        collation: None,
        key_ordinal: Some(0),
    };
    let capture = Capture { instance: format!("dbo_{table}"), start_lsn: Lsn::new(0, 0, 1), ..Capture::default() };
    Article::new(publication, name, vec![id], capture)
}

pub fn snapshot(publication: &str, articles: &[ArticleId], boundary: Lsn) -> Snapshot {
    Snapshot {
        id: Uuid::new_v4(),
        publication: publication.to_owned(),
        location: "file:///srv/snapshot".to_owned(),
        boundaries: articles.iter().map(|id| (*id, boundary)).collect(),
        rows: 0,
        bytes: 0,
        created_at: 1,
    }
}

pub fn lsn(n: u32) -> Lsn {
    Lsn::new(1, n, 1)
}

/// A transaction in `parts` chunks with one segment of each article in each; its payload tells which it is.
pub fn transaction(n: u32, articles: &[ArticleId], parts: u32) -> Vec<Chunk> {
    let payload = |part: u32, article: &ArticleId| format!("{n}/{part}/{article}").repeat(20).into_bytes();
    let chunk = |part: u32| Chunk {
        lsn: lsn(n),
        part,
        last: part + 1 == parts,
        committed_at: i64::from(n),
        read_at: 0,
        marker: None,
        schema: vec![],
        segments: articles
            .iter()
            .map(|article| Segment { article: *article, changes: 1, payload: payload(part, article) })
            .collect(),
    };
    (0..parts).map(chunk).collect()
}

pub struct LogReader {
    pub epoch: u64,
    pub position: Option<Lsn>,
    pub version: u64,
    pub articles: Vec<Article>,
    pub unread: Vec<ArticleId>,
    pub sender: Sender<ClientMessage>,
    pub receiver: Receiver<ServerMessage>,
}

impl LogReader {
    pub async fn attach(address: &str, reader: Uuid) -> Result<Self, Refusal> {
        let (sender, mut receiver) = connect(address, "admin", PASSWORD).await.unwrap().into_split();
        sender.send(&ClientMessage::Attach { database: database(), reader }).await.unwrap();
        sender.flush().await.unwrap();
        match next(&mut receiver).await {
            ServerMessage::Attached { epoch, position, position_time: _, version, articles, unread } => {
                Ok(Self { epoch, position, version, articles, unread, sender, receiver })
            }
            ServerMessage::Refused(refusal) => Err(refusal),
            other => panic!("{other:?}"),
        }
    }

    pub async fn append(&self, chunks: Vec<Chunk>) {
        self.sender.send(&ClientMessage::Append { epoch: self.epoch, chunks }).await.unwrap();
        self.sender.flush().await.unwrap();
    }

    pub async fn progress(&self, lsn: Lsn) {
        self.sender.send(&ClientMessage::Progress { epoch: self.epoch, lsn, committed_at: 0 }).await.unwrap();
        self.sender.flush().await.unwrap();
    }

    pub async fn until_durable(&mut self, wanted: Lsn) {
        loop {
            match next(&mut self.receiver).await {
                ServerMessage::Durable { lsn } if lsn >= wanted => return,
                ServerMessage::Refused(refusal) => panic!("{refusal}"),
                _ => {}
            }
        }
    }
}

pub struct Subscriber {
    pub name: String,
    pub articles: Vec<Article>,
    pub sender: Sender<ClientMessage>,
    pub receiver: Receiver<ServerMessage>,
}

impl Subscriber {
    /// With every definition that there ever was.
    pub async fn open(address: &str, name: &str, position: Lsn) -> Result<Self, Refusal> {
        Self::with(address, name, position, &(1..=100).map(ArticleId).collect::<Vec<_>>()).await
    }

    /// With these articles.
    pub async fn with(address: &str, name: &str, position: Lsn, articles: &[ArticleId]) -> Result<Self, Refusal> {
        let (sender, mut receiver) = connect(address, "admin", PASSWORD).await.unwrap().into_split();
        let (subscription, articles) = (name.to_owned(), articles.to_vec());
        let subscribe = ClientMessage::Subscribe { subscription, position, articles };
        sender.send(&subscribe).await.unwrap();
        sender.flush().await.unwrap();
        match next(&mut receiver).await {
            ServerMessage::Subscribed { articles } => Ok(Self { name: name.to_owned(), articles, sender, receiver }),
            ServerMessage::Refused(refusal) => Err(refusal),
            other => panic!("{other:?}"),
        }
    }

    /// Everything delivered up to a position.
    pub async fn until(&mut self, wanted: Lsn) -> Vec<Chunk> {
        let mut delivered = Vec::new();
        loop {
            match next(&mut self.receiver).await {
                ServerMessage::Deliver { chunks } => delivered.extend(chunks),
                ServerMessage::CaughtUp { lsn } if lsn >= wanted => return delivered,
                ServerMessage::CaughtUp { .. } => {}
                other => panic!("{other:?}"),
            }
        }
    }

    pub async fn report(&self, state: SubscriptionState, position: Option<Lsn>) {
        let report = Report {
            subscription: self.name.clone(),
            state,
            position,
            snapshot: None,
            transactions: 1,
            changes: 1,
            error: None,
            loading: vec![],
            tracers: vec![],
            sent_at: 0,
        };
        self.sender.send(&ClientMessage::Report(report)).await.unwrap();
        self.sender.flush().await.unwrap();
    }
}

pub async fn next(receiver: &mut Receiver<ServerMessage>) -> ServerMessage {
    tokio::time::timeout(SOON, receiver.next()).await.expect("an answer in time").unwrap()
}

/// What a connection is told last.
pub async fn parting(receiver: &mut Receiver<ServerMessage>) -> Refusal {
    loop {
        if let ServerMessage::Refused(refusal) = next(receiver).await {
            return refusal;
        }
    }
}

pub async fn add_login(distributor: &Distributor, name: &str, role: LoginRole) {
    let request = Request::LoginAdd { name: name.to_owned(), password: format!("{name}-password"), role };
    distributor.admin(request).await.unwrap();
}

/// A log on a volume that is full as long as it is told to be: nothing can be written, or what was written cannot be synced.
pub struct FullVolume {
    log: SegmentLog,
    full: Arc<Full>,
}

#[derive(Debug, Default)]
pub struct Full {
    pub write: AtomicBool,
    pub sync: AtomicBool,
}

pub fn on_volume(full: &Arc<Full>) -> OpenLog {
    let full = full.clone();
    Arc::new(move |directory, size| {
        Ok(Box::new(FullVolume { log: SegmentLog::open(directory, size)?, full: full.clone() }))
    })
}

fn no_space() -> LogError {
    let source = std::io::Error::from(std::io::ErrorKind::StorageFull);
    LogError::Io { action: "write", path: "the volume".into(), source }
}

impl LogStore for FullVolume {
    fn write(&mut self, records: &[Record]) -> Result<(), LogError> {
        if self.full.write.load(Ordering::SeqCst) {
            // Some of it may have been written.
            self.log.write(&records[..records.len() / 2])?;
            return Err(no_space());
        }
        self.log.write(records)
    }
    fn sync(&mut self) -> Result<(), LogError> {
        if self.full.sync.load(Ordering::SeqCst) { Err(no_space()) } else { self.log.sync() }
    }
    fn rewind(&mut self, to: Place) -> Result<(), LogError> {
        self.log.rewind(to)
    }
    fn drop_before(&mut self, offset: u64) -> Result<(), LogError> {
        self.log.drop_before(offset)
    }
    fn end(&self) -> Place {
        self.log.end()
    }
    fn unit_end(&self) -> Place {
        self.log.unit_end()
    }
    fn view(&self) -> Arc<dyn LogView> {
        self.log.view()
    }
}
