//! Requests to the distributor.

use crate::core::Articles;
use crate::error::{Error, ErrorKind};
use proto::catalog::{Publication, Request, Response, Status, Subscription};
use proto::message::{ClientMessage, RefusalKind, Report, ServerMessage};
use proto::snapshot::SnapshotToLoad;
use proto::transport::{ConnectOptions, Connection, Receiver, Sender, TransportError};
use proto::{Article, ArticleId, Lsn};

/// The two directions of a stream.
pub type Directions = (Sender<ClientMessage>, Receiver<ServerMessage>);

/// A connection for requests.
#[derive(Debug)]
pub struct Distributor(Connection);

impl Distributor {
    /// Connects and logs in.
    pub async fn connect(options: &ConnectOptions) -> Result<Self, Error> {
        Ok(Self(Connection::connect(options).await?))
    }

    /// The publication of this name.
    pub async fn publication(&mut self, name: &str) -> Result<Publication, Error> {
        let publications = match self.0.request(Request::PublicationList).await? {
            Response::Publications(publications) => publications,
            _ => return Err(self.unexpected()),
        };
        let names: Vec<String> = publications.iter().map(|publication| publication.name.clone()).collect();
        publications.into_iter().find(|publication| same_name(&publication.name, name)).ok_or_else(|| {
            let there =
                if names.is_empty() { "there are none".to_owned() } else { format!("there are {}", names.join(", ")) };
            Error::invalid(format!("the distributor at {} has no publication {name}; {there}", self.0.address()))
        })
    }

    /// All subscriptions.
    pub async fn subscriptions(&mut self) -> Result<Vec<Subscription>, Error> {
        match self.0.request(Request::SubscriptionList).await? {
            Response::Subscriptions(subscriptions) => Ok(subscriptions),
            _ => Err(self.unexpected()),
        }
    }

    /// The articles of a publication.
    pub async fn articles(&mut self, publication: &str) -> Result<Vec<Article>, Error> {
        match self.0.request(Request::ArticleList { publication: Some(publication.to_owned()) }).await? {
            Response::Articles(articles) => Ok(articles),
            _ => Err(self.unexpected()),
        }
    }

    /// Registers a subscription. Gives where it begins, if not with a snapshot, and the publication's articles.
    pub async fn add(&mut self, subscription: Subscription) -> Result<(Option<Lsn>, Vec<Article>), Error> {
        match self.0.request(Request::SubscriptionAdd(subscription)).await? {
            Response::SubscriptionAdded { position, articles } => Ok((position, articles)),
            _ => Err(self.unexpected()),
        }
    }

    /// Removes a subscription; one that is not there is no error.
    pub async fn drop(&mut self, name: &str) -> Result<(), Error> {
        match self.0.request(Request::SubscriptionDrop { name: name.to_owned() }).await {
            Err(error) if is_not_found(&error) => Ok(()),
            done => Ok(done.map(|_| ())?),
        }
    }

    /// The newest snapshots that hold a publication's articles but for those that are there; `None` while an article is in none.
    pub async fn latest_snapshots(
        &mut self,
        publication: &str,
        has: Vec<ArticleId>,
    ) -> Result<Option<Vec<SnapshotToLoad>>, Error> {
        match self.0.request(Request::SnapshotLatest { publication: publication.to_owned(), has }).await? {
            Response::SnapshotsToLoad(found) => Ok(found),
            _ => Err(self.unexpected()),
        }
    }

    /// Everything it knows.
    pub async fn status(&mut self) -> Result<Status, Error> {
        match self.0.request(Request::Status).await? {
            Response::Status(status) => Ok(*status),
            _ => Err(self.unexpected()),
        }
    }

    /// Asks for the stream of a subscription from after this position, with the definitions that it has; they come first. Whatever the
    /// connection was used for before, it is the stream's from here on.
    pub async fn subscribe(
        self,
        subscription: String,
        position: Lsn,
        articles: Vec<ArticleId>,
    ) -> Result<(Directions, Articles), Error> {
        let address = self.0.address().to_owned();
        let (sender, mut receiver) = self.0.into_split();
        sender.send(&ClientMessage::Subscribe { subscription, position, articles }).await?;
        sender.flush().await?;
        match receiver.next().await? {
            ServerMessage::Subscribed { articles } => Ok(((sender, receiver), articles.into_iter().collect())),
            ServerMessage::Refused(refusal) | ServerMessage::Response(Err(refusal)) => {
                Err(TransportError::Refused { address, refusal }.into())
            }
            _ => Err(Error::new(
                ErrorKind::Stream,
                format!("the distributor at {address} did not answer the subscription"),
            )),
        }
    }

    /// Says how a subscription stands that is not streamed, and goes on with the connection.
    pub async fn tell(&mut self, report: Report) -> Result<(), Error> {
        Ok(self.0.tell(&ClientMessage::Report(report)).await?)
    }

    /// Says how a subscription stands that is not streamed.
    pub async fn report(self, report: Report) -> Result<(), Error> {
        let (sender, _receiver) = self.0.into_split();
        sender.send(&ClientMessage::Report(report)).await?;
        sender.shutdown().await?;
        Ok(())
    }

    fn unexpected(&self) -> Error {
        Error::new(ErrorKind::Stream, format!("the distributor at {} answered another question", self.0.address()))
    }
}

fn is_not_found(error: &TransportError) -> bool {
    error.refusal().is_some_and(|refusal| refusal.kind == RefusalKind::NotFound)
}

/// Names of publications and subscriptions are compared without regard to case.
pub fn same_name(a: &str, b: &str) -> bool {
    a.to_lowercase() == b.to_lowercase()
}
