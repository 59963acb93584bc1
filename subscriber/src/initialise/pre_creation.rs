//! What happens to a destination that is there already when a snapshot is loaded: the article's pre-creation command
//! (<https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sp-addarticle-transact-sql>, `@pre_creation_cmd`).

use crate::error::Error;
use proto::{Article, Command, PreCreation, TableName};
use sqlserver::predicate::Predicate;
use sqlserver::script::makes_foreign_key;
use sqlserver::{Client, alter, catalog, schema};

/// Refuses tables with rows of somebody else where nothing says what to do with them.
pub(super) async fn refuse_foreign_rows(client: &mut Client, articles: &[&Article]) -> Result<(), Error> {
    for article in articles.iter().filter(|article| article.options.pre_creation == PreCreation::None) {
        let destination = &article.destination;
        if catalog::table(client, destination).await?.is_some() && schema::has_rows(client, destination).await? {
            return Err(Error::invalid(format!(
                "table {destination} at {} holds rows that this subscription did not put there. Empty or drop it and start again, or let \
                 the article say what happens to them (`publisher article add --pre-creation-cmd delete|drop|truncate`)",
                client.place()
            )));
        }
    }
    Ok(())
}

/// Refuses articles whose changes would go to procedures that nobody made.
pub(crate) async fn refuse_missing_procedures(client: &mut Client, articles: &[&Article]) -> Result<(), Error> {
    for article in articles {
        for command in [&article.options.insert, &article.options.update, &article.options.delete] {
            let Command::Call { procedure, generated: false, .. } = command else { continue };
            if !catalog::has_procedure(client, procedure).await? {
                return Err(Error::invalid(format!(
                    "the article of {} passes changes to procedure {procedure}, which does not exist at {}, or the login may not execute \
                     it. Make it there, then start again",
                    article.source,
                    client.place()
                )));
            }
        }
    }
    Ok(())
}

/// Carries out the pre-creation commands over tables that exist, referencing ones first (`articles` has referenced ones first). What an
/// interrupted load left in a table that `is_ours` goes in any case.
pub(super) async fn carry_out(
    client: &mut Client,
    articles: &[&Article],
    is_ours: impl Fn(&TableName) -> bool,
) -> Result<(), Error> {
    drop_references(client, articles).await?;
    for article in articles.iter().rev() {
        let destination = &article.destination;
        if catalog::table(client, destination).await?.is_none() {
            continue;
        }
        match article.options.pre_creation {
            PreCreation::None if is_ours(destination) => {
                tracing::info!(table = %destination, "emptying what an interrupted load left");
                schema::empty(client, destination).await?;
            }
            PreCreation::None => {}
            PreCreation::Delete => match &article.filter {
                None => schema::empty(client, destination).await?,
                Some(filter) => {
                    let filter = Predicate::parse(filter).map_err(|why| {
                        Error::invalid(format!("the filter of article {} cannot be used: {why}", article.source))
                    })?;
                    schema::delete_rows(client, destination, &article.source, &filter).await?;
                }
            },
            PreCreation::Drop => {
                schema::drop_table(client, destination).await.map_err(|error| refused(error, article))?
            }
            PreCreation::Truncate => {
                schema::truncate(client, destination).await.map_err(|error| refused(error, article))?
            }
        }
    }
    Ok(())
}

/// Drops the foreign keys of a table that its `last` script makes again once the rows are there. Before, these come in any order: tables may
/// refer to each other in a circle, or to themselves.
pub(super) async fn drop_foreign_keys(client: &mut Client, article: &Article, last: &str) -> Result<(), Error> {
    let keys = catalog::all_foreign_keys(client).await?;
    for key in keys.iter().filter(|key| key.from == article.destination && makes_foreign_key(last, &key.name)) {
        tracing::info!(table = %key.from, "foreign key {} is made again after the rows", key.name);
        alter::drop_constraint(client, &key.from, &key.name).await?;
    }
    Ok(())
}

/// Drops the foreign keys between tables that will both be dropped: they may form a circle.
async fn drop_references(client: &mut Client, articles: &[&Article]) -> Result<(), Error> {
    let dropped: Vec<_> = articles.iter().filter(|a| a.options.pre_creation == PreCreation::Drop).collect();
    if dropped.is_empty() {
        return Ok(());
    }
    let is_dropped = |name: &TableName| dropped.iter().any(|article| article.destination == *name);
    for key in catalog::all_foreign_keys(client).await? {
        if is_dropped(&key.from) && is_dropped(&key.to) {
            alter::drop_constraint(client, &key.from, &key.name).await?;
        }
    }
    Ok(())
}

fn refused(error: sqlserver::Error, article: &Article) -> Error {
    let (words, referenced) = match article.options.pre_creation {
        PreCreation::Truncate => ("truncated", 4712),
        _ => ("dropped", 3726),
    };
    if error.number() != Some(referenced) {
        return error.into();
    }
    let message = format!(
        "table {} cannot be {words} before the snapshot is loaded, as the article asks: a foreign key of another table refers to it. \
         Drop that foreign key, or add the article with --pre-creation-cmd delete",
        article.destination
    );
    Error::because(crate::error::ErrorKind::Invalid, message, error)
}
