//! Articles that are taken up late: their tables were perhaps changed between the moment in which they were defined and that.
//!
//! A definition is the catalog's at some moment after its capture instance was there, which `publisher article add` sees to: so whatever
//! changes the table afterwards is in the history of the log, after the `start_lsn` of the article's capture. The log reader takes the
//! article up where it has read everything up to R, and asks each slice for the statements that it holds. Those between `start_lsn` and R
//! are in none of them. So with the first slice after R they are asked for too, once, and the definition that comes of them is in force
//! from that slice's first transaction F on.
//!
//! Why that is right:
//! - *Nobody has rows of before F.* A snapshot of the article begins only once the log reader has said that it reads it, so its boundary
//!   comes after R, and F is the first transaction that does. A subscription that does without a snapshot begins at R or later, and has a
//!   table of its own that is as it was then or later. So the statements are carried out nowhere: they were done to everything that
//!   anybody can have. For the same reason a column may have become anything, and does not have to continue what it was.
//! - *Following a statement that the definition knows already changes nothing.* Those are asked for too, where the capture instance is older
//!   than the article. A column that was dropped is not there; what a changed one is like says the change table, and whether it can hold
//!   NULL the last statement about it. Where the column is there again under its old name, it is not the one that the instance
//!   captures, so it has to go, and comes back with an [extension](super::Extension), as any new column does.
//! - *Whatever ends the reader, the next one finds the same.* As long as the queue has not got beyond the R at which an article was
//!   first taken up, the distributor says of it that nothing was read, and the statements are looked for again. Once the queue has F, the
//!   definition has its place in it. One that was registered before that is forgotten, as with any other schema change.
//! - *An article that is being read is not looked back for*: its statements were followed in their places, and what they
//!   made of it is perhaps not what the catalog says now.

use super::LogReader;
use super::article::Translator;
use proto::Article;

impl LogReader {
    /// The articles in use of which nothing was read so far, and that could be read from before the slice that is being opened: what was done
    /// to their tables since is to be told as [`SchemaHistory::earlier`](super::SchemaHistory::earlier).
    pub fn unread(&self) -> impl Iterator<Item = &Article> {
        let began = |article: &&Article| Some(article.capture.start_lsn) < self.sent;
        self.articles().filter(|article| self.unread.contains(&article.id)).filter(began)
    }

    /// These articles are to be used: those that were not told before are new.
    pub(super) fn told(&mut self, articles: &[Article]) {
        let pending = self.pending.iter().flat_map(|pending| &pending.articles);
        let known = self.articles().chain(pending);
        let known: Vec<_> = known.map(|article| article.id).collect();
        // One with a place from which on it is in force has been read up to there.
        let new = articles.iter().filter(|article| article.since.is_none() && !known.contains(&article.id));
        self.unread.extend(new.map(|article| article.id));
    }

    /// What came before the slice was looked at for the articles in use.
    pub(super) fn looked_back(&mut self) {
        let Self { articles, unread, .. } = self;
        unread.retain(|id| !articles.iter().map(Translator::article).any(|article| article.id == *id));
    }
}

#[cfg(test)]
#[path = "late_tests.rs"]
mod tests;
