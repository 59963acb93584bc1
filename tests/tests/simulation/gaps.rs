//! The log reader's core between a database that loses changes and a queue that forgets what was not synced: cleanup at any moment,
//! capture disabled and enabled again, restores to any earlier or later point, crashes. Either the queue has exactly what the
//! database committed, or the log reader has stopped; and it stops only if something may be lost.

use proto::codec::decode_changes;
use proto::{Article, ArticleId, Capture, Change, Chunk, Column, ColumnType, Lsn, TableName, Value};
use publisher::core::{Input, LogReader, Output, Problem, SchemaHistory, Source};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use sqlserver::cdc::CaptureInstance;
use sqlserver::change::{ChangeRow, Operation, Place};
use sqlserver::history::{ChangeTable, History};

const TABLES: usize = 2;
/// Microseconds between two answers.
const SECOND: i64 = 1_000_000;
const STEPS: u32 = 400;
const STEPS_TO_DRAIN: u32 = 20_000;

/// Inserted rows, each with its table.
type Rows = Vec<(usize, i64)>;

/// A committed transaction: what it inserted into which table; nothing for a mark of idle time.
#[derive(Debug, Clone, PartialEq)]
struct Commit {
    lsn: Lsn,
    time: i64,
    rows: Rows,
}

#[derive(Debug, Clone)]
struct Table {
    object_id: i32,
    begin: Lsn,
    rows: Vec<ChangeRow>,
}

/// What a restore brings back.
#[derive(Debug, Clone)]
struct Database {
    commits: Vec<Commit>,
    /// Captured up to this one.
    captured: usize,
    /// Change tables; `None` while capture is disabled.
    tables: [Option<Table>; TABLES],
}

#[derive(Debug)]
struct Server {
    database: Database,
    backups: Vec<Database>,
    clock: i64,
    next_object: i32,
    next_row: i64,
    /// Raised by what breaks all connections.
    generation: u32,
}

fn lsn(n: usize) -> Lsn {
    Lsn::new(9, n as u32 * 10, 1)
}

impl Server {
    fn new() -> Self {
        let table = |object_id| Some(Table { object_id, begin: lsn(0), rows: Vec::new() });
        let database = Database { commits: Vec::new(), captured: 0, tables: [table(100), table(101)] };
        Self { database, backups: Vec::new(), clock: 1_000, next_object: 200, next_row: 0, generation: 0 }
    }

    /// Commits a transaction, which is in the change tables of those tables that are captured at that time.
    fn commit(&mut self, rng: &mut StdRng) {
        let at = lsn(self.database.commits.len() + 1);
        self.clock += 1;
        let mut rows = Vec::new();
        for command in 0..rng.random_range(0..4) {
            let table = rng.random_range(0..TABLES);
            self.next_row += 1;
            rows.push((table, self.next_row));
            if let Some(table) = &mut self.database.tables[table] {
                let place = Place { lsn: at, command, sequence: at, operation: Operation::Insert };
                let values = vec![Value::I64(self.next_row)];
                table.rows.push(ChangeRow { place, mask: vec![1], published: true, values });
            }
        }
        self.database.commits.push(Commit { lsn: at, time: self.clock, rows });
    }

    fn captured(&self) -> Option<(Lsn, i64)> {
        let known = self.known();
        known.last().map(|commit| (commit.lsn, commit.time))
    }

    /// `cdc.lsn_time_mapping`: what is captured and cleanup has not passed.
    fn known(&self) -> &[Commit] {
        let begin = self.database.tables.iter().flatten().map(|table| table.begin).min().unwrap_or_default();
        let captured = &self.database.commits[..self.database.captured];
        let first = captured.partition_point(|commit| commit.lsn < begin);
        &captured[first..]
    }

    fn history(&self, position: Lsn) -> History {
        let known = self.known();
        History {
            committed_at: known.iter().find(|commit| commit.lsn == position).map(|commit| commit.time),
            first: known.first().map(|commit| commit.lsn),
            last: known.last().map(|commit| commit.lsn),
        }
    }

    /// Something happens to the database.
    fn happen(&mut self, rng: &mut StdRng) {
        match rng.random_range(0..100) {
            0..60 => self.commit(rng),
            60..90 => self.database.captured = rng.random_range(self.database.captured..=self.database.commits.len()),
            90..95 => {
                let known = self.known();
                if known.is_empty() {
                    return;
                }
                // Mostly as old as cleanup is supposed to be, now and then younger than what was read.
                let young = rng.random_ratio(1, 12);
                let limit = if young { known.len() } else { known.len().saturating_sub(25).max(1) };
                let low = known[rng.random_range(0..limit)].lsn;
                for table in self.database.tables.iter_mut().flatten() {
                    table.begin = table.begin.max(low);
                    table.rows.retain(|row| row.place.lsn >= low);
                }
            }
            95..97 => self.backups.push(self.database.clone()),
            97 if rng.random_ratio(1, 4) => {
                let count = self.backups.len();
                if count > 0 {
                    self.database = self.backups[rng.random_range(0..count)].clone();
                    self.generation += 1;
                }
            }
            98 if rng.random_ratio(1, 12) => {
                let table = rng.random_range(0..TABLES);
                self.database.tables[table] = match self.database.tables[table].take() {
                    Some(_) => None,
                    None => {
                        self.next_object += 1;
                        let begin = lsn(self.database.commits.len());
                        Some(Table { object_id: self.next_object, begin, rows: Vec::new() })
                    }
                };
            }
            _ => {}
        }
    }

    fn instances(&self) -> Vec<CaptureInstance> {
        let instance = |(number, table): (usize, &Option<Table>)| {
            table.as_ref().map(|table| CaptureInstance {
                name: format!("i{number}"),
                change_table: table.object_id,
                source_object_id: number as i32,
                start_lsn: table.begin,
                columns: vec![("id".into(), 1)],
            })
        };
        self.database.tables.iter().enumerate().filter_map(instance).collect()
    }

    fn change_tables(&self) -> Vec<ChangeTable> {
        let stands = |table: &Table| ChangeTable { object_id: table.object_id, start_lsn: table.begin };
        self.database.tables.iter().flatten().map(stands).collect()
    }
}

fn articles() -> Vec<Article> {
    let article = |number: usize| {
        let table = TableName { schema: "dbo".into(), table: format!("t{number}") };
        let column = Column {
            name: "id".into(),
            column_type: ColumnType::BigInt,
            nullable: false,
            identity: None,
            sparse: false,
            collation: None,
            key_ordinal: Some(0),
        };
        let (instance, change_table) = (format!("i{number}"), 100 + number as i32);
        let capture = Capture { instance, change_table, source: number as i32, start_lsn: lsn(0) };
        Article { id: ArticleId(number as u32), ..Article::new("p", table, vec![column], capture) }
    };
    (0..TABLES).map(article).collect()
}

/// The distributor: what is durable, and what is not yet.
#[derive(Debug, Default)]
struct Queue {
    transactions: Vec<(Lsn, Rows)>,
    position: Option<(Lsn, i64)>,
    unsynced: Vec<(Lsn, i64, Option<Rows>)>,
}

impl Queue {
    fn take(&mut self, chunk: &Chunk) {
        assert!(chunk.part == 0 && chunk.last, "transactions are small here");
        let rows = chunk.segments.iter().flat_map(|segment| {
            decode_changes(&segment.payload).map(|change| match change.unwrap() {
                Change::Insert(row) => match row[0] {
                    Value::I64(id) => (segment.article.0 as usize, id),
                    ref other => panic!("{other:?}"),
                },
                other => panic!("{other:?}"),
            })
        });
        self.unsynced.push((chunk.lsn, chunk.committed_at, Some(rows.collect())));
    }

    fn sync(&mut self) -> Option<Lsn> {
        for (lsn, time, rows) in self.unsynced.drain(..) {
            assert!(self.position.is_none_or(|(position, _)| lsn > position), "the queue only goes on");
            self.transactions.extend(rows.map(|rows| (lsn, rows)));
            self.position = Some((lsn, time));
        }
        self.position.map(|(lsn, _)| lsn)
    }
}

/// A process of the log reader with its connections.
#[derive(Debug)]
struct Reader {
    core: LogReader,
    generation: u32,
    asked: Vec<Output>,
    up_to: Lsn,
    after: Lsn,
    /// What of each table was read last.
    cursors: [Option<Place>; TABLES],
    commits_read: bool,
    stopped: Option<Problem>,
    now: i64,
}

impl Reader {
    fn attach(server: &Server, queue: &Queue) -> Self {
        let mut reader = Self {
            core: LogReader::new(),
            generation: server.generation,
            asked: Vec::new(),
            up_to: Lsn::ZERO,
            after: Lsn::ZERO,
            cursors: [None; TABLES],
            commits_read: false,
            stopped: None,
            now: 0,
        };
        let (position, position_time) = queue.position.unzip();
        let articles = articles();
        let attached = Input::Attached { epoch: 1, position, position_time, version: 1, articles, unread: Vec::new() };
        reader.feed(attached, &mut Queue::default());
        reader
    }

    fn feed(&mut self, input: Input, queue: &mut Queue) {
        self.now += SECOND;
        for output in self.core.handle(input, self.now) {
            match output {
                Output::Append { chunks, .. } => chunks.iter().for_each(|chunk| queue.take(chunk)),
                Output::Progress { lsn, committed_at, .. } => queue.unsynced.push((lsn, committed_at, None)),
                Output::Stop(problem) => self.stopped = Some(problem),
                Output::ArticlesInUse { .. } => {}
                ask => self.asked.push(ask),
            }
        }
    }

    /// Asks the database one of the things that the core wants to know. Much may happen between two statements.
    fn step(&mut self, server: &mut Server, queue: &mut Queue, happens: bool, rng: &mut StdRng) {
        if self.asked.is_empty() {
            return;
        }
        let meanwhile = |server: &mut Server, rng: &mut StdRng| {
            while happens && rng.random_ratio(1, 3) {
                server.happen(rng);
            }
        };
        match self.asked.swap_remove(rng.random_range(0..self.asked.len())) {
            Output::Inspect => {
                if let Some(known) = self.core.known() {
                    self.feed(Input::History(server.history(known)), queue);
                    meanwhile(server, rng);
                }
                if server.generation == self.generation {
                    self.feed(Input::Instances(server.instances()), queue);
                }
            }
            Output::Poll { .. } => self.feed(Input::Captured(server.captured()), queue),
            Output::Verify => self.feed(Input::ChangeTables(server.change_tables()), queue),
            Output::Read { after, up_to } => {
                (self.after, self.up_to, self.cursors, self.commits_read) = (after, up_to, [None; TABLES], false);
                let active: Vec<Source> =
                    (0..TABLES).filter(|table| !self.rows(*table, server).is_empty()).map(Source::Article).collect();
                meanwhile(server, rng);
                if server.generation == self.generation {
                    self.feed(Input::ChangeTables(server.change_tables()), queue);
                    self.feed(Input::Active(active, SchemaHistory::default()), queue);
                }
            }
            Output::Fetch(Source::Article(table)) => {
                let mut rows = self.rows(table, server);
                rows.truncate(rng.random_range(1..5));
                let input = match rows.last() {
                    None => Input::End(Source::Article(table)),
                    Some(last) => {
                        self.cursors[table] = Some(last.place);
                        Input::Changes { article: table, rows }
                    }
                };
                self.feed(input, queue);
            }
            Output::Fetch(source) => {
                let known = server.known().iter();
                let commits: Vec<_> = known
                    .filter(|commit| commit.lsn > self.after && commit.lsn <= self.up_to)
                    .map(|commit| (commit.lsn, commit.time))
                    .collect();
                let input = match source {
                    Source::Commits if !std::mem::replace(&mut self.commits_read, true) => Input::Commits(commits),
                    source => Input::End(source),
                };
                self.feed(input, queue);
            }
            other => panic!("{other:?}"),
        }
    }

    /// What a change table has now of the slice, after what was read of it. A table that is not there ends the connection, which
    /// comes to the same as one without rows: what is sent is verified before.
    fn rows(&self, table: usize, server: &Server) -> Vec<ChangeRow> {
        let Some(table_now) = &server.database.tables[table] else { return Vec::new() };
        let wanted = |row: &&ChangeRow| {
            row.place.lsn > self.after
                && row.place.lsn <= self.up_to
                && self.cursors[table].is_none_or(|cursor| row.place > cursor)
        };
        let captured = server.captured().map_or(Lsn::ZERO, |(lsn, _)| lsn);
        table_now.rows.iter().filter(wanted).filter(|row| row.place.lsn <= captured).cloned().collect()
    }
}

/// How a run ended.
#[derive(Debug, Default)]
struct Ends {
    drained: u32,
    overtaken: u32,
    replaced: u32,
    parted: u32,
    restored_and_drained: u32,
}

fn run(seed: u64, ends: &mut Ends) {
    let mut rng = StdRng::seed_from_u64(seed);
    let (mut server, mut queue) = (Server::new(), Queue::default());
    let mut reader = Reader::attach(&server, &queue);
    for step in 0..STEPS + STEPS_TO_DRAIN {
        let happens = step < STEPS;
        if happens && rng.random_ratio(1, 4) {
            server.happen(&mut rng);
        }
        if step == STEPS {
            server.database.captured = server.database.commits.len();
        }
        reader.step(&mut server, &mut queue, happens, &mut rng);
        if rng.random_ratio(1, 5)
            && let Some(durable) = queue.sync()
        {
            reader.feed(Input::Durable(durable), &mut queue);
        }
        if reader.stopped.is_some() {
            break;
        }
        if reader.generation != server.generation || happens && rng.random_ratio(1, 100) {
            queue.unsynced.clear();
            reader = Reader::attach(&server, &queue);
        }
        if !happens && reader.core.sent() == server.captured().map(|(lsn, _)| lsn) {
            break;
        }
    }
    queue.sync();
    let database = &server.database;
    if let Some(problem) = reader.stopped {
        let position = queue.position.map_or(lsn(0), |(lsn, _)| lsn);
        let overtaken = database.tables.iter().flatten().any(|table| table.begin > position);
        let replaced = (0..).zip(&database.tables).any(|(n, t)| t.as_ref().is_none_or(|t| t.object_id != 100 + n));
        let parted = queue
            .position
            .is_some_and(|(lsn, time)| !database.commits.iter().any(|commit| (commit.lsn, commit.time) == (lsn, time)));
        let why = match &problem {
            Problem::Gap { .. } => (overtaken, &mut ends.overtaken),
            Problem::Replaced { .. } | Problem::Gone { .. } => (replaced, &mut ends.replaced),
            // Capture that stands still behind the position could still go on; nobody can know.
            Problem::WentBack { captured, .. } => (parted || *captured < Some(position), &mut ends.parted),
            Problem::OtherHistory { .. } => (parted, &mut ends.parted),
            other => panic!("seed {seed}: {other}"),
        };
        assert!(why.0, "seed {seed}: a false alarm: {problem}");
        *why.1 += 1;
        return;
    }
    assert_eq!(queue.position.map(|(lsn, _)| lsn), database.commits.last().map(|c| c.lsn), "seed {seed}: not drained");
    let committed = database.commits.iter().filter(|commit| !commit.rows.is_empty());
    let committed: Vec<_> = committed.map(|commit| (commit.lsn, commit.rows.clone())).collect();
    assert_eq!(queue.transactions, committed, "seed {seed}: the queue has not what was committed, without an alarm");
    ends.drained += 1;
    ends.restored_and_drained += u32::from(server.generation > 0);
}

#[test]
fn whatever_the_database_loses_stops_the_log_reader_and_nothing_else_does() {
    let replayed = std::env::var("SIMULATION_SEED").ok().and_then(|seed| seed.parse().ok());
    let mut ends = Ends::default();
    for seed in replayed.map_or(0..3_000, |seed: u64| seed..seed + 1) {
        run(seed, &mut ends);
    }
    println!("{ends:?}");
    let all = [ends.drained, ends.overtaken, ends.replaced, ends.parted, ends.restored_and_drained];
    assert!(replayed.is_some() || all.iter().all(|count| *count > 20), "too little was tried: {ends:?}");
}
