//! What a snapshot is to consist of: of each article its scripts, and the parts that its rows are read in.

use super::{Progress, SnapshotAgent, SnapshotError, ranges};
use proto::{Article, KeyRange};
use sqlserver::permission::{self, Securable};
use sqlserver::predicate::Predicate;
use sqlserver::script::{Published, scripts};
use sqlserver::{Client, catalog, design, snapshot};
use workdir::{ArticleFiles, ArticleScripts, SnapshotWriter};

/// An article that is to be read, with everything that is needed for it.
#[derive(Debug, Clone)]
pub(super) struct Task {
    /// It and its files, the scripts among them written.
    pub files: ArticleFiles,
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
}

/// An article as it is planned, before anything of it is written.
#[derive(Debug)]
pub(super) struct Planned {
    article: Article,
    scripts: ArticleScripts,
    predicate: Option<Predicate>,
    rows_expected: u64,
    parts: Vec<KeyRange>,
}

impl Planned {
    /// Writes its scripts; `number` is its own in the snapshot.
    pub async fn write(self, writer: &SnapshotWriter, number: usize, joining: bool) -> Result<Task, SnapshotError> {
        Ok(Task {
            files: writer.article(number, self.article, &self.scripts, self.parts).await?,
            joining,
            predicate: self.predicate,
            rows_expected: self.rows_expected,
        })
    }
}

/// Plans articles: asks the server for all that their scripts are made of, and for the ranges of their keys.
pub(super) async fn plan(
    agent: &SnapshotAgent,
    client: &mut Client,
    articles: Vec<Article>,
    progress: &Progress,
) -> Result<Vec<Planned>, SnapshotError> {
    let login = &agent.server.login;
    let mut published = Vec::with_capacity(articles.len());
    for article in articles {
        let table = catalog::table(client, &article.source).await?.ok_or_else(|| {
            SnapshotError::Invalid(format!("table {} of the publication does not exist any more", article.source))
        })?;
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
        published.push(Published { article, table, design });
    }
    let objects = design::objects(client).await?;
    let mut planned = Vec::with_capacity(published.len());
    for this in &published {
        let article = &this.article;
        let predicate = article.filter.as_deref().map(Predicate::parse).transpose().map_err(|why| {
            SnapshotError::Invalid(format!("the filter of article {} cannot be used: {why}", article.source))
        })?;
        let scripts = scripts(this, &published, &objects);
        for left_out in &scripts.left_out {
            progress.say(left_out);
        }
        let rows_expected = catalog::row_count(client, this.table.object_id).await?;
        planned.push(Planned {
            scripts: ArticleScripts { before: scripts.before, after: scripts.after, last: scripts.last },
            parts: parts(agent, client, article, rows_expected).await?,
            article: article.clone(),
            predicate,
            rows_expected,
        });
    }
    Ok(planned)
}

async fn parts(
    agent: &SnapshotAgent,
    client: &mut Client,
    article: &Article,
    rows: u64,
) -> Result<Vec<KeyRange>, SnapshotError> {
    let count = ranges::count(rows, &article.columns, agent.sessions, agent.rows_per_file);
    let key = article.key().first().map(|i| &article.columns[*i]);
    match key.filter(|key| count > 1 && proto::snapshot::is_ordered(key.column_type)) {
        Some(key) => {
            let bounds = snapshot::key_bounds(client, &article.source, key).await?;
            Ok(bounds.map_or_else(
                || vec![KeyRange::ALL],
                |(first, last)| ranges::cut(key.column_type, &first, &last, count),
            ))
        }
        None => Ok(vec![KeyRange::ALL]),
    }
}
