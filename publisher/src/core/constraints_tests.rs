#![allow(clippy::unwrap_used)]
use super::super::SchemaHistory;
use super::super::switch_tests::{opened_with, to_be_registered};
use super::super::tests::{article, chunks, feed, lsn};
use super::super::{Input, Output, Problem};
use super::*;
use proto::ArticleId;

fn check(id: i32, definition: &str) -> Constraint {
    let rule = Rule::Check { definition: Some(definition.into()), not_for_replication: false };
    Constraint { id, name: format!("ck{id}"), rule, untrusted: false }
}

fn unique(id: i32, column: &str) -> Constraint {
    let rule =
        Rule::Unique { kind: "NONCLUSTERED".into(), ignores_duplicates: false, columns: vec![(column.into(), false)] };
    Constraint { id, name: format!("uq{id}"), rule, untrusted: false }
}

fn foreign_key(id: i32, to: i32, column: &str) -> Constraint {
    let columns = vec![("data".into(), column.into())];
    let rule = Rule::ForeignKey { to, columns, not_for_replication: false };
    Constraint { id, name: format!("fk{id}"), rule, untrusted: false }
}

/// The tables of the first two articles with these constraints; the marker at 20 was written after `seen` was.
fn observed(constraints: [Vec<Constraint>; 2], seen: &[i32]) -> Observed {
    let tables = constraints.into_iter().zip(0..).map(|(constraints, id)| {
        let name = article(id).source;
        (i32::try_from(id).unwrap(), Constrained { name, constraints })
    });
    let columns = BTreeMap::from([(0, vec!["id".into(), "data".into(), "secret".into()])]);
    let constraints = seen.iter().copied().collect();
    Observed {
        tables: tables.collect(),
        columns,
        first: Some((lsn(12), 12_000)),
        marker: Some(Seen { lsn: lsn(20), committed_at: 20_000, constraints }),
    }
}

fn history(observed: Observed) -> SchemaHistory {
    SchemaHistory { observed: Some(observed), ..SchemaHistory::default() }
}

fn knowing(constraints: [Vec<Constraint>; 2]) -> Vec<Article> {
    let article = |(constraints, id)| Article { constraints, ..article(id) };
    constraints.into_iter().zip(0..).map(article).collect()
}

/// What becomes of articles at the first place where anything does.
fn first(articles: &[Article], history: &SchemaHistory) -> Option<(Lsn, Vec<super::super::schema::Alteration>)> {
    let articles: Vec<&Article> = articles.iter().collect();
    history.first(&articles, &[]).map(|upcoming| (upcoming.lsn, upcoming.outcome.unwrap()))
}

fn names(constraints: &[Constraint]) -> Vec<&str> {
    constraints.iter().map(|c| c.name.as_str()).collect()
}

#[test]
fn what_is_gone_goes_at_the_first_transaction_and_what_is_new_comes_at_the_marker() {
    let mut articles = knowing([vec![check(1, "([data]>0x00)")], Vec::new()]);
    let history = history(observed([vec![check(2, "([data]>0x01)"), check(3, "([data]>0x02)")], Vec::new()], &[2]));
    let (place, altered) = first(&articles, &history).unwrap();
    assert_eq!((place, altered.len(), altered[0].article.since), (lsn(12), 1, Some(lsn(12))));
    assert_eq!(altered[0].changes, [TableChange::DropConstraint { name: "ck1".into() }]);
    assert_eq!(altered[0].article.constraints, []);
    articles[0] = Article { id: ArticleId(7), ..altered[0].article.clone() };
    let (place, altered) = first(&articles, &history).unwrap();
    assert_eq!((place, altered[0].article.supersedes), (lsn(20), Some(ArticleId(7))));
    let definition = "CHECK ([data]>0x01)".to_owned();
    assert_eq!(altered[0].changes, [TableChange::AddConstraint { name: "ck2".into(), definition, unchecked: false }]);
    assert_eq!(names(&altered[0].article.constraints), ["ck2"], "the other was not seen before the marker");
    articles[0] = altered[0].article.clone();
    assert_eq!(first(&articles, &history), None);
}

#[test]
fn one_that_was_made_again_or_says_something_else_is_another_one() {
    let known = check(1, "([data]>0x00)");
    for now in [
        Constraint { id: 2, ..known.clone() },
        check(1, "([data]>0x05)"),
        Constraint { name: "other".into(), ..known.clone() },
        Constraint { untrusted: true, ..known.clone() },
    ] {
        let articles = knowing([vec![known.clone()], Vec::new()]);
        let observed = observed([vec![now.clone()], Vec::new()], &[]);
        assert_eq!(observed.unknown(&articles.iter().collect::<Vec<_>>()), BTreeSet::from([now.id]), "{now:?}");
        assert!(observed.outdated(&articles.iter().collect::<Vec<_>>()), "{now:?}");
    }
    // The login may not see what it says any more: no reason to think that it changed.
    let rule = Rule::Check { definition: None, not_for_replication: false };
    let blind = observed([vec![Constraint { rule, ..known.clone() }], Vec::new()], &[]);
    let articles = knowing([vec![known], Vec::new()]);
    assert!(!blind.outdated(&articles.iter().collect::<Vec<_>>()));
    // Nor is anything gone from a table that it does not see.
    let unseen = Observed { first: Some((lsn(12), 0)), ..Observed::default() };
    assert_eq!(first(&articles, &history(unseen)), None);
}

#[test]
fn what_the_subscriber_cannot_have_is_known_and_not_made() {
    let lists = [
        vec![
            check(1, "([secret]>(0))"),
            check(2, "([dbo].[f]([data])>(0))"),
            foreign_key(3, 9, "id"),
            foreign_key(4, 1, "no_key"),
        ],
        Vec::new(),
    ];
    let (_, altered) = first(&knowing([Vec::new(), Vec::new()]), &history(observed(lists, &[1, 2, 3, 4]))).unwrap();
    assert!(altered[0].changes.is_empty() && altered[0].late.is_empty(), "{altered:?}");
    assert_eq!(names(&altered[0].article.constraints), ["ck1", "ck2", "fk3", "fk4"]);
    // What the options do not ask for, and what is on other columns, is of no interest.
    let mut articles = knowing([Vec::new(), Vec::new()]);
    articles[0].options.schema.checks = false;
    assert_eq!(
        first(&articles, &history(observed([vec![check(1, "([data]>0)"), unique(2, "secret")], Vec::new()], &[1, 2]))),
        None
    );
}

#[test]
fn foreign_keys_go_before_and_come_after_the_keys_of_other_tables() {
    let of = |n: i32| [vec![foreign_key(n, 1, "data")], vec![unique(n + 1, "data")]];
    let mut articles = knowing(of(1));
    let mut history = history(observed(of(3), &[3, 4]));
    let (_, altered) = first(&articles, &history).unwrap();
    assert_eq!(altered[0].early, [TableChange::DropConstraint { name: "fk1".into() }]);
    assert_eq!(altered[1].changes, [TableChange::DropConstraint { name: "uq2".into() }]);
    articles = altered.into_iter().map(|a| a.article).collect();
    let (_, altered) = first(&articles, &history).unwrap();
    let definition = "FOREIGN KEY ([data]) REFERENCES [dbo].[t1] ([data])".to_owned();
    assert_eq!(altered[0].late, [TableChange::AddConstraint { name: "fk3".into(), definition, unchecked: false }]);
    assert_eq!(altered[1].changes.len(), 1);
    history.unreplicated.push("P".into());
    let (_, altered) = first(&articles, &history).unwrap();
    assert!(altered.iter().all(|a| a.early.is_empty() && a.changes.is_empty() && a.late.is_empty()));
    assert_eq!(names(&altered[0].article.constraints), ["fk3"], "the definitions follow nevertheless");
}

#[test]
fn they_are_sent_in_that_order_and_in_front_of_the_transaction() {
    let of = |n: i32| [vec![foreign_key(n, 1, "data")], vec![unique(n + 1, "data")]];
    let mut told = history(observed([Vec::new(), Vec::new()], &[]));
    let (mut reader, outputs) = opened_with(knowing(of(1)), told.clone());
    assert_eq!(outputs, [Output::Read { after: lsn(10), up_to: lsn(12).previous().unwrap() }]);
    let outputs = feed(&mut reader, Input::Active(Vec::new(), told.clone()), 0);
    let definitions = to_be_registered(&outputs);
    for (definition, id) in definitions.iter().zip(50..) {
        reader.handle(Input::Altered(Box::new(Article { id: ArticleId(id), ..definition.clone() })), 0);
    }
    told.observed = None;
    let sent = chunks(feed(&mut reader, Input::Active(Vec::new(), told), 0));
    assert_eq!(sent.iter().map(|c| (c.lsn, c.last)).collect::<Vec<_>>(), [(lsn(12), true)]);
    let changes: Vec<_> = sent[0].schema.iter().flat_map(|change| &change.changes).collect();
    let gone = |name: &str| TableChange::DropConstraint { name: name.into() };
    assert_eq!(changes, [&gone("fk1"), &gone("uq2")]);
}

#[test]
fn a_renamed_table_is_followed_unless_the_filter_calls_it_by_its_name() {
    let mut observed = observed([Vec::new(), Vec::new()], &[]);
    let name = TableName { schema: "dbo".into(), table: "new".into() };
    observed.tables.get_mut(&0).unwrap().name = name.clone();
    let mut articles = knowing([Vec::new(), Vec::new()]);
    articles[0].filter = Some("data > 0x05 AND 't0.' <> ''".into());
    let history = history(observed);
    let (_, altered) = first(&articles, &history).unwrap();
    assert_eq!((&altered[0].article.source, &altered[0].article.destination), (&name, &article(0).destination));
    assert!(altered[0].changes.is_empty());
    articles[0].filter = Some("[T0].data > 0x05".into());
    let outcome = history.first(&articles.iter().collect::<Vec<_>>(), &[]).unwrap().outcome;
    assert!(matches!(outcome, Err(Problem::Schema { .. })), "{outcome:?}");
}
