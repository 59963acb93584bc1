//! Applying to the subscription database: net changes by sets, and row by row where a set is refused.
//!
//! A batch that fits the parameters of one statement goes to the server in one round trip, transaction and position included. A larger
//! one is a transaction of several statements, each by parameters or through a staging table. When the server refuses a set of
//! rows, or finds fewer rows than it should, everything of the batch is undone and it is applied again transaction by transaction
//! and then, inside the transaction that fails, row by row in the publisher's order ([`one_by_one`]): either that works, since the order of
//! the single changes was what mattered, or it names the row.
//!
//! Articles whose changes go to procedures, and tables with triggers, must see each change: theirs are applied one by one, in the
//! publisher's order between the sets of the others ([`stretches`]).

mod calls;
mod one_by_one;
mod operations;
mod schema;
mod stretches;

use crate::core::Articles;
use crate::core::decode::each_change;
use crate::core::net::{Compactor, NetChanges};
use crate::core::plan::{ForeignKey, plan};
use crate::error::{Error, ErrorKind};
use operations::operations;
use proto::{Article, ArticleId, Chunk, Lsn, TableName};
use sqlserver::apply::{Operation, STATE_PARAMETERS, Target};
use sqlserver::{Client, MAX_PARAMETERS, catalog, staging, state};
use std::collections::HashMap;
use std::sync::Arc;
use stretches::Stretch;

/// Rows up to which one operation goes as values of its statement rather than through a staging table. Measured against the sandbox,
/// updates of one column: 100 rows take 0.5 ms either way, 400 rows 3.1 ms as values and 1.1 ms staged, 1,000 rows 28 ms and 2.6 ms.
/// Staging takes four more round trips, which count for more over a real network, hence somewhat above the crossing.
const VALUES_ROWS: usize = 200;

/// Statements up to which a batch goes in one round trip; more make the text long and its compilation slow.
const AT_ONCE_STATEMENTS: usize = 40;

/// Applies one subscription's transactions through one connection.
#[derive(Debug)]
pub struct Applier {
    client: Client,
    subscription: String,
    articles: Articles,
    targets: HashMap<ArticleId, Arc<Target>>,
    foreign_keys: Vec<ForeignKey>,
    /// Tables with triggers that fire for us, and so must see each change.
    watched: Vec<TableName>,
    /// The open transaction has changed tables.
    altered: bool,
}

/// Why a set of operations did not work.
enum Refused {
    /// Perhaps because of single rows: worth looking at them one by one.
    Rows(Error),
    /// For another reason.
    Other(Error),
}

impl From<Refused> for Error {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Rows(error) | Refused::Other(error) => error,
        }
    }
}

impl From<sqlserver::Error> for Refused {
    fn from(error: sqlserver::Error) -> Self {
        match error.number() {
            Some(_) if !error.is_transient() => Self::Rows(Error::from(error)),
            _ => Self::Other(Error::from(error)),
        }
    }
}

impl Applier {
    /// For a subscription of the database that `client` is connected to; reads the foreign keys that it enforces.
    pub async fn open(mut client: Client, subscription: &str, articles: Articles) -> Result<Self, Error> {
        let foreign_keys = foreign_keys(&mut client).await?;
        let watched = catalog::watched_tables(&mut client).await?;
        Ok(Self {
            subscription: subscription.to_owned(),
            articles,
            targets: HashMap::new(),
            foreign_keys,
            watched,
            altered: false,
            client,
        })
    }

    /// Its connection, once nothing is open in it.
    pub fn into_client(self) -> Client {
        self.client
    }

    /// Applies whole transactions and moves the position, in one database transaction.
    pub async fn batch(&mut self, chunks: &[Chunk], position: Lsn) -> Result<(), Error> {
        if self.has_singles(chunks) {
            state::begin(&mut self.client).await?;
            self.in_order(chunks).await?;
            return self.commit(position).await;
        }
        let operations = self.prepare(self.net(chunks)?).await?;
        match self.batch_by_sets(operations, position).await {
            Err(Refused::Rows(error)) => {
                tracing::info!(subscription = self.subscription, %position, "a batch was refused; applying it one by one");
                // The server's own words may hold values of the row.
                tracing::debug!(subscription = self.subscription, %position, %error, "why it was refused");
                state::rollback(&mut self.client).await?;
                state::begin(&mut self.client).await?;
                self.one_by_one(chunks).await?;
                self.commit(position).await
            }
            done => Ok(done?),
        }
    }

    /// Applies a piece of one transaction, schema changes of its first chunk before everything, and leaves the database transaction, which
    /// the first piece begins, open.
    pub async fn part(&mut self, chunks: &[Chunk], first: bool) -> Result<(), Error> {
        if first {
            state::begin(&mut self.client).await?;
        }
        if let Some(chunk) = chunks.first() {
            self.change_schema(&chunk.schema, chunk.lsn).await?;
        }
        if self.has_singles(chunks) { self.in_order(chunks).await } else { self.as_a_set(chunks).await }
    }

    /// Applies chunks in the open transaction, by sets between the changes that must be applied one by one.
    async fn in_order(&mut self, chunks: &[Chunk]) -> Result<(), Error> {
        for Stretch { single, chunks } in self.stretches(chunks) {
            if single {
                self.row_by_row(&chunks).await?;
            } else {
                self.as_a_set(&chunks).await?;
            }
        }
        Ok(())
    }

    /// Applies chunks in the open transaction by their net changes, and one by one where those are refused.
    async fn as_a_set(&mut self, chunks: &[Chunk]) -> Result<(), Error> {
        let operations = self.prepare(self.net(chunks)?).await?;
        state::save(&mut self.client).await?;
        match self.by_sets(operations).await {
            Err(Refused::Rows(error)) => {
                if !state::roll_back_to_save(&mut self.client).await? {
                    return Err(error);
                }
                self.one_by_one(chunks).await
            }
            done => Ok(done?),
        }
    }

    /// Moves the position and commits the open database transaction.
    pub async fn commit(&mut self, position: Lsn) -> Result<(), Error> {
        state::move_position(&mut self.client, &self.subscription, position).await?;
        self.altered = false;
        Ok(state::commit(&mut self.client).await?)
    }

    /// Rolls the open database transaction back.
    pub async fn rollback(&mut self) -> Result<(), Error> {
        state::rollback(&mut self.client).await?;
        if std::mem::take(&mut self.altered) {
            // A definition that comes again finds its table anew, see there; what was known of others is as it was.
            self.foreign_keys = foreign_keys(&mut self.client).await?;
        }
        Ok(())
    }

    /// Moves the position over transactions without changes for this subscription.
    pub async fn move_to(&mut self, position: Lsn) -> Result<(), Error> {
        Ok(state::move_position(&mut self.client, &self.subscription, position).await?)
    }

    fn net(&self, chunks: &[Chunk]) -> Result<Vec<NetChanges>, Error> {
        let mut compactor = Compactor::default();
        for chunk in chunks {
            each_change(chunk, &self.articles, |article, change| compactor.add(article, change, chunk.lsn))?;
        }
        Ok(compactor.finish())
    }

    /// The operations that carry out net changes, in order.
    async fn prepare(&mut self, changes: Vec<NetChanges>) -> Result<Vec<(Arc<Target>, Operation)>, Error> {
        for net in &changes {
            self.target(&net.article).await?;
        }
        let steps = plan(&changes, &self.foreign_keys);
        Ok(operations(changes, &steps, &self.targets))
    }

    /// The table that an article arrives in.
    async fn target(&mut self, article: &Arc<Article>) -> Result<Arc<Target>, Error> {
        if let Some(target) = self.targets.get(&article.id) {
            return Ok(target.clone());
        }
        let place = self.client.place().to_owned();
        let unfit = |why: String| {
            let (to, from) = (&article.destination, &article.source);
            Error::invalid(format!("table {to} at {place} cannot take the changes of {from}: {why}"))
        };
        let found = catalog::table(&mut self.client, &article.destination).await?;
        let table = found.ok_or_else(|| unfit("it does not exist".to_owned()))?;
        let target = Arc::new(Target::new(article, &table).map_err(unfit)?);
        self.targets.insert(article.id, target.clone());
        Ok(target)
    }

    async fn batch_by_sets(&mut self, operations: Vec<(Arc<Target>, Operation)>, position: Lsn) -> Result<(), Refused> {
        let parameters: usize = operations.iter().map(|(_, operation)| operation.parameters()).sum();
        let fits = parameters + STATE_PARAMETERS <= MAX_PARAMETERS && operations.len() <= AT_ONCE_STATEMENTS;
        if fits && operations.iter().all(|(_, operation)| goes_as_values(operation)) {
            let operations: Vec<(&Target, Operation)> = operations.iter().map(|(t, o)| (&**t, o.clone())).collect();
            return Ok(sqlserver::apply::at_once(&mut self.client, &operations, &self.subscription, position).await?);
        }
        state::begin(&mut self.client).await?;
        self.by_sets(operations).await?;
        self.commit(position).await.map_err(Refused::Other)
    }

    /// Carries out operations one after the other, in the open transaction.
    async fn by_sets(&mut self, operations: Vec<(Arc<Target>, Operation)>) -> Result<(), Refused> {
        for (target, operation) in operations {
            let expected = operation.rows.len() as u64;
            let kind = operation.kind;
            let touched = if goes_as_values(&operation) {
                sqlserver::apply::by_values(&mut self.client, &target, &operation).await?
            } else {
                staging::by_staging(&mut self.client, &target, operation).await?
            };
            if touched != expected {
                let message = format!("{kind:?} touched {touched} rows of {} instead of {expected}", target.name());
                return Err(Refused::Rows(Error::new(ErrorKind::Row, message)));
            }
        }
        Ok(())
    }
}

/// The foreign keys that the database enforces.
async fn foreign_keys(client: &mut Client) -> Result<Vec<ForeignKey>, Error> {
    let keys = catalog::foreign_keys(client).await?;
    let key = |key: catalog::ForeignKey| ForeignKey {
        child: key.from,
        columns: key.columns.into_iter().map(|(from, _)| from).collect(),
        parent: key.to,
    };
    Ok(keys.into_iter().map(key).collect())
}

fn goes_as_values(operation: &Operation) -> bool {
    operation.rows.len() <= VALUES_ROWS && operation.parameters() <= MAX_PARAMETERS
}
