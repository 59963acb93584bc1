#![allow(clippy::unwrap_used)]
use super::*;
use proto::{Capture, ColumnType};

fn lsn(n: u32) -> Lsn {
    Lsn::new(1, n, 1)
}

fn column(name: &str, nullable: bool) -> Column {
    let key_ordinal = (name == "id").then_some(0);
    Column { nullable, key_ordinal, ..Column::new(name, ColumnType::Int) }
}

fn article() -> Article {
    let columns = vec![column("id", false), column("n", true)];
    let name = TableName { schema: "dbo".into(), table: "t".into() };
    let capture = Capture { instance: "first".into(), change_table: 2, source: 1, start_lsn: lsn(1) };
    Article { id: ArticleId(7), ..Article::new("p", name, columns, capture) }
}

fn sum() -> ComputedColumn {
    ComputedColumn { name: "sum".into(), definition: "([n]+[filled])".into(), persisted: false, nullable: true }
}

fn default(definition: &str) -> DefaultConstraint {
    DefaultConstraint { name: "d".into(), definition: definition.into() }
}

/// The table has `id`, `before` (nullable, with a default), `n`, `filled` (with a default) and `bare` (without, not nullable).
fn extension() -> Extension {
    let table = TableName { schema: "dbo".into(), table: "renamed".into() };
    let columns = vec![
        column("id", false),
        column("before", true),
        column("n", true),
        column("filled", false),
        column("bare", false),
    ];
    let captured = columns.iter().zip(1..).map(|(c, ordinal)| (c.name.clone(), ordinal)).collect();
    let instance = CaptureInstance {
        name: "second".into(),
        change_table: 3,
        source_object_id: 1,
        start_lsn: lsn(5),
        columns: captured,
    };
    let defaults = BTreeMap::from([("before".into(), default("((1))")), ("filled".into(), default("((2))"))]);
    Extension {
        lsn: lsn(20),
        committed_at: 9,
        table,
        columns,
        computed: vec![sum()],
        defaults,
        constraints: Vec::new(),
        instance,
        unreplicated: Vec::new(),
    }
}

fn names(article: &Article) -> Vec<&str> {
    article.columns.iter().map(|c| c.name.as_str()).collect()
}

#[test]
fn new_columns_join_in_the_order_of_the_table_with_what_their_rows_are_given() {
    let Alteration { article: new, changes, ddl, after, given, .. } = extension().altered(&article()).unwrap();
    assert_eq!(names(&new), ["id", "before", "n", "filled", "bare"]);
    assert_eq!((new.supersedes, new.since), (Some(ArticleId(7)), Some(lsn(20))));
    assert_eq!(
        (new.capture.instance.as_str(), new.source.table.as_str(), new.destination.table.as_str()),
        ("second", "renamed", "t")
    );
    let add = |name: &str, given: Option<&str>, nullable_first| TableChange::AddColumn {
        name: name.into(),
        default: given.map(default),
        nullable_first,
    };
    assert_eq!(
        changes,
        [
            add("before", Some("((1))"), false),
            add("filled", Some("((2))"), false),
            add("bare", None, true),
            add("sum", None, false)
        ]
    );
    assert_eq!(new.computed, [sum()]);
    assert_eq!(after, [TableChange::AlterColumn { name: "bare".into() }]);
    // A default fills the rows that are there only where they cannot be NULL.
    assert_eq!(given, [(1, Given::Null), (3, Given::Default("((2))".into())), (4, Given::Null)]);
    assert!(ddl.contains("before, filled, bare, sum"), "{ddl}");
}

#[test]
fn without_defaults_at_the_subscriber_all_values_are_sent() {
    let mut bare = article();
    bare.options.schema.defaults = false;
    let Alteration { after, given, .. } = extension().altered(&bare).unwrap();
    assert_eq!(after.len(), 2);
    assert!(given.iter().all(|(_, given)| *given == Given::Null));
}

#[test]
fn articles_that_columns_do_not_join_go_over_to_the_new_instance_all_the_same() {
    let chosen = Article { all_columns: false, ..article() };
    let unreplicated = Extension { unreplicated: vec!["P".into()], ..extension() };
    for altered in [extension().altered(&chosen), unreplicated.altered(&article())] {
        let Alteration { article: new, changes, after, given, .. } = altered.unwrap();
        assert_eq!((names(&new), new.capture.instance.as_str()), (vec!["id", "n"], "second"));
        assert!(changes.is_empty() && after.is_empty() && given.is_empty());
    }
    let other = Article { capture: Capture { source: 9, ..article().capture }, ..article() };
    assert_eq!(extension().altered(&other), None);
}

#[test]
fn a_filtered_article_keeps_the_name_that_its_filter_may_use() {
    let filtered = Article { filter: Some("t.n > 1".into()), ..article() };
    assert_eq!(extension().altered(&filtered).unwrap().article.source.table, "t");
}
