#![allow(clippy::unwrap_used)]
use super::*;
use proto::{Capture, TableName};

const SOURCE: i32 = 1;
const CHANGES: i32 = 2;

fn lsn(n: u32) -> Lsn {
    Lsn::new(1, n, 1)
}

fn column(name: &str, column_type: ColumnType) -> TableColumn {
    let key_ordinal = (name == "id").then_some(0);
    TableColumn { nullable: key_ordinal.is_none(), key_ordinal, ..TableColumn::new(name, Ok(column_type)) }
}

fn table() -> Vec<TableColumn> {
    vec![
        column("id", ColumnType::Int),
        column("n", ColumnType::Int),
        column("Text", ColumnType::VarChar(Some(10))),
        column("price", ColumnType::Decimal { precision: 9, scale: 2 }),
    ]
}

fn article() -> Article {
    let columns = table().iter().map(|c| c.published().unwrap()).collect();
    let name = TableName { schema: "dbo".into(), table: "t".into() };
    let capture = Capture { instance: "i".into(), change_table: CHANGES, source: SOURCE, start_lsn: lsn(1) };
    Article { id: ArticleId(7), ..Article::new("p", name, columns, capture) }
}

/// Statements of one transaction on a table whose change table has these columns now instead.
fn history(statements: &[&str], now: &[TableColumn]) -> History {
    let mut columns = table();
    for changed in now {
        let at = columns.iter().position(|c| c.name == changed.name).unwrap();
        columns[at] = changed.clone();
    }
    let statement = |text: &&str| Statement { source: SOURCE, lsn: lsn(20), committed_at: 5, text: (*text).to_owned() };
    History {
        statements: statements.iter().map(statement).collect(),
        columns: BTreeMap::from([(SOURCE, columns.clone()), (CHANGES, columns)]),
        unreplicated: Vec::new(),
        observed: None,
        filters: Vec::new(),
        earlier: None,
    }
}

fn altered(history: &History, article: &Article) -> Option<Alteration> {
    let upcoming = history.first(&[article], &[])?;
    assert_eq!((upcoming.lsn, upcoming.committed_at), (lsn(20), 5));
    let mut alterations = upcoming.outcome.unwrap();
    assert_eq!(alterations.len(), 1);
    alterations.pop()
}

fn refused(history: &History, article: &Article) -> String {
    history.first(&[article], &[]).unwrap().outcome.unwrap_err().to_string()
}

fn names(article: &Article) -> Vec<&str> {
    article.columns.iter().map(|c| c.name.as_str()).collect()
}

#[test]
fn a_dropped_column_leaves_its_article() {
    let drops = history(&["ALTER TABLE t DROP CONSTRAINT d, COLUMN TEXT, price"], &[]);
    let Alteration { article: new, changes, ddl, .. } = altered(&drops, &article()).unwrap();
    assert_eq!(names(&new), ["id", "n"]);
    assert_eq!((new.id, new.supersedes, new.since), (ArticleId(0), Some(ArticleId(7)), Some(lsn(20))));
    let drop = |name: &str| TableChange::DropColumn { name: name.to_owned() };
    assert_eq!(changes, [drop("Text"), drop("price")]);
    assert!(ddl.contains("DROP CONSTRAINT d"));
    // One that is not published is of no concern, nor is what comes to an article that was defined after it.
    assert_eq!(history(&["ALTER TABLE t DROP COLUMN other"], &[]).first(&[&article()], &[]), None);
    let later = Article { since: Some(lsn(20)), ..article() };
    assert_eq!(drops.first(&[&later], &[]), None);
    let elsewhere = Article { capture: Capture { source: 9, ..article().capture }, ..article() };
    assert_eq!(drops.first(&[&elsewhere], &[]), None);
}

#[test]
fn a_dropped_column_by_which_rows_are_found_or_chosen_stops() {
    let key = refused(&history(&["ALTER TABLE t DROP COLUMN id"], &[]), &article());
    assert!(key.contains("dbo.t") && key.contains("column id is part of the key") && key.contains("snapshot"), "{key}");
    let filtered = Article { filter: Some("[N] > 5".into()), ..article() };
    let filter = refused(&history(&["ALTER TABLE t DROP COLUMN n"], &[]), &filtered);
    assert!(filter.contains("filter uses column n"), "{filter}");
    assert!(altered(&history(&["ALTER TABLE t DROP COLUMN price"], &[]), &filtered).is_some());
}

#[test]
fn a_wider_type_is_the_one_that_the_change_table_has() {
    // The statement said bigint; by now it is a decimal, which holds those values too.
    let decimal = ColumnType::Decimal { precision: 20, scale: 0 };
    let wider = history(&["ALTER TABLE t ALTER COLUMN n bigint NOT NULL"], &[column("n", decimal)]);
    let Alteration { article: new, changes, .. } = altered(&wider, &article()).unwrap();
    assert_eq!((new.columns[1].column_type, new.columns[1].nullable), (decimal, false));
    assert_eq!(changes, [TableChange::AlterColumn { name: "n".into() }]);
    // Where nothing changes, there is nothing to do.
    assert_eq!(history(&["ALTER TABLE t ALTER COLUMN n int"], &[]).first(&[&article()], &[]), None);
    let nullability = altered(&history(&["ALTER TABLE t ALTER COLUMN n int NOT NULL"], &[]), &article()).unwrap();
    assert!(!nullability.article.columns[1].nullable);
}

#[test]
fn types_that_hold_every_earlier_value_and_no_others_are_wider() {
    use ColumnType as T;
    let decimal = |precision, scale| T::Decimal { precision, scale };
    for (old, new) in [
        (T::TinyInt, T::SmallInt),
        (T::Int, T::BigInt),
        (T::Int, decimal(12, 2)),
        (decimal(9, 2), decimal(10, 3)),
        (T::SmallMoney, T::Money),
        (T::Real, T::Float),
        (T::Char(3), T::Char(4)),
        (T::VarChar(Some(3)), T::VarChar(None)),
        (T::VarChar(Some(3)), T::NVarChar(Some(3))),
        (T::VarBinary(Some(3)), T::VarBinary(Some(8))),
        (T::Time(3), T::Time(7)),
    ] {
        assert!(widens(old, new), "{old} {new}");
        assert!(!widens(new, old), "{new} {old}");
    }
    for (old, new) in [
        (T::Int, decimal(11, 2)),
        (decimal(9, 2), decimal(9, 3)),
        (T::Int, T::Float),
        (T::DateTime, T::DateTime2(7)),
        (T::NVarChar(Some(3)), T::VarChar(Some(8))),
        (T::Char(3), T::VarChar(Some(3))),
        (T::Bit, T::Int),
    ] {
        assert!(!widens(old, new), "{old} {new}");
    }
}

#[test]
fn a_type_that_does_not_continue_the_old_one_stops() {
    let is_refused = |column: TableColumn, article: &Article, why: &str| {
        let text = format!("ALTER TABLE t ALTER COLUMN {} whatever", column.name);
        let said = refused(&history(&[&text], &[column]), article);
        assert!(said.contains(why) && said.contains(&text), "{said}");
    };
    is_refused(column("n", ColumnType::SmallInt), &article(), "column n became smallint");
    is_refused(column("id", ColumnType::BigInt), &article(), "key column id became bigint");
    is_refused(
        TableColumn { column_type: Err("vector".into()), ..column("n", ColumnType::Int) },
        &article(),
        "type vector",
    );
    let mut collated = article();
    collated.columns[2].collation = Some("Latin1_General_CI_AS".into());
    let other = TableColumn { collation: Some("Latin1_General_BIN2".into()), ..table()[2].clone() };
    is_refused(other, &collated, "another collation");
    let filtered = Article { filter: Some("n > 1".into()), ..article() };
    is_refused(column("Text", ColumnType::VarChar(None)), &filtered, "filtered");
}

#[test]
fn a_statement_that_is_not_understood_stops_only_if_it_may_matter() {
    let strange = "ALTER TABLE t DO SOMETHING NEW";
    assert_eq!(history(&[strange], &[]).first(&[&article()], &[]), None);
    let said = refused(&history(&[strange], &[column("n", ColumnType::BigInt)]), &article());
    assert!(said.contains("not understood"), "{said}");
}

#[test]
fn statements_of_one_transaction_count_together() {
    let both = history(
        &["ALTER TABLE t DROP COLUMN price", "ALTER TABLE t ADD price int", "ALTER TABLE t ALTER COLUMN n bigint"],
        &[column("n", ColumnType::BigInt)],
    );
    let Alteration { article: new, changes, ddl, .. } = altered(&both, &article()).unwrap();
    assert_eq!(names(&new), ["id", "n", "Text"]);
    assert_eq!(changes.len(), 2);
    assert!(!ddl.contains("ADD price"), "{ddl}");
}

#[test]
fn where_schema_changes_are_not_replicated_the_definition_changes_all_the_same() {
    let mut drops = history(&["ALTER TABLE t DROP COLUMN price"], &[]);
    drops.unreplicated = vec!["P".into()];
    let Alteration { article: new, changes, .. } = altered(&drops, &article()).unwrap();
    assert_eq!((names(&new), changes), (vec!["id", "n", "Text"], vec![]));
}

/// Statements from before the slice, whose first transaction is at 20, each at its place; the table's columns are these now instead.
fn before(statements: &[(u32, &str)], now: &[TableColumn]) -> History {
    let statement = |(at, text): &(u32, &str)| Statement {
        source: SOURCE,
        lsn: lsn(*at),
        committed_at: 1,
        text: (*text).to_owned(),
    };
    let earlier = Earlier { statements: statements.iter().map(statement).collect(), first: (lsn(20), 5) };
    History { earlier: Some(Box::new(earlier)), ..history(&[], now) }
}

#[test]
fn an_unread_article_becomes_what_earlier_statements_made_of_its_table() {
    let narrower = [column("price", ColumnType::SmallInt), column("Text", ColumnType::NVarChar(Some(5)))];
    let statements = [
        (11, "ALTER TABLE t ALTER COLUMN price decimal(5) NOT NULL"),
        (12, "ALTER TABLE t DROP COLUMN n"),
        (13, "ALTER TABLE t ALTER COLUMN price smallint NOT NULL"),
        (14, "ALTER TABLE t ALTER COLUMN Text nvarchar(5) COLLATE Polish_CI_AS"),
        (15, "ALTER TABLE t ADD more int"),
    ];
    let mut now = before(&statements, &narrower);
    let text = now.columns.values_mut().map(|columns| &mut columns[2]);
    text.for_each(|column| column.collation = Some("Polish_CI_AS".into()));
    let mut old = article();
    old.columns[2].collation = Some("Latin1_General_CI_AS".into());
    assert_eq!(now.first(&[&old], &[ArticleId(8)]), None, "one that is read has followed them");
    let upcoming = now.first(&[&old], &[ArticleId(7)]).unwrap();
    assert_eq!((upcoming.lsn, upcoming.committed_at), (lsn(20), 5));
    let Alteration { article: new, changes, .. } = upcoming.outcome.unwrap().pop().unwrap();
    assert_eq!(changes, [], "nobody has the table as it was before");
    assert_eq!((new.supersedes, new.since), (Some(ArticleId(7)), Some(lsn(20))));
    assert_eq!(names(&new), ["id", "Text", "price"]);
    assert_eq!(
        (new.columns[1].column_type, new.columns[2].column_type),
        (ColumnType::NVarChar(Some(5)), ColumnType::SmallInt)
    );
    assert_eq!(new.columns[1].collation.as_deref(), Some("Polish_CI_AS"));
    assert!(new.columns[1].nullable && !new.columns[2].nullable);
}

#[test]
fn earlier_statements_that_a_definition_knows_or_that_came_before_its_capture_change_nothing() {
    let unread = [ArticleId(7)];
    let mut article = article();
    article.columns[3].nullable = false;
    let known = [
        (11, "ALTER TABLE t DROP COLUMN gone"),
        (12, "ALTER TABLE t ALTER COLUMN price decimal(9, 2) NULL"),
        (13, "ALTER TABLE t ALTER COLUMN price decimal(9, 2) NOT NULL"),
        (14, "ALTER TABLE t ALTER COLUMN id int NOT NULL"),
    ];
    assert_eq!(before(&known, &[]).first(&[&article], &unread), None);
    // Its columns are those that came later under the same names.
    article.capture.start_lsn = lsn(11);
    let dropped = [(11, "ALTER TABLE t DROP COLUMN price")];
    assert_eq!(before(&dropped, &[]).first(&[&article], &unread), None);
    article.capture.start_lsn = lsn(10);
    let upcoming = before(&dropped, &[]).first(&[&article], &unread).unwrap();
    assert_eq!(names(&upcoming.outcome.unwrap()[0].article), ["id", "n", "Text"]);
}

#[test]
fn an_unread_article_follows_what_is_in_the_slice_beside_what_was_before() {
    let mut both = before(
        &[(11, "ALTER TABLE t DROP COLUMN n")],
        &[column("price", ColumnType::Decimal { precision: 12, scale: 2 })],
    );
    both.statements = history(&["ALTER TABLE t ALTER COLUMN price decimal(12, 2) NULL"], &[]).statements;
    let Alteration { article: new, changes, .. } =
        both.first(&[&article()], &[ArticleId(7)]).unwrap().outcome.unwrap().pop().unwrap();
    assert_eq!(names(&new), ["id", "Text", "price"]);
    assert_eq!(changes, [TableChange::AlterColumn { name: "price".into() }]);
    // What cannot be read any more stops, as it would a moment later.
    let key = before(&[(11, "ALTER TABLE t DROP COLUMN id")], &[]).first(&[&article()], &[ArticleId(7)]).unwrap();
    assert!(key.outcome.unwrap_err().to_string().contains("part of the key"));
}
