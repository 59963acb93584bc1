//! Compares what two queries give on two servers, row by row and value by value.

use crate::client::{Connection, Server, SqlError};
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

/// One side of a comparison.
pub struct Side<'a> {
    /// Server.
    pub server: &'a Server,
    /// Database.
    pub database: &'a str,
    /// Query with a total order, the same on both sides.
    pub sql: &'a str,
}

/// Compares two queries; both are read in step, in constant memory.
pub async fn compare(publisher: Side<'_>, subscriber: Side<'_>) -> Result<Comparison, SqlError> {
    let (mut left, mut right) =
        (publisher.server.connect(publisher.database).await?, subscriber.server.connect(subscriber.database).await?);
    let mut left = left.stream(publisher.sql).await?;
    let mut right = right.stream(subscriber.sql).await?;
    let mut result = Comparison { rows: 0, differences: Vec::new() };
    loop {
        let a =
            left.try_next().await.map_err(|e| Connection::stream_failed(&publisher.server.name, publisher.sql, e))?;
        let b = right
            .try_next()
            .await
            .map_err(|e| Connection::stream_failed(&subscriber.server.name, subscriber.sql, e))?;
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
