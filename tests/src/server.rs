//! Servers and databases for tests: sandboxes, or the real server named in `TEST_SQLSERVER_URL`.

use crate::process::Process;
use crate::programs;
use sandbox::client::{Connection, Server};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Password of `sa` at the sandboxes.
const PASSWORD: &str = "Sandbox-Test-1!";

/// A server with a database of the test's own.
pub struct TestDatabase {
    /// The server.
    pub server: Server,
    /// The database.
    pub name: String,
    /// File with the password, for the roles.
    pub password_file: PathBuf,
    /// The sandbox, unless the server is a real one.
    process: Option<Process>,
    folder: PathBuf,
}

impl TestDatabase {
    /// A server called `name` with an empty database that allows snapshot isolation.
    ///
    /// # Panics
    /// When it cannot be had.
    pub async fn start(name: &str, folder: &Path) -> Self {
        Self::start_at(name, folder, Server::from_environment(), "").await
    }

    /// The same with a database of this collation.
    ///
    /// # Panics
    /// When it cannot be had.
    pub async fn start_with_collation(name: &str, folder: &Path, collation: &str) -> Self {
        Self::start_at(name, folder, Server::from_environment(), &format!(" COLLATE {collation}")).await
    }

    /// The same, always on a sandbox: for tests that kill their server.
    ///
    /// # Panics
    /// When it cannot be had.
    pub async fn start_sandbox(name: &str, folder: &Path) -> Self {
        Self::start_at(name, folder, None, "").await
    }

    async fn start_at(name: &str, folder: &Path, real_server: Option<Server>, collate: &str) -> Self {
        let data = folder.join(name);
        let password_file = folder.join(format!("{name}.password"));
        let (server, process, database) = match real_server {
            Some(server) => {
                write_secret(&password_file, &server.password);
                let unique = uuid::Uuid::new_v4().simple().to_string();
                (server, None, format!("repltest_{}_{}", name.to_lowercase(), &unique[..12]))
            }
            None => {
                write_secret(&password_file, PASSWORD);
                let (process, port) = start_sandbox(name, &data, &password_file, 0).await;
                (Server::sandbox(name, port, PASSWORD), Some(process), "shop".to_owned())
            }
        };
        let this = Self { server, name: database, password_file, process, folder: folder.to_owned() };
        let mut master = this.server.connect("master").await.expect("the server takes connections");
        master.run(&format!("CREATE DATABASE [{}]{collate}", this.name)).await.expect("a database can be created");
        let allow = format!("ALTER DATABASE [{}] SET ALLOW_SNAPSHOT_ISOLATION ON", this.name);
        master.run(&allow).await.expect("snapshot isolation can be allowed");
        this
    }

    /// Connects to the test's database.
    ///
    /// # Panics
    /// When it cannot.
    pub async fn connect(&self) -> Connection {
        self.server.connect(&self.name).await.expect("the test's database takes connections")
    }

    /// Connects to it as the product does.
    ///
    /// # Panics
    /// When it cannot.
    pub async fn client(&self) -> sqlserver::Client {
        let options = sqlserver::ServerOptions {
            host: self.server.host.clone(),
            port: self.server.port,
            database: self.name.clone(),
            login: self.server.login.clone(),
            password: self.server.password.clone().into(),
            encryption: sqlserver::Encryption::LoginOnly,
            trust_server_certificate: true,
            server_ca: None,
            application_name: "test".to_owned(),
            connect_timeout: std::time::Duration::from_secs(60),
            command_timeout: Some(crate::wait::LIMIT),
        };
        sqlserver::Client::connect(&options).await.expect("the test's database takes the product's connections")
    }

    /// Runs a batch on a connection of its own.
    ///
    /// # Panics
    /// When it fails.
    pub async fn run(&self, sql: &str) {
        self.connect().await.run(sql).await.unwrap_or_else(|e| panic!("{e}"));
    }

    /// First column of the first row of a query, as an integer.
    ///
    /// # Panics
    /// When the query fails or gives none.
    pub async fn number(&self, sql: &str) -> i64 {
        let rows = self.connect().await.run(sql).await.unwrap_or_else(|e| panic!("{e}"));
        let row = rows.first().unwrap_or_else(|| panic!("no row: {sql}"));
        row.try_get::<i64, _>(0)
            .ok()
            .flatten()
            .or_else(|| row.try_get::<i32, _>(0).ok().flatten().map(i64::from))
            .unwrap_or_else(|| panic!("no integer: {sql}"))
    }

    /// Makes the capture job scan all the time, so that tests do not wait for its five seconds.
    ///
    /// # Panics
    /// When it fails.
    pub async fn capture_at_once(&self) {
        self.run(
            "EXEC sys.sp_cdc_change_job @job_type = N'capture', @pollinginterval = 0;
             EXEC sys.sp_cdc_stop_job @job_type = N'capture';
             EXEC sys.sp_cdc_start_job @job_type = N'capture';",
        )
        .await;
    }

    /// Waits until a fault has happened that a test armed at this sandbox.
    ///
    /// # Panics
    /// When it does not.
    pub async fn happened(&self, fault: i64) {
        let limit = crate::wait::LIMIT.as_millis();
        self.run(&format!("EXEC sys.sp_sandbox_wait_for_fault @fault_id = {fault}, @timeout_ms = {limit}")).await;
    }

    /// Kills the sandbox and starts it again on the same port and data.
    ///
    /// # Panics
    /// When the server is a real one.
    pub async fn restart(&mut self) {
        self.process.take().expect("only a sandbox can be restarted").kill();
        let data = self.folder.join(&self.server.name);
        let (process, _) = start_sandbox(&self.server.name, &data, &self.password_file, self.server.port).await;
        self.process = Some(process);
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        if self.process.is_some() {
            return;
        }
        // A database on a real server is dropped by a connection of its own, since this one's runtime may be gone.
        let (server, name) = (self.server.clone(), self.name.clone());
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
            runtime.block_on(async {
                let mut master = server.connect("master").await.ok()?;
                master.run(&format!("ALTER DATABASE [{name}] SET SINGLE_USER WITH ROLLBACK IMMEDIATE")).await.ok()?;
                master.run(&format!("DROP DATABASE [{name}]")).await.ok()
            })
        });
        if !matches!(dropped.join(), Ok(Some(_))) {
            eprintln!("the test database {} could not be dropped", self.name);
        }
    }
}

async fn start_sandbox(name: &str, data: &Path, password_file: &Path, port: u16) -> (Process, u16) {
    let mut command = Command::new(programs::path("sandbox"));
    command.args(["serve", "--server-name", name, "--port", &port.to_string(), "--data-dir"]).arg(data);
    command.arg("--sa-password-file").arg(password_file);
    let folder = data.parent().expect("the data directory lies in the test's folder");
    let process = Process::start(&format!("sandbox-{name}"), command, folder);
    let address = process.line("listening on ").await;
    let port = address.rsplit(':').next().and_then(|port| port.parse().ok()).expect("it says its port");
    (process, port)
}

/// Writes a file that only this user can read.
///
/// # Panics
/// When it cannot be written.
pub fn write_secret(path: &Path, secret: &str) {
    use std::io::Write;
    let folder = path.parent().expect("a file lies in a folder");
    let mut file = tempfile::NamedTempFile::new_in(folder).expect("the folder is ours");
    file.write_all(secret.as_bytes()).expect("the disk has room");
    file.persist(path).expect("the folder is ours");
}
