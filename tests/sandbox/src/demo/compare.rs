//! Compares the tables of both sides, row by row and value by value.

use super::database::{DATABASE, DemoTable};
use super::sql::{Connection, Server, SqlError};
use futures::TryStreamExt;
use tiberius::{ColumnData, Row};

/// What a comparison found.
pub struct Comparison {
    /// Rows at the publisher (after the article's filter).
    pub rows: u64,
    /// Description of the first differences, by key; no more than [`MOST_DIFFERENCES`].
    pub differences: Vec<String>,
}

/// Differences described a table.
pub const MOST_DIFFERENCES: usize = 5;

/// Compares one table; both sides are read in key order, in step, in constant memory.
pub async fn compare(publisher: &Server, subscriber: &Server, table: &DemoTable) -> Result<Comparison, SqlError> {
    let columns = if table.columns.is_empty() { "*" } else { table.columns };
    let filter = if table.filter.is_empty() { String::new() } else { format!(" WHERE {}", table.filter) };
    let left_sql = format!("SELECT {columns} FROM {}{filter} ORDER BY {}", table.name, table.key);
    let right_sql = format!("SELECT {columns} FROM {} ORDER BY {}", table.name, table.key);
    let (mut left, mut right) = (publisher.connect(DATABASE).await?, subscriber.connect(DATABASE).await?);
    let mut left = left.stream(&left_sql).await?;
    let mut right = right.stream(&right_sql).await?;
    let mut result = Comparison { rows: 0, differences: Vec::new() };
    loop {
        let a = left.try_next().await.map_err(|e| Connection::stream_failed(publisher.name, &left_sql, e))?;
        let b = right.try_next().await.map_err(|e| Connection::stream_failed(subscriber.name, &right_sql, e))?;
        let difference = match (a, b) {
            (None, None) => return Ok(result),
            (Some(a), Some(b)) => {
                result.rows += 1;
                difference(a, b)
            }
            (Some(_), None) => Some(format!("the subscriber ends before row {}", result.rows + 1)),
            (None, Some(_)) => Some(format!("the subscriber has more rows than the publisher's {}", result.rows)),
        };
        if let Some(difference) = difference {
            result.differences.push(difference);
            if result.differences.len() == MOST_DIFFERENCES
                || result.differences.last().is_some_and(|d| d.starts_with("the"))
            {
                return Ok(result);
            }
        }
    }
}

fn difference(a: Row, b: Row) -> Option<String> {
    let names: Vec<String> = a.columns().iter().map(|c| c.name().to_owned()).collect();
    let (a, b): (Vec<ColumnData<'static>>, Vec<ColumnData<'static>>) =
        (a.into_iter().collect(), b.into_iter().collect());
    if a == b {
        return None;
    }
    let differing = names.iter().zip(a.iter().zip(&b)).filter(|(_, (a, b))| a != b);
    let described: Vec<String> = differing.map(|(name, (a, b))| format!("{name}: {a:?} / {b:?}")).collect();
    Some(format!("row {:?}: {}", a.first(), described.join(", ")))
}
