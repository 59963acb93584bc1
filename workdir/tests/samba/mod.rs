//! Debian's Samba, a file server nobody here wrote: a process for a test, on loopback, with users and shares of its own.
#![allow(dead_code, reason = "each program that includes this uses a part")]

use std::fs::File;
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::ops::Range;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// The password of [`Samba::login`].
pub const PASSWORD: &str = "a pass phrase";
/// The share that may be written.
pub const SHARE: &str = "repl data";
/// The same folder as a share that may only be read.
pub const READ_ONLY: &str = "readonly";
/// Longest that it may take to start.
const LIMIT: Duration = Duration::from_secs(60);
/// What it takes: as Azure's shares are, so is this one by itself.
pub const ENCRYPTED: &str =
    "server smb encrypt = required\nserver signing = mandatory\nserver min protocol = SMB3_11\n";

/// A server and the folder that it shares.
pub struct Samba {
    port: u16,
    smbd: Option<Child>,
    /// Unix user that everything is done as: Samba maps its users to those of the system.
    user: String,
    folder: TempDir,
}

impl Samba {
    /// Starts a server that encrypts.
    pub fn start() -> Self {
        Self::start_with(ENCRYPTED)
    }

    /// Starts a server with these settings of encryption.
    pub fn start_with(settings: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let user = String::from_utf8(run(Command::new("id").arg("-un")).stdout).expect("names are text");
        let mut samba = Self { port: free_port(), smbd: None, user: user.trim().to_owned(), folder };
        for name in ["share", "private", "lock", "state", "cache", "pid", "ncalrpc"] {
            std::fs::create_dir(samba.path(name)).expect("a folder can be made");
        }
        samba.configure(settings);
        samba.make_user();
        samba.come_back();
        samba
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn configure(&self, settings: &str) {
        let at = self.folder.path().display();
        let mut text = format!(
            "[global]\nserver role = standalone server\ninterfaces = 127.0.0.1/8\nbind interfaces only = yes\n\
             smb ports = {}\ndisable netbios = yes\nmap to guest = never\nload printers = no\nprinting = bsd\n\
             disable spoolss = yes\npassdb backend = tdbsam:{at}/private/passdb.tdb\nlog file = {at}/log\n{settings}",
            self.port
        );
        for name in
            ["private dir", "lock directory", "state directory", "cache directory", "pid directory", "ncalrpc dir"]
        {
            let folder = name.split(' ').next().expect("it has a word");
            text.push_str(&format!("{name} = {at}/{folder}\n"));
        }
        for (name, read_only) in [(SHARE, "no"), (READ_ONLY, "yes")] {
            text.push_str(&format!("[{name}]\npath = {at}/share\nread only = {read_only}\n"));
        }
        std::fs::write(self.path("smb.conf"), text).expect("the configuration can be written");
    }

    fn make_user(&self) {
        let mut command = Command::new("smbpasswd");
        command.arg("-c").arg(self.path("smb.conf")).args(["-a", "-s", &self.user]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| missing("smbpasswd", &error));
        let mut stdin = child.stdin.take().expect("it is piped");
        write!(stdin, "{PASSWORD}\n{PASSWORD}\n").expect("it reads");
        drop(stdin);
        succeeded("smbpasswd", &child.wait_with_output().expect("it ends"));
    }

    /// Ends the server at once: every connection breaks, new ones are refused.
    pub fn go(&mut self) {
        if let Some(mut smbd) = self.smbd.take() {
            // It has a process for each connection, in one group.
            let killed = Command::new("kill").args(["-KILL", "--", &format!("-{}", smbd.id())]).status();
            assert!(killed.is_ok_and(|status| status.success()) || std::thread::panicking(), "smbd cannot be ended");
            let _ = smbd.wait();
        }
    }

    /// Starts it on the same port, with what it held.
    pub fn come_back(&mut self) {
        let output = |name: &str| File::create(self.path(name)).expect("the test's folder can be written");
        let mut command = Command::new("smbd");
        command.args(["--foreground", "--no-process-group", "--debug-stdout", "--configfile"]);
        command.arg(self.path("smb.conf")).process_group(0);
        command.stdin(Stdio::null()).stdout(output("out")).stderr(output("err"));
        let mut smbd = command.spawn().unwrap_or_else(|error| missing("smbd", &error));
        let began = Instant::now();
        while TcpStream::connect(self.address()).is_err() {
            let ended = smbd.try_wait().expect("a child can be asked");
            if ended.is_some() || began.elapsed() > LIMIT {
                let said =
                    ["out", "err", "log"].map(|name| std::fs::read_to_string(self.path(name)).unwrap_or_default());
                panic!("smbd does not serve ({ended:?}); not run as root it may lack rights:\n{}", said.join("\n"));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        self.smbd = Some(smbd);
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    /// The URL of a folder of a share.
    pub fn url(&self, share: &str, folder: &str) -> String {
        format!("smb://{}/{share}/{folder}", self.address()).replace(' ', "%20").trim_end_matches('/').to_owned()
    }

    /// Who logs in, with [`PASSWORD`].
    pub fn login(&self) -> &str {
        &self.user
    }

    /// What is shared.
    pub fn shared(&self) -> PathBuf {
        self.path("share")
    }

    /// What the server says of its sessions: who, which version, encrypted and signed how.
    pub fn sessions(&self) -> String {
        let mut command = Command::new("smbstatus");
        command.arg("--configfile").arg(self.path("smb.conf")).arg("--processes");
        String::from_utf8_lossy(&run(&mut command).stdout).into_owned()
    }

    /// Waits until the server has done something so often, by its own name for it. It counts with `smbd profiling level = count`, and
    /// tells a moment later.
    pub fn until_counted(&self, what: &str, times: u64) {
        let began = Instant::now();
        loop {
            let mut command = Command::new("smbstatus");
            command.arg("--configfile").arg(self.path("smb.conf")).arg("--profile");
            let counts = String::from_utf8_lossy(&run(&mut command).stdout).into_owned();
            let count = counts.lines().find_map(|line| line.strip_prefix(what)?.strip_prefix(':')?.trim().parse().ok());
            if count == Some(times) {
                return;
            }
            assert!(began.elapsed() < LIMIT, "{what} is {count:?}, not {times}");
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

impl Drop for Samba {
    fn drop(&mut self) {
        self.go();
    }
}

/// A port that nobody else takes before the server does, or while it is away: none of those that the system gives out, and none twice.
fn free_port() -> u16 {
    const PORTS: Range<u16> = 10_000..30_000;
    static TAKEN: AtomicU32 = AtomicU32::new(0);
    loop {
        let number = std::process::id().wrapping_mul(37).wrapping_add(TAKEN.fetch_add(1, Ordering::Relaxed));
        let port = PORTS.start + (number % PORTS.len() as u32) as u16;
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
}

fn missing<T>(program: &str, error: &std::io::Error) -> T {
    panic!("{program}: {error}: run tests/run, which installs Samba");
}

fn run(command: &mut Command) -> Output {
    let program = Path::new(command.get_program()).display().to_string();
    let output = command.output().unwrap_or_else(|error| missing(&program, &error));
    succeeded(&program, &output);
    output
}

fn succeeded(program: &str, output: &Output) {
    let said = [&output.stdout, &output.stderr].map(|said| String::from_utf8_lossy(said));
    assert!(output.status.success(), "{program}: {}\nnot run as root it may lack rights", said.join("\n"));
}
