//! Sets the migration up, with the commands that a user would type.

use super::database::{self, DATABASE, TABLES};
use super::processes::{Process, Programs, run};
use super::{DemoError, step};
use crate::client::{Connection, Server};
use serde_json::Value;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tokio::process::Command;

const PUBLICATION: &str = "sports";
const SUBSCRIPTION: &str = "sports-to-cloud";
/// How long the first snapshot may take to arrive.
const START_LIMIT: Duration = Duration::from_secs(180);

/// Both servers, the three roles, and how to talk to them.
pub struct Migration {
    /// Where the database is.
    pub on_premises: Server,
    /// Where it goes.
    pub managed: Server,
    folder: PathBuf,
    programs: Programs,
    distributor: String,
    processes: Vec<Process>,
}

/// What the distributor says of the subscription.
pub struct QueueStatus {
    /// Transactions applied so far.
    pub applied: u64,
    /// Transactions that wait.
    pub pending: u64,
    /// State of the subscription.
    pub state: String,
    /// Last error.
    pub error: Option<String>,
}

impl Migration {
    /// Starts the servers and the distributor and makes the database.
    pub async fn prepare(programs: Programs, folder: PathBuf) -> Result<Self, DemoError> {
        for name in ["sa", "distributor"] {
            secret(&folder.join(format!("{name}.password")))?;
        }
        let password = std::fs::read_to_string(folder.join("sa.password")).map_err(io(&folder))?;
        let mut processes = Vec::new();
        let mut servers = Vec::new();
        step("starting two sandbox servers: the shop's own one and the managed instance");
        for (name, folder_name) in [("ONPREM", "on-premises"), ("MANAGED", "managed")] {
            let this = std::env::current_exe().map_err(io(&folder))?;
            let mut command = Command::new(this);
            command
                .args(["serve", "--port", "0", "--server-name", name, "--data-dir"])
                .arg(folder.join(folder_name))
                .arg("--sa-password-file")
                .arg(folder.join("sa.password"));
            let log = folder.join(format!("{folder_name}.log"));
            let (process, address) =
                Process::start(&format!("sandbox server {name}"), command, log, Some("listening on ")).await?;
            processes.push(process);
            println!("  {name} listens on {address}");
            servers.push(Server::sandbox(name, port_of(&address)?, &password));
        }
        let (managed, on_premises) = (servers.pop().expect("two were pushed"), servers.pop().expect("two were pushed"));

        step(&format!("making the database {DATABASE}"));
        let mut master = on_premises.connect("master").await?;
        let mut db = database::create(&mut master, async |name| on_premises.connect(name).await).await?;
        for table in TABLES {
            println!("  {:<24} {:>6} rows", table.name, count(&mut db, table.name).await?);
        }
        managed.connect("master").await?.run(&format!("CREATE DATABASE {DATABASE}")).await?;

        let mut migration = Self { on_premises, managed, folder, programs, distributor: String::new(), processes };
        migration.start_distributor().await?;
        Ok(migration)
    }

    async fn start_distributor(&mut self) -> Result<(), DemoError> {
        step("starting the distributor");
        let data = self.folder.join("distributor");
        let mut init = Command::new(self.programs.path("distributor"));
        init.arg("init").arg("--data-dir").arg(&data).args(["--admin-login", "admin", "--admin-password-file"]);
        init.arg(self.folder.join("distributor.password"));
        self.show(&mut init).await?;
        let mut command = Command::new(self.programs.path("distributor"));
        command.arg("run").arg("--data-dir").arg(&data).args(["--listen", "127.0.0.1:0"]);
        let log = self.folder.join("distributor.log");
        let (process, address) = Process::start("distributor", command, log, Some("listening on ")).await?;
        println!("  the distributor listens on {address}, TLS with its own certificate");
        self.distributor = address;
        self.processes.push(process);
        Ok(())
    }

    /// A command of a role with its connections set by the environment, as a service would have them.
    fn command(&self, role: &str) -> Command {
        let mut command = Command::new(self.programs.path(role));
        let server = if role == "publisher" { &self.on_premises } else { &self.managed };
        for (name, value) in self.environment(server) {
            command.env(name, value);
        }
        command
    }

    fn environment(&self, server: &Server) -> Vec<(&'static str, String)> {
        let path = |name: &str| self.folder.join(name).display().to_string();
        vec![
            ("REPL_DISTRIBUTOR", self.distributor.clone()),
            ("REPL_DISTRIBUTOR_CA", path("distributor/tls/cert.pem")),
            ("REPL_DISTRIBUTOR_LOGIN", "admin".to_owned()),
            ("REPL_DISTRIBUTOR_PASSWORD_FILE", path("distributor.password")),
            ("REPL_SERVER", format!("127.0.0.1,{}", server.port)),
            ("REPL_DATABASE", DATABASE.to_owned()),
            ("REPL_LOGIN", "sa".to_owned()),
            ("REPL_PASSWORD_FILE", path("sa.password")),
            ("REPL_TRUST_SERVER_CERTIFICATE", "true".to_owned()),
            ("REPL_WORKING_DIRECTORY", format!("file://{}", path("snapshots"))),
        ]
    }

    /// Runs a command of a role and shows it as a user would type it.
    async fn show(&self, command: &mut Command) -> Result<String, DemoError> {
        let std = command.as_std();
        let name = Path::new(std.get_program()).file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let arguments: Vec<String> = std.get_args().map(|a| quote(&a.to_string_lossy())).collect();
        println!("  $ {name} {}", arguments.join(" "));
        run(&name, command).await
    }

    /// Publishes the tables, starts the log reader, and takes the snapshot.
    pub async fn publish(&mut self) -> Result<(), DemoError> {
        step("publishing: the tables, a column filter on customers, a row filter on stock movements");
        self.show(self.command("publisher").args(["publication", "add", "--publication", PUBLICATION])).await?;
        for table in TABLES {
            let mut add = self.command("publisher");
            add.args(["article", "add", "--publication", PUBLICATION, "--table", table.name]);
            if !table.columns.is_empty() {
                add.args(["--columns", table.columns]);
            }
            if !table.filter.is_empty() {
                add.args(["--filter", table.filter]);
            }
            self.show(&mut add).await?;
        }
        // A publisher that polls the log this often wants a capture job that does so too.
        self.on_premises
            .connect(DATABASE)
            .await?
            .run("EXEC sys.sp_cdc_change_job @job_type = N'capture', @pollinginterval = 0; EXEC sys.sp_cdc_stop_job @job_type = N'capture'; EXEC sys.sp_cdc_start_job @job_type = N'capture';")
            .await?;
        let mut reader = self.command("publisher");
        reader.arg("run");
        println!("  $ publisher run");
        self.start("publisher", reader).await?;
        step("taking a snapshot beside the running workload");
        std::fs::create_dir_all(self.folder.join("snapshots")).map_err(io(&self.folder))?;
        let said = self.show(self.command("publisher").args(["snapshot", "--publication", PUBLICATION])).await?;
        for line in said.lines() {
            println!("  {line}");
        }
        Ok(())
    }

    /// Subscribes the managed instance and starts the subscriber.
    pub async fn subscribe(&mut self) -> Result<(), DemoError> {
        step("subscribing the managed instance");
        let mut add = self.command("subscriber");
        add.args(["subscription", "add", "--subscription", SUBSCRIPTION, "--publication", PUBLICATION]);
        self.show(&mut add).await?;
        let mut subscriber = self.command("subscriber");
        subscriber.args(["run", "--continuous"]);
        println!("  $ subscriber run --continuous");
        self.start("subscriber", subscriber).await
    }

    async fn start(&mut self, role: &str, command: Command) -> Result<(), DemoError> {
        let log = self.folder.join(format!("{role}.log"));
        let (process, _) = Process::start(role, command, log, None).await?;
        self.processes.push(process);
        Ok(())
    }

    /// An error if a process ended by itself.
    pub fn check(&mut self) -> Result<(), DemoError> {
        self.processes.iter_mut().find_map(Process::has_ended).map_or(Ok(()), Err)
    }

    /// What the distributor says.
    pub async fn status(&self) -> Result<QueueStatus, DemoError> {
        let text = run("distributor status", self.command("distributor").args(["status", "--output", "json"])).await?;
        let status: Value = serde_json::from_str(&text)
            .map_err(|e| DemoError::new(format!("distributor status printed no JSON: {e}")))?;
        let subscription = &status["subscriptions"][0];
        Ok(QueueStatus {
            applied: subscription["transactions"].as_u64().unwrap_or_default(),
            pending: subscription["pending_transactions"].as_u64().unwrap_or_default(),
            state: subscription["state"].as_str().unwrap_or_default().to_owned(),
            error: subscription["error"].as_str().map(str::to_owned),
        })
    }

    /// Waits until the subscription has loaded its snapshot and applies transactions.
    pub async fn wait_until_active(&mut self) -> Result<(), DemoError> {
        let started = Instant::now();
        loop {
            self.check()?;
            let status = self.status().await?;
            if let Some(error) = status.error {
                return Err(DemoError::new(format!("the subscription failed: {error}")));
            }
            if status.state == "active" {
                println!("  active after {:.1} s", started.elapsed().as_secs_f64());
                return Ok(());
            }
            if started.elapsed() > START_LIMIT {
                return Err(DemoError::new(format!(
                    "the subscription is still {} after {START_LIMIT:?}",
                    status.state
                )));
            }
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
    }

    /// Commits one last row and waits until it has arrived; what committed before it has then arrived too.
    pub async fn wait_until_drained(&mut self, limit: Duration) -> Result<(), DemoError> {
        let mut db = self.on_premises.connect(DATABASE).await?;
        let rows = db
            .run("SET NOCOUNT ON; INSERT INTO sales.price_changes (product_id, old_price, new_price) VALUES (0, 0, 0); SELECT CAST(SCOPE_IDENTITY() AS int)")
            .await?;
        let last = rows.first().and_then(|row| row.get::<i32, _>(0)).ok_or_else(|| DemoError::new("no last row"))?;
        let mut target = self.managed.connect(DATABASE).await?;
        let started = Instant::now();
        loop {
            self.check()?;
            let arrived =
                target.query("SELECT COUNT(*) FROM sales.price_changes WHERE price_change_id = @P1", &[&last]).await?;
            if arrived.first().and_then(|row| row.get::<i32, _>(0)) == Some(1) {
                return Ok(());
            }
            if started.elapsed() > limit {
                return Err(DemoError::new(format!("the last transaction has not arrived after {limit:?}")));
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Name, memory and peak memory (MiB) of each role.
    pub fn memory(&self) -> Vec<(String, u64, u64)> {
        let roles = self.processes.iter().filter(|p| !p.name.starts_with("sandbox"));
        roles.filter_map(|p| p.memory().map(|(now, peak)| (p.name.clone(), now, peak))).collect()
    }

    /// Says how to connect and what to try.
    pub fn invite(&self) {
        println!("\nEverything keeps running until Ctrl-C. In another terminal:");
        println!("\n  # the settings of the roles");
        for (name, value) in self.environment(&self.on_premises) {
            println!("  export {name}={}", quote(&value));
        }
        println!("\n  # what the distributor sees, every second");
        println!("  {} status --watch", self.programs.path("distributor").display());
        println!("\n  # change something and look for it on the other side (any TDS client; here FreeTDS)");
        let password = self.folder.join("sa.password");
        println!("  cat {}      # the password", quote(&password.display().to_string()));
        for server in [&self.on_premises, &self.managed] {
            println!("  tsql -H 127.0.0.1 -p {} -U sa -D {DATABASE}      # {}", server.port, server.name);
        }
        println!("      UPDATE catalog.products SET price = 9.99 WHERE product_id = 1");
        println!("      SELECT product_id, price FROM catalog.products WHERE product_id = 1");
        println!(
            "\n  # kill a role with kill -9 and start it again by hand with the settings above: it goes on where it was"
        );
        println!("  # logs, queue and snapshot: {}", self.folder.display());
    }

    /// Stays until Ctrl-C, and says so when a process ends before.
    pub async fn stay(&mut self) {
        loop {
            self.processes.retain_mut(|process| match process.has_ended() {
                Some(error) => {
                    println!("\n{error}");
                    false
                }
                None => true,
            });
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }

    /// Ends all processes, the last started first.
    pub async fn stop(self) {
        for process in self.processes.into_iter().rev() {
            process.stop().await;
        }
    }
}

async fn count(db: &mut Connection, table: &str) -> Result<i32, DemoError> {
    let rows = db.run(&format!("SELECT COUNT(*) FROM {table}")).await?;
    rows.first().and_then(|row| row.get::<i32, _>(0)).ok_or_else(|| DemoError::new(format!("{table} has no count")))
}

/// Writes a new random password that only this user can read.
fn secret(path: &Path) -> Result<(), DemoError> {
    std::fs::write(path, "").map_err(io(path))?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).map_err(io(path))?;
    std::fs::write(path, format!("Demo-{}", uuid::Uuid::new_v4().simple())).map_err(io(path))
}

fn io(path: &Path) -> impl Fn(std::io::Error) -> DemoError {
    move |error| DemoError::new(format!("{}: {error}", path.display()))
}

fn port_of(address: &str) -> Result<u16, DemoError> {
    let port = address.rsplit(':').next().and_then(|port| port.parse().ok());
    port.ok_or_else(|| DemoError::new(format!("`{address}` has no port")))
}

fn quote(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:,=".contains(c);
    if text.chars().all(plain) { text.to_owned() } else { format!("'{}'", text.replace('\'', r"'\''")) }
}
