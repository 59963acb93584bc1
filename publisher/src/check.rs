//! `publisher check`: whether everything is there that publishing takes, line by line, without changing anything.

mod database;
mod surroundings;

use crate::error::Error;
use proto::transport::ConnectOptions;
use serde::Serialize;
use sqlserver::{Client, ServerOptions};

/// What came of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// As it should be.
    Pass,
    /// It works, but somebody should know.
    Advice,
    /// It does not work.
    Fail,
}

impl Verdict {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Advice => "advice",
            Self::Fail => "fail",
        }
    }
}

/// A line of the result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was checked.
    pub check: &'static str,
    /// What came of it.
    pub verdict: Verdict,
    /// What was found and, where there is something to do, what.
    pub detail: String,
}

/// Findings in the order of the checks.
#[derive(Debug, Default)]
struct Findings(Vec<Finding>);

impl Findings {
    fn add(&mut self, check: &'static str, verdict: Verdict, detail: impl Into<String>) {
        self.0.push(Finding { check, verdict, detail: detail.into() });
    }

    fn pass(&mut self, check: &'static str, detail: impl Into<String>) {
        self.add(check, Verdict::Pass, detail);
    }

    fn advice(&mut self, check: &'static str, detail: impl Into<String>) {
        self.add(check, Verdict::Advice, detail);
    }

    fn fail(&mut self, check: &'static str, detail: impl Into<String>) {
        self.add(check, Verdict::Fail, detail);
    }
}

/// Checks the publication database's server, the database and the distributor. An error only where a connection breaks in the middle.
pub async fn check(server: &ServerOptions, distributor: &ConnectOptions) -> Result<Vec<Finding>, Error> {
    let mut findings = Findings::default();
    let client = surroundings::server(server, &mut findings).await;
    let known = surroundings::distributor(distributor, &mut findings).await;
    if let Some(mut client) = client {
        if let Some(known) = &known {
            surroundings::clocks(&mut client, known.clock_ahead, &mut findings).await?;
        }
        examine(&mut client, server, known.as_ref(), &mut findings).await?;
    }
    Ok(findings.0)
}

async fn examine(
    client: &mut Client,
    server: &ServerOptions,
    known: Option<&surroundings::Distributor>,
    findings: &mut Findings,
) -> Result<(), Error> {
    let articles = database::facts(client, known, findings).await?;
    database::log(client, findings).await?;
    database::permissions(client, &server.login, &articles, findings).await
}
