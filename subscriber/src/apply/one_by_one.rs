//! The slow way, which finds the row that fails.

use super::calls::{self, Call};
use super::operations::{delete, insert, move_keys, replace, update};
use super::{Applier, Refused};
use crate::core::CoreError;
use crate::core::decode::each_change;
use crate::core::net::{Compactor, NetUpdate};
use crate::error::{Error, ErrorKind};
use proto::{Article, Change, Chunk, Lsn, Row, Value};
use sqlserver::apply::{Kind, Target, by_values};
use sqlserver::call::call;
use sqlserver::state;
use std::fmt::Write;
use std::sync::Arc;

impl Applier {
    /// Applies chunks in the open transaction: each transaction by its net changes and, where that fails, change by change.
    pub(super) async fn one_by_one(&mut self, chunks: &[Chunk]) -> Result<(), Error> {
        for transaction in chunks.chunk_by(|a, b| a.lsn == b.lsn) {
            let operations = self.prepare(self.net(transaction)?).await?;
            state::save(&mut self.client).await?;
            match self.by_sets(operations).await {
                Ok(()) => {}
                Err(Refused::Other(error)) => return Err(error),
                Err(Refused::Rows(error)) => {
                    if !state::roll_back_to_save(&mut self.client).await? {
                        return Err(error);
                    }
                    self.row_by_row(transaction).await?;
                }
            }
        }
        Ok(())
    }

    /// Applies chunks in the open transaction, change by change.
    pub(super) async fn row_by_row(&mut self, chunks: &[Chunk]) -> Result<(), Error> {
        for chunk in chunks {
            let mut changes: Vec<(Arc<Article>, Change)> = Vec::new();
            each_change(chunk, &self.articles, |article, change| {
                changes.push((article.clone(), change));
                Ok::<(), CoreError>(())
            })?;
            for run in changes.chunk_by(|a, b| a.0.id == b.0.id && comes_or_goes(&a.1) && comes_or_goes(&b.1)) {
                if calls::calls(&run[0].0) || !self.passed_round(run, chunk.lsn).await? {
                    self.each(run, chunk.lsn).await?;
                }
            }
        }
        Ok(())
    }

    /// Rows of one table that were deleted and came back, one after the other, are how an update of unique values arrives. Such values may
    /// have passed from row to row, which only works by one statement. False if that is not so, or it does not work; then
    /// nothing was done.
    async fn passed_round(&mut self, run: &[(Arc<Article>, Change)], lsn: Lsn) -> Result<bool, Error> {
        let mut compactor = Compactor::default();
        for (article, change) in run {
            compactor.add(article, change.clone(), lsn)?;
        }
        let net = compactor.finish();
        if net.iter().all(|net| net.replaced.len() < 2) {
            return Ok(false);
        }
        let operations = self.prepare(net).await?;
        state::save(&mut self.client).await?;
        match self.by_sets(operations).await {
            Ok(()) => Ok(true),
            Err(Refused::Other(error)) => Err(error),
            Err(Refused::Rows(_)) if state::roll_back_to_save(&mut self.client).await? => Ok(false),
            Err(Refused::Rows(error)) => Err(error),
        }
    }

    async fn each(&mut self, changes: &[(Arc<Article>, Change)], lsn: Lsn) -> Result<(), Error> {
        let mut changes = changes.iter().peekable();
        while let Some((article, change)) = changes.next() {
            let target = self.target(article).await?;
            if calls::calls(article) {
                self.by_command(article, &target, change, lsn).await?;
                continue;
            }
            // A delete and an insert of one key, side by side, is how an update of a unique column arrives.
            let change = match changes.next_if(|(_, next)| comes_back(change, next, target.key())) {
                Some((_, insert)) => Single::Replace(insert.clone()),
                None => Single::Change(change.clone()),
            };
            self.single(article, &target, change, lsn).await?;
        }
        Ok(())
    }

    /// Applies a change of an article that has procedures: by the one for its kind, or by a statement where that kind has none.
    async fn by_command(
        &mut self,
        article: &Arc<Article>,
        target: &Target,
        change: &Change,
        lsn: Lsn,
    ) -> Result<(), Error> {
        let Some(Call { procedure, arguments }) = calls::call(article, target.key(), change) else {
            return self.single(article, target, Single::Change(change.clone()), lsn).await;
        };
        let done = call(&mut self.client, procedure, &arguments).await;
        let change = Single::Change(change.clone());
        let verb = format!("passed to procedure {procedure}");
        let refused = Refusal { article, target, change: &change, lsn, verb: &verb, place: self.client.place() };
        match done {
            Err(error) if error.number().is_some() && !error.is_transient() => Err(refused.by_server(error)),
            done => Ok(done?),
        }
    }

    async fn single(&mut self, article: &Article, target: &Target, change: Single, lsn: Lsn) -> Result<(), Error> {
        let (verb, operations) = match change.clone() {
            Single::Replace(Change::Insert(row)) => ("replaced", replace(target, vec![row])),
            Single::Replace(_) => return Ok(()),
            Single::Change(Change::Insert(row)) => ("inserted", vec![insert(vec![row])]),
            Single::Change(Change::Delete(key)) => ("deleted", vec![delete(vec![key])]),
            Single::Change(Change::Update { changed, .. }) if changed.is_empty() => return Ok(()),
            Single::Change(Change::Update { key, changed }) => ("updated", update(vec![NetUpdate { key, changed }])),
            Single::Change(Change::UpdateImages { .. } | Change::DeleteImage(_)) => {
                // Decoding has checked that a procedure takes it.
                let table = article.destination.to_string();
                return Err(CoreError::Malformed { table, lsn, detail: "it is for a procedure".to_owned() }.into());
            }
            Single::Change(Change::UpdateKey { key, new_key, changed }) => {
                let mut moved = move_keys(target, vec![(key, new_key)]);
                moved.set.extend(changed.iter().map(|(column, _)| usize::from(*column)));
                moved.rows[0].extend(changed.into_iter().map(|(_, value)| value));
                ("updated", vec![moved])
            }
        };
        for operation in operations {
            if operation.kind == Kind::Update && operation.set.is_empty() {
                continue;
            }
            let done = by_values(&mut self.client, target, &operation).await;
            let refused = Refusal { article, target, change: &change, lsn, verb, place: self.client.place() };
            match done {
                Ok(1) => {}
                Ok(0) => return Err(refused.error("it is not there")),
                Ok(count) => return Err(refused.error(&format!("{count} rows have this key"))),
                Err(error) if error.number().is_some() && !error.is_transient() => {
                    return Err(refused.by_server(error));
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}

#[derive(Clone)]
enum Single {
    Change(Change),
    /// Deleted and inserted again.
    Replace(Change),
}

fn comes_or_goes(change: &Change) -> bool {
    matches!(change, Change::Delete(_) | Change::Insert(_))
}

fn comes_back(change: &Change, next: &Change, key: &[usize]) -> bool {
    match (change, next) {
        (Change::Delete(deleted), Change::Insert(row)) => {
            key.iter().zip(deleted).all(|(column, value)| row[*column] == *value)
        }
        _ => false,
    }
}

/// A row that could not be applied.
struct Refusal<'a> {
    article: &'a Article,
    target: &'a Target,
    change: &'a Single,
    lsn: Lsn,
    verb: &'a str,
    place: &'a str,
}

impl Refusal<'_> {
    /// For the operator: names the row by its key. Not for logs.
    fn error(&self, why: &str) -> Error {
        Error::new(ErrorKind::Row, self.message(why))
    }

    fn by_server(&self, error: sqlserver::Error) -> Error {
        Error::because(ErrorKind::Row, self.message(error.message()), error)
    }

    fn key_of(&self, row: &Row) -> Row {
        self.target.key().iter().map(|column| row[*column].clone()).collect()
    }

    fn message(&self, why: &str) -> String {
        let (Single::Change(change) | Single::Replace(change)) = self.change;
        let key: Row = match change {
            Change::Insert(row) | Change::DeleteImage(row) => self.key_of(row),
            Change::UpdateImages { before, .. } if before.len() == self.article.columns.len() => self.key_of(before),
            Change::UpdateImages { before: key, .. } => key.clone(),
            Change::Delete(key) | Change::Update { key, .. } | Change::UpdateKey { key, .. } => key.clone(),
        };
        let named = self.target.key().iter().zip(&key);
        let named: Vec<String> =
            named.map(|(column, value)| format!("{} = {}", self.article.columns[*column].name, shown(value))).collect();
        format!(
            "a row of table {} at {} cannot be {}: {why}. Key: {}; position {}. Nothing of this transaction was applied. Correct \
             the row at the subscriber and start it again, or drop the subscription, add it and initialise it anew",
            self.target.name(),
            self.place,
            self.verb,
            named.join(", "),
            self.lsn,
        )
    }
}

/// A key value for the operator.
fn shown(value: &Value) -> String {
    match value {
        Value::Null => "NULL".to_owned(),
        Value::Bit(v) => u8::from(*v).to_string(),
        Value::U8(v) => v.to_string(),
        Value::I16(v) => v.to_string(),
        Value::I32(v) => v.to_string(),
        Value::I64(v) => v.to_string(),
        Value::F32(v) => v.to_string(),
        Value::F64(v) => v.to_string(),
        Value::Decimal { unscaled, scale: 0 } => unscaled.to_string(),
        Value::Decimal { unscaled, scale } => format!("{unscaled}e-{scale}"),
        Value::String(v) => format!("'{}'", v.escape_debug()),
        Value::Bytes(v) => format!("0x{}", hexadecimal(v)),
        Value::Guid(v) => uuid::Uuid::from_bytes(*v).to_string(),
        other => format!("{other:?}"),
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
