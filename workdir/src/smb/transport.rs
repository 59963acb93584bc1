//! The TCP connection under the SMB client, which completes its first message: the client can encrypt and leaves out to say so, and to one
//! who does not say so some servers (Samba) offer no cipher.

use async_trait::async_trait;
use smb2::client::connection::Connection;
use smb2::crypto::kdf::PreauthHasher;
use smb2::transport::{ConnectOptions, ReceiveProgress, TcpTransport, TransportReceive, TransportSend};
use std::sync::{Arc, Mutex, PoisonError};

/// Where the capabilities begin in a negotiate request, and the one of them that is added: its header takes 64 bytes
/// (<https://learn.microsoft.com/openspecs/windows_protocols/ms-smb2/e14db7ff-763a-4263-8b10-0c3944f52fc5>).
const CAPABILITIES: usize = 64 + 8;
const CAN_ENCRYPT: u8 = 0x40;
/// What a message begins with, up to its command, which is 0 for negotiate
/// (<https://learn.microsoft.com/openspecs/windows_protocols/ms-smb2/fb188936-5050-48d3-b350-dc43059638a4>).
const SMB2: &[u8] = b"\xfeSMB";
const COMMAND: std::ops::Range<usize> = 12..14;

/// A connection that has negotiated.
pub(super) async fn negotiated(
    address: &str,
    host: &str,
    options: ConnectOptions,
    prepare: impl FnOnce(&mut Connection),
) -> Result<Connection, smb2::Error> {
    let transport =
        Arc::new(Completed { inner: TcpTransport::connect_with(address, options).await?, seen: Mutex::default() });
    let mut connection =
        Connection::from_transport(Box::new(Arc::clone(&transport)), Box::new(Arc::clone(&transport)), host);
    prepare(&mut connection);
    connection.negotiate().await?;
    // Both sides derive the session's keys from the messages as they were sent.
    let mut hash = PreauthHasher::new();
    let mut seen = transport.seen();
    for message in [seen.sent.take(), seen.received.take()].into_iter().flatten() {
        hash.update(&message);
    }
    connection.with_preauth_hasher_mut(|of_connection| *of_connection = hash);
    Ok(connection)
}

/// The first message of either side.
#[derive(Default)]
struct Seen {
    sent: Option<Vec<u8>>,
    received: Option<Vec<u8>>,
    is_complete: bool,
}

struct Completed {
    inner: TcpTransport,
    seen: Mutex<Seen>,
}

impl Completed {
    fn seen(&self) -> std::sync::MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl TransportSend for Completed {
    async fn send(&self, message: &[u8]) -> Result<(), smb2::Error> {
        match with_encryption(message) {
            Some(completed) => {
                self.seen().sent = Some(completed.clone());
                self.inner.send(&completed).await
            }
            None => self.inner.send(message).await,
        }
    }
}

#[async_trait]
impl TransportReceive for Completed {
    async fn receive(&self) -> Result<Vec<u8>, smb2::Error> {
        let message = self.inner.receive().await?;
        let mut seen = self.seen();
        if !seen.is_complete {
            seen.is_complete = true;
            seen.received = Some(message.clone());
        }
        Ok(message)
    }

    fn receive_progress(&self) -> Option<Arc<ReceiveProgress>> {
        self.inner.receive_progress()
    }
}

/// A negotiate request with the capability to encrypt; none of another message.
fn with_encryption(message: &[u8]) -> Option<Vec<u8>> {
    if !message.starts_with(SMB2) || message.get(COMMAND) != Some(&[0, 0]) {
        return None;
    }
    let mut completed = message.to_vec();
    *completed.get_mut(CAPABILITIES)? |= CAN_ENCRYPT;
    Some(completed)
}
