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
        }
    }

    /// As the plan orders it for one table.
    fn apply_net(&mut self, net: &NetChanges) {
        net.deleted.iter().for_each(|key| self.delete(&key[0]));
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
            Act::Put { .. } => Vec::new(),
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
    fn no_key_has_two_net_changes(before in acts(), acts in acts()) {
        let mut table = Target::default();
        history(before, &mut table);
        for net in compact(&history(acts, &mut table)) {
            let mut keys: Vec<String> = Vec::new();
            keys.extend(net.deleted.iter().chain(&net.replaced).chain(&net.inserted).map(|row| format!("{:?}", row[0])));
            keys.extend(net.updated.iter().map(|update| format!("{:?}", update.key[0])));
            let count = keys.len();
            keys.sort();
            keys.dedup();
            prop_assert_eq!(keys.len(), count);
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
fn changes_that_contradict_each_other_are_refused() {
    let insert = Change::Insert(vec![text("k"), Value::Null, Value::Null]);
    let delete = Change::Delete(vec![text("k")]);
    let update = Change::Update { key: vec![text("k")], changed: vec![(1, Value::Null)] };
    for pair in [[&insert, &insert], [&delete, &delete], [&delete, &update]] {
        let article = article(1, "t");
        let mut compactor = Compactor::default();
        compactor.add(&article, pair[0].clone(), Lsn::ZERO).unwrap();
        let error = compactor.add(&article, pair[1].clone(), Lsn::new(1, 2, 3)).unwrap_err().to_string();
        assert!(error.contains("dbo.t") && error.contains("00000001:00000002:0003"), "{error}");
        assert!(error.contains("id") && !error.contains('k'.to_string().repeat(2).as_str()), "{error}");
    }
}
