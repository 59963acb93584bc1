//! The subscription database: rows and the subscription's state, as committed or with an open transaction; and what must be true of
//! what is committed.

use super::source::{Rows, Source, TABLES, apply, commits_up_to, key_of, print_of, table_of};
use proto::{Article, ArticleId, Change, Chunk, Lsn, Row, SchemaChange, TableChange, Value};
use sqlserver::state::{Load, Part, PartState, Stage};
use std::collections::BTreeMap;
use std::sync::Arc;
use subscriber::core::Articles;
use subscriber::core::decode::each_change;
use subscriber::core::net::{Compactor, NetChanges};

/// A database's content.
#[derive(Debug, Clone)]
pub struct Database {
    tables: [Rows; TABLES],
    prints: [u64; TABLES],
    pub stage: Stage,
    pub position: Option<Lsn>,
    pub parts: Vec<Part>,
    pub loads: Vec<Load>,
    /// The table that each definition in `parts` is of.
    table_of: BTreeMap<ArticleId, usize>,
}

impl Database {
    /// With a subscription that nothing has happened to.
    pub fn new() -> Self {
        Self {
            tables: Default::default(),
            prints: [0; TABLES],
            stage: Stage::Uninitialized,
            position: None,
            parts: Vec::new(),
            loads: Vec::new(),
            table_of: BTreeMap::new(),
        }
    }

    /// Empties a table that is about to be loaded.
    pub fn empty(&mut self, table: usize, ours: bool) {
        assert!(ours || self.tables[table].is_empty(), "table {table} has rows that no load of ours put there");
        self.tables[table].clear();
        self.prints[table] = 0;
    }

    /// `state::begin_initializing`.
    pub fn begin_initializing(&mut self) {
        (self.stage, self.position) = (Stage::Initializing, None);
    }

    /// `state::forget_loaded`.
    pub fn forget_loaded(&mut self, articles: &[ArticleId]) {
        let loaded = |part: &Part| matches!(part.state, PartState::Waiting | PartState::Loaded);
        self.parts.retain(|part| !(articles.contains(&part.article) && loaded(part)));
    }

    /// `state::begin_loads`.
    pub fn begin_loads(&mut self, forgotten: &[ArticleId], loads: &[(Load, usize, Vec<Part>)]) {
        let new = |id: ArticleId| loads.iter().any(|(load, ..)| load.article == id);
        self.loads.retain(|load| !forgotten.contains(&load.article) && !new(load.article));
        self.parts.retain(|part| !new(part.article));
        for (load, table, parts) in loads {
            self.loads.push(load.clone());
            self.parts.extend(parts.iter().cloned());
            self.table_of.insert(load.article, *table);
        }
    }

    /// A part's rows, and that it is loaded.
    pub fn load(&mut self, article: ArticleId, number: u32, rows: &[(Vec<i32>, Row)]) {
        let part = self.parts.iter_mut().find(|part| (part.article, part.number) == (article, number));
        let part = part.filter(|part| part.state == PartState::Waiting).expect("the part waits");
        part.state = PartState::Loaded;
        let table = self.table_of[&article];
        for (_, row) in rows {
            apply(table, &Change::Insert(row.clone()), &mut self.tables[table], &mut self.prints[table]);
        }
    }

    /// `state::join`.
    pub fn join(&mut self, position: Lsn, applied: Option<Lsn>) {
        for part in &mut self.parts {
            match part.state {
                PartState::Streamed | PartState::Complete => {
                    part.boundary = applied.map_or(part.boundary, |applied| part.boundary.max(applied));
                }
                PartState::Loaded => part.state = PartState::Streamed,
                PartState::Waiting => {}
            }
        }
        (self.stage, self.position) = (Stage::Synchronizing, Some(position));
    }

    /// `state::complete`.
    pub fn complete(&mut self) {
        let streamed = |id: ArticleId| self.parts.iter().any(|p| p.article == id && p.state == PartState::Streamed);
        self.loads.retain(|load| !streamed(load.article));
        for part in self.parts.iter_mut().filter(|part| part.state == PartState::Streamed) {
            part.state = PartState::Complete;
        }
        self.stage = Stage::Active;
    }

    /// Carries out a schema change of a table, and `state::supersede_parts`.
    pub fn alter(&mut self, change: &SchemaChange) {
        let table = table_of(&change.article);
        for step in &change.changes {
            match step {
                TableChange::DropColumn { name } if name == "note" => {
                    let rows = std::mem::take(&mut self.tables[table]);
                    let cut = |(key, row): (_, Row)| (key, row[..row.len() - 1].to_vec());
                    self.tables[table] = rows.into_iter().map(cut).collect();
                    self.prints[table] = self.tables[table].values().fold(0, |print, row| print ^ print_of(table, row));
                }
                TableChange::AlterColumn { name } if name == "note" => {}
                other => panic!("nobody did {other:?}"),
            }
        }
        let superseded = change.article.supersedes.expect("it supersedes one");
        let id = change.article.id;
        if self.parts.iter().all(|part| part.article != id) {
            let before = self.parts.iter().filter(|part| part.article == superseded);
            let now: Vec<Part> = before.map(|part| Part { article: id, ..part.clone() }).collect();
            assert!(!now.is_empty(), "{superseded} is superseded, of which nothing is known");
            self.parts.extend(now);
            self.parts.sort_by_key(|part| (part.article, part.number));
        }
        self.table_of.insert(id, table);
    }

    /// Applies the net changes of some chunks: each must fit what is there.
    pub fn apply_net(&mut self, chunks: &[Chunk], definitions: &Articles) {
        let mut compactor = Compactor::default();
        for chunk in chunks {
            let add = |article: &Arc<Article>, change: Change| compactor.add(article, change, chunk.lsn);
            each_change(chunk, definitions, add).expect("the changes fit their articles");
        }
        for NetChanges { article, deleted, moved, updated, replaced, inserted } in compactor.finish() {
            let table = table_of(&article);
            let (rows, print) = (&mut self.tables[table], &mut self.prints[table]);
            // All at once: rows may exchange their keys.
            let leaving: Vec<Row> = moved
                .iter()
                .map(|(key, new_key)| {
                    let mut row = rows[&key_of(key)].clone();
                    row[..new_key.len()].clone_from_slice(new_key);
                    row
                })
                .collect();
            let mut change = |change| apply(table, &change, rows, print);
            deleted.into_iter().for_each(|key| change(Change::Delete(key)));
            moved.into_iter().for_each(|(key, _)| change(Change::Delete(key)));
            leaving.into_iter().for_each(|row| change(Change::Insert(row)));
            for row in replaced {
                let key: Row = article.key().into_iter().map(|column| row[column].clone()).collect();
                change(Change::Delete(key));
                change(Change::Insert(row));
            }
            updated.into_iter().for_each(|update| change(Change::Update { key: update.key, changed: update.changed }));
            inserted.into_iter().for_each(|row| change(Change::Insert(row)));
        }
    }

    /// From where on the queue is needed: the position, and the boundaries of what is loaded or being loaded.
    pub fn needs_after(&self) -> Option<Lsn> {
        let loading = self.parts.iter().filter(|p| matches!(p.state, PartState::Waiting | PartState::Loaded));
        loading.map(|part| part.boundary).chain(self.position).min()
    }

    /// The tables of the articles that are streamed.
    pub fn streamed(&self) -> Vec<usize> {
        (0..TABLES).filter(|table| self.newest(*table, &[PartState::Streamed, PartState::Complete]).is_some()).collect()
    }

    fn newest(&self, table: usize, states: &[PartState]) -> Option<ArticleId> {
        let parts = self.parts.iter().filter(|p| self.table_of[&p.article] == table && states.contains(&p.state));
        parts.map(|part| part.article).max()
    }

    /// Each part is as the publisher was at its boundary or, after that, at the subscription's position; and all are as the publisher was
    /// at one commit where the subscription says so.
    pub fn check(&self, name: &str, source: &Source) {
        let position = self.position.unwrap_or_default();
        for table in 0..TABLES {
            let streamed = self.newest(table, &[PartState::Streamed, PartState::Complete]);
            let loading = self.newest(table, &[PartState::Waiting, PartState::Loaded]);
            assert!(
                streamed.is_none() || loading.is_none(),
                "table {table} of {name} is loaded while it is streamed to"
            );
            let Some(article) = streamed.or(loading) else { continue };
            for part in self.parts.iter().filter(|part| part.article == article) {
                let holds = |key: i32| part.range.contains(&[Value::I32(key)]).expect("keys are ordered");
                let rows = self.tables[table].iter().filter(|(key, _)| holds(key[0]));
                let print = rows.fold(0, |print, (_, row)| print ^ print_of(table, row));
                let commits = match part.state {
                    PartState::Waiting => {
                        assert_eq!(print, 0, "a part of table {table} of {name} waits, and has rows");
                        continue;
                    }
                    PartState::Loaded => commits_up_to(part.boundary),
                    PartState::Streamed | PartState::Complete => {
                        let one = self.stage != Stage::Active || part.boundary <= position;
                        assert!(
                            one,
                            "{name} is active at {position} with a part of table {table} as of {}",
                            part.boundary
                        );
                        commits_up_to(part.boundary.max(position))
                    }
                };
                assert_eq!(
                    print,
                    source.print_after(commits, table, holds),
                    "table {table}, {}, of {name} at {position} is not what the publisher had after {commits} commits",
                    part.range,
                );
            }
            let counted = self.tables[table].values().fold(0, |print, row| print ^ print_of(table, row));
            assert_eq!(counted, self.prints[table], "the simulation's own fingerprint is wrong");
        }
    }
}
