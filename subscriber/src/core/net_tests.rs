#![allow(clippy::unwrap_used)]
use super::net::{Compactor, NetChanges, NetUpdate};
use proptest::prelude::*;
use proto::{Article, ArticleId, Capture, Change, Column, ColumnType, Lsn, Row, TableName, Value};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A table with key column `id`, and nullable columns `a` and `b`.
pub(super) fn article(id: u32, table: &str) -> Arc<Article> {
    let column = |name: &str, key_ordinal: Option<u16>| Column {
        name: name.into(),
        column_type: ColumnType::NVarChar(Some(20)),
        nullable: key_ordinal.is_none(),
        identity: None,
        sparse: false,
        collation: None,
        key_ordinal,
    };
    let name = TableName { schema: "dbo".into(), table: table.into() };
    let columns = vec![column("id", Some(0)), column("a", None), column("b", None)];
    Arc::new(Article { id: ArticleId(id), ..Article::new("p", name, columns, Capture::default()) })
}

/// Net changes with so many deletes, updates (of column `a`) and inserts.
pub(super) fn net(article: Arc<Article>, deletes: usize, updates: usize, inserts: usize) -> NetChanges {
    NetChanges {
        article,
        deleted: (0..deletes).map(|n| vec![text(&format!("d{n}"))]).collect(),
        updated: (0..updates)
            .map(|n| NetUpdate { key: vec![text(&format!("u{n}"))], changed: vec![(1, Value::Null)] })
            .collect(),
        moved: Vec::new(),
        replaced: Vec::new(),
        inserted: (0..inserts).map(|n| vec![text(&format!("i{n}")), Value::Null, Value::Null]).collect(),
    }
}

fn text(value: &str) -> Value {
    Value::String(value.into())
}

/// The target: a table whose key ignores case, and which stores the key as written.
#[derive(Debug, Clone, Default, PartialEq)]
struct Target(BTreeMap<String, Row>);

impl Target {
    fn folded(key: &Value) -> String {
        let Value::String(key) = key else { panic!("keys are text here") };
        key.to_lowercase()
    }

    fn insert(&mut self, row: &Row) {
        assert!(self.0.insert(Self::folded(&row[0]), row.clone()).is_none(), "2627: the key is there");
    }

    fn update(&mut self, key: &Value, changed: &[(u16, Value)]) {
        let row = self.0.get_mut(&Self::folded(key)).expect("the row is there");
        changed.iter().for_each(|(index, value)| row[usize::from(*index)] = value.clone());
    }

    fn delete(&mut self, key: &Value) {
        self.0.remove(&Self::folded(key)).expect("the row is there");
    }

    fn apply(&mut self, change: &Change) {
        match change {
            Change::Insert(row) => self.insert(row),
            Change::Update { key, changed } => self.update(&key[0], changed),
            Change::Delete(key) => self.delete(&key[0]),
            Change::UpdateKey { key, new_key, changed } => {
                self.move_all(&[(key.clone(), new_key.clone())]);
                self.update(&new_key[0], changed);
            }
            Change::UpdateImages { .. } | Change::DeleteImage(_) => panic!("a change for a procedure"),
        }
    }

    /// By one statement: all keys are free before the first is taken.
    fn move_all(&mut self, keys: &[(Row, Row)]) {
        let rows: Vec<Row> =
            keys.iter().map(|(key, _)| self.0.remove(&Self::folded(&key[0])).expect("the row is there")).collect();
        for (mut row, (_, new_key)) in rows.into_iter().zip(keys) {
            row[0] = new_key[0].clone();
            self.insert(&row);
        }
    }

    /// As the plan orders it for one table.
    fn apply_net(&mut self, net: &NetChanges) {
        net.deleted.iter().for_each(|key| self.delete(&key[0]));
        self.move_all(&net.moved);
        for row in &net.replaced {
            self.update(&row[0], &[(1, row[1].clone()), (2, row[2].clone())]);
        }
        net.updated.iter().for_each(|update| self.update(&update.key[0], &update.changed));
        net.inserted.iter().for_each(|row| self.insert(row));
    }
}

fn compact(changes: &[Change]) -> Vec<NetChanges> {
    let article = article(1, "t");
    let mut compactor = Compactor::default();
    for change in changes {
        compactor.add(&article, change.clone(), Lsn::ZERO).unwrap();
    }
    compactor.finish()
}

#[derive(Debug, Clone)]
enum Act {
    Put { key: usize, upper: bool, a: u8, b: u8 },
    Set { key: usize, a: Option<u8>, b: Option<u8> },
    Remove { key: usize },
    Rename { key: usize, upper: bool, a: u8 },
    Move { key: usize, to: usize, upper: bool, a: Option<u8> },
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        (0..4_usize, any::<bool>(), any::<u8>(), any::<u8>()).prop_map(|(key, upper, a, b)| Act::Put {
            key,
            upper,
            a,
            b
        }),
        (0..4_usize, any::<Option<u8>>(), any::<Option<u8>>()).prop_map(|(key, a, b)| Act::Set { key, a, b }),
        (0..4_usize).prop_map(|key| Act::Remove { key }),
        (0..4_usize, any::<bool>(), any::<u8>()).prop_map(|(key, upper, a)| Act::Rename { key, upper, a }),
        (0..4_usize, 0..4_usize, any::<bool>(), any::<Option<u8>>()).prop_map(|(key, to, upper, a)| Act::Move {
            key,
            to,
            upper,
            a
        }),
    ];
    prop::collection::vec(act, 0..60)
}

/// What CDC says of these acts at a publisher that ignores case, starting from `table`.
fn history(acts: Vec<Act>, table: &mut Target) -> Vec<Change> {
    let name = |key: usize, upper: bool| {
        let name = ["k", "key", "l", "m"][key];
        text(&if upper { name.to_uppercase() } else { name.to_owned() })
    };
    let number = |n: u8| text(&n.to_string());
    let mut changes = Vec::new();
    for act in acts {
        let stored = |key: usize| table.0.get(&Target::folded(&name(key, false))).cloned();
        let step = match act {
            Act::Put { key, upper, a, b } if stored(key).is_none() => {
                vec![Change::Insert(vec![name(key, upper), number(a), number(b)])]
            }
            Act::Set { key, a, b } => stored(key)
                .map(|row| {
                    let mut changed: Vec<(u16, Value)> = Vec::new();
                    changed.extend(a.map(|a| (1, number(a))));
                    changed.extend(b.map(|b| (2, number(b))));
                    Change::Update { key: vec![row[0].clone()], changed }
                })
                .into_iter()
                .collect(),
            Act::Remove { key } => stored(key).map(|row| Change::Delete(vec![row[0].clone()])).into_iter().collect(),
            Act::Rename { key, upper, a } => stored(key)
                .map(|row| {
                    [
                        Change::Delete(vec![row[0].clone()]),
                        Change::Insert(vec![name(key, upper), number(a), row[2].clone()]),
                    ]
                })
                .into_iter()
                .flatten()
                .collect(),
            Act::Move { key, to, upper, a } if key == to || stored(to).is_none() => stored(key)
                .map(|row| (row[0].clone(), name(to, upper)))
                .filter(|(key, new_key)| key != new_key)
                .map(|(key, new_key)| Change::UpdateKey {
                    key: vec![key],
                    new_key: vec![new_key],
                    changed: a.map(|a| (1, number(a))).into_iter().collect(),
                })
                .into_iter()
                .collect(),
            Act::Put { .. } | Act::Move { .. } => Vec::new(),
        };
        step.iter().for_each(|change| table.apply(change));
        changes.extend(step);
    }
    changes
}

proptest! {
    #[test]
    fn net_changes_lead_where_the_single_changes_lead(before in acts(), acts in acts()) {
        let mut start = Target::default();
        history(before, &mut start);
        let mut one_by_one = start.clone();
        let changes = history(acts, &mut one_by_one);
        let mut at_once = start;
        compact(&changes).iter().for_each(|net| at_once.apply_net(net));
        prop_assert_eq!(at_once, one_by_one);
    }

    #[test]
    fn no_key_has_two_net_changes_among_those_of_the_rows_before_or_of_the_rows_after(before in acts(), acts in acts()) {
        let mut table = Target::default();
        history(before, &mut table);
        for net in compact(&history(acts, &mut table)) {
            // What else changed of a row that moved stands under its new key.
            let stays = |update: &&NetUpdate| !net.moved.iter().any(|(_, new_key)| *new_key == update.key);
            let stay: Vec<&Row> = net.updated.iter().filter(stays).map(|update| &update.key).collect();
            let stay = || stay.iter().copied().chain(&net.replaced);
            let before = net.deleted.iter().chain(net.moved.iter().map(|(key, _)| key)).chain(stay());
            let after = net.inserted.iter().chain(net.moved.iter().map(|(_, new_key)| new_key)).chain(stay());
            for keys in [before.collect::<Vec<_>>(), after.collect()] {
                let mut keys: Vec<String> = keys.iter().map(|key| format!("{:?}", key[0])).collect();
                let count = keys.len();
                keys.sort();
                keys.dedup();
                prop_assert_eq!(keys.len(), count);
            }
        }
    }
}

#[test]
fn a_row_that_came_and_went_leaves_nothing() {
    let insert = Change::Insert(vec![text("k"), Value::Null, Value::Null]);
    assert_eq!(compact(&[insert.clone(), Change::Delete(vec![text("k")])]), []);
    let again = compact(&[insert.clone(), Change::Delete(vec![text("k")]), insert]);
    assert_eq!(again[0].inserted.len(), 1);
}

#[test]
fn a_row_that_moves_on_is_the_same_row_with_all_that_changed_of_it() {
    let step = |from: &str, to: &str, column, value: &str| Change::UpdateKey {
        key: vec![text(from)],
        new_key: vec![text(to)],
        changed: vec![(column, text(value))],
    };
    let update = Change::Update { key: vec![text("k")], changed: vec![(1, text("1"))] };
    let net = compact(&[update.clone(), step("k", "l", 2, "2"), step("l", "m", 1, "3")]).remove(0);
    assert_eq!(net.moved, [(vec![text("k")], vec![text("m")])]);
    assert_eq!(net.updated, [NetUpdate { key: vec![text("m")], changed: vec![(1, text("3")), (2, text("2"))] }]);
    assert_eq!(net.rows(), 2);
    // Back where it was: an update. Deleted: the row that was there at first is gone.
    let net = compact(&[step("k", "l", 1, "1"), step("l", "k", 2, "2")]).remove(0);
    assert_eq!((net.moved.len(), &net.updated[0].key, net.updated[0].changed.len()), (0, &vec![text("k")], 2));
    let net = compact(&[step("k", "l", 1, "1"), Change::Delete(vec![text("l")])]).remove(0);
    assert_eq!((net.rows(), &net.deleted[..]), (1, &[vec![text("k")]][..]));
}

#[test]
fn rows_that_exchange_their_keys_move_together() {
    let step = |from: &str, to: &str| Change::UpdateKey {
        key: vec![text(from)],
        new_key: vec![text(to)],
        changed: Vec::new(),
    };
    let net = compact(&[step("a", "x"), step("b", "a"), step("x", "b")]).remove(0);
    assert_eq!(net.moved, [(vec![text("a")], vec![text("b")]), (vec![text("b")], vec![text("a")])]);
    assert_eq!(net.rows(), 2);
}

#[test]
fn changes_that_contradict_each_other_are_refused() {
    let insert = Change::Insert(vec![text("k"), Value::Null, Value::Null]);
    let delete = Change::Delete(vec![text("k")]);
    let update = Change::Update { key: vec![text("k")], changed: vec![(1, Value::Null)] };
    let step = Change::UpdateKey { key: vec![text("k")], new_key: vec![text("l")], changed: Vec::new() };
    let taken = Change::UpdateKey { key: vec![text("l")], new_key: vec![text("k")], changed: Vec::new() };
    for pair in [
        [&insert, &insert],
        [&delete, &delete],
        [&delete, &update],
        [&delete, &step],
        [&step, &update],
        [&step, &delete],
        [&insert, &taken],
    ] {
        let article = article(1, "t");
        let mut compactor = Compactor::default();
        compactor.add(&article, pair[0].clone(), Lsn::ZERO).unwrap();
        let error = compactor.add(&article, pair[1].clone(), Lsn::new(1, 2, 3)).unwrap_err().to_string();
        assert!(error.contains("dbo.t") && error.contains("00000001:00000002:0003"), "{error}");
        assert!(error.contains("id") && !error.contains('k'.to_string().repeat(2).as_str()), "{error}");
    }
}
