//! Telling the distributor how far a load has come.

use crate::session::Settings;
use cli::progress::Tables;
use proto::message::{ClientMessage, Report};
use proto::transport::{Connection, TransportError};
use std::time::Duration;
use tokio::time::MissedTickBehavior;

/// How often.
const EVERY: Duration = Duration::from_secs(1);

/// Does `work` while the distributor is told once a second how far `loading` has come, by a connection of its own. The report is `report`
/// with those figures. A distributor that cannot be told stops nothing.
pub async fn reporting<T>(settings: &Settings, report: &Report, loading: &Tables, work: impl Future<Output = T>) -> T {
    let mut work = std::pin::pin!(work);
    tokio::select! {
        biased;
        done = &mut work => done,
        () = tell(settings, report, loading) => work.await,
    }
}

/// Never comes to an end.
async fn tell(settings: &Settings, report: &Report, loading: &Tables) {
    let mut tick = tokio::time::interval(EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut connection: Option<Connection> = None;
    loop {
        tick.tick().await;
        let now = Report { loading: loading.progress(), sent_at: crate::session::utc_now(), ..report.clone() };
        if let Err(error) = send(settings, &mut connection, now).await {
            tracing::debug!(%error, "the distributor could not be told of the progress");
            connection = None;
        }
    }
}

async fn send(settings: &Settings, connection: &mut Option<Connection>, report: Report) -> Result<(), TransportError> {
    let connection = match connection {
        Some(connection) => connection,
        None => connection.insert(Connection::connect(&settings.distributor).await?),
    };
    connection.tell(&ClientMessage::Report(report)).await
}
