//! From the programs' settings to connections.

use crate::error::Error;
use cli::{DistributorArgs, Encrypt, ServerArgs, WorkingDirectoryAccess};
use proto::transport::ConnectOptions;
use sqlserver::{Encryption, ServerOptions};
use std::sync::Arc;
use std::time::Duration;
use workdir::{Credentials, WorkDir};

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

/// The working directory at a URL.
pub fn work_dir(url: &str, access: &WorkingDirectoryAccess) -> Result<Arc<dyn WorkDir>, Error> {
    let credentials = Credentials { login: access.working_directory_login.clone(), secret: access.secret()? };
    Ok(workdir::open(url, &credentials)?)
}
