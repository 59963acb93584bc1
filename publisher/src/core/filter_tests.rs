#![allow(clippy::unwrap_used)]
use super::super::schema::{History, Statement};
use super::*;
use proto::{Capture, Column, ColumnType, TableName};
use uuid::Uuid;

fn lsn(n: u32) -> Lsn {
    Lsn::new(1, n, 1)
}

fn name(table: &str) -> TableName {
    TableName { schema: "dbo".into(), table: table.into() }
}

fn article(filter: Option<&str>) -> Article {
    let id = Column { key_ordinal: Some(0), nullable: false, ..Column::new("id", ColumnType::Int) };
    let columns = vec![id, Column::new("n", ColumnType::Int), Column::new("gone", ColumnType::Int)];
    let capture = Capture { instance: "i".into(), change_table: 2, source: 1, start_lsn: lsn(1) };
    let filter = filter.map(str::to_owned);
    Article { id: ArticleId(7), filter, ..Article::new("P", name("t"), columns, capture) }
}

fn switch(at: u32, before: Option<&str>, filter: Option<&str>) -> FilterSwitch {
    let change = FilterChange {
        token: Uuid::from_u128(u128::from(at)),
        publication: "p".into(),
        source: name("t"),
        before: before.map(str::to_owned),
        filter: filter.map(str::to_owned),
    };
    FilterSwitch { lsn: lsn(at), committed_at: i64::from(at), change }
}

fn drops_column(at: u32) -> History {
    let text = "ALTER TABLE t DROP COLUMN gone".to_owned();
    let statement = Statement { source: 1, lsn: lsn(at), committed_at: i64::from(at), text };
    History { statements: vec![statement], ..History::default() }
}

fn outside(filter: &str) -> TableChange {
    TableChange::DeleteRowsOutside { filter: filter.into() }
}

#[test]
fn a_filter_changes_at_its_marker_and_the_rows_outside_go() {
    let article = article(Some("n > 1"));
    let upcoming = with_filters(None, &[switch(20, Some("n > 1"), Some("n > 5"))], &[&article]).unwrap();
    assert_eq!((upcoming.lsn, upcoming.committed_at), (lsn(20), 20));
    let [new] = &upcoming.outcome.unwrap()[..] else { panic!("one article is altered") };
    let expected = Article {
        id: ArticleId(0),
        supersedes: Some(ArticleId(7)),
        since: Some(lsn(20)),
        filter: Some("n > 5".into()),
        ..article
    };
    assert_eq!((&new.article, &new.changes[..]), (&expected, &[outside("n > 5")][..]));
    assert_eq!(new.ddl, "publisher article set --table dbo.t --filter \"n > 5\"");
}

#[test]
fn without_a_filter_no_row_is_outside() {
    let article = article(Some("n > 1"));
    let upcoming = with_filters(None, &[switch(20, Some("n > 1"), None)], &[&article]).unwrap();
    let [new] = &upcoming.outcome.unwrap()[..] else { panic!("one article is altered") };
    assert_eq!((&new.article.filter, &new.changes[..]), (&None, &[][..]));
    assert!(new.ddl.ends_with("--no-filter"));
}

#[test]
fn an_article_that_leaves_deletes_out_leaves_these_out_too() {
    let mut article = article(None);
    article.options.delete = Command::None;
    let upcoming = with_filters(None, &[switch(20, None, Some("n > 5"))], &[&article]).unwrap();
    let [new] = &upcoming.outcome.unwrap()[..] else { panic!("one article is altered") };
    assert_eq!((new.article.filter.as_deref(), &new.changes[..]), (Some("n > 5"), &[][..]));
}

#[test]
fn nothing_happens_for_another_article_another_filter_or_a_second_time() {
    let there = article(Some("n > 1"));
    let mut elsewhere = switch(20, Some("n > 1"), Some("n > 5"));
    elsewhere.change.publication = "q".into();
    let mut other_table = switch(20, Some("n > 1"), Some("n > 5"));
    other_table.change.source = name("u");
    for (switch, why) in [
        (elsewhere, "another publication"),
        (other_table, "another table"),
        (switch(20, None, Some("n > 5")), "counted against no filter"),
        (switch(20, Some("n > 0"), Some("n > 5")), "counted against another filter"),
    ] {
        assert!(with_filters(None, &[switch], &[&there]).is_none(), "{why}");
    }
    // The same filters in turn, so that only its place tells that it was carried out.
    let carried_out = Article { since: Some(lsn(20)), ..there };
    assert!(with_filters(None, &[switch(20, Some("n > 1"), Some("n > 5"))], &[&carried_out]).is_none());
    assert!(with_filters(None, &[switch(21, Some("n > 1"), Some("n > 5"))], &[&carried_out]).is_some());
}

#[test]
fn statements_and_filters_take_effect_in_the_order_of_the_log() {
    let article = article(Some("n > 1"));
    let filters = [switch(20, Some("n > 1"), Some("n > 5"))];
    let first = |at| with_filters(drops_column(at).first(&[&article], &[]), &filters, &[&article]).unwrap();
    let before = first(19);
    assert_eq!(before.lsn, lsn(19));
    assert_eq!(before.outcome.unwrap()[0].article.filter.as_deref(), Some("n > 1"));
    let after = first(21);
    assert_eq!(after.lsn, lsn(20));
    assert_eq!(after.outcome.unwrap()[0].article.columns.len(), 3);
    // In one place both: one definition, not two of which the second would take the place of something that is gone.
    let [both] = &first(20).outcome.unwrap()[..] else { panic!("one article is altered") };
    assert_eq!((both.article.columns.len(), both.article.filter.as_deref()), (2, Some("n > 5")));
    assert_eq!(both.changes, [TableChange::DropColumn { name: "gone".into() }, outside("n > 5")]);
    assert_eq!(both.article.supersedes, Some(ArticleId(7)));
    assert!(both.ddl.starts_with("ALTER TABLE t DROP COLUMN gone;\n"));
}
