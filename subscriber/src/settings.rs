//! From the command line to how both sides are reached.

use crate::error::Error;
use crate::session::SnapshotAccess;
use cli::{ServerArgs, WorkingDirectoryAccess};
use sqlserver::{Encryption, ServerOptions};
use std::time::Duration;
use workdir::Credentials;

/// For reaching the server.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);
/// Longest that one statement may run: large batches over a slow link, or waiting for a lock.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(600);

/// How the subscription database is reached.
pub fn server(args: &ServerArgs) -> Result<ServerOptions, Error> {
    let (host, port) = args.address()?;
    Ok(ServerOptions {
        host,
        port,
        database: args.database.clone(),
        login: args.login.clone(),
        password: args.password()?,
        encryption: match args.encrypt {
            cli::Encrypt::Required => Encryption::Required,
            cli::Encrypt::LoginOnly => Encryption::LoginOnly,
            cli::Encrypt::Off => Encryption::Off,
        },
        trust_server_certificate: args.trust_server_certificate,
        server_ca: args.server_ca.clone(),
        application_name: "replication subscriber".to_owned(),
        connect_timeout: CONNECT_TIMEOUT,
        command_timeout: Some(COMMAND_TIMEOUT),
    })
}

/// How the snapshots are reached: in the working directory at this URL, or else where the distributor says.
pub fn snapshots(url: Option<String>, access: &WorkingDirectoryAccess) -> Result<SnapshotAccess, Error> {
    let credentials = Credentials { login: access.working_directory_login.clone(), secret: access.secret()? };
    Ok(SnapshotAccess { working_directory: url, credentials })
}
