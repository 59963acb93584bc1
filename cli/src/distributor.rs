//! How to reach the distributor.

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
