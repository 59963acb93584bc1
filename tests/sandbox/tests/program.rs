//! The program `sandbox serve`: says where it listens, serves, and ends cleanly.
#![allow(clippy::unwrap_used)]

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tiberius::{AuthMethod, Client, Config, EncryptionLevel};
use tokio::net::TcpStream;
use tokio_util::compat::TokioAsyncWriteCompatExt;

/// Longest that a test waits for anything.
const LIMIT: Duration = Duration::from_secs(120);

/// Ends the process with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn serve(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sandbox"));
    command.args(["serve", "--port", "0"]).args(arguments).stdout(Stdio::piped()).stderr(Stdio::null());
    command.env("SANDBOX_SA_PASSWORD", "Pa55 word!");
    command
}

/// Starts it and waits until it listens.
fn start(arguments: &[&str]) -> (Running, u16) {
    let mut running = Running(serve(arguments).spawn().unwrap());
    let mut line = String::new();
    BufReader::new(running.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let port = line.trim_end().strip_prefix("listening on 127.0.0.1:").expect(&line).parse().unwrap();
    (running, port)
}

/// Asks it to end as a service manager does, and returns whether it ended well.
#[cfg(unix)]
fn terminate(mut running: Running) -> bool {
    let killed = Command::new("kill").args(["-TERM", &running.0.id().to_string()]).status().unwrap();
    assert!(killed.success());
    let deadline = Instant::now() + LIMIT;
    loop {
        match running.0.try_wait().unwrap() {
            Some(status) => return status.success(),
            None if Instant::now() > deadline => return false,
            None => std::thread::sleep(Duration::from_millis(5)),
        }
    }
}

async fn names_of_databases(port: u16, authority: &std::path::Path) -> Vec<String> {
    let mut config = Config::new();
    config.host("localhost");
    config.port(port);
    config.authentication(AuthMethod::sql_server("sa", "Pa55 word!"));
    config.encryption(EncryptionLevel::Required);
    config.trust_cert_ca(authority.display());
    let stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let mut client = Box::pin(Client::connect(config, stream.compat_write())).await.unwrap();
    client.execute("IF DB_ID(N'kept') IS NULL CREATE DATABASE kept", &[]).await.unwrap();
    let found = client.simple_query("SELECT name FROM sys.databases").await.unwrap().into_first_result().await.unwrap();
    found.iter().map(|row| row.get::<&str, _>(0).unwrap().to_owned()).collect()
}

#[cfg(unix)]
#[tokio::test]
async fn it_serves_over_tls_until_it_is_asked_to_end_and_keeps_its_data() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let authority = folder.path().join("authority.pem");
    let arguments =
        ["--data-dir", data.to_str().unwrap(), "--tls", "required", "--tls-cert-out", authority.to_str().unwrap()];
    for _ in 0..2 {
        let (running, port) = start(&arguments);
        assert!(names_of_databases(port, &authority).await.contains(&"kept".to_owned()));
        assert!(terminate(running), "it did not end with status 0");
    }
    assert!(data.is_dir());
}

#[test]
fn without_a_password_it_says_how_to_give_one() {
    let output = serve(&[]).env_remove("SANDBOX_SA_PASSWORD").stderr(Stdio::piped()).output().unwrap();
    assert!(!output.status.success());
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.contains("SANDBOX_SA_PASSWORD"), "{error}");
}
