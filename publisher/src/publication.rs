//! Publications: `publisher publication add|list|drop`.

use crate::error::{Error, ErrorKind};
use proto::catalog::{Publication, PublicationKind, Request, Response};
use proto::transport::{ConnectOptions, Connection};
use sqlserver::database::{self, DatabaseFacts};
use sqlserver::{Client, ServerOptions};
use std::time::{SystemTime, UNIX_EPOCH};

/// Longest name of a publication.
const MAX_NAME: usize = 128;

/// Makes a publication of the server's database.
pub async fn add(
    server: &ServerOptions,
    distributor: &ConnectOptions,
    name: &str,
    kind: PublicationKind,
    replicate_ddl: bool,
) -> Result<Publication, Error> {
    check_name(name)?;
    let mut client = Client::connect(server).await?;
    let facts = database::facts(&mut client).await?;
    let publication = Publication {
        name: name.to_owned(),
        kind,
        database: facts.name,
        server_version: facts.server_version,
        replicate_ddl,
        created_at: now(),
    };
    request(distributor, Request::PublicationAdd(publication.clone())).await?;
    Ok(publication)
}

/// Whether schema changes of a publication's tables are carried out at the subscribers, from the next one on.
pub async fn set(distributor: &ConnectOptions, name: &str, replicate_ddl: bool) -> Result<(), Error> {
    request(distributor, Request::PublicationSet { name: name.to_owned(), replicate_ddl }).await.map(|_| ())
}

/// All publications at the distributor.
pub async fn list(distributor: &ConnectOptions) -> Result<Vec<Publication>, Error> {
    match request(distributor, Request::PublicationList).await? {
        Response::Publications(publications) => Ok(publications),
        other => Err(unexpected(&other)),
    }
}

/// The publication of this name.
pub async fn find(distributor: &ConnectOptions, name: &str) -> Result<Publication, Error> {
    let same = |p: &Publication| p.name.to_lowercase() == name.to_lowercase();
    list(distributor).await?.into_iter().find(same).ok_or_else(|| {
        Error::invalid(format!(
            "there is no publication {name} at the distributor {}; `publication list` shows which there are",
            distributor.address
        ))
    })
}

/// Refuses a publication whose changes are not read from the log. `what` cannot be done with it.
pub(crate) fn transactional(publication: &Publication, what: &str) -> Result<(), Error> {
    match publication.kind {
        PublicationKind::Transactional => Ok(()),
        PublicationKind::Snapshot => Err(Error::invalid(format!(
            "publication {} is of type snapshot, whose changes are not read from the log: {what}",
            publication.name
        ))),
    }
}

/// Names of the publications whose schema changes are not carried out at the subscribers.
pub(crate) async fn unreplicated(distributor: &ConnectOptions) -> Result<Vec<String>, Error> {
    Ok(list(distributor).await?.into_iter().filter(|p| !p.replicate_ddl).map(|p| p.name).collect())
}

/// Connects to the server, whose database must be the publication's.
pub(crate) async fn connect(
    server: &ServerOptions,
    publication: &Publication,
) -> Result<(Client, DatabaseFacts), Error> {
    let mut client = Client::connect(server).await?;
    let facts = database::facts(&mut client).await?;
    of_its_database(publication, &facts).map_err(Error::invalid)?;
    Ok((client, facts))
}

/// Whether a database is that of the publication; an error says what to do where it is not.
pub(crate) fn of_its_database(publication: &Publication, facts: &DatabaseFacts) -> Result<(), String> {
    if facts.name == publication.database {
        return Ok(());
    }
    Err(format!(
        "publication {} is of database {}, but the settings name {}; set `server` and `database` to the former",
        publication.name, publication.database, facts.name
    ))
}

/// Drops a publication that has no articles left.
pub async fn drop(distributor: &ConnectOptions, name: &str) -> Result<(), Error> {
    request(distributor, Request::PublicationDrop { name: name.to_owned() }).await.map(|_| ())
}

/// One request on a connection of its own.
pub(crate) async fn request(distributor: &ConnectOptions, request: Request) -> Result<Response, Error> {
    let mut connection = Connection::connect(distributor).await?;
    Ok(connection.request(request).await?)
}

pub(crate) fn unexpected(_: &Response) -> Error {
    Error::new(ErrorKind::Refused, "the distributor answered with something else than was asked for")
}

pub(crate) fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_micros() as i64)
}

fn check_name(name: &str) -> Result<(), Error> {
    if name.trim() != name || name.is_empty() || name.chars().count() > MAX_NAME || name.chars().any(char::is_control) {
        return Err(Error::invalid(format!(
            "`{}` is not a name for a publication: 1 to {MAX_NAME} characters, none of them a control character, no spaces around",
            name.escape_debug()
        )));
    }
    Ok(())
}
