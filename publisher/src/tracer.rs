//! Tracer tokens: a marker that is written at the publisher and followed to every subscription of a publication.

use crate::error::{Error, ErrorKind};
use crate::publication::{connect, find, request, transactional, unexpected};
use proto::catalog::{Request, Response, TracerToken};
use proto::transport::ConnectOptions;
use proto::{Marker, MarkerKind};
use sqlserver::{ServerOptions, marker, state};
use std::time::{Duration, Instant};
use uuid::Uuid;

/// Pause between two looks for arrivals.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Writes a tracer token to the publication's database.
pub async fn post(server: &ServerOptions, distributor: &ConnectOptions, publication: &str) -> Result<Uuid, Error> {
    let publication = find(distributor, publication).await?;
    transactional(&publication, "it has no tracer tokens")?;
    let (mut client, _) = connect(server, &publication).await?;
    let token = Uuid::new_v4();
    // Announced before it can arrive, and only once it is sure that it can be written.
    state::begin(&mut client).await?;
    marker::insert(&mut client, Marker { kind: MarkerKind::Tracer, token }).await.map_err(no_marker)?;
    request(distributor, Request::TracerPost { publication: publication.name, token }).await?;
    state::commit(&mut client).await?;
    Ok(token)
}

fn no_marker(error: sqlserver::Error) -> Error {
    const INVALID_OBJECT: u32 = 208;
    if error.number() == Some(INVALID_OBJECT) {
        let message = "the database has no marker table yet; `publisher article add` makes it with the first article";
        return Error::because(ErrorKind::Invalid, message, error);
    }
    error.into()
}

/// The tracer tokens of a publication, the newest first.
pub async fn history(distributor: &ConnectOptions, publication: &str) -> Result<Vec<TracerToken>, Error> {
    match request(distributor, Request::TracerHistory { publication: publication.to_owned() }).await? {
        Response::TracerHistory(tokens) => Ok(tokens),
        other => Err(unexpected(&other)),
    }
}

/// Waits until a token has arrived at every subscription; gives it as it is when it has, or when the limit passes.
pub async fn wait(
    distributor: &ConnectOptions,
    publication: &str,
    token: Uuid,
    limit: Duration,
) -> Result<(TracerToken, bool), Error> {
    let started = Instant::now();
    loop {
        let found = history(distributor, publication).await?.into_iter().find(|t| t.token == token);
        let found = found.ok_or_else(|| Error::invalid(format!("tracer token {token} is not known any more")))?;
        let arrived = found.distributor_commit.is_some() && found.subscriptions.iter().all(|s| s.passed);
        if arrived || started.elapsed() >= limit {
            return Ok((found, arrived));
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}
