//! `publisher tracer post|history`.

use crate::error::{Error, ErrorKind};
use crate::{settings, tracer};
use clap::Subcommand;
use cli::output::{Table, print};
use cli::{DistributorArgs, OutputArgs, ServerArgs};
use proto::catalog::TracerToken;
use serde::Serialize;
use std::time::Duration;
use uuid::Uuid;

/// What to do with tracer tokens.
#[derive(Debug, Subcommand)]
pub enum TracerAction {
    /// Write a tracer token to the log of the publication's database; it passes through the line like a transaction
    Post {
        /// Publication
        #[arg(long)]
        publication: String,
        /// Wait until every subscription has it, then show how long it took
        #[arg(long)]
        wait: bool,
        /// How long to wait; then it fails, and says who does not have it
        #[arg(long, default_value = "5m", value_parser = cli::duration::parse, value_name = "DURATION")]
        wait_limit: Duration,
        #[command(flatten)]
        #[allow(missing_docs)]
        server: ServerArgs,
        #[command(flatten)]
        #[allow(missing_docs)]
        distributor: DistributorArgs,
        #[command(flatten)]
        #[allow(missing_docs)]
        output: OutputArgs,
    },
    /// Show the last tracer tokens and how long they took to each subscription
    History {
        /// Publication
        #[arg(long)]
        publication: String,
        /// Only this token
        #[arg(long)]
        token: Option<Uuid>,
        #[command(flatten)]
        #[allow(missing_docs)]
        distributor: DistributorArgs,
        #[command(flatten)]
        #[allow(missing_docs)]
        output: OutputArgs,
    },
}

/// A token as it is shown; latencies are milliseconds, `None` where they are not known.
#[derive(Debug, Serialize)]
struct Shown {
    token: String,
    publication: String,
    /// Microseconds since 1970-01-01 UTC by the distributor's clock.
    posted_at: i64,
    arrived_at_distributor: bool,
    distributor_latency: Option<f64>,
    subscriptions: Vec<ShownArrival>,
}

#[derive(Debug, Serialize)]
struct ShownArrival {
    subscription: String,
    /// `arrived` or `pending`.
    state: &'static str,
    subscriber_latency: Option<f64>,
    overall_latency: Option<f64>,
}

impl From<&TracerToken> for Shown {
    fn from(token: &TracerToken) -> Self {
        let millis = |micros: Option<i64>| micros.map(|micros| micros as f64 / 1_000.0);
        let subscriptions = token.subscriptions.iter().map(|arrival| ShownArrival {
            subscription: arrival.subscription.clone(),
            state: if arrival.passed { "arrived" } else { "pending" },
            subscriber_latency: millis(token.subscriber_latency(arrival)),
            overall_latency: millis(token.overall_latency(arrival)),
        });
        Self {
            token: token.token.to_string(),
            publication: token.publication.clone(),
            posted_at: token.posted_at,
            arrived_at_distributor: token.distributor_commit.is_some(),
            distributor_latency: millis(token.distributor_latency()),
            subscriptions: subscriptions.collect(),
        }
    }
}

/// Carries it out.
pub async fn run(action: TracerAction) -> Result<(), Error> {
    match action {
        TracerAction::Post { publication, wait, wait_limit, server, distributor, output } => {
            let (server, distributor) = (settings::server(&server)?, settings::distributor(&distributor)?);
            let token = tracer::post(&server, &distributor, &publication).await?;
            if !wait {
                if output.is_json() {
                    cli::output::print_json(&serde_json::json!({ "token": token }))?;
                } else {
                    print(format_args!("tracer token {token} posted\n"))?;
                }
                return Ok(());
            }
            let (found, arrived) = tracer::wait(&distributor, &publication, token, wait_limit).await?;
            output.print(&[Shown::from(&found)], |shown| table(shown))?;
            if !arrived {
                let message = format!(
                    "tracer token {token} has not arrived everywhere within {} s; `distributor status` shows who is connected",
                    wait_limit.as_secs()
                );
                return Err(Error::new(ErrorKind::Refused, message));
            }
        }
        TracerAction::History { publication, token, distributor, output } => {
            let mut tokens = tracer::history(&settings::distributor(&distributor)?, &publication).await?;
            if let Some(token) = token {
                tokens.retain(|t| t.token == token);
                if tokens.is_empty() {
                    return Err(Error::invalid(format!("publication {publication} has no tracer token {token}")));
                }
            }
            let shown: Vec<Shown> = tokens.iter().map(Shown::from).collect();
            output.print(&shown, |shown| table(shown))?;
        }
    }
    Ok(())
}

fn table(tokens: &[Shown]) -> Table {
    let mut table =
        Table::new(["TOKEN", "PUBLISHER TO DISTRIBUTOR", "SUBSCRIPTION", "DISTRIBUTOR TO SUBSCRIBER", "TOTAL"]);
    for token in tokens {
        let first = latency(token.distributor_latency, token.arrived_at_distributor);
        if token.subscriptions.is_empty() {
            table.row([token.token.as_str(), &first, "(none)", "", ""]);
        }
        for arrival in &token.subscriptions {
            let arrived = arrival.state == "arrived";
            let (second, total) =
                (latency(arrival.subscriber_latency, arrived), latency(arrival.overall_latency, arrived));
            table.row([token.token.as_str(), &first, &arrival.subscription, &second, &total]);
        }
    }
    table
}

fn latency(millis: Option<f64>, arrived: bool) -> String {
    match millis {
        Some(millis) => format!("{:.3} s", millis / 1_000.0),
        None if arrived => "unknown".to_owned(),
        None => "pending".to_owned(),
    }
}
