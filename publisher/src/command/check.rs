//! `publisher check`.

use crate::check::{self, Verdict};
use crate::error::{Error, ErrorKind};
use crate::settings;
use clap::Args;
use cli::output::Table;
use cli::{DistributorArgs, OutputArgs, ServerArgs};

/// Which server and distributor.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// The publication database's server.
    #[command(flatten)]
    pub server: ServerArgs,
    #[command(flatten)]
    distributor: DistributorArgs,
    #[command(flatten)]
    output: OutputArgs,
}

/// Checks, prints what was found, and fails if anything of it fails.
pub async fn run(args: CheckArgs) -> Result<(), Error> {
    let (server, distributor) = (settings::server(&args.server)?, settings::distributor(&args.distributor)?);
    let findings = check::check(&server, &distributor).await?;
    args.output.print(&findings, |findings| {
        let mut table = Table::new(["RESULT", "CHECK", "FOUND"]);
        for finding in findings {
            table.row([finding.verdict.name(), finding.check, &finding.detail]);
        }
        table
    })?;
    let failed = findings.iter().filter(|finding| finding.verdict == Verdict::Fail).count();
    if failed > 0 {
        return Err(Error::new(ErrorKind::Refused, format!("{failed} of {} checks failed", findings.len())));
    }
    Ok(())
}
