//! Net changes as operations on tables.

use crate::core::net::{NetChanges, NetUpdate};
use crate::core::plan::{Step, StepKind};
use proto::{ArticleId, Row, Value};
use sqlserver::apply::{Kind, Operation, Target};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// The operations of a plan's steps. All articles have a target.
pub fn operations(
    mut changes: Vec<NetChanges>,
    steps: &[Step],
    targets: &HashMap<ArticleId, Arc<Target>>,
) -> Vec<(Arc<Target>, Operation)> {
    let mut operations = Vec::with_capacity(steps.len());
    for step in steps {
        let net = &mut changes[step.changes];
        let Some(target) = targets.get(&net.article.id) else { continue };
        let made = match step.kind {
            StepKind::Delete => vec![delete(std::mem::take(&mut net.deleted))],
            StepKind::Insert => vec![insert(std::mem::take(&mut net.inserted))],
            StepKind::Move => vec![move_keys(target, std::mem::take(&mut net.moved))],
            StepKind::Replace => replace(target, std::mem::take(&mut net.replaced)),
            StepKind::Update => update(std::mem::take(&mut net.updated)),
        };
        operations.extend(made.into_iter().map(|operation| (target.clone(), operation)));
    }
    operations
}

pub(super) fn delete(keys: Vec<Row>) -> Operation {
    Operation { kind: Kind::Delete, set: Vec::new(), rows: keys }
}

pub(super) fn insert(rows: Vec<Row>) -> Operation {
    Operation { kind: Kind::Insert, set: Vec::new(), rows }
}

/// Rows that get new keys: an update that sets the key columns.
pub(super) fn move_keys(target: &Target, keys: Vec<(Row, Row)>) -> Operation {
    let rows = keys.into_iter().map(|(mut row, new_key)| {
        row.extend(new_key);
        row
    });
    Operation { kind: Kind::Update, set: target.key().to_vec(), rows: rows.collect() }
}

/// Rows that were deleted and came back under their key: an update of all other columns, so that rows which refer to them by a
/// foreign key do not stand in the way. An identity column beside the key cannot be updated; then they are deleted and inserted.
pub(super) fn replace(target: &Target, rows: Vec<Row>) -> Vec<Operation> {
    let width = rows.first().map_or(0, Vec::len);
    let key = target.key();
    let others: Vec<usize> = (0..width).filter(|column| !key.contains(column)).collect();
    if others.iter().any(|column| target.is_identity(*column)) {
        let keys = rows.iter().map(|row| key.iter().map(|column| row[*column].clone()).collect()).collect();
        return vec![delete(keys), insert(rows)];
    }
    let reordered = |mut row: Row| -> Row {
        key.iter().chain(&others).map(|column| std::mem::replace(&mut row[*column], Value::Null)).collect()
    };
    vec![Operation { kind: Kind::Update, rows: rows.into_iter().map(reordered).collect(), set: others }]
}

/// An operation for each set of columns that changed, so that no other column is written.
pub(super) fn update(updates: Vec<NetUpdate>) -> Vec<Operation> {
    let mut by_columns: BTreeMap<Vec<usize>, Vec<Row>> = BTreeMap::new();
    for NetUpdate { key, changed } in updates {
        let columns = changed.iter().map(|(column, _)| usize::from(*column)).collect();
        let row = key.into_iter().chain(changed.into_iter().map(|(_, value)| value)).collect();
        by_columns.entry(columns).or_default().push(row);
    }
    by_columns.into_iter().map(|(set, rows)| Operation { kind: Kind::Update, set, rows }).collect()
}
