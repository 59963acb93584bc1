//! A client that was let in: requests, and then perhaps a stream.

use super::state::{State, now};
use super::{log_reader, requests, stream};
use proto::catalog::LoginRole;
use proto::message::{ClientMessage, Refusal, RefusalKind, Report, ServerMessage};
use proto::transport::{Receiver, Sender, TransportError};
use std::sync::Arc;
use std::time::Duration;

/// For a client that was sent away to read why.
const PARTING: Duration = Duration::from_secs(2);

/// Who is connected.
#[derive(Debug, Clone)]
pub(super) struct Client {
    pub(super) login: String,
    pub(super) role: LoginRole,
    /// What it calls itself and where it comes from.
    pub(super) peer: String,
}

impl Client {
    /// Refuses what none of these roles is for; an admin may do everything.
    pub(super) fn require(&self, roles: &[LoginRole]) -> Result<(), Refusal> {
        if self.role == LoginRole::Admin || roles.contains(&self.role) {
            return Ok(());
        }
        let message = format!(
            "login `{}` has the role {}, which may not do this",
            self.login,
            format!("{:?}", self.role).to_lowercase()
        );
        Err(Refusal::new(RefusalKind::Denied, message))
    }
}

/// The two directions of a client's connection.
pub(super) struct Wire {
    pub(super) sender: Sender<ServerMessage>,
    pub(super) receiver: Receiver<ClientMessage>,
}

impl Wire {
    pub(super) async fn tell(&mut self, message: &ServerMessage) -> Result<(), TransportError> {
        self.sender.send(message).await?;
        self.sender.flush().await
    }

    /// Says why and ends. What the client still sends is read and forgotten for a moment: closing at once could make the network
    /// throw away the reason as well.
    pub(super) async fn refuse(mut self, refusal: Refusal) -> Result<(), TransportError> {
        self.sender.send(&ServerMessage::Refused(refusal)).await?;
        self.sender.shutdown().await?;
        let rest = async { while self.receiver.next().await.is_ok() {} };
        // Its connection is closed now in any case.
        let _ = tokio::time::timeout(PARTING, rest).await;
        Ok(())
    }
}

pub(super) async fn serve(
    state: Arc<State>,
    client: Client,
    sender: Sender<ServerMessage>,
    receiver: Receiver<ClientMessage>,
) -> Result<(), TransportError> {
    let mut wire = Wire { sender, receiver };
    loop {
        match wire.receiver.next().await? {
            ClientMessage::Request(request) => {
                let response = requests::handle(&state, &client, *request).await;
                wire.tell(&ServerMessage::Response(response)).await?;
            }
            ClientMessage::Report(report) => {
                if let Err(refusal) = report_without_stream(&state, &client, report).await {
                    tracing::warn!(peer = client.peer, %refusal, "a report was refused");
                }
            }
            ClientMessage::Attach { database, reader } => {
                return match client.require(&[LoginRole::Publisher]) {
                    Ok(()) => log_reader::serve(state, client, wire, database, reader).await,
                    Err(refusal) => wire.refuse(refusal).await,
                };
            }
            ClientMessage::Subscribe { subscription, position, articles } => {
                return match client.require(&[LoginRole::Subscriber]) {
                    Ok(()) => stream::serve(state, client, wire, subscription, position, articles).await,
                    Err(refusal) => wire.refuse(refusal).await,
                };
            }
            _ => return wire.refuse(Refusal::new(RefusalKind::Invalid, "attach or subscribe first")).await,
        }
    }
}

async fn report_without_stream(state: &Arc<State>, client: &Client, report: Report) -> Result<(), Refusal> {
    client.require(&[LoginRole::Subscriber])?;
    let name = report.subscription.clone();
    let publication = state
        .read(move |contents| {
            let entry = contents.subscription(&name)?;
            entry.map_or(Ok(None), |entry| contents.publication(&entry.subscription.publication))
        })
        .await?;
    let kept_after = publication.and_then(|p| state.database(&p.database)).and_then(|d| d.kept_after());
    state.with_subscriptions(|subscriptions| subscriptions.report(report, None, kept_after, now()))
}
