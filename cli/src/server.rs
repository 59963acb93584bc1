//! How to reach a SQL Server.

use crate::error::CliError;
use crate::secret;
use std::path::PathBuf;
use zeroize::Zeroizing;

/// Port of a default instance.
const DEFAULT_PORT: u16 = 1433;

/// A SQL Server, a database of it and a login.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "SQL Server")]
pub struct ServerArgs {
    /// SQL Server, as `host` or `host,port`
    #[arg(long, value_name = "HOST[,PORT]")]
    pub server: String,
    /// Database
    #[arg(long)]
    pub database: String,
    /// SQL Server login
    #[arg(long)]
    pub login: String,
    /// File with the login's password (or set REPL_PASSWORD)
    #[arg(long, value_name = "FILE")]
    pub password_file: Option<PathBuf>,
    /// Encryption of the connection
    #[arg(long, default_value = "required", value_enum)]
    pub encrypt: Encrypt,
    /// Accept whatever certificate the server shows
    #[arg(long, num_args = 0..=1, default_value_t = false, default_missing_value = "true", value_name = "true|false",
          action = clap::ArgAction::Set)]
    pub trust_server_certificate: bool,
    /// PEM file with the certificate authority of the server's certificate; the system's if not given
    #[arg(long, value_name = "FILE")]
    pub server_ca: Option<PathBuf>,
}

/// Encryption of a connection to SQL Server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Encrypt {
    /// Everything is encrypted, or there is no connection.
    Required,
    /// Only the login is.
    LoginOnly,
    /// Nothing is, not even the password.
    Off,
}

impl ServerArgs {
    /// Host and port.
    pub fn address(&self) -> Result<(String, u16), CliError> {
        parse_address(&self.server)
    }

    /// The login's password.
    pub fn password(&self) -> Result<Zeroizing<String>, CliError> {
        secret::password(
            self.password_file.as_deref(),
            "REPL_PASSWORD",
            &format!("login {} at {}", self.login, self.server),
        )
    }
}

/// `host`, `host,port` or `tcp:host,port`, as SQL Server's own tools write it
/// (<https://learn.microsoft.com/sql/tools/sqlcmd/sqlcmd-connect-database-engine>).
fn parse_address(server: &str) -> Result<(String, u16), CliError> {
    let invalid = |why: &str| {
        CliError::new(format!("`{server}` is not a server such as sql1.example.com or 10.0.0.5,1433: {why}"))
    };
    let address = server.trim();
    let address = address.strip_prefix("tcp:").unwrap_or(address);
    let (host, port) = match address.split_once(',') {
        Some((host, port)) => {
            let port = port.trim().parse().ok().filter(|port| *port != 0);
            (host.trim(), port.ok_or_else(|| invalid("the port is not a number from 1 to 65535"))?)
        }
        None => (address, DEFAULT_PORT),
    };
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    if host.contains('\\') {
        return Err(invalid("an instance is reached by its port here; give host,port instead of host\\instance"));
    }
    if host.contains(':') && host.parse::<std::net::Ipv6Addr>().is_err() {
        return Err(invalid("the port stands after a comma"));
    }
    if host.is_empty() || host.contains(char::is_whitespace) {
        return Err(invalid("the host is missing"));
    }
    Ok((host.to_owned(), port))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::parse_address;

    #[test]
    fn addresses_are_those_of_the_servers_own_tools() {
        for (text, host, port) in [
            ("sql1", "sql1", 1433),
            ("127.0.0.1,14330", "127.0.0.1", 14330),
            ("tcp:sql1.example.com, 1434", "sql1.example.com", 1434),
            ("::1,1433", "::1", 1433),
            ("[::1]", "::1", 1433),
        ] {
            assert_eq!(parse_address(text).unwrap(), (host.to_owned(), port), "{text}");
        }
    }

    #[test]
    fn what_is_not_an_address_is_refused_with_its_reason() {
        for (text, why) in [
            ("", "host is missing"),
            ("sql1,0", "port"),
            ("sql1,70000", "port"),
            ("sql1:1433", "comma"),
            ("sql1\\dev", "instance"),
        ] {
            let error = parse_address(text).unwrap_err().to_string();
            assert!(error.contains(why), "{text}: {error}");
        }
    }
}
