//! Segments as changes, checked against their article: what comes from outside is not trusted.

use super::{Articles, CoreError};
use proto::codec::decode_changes;
use proto::{Article, ArticleOptions, CallFormat, Change, Chunk, Column, Command, Lsn, Segment, Value};
use std::sync::Arc;

/// Calls `take` with each change of a chunk, in the order of the transaction.
pub fn each_change<E: From<CoreError>>(
    chunk: &Chunk,
    articles: &Articles,
    mut take: impl FnMut(&Arc<Article>, Change) -> Result<(), E>,
) -> Result<(), E> {
    for segment in &chunk.segments {
        let article = articles
            .get(segment.article)
            .ok_or_else(|| CoreError::UnknownArticle { article: segment.article.to_string(), lsn: chunk.lsn })?;
        changes_of(segment, article, chunk.lsn, |change| take(article, change))?;
    }
    Ok(())
}

/// Calls `take` with each change of one segment, in order.
pub fn changes_of<E: From<CoreError>>(
    segment: &Segment,
    article: &Article,
    lsn: Lsn,
    mut take: impl FnMut(Change) -> Result<(), E>,
) -> Result<(), E> {
    let layout = Layout::of(article);
    let mut count = 0_u32;
    for change in decode_changes(&segment.payload) {
        let malformed = |detail: String| malformed(article, lsn, detail);
        let change = change.map_err(|e| malformed(e.to_string()))?;
        layout.check(&change).map_err(malformed)?;
        count += 1;
        take(change)?;
    }
    if count != segment.changes {
        let detail = format!("{count} changes where {} were announced", segment.changes);
        return Err(malformed(article, lsn, detail).into());
    }
    Ok(())
}

fn malformed(article: &Article, lsn: Lsn, detail: String) -> CoreError {
    CoreError::Malformed { table: article.destination.to_string(), lsn, detail }
}

struct Layout<'a> {
    columns: &'a [Column],
    key: Vec<usize>,
    options: &'a ArticleOptions,
}

impl<'a> Layout<'a> {
    fn of(article: &'a Article) -> Self {
        Self { columns: &article.columns, key: article.key(), options: &article.options }
    }

    fn check(&self, change: &Change) -> Result<(), String> {
        match change {
            Change::Insert(row) => self.check_row(row),
            Change::Delete(key) => self.check_key(key),
            Change::Update { key, changed } => {
                self.check_key(key)?;
                self.check_changed(changed)
            }
            Change::UpdateKey { key, new_key, changed } => {
                self.check_key(key)?;
                self.check_key(new_key)?;
                self.check_changed(changed)
            }
            Change::UpdateImages { before, after, changed } => {
                match &self.options.update {
                    Command::Call { format: CallFormat::Xcall, .. } => self.check_row(before)?,
                    Command::Call { .. } => self.check_key(before)?,
                    Command::Sql | Command::None => return Err("it has images that no procedure takes".to_owned()),
                }
                let ordered = changed.is_sorted_by(|a, b| a < b);
                if !ordered || changed.last().is_some_and(|last| usize::from(*last) >= self.columns.len()) {
                    return Err("it changes columns that are not there, or out of order".to_owned());
                }
                self.check_row(after)
            }
            Change::DeleteImage(row) => match &self.options.delete {
                Command::Call { format: CallFormat::Xcall, .. } => self.check_row(row),
                _ => Err("it has an image that no procedure takes".to_owned()),
            },
        }
    }

    fn check_changed(&self, changed: &[(u16, Value)]) -> Result<(), String> {
        let mut last = None;
        for (index, value) in changed {
            let column = self.columns.get(usize::from(*index)).ok_or("it changes a column that is not there")?;
            if column.key_ordinal.is_some() || last.is_some_and(|last| last >= *index) {
                return Err("it changes key columns, or columns out of order".to_owned());
            }
            last = Some(*index);
            check_value(column, value)?;
        }
        Ok(())
    }

    fn check_row(&self, row: &[Value]) -> Result<(), String> {
        if row.len() != self.columns.len() {
            return Err(format!("{} values for {} columns", row.len(), self.columns.len()));
        }
        self.columns.iter().zip(row).try_for_each(|(column, value)| check_value(column, value))
    }

    fn check_key(&self, key: &[Value]) -> Result<(), String> {
        if key.len() != self.key.len() || key.is_empty() {
            return Err(format!("{} values for {} key columns", key.len(), self.key.len()));
        }
        self.key.iter().zip(key).try_for_each(|(index, value)| match value {
            Value::Null => Err(format!("key column {} is NULL", self.columns[*index].name)),
            value => check_value(&self.columns[*index], value),
        })
    }
}

fn check_value(column: &Column, value: &Value) -> Result<(), String> {
    if !column.column_type.holds(value) {
        return Err(format!("column {} holds a value that is not {}", column.name, column.column_type));
    }
    if !column.nullable && *value == Value::Null {
        return Err(format!("column {} holds NULL, which it may not", column.name));
    }
    Ok(())
}
