//! From the programs' settings to connections.

use crate::error::Error;
use cli::{DistributorArgs, Encrypt, ServerArgs, WorkingDirectoryArgs};
use proto::transport::ConnectOptions;
use sqlserver::{Encryption, ServerOptions};
use std::time::Duration;
use workdir::Credentials;

/// For reaching a server.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);
/// Longest silence of the server while it executes a statement of ours.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(120);

/// How to reach the publication database.
pub fn server(args: &ServerArgs) -> Result<ServerOptions, Error> {
    let (host, port) = args.address()?;
    Ok(ServerOptions {
        host,
        port,
        database: args.database.clone(),
        login: args.login.clone(),
        password: args.password()?,
        encryption: match args.encrypt {
            Encrypt::Required => Encryption::Required,
            Encrypt::LoginOnly => Encryption::LoginOnly,
            Encrypt::Off => Encryption::Off,
        },
        trust_server_certificate: args.trust_server_certificate,
        server_ca: args.server_ca.clone(),
        application_name: concat!("replication publisher ", env!("CARGO_PKG_VERSION")).to_owned(),
        connect_timeout: CONNECT_TIMEOUT,
        command_timeout: Some(COMMAND_TIMEOUT),
    })
}

/// How to reach the distributor.
pub fn distributor(args: &DistributorArgs) -> Result<ConnectOptions, Error> {
    Ok(args.connect_options("publisher")?)
}

/// How to get into the working directory.
pub fn credentials(args: &WorkingDirectoryArgs) -> Result<Credentials, Error> {
    Ok(Credentials { login: args.working_directory_login.clone(), secret: args.secret()? })
}
