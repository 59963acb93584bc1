//! From rows of a change table to changes of an article: images paired, row filter and column filter applied.

use super::problem::Problem;
use proto::{Article, CallFormat, Change, Command, Row, Value};
use sqlserver::change::{ChangeRow, Operation, Place};

/// Turns an article's change rows, in order, into its changes.
#[derive(Debug)]
pub(super) struct Translator {
    article: Article,
    key: Vec<usize>,
    /// Bits of the article's columns in the update mask.
    ordinals: Vec<u16>,
    /// The first half of an update.
    before: Option<ChangeRow>,
}

impl Translator {
    /// `ordinals` are those of the article's columns in its capture instance.
    pub fn new(article: Article, ordinals: Vec<u16>) -> Self {
        Self { key: article.key(), article, ordinals, before: None }
    }

    pub fn article(&self) -> &Article {
        &self.article
    }

    /// Takes a row and calls `emit` for the change that is complete with it, if any.
    pub fn take(&mut self, row: ChangeRow, mut emit: impl FnMut(Place, Change)) -> Result<(), Problem> {
        let unpaired = "an update without both of its images";
        match row.place.operation {
            Operation::Before => {
                if self.before.is_some() {
                    return Err(self.problem(row.place, unpaired));
                }
                self.before = Some(row);
                return Ok(());
            }
            Operation::After => {
                let before = self.before.take().filter(|before| same_update(before.place, row.place));
                let before = before.ok_or_else(|| self.problem(row.place, unpaired))?;
                return self.update(before, row, emit);
            }
            Operation::Insert | Operation::Delete if self.before.is_some() => {
                return Err(self.problem(row.place, unpaired));
            }
            Operation::Insert | Operation::Delete if !row.published => {}
            Operation::Insert => self.insert(row.values).into_iter().for_each(|change| emit(row.place, change)),
            Operation::Delete => self.delete(row.values).into_iter().for_each(|change| emit(row.place, change)),
        }
        Ok(())
    }

    /// At the end of what there is: no update may be half there.
    pub fn end(&self) -> Result<(), Problem> {
        match &self.before {
            Some(before) => Err(self.problem(before.place, "an update without its after image")),
            None => Ok(()),
        }
    }

    fn update(&self, before: ChangeRow, after: ChangeRow, mut emit: impl FnMut(Place, Change)) -> Result<(), Problem> {
        let key_changed = self.key.iter().any(|i| before.values[*i] != after.values[*i]);
        match (before.published, after.published) {
            (false, false) => {}
            (true, false) => self.delete(before.values).into_iter().for_each(|change| emit(after.place, change)),
            (false, true) => {
                let place = after.place;
                self.insert(self.whole(after)?).into_iter().for_each(|change| emit(place, change));
            }
            (true, true) if self.article.options.update == Command::None => {}
            (true, true) if takes_images(&self.article.options.update) => {
                let changed: Vec<u16> =
                    (0..after.values.len()).filter(|i| self.differs(*i, &before, &after)).map(|i| i as u16).collect();
                if !changed.is_empty() {
                    let place = after.place;
                    let is_xcall =
                        matches!(self.article.options.update, Command::Call { format: CallFormat::Xcall, .. });
                    let before = if is_xcall { before.values } else { self.key_of(&before.values) };
                    emit(place, Change::UpdateImages { before, after: self.whole(after)?, changed });
                }
            }
            (true, true) => {
                let (key, new_key) = (self.key_of(&before.values), self.key_of(&after.values));
                let place = after.place;
                let changed = self.changed(&before, after);
                if key_changed {
                    emit(place, Change::UpdateKey { key, new_key, changed });
                } else if !changed.is_empty() {
                    emit(place, Change::Update { key, changed });
                }
            }
        }
        Ok(())
    }

    /// The columns outside of the key that an update changed, with their new values.
    fn changed(&self, before: &ChangeRow, after: ChangeRow) -> Vec<(u16, Value)> {
        let differs: Vec<bool> = (0..after.values.len()).map(|i| self.differs(i, before, &after)).collect();
        let values = after.values.into_iter().enumerate();
        // An article has at most 1,024 columns, as a table does.
        values.filter(|(i, _)| differs[*i] && !self.key.contains(i)).map(|(i, value)| (i as u16, value)).collect()
    }

    /// Whether an update changed a column. A (max) column that it does not touch is NULL in both images, one that it does touch may be
    /// NULL in the before image: only the mask tells.
    fn differs(&self, column: usize, before: &ChangeRow, after: &ChangeRow) -> bool {
        let is_max = self.article.columns[column].column_type.is_max();
        after.touches(self.ordinals[column]) && (is_max || !before.values[column].is_same(&after.values[column]))
    }

    /// What an insert sends, by the article's command for inserts.
    fn insert(&self, row: Row) -> Option<Change> {
        (self.article.options.insert != Command::None).then_some(Change::Insert(row))
    }

    /// What a delete sends, by the article's command for deletes.
    fn delete(&self, row: Row) -> Option<Change> {
        match &self.article.options.delete {
            Command::None => None,
            Command::Call { format: CallFormat::Xcall, .. } => Some(Change::DeleteImage(row)),
            Command::Sql | Command::Call { .. } => Some(Change::Delete(self.key_of(&row))),
        }
    }

    /// All values of an after image, which must then be there.
    fn whole(&self, after: ChangeRow) -> Result<Row, Problem> {
        for (column, ordinal) in self.article.columns.iter().zip(&self.ordinals) {
            if column.column_type.is_max() && !after.touches(*ordinal) {
                let why = format!(
                    "it came into the filter, or a procedure takes all its columns, and the log does not have the unchanged value of {} {}",
                    column.name, column.column_type
                );
                return Err(self.problem(after.place, &why));
            }
        }
        Ok(after.values)
    }

    fn key_of(&self, values: &[Value]) -> Row {
        self.key.iter().map(|i| values[*i].clone()).collect()
    }

    fn problem(&self, place: Place, why: &str) -> Problem {
        Problem::Change { table: self.article.source.clone(), lsn: place.lsn, why: why.to_owned() }
    }
}

/// Whether an update's procedure takes whole rows.
fn takes_images(update: &Command) -> bool {
    matches!(update, Command::Call { format: CallFormat::Call | CallFormat::Mcall | CallFormat::Xcall, .. })
}

fn same_update(before: Place, after: Place) -> bool {
    (before.lsn, before.command, before.sequence) == (after.lsn, after.command, after.sequence)
}

#[cfg(test)]
#[path = "article_tests.rs"]
mod tests;
