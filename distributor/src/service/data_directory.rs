//! The data directory: where everything stands, and who has it.
//!
//! ```text
//! VERSION          form of what is in here
//! lock             held by the process that serves it
//! tls/cert.pem     certificate, to be copied to the clients
//! tls/key.pem      its private key
//! catalog/log/     the catalog; catalog/index/ can always be made anew from it
//! queue/<number>/  the queue of a publication database
//! ```

use crate::catalog::{Catalog, plan};
use crate::error::{DistributorError, ErrorKind};
use crate::service::logins;
use fs4::fs_std::FileExt;
use proto::catalog::LoginRole;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

const VERSION: &str = "1";

/// A data directory that this process has for itself, until it is dropped.
#[derive(Debug)]
pub struct DataDirectory {
    path: PathBuf,
    _lock: File,
}

impl DataDirectory {
    /// Makes a data directory with a certificate for `localhost` and the given host names, and with its first login.
    pub fn init(
        path: &Path,
        hosts: &[String],
        admin_login: &str,
        admin_password: &str,
    ) -> Result<Self, DistributorError> {
        if path.join("VERSION").exists() {
            return Err(configuration(format!("{} is a data directory already", path.display())));
        }
        let failed = |e: std::io::Error| {
            let message = format!("cannot make the data directory {}", path.display());
            DistributorError::because(ErrorKind::Configuration, message, e)
        };
        private_directory(path).map_err(failed)?;
        let lock = take_lock(path)?;
        private_directory(&path.join("tls")).map_err(failed)?;
        private_directory(&path.join("queue")).map_err(failed)?;

        let mut names: Vec<String> = ["localhost", "127.0.0.1", "::1"].map(str::to_owned).to_vec();
        names.extend(hosts.iter().cloned());
        let certificate = rcgen::generate_simple_self_signed(names).map_err(|e| {
            DistributorError::because(ErrorKind::Configuration, "cannot make a certificate for these host names", e)
        })?;
        let directory = Self { path: path.to_owned(), _lock: lock };
        write(&directory.certificate(), certificate.cert.pem().as_bytes(), 0o644).map_err(failed)?;
        write(&directory.key(), certificate.signing_key.serialize_pem().as_bytes(), 0o600).map_err(failed)?;

        let refused = |refusal: proto::message::Refusal| configuration(refusal.message);
        let mut catalog = Catalog::open(&directory.catalog())?;
        let hash = logins::hash(admin_password).map_err(refused)?;
        // An earlier `init` may have come this far.
        if catalog.read(|contents| contents.login(admin_login))?.is_none() {
            let plan = |contents: crate::catalog::Contents<'_>| {
                Ok(plan::login_add(contents, admin_login, hash.clone(), LoginRole::Admin))
            };
            let planned = catalog.read(plan)?.map_err(refused)?;
            catalog.change(planned.changes)?;
        }
        drop(catalog);
        // Last: what has no version was not finished.
        write(&path.join("VERSION"), VERSION.as_bytes(), 0o600).map_err(failed)?;
        Ok(directory)
    }

    /// Takes one that was made before.
    pub fn open(path: &Path) -> Result<Self, DistributorError> {
        match std::fs::read_to_string(path.join("VERSION")) {
            Ok(version) if version.trim() == VERSION => {}
            Ok(version) => {
                return Err(configuration(format!(
                    "{} is of version {}, this program reads version {VERSION}",
                    path.display(),
                    version.trim()
                )));
            }
            Err(error) => {
                let message = format!("{} is not a data directory; `distributor init` makes one", path.display());
                return Err(DistributorError::because(ErrorKind::Configuration, message, error));
            }
        }
        Ok(Self { path: path.to_owned(), _lock: take_lock(path)? })
    }

    /// Itself.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The certificate.
    pub fn certificate(&self) -> PathBuf {
        self.path.join("tls").join("cert.pem")
    }

    /// The certificate's private key.
    pub fn key(&self) -> PathBuf {
        self.path.join("tls").join("key.pem")
    }

    /// The catalog.
    pub fn catalog(&self) -> PathBuf {
        self.path.join("catalog")
    }

    /// Numbers of the queues that are there.
    pub fn queues(&self) -> Vec<u32> {
        let entries = std::fs::read_dir(self.path.join("queue")).into_iter().flatten().flatten();
        entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
    }

    /// A queue.
    pub fn queue(&self, number: u32) -> PathBuf {
        self.path.join("queue").join(format!("{number:06}"))
    }
}

fn take_lock(path: &Path) -> Result<File, DistributorError> {
    let lock_path = path.join("lock");
    let failed = |e| {
        let message = format!("cannot take {}", lock_path.display());
        DistributorError::because(ErrorKind::Configuration, message, e)
    };
    let lock = OpenOptions::new().create(true).truncate(false).write(true).open(&lock_path).map_err(failed)?;
    match FileExt::try_lock_exclusive(&lock) {
        Ok(true) => Ok(lock),
        Ok(false) => Err(DistributorError::new(
            ErrorKind::InUse,
            format!("another distributor is running on {}; end that one first", path.display()),
        )),
        Err(error) => Err(failed(error)),
    }
}

fn configuration(message: String) -> DistributorError {
    DistributorError::new(ErrorKind::Configuration, message)
}

fn private_directory(path: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(path)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o700))?;
    }
    Ok(())
}

fn write(path: &Path, content: &[u8], mode: u32) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
    options.create(true).truncate(true).write(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(mode);
    }
    #[cfg(not(unix))]
    let _ = mode;
    let mut file = options.open(path)?;
    file.write_all(content)?;
    file.sync_all()
}
