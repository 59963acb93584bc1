use super::tests::*;
use super::*;
use proto::{ArticleId, Change, Column, ColumnType, Marker, TableChange, Value};
use sqlserver::catalog::TableColumn;
use sqlserver::change::ChangeRow;
use std::collections::BTreeMap;
use uuid::Uuid;

/// `data` of the first table is dropped at these transactions, and what of it is added in between is not there any more.
fn dropped(at: &[u32]) -> SchemaHistory {
    let statement = |n: &u32| Statement {
        source: 0,
        lsn: lsn(*n),
        committed_at: i64::from(*n) * 1_000,
        text: "ALTER TABLE t0 DROP COLUMN data".into(),
    };
    SchemaHistory { statements: at.iter().map(statement).collect(), ..SchemaHistory::default() }
}

/// `data` of the second table may hold more from here on.
fn widened(n: u32) -> SchemaHistory {
    let statement = Statement {
        source: 1,
        lsn: lsn(n),
        committed_at: i64::from(n) * 1_000,
        text: "ALTER TABLE t1 ALTER COLUMN data varbinary(max) NOT NULL".into(),
    };
    let data = TableColumn::new("data", Ok(ColumnType::VarBinary(None)));
    SchemaHistory { statements: vec![statement], columns: BTreeMap::from([(1_001, vec![data])]), ..Default::default() }
}

fn with_id(article: &Article, id: u32) -> Box<Article> {
    Box::new(Article { id: ArticleId(id), ..article.clone() })
}

pub(super) fn to_be_registered(outputs: &[Output]) -> Vec<Article> {
    let of = |output: &Output| {
        if let Output::AlterArticle { epoch: 5, article } = output { Some((**article).clone()) } else { None }
    };
    outputs.iter().filter_map(of).collect()
}

/// A slice from 10 to 30 of which this is said.
fn opened(history: SchemaHistory) -> (LogReader, Vec<Output>) {
    let mut reader = reader(Some(lsn(10)));
    let outputs = reader.handle(Input::Captured(Some((lsn(30), TIME))), 0);
    assert_eq!(outputs, [Output::Read { after: lsn(10), up_to: lsn(30) }]);
    let outputs = feed(&mut reader, Input::Active(vec![Source::Article(0)], history), 0);
    (reader, outputs)
}

/// The same with these articles.
pub(super) fn opened_with(articles: Vec<Article>, history: SchemaHistory) -> (LogReader, Vec<Output>) {
    let mut reader = LogReader::new();
    reader.handle(attached(Some(lsn(10)), articles, Vec::new()), 0);
    reader.handle(Input::Instances(vec![instance(0, 10), instance(1, 10)]), 0);
    reader.handle(Input::Captured(Some((lsn(30), TIME))), 0);
    let outputs = feed(&mut reader, Input::Active(vec![Source::Article(0)], history), 0);
    (reader, outputs)
}

/// Gives a slice rows of the first table and ends it.
fn read(reader: &mut LogReader, history: SchemaHistory, rows: Vec<ChangeRow>) -> Vec<Output> {
    let mut outputs = feed(reader, Input::Active(vec![Source::Article(0)], history), 0);
    let times = rows.iter().map(|row| (row.place.lsn, 1)).collect();
    outputs.extend(feed(reader, Input::Commits(times), 0));
    outputs.extend(feed(reader, Input::End(Source::Commits), 0));
    outputs.extend(feed(reader, Input::Changes { article: 0, rows }, 0));
    outputs.extend(feed(reader, Input::End(Source::Article(0)), 0));
    outputs
}

#[test]
fn what_comes_before_a_schema_change_goes_out_before_it_and_the_change_before_what_follows() {
    let (mut reader, outputs) = opened(dropped(&[20]));
    let before = lsn(20).previous().unwrap();
    assert_eq!(outputs, [Output::Read { after: lsn(10), up_to: before }]);
    let generation = reader.generation();
    let outputs = read(&mut reader, SchemaHistory::default(), vec![insert(19, 1, 1)]);
    let definitions = to_be_registered(&outputs);
    assert_eq!(definitions.len(), 1);
    assert_eq!((definitions[0].supersedes, definitions[0].since), (Some(ArticleId(0)), Some(lsn(20))));
    assert!(!outputs.iter().any(|o| matches!(o, Output::Progress { .. })), "there is no transaction to have come to");
    let sent = chunks(outputs);
    assert_eq!(sent.iter().map(|c| (c.lsn, c.segments[0].article)).collect::<Vec<_>>(), [(lsn(19), ArticleId(0))]);

    // Nothing goes on before the definition is durable.
    assert_eq!(reader.handle(Input::Captured(Some((lsn(40), TIME))), 0), []);
    let outputs = reader.handle(Input::Altered(with_id(&definitions[0], 9)), 0);
    assert_eq!(outputs, [Output::Read { after: before, up_to: lsn(30) }]);
    assert!(reader.generation() > generation);
    let mut rows = vec![insert(20, 2, 1), insert(21, 3, 1)];
    rows.iter_mut().for_each(|row| row.values.truncate(1));
    // The statement is found again, as it lies in this slice; it is done.
    let outputs = read(&mut reader, dropped(&[20]), rows);
    assert!(outputs.contains(&Output::Progress { epoch: 5, lsn: lsn(30), committed_at: TIME }));
    let sent = chunks(outputs);
    let shapes: Vec<_> = sent.iter().map(|c| (c.lsn, c.last, c.schema.len(), c.segments[0].article)).collect();
    assert_eq!(shapes, [(lsn(20), true, 1, ArticleId(9)), (lsn(21), true, 0, ArticleId(9))]);
    assert_eq!(sent[0].schema[0].article.id, ArticleId(9));
    assert_eq!(sent[0].schema[0].changes, [TableChange::DropColumn { name: "data".into() }]);
    assert_eq!(inserted(&sent[0]), [2]);
}

#[test]
fn a_schema_change_without_rows_is_a_transaction_of_its_own() {
    let (mut reader, _) = opened(dropped(&[11]));
    let outputs = feed(&mut reader, Input::Active(Vec::new(), SchemaHistory::default()), 0);
    let definitions = to_be_registered(&outputs);
    reader.handle(Input::Altered(with_id(&definitions[0], 9)), 0);
    let outputs = feed(&mut reader, Input::Active(Vec::new(), SchemaHistory::default()), 0);
    let sent = chunks(outputs);
    let shapes: Vec<_> =
        sent.iter().map(|c| (c.lsn, c.last, c.committed_at, c.schema.len(), c.segments.len())).collect();
    assert_eq!(shapes, [(lsn(11), true, 11_000, 1, 0)]);
}

#[test]
fn each_schema_change_of_a_slice_has_its_place() {
    let mut history = dropped(&[15]);
    let wider = widened(20);
    history.statements.extend(wider.statements);
    history.columns = wider.columns;
    let (mut reader, _) = opened(history.clone());
    let outputs = read(&mut reader, SchemaHistory::default(), vec![insert(14, 1, 1)]);
    reader.handle(Input::Altered(with_id(&to_be_registered(&outputs)[0], 9)), 0);
    let outputs = feed(&mut reader, Input::Active(vec![Source::Article(0)], history), 0);
    let (first, second) = (lsn(15).previous().unwrap(), lsn(20).previous().unwrap());
    assert_eq!(outputs, [Output::Read { after: first, up_to: second }], "up to the next one");
    let outputs = feed(&mut reader, Input::Active(Vec::new(), SchemaHistory::default()), 0);
    let definitions = to_be_registered(&outputs);
    assert_eq!(definitions[0].supersedes, Some(ArticleId(1)));
    assert_eq!(chunks(outputs).iter().map(|c| (c.lsn, c.schema.len())).collect::<Vec<_>>(), [(lsn(15), 1)]);
    reader.handle(Input::Altered(with_id(&definitions[0], 10)), 0);
    let outputs = feed(&mut reader, Input::Active(Vec::new(), SchemaHistory::default()), 0);
    assert_eq!(chunks(outputs).iter().map(|c| (c.lsn, c.schema.len())).collect::<Vec<_>>(), [(lsn(20), 1)]);
}

#[test]
fn what_cannot_be_replicated_stops_after_all_that_comes_before() {
    let mut history = dropped(&[20]);
    history.statements[0].text = "ALTER TABLE t0 DROP COLUMN id".into();
    let (mut reader, _) = opened(history);
    let outputs = read(&mut reader, SchemaHistory::default(), vec![insert(19, 1, 1)]);
    assert!(matches!(outputs.last(), Some(Output::Stop(Problem::Schema { .. }))), "{outputs:?}");
    assert_eq!(chunks(outputs).len(), 1);
    assert_eq!(reader.handle(Input::Captured(Some((lsn(99), TIME))), 0), []);
}

#[test]
fn news_of_articles_from_before_a_definition_do_not_undo_it() {
    let (mut reader, _) = opened(dropped(&[11]));
    let outputs = feed(&mut reader, Input::Active(Vec::new(), SchemaHistory::default()), 0);
    let definition = with_id(&to_be_registered(&outputs)[0], 9);
    let stale = vec![article(0), article(1), article(2)];
    assert_eq!(reader.handle(Input::Articles { version: 2, articles: stale.clone() }, 0), []);
    reader.handle(Input::Altered(definition.clone()), 0);
    let outputs = feed(&mut reader, Input::Active(Vec::new(), SchemaHistory::default()), 0);
    assert_eq!(outputs.last(), Some(&Output::Inspect));
    let instances = vec![instance(0, 10), instance(1, 10), instance(2, 10)];
    reader.handle(Input::Instances(instances), 0);
    let ids = |reader: &LogReader| reader.articles().map(|a| a.id.0).collect::<Vec<_>>();
    assert_eq!(ids(&reader), [9, 1, 2]);
    // An article that is gone does not come back.
    reader.handle(Input::Articles { version: 3, articles: vec![article(1)] }, 0);
    reader.handle(Input::Instances(vec![instance(1, 10)]), 0);
    assert_eq!(ids(&reader), [1]);
}

/// At transaction 20, the first table has a further column `more`, read from another instance.
fn extension(nullable: bool) -> Extension {
    let column = |name: &str, nullable, key_ordinal| Column {
        nullable,
        key_ordinal,
        ..Column::new(name, ColumnType::VarBinary(Some(8000)))
    };
    let columns = vec![column("id", false, Some(0)), column("data", false, None), column("more", nullable, None)];
    let captured = vec![("id".into(), 1), ("data".into(), 2), ("more".into(), 3)];
    let instance = CaptureInstance { name: "second".into(), change_table: 1_000, columns: captured, ..instance(0, 12) };
    let (table, unreplicated) = (article(0).source, Vec::new());
    Extension {
        lsn: lsn(20),
        committed_at: 20_000,
        table,
        columns,
        computed: Vec::new(),
        defaults: BTreeMap::new(),
        constraints: Vec::new(),
        instance,
        unreplicated,
    }
}

fn update(id: u32, value: u8) -> (usize, Change) {
    let key = vec![Value::Bytes(id.to_be_bytes().to_vec())];
    (0, Change::Update { key, changed: vec![(2, Value::Bytes(vec![value]))] })
}

/// Up to where the new definition is registered, with what was sent before.
fn extended(nullable: bool) -> (LogReader, Vec<Chunk>) {
    let mut reader = reader(Some(lsn(10)));
    assert_eq!(reader.handle(Input::Planned(Box::new(extension(nullable))), 0), []);
    reader.handle(Input::Captured(Some((lsn(30), TIME))), 0);
    let outputs = feed(&mut reader, Input::Active(vec![Source::Article(0)], SchemaHistory::default()), 0);
    assert_eq!(outputs, [Output::Read { after: lsn(10), up_to: lsn(20).previous().unwrap() }]);
    let outputs = read(&mut reader, SchemaHistory::default(), vec![insert(19, 1, 1)]);
    let definitions = to_be_registered(&outputs);
    assert_eq!((definitions[0].since, definitions[0].capture.instance.as_str()), (Some(lsn(20)), "second"));
    assert!(reader.backfill().is_empty());
    reader.handle(Input::Altered(with_id(&definitions[0], 9)), 0);
    (reader, chunks(outputs))
}

#[test]
fn values_of_new_columns_come_with_the_change_and_before_everything_after_it() {
    let (mut reader, before) = extended(true);
    assert_eq!(before.iter().map(|c| c.lsn).collect::<Vec<_>>(), [lsn(19)]);
    assert_eq!(reader.backfill(), [Backfill { article: 0, columns: vec![(2, Given::Null)] }]);
    let active = vec![Source::Article(0), Source::Markers];
    let mut outputs = feed(&mut reader, Input::Active(active, SchemaHistory::default()), 0);
    assert!(outputs.contains(&Output::Fetch(Source::Backfill)));
    let mut row = insert(21, 5, 1);
    row.values.push(Value::Null);
    let marker = Marker { kind: MarkerKind::Heartbeat, token: Uuid::nil() };
    for input in [
        Input::Commits(vec![(lsn(20), 20_000), (lsn(21), 21_000)]),
        Input::End(Source::Commits),
        Input::Changes { article: 0, rows: vec![row] },
        Input::End(Source::Article(0)),
        Input::Markers(vec![(lsn(20), Some(marker))]),
        Input::End(Source::Markers),
    ] {
        outputs.extend(feed(&mut reader, input, 0));
    }
    assert_eq!(chunks(outputs), [], "nothing goes out before the values are known");
    let mut outputs = feed(&mut reader, Input::Backfill(vec![update(1, 7), update(2, 8)]), 0);
    outputs.extend(feed(&mut reader, Input::End(Source::Backfill), 0));
    let sent = chunks(outputs);
    let shapes: Vec<_> = sent
        .iter()
        .map(|c| (c.lsn, c.part, c.last, c.schema.len(), c.segments.iter().map(|s| s.changes).sum::<u32>()))
        .collect();
    assert_eq!(shapes, [(lsn(20), 0, true, 1, 2), (lsn(21), 0, true, 0, 1)]);
    assert!(sent.iter().flat_map(|c| &c.segments).all(|s| s.article == ArticleId(9)));
}

#[test]
fn a_column_that_cannot_be_null_is_made_so_once_it_has_its_values() {
    let (mut reader, _) = extended(false);
    let mut outputs = feed(&mut reader, Input::Active(vec![Source::Markers], SchemaHistory::default()), 0);
    let marker = Marker { kind: MarkerKind::Heartbeat, token: Uuid::nil() };
    for input in [
        Input::Commits(vec![(lsn(20), 20_000)]),
        Input::End(Source::Commits),
        Input::Backfill(vec![update(1, 7)]),
        Input::Markers(vec![(lsn(20), Some(marker))]),
        Input::End(Source::Markers),
        Input::Backfill(Vec::new()),
        Input::End(Source::Backfill),
    ] {
        outputs.extend(feed(&mut reader, input, 0));
    }
    let sent = chunks(outputs);
    let shapes: Vec<_> =
        sent.iter().map(|c| (c.lsn, c.part, c.last, c.schema[0].changes.clone(), c.segments.len())).collect();
    let add = TableChange::AddColumn { name: "more".into(), default: None, nullable_first: true };
    let alter = TableChange::AlterColumn { name: "more".into() };
    assert_eq!(shapes, [(lsn(20), 0, false, vec![add], 1), (lsn(20), 1, true, vec![alter], 0)]);
}

#[test]
fn an_extension_waits_until_it_is_captured_and_for_statements_before_it() {
    let mut reader = reader(Some(lsn(10)));
    reader.handle(Input::Planned(Box::new(extension(true))), 0);
    reader.handle(Input::Captured(Some((lsn(15), TIME))), 0);
    let outputs = feed(&mut reader, Input::Active(Vec::new(), SchemaHistory::default()), 0);
    assert_eq!(outputs, [Output::Progress { epoch: 5, lsn: lsn(15), committed_at: TIME }, Output::Poll { idle: 0 }]);
    reader.handle(Input::Captured(Some((lsn(30), TIME))), 0);
    // Another change comes first; it is not lost, and neither is the extension.
    let outputs = feed(&mut reader, Input::Active(Vec::new(), widened(18)), 0);
    assert_eq!(outputs, [Output::Read { after: lsn(15), up_to: lsn(18).previous().unwrap() }]);
    let outputs = feed(&mut reader, Input::Active(Vec::new(), SchemaHistory::default()), 0);
    reader.handle(Input::Altered(with_id(&to_be_registered(&outputs)[0], 8)), 0);
    let outputs = feed(&mut reader, Input::Active(Vec::new(), widened(18)), 0);
    assert_eq!(outputs, [Output::Read { after: lsn(18).previous().unwrap(), up_to: lsn(20).previous().unwrap() }]);
    let outputs = feed(&mut reader, Input::Active(Vec::new(), SchemaHistory::default()), 0);
    assert_eq!(to_be_registered(&outputs)[0].supersedes, Some(ArticleId(0)));
}

#[test]
fn an_extension_at_the_place_of_a_statement_is_left_to_another_marker() {
    let mut reader = reader(Some(lsn(10)));
    reader.handle(Input::Planned(Box::new(extension(true))), 0);
    reader.handle(Input::Captured(Some((lsn(30), TIME))), 0);
    feed(&mut reader, Input::Active(Vec::new(), widened(20)), 0);
    let outputs = feed(&mut reader, Input::Active(Vec::new(), SchemaHistory::default()), 0);
    let definitions = to_be_registered(&outputs);
    assert_eq!(definitions.iter().map(|d| d.supersedes).collect::<Vec<_>>(), [Some(ArticleId(1))]);
    reader.handle(Input::Altered(with_id(&definitions[0], 8)), 0);
    let outputs = feed(&mut reader, Input::Active(Vec::new(), widened(20)), 0);
    assert_eq!(to_be_registered(&outputs), [], "what the statement did would have no place");
    let sent = chunks(outputs);
    assert_eq!(sent.iter().map(|c| (c.lsn, c.schema[0].article.id)).collect::<Vec<_>>(), [(lsn(20), ArticleId(8))]);
}
