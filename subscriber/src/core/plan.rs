//! In which order the net changes of several tables are applied.
//!
//! SQL Server checks keys and foreign keys at the end of each statement. So:
//!
//! 1. Deletes, referencing tables before the ones they reference. They free the values of unique keys for what follows.
//! 2. Table by table, referenced ones first: new keys, replacements and updates, then inserts. A row may be updated to reference a row
//!    that is inserted into another table in the same batch, hence not all updates before all inserts.
//! 3. Deletes of tables that a row of step 2 may have been moved away from: where an updated column takes part in a foreign key, the
//!    deletes of the table it references (and of the tables that one references) wait until here.
//!
//! No order serves every history (a table that references itself, foreign keys in a circle, a unique value that passes from a
//! row deleted in step 3): those end in an error of the server and are applied again transaction by transaction, then row by row.

use super::net::NetChanges;
use proto::TableName;
use std::collections::{BTreeMap, BTreeSet};

/// A foreign key that the target database enforces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForeignKey {
    /// Referencing table.
    pub child: TableName,
    /// Its columns.
    pub columns: Vec<String>,
    /// Referenced table.
    pub parent: TableName,
}

/// One kind of changes of one article.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// Index into the changes that were planned.
    pub changes: usize,
    /// Which of them.
    pub kind: StepKind,
}

/// Kinds of changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepKind {
    /// [`NetChanges::deleted`].
    Delete,
    /// [`NetChanges::moved`].
    Move,
    /// [`NetChanges::replaced`].
    Replace,
    /// [`NetChanges::updated`].
    Update,
    /// [`NetChanges::inserted`].
    Insert,
}

/// The steps that apply `changes`, in order; kinds without any change are left out.
pub fn plan(changes: &[NetChanges], foreign_keys: &[ForeignKey]) -> Vec<Step> {
    let parents_first = parents_first(changes, foreign_keys);
    let late = late_deletes(changes, foreign_keys);
    let mut steps = Vec::new();
    let mut step = |index: usize, kind: StepKind| {
        let net = &changes[index];
        let any = match kind {
            StepKind::Delete => !net.deleted.is_empty(),
            StepKind::Move => !net.moved.is_empty(),
            StepKind::Replace => !net.replaced.is_empty(),
            StepKind::Update => !net.updated.is_empty(),
            StepKind::Insert => !net.inserted.is_empty(),
        };
        if any {
            steps.push(Step { changes: index, kind });
        }
    };
    for index in parents_first.iter().rev().filter(|i| !late.contains(&changes[**i].article.destination)) {
        step(*index, StepKind::Delete);
    }
    for index in &parents_first {
        step(*index, StepKind::Move);
        step(*index, StepKind::Replace);
        step(*index, StepKind::Update);
        step(*index, StepKind::Insert);
    }
    for index in parents_first.iter().rev().filter(|i| late.contains(&changes[**i].article.destination)) {
        step(*index, StepKind::Delete);
    }
    steps
}

/// Indices of `changes` in such an order that a referenced table comes before those that reference it; within a circle, and
/// without a reference, as they came.
fn parents_first(changes: &[NetChanges], foreign_keys: &[ForeignKey]) -> Vec<usize> {
    let mut by_table: BTreeMap<&TableName, Vec<usize>> = BTreeMap::new();
    for (index, net) in changes.iter().enumerate() {
        by_table.entry(&net.article.destination).or_default().push(index);
    }
    let mut order = Vec::with_capacity(changes.len());
    let mut seen = BTreeSet::new();
    for net in changes {
        visit(&net.article.destination, &by_table, foreign_keys, &mut seen, &mut order);
    }
    order
}

fn visit<'a>(
    table: &'a TableName,
    by_table: &BTreeMap<&TableName, Vec<usize>>,
    foreign_keys: &'a [ForeignKey],
    seen: &mut BTreeSet<&'a TableName>,
    order: &mut Vec<usize>,
) {
    if !seen.insert(table) {
        return;
    }
    // Also through tables that have no changes themselves: the order of those that have stays right.
    for key in foreign_keys.iter().filter(|key| key.child == *table) {
        visit(&key.parent, by_table, foreign_keys, seen, order);
    }
    order.extend(by_table.get(table).into_iter().flatten());
}

/// Tables whose deletes wait for the updates.
fn late_deletes(changes: &[NetChanges], foreign_keys: &[ForeignKey]) -> BTreeSet<TableName> {
    let mut late = BTreeSet::new();
    let mut waiting: Vec<&TableName> = Vec::new();
    for net in changes {
        let references = foreign_keys.iter().filter(|key| key.child == net.article.destination);
        for key in references {
            let moves = |index: &u16| {
                let name = &net.article.columns[usize::from(*index)].name;
                key.columns.iter().any(|column| column.eq_ignore_ascii_case(name))
            };
            let moved = net.updated.iter().any(|update| update.changed.iter().any(|(index, _)| moves(index)));
            let names_key = net.article.key().iter().any(|index| moves(&(*index as u16)));
            if moved || !net.replaced.is_empty() || (names_key && !net.moved.is_empty()) {
                waiting.push(&key.parent);
            }
        }
    }
    while let Some(table) = waiting.pop() {
        if late.insert(table.clone()) {
            waiting.extend(foreign_keys.iter().filter(|key| key.child == *table).map(|key| &key.parent));
        }
    }
    late
}

#[cfg(test)]
mod tests {
    use super::super::net_tests::{article, net};
    use super::*;

    fn reference(child: &str, column: &str, parent: &str) -> ForeignKey {
        let name = |table: &str| TableName { schema: "dbo".into(), table: table.into() };
        ForeignKey { child: name(child), columns: vec![column.into()], parent: name(parent) }
    }

    fn names(changes: &[NetChanges], steps: &[Step]) -> Vec<String> {
        steps.iter().map(|s| format!("{:?} {}", s.kind, changes[s.changes].article.destination.table)).collect()
    }

    #[test]
    fn children_are_deleted_before_and_inserted_after_their_parents() {
        let keys = [reference("lines", "a", "orders"), reference("orders", "a", "customers")];
        let changes: Vec<NetChanges> =
            ["lines", "customers", "orders"].iter().zip(1..).map(|(t, id)| net(article(id, t), 1, 0, 1)).collect();
        assert_eq!(
            names(&changes, &plan(&changes, &keys)),
            ["Delete lines", "Delete orders", "Delete customers", "Insert customers", "Insert orders", "Insert lines"]
        );
    }

    #[test]
    fn a_parent_is_deleted_after_its_children_moved_away() {
        let keys = [reference("orders", "a", "customers"), reference("customers", "a", "regions")];
        let changes = [
            net(article(1, "regions"), 1, 0, 0),
            net(article(2, "customers"), 1, 0, 1),
            net(article(3, "orders"), 0, 1, 0),
            net(article(4, "notes"), 1, 1, 0),
        ];
        assert_eq!(
            names(&changes, &plan(&changes, &keys)),
            ["Delete notes", "Insert customers", "Update orders", "Update notes", "Delete customers", "Delete regions"]
        );
    }

    #[test]
    fn new_keys_are_given_when_they_are_free_and_before_they_are_named() {
        let moved = |table: &str, id: u32| {
            let text = |text: &str| vec![proto::Value::String(text.into())];
            NetChanges { moved: vec![(text("m"), text("n"))], ..net(article(id, table), 1, 1, 1) }
        };
        let changes = [moved("lines", 1)];
        assert_eq!(
            names(&changes, &plan(&changes, &[])),
            ["Delete lines", "Move lines", "Update lines", "Insert lines"]
        );
        // The key of a line says which order it is of, so that it may have moved away from one that goes.
        let keys = [reference("lines", "id", "orders")];
        let changes =
            [NetChanges { deleted: vec![], updated: vec![], ..moved("lines", 1) }, net(article(2, "orders"), 1, 0, 0)];
        assert_eq!(names(&changes, &plan(&changes, &keys)), ["Move lines", "Insert lines", "Delete orders"]);
    }

    #[test]
    fn order_holds_through_tables_without_changes_and_circles_end() {
        let keys = [reference("c", "a", "b"), reference("b", "a", "a"), reference("a", "a", "c")];
        let changes = [net(article(1, "c"), 0, 0, 1), net(article(2, "a"), 0, 0, 1)];
        assert_eq!(names(&changes, &plan(&changes, &keys)).len(), 2);
        let changes = [net(article(1, "c"), 0, 0, 1), net(article(2, "a"), 0, 0, 1)];
        assert_eq!(names(&changes, &plan(&changes, &keys[..2])), ["Insert a", "Insert c"]);
    }
}
