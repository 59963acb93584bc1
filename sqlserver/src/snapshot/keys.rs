//! Ranges of keys in T-SQL: what is true of the rows in one, and where a table is to be cut into some.

use crate::client::{Client, Parameter};
use crate::error::{Error, ErrorKind};
use crate::predicate::{Predicate, alias};
use crate::quote;
use crate::value::{has_code_page_1252, select_expression};
use proto::snapshot::compare;
use proto::{Article, Column, ColumnType, KeyRange, Row, TableName, Value};
use std::cmp::Ordering;

/// Columns of a bound at most: as many as one can be kept of by subscribers. Rows whose keys differ in later columns alone stay together.
const BOUND_COLUMNS: usize = 8;
/// Could not continue scan with NOLOCK due to data movement.
const DATA_MOVED: u32 = 601;
/// How often it is looked, at most, where rows move meanwhile.
const GLANCES: usize = 5;

/// What is true of a key column of some of a range's rows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Condition<'a> {
    /// Which of the key's columns.
    column: usize,
    operator: &'static str,
    bound: &'a Value,
}

/// Sets of conditions: a row of the range fulfils all of exactly one set, any other row of none. Each is what one index seek finds,
/// where a single condition for all, with its OR, would have the index read from the first value of the first column on.
///
/// That holds for any order that the server has: values that only it can compare may be the same to it though they are not to us.
pub(super) fn seeks(range: &KeyRange) -> Vec<Vec<Condition<'_>>> {
    from_column(0, &range.lower, &range.upper)
}

fn from_column<'a>(column: usize, lower: &'a [Value], upper: &'a [Value]) -> Vec<Vec<Condition<'a>>> {
    let is = |operator, bound| Condition { column, operator, bound };
    // Those with the first values, of which the other columns decide.
    let with = |first: &[Condition<'a>], lower, upper| {
        let mut rest = from_column(column + 1, lower, upper);
        for conditions in &mut rest {
            conditions.splice(0..0, first.iter().copied());
        }
        rest
    };
    match (lower, upper) {
        ([], []) => vec![Vec::new()],
        ([from], []) => vec![vec![is(">=", from)]],
        ([], [to]) => vec![vec![is("<", to)]],
        ([from, rest @ ..], []) => [with(&[is("=", from)], rest, &[]), vec![vec![is(">", from)]]].concat(),
        ([], [to, rest @ ..]) => [vec![vec![is("<", to)]], with(&[is("=", to)], &[], rest)].concat(),
        ([from, from_rest @ ..], [to, to_rest @ ..]) => {
            let order = if from == to { Some(Ordering::Equal) } else { compare(from, to) };
            // An upper bound without more columns ends before all keys that begin with its value.
            let has_some_of_last = !to_rest.is_empty();
            if order == Some(Ordering::Equal) {
                return if has_some_of_last { with(&[is("=", from)], from_rest, to_rest) } else { Vec::new() };
            }
            let mut seeks = Vec::new();
            if from_rest.is_empty() {
                seeks.push(vec![is(">=", from), is("<", to)]);
            } else {
                seeks.extend(with(&[is("=", from), is("<", to)], from_rest, &[]));
                seeks.push(vec![is(">", from), is("<", to)]);
            }
            if has_some_of_last {
                seeks.extend(with(&[is("=", to), is(">", from)], &[], to_rest));
                if order.is_none() {
                    seeks.extend(with(&[is("=", from), is("=", to)], from_rest, to_rest));
                }
            }
            seeks
        }
    }
}

/// The conditions of one set, in T-SQL.
pub(super) fn conditions<'a>(
    key: &[&Column],
    set: &[Condition<'a>],
    parameters: &mut Vec<Parameter<'a>>,
) -> Vec<String> {
    let text = |condition: &Condition<'a>| {
        let column = key.get(condition.column)?;
        parameters.push(Parameter::typed(condition.bound, column.column_type));
        let name = quote::identifier(&column.name);
        // Of the column's own type, so that an index is searched by it.
        Some(format!("{name} {} CAST(@P{} AS {})", condition.operator, parameters.len(), column.column_type))
    };
    set.iter().filter_map(text).collect()
}

/// The smallest and the largest value of an article's first key column that there is in this range of its values; `None` if there is none.
/// They are taken at a glance, an index seek each, without waiting for anybody's locks: a value may be that of a transaction that is rolled
/// back. <https://learn.microsoft.com/sql/t-sql/queries/hints-transact-sql-table>
pub async fn key_bounds(
    client: &mut Client,
    source: &TableName,
    key: &Column,
    range: &KeyRange,
) -> Result<Option<(Value, Value)>, Error> {
    let what = format!("asking for the range of the keys of {source}");
    let mut parameters = Vec::new();
    let Some(set) = seeks(range).into_iter().next() else { return Ok(None) };
    let conditions = conditions(&[key], &set, &mut parameters);
    let only = if conditions.is_empty() { String::new() } else { format!(" WHERE {}", conditions.join(" AND ")) };
    let mut ends = Vec::with_capacity(2);
    for order in ["ASC", "DESC"] {
        let sql = format!(
            "SELECT TOP (1) {} FROM {} WITH (NOLOCK){only} ORDER BY {} {order}",
            select_expression(key),
            quote::table(source),
            quote::identifier(&key.name)
        );
        ends.extend(glance(client, &what, &sql, &parameters).await?.into_iter().flatten());
    }
    Ok(<[Value; 2]>::try_from(ends).ok().map(|[first, last]| (first, last)))
}

/// Keys that lie so many rows apart, in the server's order, of the rows for which the filter is true. The server reads an index once for it,
/// or the table, without waiting for anybody's locks. None where bounds of this key cannot be told to the server again as they are.
/// <https://learn.microsoft.com/sql/t-sql/functions/row-number-transact-sql>
pub async fn key_cuts(
    client: &mut Client,
    article: &Article,
    predicate: Option<&Predicate>,
    rows_apart: u64,
) -> Result<Vec<Vec<Value>>, Error> {
    let what = format!("asking where the keys of {} are to be cut", article.source);
    let mut key: Vec<&Column> = article.key().into_iter().map(|i| &article.columns[i]).take(BOUND_COLUMNS).collect();
    let collation = match key.iter().any(|column| has_code_page(column.column_type)) {
        true => database_collation(client, &what).await?,
        false => None,
    };
    let faithful = key.iter().take_while(|column| is_faithful(column, collation.as_deref())).count();
    key.truncate(faithful);
    if key.is_empty() {
        return Ok(Vec::new());
    }
    let selected: Vec<String> =
        (0..).zip(&key).map(|(i, column)| format!("{} AS k{i}", select_expression(column))).collect();
    let names: Vec<String> = (0..key.len()).map(|i| format!("k{i}")).collect();
    let order: Vec<String> = key.iter().map(|column| quote::identifier(&column.name)).collect();
    let only = predicate.map(|p| format!(" WHERE ({})", p.text())).unwrap_or_default();
    let sql = format!(
        "SELECT {} FROM (SELECT {}, ROW_NUMBER() OVER (ORDER BY {}) - 1 AS place FROM {} AS {} WITH (NOLOCK){only}) AS numbered \
         WHERE place > 0 AND place % @P1 = 0 ORDER BY place",
        names.join(", "),
        selected.join(", "),
        order.join(", "),
        quote::table(&article.source),
        alias(&article.source)
    );
    let rows_apart = i64::try_from(rows_apart.max(1)).unwrap_or(i64::MAX);
    glance(client, &what, &sql, &[rows_apart.into()]).await
}

/// What a query finds without waiting for anybody's locks. Rows that others move meanwhile can keep the server from going on (error 601,
/// <https://learn.microsoft.com/sql/relational-databases/errors-events/mssqlserver-601-database-engine-error>): then it looks again.
async fn glance(client: &mut Client, what: &str, sql: &str, parameters: &[Parameter<'_>]) -> Result<Vec<Row>, Error> {
    for _ in 1..GLANCES {
        match client.query(what, sql, parameters).await {
            Err(error) if error.number() == Some(DATA_MOVED) => {}
            answer => return answer,
        }
    }
    client.query(what, sql, parameters).await
}

/// Whether values of a type are of a code page.
fn has_code_page(column_type: ColumnType) -> bool {
    matches!(column_type, ColumnType::Char(_) | ColumnType::VarChar(_))
}

/// Whether a value of a column that is sent to the server is there what it was. What is cast to `varchar` takes the code page of the
/// database (<https://learn.microsoft.com/sql/t-sql/functions/cast-and-convert-transact-sql>).
fn is_faithful(column: &Column, database_collation: Option<&str>) -> bool {
    use ColumnType as T;
    match column.column_type {
        T::Char(_) | T::VarChar(Some(_)) => {
            let own = column.collation.as_deref();
            let latin = [own, database_collation].into_iter().all(has_code_page_1252);
            own.is_some() && (own == database_collation || latin)
        }
        T::NChar(_) | T::NVarChar(Some(_)) | T::Binary(_) | T::VarBinary(Some(_)) | T::Real | T::Float => true,
        column_type => proto::snapshot::is_ordered(column_type),
    }
}

/// <https://learn.microsoft.com/sql/t-sql/functions/databasepropertyex-transact-sql>
async fn database_collation(client: &mut Client, what: &str) -> Result<Option<String>, Error> {
    const SQL: &str = "SELECT CAST(DATABASEPROPERTYEX(DB_NAME(), 'Collation') AS nvarchar(128))";
    match client.query(what, SQL, &[]).await?.pop().and_then(|mut row| row.pop()) {
        Some(Value::String(name)) => Ok(Some(name)),
        Some(Value::Null) => Ok(None),
        _ => Err(client.error(ErrorKind::Type, what, "the server did not say which collation the database has")),
    }
}

#[cfg(test)]
#[path = "keys_tests.rs"]
mod tests;
