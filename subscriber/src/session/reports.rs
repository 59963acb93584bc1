//! What the distributor is told of a subscription.

use super::Settings;
use crate::distributor::Distributor;
use crate::error::Error;
use proto::Lsn;
use proto::catalog::SubscriptionState;
use proto::message::Report;
use sqlserver::state::{Stage, SubscriptionRow};
use std::time::{SystemTime, UNIX_EPOCH};

/// How a subscription stands that nothing has happened to.
pub(super) fn report(row: &SubscriptionRow) -> Report {
    Report {
        subscription: row.subscription.clone(),
        state: match row.stage {
            Stage::Uninitialized => SubscriptionState::Uninitialized,
            Stage::Initializing => SubscriptionState::Initializing,
            Stage::Synchronizing => SubscriptionState::Synchronizing,
            Stage::Active => SubscriptionState::Active,
        },
        position: row.position,
        snapshot: row.snapshot,
        transactions: 0,
        changes: 0,
        error: None,
        loading: Vec::new(),
        tracers: Vec::new(),
        sent_at: utc_now(),
    }
}

/// That it stopped, at a position.
pub(super) fn failure(row: &SubscriptionRow, position: Option<Lsn>, error: &Error) -> Report {
    Report { state: SubscriptionState::Failed, position, error: Some(error.to_string()), ..report(row) }
}

/// Now, microseconds since 1970-01-01 UTC.
pub(crate) fn utc_now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros() as i64)
}

/// Tells the distributor about a failure outside of the stream, as far as it can be told.
pub(super) async fn tell_failure(settings: &Settings, row: &SubscriptionRow, error: &Error) {
    let told = match Distributor::connect(&settings.distributor).await {
        Ok(distributor) => distributor.report(failure(row, row.position, error)).await,
        Err(error) => Err(error),
    };
    if let Err(error) = told {
        tracing::warn!(subscription = row.subscription, %error, "the distributor could not be told of the failure");
    }
}
