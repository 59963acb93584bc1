//! npm's Azurite, Microsoft's emulator of Azure Storage: it checks signatures, blocks and conditions as the service does.
//!
//! One process serves all tests of a program, each with a container of its own. `tests/run` installs it.
#![allow(dead_code, reason = "each program that includes this uses a part")]

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

/// Name of the storage account.
pub const ACCOUNT: &str = "snapshottests";
/// Long after any test.
pub const NEVER: &str = "2100-01-01T00:00:00Z";
/// Version of the rules that signatures follow.
const VERSION: &str = "2022-11-02";

/// A running Azurite, which keeps everything in memory.
pub struct Azurite {
    pub address: SocketAddr,
    /// Its certificate, where it asks for TLS.
    certificate: Option<PathBuf>,
    /// It ends when its standard input is closed.
    _process: Child,
}

/// The account's key.
pub fn key() -> String {
    BASE64.encode([0x5a; 64])
}

/// The Azurite that the tests of this program share.
pub fn azurite() -> &'static Azurite {
    static AZURITE: OnceLock<Azurite> = OnceLock::new();
    AZURITE.get_or_init(|| Azurite::start(None))
}

impl Azurite {
    /// Starts one; with TLS if it is given the files of a certificate and its key.
    pub fn start(tls: Option<(&Path, &Path)>) -> Self {
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("the target folder is above it");
        let modules = target.join("clients/azurite/node_modules");
        assert!(modules.exists(), "{} is missing: run tests/run, which makes it", modules.display());
        let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("packages lie in the workspace");
        let mut command = Command::new("node");
        command.arg(workspace.join("workdir/tests/azurite/azurite.js"));
        command.args(["--blobHost", "127.0.0.1", "--blobPort", "0", "--silent", "--disableTelemetry"]);
        command.args(["--inMemoryPersistence", "--skipApiVersionCheck"]);
        if let Some((certificate, key)) = tls {
            command.arg("--cert").arg(certificate).arg("--key").arg(key);
        }
        command.env("NODE_PATH", modules).env("AZURITE_ACCOUNTS", format!("{ACCOUNT}:{}", key()));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        let mut process =
            command.spawn().unwrap_or_else(|error| panic!("node: {error}: run tests/run, which installs it"));
        let mut said = BufReader::new(process.stdout.take().expect("it is piped")).lines();
        let address = loop {
            let line = said.next().expect("Azurite ended before it was ready").expect("its output can be read");
            if let Some((_, url)) = line.split_once("successfully listens on ") {
                let (_, address) = url.split_once("://").expect("it says its URL");
                break address.trim().parse().expect("it says its address");
            }
        };
        // Nobody else reads what it says from now on.
        std::thread::spawn(move || said.for_each(drop));
        Self { address, certificate: tls.map(|(certificate, _)| certificate.to_owned()), _process: process }
    }

    /// The URL of a container.
    pub fn url(&self, container: &str) -> String {
        let scheme = if self.certificate.is_some() { "https" } else { "http" };
        format!("{scheme}://{}/{ACCOUNT}/{container}", self.address)
    }

    /// Makes a container, in a way that is none of ours.
    pub fn make_container(&self, name: &str) {
        let url = format!("{}?restype=container&{}", self.url(name), account_signature());
        let mut command = Command::new("node");
        command.args(["-e", MAKE_CONTAINER, &url]);
        if let Some(certificate) = &self.certificate {
            command.env("NODE_EXTRA_CA_CERTS", certificate);
        }
        let made = command.output().expect("node can be run");
        assert!(made.status.success(), "the container cannot be made: {}", String::from_utf8_lossy(&made.stderr));
    }
}

/// Makes the container at a URL.
const MAKE_CONTAINER: &str = "fetch(process.argv[1], { method: 'PUT' }).then(async (answer) => {
    if (answer.status !== 201) throw new Error(await answer.text());
});";

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
