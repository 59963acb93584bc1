//! npm's Azurite, Microsoft's emulator of Azure Storage: it checks signatures, blocks and conditions as the service does.
//!
//! One process serves all tests of a program, each with a container of its own. `tests/run` installs it.
#![allow(dead_code, reason = "each program that includes this uses a part")]

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

/// Name of the storage account.
pub const ACCOUNT: &str = "snapshottests";
/// Long after any test.
pub const NEVER: &str = "2100-01-01T00:00:00Z";
/// Version of the rules that signatures follow.
const VERSION: &str = "2022-11-02";
/// Longest that Azurite may take to answer.
const LIMIT: Duration = Duration::from_secs(60);

/// A running Azurite.
pub struct Azurite {
    pub address: SocketAddr,
    /// It ends when its standard input is closed.
    _process: Child,
}

/// The account's key.
pub fn key() -> String {
    BASE64.encode([0x5a; 64])
}

/// The Azurite of this program, which keeps everything in memory.
pub fn azurite() -> &'static Azurite {
    static AZURITE: OnceLock<Azurite> = OnceLock::new();
    AZURITE.get_or_init(|| {
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("the target folder is above it");
        let modules = target.join("clients/azurite/node_modules");
        assert!(modules.exists(), "{} is missing: run tests/run, which makes it", modules.display());
        let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("packages lie in the workspace");
        let script = workspace.join("workdir/tests/azurite/azurite.js");
        let mut command = Command::new("node");
        command.arg(script).args(["--blobHost", "127.0.0.1", "--blobPort", "0", "--silent", "--disableTelemetry"]);
        command.args(["--inMemoryPersistence", "--skipApiVersionCheck"]);
        command.env("NODE_PATH", modules).env("AZURITE_ACCOUNTS", format!("{ACCOUNT}:{}", key()));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        let mut child =
            command.spawn().unwrap_or_else(|error| panic!("node: {error}: run tests/run, which installs it"));
        let mut said = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        let address = loop {
            let line = said.next().expect("Azurite ended before it was ready").expect("its output can be read");
            if let Some((_, address)) = line.split_once("successfully listens on http://") {
                break address.trim().parse().expect("it says its address");
            }
        };
        // Nobody else reads what it says from now on.
        std::thread::spawn(move || said.for_each(drop));
        Azurite { address, _process: child }
    })
}

impl Azurite {
    /// Makes a container.
    pub fn make_container(&self, name: &str) {
        let mut stream = TcpStream::connect(self.address).expect("Azurite takes connections");
        stream.set_read_timeout(Some(LIMIT)).expect("the limit is not zero");
        let signature = account_signature();
        let head = format!("PUT /{ACCOUNT}/{name}?restype=container&{signature} HTTP/1.1");
        write!(stream, "{head}\r\nHost: {}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", self.address)
            .expect("it reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("it answers");
        assert!(answer.starts_with("HTTP/1.1 201"), "the container cannot be made: {answer}");
    }
}

fn signed(text: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(&[0x5a; 64]).expect("HMAC takes keys of any length");
    mac.update(text.as_bytes());
    let signature = BASE64.encode(mac.finalize().into_bytes());
    signature.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D")
}

/// A signature for one container with these permissions, e.g. `rwdl`
/// (<https://learn.microsoft.com/rest/api/storageservices/create-service-sas>).
pub fn signature(container: &str, permissions: &str, expiry: &str) -> String {
    let text = [
        permissions,
        "",
        expiry,
        &format!("/blob/{ACCOUNT}/{container}"),
        "", // identifier
        "", // addresses
        "https,http",
        VERSION,
        "c",
        "", // snapshot time
        "", // encryption scope
        "", // Cache-Control, Content-Disposition, Content-Encoding, Content-Language, Content-Type
        "",
        "",
        "",
        "",
    ];
    let sig = signed(&text.join("\n"));
    format!("sv={VERSION}&sr=c&sp={permissions}&se={}&spr=https,http&sig={sig}", expiry.replace(':', "%3A"))
}

/// A signature for everything in the account
/// (<https://learn.microsoft.com/rest/api/storageservices/create-account-sas>).
pub fn account_signature() -> String {
    // account, permissions, services, resource types, start, expiry, addresses, protocols, version, encryption scope
    let text = [ACCOUNT, "rwdlac", "b", "sco", "", NEVER, "", "https,http", VERSION, "", ""];
    let sig = signed(&text.join("\n"));
    format!("sv={VERSION}&ss=b&srt=sco&sp=rwdlac&se={}&spr=https,http&sig={sig}", NEVER.replace(':', "%3A"))
}
