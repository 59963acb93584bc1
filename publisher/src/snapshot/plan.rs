//! What a snapshot is to consist of: of each article its scripts, and the parts that its rows are read in.

use super::conversation::Begun;
use super::resume::Kept;
use super::{SnapshotAgent, SnapshotError, ranges};
use crate::columns;
use proto::catalog::PublicationKind;
use proto::{Article, Capture, KeyRange, Lsn};
use sqlserver::catalog::Table;
use sqlserver::permission::{self, Securable};
use sqlserver::predicate::Predicate;
use sqlserver::script::{Published, scripts};
use sqlserver::{Client, catalog, design, switch};
use workdir::{ArticleFiles, ArticleScripts, FinishedPart, SnapshotWriter};

/// An article of the snapshot, with everything that is needed to read it.
#[derive(Debug, Clone)]
pub(super) struct Task {
    /// It and its files, the scripts among them written.
    pub files: ArticleFiles,
    /// Its parts that are there already, each with its boundary; those that are `None` are to be read.
    pub kept: Vec<Option<(FinishedPart, Lsn)>>,
    /// Whether new columns of its table join it.
    pub joining: bool,
    /// Its row filter.
    pub predicate: Option<Predicate>,
    /// Rows of its table, about.
    pub rows_expected: u64,
}

impl Task {
    /// Rows of one of its parts, about.
    pub fn rows_a_part(&self) -> u64 {
        self.rows_expected / self.files.parts.len().max(1) as u64
    }

    /// Whether a part of it is to be read.
    pub fn is_to_read(&self) -> bool {
        self.kept.iter().any(Option::is_none)
    }
}

/// An article as it is planned, before anything of it is written.
#[derive(Debug)]
pub(super) struct Planned {
    files: Files,
    predicate: Option<Predicate>,
    rows_expected: u64,
}

#[derive(Debug)]
enum Files {
    /// There from an earlier attempt.
    Kept(Box<Kept>),
    /// To be written.
    New { article: Box<Article>, scripts: ArticleScripts, parts: Vec<KeyRange> },
}

impl Planned {
    /// Writes its scripts; `number` is its own in the snapshot, if it has none yet.
    pub async fn write(self, writer: &SnapshotWriter, number: usize, joining: bool) -> Result<Task, SnapshotError> {
        let (files, kept) = match self.files {
            Files::Kept(kept) => (kept.files, kept.parts),
            Files::New { article, scripts, parts } => {
                let files = writer.article(number, *article, &scripts, parts).await?;
                let kept = vec![None; files.parts.len()];
                (files, kept)
            }
        };
        Ok(Task { files, kept, joining, predicate: self.predicate, rows_expected: self.rows_expected })
    }
}

/// Plans articles: asks the server for all that their scripts are made of, and for the ranges of their keys. What is kept of one of them
/// stays as it is. `others` are published beside them: foreign keys may refer to these.
pub(super) async fn plan(
    agent: &SnapshotAgent,
    client: &mut Client,
    begun: &Begun,
    kept: &[Option<Kept>],
    others: &[Article],
) -> Result<Vec<Planned>, SnapshotError> {
    let login = &agent.server.login;
    let (articles, kind) = (&begun.articles, begun.publication.kind);
    let mut published = Vec::with_capacity(articles.len() + others.len());
    for (index, article) in articles.iter().chain(others).enumerate() {
        let table = match catalog::table(client, &article.source).await? {
            Some(table) => table,
            None if index >= articles.len() => continue,
            None => {
                let message = format!("table {} of the publication does not exist any more", article.source);
                return Err(SnapshotError::Invalid(message));
            }
        };
        let securable = Securable::Object(table.name.clone());
        if let Some(missing) = permission::check(client, "VIEW DEFINITION", &securable).await? {
            return Err(SnapshotError::Invalid(format!(
                "`publisher snapshot` takes a permission that login {login} lacks, to script keys, indexes and constraints of {}: {}. To \
                 give it: {}",
                table.name,
                missing.name(),
                missing.grant(login)
            )));
        }
        let design = design::design(client, table.object_id).await?;
        let article = match kind {
            PublicationKind::Transactional => article.clone(),
            PublicationKind::Snapshot => waiting(as_it_is(article, &table)?),
        };
        published.push(Published { article, table, design });
    }
    let objects = design::objects(client).await?;
    let mut planned = Vec::with_capacity(articles.len());
    for (this, kept) in published.iter().zip(kept) {
        let article = &this.article;
        let predicate = article.filter.as_deref().map(Predicate::parse).transpose().map_err(|why| {
            SnapshotError::Invalid(format!("the filter of article {} cannot be used: {why}", article.source))
        })?;
        let rows_expected = catalog::row_count(client, this.table.object_id).await?;
        let files = match kept {
            Some(kept) => Files::Kept(Box::new(kept.clone())),
            None => {
                let scripts = scripts(this, &published, &objects);
                for left_out in &scripts.left_out {
                    tracing::warn!("{left_out}");
                }
                let scripts = ArticleScripts { before: scripts.before, after: scripts.after, last: scripts.last };
                let count = ranges::count(rows_expected, &article.columns, agent.sessions, agent.rows_per_file);
                let parts = ranges::of_article(client, article, predicate.as_ref(), rows_expected, count).await?;
                let article = Article { destination: articles[planned.len()].destination.clone(), ..article.clone() };
                Files::New { article: Box::new(article), scripts, parts }
            }
        };
        planned.push(Planned { files, predicate, rows_expected });
    }
    Ok(planned)
}

/// An article of a publication of type snapshot, with the columns that its table has now: nothing has followed its schema.
fn as_it_is(article: &Article, table: &Table) -> Result<Article, SnapshotError> {
    let named = match article.all_columns {
        true => Vec::new(),
        false => {
            let computed = article.computed.iter().map(|column| column.name.clone());
            article.columns.iter().map(|column| column.name.clone()).chain(computed).collect()
        }
    };
    let chosen = columns::choose(table, &named).map_err(|error| SnapshotError::Invalid(error.to_string()))?;
    let capture = Capture { source: table.object_id, ..article.capture.clone() };
    Ok(Article { columns: chosen.columns, computed: chosen.computed, capture, ..article.clone() })
}

/// An article as its scripts make it: under the name at which its new table waits for the place of the old one.
fn waiting(article: Article) -> Article {
    Article { destination: switch::waiting(&article.destination), ..article }
}
