//! A workload whose outcome is known without asking the product: each writer notes what its transactions did, and each transaction writes
//! its serial number to a captured table, so that the server tells the commit LSN that it got. Together they give the rows of all tables
//! as of any position.
//!
//! Each writer has rows of its own, whose content it knows, spread over the whole range of keys; rows that all share are only ever added to. So
//! what a transaction does does not depend on what it meets, and the order of commits alone decides the outcome.

use crate::server::TestDatabase;
use crate::workload::Workload;
use proto::{Lsn, Value};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use sandbox::client::{Connection, SqlError};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

/// The tables, all captured.
pub const TABLES: [&str; 5] = ["dbo.orders", "dbo.lines", "dbo.shared", "dbo.serials", "dbo.quiet"];
/// Statements that give a table's rows in the form of [`Rows`], by [`TABLES`]: both keys, amount, serial number, note.
const CONTENTS: [&str; 5] = [
    "SELECT id, CAST(0 AS bigint), amount, serial, note FROM dbo.orders",
    "SELECT order_id, line_no, amount, serial, note FROM dbo.lines",
    "SELECT id, CAST(0 AS bigint), amount, serial, note FROM dbo.shared",
    "SELECT id, CAST(0 AS bigint), amount, serial, note FROM dbo.serials",
    "SELECT id, CAST(0 AS bigint), amount, serial, note FROM dbo.quiet",
];
const ORDERS: usize = 0;
const LINES: usize = 1;
const SHARED: usize = 2;
const SERIALS: usize = 3;
const QUIET: usize = 4;

/// Writers there can be.
const WRITERS: i64 = 8;
/// Orders of each writer before the first transaction.
const ORDERS_EACH: i64 = 150;
/// Lines of each order before the first transaction.
const LINES_EACH: i64 = 2;
/// Rows that all writers add to.
const SHARED_ROWS: i64 = 40;
/// Rows that nobody changes.
const QUIET_ROWS: i64 = 20;
/// Orders of a large transaction.
const MANY: i64 = 120;
/// A transaction that was chosen as the victim of a deadlock: it did nothing.
const DEADLOCK: u32 = 1205;

/// Rows by table and key.
pub type Rows = BTreeMap<(usize, i64, i64), Row>;

/// What is beside a row's key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    amount: i64,
    serial: i64,
    note: Option<String>,
}

/// What a transaction did to a row.
#[derive(Debug, Clone)]
enum Effect {
    Put(usize, i64, i64, Row),
    Remove(usize, i64, i64),
    /// To the amount of a shared row.
    Add(i64, i64),
}

/// What the writers committed.
#[derive(Debug, Default)]
pub struct History {
    first: Rows,
    next: AtomicI64,
    committed: Mutex<BTreeMap<i64, Vec<Effect>>>,
}

/// The history with the commit LSN of each transaction.
#[derive(Debug)]
pub struct Timeline {
    first: Rows,
    transactions: BTreeMap<Lsn, Vec<Effect>>,
}

impl History {
    /// Makes the tables with their first rows.
    ///
    /// # Panics
    /// When they cannot be made.
    pub async fn begin(database: &TestDatabase) -> Arc<Self> {
        let plain = "amount bigint NOT NULL, serial bigint NOT NULL, note nvarchar(60) NULL";
        let mut sql = String::new();
        for table in [ORDERS, SHARED, SERIALS, QUIET] {
            sql.push_str(&format!("CREATE TABLE {} (id bigint NOT NULL PRIMARY KEY, {plain});", TABLES[table]));
        }
        sql.push_str(&format!(
            "CREATE TABLE dbo.lines (order_id bigint NOT NULL, line_no bigint NOT NULL, {plain}, PRIMARY KEY (order_id, line_no));"
        ));
        database.run(&sql).await;
        let mut first = Rows::new();
        for writer in 0..WRITERS {
            for id in first_orders(writer) {
                first.insert((ORDERS, id, 0), row(id % 1_000, 0));
                first.extend((1..=LINES_EACH).map(|line| ((LINES, id, line), row(line, 0))));
            }
        }
        first.extend((1..=SHARED_ROWS).map(|id| ((SHARED, id, 0), row(1_000, 0))));
        first.extend((1..=QUIET_ROWS).map(|id| ((QUIET, id, 0), row(id, 0))));
        // Of what was there before the first transaction, so that the number can be referred to.
        first.insert((SERIALS, 0, 0), row(0, 0));
        for (table, name) in TABLES.iter().enumerate() {
            let values: Vec<String> = first
                .iter()
                .filter(|((of, ..), _)| *of == table)
                .map(|((_, a, b), row)| values(table, *a, *b, row))
                .collect();
            for some in values.chunks(500) {
                database.run(&format!("INSERT INTO {name} VALUES {}", some.join(", "))).await;
            }
        }
        Arc::new(Self { first, next: AtomicI64::new(1), ..Self::default() })
    }

    /// Starts so many writers, at most 8; the same seed gives each the same transactions.
    pub fn write(self: &Arc<Self>, database: &TestDatabase, seed: u64, writers: u64) -> Workload {
        Workload::run(writers, |number, turn| {
            let (server, name, history) = (database.server.clone(), database.name.clone(), self.clone());
            async move {
                let mut db = server.connect(&name).await?;
                let mut writer = Writer::new(number, seed);
                while turn.goes_on() {
                    let serial = history.next.fetch_add(1, Ordering::Relaxed);
                    writer.transaction(&mut db, &history, serial).await?;
                    turn.committed();
                }
                Ok(())
            }
        })
    }

    fn note(&self, serial: i64, effects: Vec<Effect>) {
        self.committed.lock().expect("nothing panics while it is held").insert(serial, effects);
    }

    /// Serial numbers of the transactions that are known to have committed by now.
    ///
    /// # Panics
    /// When a writer panicked.
    pub fn serials(&self) -> Vec<i64> {
        self.committed.lock().expect("nothing panics while it is held").keys().copied().collect()
    }

    /// The history of transactions in the order of commits; `lsns` is what the server says of their serial numbers.
    ///
    /// # Panics
    /// When one of them is not known to be committed.
    pub fn timeline(&self, lsns: &BTreeMap<i64, Lsn>) -> Timeline {
        let committed = self.committed.lock().expect("nothing panics while it is held");
        let effects = |serial| committed.get(serial).expect("what was captured is what a writer committed").clone();
        let transactions: BTreeMap<Lsn, Vec<Effect>> =
            lsns.iter().map(|(serial, lsn)| (*lsn, effects(serial))).collect();
        assert_eq!(transactions.len(), lsns.len(), "each transaction has a commit LSN of its own");
        Timeline { first: self.first.clone(), transactions }
    }
}

impl Timeline {
    /// All rows as of a position: with the effects of every transaction up to it and of none after it.
    ///
    /// # Panics
    /// When a transaction does what cannot be done: then this history is wrong.
    pub fn as_of(&self, position: Lsn) -> Rows {
        let mut rows = self.first.clone();
        for effect in self.transactions.range(..=position).flat_map(|(_, effects)| effects) {
            match effect {
                Effect::Put(table, a, b, row) => {
                    rows.insert((*table, *a, *b), row.clone());
                }
                Effect::Remove(table, a, b) => {
                    rows.remove(&(*table, *a, *b)).expect("a writer removes only its own rows");
                }
                Effect::Add(id, amount) => {
                    rows.get_mut(&(SHARED, *id, 0)).expect("shared rows stay").amount += amount;
                }
            }
        }
        rows
    }

    /// How many transactions committed up to a position, and after it.
    pub fn around(&self, position: Lsn) -> (usize, usize) {
        let before = self.transactions.range(..=position).count();
        (before, self.transactions.len() - before)
    }

    /// Asserts that rows are those of the position.
    ///
    /// # Panics
    /// When they are not, with the first that differ.
    pub fn assert_is(&self, what: &str, position: Lsn, rows: &Rows) {
        let expected = self.as_of(position);
        if expected == *rows {
            return;
        }
        let keys: std::collections::BTreeSet<_> = expected.keys().chain(rows.keys()).collect();
        let differing: Vec<String> = keys
            .into_iter()
            .filter(|key| expected.get(key) != rows.get(key))
            .map(|key| {
                format!(
                    "{} {key:?}: {:?} there, {:?} at the publisher",
                    TABLES[key.0],
                    rows.get(key),
                    expected.get(key)
                )
            })
            .collect();
        panic!(
            "{what} is not what the publisher had at {position}; {} rows differ:\n{}",
            differing.len(),
            differing[..differing.len().min(10)].join("\n")
        );
    }
}

/// Reads all tables; consistent if the connection has a transaction for it.
pub async fn read(db: &mut Connection) -> Result<Rows, SqlError> {
    let mut rows = Rows::new();
    for (table, sql) in CONTENTS.iter().enumerate() {
        for row in db.run(sql).await? {
            let number = |at: usize| row.get::<i64, _>(at).expect("it is not NULL");
            let note = row.get::<&str, _>(4).map(str::to_owned);
            let content = Row { amount: number(2), serial: number(3), note };
            let twice = rows.insert((table, number(0), number(1)), content);
            assert!(twice.is_none(), "{} has row {}, {} twice", TABLES[table], number(0), number(1));
        }
    }
    Ok(rows)
}

/// A row of a table as the product reads it, with its key.
///
/// # Panics
/// When it is not of that table.
pub fn of_values(table: usize, values: &[Value]) -> ((usize, i64, i64), Row) {
    let number = |value: &Value| match value {
        Value::I64(number) => *number,
        other => panic!("{other:?} is no bigint"),
    };
    let (keys, rest) = values.split_at(if table == LINES { 2 } else { 1 });
    let [amount, serial, note] = rest else { panic!("{} has other columns", TABLES[table]) };
    let note = match note {
        Value::Null => None,
        Value::String(note) => Some(note.clone()),
        other => panic!("{other:?} is no text"),
    };
    let key = (table, number(&keys[0]), keys.get(1).map_or(0, number));
    (key, Row { amount: number(amount), serial: number(serial), note })
}

/// The commit LSN of each captured transaction, by its serial number.
pub async fn captured(database: &TestDatabase) -> Result<BTreeMap<i64, Lsn>, SqlError> {
    let mut db = database.connect().await;
    // Microsoft: cdc.change_tables, cdc.<instance>_CT.
    let instance = db
        .run("SELECT capture_instance FROM cdc.change_tables WHERE source_object_id = OBJECT_ID(N'dbo.serials')")
        .await?;
    let instance: &str = instance.first().and_then(|row| row.get(0)).expect("dbo.serials is captured");
    let rows = db.run(&format!("SELECT id, [__$start_lsn] FROM cdc.[{instance}_CT] WHERE [__$operation] = 2")).await?;
    let lsn = |row: &tiberius::Row| Lsn::try_from(row.get::<&[u8], _>(1).expect("it has one")).expect("ten bytes");
    Ok(rows.iter().map(|row| (row.get(0).expect("a key is not NULL"), lsn(row))).collect())
}

fn row(amount: i64, serial: i64) -> Row {
    let note = (serial % 3 != 1).then(|| format!("№ {serial}, {amount}"));
    Row { amount, serial, note }
}

/// A row as it stands in `VALUES`.
fn values(table: usize, a: i64, b: i64, row: &Row) -> String {
    let second = if table == LINES { format!("{b}, ") } else { String::new() };
    format!("({a}, {second}{}, {}, {})", row.amount, row.serial, note(row))
}

fn note(row: &Row) -> String {
    row.note.as_ref().map_or_else(|| "NULL".to_owned(), |note| format!("N'{note}'"))
}

/// Keys of a writer lie everywhere, between those of others.
fn first_orders(writer: i64) -> impl Iterator<Item = i64> {
    (0..ORDERS_EACH).map(move |n| (n * 977 - 60_000) * WRITERS + writer)
}

/// One connection's rows and chances.
struct Writer {
    number: i64,
    rng: StdRng,
    /// Its orders, each with the number of its lines, which are numbered from 1.
    orders: BTreeMap<i64, i64>,
}

/// A transaction as it is put together.
#[derive(Default)]
struct Draft {
    serial: i64,
    sql: String,
    effects: Vec<Effect>,
}

impl Draft {
    fn run(&mut self, sql: &str) {
        self.sql.push_str(sql);
        self.sql.push_str(";\n");
    }

    fn insert(&mut self, id: i64, lines: i64, amount: i64) {
        let serial = self.serial;
        let order = row(amount, serial);
        self.run(&format!("INSERT INTO dbo.orders VALUES {}", values(ORDERS, id, 0, &order)));
        self.effects.push(Effect::Put(ORDERS, id, 0, order));
        let rows: Vec<(i64, Row)> = (1..=lines).map(|line| (line, row(amount + line, serial))).collect();
        let texts: Vec<String> = rows.iter().map(|(line, row)| values(LINES, id, *line, row)).collect();
        if lines > 0 {
            self.run(&format!("INSERT INTO dbo.lines VALUES {}", texts.join(", ")));
        }
        self.effects.extend(rows.into_iter().map(|(line, row)| Effect::Put(LINES, id, line, row)));
    }

    /// Sets all columns but the keys, of an order and its lines.
    fn update(&mut self, id: i64, lines: i64, amount: i64) {
        let content = row(amount, self.serial);
        let set = format!("amount = {}, serial = {}, note = {}", content.amount, content.serial, note(&content));
        self.run(&format!("UPDATE dbo.orders SET {set} WHERE id = {id}"));
        self.run(&format!("UPDATE dbo.lines SET {set} WHERE order_id = {id}"));
        self.put(id, lines, &content);
    }

    fn delete(&mut self, id: i64, lines: i64) {
        self.run(&format!("DELETE FROM dbo.lines WHERE order_id = {id}"));
        self.run(&format!("DELETE FROM dbo.orders WHERE id = {id}"));
        self.remove(id, lines);
    }

    fn put(&mut self, id: i64, lines: i64, content: &Row) {
        self.effects.push(Effect::Put(ORDERS, id, 0, content.clone()));
        self.effects.extend((1..=lines).map(|line| Effect::Put(LINES, id, line, content.clone())));
    }

    fn remove(&mut self, id: i64, lines: i64) {
        self.effects.push(Effect::Remove(ORDERS, id, 0));
        self.effects.extend((1..=lines).map(|line| Effect::Remove(LINES, id, line)));
    }
}

impl Writer {
    fn new(number: u64, seed: u64) -> Self {
        let orders = first_orders(number as i64).map(|id| (id, LINES_EACH)).collect();
        Self { number: number as i64, rng: StdRng::seed_from_u64(seed * 1_000 + number), orders }
    }

    async fn transaction(&mut self, db: &mut Connection, history: &History, serial: i64) -> Result<(), SqlError> {
        let before = self.orders.clone();
        let mut draft = Draft { serial, ..Draft::default() };
        draft.run("SET XACT_ABORT ON; BEGIN TRANSACTION");
        let of = row(self.number, serial);
        draft.run(&format!("INSERT INTO dbo.serials VALUES {}", values(SERIALS, serial, 0, &of)));
        draft.effects.push(Effect::Put(SERIALS, serial, 0, of));
        let undone = self.fill(&mut draft);
        draft.run(if undone { "ROLLBACK TRANSACTION" } else { "COMMIT TRANSACTION" });
        match db.run(&draft.sql).await {
            Ok(_) if undone => self.orders = before,
            Ok(_) => history.note(serial, draft.effects),
            Err(error) if error.number() == Some(DEADLOCK) => self.orders = before,
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Adds what the transaction does; whether it is to be rolled back.
    fn fill(&mut self, draft: &mut Draft) -> bool {
        let chance = self.rng.random_range(0..100);
        match chance {
            0..20 => self.new_order(draft),
            20..40 => {
                let (id, lines) = self.any_order();
                draft.update(id, lines, self.rng.random_range(0..1_000));
            }
            40..52 => {
                let (id, lines) = self.any_order();
                draft.delete(id, lines);
                self.orders.remove(&id);
            }
            52..64 => self.move_key(draft),
            64..70 => self.swap_keys(draft),
            70..76 => {
                // Goes and comes back under its key, with another number of lines.
                let (id, lines) = self.any_order();
                draft.delete(id, lines);
                let lines = self.rng.random_range(0..4);
                draft.insert(id, lines, self.rng.random_range(0..1_000));
                self.orders.insert(id, lines);
            }
            76..90 => self.transfer(draft),
            90..93 => (0..MANY).for_each(|_| self.new_order(draft)),
            93..95 => self.update_many(draft),
            _ => {
                self.new_order(draft);
                self.move_key(draft);
                self.transfer(draft);
                return true;
            }
        }
        false
    }

    fn any_order(&mut self) -> (i64, i64) {
        let nth = self.rng.random_range(0..self.orders.len());
        self.orders.iter().nth(nth).map(|(id, lines)| (*id, *lines)).expect("a writer keeps some orders")
    }

    /// A key of this writer's that is not taken, anywhere in the range.
    fn free_key(&mut self) -> i64 {
        loop {
            let id = self.rng.random_range(-100_000..100_000) * WRITERS + self.number;
            if !self.orders.contains_key(&id) {
                return id;
            }
        }
    }

    fn new_order(&mut self, draft: &mut Draft) {
        let (id, lines) = (self.free_key(), self.rng.random_range(0..4));
        draft.insert(id, lines, self.rng.random_range(0..1_000));
        self.orders.insert(id, lines);
    }

    /// An order with its lines gets another key, and new content.
    fn move_key(&mut self, draft: &mut Draft) {
        let ((id, lines), new) = (self.any_order(), self.free_key());
        let content = row(self.rng.random_range(0..1_000), draft.serial);
        let set = format!("amount = {}, serial = {}, note = {}", content.amount, content.serial, note(&content));
        draft.run(&format!("UPDATE dbo.orders SET id = {new}, {set} WHERE id = {id}"));
        draft.run(&format!("UPDATE dbo.lines SET order_id = {new}, {set} WHERE order_id = {id}"));
        draft.remove(id, lines);
        draft.put(new, lines, &content);
        self.orders.remove(&id);
        self.orders.insert(new, lines);
    }

    /// Two orders change places, by one statement; their lines stay.
    fn swap_keys(&mut self, draft: &mut Draft) {
        let ((one, _), (other, _)) = (self.any_order(), self.any_order());
        if one == other {
            return;
        }
        let content = row(self.rng.random_range(0..1_000), draft.serial);
        draft.run(&format!(
            "UPDATE dbo.orders SET id = CASE id WHEN {one} THEN {other} ELSE {one} END, amount = {}, serial = {}, note = {} \
             WHERE id IN ({one}, {other})",
            content.amount,
            content.serial,
            note(&content)
        ));
        draft.effects.push(Effect::Put(ORDERS, one, 0, content.clone()));
        draft.effects.push(Effect::Put(ORDERS, other, 0, content));
    }

    /// One statement for the lower half of its orders, one for their lines.
    fn update_many(&mut self, draft: &mut Draft) {
        let number = self.number;
        let (last, _) = self.orders.iter().nth(self.orders.len() / 2).expect("a writer keeps some orders");
        let (last, content) = (*last, row(self.rng.random_range(0..1_000), draft.serial));
        let set = format!("amount = {}, serial = {}, note = {}", content.amount, content.serial, note(&content));
        for (table, column) in [("dbo.orders", "id"), ("dbo.lines", "order_id")] {
            let own = format!("({column} % {WRITERS} + {WRITERS}) % {WRITERS} = {number}");
            draft.run(&format!("UPDATE {table} SET {set} WHERE {column} <= {last} AND {own}"));
        }
        for (id, lines) in self.orders.range(..=last) {
            draft.put(*id, *lines, &content);
        }
    }

    /// Between rows that all writers use, in the order of keys, so that none waits for another in a circle.
    fn transfer(&mut self, draft: &mut Draft) {
        let (from, to) = (self.rng.random_range(1..SHARED_ROWS), self.rng.random_range(1..=SHARED_ROWS));
        let (from, to) = (from.min(to), from.max(to));
        let amount = self.rng.random_range(1..100);
        for (id, amount) in [(from, -amount), (to, amount)] {
            draft.run(&format!("UPDATE dbo.shared SET amount = amount + ({amount}) WHERE id = {id}"));
            draft.effects.push(Effect::Add(id, amount));
        }
    }
}
