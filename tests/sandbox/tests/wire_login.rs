//! Who gets in, how the connection is protected, and that garbage harms nobody.
#![allow(clippy::unwrap_used)]

mod scripted;

use sandbox::server::{ServerOptions, TlsMode};
use scripted::{LIMIT, config, connect, start, try_connect, value};
use std::io::Write;
use tiberius::{AuthMethod, EncryptionLevel};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

fn options(tls: TlsMode) -> ServerOptions {
    ServerOptions { tls, ..ServerOptions::default() }
}

#[tokio::test]
async fn a_client_logs_in_to_the_database_it_names() {
    let (server, _script) = start(options(TlsMode::Off));
    let mut client = connect(&server).await;
    assert_eq!(value(&mut client, "user").await, "sa");
    assert_eq!(value(&mut client, "database").await, "shop");
}

#[tokio::test]
async fn a_wrong_password_is_refused_with_18456() {
    for tls in [TlsMode::Off, TlsMode::On] {
        let (server, _script) = start(options(tls));
        let mut config = config(&server);
        config.authentication(AuthMethod::sql_server("sa", "wrong"));
        let error = try_connect(config).await.unwrap_err();
        assert_eq!(error.code(), Some(18456), "{error}");
    }
}

#[tokio::test]
async fn every_agreement_about_encryption_works() {
    for (tls, level, works) in [
        (TlsMode::Off, EncryptionLevel::NotSupported, true),
        (TlsMode::Off, EncryptionLevel::Required, false),
        (TlsMode::On, EncryptionLevel::NotSupported, true),
        (TlsMode::On, EncryptionLevel::Off, true),
        (TlsMode::On, EncryptionLevel::On, true),
        (TlsMode::On, EncryptionLevel::Required, true),
        (TlsMode::On, EncryptionLevel::Strict, true),
        (TlsMode::Required, EncryptionLevel::Off, true),
        (TlsMode::Required, EncryptionLevel::Required, true),
        (TlsMode::Required, EncryptionLevel::Strict, true),
    ] {
        let (server, _script) = start(options(tls));
        let mut config = config(&server);
        config.encryption(level);
        config.trust_cert();
        match try_connect(config).await {
            Ok(mut client) => {
                assert!(works, "{tls:?} {level:?}");
                assert_eq!(value(&mut client, "user").await, "sa", "{tls:?} {level:?}");
                let rows = client.simple_query("count 30000").await.unwrap().into_first_result().await.unwrap();
                assert_eq!(rows.len(), 30_000, "{tls:?} {level:?}");
            }
            Err(error) => assert!(!works, "{tls:?} {level:?}: {error}"),
        }
    }
}

#[tokio::test]
async fn a_server_that_requires_encryption_does_not_talk_in_the_clear() {
    let (server, _script) = start(options(TlsMode::Required));
    // This client answers a demand for encryption with TLS, whatever it asked for, and here trusts nobody.
    assert!(try_connect(config(&server)).await.is_err());
}

#[tokio::test]
async fn the_certificate_verifies_against_the_authority_that_is_handed_out() {
    let (server, _script) = start(options(TlsMode::Required));
    let mut file = tempfile::Builder::new().suffix(".pem").tempfile().unwrap();
    file.write_all(server.authority_pem().unwrap().as_bytes()).unwrap();
    for host in ["127.0.0.1", "localhost"] {
        let mut config = config(&server);
        config.host(host);
        config.encryption(EncryptionLevel::Required);
        config.trust_cert_ca(file.path().display());
        let mut client = try_connect(config).await.unwrap();
        assert_eq!(value(&mut client, "user").await, "sa");
    }
    let (other, _script) = start(options(TlsMode::Required));
    let mut config = config(&other);
    config.encryption(EncryptionLevel::Required);
    config.trust_cert_ca(file.path().display());
    assert!(try_connect(config).await.is_err(), "another server's certificate must not verify");
}

#[tokio::test]
async fn garbage_on_the_port_ends_that_connection_only() {
    let (server, _script) = start(options(TlsMode::On));
    let mut good = connect(&server).await;
    let prelogin_of_nothing = [0x12, 1, 0, 8, 0, 0, 0, 0];
    let options_outside = [0x12, 1, 0, 14, 0, 0, 0, 0, 1, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF];
    let login_first = [16, 1, 0, 9, 0, 0, 0, 0, 1];
    for garbage in [
        &b"GET / HTTP/1.1\r\n\r\n"[..],
        &[0; 64],
        &[0xFF; 4096],
        &[0x16, 3, 1, 0xFF, 0xFF, 1, 2, 3],
        &prelogin_of_nothing,
        &options_outside,
        &login_first,
        &[0x12, 1, 0, 3, 0, 0, 0, 0],
    ] {
        let mut stream = TcpStream::connect(server.local_addr()).await.unwrap();
        stream.write_all(garbage).await.unwrap();
        let mut rest = Vec::new();
        // Closed, or reset because it had not read everything.
        let ended = tokio::time::timeout(LIMIT, stream.read_to_end(&mut rest)).await;
        assert!(ended.is_ok(), "{garbage:x?} kept the connection open");
    }
    assert_eq!(value(&mut good, "user").await, "sa");
}

#[tokio::test]
async fn a_client_that_leaves_takes_its_session_along() {
    let (server, script) = start(options(TlsMode::Off));
    let client = connect(&server).await;
    client.close().await.unwrap();
    let ended = async {
        while script.lock().unwrap().resets == 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(LIMIT, ended).await.unwrap();
}

#[tokio::test]
async fn stopping_the_server_ends_requests_in_work() {
    let (server, script) = start(options(TlsMode::Off));
    let mut client = connect(&server).await;
    let request = tokio::spawn(async move { client.simple_query("sleep").await.map(|_| ()) });
    let started = async {
        while script.lock().unwrap().sleeping == 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(LIMIT, started).await.unwrap();
    let stopping = tokio::task::spawn_blocking(move || drop(server));
    tokio::time::timeout(LIMIT / 4, stopping).await.expect("stopping waits for the request").unwrap();
    assert_eq!(script.lock().unwrap().resets, 1);
    assert!(request.await.unwrap().is_err());
}
