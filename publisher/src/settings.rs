//! From the programs' settings to connections.

use crate::error::Error;
use cli::distributor::Tls;
use cli::{DistributorArgs, Encrypt, ServerArgs};
use proto::transport::{ClientTls, ConnectOptions};
use sqlserver::{Encryption, ServerOptions};
use std::time::Duration;

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
    let tls = match (args.distributor_tls, &args.distributor_ca) {
        (Tls::Off, _) => ClientTls::Off,
        (Tls::On, Some(ca)) => ClientTls::Ca(ca.clone()),
        (Tls::On, None) => {
            return Err(Error::invalid(
                "distributor-ca is not set: give the PEM file with the distributor's certificate (its tls/cert.pem), or \
                 distributor-tls = \"off\" to talk in the clear",
            ));
        }
    };
    let password = cli::secret::password(
        args.distributor_password_file.as_deref(),
        "REPL_DISTRIBUTOR_PASSWORD",
        &format!("login {} at the distributor", args.distributor_login),
    )?;
    let host = std::env::var("HOSTNAME").or_else(|_| std::env::var("COMPUTERNAME")).unwrap_or_else(|_| "-".to_owned());
    Ok(ConnectOptions {
        address: args.distributor.clone(),
        tls,
        server_name: args.distributor_server_name.clone(),
        login: args.distributor_login.clone(),
        password,
        client: format!("publisher@{host}"),
    })
}
