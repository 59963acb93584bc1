//! Subscriptions whose tables and rows are there already.

use crate::error::Error;
use crate::initialise::refuse_missing_procedures;
use proto::{Article, KeyRange, Lsn};
use sqlserver::apply::Target;
use sqlserver::state::{Part, PartState, Stage, SubscriptionRow};
use sqlserver::{Client, catalog, procedure, schema, state};

/// Refuses tables that are missing or do not fit, and procedures that nobody made.
pub(super) async fn check(client: &mut Client, articles: &[Article]) -> Result<(), Error> {
    for article in articles {
        let destination = &article.destination;
        let place = client.place().to_owned();
        let table = catalog::table(client, destination).await?.ok_or_else(|| {
            Error::invalid(format!(
                "table {destination} does not exist at {place}; it must be there, with the rows of {}, unless the subscription is \
                 initialised from a snapshot (--sync-type automatic)",
                article.source
            ))
        })?;
        let unfit = |why: String| {
            Error::invalid(format!(
                "table {destination} at {place} cannot take the changes of {}: {why}",
                article.source
            ))
        };
        Target::new(article, &table).map_err(unfit)?;
    }
    refuse_missing_procedures(client, &articles.iter().collect::<Vec<_>>()).await
}

/// Makes the subscription's state: everything up to the position is in the tables. The procedures that replication generates are made,
/// as a snapshot would.
pub(super) async fn begin(
    client: &mut Client,
    row: SubscriptionRow,
    position: Lsn,
    articles: &[Article],
) -> Result<(), Error> {
    check(client, articles).await?;
    articles.iter().try_for_each(|article| refuse_too_early(article, position))?;
    for article in articles {
        let what = format!("making the procedures of {}", article.destination);
        schema::run_script(client, &what, &procedure::scripts(article)).await?;
        let all = Part {
            article: article.id,
            number: 1,
            range: KeyRange::ALL,
            boundary: position,
            snapshot: None,
            state: PartState::Complete,
        };
        state::prepare_parts(client, &row.subscription, article.id, &[all]).await?;
    }
    // Last: what comes before it is done again by a second attempt.
    let row = SubscriptionRow { stage: Stage::Active, position: Some(position), ..row };
    Ok(state::add(client, &row).await?)
}

/// Refuses a position before that from which on an article's changes are in the queue, with the definition that it has.
fn refuse_too_early(article: &Article, position: Lsn) -> Result<(), Error> {
    let (since, happened) = match article.since {
        Some(since) => (since, "changed its schema"),
        None => (article.capture.start_lsn, "began to be captured"),
    };
    if position >= since {
        return Ok(());
    }
    Err(Error::invalid(format!(
        "the subscription cannot begin at {position}: table {} {happened} at {since}, after that. Take a later backup; without one, try \
         again when the log reader has come that far (`distributor status`)",
        article.source
    )))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proto::{ArticleId, Capture, TableName};

    #[test]
    fn a_position_before_an_articles_first_change_or_its_schema_is_refused() {
        let (captured, altered) = (Lsn::new(1, 5, 1), Lsn::new(1, 9, 1));
        let name = TableName { schema: "dbo".into(), table: "t".into() };
        let capture = Capture { start_lsn: captured, ..Capture::default() };
        let first = Article::new("p", name, Vec::new(), capture);
        let second = Article { supersedes: Some(ArticleId(1)), since: Some(altered), ..first.clone() };
        for (article, since) in [(first, captured), (second, altered)] {
            assert!(refuse_too_early(&article, since).is_ok());
            let error = refuse_too_early(&article, since.previous().unwrap()).unwrap_err().to_string();
            assert!(error.contains("dbo.t") && error.contains(&since.to_string()), "{error}");
        }
    }
}
