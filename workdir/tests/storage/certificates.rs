//! `https://…` shown certificates that do not hold, by Azurite over TLS.

use crate::azurite::{Azurite, azurite, key};
use crate::blob::everything;
use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};
use workdir::Credentials;

/// The working directory that this test, run by itself with certificates to trust, looks into.
const LOOKED_INTO: &str = "STORAGE_TEST_LOOKED_INTO";
/// What a request is repeated for takes longer than this.
const AT_ONCE: Duration = Duration::from_secs(6);

/// A certificate that signs itself, and its key, as files.
fn certificate(folder: &Path, name: &str, host: &str, last_year: i32) -> (PathBuf, PathBuf) {
    let mut params = CertificateParams::new(vec![host.to_owned()]).unwrap();
    params.not_after = date_time_ymd(last_year, 12, 31);
    let key_pair = KeyPair::generate().unwrap();
    let files = (folder.join(name), folder.join(format!("{name}.key")));
    std::fs::write(&files.0, params.self_signed(&key_pair).unwrap().pem()).unwrap();
    std::fs::write(&files.1, key_pair.serialize_pem()).unwrap();
    files
}

/// What comes of looking into a working directory when only this certificate is trusted: by a process of its own, since which ones are is
/// known to a process from its beginning.
fn look(url: &str, trusted: &Path) -> String {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["certificates::a_server_that_is_not_to_be_trusted_is_refused_at_once", "--exact", "--nocapture"]);
    command.env(LOOKED_INTO, url).env("SSL_CERT_FILE", trusted).env_remove("SSL_CERT_DIR");
    let ran = command.output().unwrap();
    let said = format!("{}\n{}", String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert!(ran.status.success(), "{url}: {said}");
    said
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_not_to_be_trusted_is_refused_at_once() {
    if let Ok(url) = std::env::var(LOOKED_INTO) {
        let credentials = Credentials { login: None, secret: Some(key().into()) };
        let (work_dir, began) = (workdir::open(&url, &credentials).unwrap(), Instant::now());
        match work_dir.folders().await {
            Ok(folders) => println!("{} folders", folders.len()),
            Err(error) => {
                assert!(began.elapsed() < AT_ONCE, "it took {:?}", began.elapsed());
                assert!(!error.is_transient(), "{error:?}");
                println!("{}", everything(&error));
            }
        }
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let good = certificate(folder.path(), "good", "127.0.0.1", 2100);
    let another = certificate(folder.path(), "another", "127.0.0.1", 2100);
    let expired = certificate(folder.path(), "expired", "127.0.0.1", 2020);
    let elsewhere = certificate(folder.path(), "elsewhere", "shop.blob.core.windows.net", 2100);
    let start = |(certificate, key): &(PathBuf, PathBuf)| Azurite::start(Some((certificate, key)));
    let (right, late, wrong) = (start(&good), start(&expired), start(&elsewhere));
    right.make_container("snapshots");
    assert!(look(&right.url("snapshots"), &good.0).contains("0 folders"), "this one is to be trusted");
    let without_tls = azurite().url("snapshots").replace("http://", "https://");
    for (url, trusted, why) in [
        (right.url("snapshots"), &another, "invalid peer certificate"),
        (late.url("snapshots"), &expired, "certificate expired"),
        (wrong.url("snapshots"), &elsewhere, "not valid for name"),
        (without_tls, &good, "corrupt message"),
    ] {
        let said = look(&url, &trusted.0);
        let host = url.split('/').nth(2).unwrap();
        for part in [&url, why, &format!("{host} is not to be trusted"), "SSL_CERT_FILE", "clock"] {
            assert!(said.contains(part), "{part}: {said}");
        }
    }
}
