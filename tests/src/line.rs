//! A whole replication line.

use crate::process::{Outcome, Process, run};
use crate::programs;
use crate::server::{TestDatabase, write_secret};
use crate::wait;
use sandbox::compare::{Side, compare};
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// Statements with which a snapshot agent looks where the keys of a table lie before it cuts it: for the first and the last one, in all and in
/// each of 16 ranges. For faults at what it does with the table afterwards.
pub const KEY_LOOKS: u32 = 2 + 2 * 16;

/// Two databases and the three roles. Everything lies in a temporary folder and ends with it.
pub struct Line {
    /// Running log reader, if started.
    pub publisher: Option<Process>,
    /// Running subscriber, if started.
    pub subscriber: Option<Process>,
    /// Running distributor, if started.
    pub distributor: Option<Process>,
    /// Where changes are made.
    pub source: TestDatabase,
    /// Where they arrive.
    pub target: TestDatabase,
    /// Address of the distributor.
    pub address: String,
    folder: TempDir,
}

/// Which database a command of a role works with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum At {
    /// The publication database.
    Source,
    /// The subscription database.
    Target,
}

impl Line {
    /// Two empty databases and a running distributor.
    ///
    /// # Panics
    /// When they cannot be had.
    pub async fn start() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let (source, target) =
            tokio::join!(TestDatabase::start("SOURCE", folder.path()), TestDatabase::start("TARGET", folder.path()));
        Self::between(source, target, folder).await
    }

    /// The same with databases of this collation.
    ///
    /// # Panics
    /// When they cannot be had.
    pub async fn start_with_collation(collation: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let source = TestDatabase::start_with_collation("SOURCE", folder.path(), collation).await;
        let target = TestDatabase::start_with_collation("TARGET", folder.path(), collation).await;
        Self::between(source, target, folder).await
    }

    /// The same, always on sandboxes: for tests that kill their servers.
    ///
    /// # Panics
    /// When they cannot be had.
    pub async fn start_on_sandboxes() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let source = TestDatabase::start_sandbox("SOURCE", folder.path()).await;
        let target = TestDatabase::start_sandbox("TARGET", folder.path()).await;
        Self::between(source, target, folder).await
    }

    async fn between(source: TestDatabase, target: TestDatabase, folder: TempDir) -> Self {
        let mut line = Self {
            publisher: None,
            subscriber: None,
            distributor: None,
            source,
            target,
            address: "127.0.0.1:0".to_owned(),
            folder,
        };
        std::fs::create_dir(line.path("snapshots")).expect("the folder is ours");
        write_secret(&line.path("admin.password"), "Distributor-Test-1!");
        let mut init = Command::new(programs::path("distributor"));
        init.arg("init").arg("--data-dir").arg(line.path("queue")).args([
            "--admin-login",
            "admin",
            "--admin-password-file",
        ]);
        init.arg(line.path("admin.password"));
        succeeded(run("distributor-init", init, line.folder()).await);
        line.start_distributor().await;
        line
    }

    /// The temporary folder.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A path in it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Starts the distributor, on the port it had before if it had one.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn start_distributor(&mut self) {
        self.start_distributor_with(&[]).await;
    }

    /// The same with more arguments.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn start_distributor_with(&mut self, more: &[&str]) {
        let mut command = Command::new(programs::path("distributor"));
        command.arg("run").arg("--data-dir").arg(self.path("queue")).args(["--listen", &self.address]).args(more);
        let process = Process::start("distributor", command, self.folder());
        self.address = process.line("listening on ").await;
        self.distributor = Some(process);
    }

    /// A command of a role for one of the databases, its connections set by the environment.
    pub fn command(&self, role: &str, at: At) -> Command {
        self.command_for(role, if at == At::Source { &self.source } else { &self.target })
    }

    /// A command of a role for any database.
    pub fn command_for(&self, role: &str, database: &TestDatabase) -> Command {
        let mut command = Command::new(programs::path(role));
        command
            .env("REPL_DISTRIBUTOR", &self.address)
            .env("REPL_DISTRIBUTOR_CA", self.path("queue/tls/cert.pem"))
            .env("REPL_DISTRIBUTOR_LOGIN", "admin")
            .env("REPL_DISTRIBUTOR_PASSWORD_FILE", self.path("admin.password"))
            .env("REPL_SERVER", format!("{},{}", database.server.host, database.server.port))
            .env("REPL_DATABASE", &database.name)
            .env("REPL_LOGIN", &database.server.login)
            .env("REPL_PASSWORD_FILE", &database.password_file)
            .env("REPL_TRUST_SERVER_CERTIFICATE", "true")
            .env("REPL_WORKING_DIRECTORY", format!("file://{}", self.path("snapshots").display()));
        command
    }

    /// A connection of the product to the source.
    ///
    /// # Panics
    /// When it cannot be had.
    pub async fn source_client(&self) -> sqlserver::Client {
        self.source.client().await
    }

    /// Runs a publisher command that must succeed.
    ///
    /// # Panics
    /// When it fails.
    pub async fn publisher_does(&self, arguments: &[&str]) -> String {
        succeeded(self.publisher_tries(arguments).await)
    }

    /// Runs a publisher command.
    pub async fn publisher_tries(&self, arguments: &[&str]) -> Outcome {
        let mut command = self.command("publisher", At::Source);
        command.args(arguments);
        run("publisher-command", command, self.folder()).await
    }

    /// Runs a subscriber command that must succeed.
    ///
    /// # Panics
    /// When it fails.
    pub async fn subscriber_does(&self, arguments: &[&str]) -> String {
        succeeded(self.subscriber_tries(arguments).await)
    }

    /// Runs a subscriber command.
    pub async fn subscriber_tries(&self, arguments: &[&str]) -> Outcome {
        let mut command = self.command("subscriber", At::Target);
        command.args(arguments);
        run("subscriber-command", command, self.folder()).await
    }

    /// Adds a publication of whole tables and makes the capture job quick.
    ///
    /// # Panics
    /// When that fails.
    pub async fn publish(&self, publication: &str, tables: &[&str]) {
        self.publisher_does(&["publication", "add", "--publication", publication]).await;
        for table in tables {
            self.publisher_does(&["article", "add", "--publication", publication, "--table", table]).await;
        }
        self.source.capture_at_once().await;
    }

    /// Starts the log reader.
    pub fn start_publisher(&mut self) {
        let mut command = self.command("publisher", At::Source);
        command.arg("run");
        self.publisher = Some(Process::start("publisher", command, self.folder()));
    }

    /// Starts the subscriber.
    pub fn start_subscriber(&mut self) {
        let mut command = self.command("subscriber", At::Target);
        command.args(["run", "--continuous"]);
        self.subscriber = Some(Process::start("subscriber", command, self.folder()));
    }

    /// Publishes whole tables, takes a snapshot, subscribes and starts publisher and subscriber.
    ///
    /// # Panics
    /// When any of that fails.
    pub async fn replicate(&mut self, tables: &[&str]) {
        self.replicate_as("p", tables).await;
    }

    /// The same with another publication than `p`.
    ///
    /// # Panics
    /// When any of that fails.
    pub async fn replicate_as(&mut self, publication: &str, tables: &[&str]) {
        self.publish(publication, tables).await;
        self.start_publisher();
        self.publisher_does(&["snapshot", "--publication", publication]).await;
        self.subscriber_does(&["subscription", "add", "--subscription", "s", "--publication", publication]).await;
        self.start_subscriber();
    }

    /// What `distributor status --output json` says.
    ///
    /// # Panics
    /// When it says nothing.
    pub async fn status(&self) -> serde_json::Value {
        let mut command = self.command("distributor", At::Source);
        command.args(["status", "--output", "json"]);
        let said = succeeded(run("status", command, self.folder()).await);
        serde_json::from_str(&said).unwrap_or_else(|e| panic!("status printed no JSON ({e}): {said}"))
    }

    /// Commits a row to the source's table `fence`, which must be published, and waits until it has arrived: what committed before
    /// it has then arrived too. The table is made by [`Line::make_fence`].
    ///
    /// # Panics
    /// When it does not arrive, or one of the roles has failed.
    pub async fn drain(&self) {
        let id = uuid::Uuid::new_v4();
        self.source.run(&format!("INSERT INTO dbo.fence (id) VALUES ('{id}')")).await;
        let mut target = self.target.connect().await;
        let query = format!("SELECT COUNT(*) FROM dbo.fence WHERE id = '{id}'");
        wait::until("the last committed row to arrive", async || {
            for process in [&self.publisher, &self.distributor, &self.subscriber].into_iter().flatten() {
                process.assert_sound();
            }
            let rows = target.run(&query).await.ok()?;
            (rows.first()?.get::<i32, _>(0)? == 1).then_some(())
        })
        .await;
    }

    /// Makes the table that [`Line::drain`] writes to.
    pub async fn make_fence(&self) {
        self.source.run("CREATE TABLE dbo.fence (id uniqueidentifier NOT NULL PRIMARY KEY)").await;
    }

    /// Asserts that a query gives the same on both sides, and at least one row; gives the number of rows.
    ///
    /// # Panics
    /// When it does not.
    pub async fn assert_equal(&self, sql: &str) -> u64 {
        self.assert_agrees(sql, sql).await
    }

    /// Asserts that two queries give the same, the first at the source, the second at the target.
    ///
    /// # Panics
    /// When they do not.
    pub async fn assert_agrees(&self, source: &str, target: &str) -> u64 {
        let left = Side { server: &self.source.server, database: &self.source.name, sql: source };
        let right = Side { server: &self.target.server, database: &self.target.name, sql: target };
        let result = compare(left, right).await.unwrap_or_else(|e| panic!("{e}"));
        assert!(result.differences.is_empty(), "{source} differs from {target}:\n{}", result.differences.join("\n"));
        assert!(result.rows > 0, "{source} gives no row: nothing was compared");
        result.rows
    }
}

/// What a program printed, having succeeded.
///
/// # Panics
/// When it failed.
pub fn succeeded(outcome: Outcome) -> String {
    assert!(outcome.status.success(), "{}: {}\n{}", outcome.status, outcome.stdout, outcome.stderr);
    outcome.stdout
}
