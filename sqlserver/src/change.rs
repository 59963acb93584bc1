//! Reading change tables.

use crate::cdc::change_table;
use crate::client::{Client, Parameter, RowStream};
use crate::error::Error;
use crate::narrow::narrowed;
use crate::predicate::{Predicate, alias};
use crate::value::select_expression;
use crate::variant;
use proto::{Article, ColumnType, Lsn, Row, Value};

/// What a row of a change table says happened
/// (<https://learn.microsoft.com/sql/relational-databases/system-tables/cdc-capture-instance-ct-transact-sql>).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Operation {
    /// 1: a row that was deleted.
    Delete,
    /// 2: a row that was inserted.
    Insert,
    /// 3: a row before its update.
    Before,
    /// 4: a row after its update.
    After,
}

/// Place of a change within the log: commit LSN, then order within the transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// `__$start_lsn`.
    pub lsn: Lsn,
    /// `__$command_id`.
    pub command: i32,
    /// `__$seqval`.
    pub sequence: Lsn,
    /// `__$operation`.
    pub operation: Operation,
}

/// A row of an article's change table.
#[derive(Debug, Clone, PartialEq)]
pub struct ChangeRow {
    /// Where.
    pub place: Place,
    /// `__$update_mask`: bit `n` of the last byte is the captured column of ordinal `n + 1`, and so on towards the front.
    pub mask: Vec<u8>,
    /// Whether the article's filter is true for it.
    pub published: bool,
    /// Values of the article's columns, in their order.
    pub values: Row,
}

impl ChangeRow {
    /// Whether the mask has the captured column of this ordinal (from 1).
    /// <https://learn.microsoft.com/sql/relational-databases/system-functions/sys-fn-cdc-is-bit-set-transact-sql>
    pub fn touches(&self, ordinal: u16) -> bool {
        let Some(bit) = usize::from(ordinal).checked_sub(1) else { return false };
        let byte = self.mask.len().checked_sub(1 + bit / 8).and_then(|i| self.mask.get(i));
        byte.is_some_and(|byte| byte & (1 << (bit % 8)) != 0)
    }
}

/// Columns before those of the article.
const LEADING: usize = 6;

/// The changes of an article by transactions in `(after, up_to]`, in order. Decode with [`decode`].
///
/// The order within a transaction is command, then sequence, then operation; Microsoft says that the sequence alone must not be
/// used. <https://learn.microsoft.com/sql/relational-databases/system-tables/cdc-capture-instance-ct-transact-sql>
pub async fn stream<'a>(
    client: &'a mut Client,
    article: &Article,
    predicate: Option<&Predicate>,
    after: Lsn,
    up_to: Lsn,
) -> Result<RowStream<'a>, Error> {
    let sql = select(article, predicate, None, "[__$start_lsn] > CAST(@P2 AS binary(10))");
    client.stream(WHAT, &sql, &[up_to.into(), after.into()]).await
}

/// The first `rows` changes of an article that come after a place, by transactions up to `up_to`, in order.
/// <https://learn.microsoft.com/sql/relational-databases/system-tables/cdc-capture-instance-ct-transact-sql>
pub async fn page<'a>(
    client: &'a mut Client,
    article: &Article,
    predicate: Option<&Predicate>,
    after: Place,
    up_to: Lsn,
    rows: u32,
) -> Result<RowStream<'a>, Error> {
    const AFTER: &str = "[__$start_lsn] >= CAST(@P2 AS binary(10)) AND ([__$start_lsn] > CAST(@P2 AS binary(10)) \
        OR [__$command_id] > @P3 OR ([__$command_id] = @P3 AND ([__$seqval] > CAST(@P4 AS binary(10)) \
        OR ([__$seqval] = CAST(@P4 AS binary(10)) AND [__$operation] > @P5))))";
    let sql = select(article, predicate, Some(rows), AFTER);
    let parameters: [Parameter<'_>; 5] = [
        up_to.into(),
        after.lsn.into(),
        after.command.into(),
        after.sequence.into(),
        (after.operation as i32 + 1).into(),
    ];
    client.stream(WHAT, &sql, &parameters).await
}

const WHAT: &str = "reading changes";

fn select(article: &Article, predicate: Option<&Predicate>, top: Option<u32>, after: &str) -> String {
    let columns: Vec<String> = article.columns.iter().map(select_expression).collect();
    let top = top.map(|rows| format!("TOP ({rows}) ")).unwrap_or_default();
    let published = match predicate {
        Some(predicate) => format!("CASE WHEN ({}) THEN 1 ELSE 0 END", predicate.text()),
        None => "1".to_owned(),
    };
    format!(
        "SELECT {top}[__$start_lsn], [__$command_id], [__$seqval], [__$operation], [__$update_mask], {published}, {} \
         FROM {} AS {} WHERE [__$start_lsn] <= CAST(@P1 AS binary(10)) AND {after} \
         ORDER BY [__$start_lsn], [__$command_id], [__$seqval], [__$operation]",
        columns.join(", "),
        change_table(&article.capture.instance),
        alias(&article.source),
    )
}

/// A row of [`stream`] or [`page`]; the error names the column that is not of the article's type.
pub fn decode(mut row: Row, article: &Article) -> Result<ChangeRow, String> {
    if row.len() != LEADING + article.columns.len() {
        return Err(format!("{} columns where {} were asked for", row.len(), LEADING + article.columns.len()));
    }
    // What is left of the row are the values: no second allocation for each row.
    let mut leading = [const { Value::Null }; LEADING];
    leading.iter_mut().zip(row.drain(..LEADING)).for_each(|(place, value)| *place = value);
    let mut values = row;
    let [
        Value::Bytes(lsn),
        Value::I32(command),
        Value::Bytes(sequence),
        Value::I32(operation),
        mask,
        Value::I32(published),
    ] = leading
    else {
        return Err("the change table's own columns are not as documented".to_owned());
    };
    let lsn_of = |bytes: Vec<u8>| Lsn::try_from(&bytes[..]).map_err(|e| e.to_string());
    let operation = match operation {
        1 => Operation::Delete,
        2 => Operation::Insert,
        3 => Operation::Before,
        4 => Operation::After,
        other => return Err(format!("__$operation is {other}")),
    };
    for (column, value) in article.columns.iter().zip(&mut values) {
        let as_it_was = narrowed(std::mem::replace(value, Value::Null), column.column_type);
        *value = as_it_was.ok_or_else(|| format!("column {} is no longer {}", column.name, column.column_type))?;
        if let (ColumnType::SqlVariant, Value::String(text)) = (column.column_type, &*value) {
            variant::parse(text).map_err(|why| format!("column {}: {why}", column.name))?;
        }
    }
    Ok(ChangeRow {
        place: Place { lsn: lsn_of(lsn)?, command, sequence: lsn_of(sequence)?, operation },
        mask: if let Value::Bytes(mask) = mask { mask } else { Vec::new() },
        published: published == 1,
        values,
    })
}

/// Captured transactions in `(after, up_to]` in commit order: commit LSN and end time. Decode with [`decode_commit`]. Rows of
/// transaction 0x00 only say that time passed.
/// <https://learn.microsoft.com/sql/relational-databases/system-tables/cdc-lsn-time-mapping-transact-sql>
pub async fn commits<'a>(client: &'a mut Client, after: Lsn, up_to: Lsn) -> Result<RowStream<'a>, Error> {
    const SQL: &str = "SELECT start_lsn, tran_end_time FROM cdc.lsn_time_mapping \
        WHERE start_lsn > CAST(@P1 AS binary(10)) AND start_lsn <= CAST(@P2 AS binary(10)) AND tran_id <> 0x00 \
        ORDER BY start_lsn";
    client.stream("reading the times of commits", SQL, &[after.into(), up_to.into()]).await
}

/// A row of [`commits`]: LSN and microseconds since 1970-01-01 in the server's local time.
pub fn decode_commit(row: Row) -> Option<(Lsn, i64)> {
    const DAYS_1900_TO_1970: i64 = 25_567;
    const MICROSECONDS_A_DAY: i64 = 86_400_000_000;
    let [Value::Bytes(lsn), time] = &row[..] else { return None };
    let time = match time {
        Value::DateTime { days, ticks } => {
            (i64::from(*days) - DAYS_1900_TO_1970) * MICROSECONDS_A_DAY + i64::from(*ticks) * 10_000 / 3
        }
        Value::Null => 0,
        _ => return None,
    };
    Some((Lsn::try_from(&lsn[..]).ok()?, time))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn row(mask: &[u8]) -> ChangeRow {
        let place = Place { lsn: Lsn::ZERO, command: 1, sequence: Lsn::ZERO, operation: Operation::After };
        ChangeRow { place, mask: mask.to_vec(), published: true, values: Vec::new() }
    }

    #[test]
    fn the_last_byte_of_a_mask_holds_the_first_columns() {
        let touched = |mask: &[u8]| (0..=20).filter(|n| row(mask).touches(*n)).collect::<Vec<u16>>();
        // Ordinal 0 does not exist; it must not be taken for the first column's.
        assert_eq!(touched(&[0x02]), [2]);
        assert_eq!(touched(&[0x01, 0x80]), [8, 9]);
        assert_eq!(touched(&[]), Vec::<u16>::new());
    }

    #[test]
    fn commit_times_count_from_1970() {
        let commit = |days, ticks| {
            let lsn = Value::Bytes(Lsn::new(1, 2, 3).to_bytes().to_vec());
            decode_commit(vec![lsn, Value::DateTime { days, ticks }]).unwrap().1
        };
        assert_eq!(commit(25_567, 0), 0);
        // 2024-01-01 00:00:01
        assert_eq!(commit(45_290, 300), 1_704_067_201_000_000);
    }
}
