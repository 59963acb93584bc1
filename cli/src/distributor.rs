//! How to reach the distributor.

use crate::error::CliError;
use crate::secret;
use proto::transport::{ClientTls, ConnectOptions};
use std::path::PathBuf;

/// The distributor and a login there.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Distributor")]
pub struct DistributorArgs {
    /// Distributor
    #[arg(long, default_value = "127.0.0.1:4710", value_name = "HOST:PORT")]
    pub distributor: String,
    /// Encryption of the connection to the distributor
    #[arg(long, default_value = "on", value_enum)]
    pub distributor_tls: Tls,
    /// PEM file with the distributor's certificate, or the authority that signed it
    #[arg(long, value_name = "FILE")]
    pub distributor_ca: Option<PathBuf>,
    /// Name in the distributor's certificate, where it is not the host
    #[arg(long, value_name = "NAME")]
    pub distributor_server_name: Option<String>,
    /// Login at the distributor
    #[arg(long, value_name = "LOGIN")]
    pub distributor_login: String,
    /// File with that login's password (or set REPL_DISTRIBUTOR_PASSWORD)
    #[arg(long, value_name = "FILE")]
    pub distributor_password_file: Option<PathBuf>,
}

/// Encryption of the connection to the distributor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Tls {
    /// Encrypted, the certificate verified.
    On,
    /// In the clear, the password too.
    Off,
}

impl DistributorArgs {
    /// What the transport needs. `client` is the program's name; the machine's is added for the distributor's `status` and logs.
    pub fn connect_options(&self, client: &str) -> Result<ConnectOptions, CliError> {
        let tls = match (self.distributor_tls, &self.distributor_ca) {
            (Tls::Off, _) => ClientTls::Off,
            (Tls::On, Some(file)) => ClientTls::Ca(file.clone()),
            (Tls::On, None) => {
                return Err(CliError::new(
                    "distributor-ca is missing: give the distributor's certificate (`distributor init` makes it as \
                     tls/cert.pem in its data directory), or set distributor-tls = \"off\" for a connection in the clear",
                ));
            }
        };
        let what = format!("login {} at the distributor {}", self.distributor_login, self.distributor);
        Ok(ConnectOptions {
            address: self.distributor.clone(),
            tls,
            server_name: self.distributor_server_name.clone(),
            login: self.distributor_login.clone(),
            password: secret::password(self.distributor_password_file.as_deref(), "REPL_DISTRIBUTOR_PASSWORD", &what)?,
            client: format!("{client}@{}", machine()),
        })
    }
}

/// This machine's name, as far as it is told.
fn machine() -> String {
    let told = std::env::var("HOSTNAME").ok().or_else(|| std::fs::read_to_string("/etc/hostname").ok());
    told.map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).unwrap_or_else(|| "localhost".to_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::{DistributorArgs, Tls};

    #[test]
    fn encryption_is_left_out_only_when_that_is_said() {
        let args = DistributorArgs {
            distributor: "127.0.0.1:4710".to_owned(),
            distributor_tls: Tls::On,
            distributor_ca: None,
            distributor_server_name: None,
            distributor_login: "pub".to_owned(),
            distributor_password_file: None,
        };
        assert!(args.connect_options("publisher").err().unwrap().to_string().contains("distributor-ca is missing"));
    }
}
