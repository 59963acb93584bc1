//! Clients that nobody here wrote run whole sessions against the sandbox: Microsoft's ODBC driver (inside PyPI's
//! `mssql-python`), npm's `tedious`, Debian's FreeTDS and PyPI's `python-tds`. `tests/run` installs them.
//!
//! A session is a script of steps beside this file. It checks what its client makes of the sandbox's answers, prints the name
//! of each step that held, and ends with an error at the first that did not. The tests here start a server for it and
//! compare the steps, so that a script which ends early or leaves a step out does not pass.
#![allow(clippy::unwrap_used)]

mod freetds;
mod mssql_python;
mod program;
mod python_tds;
mod tedious;

use sandbox::cdc::ChangeDataCapture;
use sandbox::engine::{EngineOptions, SqliteEngine};
use sandbox::server::{Certificate, InProcess, ServerOptions, TlsMode, start_in_process};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Password of `sa`; a semicolon and braces would need quoting in an ODBC connection string, a blank in a shell.
const PASSWORD: &str = "Pa55 word!";

/// How a client is to connect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Protection {
    /// The server has no TLS.
    Plain,
    /// TDS 7.x with everything encrypted, the server's certificate verified.
    Encrypted,
    /// TDS 8.0: TLS first, the server's certificate verified.
    Strict,
}

impl Protection {
    /// What the scripts call it.
    fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Encrypted => "encrypted",
            Self::Strict => "strict",
        }
    }
}

/// A server, and the folder where its client finds what it needs.
struct Sandbox {
    server: InProcess,
    protection: Protection,
    folder: tempfile::TempDir,
}

impl Sandbox {
    /// Starts one with an empty database `shop`.
    fn start(protection: Protection) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let databases = folder.path().join("databases");
        std::fs::create_dir(&databases).unwrap();
        let capture = Arc::new(ChangeDataCapture::default());
        let engine = SqliteEngine::open_with(&databases, EngineOptions::new(PASSWORD), capture).unwrap();
        let (tls, certificate) = match protection {
            Protection::Plain => (TlsMode::Off, None),
            Protection::Encrypted | Protection::Strict => {
                (TlsMode::Required, Some(Certificate::generate(&[]).unwrap()))
            }
        };
        let server = start_in_process(engine, ServerOptions { tls, certificate, ..ServerOptions::default() }).unwrap();
        if let Some(pem) = server.authority_pem() {
            std::fs::write(folder.path().join("authority.pem"), pem).unwrap();
        }
        Self { server, protection, folder }
    }

    fn port(&self) -> u16 {
        self.server.local_addr().port()
    }

    fn authority(&self) -> PathBuf {
        self.folder.path().join("authority.pem")
    }

    /// A script's environment: where the server is, how to connect, and the password, which has no place in an argument.
    fn environment(&self) -> Vec<(&'static str, String)> {
        let mut variables = vec![
            ("SANDBOX_PORT", self.port().to_string()),
            ("SANDBOX_PASSWORD", PASSWORD.to_owned()),
            ("SANDBOX_PROTECTION", self.protection.name().to_owned()),
        ];
        if self.protection != Protection::Plain {
            let authority = self.authority().to_string_lossy().into_owned();
            variables.push(("SANDBOX_AUTHORITY", authority.clone()));
            // Where OpenSSL looks, for clients that take no file.
            variables.push(("SSL_CERT_FILE", authority));
        }
        variables
    }
}

/// The folder of the scripts.
fn scripts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients")
}

/// The folder that `tests/run` fills from PyPI and npm: `clients` in Cargo's target folder.
fn installed() -> PathBuf {
    let temporary = Path::new(env!("CARGO_TARGET_TMPDIR"));
    temporary.parent().expect("the target folder is above it").join("clients")
}
