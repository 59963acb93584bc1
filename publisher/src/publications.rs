//! Publications: named sets of articles of one database.

use crate::articles;
use proto::catalog::{Publication, Request, Response};
use proto::transport::{Connection, TransportError};
use sqlserver::{Client, database};
use std::time::{SystemTime, UNIX_EPOCH};

/// Why an administrative command failed.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// The publication server failed or refused.
    #[error(transparent)]
    Server(#[from] sqlserver::Error),
    /// The distributor failed or refused.
    #[error(transparent)]
    Distributor(#[from] TransportError),
    /// What was asked for cannot be done.
    #[error("{0}")]
    Invalid(String),
}

/// Adds a publication of the database that `client` is connected to.
pub async fn add(client: &mut Client, distributor: &mut Connection, name: &str) -> Result<Publication, AdminError> {
    let facts = database::facts(client).await?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let publication = Publication {
        name: name.to_owned(),
        database: facts.name,
        server_version: facts.server_version,
        created_at: i64::try_from(now.as_micros()).unwrap_or(i64::MAX),
    };
    distributor.request(Request::PublicationAdd(publication.clone())).await?;
    Ok(publication)
}

/// All publications of the distributor.
pub async fn list(distributor: &mut Connection) -> Result<Vec<Publication>, AdminError> {
    match distributor.request(Request::PublicationList).await? {
        Response::Publications(publications) => Ok(publications),
        other => Err(unexpected(&other)),
    }
}

/// Drops a publication with its articles and those of their capture instances that were ours.
pub async fn drop(client: &mut Client, distributor: &mut Connection, name: &str) -> Result<(), AdminError> {
    let publication = find(distributor, name).await?;
    let facts = database::facts(client).await?;
    articles::publication_is_of(&publication.name, &publication.database, &facts)?;
    let articles = articles::list(distributor, Some(&publication.name)).await?;
    distributor.request(Request::PublicationDrop { name: publication.name }).await?;
    for article in articles {
        articles::drop_instance(client, distributor, &article).await?;
    }
    Ok(())
}

/// The publication of this name, without regard to case.
pub(crate) async fn find(distributor: &mut Connection, name: &str) -> Result<Publication, AdminError> {
    let publications = list(distributor).await?;
    let known: Vec<&str> = publications.iter().map(|p| p.name.as_str()).collect();
    let known = if known.is_empty() { "it has none yet".to_owned() } else { format!("it has {}", known.join(", ")) };
    let found = publications.iter().find(|p| p.name.to_lowercase() == name.to_lowercase()).cloned();
    found.ok_or_else(|| {
        AdminError::Invalid(format!(
            "the distributor has no publication {name}; {known}; see `publisher publication add`"
        ))
    })
}

pub(crate) fn unexpected(response: &Response) -> AdminError {
    AdminError::Invalid(format!("the distributor gave an unexpected answer: {response:?}"))
}
