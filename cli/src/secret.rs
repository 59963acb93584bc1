//! Passwords: from a file that only its owner and group can read, or from the environment; never from a flag, which every user
//! of the machine could see in the list of processes.

use crate::error::CliError;
use std::io::Read;
use std::path::Path;
use zeroize::Zeroizing;

/// Longest password, in bytes: SQL Server allows 128 characters.
const MAX_PASSWORD: u64 = 1024;

/// Reads a password: from `file` if given, otherwise from the environment variable `env`. `what` says whose it is in errors,
/// e.g. "login replication". One line end at the end of the file does not belong to the password.
pub fn password(file: Option<&Path>, env: &str, what: &str) -> Result<Zeroizing<String>, CliError> {
    match file {
        Some(path) => from_file(path, what),
        None => match std::env::var(env) {
            Ok(password) => Ok(Zeroizing::new(password)),
            Err(std::env::VarError::NotPresent) => {
                Err(CliError::new(format!("no password for {what}: give a password file or set {env}")))
            }
            Err(std::env::VarError::NotUnicode(_)) => {
                Err(CliError::new(format!("the password for {what} in {env} is not valid UTF-8")))
            }
        },
    }
}

fn from_file(path: &Path, what: &str) -> Result<Zeroizing<String>, CliError> {
    let shown = path.display();
    let failed =
        |error: std::io::Error| CliError::because(format!("cannot read the password for {what} from {shown}"), error);
    let file = std::fs::File::open(path).map_err(failed)?;
    refuse_open_permissions(&file.metadata().map_err(failed)?, path)?;
    let mut text = Zeroizing::new(String::with_capacity(MAX_PASSWORD as usize + 1));
    file.take(MAX_PASSWORD + 1).read_to_string(&mut text).map_err(failed)?;
    if text.len() as u64 > MAX_PASSWORD {
        return Err(CliError::new(format!("{shown} is longer than the {MAX_PASSWORD} bytes a password may have")));
    }
    if text.ends_with('\n') {
        text.pop();
        if text.ends_with('\r') {
            text.pop();
        }
    }
    if text.is_empty() {
        return Err(CliError::new(format!("the password file {shown} for {what} is empty")));
    }
    Ok(text)
}

#[cfg(unix)]
fn refuse_open_permissions(metadata: &std::fs::Metadata, path: &Path) -> Result<(), CliError> {
    use std::os::unix::fs::PermissionsExt;
    if metadata.is_file() && metadata.permissions().mode() & 0o007 != 0 {
        let shown = path.display();
        return Err(CliError::new(format!(
            "the password file {shown} is open to every user of this machine; close it with: chmod 600 {shown}"
        )));
    }
    Ok(())
}

#[cfg(not(unix))]
fn refuse_open_permissions(_: &std::fs::Metadata, _: &Path) -> Result<(), CliError> {
    Ok(())
}

#[cfg(all(test, unix))]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::password;
    use std::os::unix::fs::PermissionsExt;
    use std::path::PathBuf;

    fn file(directory: &tempfile::TempDir, content: &str, mode: u32) -> PathBuf {
        let path = directory.path().join("password");
        std::fs::write(&path, content).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        path
    }

    #[test]
    fn one_line_end_is_not_part_of_the_password() {
        let directory = tempfile::tempdir().unwrap();
        for (content, expected) in [("secret\n", "secret"), ("secret\r\n", "secret"), ("s \n\n", "s \n"), ("s", "s")] {
            let path = file(&directory, content, 0o600);
            assert_eq!(password(Some(&path), "NOT_SET", "login a").unwrap().as_str(), expected);
        }
    }

    #[test]
    fn a_file_that_everybody_can_read_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = file(&directory, "secret", 0o644);
        let error = password(Some(&path), "NOT_SET", "login a").unwrap_err().to_string();
        assert!(error.contains("chmod 600"), "{error}");
        assert!(!error.contains("secret"), "{error}");
    }

    #[test]
    fn nothing_given_says_what_to_give() {
        let error = password(None, "REPL_NOT_SET_ANYWHERE", "login a").unwrap_err().to_string();
        assert!(error.contains("REPL_NOT_SET_ANYWHERE") && error.contains("login a"), "{error}");
    }

    #[test]
    fn an_empty_file_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = file(&directory, "\n", 0o600);
        assert!(password(Some(&path), "NOT_SET", "login a").is_err());
    }
}
