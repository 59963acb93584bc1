#![allow(clippy::unwrap_used)]
use super::*;
use crate::catalog::{Request, Response};
use crate::codec;
use crate::message::{
    ClientMessage, Hello, MAGIC, PROTOCOL_VERSION, Refusal, RefusalKind, SILENCE_LIMIT, ServerMessage,
};
use rustls::ServerConfig;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

struct Served {
    address: String,
    /// Why the one connection that was served ended.
    ended: JoinHandle<TransportError>,
}

/// Serves one connection: the login is `sa` / `right`, every request is done.
async fn serve(tls: Option<Arc<ServerConfig>>) -> Served {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let ended = tokio::spawn(async move {
        let (stream, peer) = listener.accept().await.unwrap();
        let greeting = match server::accept(stream, peer, tls).await {
            Ok(greeting) => greeting,
            Err(error) => return error,
        };
        if (greeting.hello().login.as_str(), greeting.hello().password.as_str()) != ("sa", "right") {
            return greeting.refuse(Refusal::new(RefusalKind::Denied, "login failed for `sa`")).await;
        }
        let (sender, mut receiver) = greeting.welcome().await.unwrap();
        loop {
            match receiver.next().await {
                Ok(ClientMessage::Request(_)) => {
                    sender.send(&ServerMessage::Response(Ok(Response::Done))).await.unwrap();
                    sender.flush().await.unwrap();
                }
                Ok(other) => panic!("{other:?}"),
                Err(error) => return error,
            }
        }
    });
    Served { address, ended }
}

fn options(address: &str, tls: ClientTls) -> ConnectOptions {
    ConnectOptions {
        address: address.to_owned(),
        tls,
        server_name: None,
        login: "sa".to_owned(),
        password: Zeroizing::new("right".to_owned()),
        client: "test".to_owned(),
    }
}

struct Certificate {
    directory: tempfile::TempDir,
}

impl Certificate {
    fn new(names: &[&str]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let names: Vec<String> = names.iter().map(|n| (*n).to_owned()).collect();
        let made = rcgen::generate_simple_self_signed(names).unwrap();
        std::fs::write(directory.path().join("cert.pem"), made.cert.pem()).unwrap();
        std::fs::write(directory.path().join("key.pem"), made.signing_key.serialize_pem()).unwrap();
        Self { directory }
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("cert.pem")
    }

    fn server(&self) -> Arc<ServerConfig> {
        tls::server(&self.path(), &self.directory.path().join("key.pem")).unwrap()
    }
}

/// What a server answers to raw bytes, up to its closing the connection, and what it says of them.
async fn answer_to(bytes: &[u8]) -> (Vec<u8>, TransportError) {
    let served = serve(None).await;
    let mut stream = TcpStream::connect(&served.address).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    let mut answer = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(60), stream.read_to_end(&mut answer)).await.unwrap();
    // Closing while unread bytes are left may reset the connection, which is as good.
    let _ = read;
    (answer, served.ended.await.unwrap())
}

#[tokio::test]
async fn a_request_is_answered_in_the_clear_and_over_tls() {
    let certificate = Certificate::new(&["localhost", "127.0.0.1"]);
    for (server_tls, client_tls) in
        [(None, ClientTls::Off), (Some(certificate.server()), ClientTls::Ca(certificate.path()))]
    {
        let served = serve(server_tls).await;
        let mut connection = Connection::connect(&options(&served.address, client_tls)).await.unwrap();
        for _ in 0..3 {
            assert_eq!(connection.request(Request::Status).await.unwrap(), Response::Done);
        }
        drop(connection);
        assert!(matches!(served.ended.await.unwrap(), TransportError::Closed { .. }));
    }
}

#[tokio::test]
async fn a_wrong_password_is_refused_for_good() {
    let served = serve(None).await;
    let mut options = options(&served.address, ClientTls::Off);
    options.password = Zeroizing::new("wrong".to_owned());
    let error = Connection::connect(&options).await.unwrap_err();
    assert_eq!(error.refusal().unwrap().kind, RefusalKind::Denied);
    assert!(!error.is_transient());
    assert!(!format!("{error} {error:?} {options:?}").contains("wrong"));
}

#[tokio::test]
async fn a_certificate_by_another_authority_is_not_trusted() {
    let (certificate, other) = (Certificate::new(&["127.0.0.1"]), Certificate::new(&["127.0.0.1"]));
    let served = serve(Some(certificate.server())).await;
    let error = Connection::connect(&options(&served.address, ClientTls::Ca(other.path()))).await.unwrap_err();
    assert!(matches!(error, TransportError::Tls { .. }), "{error:?}");
    assert!(error.to_string().contains("distributor-ca"), "{error}");
    assert!(!error.is_transient());
}

#[tokio::test]
async fn a_certificate_for_another_host_is_not_trusted_unless_that_name_is_asked_for() {
    let certificate = Certificate::new(&["repl.example.com"]);
    let served = serve(Some(certificate.server())).await;
    let mut options = options(&served.address, ClientTls::Ca(certificate.path()));
    let error = Connection::connect(&options).await.unwrap_err();
    assert!(error.to_string().contains("distributor-server-name"), "{error}");

    let served = serve(Some(certificate.server())).await;
    options.address = served.address;
    options.server_name = Some("repl.example.com".to_owned());
    Connection::connect(&options).await.unwrap();
}

#[tokio::test]
async fn both_sides_must_agree_on_tls() {
    let certificate = Certificate::new(&["127.0.0.1"]);
    let served = serve(Some(certificate.server())).await;
    let error = Connection::connect(&options(&served.address, ClientTls::Off)).await.unwrap_err();
    assert!(error.to_string().contains(&served.address), "{error}");
    let served = serve(None).await;
    let error = Connection::connect(&options(&served.address, ClientTls::Ca(certificate.path()))).await.unwrap_err();
    assert!(error.to_string().contains("TLS"), "{error}");
}

#[tokio::test]
async fn an_address_where_nobody_listens_is_named_and_worth_another_try() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    drop(listener);
    let error = Connection::connect(&options(&address, ClientTls::Off)).await.unwrap_err();
    assert!(matches!(error, TransportError::Unreachable { .. }));
    assert!(error.is_transient() && error.to_string().contains(&address), "{error}");
}

#[tokio::test]
async fn garbage_ends_the_connection() {
    for garbage in [&b"GET / HTTP/1.1\r\n\r\n"[..], &[0xff; 5000], &[8, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]]
    {
        let (answer, error) = answer_to(garbage).await;
        assert_eq!(answer, b"");
        assert!(matches!(error, TransportError::Protocol { .. }), "{error:?}");
    }
}

#[tokio::test]
async fn a_stranger_cannot_announce_more_than_a_login_needs() {
    let mut oversize = vec![0; codec::HEADER];
    oversize[..4].copy_from_slice(&(codec::MAX_HELLO as u32 + 1).to_le_bytes());
    let (_, error) = answer_to(&oversize).await;
    assert!(error.to_string().contains("longer"), "{error}");

    // A short frame whose checksum is right but in which a string says to be 60 MB long.
    let mut lies = Vec::new();
    codec::encode_frame(&(0u32, MAGIC, PROTOCOL_VERSION, 60_000_000u64), &mut lies).unwrap();
    let (_, error) = answer_to(&lies).await;
    assert!(matches!(error, TransportError::Protocol { .. }), "{error:?}");
}

#[tokio::test]
async fn another_protocol_version_is_told_what_to_upgrade() {
    let hello = Hello {
        magic: MAGIC,
        protocol: PROTOCOL_VERSION + 1,
        software: "9.9".to_owned(),
        client: "publisher@new".to_owned(),
        login: "sa".to_owned(),
        password: "right".to_owned(),
    };
    let mut frame = Vec::new();
    codec::encode_frame(&ClientMessage::Hello(hello), &mut frame).unwrap();
    let (answer, error) = answer_to(&frame).await;
    assert_eq!(error.refusal().unwrap().kind, RefusalKind::Version);
    let (header, body) = answer.split_first_chunk().unwrap();
    let ServerMessage::Refused(refusal) = codec::decode_body(*header, body).unwrap() else { panic!() };
    assert!(refusal.message.contains("upgrade"), "{refusal}");
}

fn pipes<A: Keepalive + serde::Serialize, B: Keepalive + serde::de::DeserializeOwned>(
    stream: tokio::io::DuplexStream,
) -> (Sender<A>, Receiver<B>) {
    let (read, write) = tokio::io::split(stream);
    (
        Sender::new("peer".into(), FramedWriter::new(Box::new(write))),
        Receiver::new("peer".into(), FramedReader::new(Box::new(read))),
    )
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_is_silent_is_given_up() {
    let (near, _far) = tokio::io::duplex(1 << 16);
    let (_sender, mut receiver) = pipes::<ClientMessage, ServerMessage>(near);
    let start = tokio::time::Instant::now();
    // Listened to in short turns, as in a `select!`.
    let error = loop {
        if let Ok(result) = tokio::time::timeout(Duration::from_millis(100), receiver.next()).await {
            break result.unwrap_err();
        }
        assert!(start.elapsed() < SILENCE_LIMIT * 2);
    };
    assert!(matches!(error, TransportError::Silent { .. }) && error.is_transient());
    assert!(start.elapsed() >= SILENCE_LIMIT);
}

#[tokio::test(start_paused = true)]
async fn pings_keep_a_quiet_connection_and_are_not_seen() {
    let (near, far) = tokio::io::duplex(1 << 16);
    let (near_sender, mut near_receiver) = pipes::<ClientMessage, ServerMessage>(near);
    let (far_sender, mut far_receiver) = pipes::<ServerMessage, ClientMessage>(far);
    let listening = tokio::spawn(async move { (far_receiver.next().await.unwrap(), far_receiver) });
    assert!(tokio::time::timeout(SILENCE_LIMIT * 10, near_receiver.next()).await.is_err());
    near_sender.send(&ClientMessage::Request(Box::new(Request::Status))).await.unwrap();
    near_sender.flush().await.unwrap();
    let (message, mut far_receiver) = listening.await.unwrap();
    assert_eq!(message, ClientMessage::Request(Box::new(Request::Status)));

    // Once its sender is gone, so is the connection.
    drop((near_sender, near_receiver));
    assert!(matches!(far_receiver.next().await, Err(TransportError::Closed { .. })));
    drop(far_sender);
}

#[tokio::test(start_paused = true)]
async fn time_in_which_nobody_listened_is_not_the_peers_silence() {
    let (near, far) = tokio::io::duplex(1 << 16);
    let (_near_sender, mut near_receiver) = pipes::<ClientMessage, ServerMessage>(near);
    let (far_sender, _far_receiver) = pipes::<ServerMessage, ClientMessage>(far);
    far_sender.send(&ServerMessage::Resumed).await.unwrap();
    far_sender.flush().await.unwrap();
    assert_eq!(near_receiver.next().await.unwrap(), ServerMessage::Resumed);
    tokio::time::sleep(SILENCE_LIMIT * 20).await;
    assert!(tokio::time::timeout(Duration::from_secs(20), near_receiver.next()).await.is_err(), "it is not given up");
}

#[tokio::test]
async fn a_message_that_arrives_in_single_bytes_survives_cancelled_reads() {
    let (near, mut far) = tokio::io::duplex(1);
    let mut frame = Vec::new();
    codec::encode_frame(&ServerMessage::Paused { reason: "no space".to_owned() }, &mut frame).unwrap();
    let writer = tokio::spawn(async move {
        for byte in frame {
            far.write_all(&[byte]).await.unwrap();
            tokio::task::yield_now().await;
        }
        far
    });
    let mut reader = FramedReader::new(near);
    let message = loop {
        tokio::select! {
            biased;
            message = reader.next::<ServerMessage>() => break message.unwrap().unwrap(),
            () = tokio::task::yield_now() => {}
        }
    };
    assert_eq!(message, ServerMessage::Paused { reason: "no space".to_owned() });
    drop(writer.await.unwrap());
    assert!(reader.next::<ServerMessage>().await.unwrap().is_none());
}

#[tokio::test]
async fn a_connection_that_ends_within_a_frame_is_an_error() {
    let (near, mut far) = tokio::io::duplex(64);
    far.write_all(&[9, 0, 0, 0, 1]).await.unwrap();
    drop(far);
    let mut reader = FramedReader::new(near);
    assert!(reader.next::<ServerMessage>().await.is_err());
}
