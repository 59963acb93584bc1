//! A session: connected, logged in, encrypted, with the share open.

use super::failure::Failure;
use super::share::{Login, Share};
use super::transport;
use smb2::client::connection::Connection;
use smb2::transport::ConnectOptions;
use smb2::types::Dialect;
use smb2::{Session, Tree};
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;

/// How long the server's addresses may take to be found and to answer.
const CONNECT: Duration = Duration::from_secs(10);
/// How long the server may be silent about a request.
const SILENCE: Duration = Duration::from_secs(60);

/// A session on a share.
#[derive(Clone)]
pub(super) struct Connected {
    /// All its copies are one connection.
    pub(super) connection: Connection,
    pub(super) tree: Arc<Tree>,
}

impl Connected {
    async fn open(share: &Share, login: &Login) -> Result<Self, Failure> {
        let unreachable = |error: smb2::Error| match error {
            smb2::Error::Protocol { .. } | smb2::Error::InvalidData { .. } => not_encrypted(),
            error => Failure::lost(format!(
                "{} cannot be reached on port {} ({}); check the name, that the server runs, and that no firewall or provider blocks the \
                 port",
                share.host,
                share.port,
                attempts(&error),
            )),
        };
        let prepare = |connection: &mut Connection| {
            connection.set_response_timeout(Some(SILENCE));
            connection.set_compression_requested(false);
        };
        let options = ConnectOptions::with_timeout(CONNECT);
        let connected = transport::negotiated(&share.address(), &share.host, options, prepare).await;
        let mut connection = connected.map_err(unreachable)?;
        // 3.1.1 is the first version in which nobody in between can take encryption out of the negotiation.
        let negotiated =
            connection.params().filter(|found| found.dialect == Dialect::Smb3_1_1).ok_or_else(not_encrypted)?;
        let cipher = negotiated.cipher.ok_or_else(not_encrypted)?;
        let session = Session::setup(&mut connection, &login.user, &login.password, &login.domain).await?;
        if !connection.should_encrypt()
            && let (Some(sending), Some(receiving)) = (session.encryption_key.clone(), session.decryption_key.clone())
        {
            // A server that can encrypt and does not ask for it.
            connection.activate_encryption(sending, receiving, cipher);
        }
        if !connection.should_encrypt() {
            return Err(not_encrypted());
        }
        let tree = Tree::connect(&mut connection, &share.share).await.map_err(Failure::of_share)?;
        Ok(Self { connection, tree: Arc::new(tree) })
    }
}

fn not_encrypted() -> Failure {
    let why =
        "the server does not offer SMB 3.1.1 with encryption, and nothing is sent without; switch encryption on there";
    Failure::refused(io::ErrorKind::Unsupported, why)
}

fn attempts(error: &smb2::Error) -> String {
    match error {
        smb2::Error::ConnectFailed { attempts, .. } => {
            attempts.iter().map(|attempt| attempt.to_string()).collect::<Vec<_>>().join("; ")
        }
        error => error.to_string(),
    }
}

/// The session that everything in the working directory goes over; made when it is needed.
pub(super) struct Sessions {
    share: Share,
    login: Login,
    current: Mutex<Option<Connected>>,
}

impl std::fmt::Debug for Sessions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sessions").field("share", &self.share).finish_non_exhaustive()
    }
}

impl Sessions {
    pub(super) fn new(share: Share, login: Login) -> Self {
        Self { share, login, current: Mutex::new(None) }
    }

    /// The session, and whether it was there before.
    pub(super) async fn current(&self) -> Result<(Connected, bool), Failure> {
        let mut current = self.current.lock().await;
        if let Some(connected) = current.as_ref().filter(|connected| !connected.connection.is_disconnected()) {
            return Ok((connected.clone(), true));
        }
        let connected = Connected::open(&self.share, &self.login).await?;
        *current = Some(connected.clone());
        Ok((connected, false))
    }

    /// Has the next request connect anew.
    pub(super) async fn lost(&self, lost: &Connected) {
        lost.connection.mark_dead();
        let mut current = self.current.lock().await;
        if current.take_if(|connected| connected.connection.is_disconnected()).is_some() {
            tracing::warn!(server = self.share.host, share = self.share.share, "the connection to the share was lost");
        }
    }

    /// Makes a request. When a session that was there before turns out to be gone, it is made once more on a new one: so it must be
    /// one that may happen twice.
    pub(super) async fn request<T, F: Future<Output = Result<T, Failure>>>(
        &self,
        request: impl Fn(Connected) -> F,
    ) -> Result<T, Failure> {
        loop {
            let (connected, was_there) = self.current().await?;
            match request(connected.clone()).await {
                Err(failure) if failure.lost => {
                    self.lost(&connected).await;
                    if !was_there {
                        return Err(failure);
                    }
                }
                done => return done,
            }
        }
    }
}
