//! The tables that rows are loaded into.

use super::sources::Source;
use crate::core::plan::ForeignKey;
use crate::error::Error;
use proto::Article;
use sqlserver::apply::Target;
use sqlserver::{Client, catalog, schema, switch};

/// Makes an article's table if it is missing.
pub(super) async fn make(client: &mut Client, source: &Source) -> Result<(), Error> {
    let article = &source.article;
    if catalog::table(client, &article.destination).await?.is_none() {
        let what = format!("making table {}", switch::own(&article.destination));
        schema::run_script(client, &what, &source.reader.pre_script(article.id).await?).await?;
    }
    Ok(())
}

/// The table of an article, to load rows into.
pub(super) async fn target(client: &mut Client, article: &Article) -> Result<Target, Error> {
    let unfit = |why: String| {
        let table = switch::own(&article.destination);
        Error::invalid(format!("table {table} cannot take the rows of {}: {why}", article.source))
    };
    let table = catalog::table(client, &article.destination).await?;
    let table = table.ok_or_else(|| unfit("it is not there".to_owned()))?;
    Target::new(article, &table).map_err(unfit)
}

/// The foreign keys of the database.
pub(super) async fn foreign_keys(client: &mut Client) -> Result<Vec<ForeignKey>, Error> {
    let keys = catalog::foreign_keys(client).await?;
    Ok(keys.into_iter().map(|key| ForeignKey { child: key.from, columns: Vec::new(), parent: key.to }).collect())
}

/// Orders articles so that referenced tables come first.
pub(super) fn parents_first(articles: &mut Vec<&Article>, keys: &[ForeignKey]) {
    let mut ordered: Vec<&Article> = Vec::with_capacity(articles.len());
    while !articles.is_empty() {
        let waits = |article: &&Article, others: &[&Article]| {
            let parents = keys.iter().filter(|key| key.child == article.destination && key.parent != key.child);
            parents.into_iter().any(|key| others.iter().any(|other| other.destination == key.parent))
        };
        // In a circle of foreign keys, any one goes first.
        let next = articles.iter().position(|article| !waits(article, articles)).unwrap_or(0);
        ordered.push(articles.remove(next));
    }
    *articles = ordered;
}
