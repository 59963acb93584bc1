//! What the snapshot contains of each article: ranges of keys, each up to a position of its own.
//!
//! A snapshot that went on after an interruption, and an article that joined later, leave the tables as of several positions. The stream
//! begins at the earliest, and applies to each range only what comes after that range's *boundary*. Past the last boundary all of them
//! are as the publisher was at one moment, and nothing here has anything to do any more.
//!
//! Between the boundaries of an article a change is looked at: it is kept if the range of its key is older than it. A row that moves from one
//! range to another may be needed by one of them only:
//!
//! | older than the change | of the move is left |
//! |---|---|
//! | both ranges | all of it |
//! | neither | nothing |
//! | that of the key before | a delete: the row as it is then stands in the other range already |
//! | that of the key after | an insert; not possible if the change does not carry the whole row, which then is nowhere |

use super::decode::changes_of;
use super::net::key_column_names;
use super::{Articles, CoreError};
use proto::codec::encode_change;
use proto::{Article, ArticleId, CallFormat, Change, Command, KeyRange, Lsn, Row, Segment, Value};
use std::collections::HashMap;
use std::sync::Arc;

/// A range of an article's keys, and the position up to which the snapshot contains it.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    /// The keys.
    pub range: KeyRange,
    /// Every change up to here is contained, none after it.
    pub boundary: Lsn,
}

/// The parts of one article.
#[derive(Debug, Clone)]
struct Contained {
    parts: Arc<[Part]>,
    first: Lsn,
    last: Lsn,
}

impl Contained {
    fn of(parts: Vec<Part>) -> Self {
        let boundaries = || parts.iter().map(|part| part.boundary);
        Self {
            first: boundaries().min().unwrap_or_default(),
            last: boundaries().max().unwrap_or_default(),
            parts: parts.into(),
        }
    }
}

/// The parts of a subscription, by definition of an article.
#[derive(Debug, Clone, Default)]
pub struct Parts(HashMap<ArticleId, Contained>);

impl FromIterator<(ArticleId, Part)> for Parts {
    fn from_iter<I: IntoIterator<Item = (ArticleId, Part)>>(parts: I) -> Self {
        let mut by_article: HashMap<ArticleId, Vec<Part>> = HashMap::new();
        for (article, part) in parts {
            by_article.entry(article).or_default().push(part);
        }
        Self(by_article.into_iter().map(|(article, parts)| (article, Contained::of(parts))).collect())
    }
}

impl Parts {
    /// Whether anything is known of a definition.
    pub fn has(&self, article: ArticleId) -> bool {
        self.0.contains_key(&article)
    }

    /// The latest boundary of a definition's parts.
    pub fn last(&self, article: ArticleId) -> Option<Lsn> {
        Some(self.0.get(&article)?.last)
    }

    /// The latest boundary of all: from here on the tables are as the publisher was at one moment.
    pub fn last_of_all(&self) -> Lsn {
        self.0.values().map(|contained| contained.last).max().unwrap_or_default()
    }

    /// Gives a definition the parts of another one, if nothing is known of it.
    pub fn share(&mut self, article: ArticleId, with: ArticleId) {
        if let Some(contained) = self.0.get(&with).cloned() {
            self.0.entry(article).or_insert(contained);
        }
    }

    /// A snapshot contains a table also as far as it was published under definitions before that of the snapshot.
    pub fn inherit(&mut self, articles: &Articles) {
        let known: Vec<ArticleId> = self.0.keys().copied().collect();
        for known in known {
            let mut before = articles.get(known).and_then(|article| article.supersedes);
            // Each is older than the one that supersedes it, so that this ends whatever the distributor says.
            let mut last = known;
            while let Some(id) = before.filter(|id| *id < last) {
                self.share(id, known);
                before = articles.get(id).and_then(|article| article.supersedes);
                last = id;
            }
        }
    }

    /// What the parts still need of the changes of a transaction.
    pub fn rest(&self, article: &Arc<Article>, segment: Segment, lsn: Lsn) -> Result<Option<Segment>, CoreError> {
        let Some(contained) = self.0.get(&article.id) else { return Ok(Some(segment)) };
        if segment.changes == 0 || lsn <= contained.first {
            return Ok(None);
        }
        if lsn > contained.last {
            return Ok(Some(segment));
        }
        let sieve = Sieve { article, key: article.key(), parts: &contained.parts, lsn };
        let mut rest = Segment { article: segment.article, changes: 0, payload: Vec::new() };
        changes_of(&segment, article, lsn, |change| {
            if let Some(change) = sieve.rest(change)? {
                encode_change(&change, &mut rest.payload).map_err(|error| CoreError::Malformed {
                    table: article.destination.to_string(),
                    lsn,
                    detail: error.to_string(),
                })?;
                rest.changes += 1;
            }
            Ok::<(), CoreError>(())
        })?;
        Ok((rest.changes > 0).then_some(rest))
    }
}

/// Sorts the changes of one transaction and article.
struct Sieve<'a> {
    article: &'a Article,
    key: Vec<usize>,
    parts: &'a [Part],
    lsn: Lsn,
}

impl Sieve<'_> {
    /// What is left of a change that fits its article.
    fn rest(&self, change: Change) -> Result<Option<Change>, CoreError> {
        let (before, after) = match &change {
            Change::Insert(row) | Change::DeleteImage(row) => (self.needs_row(row)?, None),
            Change::Delete(key) | Change::Update { key, .. } => (self.needs(key)?, None),
            Change::UpdateKey { key, new_key, .. } => (self.needs(key)?, Some(self.needs(new_key)?)),
            Change::UpdateImages { before, after, .. } => {
                let before = if self.has_image() { self.needs_row(before)? } else { self.needs(before)? };
                (before, Some(self.needs_row(after)?))
            }
        };
        match (before, after.unwrap_or(before)) {
            (true, true) => Ok(Some(change)),
            (false, false) => Ok(None),
            (true, false) => self.leaving(change).map(Some),
            (false, true) => self.entering(change).map(Some),
        }
    }

    /// Whether the part with this key is older than the change.
    fn needs(&self, key: &[Value]) -> Result<bool, CoreError> {
        for part in self.parts {
            match part.range.contains(key) {
                Some(true) => return Ok(self.lsn > part.boundary),
                Some(false) => {}
                None => {
                    return Err(self.apart(
                        "whose order is the server's own, falls between the positions of parts of the snapshot",
                    ));
                }
            }
        }
        Err(self.apart("is in none of the parts of the snapshot"))
    }

    fn needs_row(&self, row: &Row) -> Result<bool, CoreError> {
        let key: Option<Vec<Value>> = self.key.iter().map(|column| row.get(*column).cloned()).collect();
        self.needs(&key.ok_or_else(|| self.apart("has no key"))?)
    }

    /// Updates that bring images have all columns of the row before.
    fn has_image(&self) -> bool {
        matches!(self.article.options.update, Command::Call { format: CallFormat::Xcall, .. })
    }

    /// The row goes from its part; where it goes to has it already.
    fn leaving(&self, change: Change) -> Result<Change, CoreError> {
        let whole = matches!(self.article.options.delete, Command::Call { format: CallFormat::Xcall, .. });
        match change {
            Change::UpdateKey { key, .. } if !whole => Ok(Change::Delete(key)),
            Change::UpdateImages { before, .. } if whole && self.has_image() => Ok(Change::DeleteImage(before)),
            Change::UpdateImages { before, .. } if !whole => {
                let key = if self.has_image() {
                    self.key.iter().filter_map(|column| before.get(*column).cloned()).collect()
                } else {
                    before
                };
                Ok(Change::Delete(key))
            }
            _ => Err(self.apart(
                "moves a row between parts of the snapshot that are as of before it and after it, and does not carry the columns that the \
                 procedure for deletes takes",
            )),
        }
    }

    /// The row comes into its part; where it comes from is as of after that.
    fn entering(&self, change: Change) -> Result<Change, CoreError> {
        match change {
            Change::UpdateImages { after, .. } => Ok(Change::Insert(after)),
            Change::UpdateKey { new_key, changed, .. } => {
                let mut row: Vec<Option<Value>> = vec![None; self.article.columns.len()];
                let key = self.key.iter().copied().zip(new_key);
                let others = changed.into_iter().map(|(column, value)| (usize::from(column), value));
                key.chain(others).for_each(|(column, value)| row[column] = Some(value));
                row.into_iter().collect::<Option<Row>>().map(Change::Insert).ok_or_else(|| {
                    self.apart(
                        "moves a row between parts of the snapshot that are as of before it and after it, and does not carry the columns \
                         that it leaves as they are",
                    )
                })
            }
            _ => Err(self.apart("moves no row")),
        }
    }

    fn apart(&self, detail: &str) -> CoreError {
        CoreError::PartsApart {
            table: self.article.source.to_string(),
            key_columns: key_column_names(self.article),
            lsn: self.lsn,
            detail: detail.to_owned(),
        }
    }
}
