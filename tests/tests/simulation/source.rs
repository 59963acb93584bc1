//! The publication database: commits in order, what each left in its change tables, the state after each of them, and a capture job
//! that lags behind.

use proto::catalog::DatabaseName;
use proto::{Article, Capture, Change, Column, ColumnType, Lsn, Row, TableName, Value};
use publisher::core::{Earlier, SchemaHistory, Statement};
use rand::Rng;
use rand::rngs::StdRng;
use sqlserver::catalog::TableColumn;
use sqlserver::cdc::CaptureInstance;
use sqlserver::change::{ChangeRow, Operation, Place};
use sqlserver::history::ChangeTable;
use std::collections::BTreeMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};

/// Tables.
pub const TABLES: usize = 6;
/// `object_id` of the first table; the others follow.
const SOURCE: i32 = 10;
/// `object_id` of the first table's change table; the others follow.
const CHANGE_TABLE: i32 = 20;
/// The table whose article has a row filter: `amount >= 0`.
const FILTERED: usize = 1;
/// The table with a key of two columns.
const COMPOSITE: usize = 2;
/// Length of `note` at first.
const LENGTH: u16 = 200;
/// Values of the first key column, from 0.
pub const KEYS: i32 = 8;
/// Distance of two commits' LSNs, so that there are LSNs between them.
const LSN_STEP: u32 = 16;

/// A row's key as it can be ordered.
pub type Key = Vec<i32>;

/// A table's rows.
pub type Rows = BTreeMap<Key, Row>;

/// Fingerprints of a table's rows, by value of the first key column.
type Prints = [u64; KEYS as usize];

#[derive(Debug)]
pub struct Source {
    tables: [Rows; TABLES],
    prints: [Prints; TABLES],
    /// Of each commit, what it left in each table's change table; the commit with index `i` has LSN [`lsn_of`]`(i)`.
    commits: Vec<Vec<(usize, ChangeRow)>>,
    /// Fingerprints of what is published of the tables, before the first commit and after each.
    history: Vec<[Prints; TABLES]>,
    /// What was changed of the tables' schemas: the commit that it belongs to, the table, the statement.
    altered: Vec<(usize, usize, String)>,
    /// Tables whose `note` is gone.
    noteless: [bool; TABLES],
    /// Length of each table's `note`.
    lengths: [u16; TABLES],
    /// An update of the first key column may be captured as one.
    pub moves_in_place: bool,
    /// Commits that the capture job has seen.
    captured: usize,
    /// How far it says to have come.
    max_lsn: Option<Lsn>,
    /// Cleanup has come so far.
    cleaned: Lsn,
}

/// LSN of the commit with this index.
pub fn lsn_of(commit: usize) -> Lsn {
    Lsn::new(7, (commit as u32 + 1) * LSN_STEP, 1)
}

/// Number of commits up to an LSN.
pub fn commits_up_to(lsn: Lsn) -> usize {
    let after_first = u128::from(lsn).checked_sub(u128::from(lsn_of(0)));
    after_first.map_or(0, |distance| (distance / (u128::from(LSN_STEP) << 16)) as usize + 1)
}

/// The publication database.
pub fn database() -> DatabaseName {
    DatabaseName { server: "s".into(), database: "d".into() }
}

/// A table's name.
pub fn name_of(table: usize) -> TableName {
    TableName { schema: "dbo".into(), table: format!("t{table}") }
}

fn capture_of(table: usize, start_lsn: Lsn) -> Capture {
    let (change_table, source) = (CHANGE_TABLE + table as i32, SOURCE + table as i32);
    Capture { instance: format!("dbo_t{table}"), change_table, source, start_lsn }
}

/// The table that an article is of.
pub fn table_of(article: &Article) -> usize {
    article.source.table[1..].parse().expect("tables are numbered")
}

fn columns(table: usize, length: u16) -> Vec<Column> {
    let column = |name: &str, column_type, key_ordinal: Option<u16>| Column {
        name: name.into(),
        column_type,
        nullable: key_ordinal.is_none(),
        identity: None,
        sparse: false,
        collation: None,
        key_ordinal,
    };
    let mut columns = vec![column("id", ColumnType::Int, Some(0))];
    if table == COMPOSITE {
        columns.push(column("line", ColumnType::Int, Some(1)));
    }
    columns.push(column("amount", ColumnType::BigInt, None));
    columns.push(column("note", ColumnType::NVarChar(Some(length)), None));
    columns
}

fn key_columns(table: usize) -> usize {
    if table == COMPOSITE { 2 } else { 1 }
}

fn is_published(table: usize, row: &Row) -> bool {
    table != FILTERED || matches!(row[key_columns(table)], Value::I64(amount) if amount >= 0)
}

/// Fingerprint of a row in its table; a table's is that of its rows, combined without order.
pub fn print_of(table: usize, row: &Row) -> u64 {
    let mut hasher = DefaultHasher::new();
    table.hash(&mut hasher);
    for value in row {
        match value {
            Value::I32(number) => number.hash(&mut hasher),
            Value::I64(number) => number.hash(&mut hasher),
            Value::String(text) => text.hash(&mut hasher),
            Value::Null => "NULL".hash(&mut hasher),
            other => panic!("no column here holds {other:?}"),
        }
    }
    hasher.finish()
}

/// The key that key values are.
pub fn key_of(values: &[Value]) -> Key {
    let number = |value: &Value| if let Value::I32(number) = value { *number } else { panic!("{value:?} is no key") };
    values.iter().map(number).collect()
}

impl Source {
    /// A database with some rows in it from before the first commit.
    pub fn new(rng: &mut StdRng) -> Self {
        let mut source = Self {
            tables: Default::default(),
            prints: Default::default(),
            commits: Vec::new(),
            history: Vec::new(),
            altered: Vec::new(),
            noteless: [false; TABLES],
            lengths: [LENGTH; TABLES],
            moves_in_place: true,
            captured: 0,
            max_lsn: None,
            cleaned: Lsn::ZERO,
        };
        for command in 0..20 {
            source.statement(command, rng);
        }
        source.history.push(source.prints);
        source
    }

    /// Commits a transaction, now and then a large one.
    pub fn commit(&mut self, rng: &mut StdRng) {
        let statements = if rng.random_ratio(1, 20) { rng.random_range(50..300) } else { rng.random_range(1..8) };
        let rows = (0..statements).flat_map(|command| self.statement(command, rng)).collect();
        self.commits.push(rows);
        self.history.push(self.prints);
    }

    /// Commits a transaction that first changes a table's schema: `note` becomes longer, or goes.
    pub fn alter(&mut self, rng: &mut StdRng) {
        let table = rng.random_range(0..TABLES);
        self.alter_table(table, rng);
    }

    /// The same with this table.
    pub fn alter_table(&mut self, table: usize, rng: &mut StdRng) {
        if !self.noteless[table] {
            let statement = if rng.random_ratio(1, 4) {
                self.noteless[table] = true;
                for (key, row) in std::mem::take(&mut self.tables[table]) {
                    let (published, before) = (is_published(table, &row), print_of(table, &row));
                    let row = row[..row.len() - 1].to_vec();
                    if published {
                        self.prints[table][key[0] as usize] ^= before ^ print_of(table, &row);
                    }
                    self.tables[table].insert(key, row);
                }
                format!("ALTER TABLE dbo.t{table} DROP COLUMN note")
            } else {
                self.lengths[table] += 10;
                format!("ALTER TABLE dbo.t{table} ALTER COLUMN note nvarchar({}) NULL", self.lengths[table])
            };
            self.altered.push((self.commits.len(), table, statement));
        }
        self.commit(rng);
    }

    /// The schema changes by transactions in `(after, up_to]`.
    fn statements(&self, after: Lsn, up_to: Lsn) -> Vec<Statement> {
        let commits = commits_up_to(after)..commits_up_to(up_to);
        let statements = self.altered.iter().filter(|(commit, ..)| commits.contains(commit));
        let statement = |(commit, table, text): &(usize, usize, String)| Statement {
            source: SOURCE + *table as i32,
            lsn: lsn_of(*commit),
            committed_at: *commit as i64,
            text: text.clone(),
        };
        statements.map(statement).collect()
    }

    /// The schema changes up to `after` of the tables of articles of which nothing was read.
    pub fn unfollowed<'a>(&self, unread: impl Iterator<Item = &'a Article>, after: Lsn) -> Vec<Statement> {
        let (tables, begins): (Vec<i32>, Vec<Lsn>) = unread.map(|a| (a.capture.source, a.capture.start_lsn)).unzip();
        let mut statements = begins.into_iter().min().map_or(Vec::new(), |begin| self.statements(begin, after));
        statements.retain(|statement| tables.contains(&statement.source));
        statements
    }

    /// What the log says of schema changes by transactions in `(after, up_to]`, and of what came `before` that.
    pub fn schema_history(&self, after: Lsn, up_to: Lsn, before: Vec<Statement>) -> SchemaHistory {
        // Where there is no commit, it is an idle marker that capture has come to.
        let next = commits_up_to(after);
        let first = (lsn_of(next).min(up_to), next as i64);
        let earlier = (!before.is_empty()).then(|| Box::new(Earlier { statements: before, first }));
        let columns = |table: usize| -> Vec<TableColumn> {
            let column = |column: Column| TableColumn {
                name: column.name,
                column_type: Ok(column.column_type),
                nullable: column.nullable,
                identity: None,
                computed: None,
                row_version: false,
                sparse: false,
                unfit: None,
                collation: None,
                key_ordinal: column.key_ordinal,
            };
            columns(table, self.lengths[table]).into_iter().map(column).collect()
        };
        // The catalog is as it is now, also where the statements are from before.
        let tables = (0..TABLES).flat_map(|table| {
            let mut now = columns(table);
            now.truncate(now.len() - usize::from(self.noteless[table]));
            [(SOURCE + table as i32, now), (CHANGE_TABLE + table as i32, columns(table))]
        });
        SchemaHistory {
            statements: self.statements(after, up_to),
            columns: tables.collect(),
            unreplicated: Vec::new(),
            observed: None,
            filters: Vec::new(),
            earlier,
        }
    }

    /// The capture instances.
    pub fn instances(&self) -> Vec<CaptureInstance> {
        let instance = |table: usize| {
            let capture = capture_of(table, self.cleaned);
            CaptureInstance {
                name: capture.instance,
                change_table: capture.change_table,
                source_object_id: capture.source,
                start_lsn: capture.start_lsn,
                columns: (1..).zip(columns(table, LENGTH)).map(|(ordinal, column)| (column.name, ordinal)).collect(),
            }
        };
        (0..TABLES).map(instance).collect()
    }

    /// A table as an article, with the columns that it has now.
    pub fn article(&self, table: usize, publication: &str) -> Article {
        let capture = capture_of(table, self.cleaned);
        Article {
            filter: (table == FILTERED).then(|| "amount >= 0".to_owned()),
            ..Article::new(publication, name_of(table), self.columns_now(table), capture)
        }
    }

    /// Whether a table has exactly the columns of an article.
    pub fn fits(&self, article: &Article) -> bool {
        self.columns_now(table_of(article)) == article.columns
    }

    fn columns_now(&self, table: usize) -> Vec<Column> {
        let mut now = columns(table, self.lengths[table]);
        now.truncate(now.len() - usize::from(self.noteless[table]));
        now
    }

    /// Commits a marker, whose LSN this is.
    pub fn mark(&mut self) -> Lsn {
        self.commits.push(Vec::new());
        self.history.push(self.prints);
        lsn_of(self.commits.len() - 1)
    }

    /// Whether the capture job has come to an LSN.
    pub fn has_captured(&self, lsn: Lsn) -> bool {
        commits_up_to(lsn) <= self.captured
    }

    /// The change tables.
    pub fn change_tables(&self) -> Vec<ChangeTable> {
        let table = |table: usize| ChangeTable { object_id: CHANGE_TABLE + table as i32, start_lsn: self.cleaned };
        (0..TABLES).map(table).collect()
    }

    /// Number of commits.
    pub fn commits(&self) -> usize {
        self.commits.len()
    }

    /// Fingerprint of what is published of a table after so many commits, of keys whose first column is one of `first`.
    pub fn print_after(&self, commits: usize, table: usize, first: impl Fn(i32) -> bool) -> u64 {
        let prints = (0..KEYS).zip(self.history[commits][table]);
        prints.filter(|(key, _)| first(*key)).fold(0, |all, (_, print)| all ^ print)
    }

    /// What is published of a table now.
    pub fn published(&self, table: usize) -> Rows {
        self.tables[table]
            .iter()
            .filter(|(_, row)| is_published(table, row))
            .map(|(k, row)| (k.clone(), row.clone()))
            .collect()
    }

    /// Lets the capture job go on: to the last commit it has seen, or somewhat further where nothing is.
    pub fn capture(&mut self, rng: &mut StdRng) {
        self.captured = rng.random_range(self.captured..=self.commits.len());
        if let Some(last) = self.captured.checked_sub(1) {
            let idle = rng.random_range(0..u128::from(LSN_STEP)) << 16;
            self.max_lsn = self.max_lsn.max(Lsn::try_from(u128::from(lsn_of(last)) + idle).ok());
        }
    }

    /// Lets the capture job finish.
    pub fn capture_all(&mut self) {
        self.captured = self.commits.len();
        self.max_lsn = self.max_lsn.max(self.captured.checked_sub(1).map(lsn_of));
    }

    /// `sys.fn_cdc_get_max_lsn`.
    pub fn max_lsn(&self) -> Option<Lsn> {
        self.max_lsn
    }

    /// Cleanup: change tables begin here from now on, and have nothing from before.
    pub fn clean(&mut self, up_to: Lsn) {
        self.cleaned = self.cleaned.max(up_to);
    }

    /// Rows of an article's change table by transactions in `(after, up_to]`, with the article's columns. What cleanup has removed is
    /// silently not among them, as on a server: a log reader that does not know yet that it is fenced off may ask for that.
    pub fn change_rows(&self, article: &Article, after: Lsn, up_to: Lsn) -> Vec<ChangeRow> {
        let table = table_of(article);
        let captured = columns(table, LENGTH);
        let at = |name: &str| captured.iter().position(|c| c.name == name).expect("it is captured");
        let columns: Vec<usize> = article.columns.iter().map(|c| at(&c.name)).collect();
        let read = |row: &ChangeRow| ChangeRow {
            values: columns.iter().map(|column| row.values[*column].clone()).collect(),
            ..row.clone()
        };
        let commits = &self.commits[commits_up_to(after)..commits_up_to(up_to)];
        let kept = |(changed, row): &&(usize, ChangeRow)| *changed == table && row.place.lsn >= self.cleaned;
        commits.iter().flatten().filter(kept).map(|(_, row)| read(row)).collect()
    }

    /// One statement on one row: an insert, an update of columns or of the key, or a delete.
    fn statement(&mut self, command: i32, rng: &mut StdRng) -> Vec<(usize, ChangeRow)> {
        let table = rng.random_range(0..TABLES);
        let old_key = random_key(table, rng);
        let old = self.tables[table].get(&old_key).cloned();
        let new = match &old {
            None => Some(self.random_row(table, &old_key, rng)),
            Some(_) if rng.random_ratio(1, 4) => None,
            Some(_) if rng.random_ratio(1, 5) => {
                let key = random_key(table, rng);
                Some(self.random_row(table, &key, rng)).filter(|_| !self.tables[table].contains_key(&key))
            }
            Some(old) if rng.random_bool(0.5) => {
                let mut row = self.random_row(table, &old_key, rng);
                row[key_columns(table)] = old[key_columns(table)].clone();
                Some(row)
            }
            Some(_) => Some(self.random_row(table, &old_key, rng)),
        };
        if let Some(old) = self.tables[table].remove(&old_key).filter(|old| is_published(table, old)) {
            self.prints[table][old_key[0] as usize] ^= print_of(table, &old);
        }
        if let Some(new) = &new {
            let key = key_of(&new[..key_columns(table)]);
            let first = key[0] as usize;
            self.tables[table].insert(key, new.clone());
            if is_published(table, new) {
                self.prints[table][first] ^= print_of(table, new);
            }
        }
        let moves = old.as_ref().zip(new.as_ref()).is_some_and(|(old, new)| old[0] != new[0]);
        self.captured_rows(table, command, old, new, command % 2 == 0 && (self.moves_in_place || !moves))
    }

    /// What capture makes of a statement: an update of the key arrives as delete and insert, or `in_place` as an update, as a server with
    /// trace flag 8207 has it
    /// (<https://learn.microsoft.com/sql/relational-databases/system-tables/cdc-capture-instance-ct-transact-sql>,
    /// <https://learn.microsoft.com/troubleshoot/sql/database-engine/replication/update-statements-replicated-as-delete-insert>).
    fn captured_rows(
        &self,
        table: usize,
        command: i32,
        old: Option<Row>,
        new: Option<Row>,
        in_place: bool,
    ) -> Vec<(usize, ChangeRow)> {
        let lsn = lsn_of(self.commits.len());
        let sequence = Lsn::new(7, command as u32 + 1, 2);
        let width = columns(table, LENGTH).len();
        let all = (1u8 << width) - 1;
        let row = |operation, mask: u8, mut values: Row| {
            let place = Place { lsn, command, sequence, operation };
            // The change table keeps the column that is gone.
            values.resize(width, Value::Null);
            (table, ChangeRow { place, mask: vec![mask], published: is_published(table, &values), values })
        };
        match (old, new) {
            (None, None) => Vec::new(),
            (None, Some(new)) => vec![row(Operation::Insert, all, new)],
            (Some(old), None) => vec![row(Operation::Delete, all, old)],
            (Some(old), Some(new)) if old[..key_columns(table)] != new[..key_columns(table)] && !in_place => {
                vec![row(Operation::Delete, all, old), row(Operation::Insert, all, new)]
            }
            (Some(old), Some(new)) => {
                let changed = |column: usize| u8::from(old[column] != new[column]) << column;
                let mask = (0..old.len()).map(changed).fold(0, |mask, bit| mask | bit);
                vec![row(Operation::Before, mask, old), row(Operation::After, mask, new)]
            }
        }
    }

    fn random_row(&self, table: usize, key: &Key, rng: &mut StdRng) -> Row {
        let mut row: Row = key.iter().map(|number| Value::I32(*number)).collect();
        debug_assert_eq!(row.len(), key_columns(table));
        row.push(Value::I64(rng.random_range(-1_000..1_000)));
        if self.noteless[table] {
            return row;
        }
        row.push(match rng.random_range(0..4) {
            0 => Value::Null,
            length => Value::String("x".repeat(length * rng.random_range(0..60))),
        });
        row
    }
}

fn random_key(table: usize, rng: &mut StdRng) -> Key {
    (0..key_columns(table)).map(|_| rng.random_range(0..KEYS)).collect()
}

/// Applies a change to a table and its fingerprint; panics where it does not fit what is there.
pub fn apply(table: usize, change: &Change, rows: &mut Rows, print: &mut u64) {
    match change {
        Change::Insert(row) => {
            *print ^= print_of(table, row);
            let there = rows.insert(key_of(&row[..key_columns(table)]), row.clone());
            assert!(there.is_none(), "a row of table {table} is inserted a second time");
        }
        Change::Delete(key) => {
            let row = rows.remove(&key_of(key));
            let row = row.unwrap_or_else(|| panic!("a row of table {table} is deleted that is not there"));
            *print ^= print_of(table, &row);
        }
        Change::UpdateImages { .. } | Change::DeleteImage(_) => panic!("a change for a procedure"),
        Change::UpdateKey { key, new_key, changed } => {
            let row = rows.remove(&key_of(key));
            let mut row = row.unwrap_or_else(|| panic!("a row of table {table} gets a new key that is not there"));
            *print ^= print_of(table, &row);
            row[..key_columns(table)].clone_from_slice(new_key);
            for (column, value) in changed {
                row[usize::from(*column)] = value.clone();
            }
            *print ^= print_of(table, &row);
            assert!(rows.insert(key_of(new_key), row).is_none(), "a row of table {table} gets the key of another");
        }
        Change::Update { key, changed } => {
            let row = rows.get_mut(&key_of(key));
            let row = row.unwrap_or_else(|| panic!("a row of table {table} is updated that is not there"));
            *print ^= print_of(table, row);
            for (column, value) in changed {
                row[usize::from(*column)] = value.clone();
            }
            *print ^= print_of(table, row);
        }
    }
}
