//! Everything together, and what happens to it.

use super::agent::{Agent, WorkDir};
use super::distributor::Distributor;
use super::network::Network;
use super::publisher::Publisher;
use super::source::{self, Source, database, name_of};
use super::subscriber::Subscriber;
use proto::catalog::{DatabaseName, Publication, PublicationKind, Request, Subscription, SyncType};
use proto::{Article, Lsn, TableName};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::ops::AddAssign;

/// Steps during which everything goes wrong that can.
const STEPS: u32 = 6_000;
/// Steps within which everything must have arrived once nothing goes wrong any more.
const STEPS_TO_DRAIN: u32 = 200_000;
/// The publications, with the tables that they have at first and at most.
const PUBLICATIONS: [(&str, &[usize], &[usize]); 2] =
    [("p", &[0, 1, 2], &[0, 1, 2, 3, 4]), ("q", &[2], &[0, 2, 3, 4, 5])];
/// The subscriptions, with their publications.
const SUBSCRIPTIONS: [(&str, &str); 3] = [("all", "p"), ("some", "q"), ("slow", "q")];
/// By index, who is next: the last is slower than the others.
const TURNS: [usize; 7] = [0, 0, 0, 1, 1, 1, 2];

/// How often things go wrong, one in so many steps.
#[derive(Debug)]
struct Faults {
    kill_publisher: u32,
    kill_distributor: u32,
    kill_subscriber: u32,
    kill_agent: u32,
    cut: u32,
    database_error: u32,
}

/// How fast things go beside one another.
#[derive(Debug, Clone, Copy)]
struct Pace {
    /// Capture, the log reader and the streams keep up with the writers, so that what is loaded late is mostly behind the stream.
    keeps_up: bool,
    /// So many things in a row do those who keep up, for one that the others do.
    in_a_row: u32,
    /// At most so many steps of housekeeping in a row.
    housekeeping: u32,
    /// Runs of the snapshot agent: one in so many cleans up.
    clean_up: u32,
    /// How often things go wrong, one in so many steps.
    rare: [u32; 4],
    /// A snapshot agent that reads, and a subscriber that loads, are killed once in so many steps, beside what goes wrong in any case.
    kill_in_the_middle: Option<u32>,
}

impl Pace {
    const LAGS: Self = Self {
        keeps_up: false,
        in_a_row: 1,
        housekeeping: 1,
        clean_up: 5,
        rare: [100, 400, 2_000, 50_000],
        kill_in_the_middle: None,
    };
    const KEEPS_UP: Self = Self {
        keeps_up: true,
        in_a_row: 4,
        housekeeping: 8,
        clean_up: 2,
        rare: [400, 1_000, 2_000, 50_000],
        kill_in_the_middle: Some(20),
    };
}

/// What happened, to see that it did.
#[derive(Debug, Default)]
pub struct Seen {
    commits: usize,
    joined: usize,
    went_back: usize,
    replaced: usize,
    completed: usize,
    registered: usize,
    of_several_boundaries: usize,
    dropped: usize,
    files_removed: usize,
    resubscribed: usize,
    overtaken: usize,
}

pub struct World {
    rng: StdRng,
    now: u64,
    source: Source,
    network: Network,
    work_dir: WorkDir,
    publishers: [Publisher; 2],
    agents: [Agent; 2],
    distributor: Distributor,
    subscribers: [Subscriber; SUBSCRIPTIONS.len()],
    /// Whether the distributor has the subscription of each subscriber.
    subscribed: [bool; SUBSCRIPTIONS.len()],
    /// An article that is about to be added, as its table was a while ago.
    defined: Option<Article>,
    pace: Pace,
    seen: Seen,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let mut source = Source::new(&mut rng);
        // A change of a key that is captured as an update and moves a row between parts would have to have all of its columns.
        let splits = rng.random_bool(0.5);
        source.moves_in_place = !splits;
        let pace = if rng.random_bool(0.5) { Pace::KEEPS_UP } else { Pace::LAGS };
        // Those that are slow are more often interrupted in the middle.
        let late = if pace.keeps_up { rng.random_range(3..25) } else { 3 };
        let mut world = Self {
            now: 0,
            network: Network::default(),
            work_dir: WorkDir::default(),
            publishers: Default::default(),
            agents: PUBLICATIONS.map(|(name, ..)| Agent::new(name, splits)),
            distributor: Distributor::new(),
            subscribers: SUBSCRIPTIONS.map(|(name, publication)| Subscriber::new(name, publication, late)),
            subscribed: [false; SUBSCRIPTIONS.len()],
            defined: None,
            pace,
            seen: Seen::default(),
            source,
            rng,
        };
        for (name, tables, _) in PUBLICATIONS {
            let publication = Publication {
                name: name.to_owned(),
                kind: PublicationKind::Transactional,
                database: database(),
                server_version: 16,
                replicate_ddl: true,
                created_at: 0,
            };
            world.request(Request::PublicationAdd(publication));
            for table in tables {
                world.add_article(name, *table);
            }
        }
        (0..SUBSCRIPTIONS.len()).for_each(|i| world.subscribe(i));
        world
    }

    /// Somebody asks the distributor for something; whether it was done.
    fn request(&mut self, request: Request) -> bool {
        self.distributor.request(request, &mut self.network, &mut self.rng).is_ok()
    }

    fn add_article(&mut self, publication: &str, table: usize) -> bool {
        self.request(Request::ArticleAdd(Box::new(self.source.article(table, publication))))
    }

    /// Adds the article that was defined a while ago, if there is one; defines another one, whose table is perhaps altered before that.
    fn add_defined(&mut self, publication: &str, missing: &[usize]) {
        if let Some(article) = self.defined.take() {
            self.request(Request::ArticleAdd(Box::new(article)));
        } else if !missing.is_empty() {
            let table = missing[self.rng.random_range(0..missing.len())];
            self.defined = Some(self.source.article(table, publication));
            if self.rng.random_bool(0.5) {
                self.source.alter_table(table, &mut self.rng);
            }
        }
    }

    fn subscribe(&mut self, i: usize) {
        let subscription = Subscription {
            name: self.subscribers[i].name.clone(),
            publication: self.subscribers[i].publication.clone(),
            database: DatabaseName { server: "t".into(), database: self.subscribers[i].name.clone() },
            sync: SyncType::Automatic,
            created_at: 0,
        };
        self.subscribed[i] = self.request(Request::SubscriptionAdd(subscription));
    }

    /// Also its tables are dropped.
    fn unsubscribe(&mut self, i: usize) {
        let Self { rng, network, subscribers, .. } = self;
        subscribers[i].drop_all(network, rng);
        let name = self.subscribers[i].name.clone();
        self.subscribed[i] = !self.request(Request::SubscriptionDrop { name });
    }

    /// Drops a subscription that says it must be.
    fn drop_overtaken(&mut self) {
        for i in 0..SUBSCRIPTIONS.len() {
            if self.subscribed[i] && self.subscribers[i].overtaken {
                self.unsubscribe(i);
                self.seen.overtaken += 1;
            }
        }
    }

    /// The tables of a publication.
    fn tables_of(&mut self, publication: &str) -> Vec<usize> {
        let mut tables: Vec<usize> = self.distributor.articles_of(publication).iter().map(source::table_of).collect();
        tables.sort_unstable();
        tables
    }

    /// Somebody administers something.
    fn administer(&mut self) {
        let (publication, _, most) = PUBLICATIONS[self.rng.random_range(0..PUBLICATIONS.len())];
        let i = self.rng.random_range(0..SUBSCRIPTIONS.len());
        match self.rng.random_range(0..10) {
            0..4 => {
                let tables = self.tables_of(publication);
                let missing: Vec<usize> = most.iter().copied().filter(|table| !tables.contains(table)).collect();
                self.add_defined(publication, &missing);
            }
            4 if self.subscribed[i] => self.unsubscribe(i),
            // Refused while there is a subscription.
            5..7 => {
                let tables = self.tables_of(publication);
                if tables.len() > 1 {
                    let source = name_of(tables[self.rng.random_range(0..tables.len())]);
                    self.request(Request::ArticleDrop { publication: publication.to_owned(), source });
                }
            }
            7..9 if !self.subscribed[i] => {
                self.subscribe(i);
                self.seen.resubscribed += usize::from(self.subscribed[i]);
            }
            _ => {}
        }
    }

    /// Somebody runs the snapshot agent: for what is lacking, for an unfinished one, or for no reason.
    fn run_agent(&mut self, i: usize) {
        if self.agents[i].is_running() {
            return;
        }
        if self.rng.random_ratio(1, self.pace.clean_up) {
            self.agents[i].clean_up();
            return;
        }
        let unfinished = self.work_dir.unfinished(PUBLICATIONS[i].0).map(|folder| folder.tables());
        let tables = match unfinished {
            Some(tables) if self.rng.random_ratio(3, 4) => tables,
            _ => {
                let articles = self.distributor.articles_of(PUBLICATIONS[i].0);
                self.some_of(&articles)
            }
        };
        self.agents[i].start(tables, &mut self.work_dir);
    }

    fn some_of(&mut self, articles: &[Article]) -> Option<Vec<TableName>> {
        if self.rng.random_bool(0.5) || articles.is_empty() {
            return None;
        }
        // Mostly of the newest one.
        let chosen =
            if self.rng.random_bool(0.7) { articles.len() - 1 } else { self.rng.random_range(0..articles.len()) };
        Some(vec![articles[chosen].source.clone()])
    }

    /// One step of something.
    fn step(&mut self, workload: bool) {
        let Self { rng, now, source, network, work_dir, publishers, agents, distributor, subscribers, pace, .. } = self;
        let in_a_row = 0..pace.in_a_row;
        *now += rng.random_range(0..20);
        let publisher = rng.random_range(0..publishers.len());
        let publisher = &mut publishers[publisher];
        let subscriber = TURNS[rng.random_range(0..TURNS.len())];
        let subscriber = &mut subscribers[subscriber];
        let agent = rng.random_range(0..agents.len());
        let runs = distributor.is_running();
        match rng.random_range(0..130) {
            0..3 if workload && rng.random_ratio(1, 15) => source.alter(rng),
            0..3 if workload => source.commit(rng),
            3..8 if pace.keeps_up => source.capture_all(),
            3..8 => source.capture(rng),
            8..28 => in_a_row.for_each(|_| publisher.ask_database(*now, source, network, rng)),
            28..38 => in_a_row.for_each(|_| publisher.receive(*now, network, runs, rng)),
            38..53 => in_a_row.for_each(|_| distributor.receive(network, rng)),
            53..57 => distributor.sync(network, rng),
            57..67 => in_a_row.for_each(|_| distributor.deliver(network, rng)),
            67..88 => in_a_row.for_each(|_| subscriber.step(*now, network, source, work_dir, runs, rng)),
            88..96 => subscriber.carry_out(*now, network, source),
            96 => subscriber.tick(*now, network),
            97..99 => {
                let before = distributor.dropped();
                (0..rng.random_range(1..=pace.housekeeping)).for_each(|_| distributor.keep_house(network, rng));
                let dropped = distributor.dropped();
                for (subscriber, _) in subscribers.iter().zip(self.subscribed).filter(|(_, subscribed)| *subscribed) {
                    let kept = subscriber.needs_after().is_none_or(|needed| dropped <= Some(needed));
                    assert!(
                        kept,
                        "{} needs what comes after {:?}, {dropped:?} is dropped",
                        subscriber.name,
                        subscriber.needs_after()
                    );
                }
                self.seen.dropped += usize::from(dropped > before);
            }
            99 => {
                if let Some(durable) = distributor.durable() {
                    source.clean(durable);
                }
            }
            100..105 => distributor.go_on(network, rng),
            105..120 => {
                let before = work_dir.folders.len();
                agents[agent].step(work_dir, source, network, runs, rng);
                self.seen.files_removed += before.saturating_sub(work_dir.folders.len());
            }
            120..127 => subscriber.step(*now, network, source, work_dir, runs, rng),
            127 => self.run_agent(agent),
            128..130 if pace.keeps_up => self.run_agent(agent),
            _ => {}
        }
    }

    fn go_wrong(&mut self, faults: &Faults) {
        if self.rng.random_ratio(1, 300) {
            self.administer();
        }
        let Self { rng, now, source, network, publishers, agents, distributor, subscribers, pace, .. } = self;
        if rng.random_ratio(1, faults.kill_publisher) {
            let chosen = rng.random_range(0..2);
            publishers[chosen].kill(network, rng);
        }
        if rng.random_ratio(1, faults.kill_distributor) {
            distributor.kill(network, rng);
        }
        if rng.random_ratio(1, faults.kill_agent) {
            let chosen = rng.random_range(0..2);
            agents[chosen].kill(network, rng);
        }
        let subscriber = rng.random_range(0..subscribers.len());
        if rng.random_ratio(1, faults.kill_subscriber) {
            subscribers[subscriber].kill(*now, network, source, rng);
        }
        if let Some(middle) = pace.kill_in_the_middle {
            if subscribers[subscriber].is_loading() && rng.random_ratio(1, middle) {
                subscribers[subscriber].kill(*now, network, source, rng);
            }
            let agent = rng.random_range(0..agents.len());
            if agents[agent].is_reading() && rng.random_ratio(1, middle) {
                agents[agent].kill(network, rng);
            }
        }
        if rng.random_ratio(1, faults.database_error) {
            subscribers[subscriber].fail(network, rng);
        }
        if rng.random_ratio(1, faults.cut)
            && let Some(connection) = network.any_open(rng)
        {
            network.cut(connection, rng);
        }
        // What is down comes back; mostly there is one log reader, now and then a second one beside it.
        if rng.random_ratio(1, 50) {
            let second = usize::from(rng.random_ratio(1, 6));
            publishers[second].start();
        }
        if rng.random_ratio(1, 50) {
            distributor.start();
        }
        // In the middle of a load it stays away until there is perhaps another snapshot.
        let away = if pace.keeps_up && subscribers[subscriber].is_loaded_in_part() { 300 } else { 50 };
        if rng.random_ratio(1, away) && self.subscribed[subscriber] && !subscribers[subscriber].overtaken {
            subscribers[subscriber].start();
        }
    }

    /// Whether everything up to `last` has arrived everywhere, with all articles.
    fn is_drained(&mut self, last: Option<Lsn>) -> bool {
        (0..SUBSCRIPTIONS.len()).all(|i| self.has_all(i, last))
    }

    fn has_all(&mut self, i: usize, last: Option<Lsn>) -> bool {
        let tables = self.tables_of(SUBSCRIPTIONS[i].1);
        self.subscribers[i].is_at(last, &tables)
    }

    /// Lets all subscriptions be initialised before anything goes wrong, so that there is more time for what comes later.
    fn settle(&mut self) {
        let mut steps = 0;
        while !(0..SUBSCRIPTIONS.len()).all(|i| self.has_all(i, None)) {
            assert!(steps < STEPS_TO_DRAIN, "not all subscriptions are initialised");
            self.publishers[0].start();
            self.subscribers.iter_mut().for_each(Subscriber::start);
            self.step(true);
            steps += 1;
        }
    }

    pub fn run(seed: u64) -> Seen {
        let mut world = Self::new(seed);
        let rare = |world: &mut Self| world.pace.rare[world.rng.random_range(0..4)];
        let faults = Faults {
            kill_publisher: rare(&mut world),
            kill_distributor: rare(&mut world),
            kill_subscriber: rare(&mut world),
            kill_agent: [20, 60, 300, 2_000][world.rng.random_range(0..4)],
            cut: rare(&mut world),
            database_error: rare(&mut world),
        };
        if world.pace.keeps_up {
            world.settle();
        }
        for _ in 0..STEPS {
            world.step(true);
            world.go_wrong(&faults);
            world.drop_overtaken();
        }
        world.publishers[1].kill(&mut world.network, &mut world.rng);
        let last = world.source.commits().checked_sub(1).map(source::lsn_of);
        let mut steps = 0;
        while steps % 50 != 0 || !world.is_drained(last) {
            assert!(steps < STEPS_TO_DRAIN, "what was committed does not arrive");
            world.source.capture_all();
            world.publishers[0].start();
            world.distributor.start();
            for i in 0..SUBSCRIPTIONS.len() {
                if !world.subscribed[i] {
                    world.subscribe(i);
                }
                if world.subscribed[i] {
                    world.subscribers[i].start();
                }
            }
            world.step(false);
            world.drop_overtaken();
            steps += 1;
        }
        for subscriber in &world.subscribers {
            subscriber.check(&world.source);
        }
        let sum = |of: fn(&Subscriber) -> usize| world.subscribers.iter().map(of).sum();
        Seen {
            commits: sum(|subscriber| subscriber.commits),
            joined: sum(|subscriber| subscriber.joined),
            went_back: sum(|subscriber| subscriber.went_back),
            replaced: sum(|subscriber| subscriber.replaced),
            completed: sum(|subscriber| subscriber.completed),
            registered: world.distributor.snapshots,
            of_several_boundaries: world.work_dir.of_several,
            ..world.seen
        }
    }
}

impl Seen {
    /// Whether everything did.
    pub fn happened(&self) -> bool {
        let all = [
            self.commits,
            self.joined,
            self.went_back,
            self.replaced,
            self.completed,
            self.registered,
            self.of_several_boundaries,
            self.dropped,
            self.files_removed,
            self.resubscribed,
        ];
        all.iter().all(|count| *count > 0)
    }
}

impl AddAssign for Seen {
    fn add_assign(&mut self, other: Self) {
        self.commits += other.commits;
        self.joined += other.joined;
        self.went_back += other.went_back;
        self.replaced += other.replaced;
        self.completed += other.completed;
        self.registered += other.registered;
        self.of_several_boundaries += other.of_several_boundaries;
        self.dropped += other.dropped;
        self.files_removed += other.files_removed;
        self.resubscribed += other.resubscribed;
        self.overtaken += other.overtaken;
    }
}
