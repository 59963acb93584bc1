//! How to get into a working directory.

use crate::error::CliError;
use crate::secret;
use std::path::PathBuf;
use zeroize::Zeroizing;

/// What names the secret in the environment.
const PASSWORD: &str = "REPL_WORKING_DIRECTORY_PASSWORD";

/// The working directory that a command cannot do without.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Working directory")]
pub struct WorkingDirectoryArgs {
    /// Folder that publisher and subscriber share, as a URL such as file:///srv/repldata
    #[arg(long, value_name = "URL")]
    pub working_directory: String,
    /// How to get in.
    #[command(flatten)]
    pub access: WorkingDirectoryAccess,
}

/// Who one is to a working directory on a share or in a storage account.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Working directory")]
pub struct WorkingDirectoryAccess {
    /// Account of the share; for Azure, the storage account's name is taken from the URL
    #[arg(long, value_name = "NAME")]
    pub working_directory_login: Option<String>,
    /// File with the share's password, the storage account's key or a shared access signature (or set REPL_WORKING_DIRECTORY_PASSWORD)
    #[arg(long, value_name = "FILE")]
    pub working_directory_password_file: Option<PathBuf>,
}

impl WorkingDirectoryAccess {
    /// The secret, if there is one.
    pub fn secret(&self) -> Result<Option<Zeroizing<String>>, CliError> {
        if self.working_directory_password_file.is_none() && std::env::var_os(PASSWORD).is_none() {
            return Ok(None);
        }
        secret::password(self.working_directory_password_file.as_deref(), PASSWORD, "the working directory").map(Some)
    }
}
