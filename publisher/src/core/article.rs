//! From rows of a change table to changes of an article: images paired, row filter and column filter applied.

use super::problem::Problem;
use proto::{Article, Change, Row, Value};
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
            Operation::Insert => emit(row.place, Change::Insert(row.values)),
            Operation::Delete => emit(row.place, Change::Delete(self.key_of(&row.values))),
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
            (true, false) => emit(after.place, Change::Delete(self.key_of(&before.values))),
            (false, true) => emit(after.place, Change::Insert(self.whole(after)?)),
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
        let touched: Vec<bool> = self.ordinals.iter().map(|ordinal| after.touches(*ordinal)).collect();
        let mut changed = Vec::new();
        for (i, value) in after.values.into_iter().enumerate() {
            // A (max) column that an update does not touch is NULL in both images, one that it does touch may be NULL in the
            // before image: only the mask tells.
            let differs = self.article.columns[i].column_type.is_max() || !before.values[i].is_same(&value);
            if touched[i] && differs && !self.key.contains(&i) {
                // An article has at most 1,024 columns, as a table does.
                changed.push((i as u16, value));
            }
        }
        changed
    }

    /// All values of an after image, which must then be there.
    fn whole(&self, after: ChangeRow) -> Result<Row, Problem> {
        for (column, ordinal) in self.article.columns.iter().zip(&self.ordinals) {
            if column.column_type.is_max() && !after.touches(*ordinal) {
                let why = format!(
                    "it came into the filter, and the log does not have the unchanged value of {} {}",
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

fn same_update(before: Place, after: Place) -> bool {
    (before.lsn, before.command, before.sequence) == (after.lsn, after.command, after.sequence)
}

#[cfg(test)]
#[path = "article_tests.rs"]
mod tests;
