//! Loading snapshots into the subscription database.
//!
//! [`load`] fills the tables of articles that are not there yet: all of a new subscription, or those that were added to the
//! publication later.
//!
//! 1. Their tables must be missing or empty, unless an earlier load of ours was interrupted or the article's pre-creation command says
//!    what happens to what is there. The pre-creation commands are carried out, the tables made (pre-scripts).
//! 2. `replication.subscription_load` names the tables and where their snapshot lies; from here on whatever is in them is ours. The
//!    parts of the articles are `waiting`.
//! 3. The parts are loaded, several at once, each in one transaction that also says that it is `loaded`. So an interrupted load goes
//!    on with those that wait. If another snapshot has taken the place of an article's, the article begins anew.
//!
//! Then whoever called lets the stream go on with them ([`sqlserver::state::join`]). Once the subscription's position is past all
//! boundaries, [`scripts`] makes what comes after the rows, and [`sqlserver::state::complete`] ends it.

mod parts;
mod pre_creation;
mod refresh;
mod report;
mod rows;
mod scripts;
mod sources;
mod tables;

pub(crate) use pre_creation::refuse_missing_procedures;
pub use refresh::refresh;
pub use report::reporting;
pub use scripts::scripts;

use crate::core::joining::{Known, Offered};
use crate::error::Error;
use crate::session::Settings;
use cli::progress::Tables;
use proto::snapshot::SnapshotToLoad;
use proto::{Article, ArticleId};
use sources::Source;
use sqlserver::state::{Load, Stage, SubscriptionRow};
use sqlserver::{Client, state};

/// Loads articles from the snapshots in which the distributor says they are; their parts are [`PartState::Loaded`] then. `client` has said
/// that it is for replication; the rows come over connections of their own. What other articles have is not touched, nor the stage of a
/// subscription that is in use, so that its stream can run beside it.
///
/// It may be dropped at any moment, and called again: then it goes on.
pub async fn load(
    client: &mut Client,
    settings: &Settings,
    subscription: &SubscriptionRow,
    snapshots: &[SnapshotToLoad],
    loading: &Tables,
) -> Result<(), Error> {
    let name = &subscription.subscription;
    let sources = sources::open(&settings.snapshots, subscription, snapshots).await?;
    let mut articles: Vec<&Article> = sources.iter().map(|source| &source.article).collect();
    refuse_missing_procedures(client, &articles).await?;
    let known = Known::new(state::loads(client, name).await?, state::parts(client, name).await?);
    let parts: Vec<Vec<state::Part>> = sources.iter().map(Source::parts).collect();
    let offered: Vec<Offered<'_>> = sources
        .iter()
        .zip(&parts)
        .map(|(source, parts)| Offered { article: source.article.id, snapshot: source.snapshot(), parts })
        .collect();
    let is_new =
        |article: &&Article| !offered.iter().any(|offered| offered.article == article.id && known.goes_on(offered));
    let keys = tables::foreign_keys(client).await?;
    tables::parents_first(&mut articles, &keys);
    let fresh: Vec<&Article> = articles.iter().filter(|article| is_new(article)).copied().collect();
    let strangers: Vec<&Article> =
        fresh.iter().filter(|article| !known.is_ours(&article.destination)).copied().collect();
    pre_creation::refuse_foreign_rows(client, &strangers).await?;
    if matches!(subscription.stage, Stage::Uninitialized | Stage::Initializing)
        && let Some(first) = snapshots.first()
    {
        state::begin_initializing(client, name, first.snapshot.id).await?;
    }
    if !fresh.is_empty() {
        let forgotten = known.forgotten(&offered);
        state::forget_loaded(client, name, &forgotten).await?;
        for source in sources.iter().filter(|source| is_new(&&source.article)) {
            let last = source.reader.last_script(source.article.id).await?;
            pre_creation::drop_foreign_keys(client, &source.article, &last).await?;
        }
        pre_creation::carry_out(client, &fresh, |table| known.is_ours(table)).await?;
        for article in &fresh {
            let source = sources.iter().find(|source| source.article.id == article.id);
            if let Some(source) = source {
                tables::make(client, source).await?;
            }
        }
        let begun = sources.iter().filter(|source| is_new(&&source.article)).map(|source| {
            let load = Load {
                article: source.article.id,
                table: source.article.destination.clone(),
                snapshot: source.snapshot(),
                location: source.location.clone(),
            };
            (load, source.parts())
        });
        state::begin_loads(client, name, &forgotten, &begun.collect::<Vec<_>>()).await?;
    }
    let order: Vec<ArticleId> = articles.iter().map(|article| article.id).collect();
    let mut sources = sources;
    sources.sort_by_key(|source| order.iter().position(|id| *id == source.article.id));
    parts::load(client, settings, name, &sources, loading).await
}
