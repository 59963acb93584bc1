//! Why a request failed, and what to do about it.

use crate::error::WorkDirError;
use smb2::ErrorKind;
use smb2::types::status::NtStatus;
use std::io;

/// Statuses that mean what another one means, which the client knows
/// (<https://learn.microsoft.com/openspecs/windows_protocols/ms-erref/596a1078-e883-4972-9bbc-49e60bebca55>).
mod status {
    use smb2::types::status::NtStatus;
    pub(super) const QUOTA_EXCEEDED: NtStatus = NtStatus(0xC000_0044);
    pub(super) const DELETE_PENDING: NtStatus = NtStatus(0xC000_0056);
    pub(super) const NO_SUCH_USER: NtStatus = NtStatus(0xC000_0064);
    pub(super) const WRONG_PASSWORD: NtStatus = NtStatus(0xC000_006A);
    pub(super) const MEDIA_WRITE_PROTECTED: NtStatus = NtStatus(0xC000_00A2);
    pub(super) const NETWORK_ACCESS_DENIED: NtStatus = NtStatus(0xC000_00CA);
    pub(super) const BAD_NETWORK_NAME: NtStatus = NtStatus(0xC000_00CC);
    pub(super) const DIRECTORY_NOT_EMPTY: NtStatus = NtStatus(0xC000_0101);
    pub(super) const FILE_CLOSED: NtStatus = NtStatus(0xC000_0128);
    pub(super) const LOGON_TYPE_NOT_GRANTED: NtStatus = NtStatus(0xC000_015B);
}

/// Why a request failed.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) kind: io::ErrorKind,
    /// For people: why, and what to do.
    pub(super) why: String,
    /// The connection is of no use any more; another one may be.
    pub(super) lost: bool,
}

impl Failure {
    pub(super) fn refused(kind: io::ErrorKind, why: impl Into<String>) -> Self {
        Self { kind, why: why.into(), lost: false }
    }

    pub(super) fn lost(why: impl Into<String>) -> Self {
        Self { kind: io::ErrorKind::ConnectionAborted, why: why.into(), lost: true }
    }

    /// Whether there is no such file or folder.
    pub(super) fn is_not_found(&self) -> bool {
        self.kind == io::ErrorKind::NotFound
    }

    /// Why the share cannot be opened.
    pub(super) fn of_share(error: smb2::Error) -> Self {
        if error.status() == Some(status::BAD_NETWORK_NAME) {
            let why = "the server has no share of this name; check the URL, and that the share is there";
            return Self::refused(io::ErrorKind::NotFound, why);
        }
        error.into()
    }

    /// The error of what was being done.
    pub(super) fn during(self, what: String) -> WorkDirError {
        WorkDirError::storage(what, io::Error::new(self.kind, self.why))
    }

    fn of_status(found: NtStatus) -> Option<Self> {
        match found {
            status::WRONG_PASSWORD | status::NO_SUCH_USER | status::LOGON_TYPE_NOT_GRANTED => Some(not_let_in()),
            status::MEDIA_WRITE_PROTECTED | status::NETWORK_ACCESS_DENIED => Some(denied()),
            status::QUOTA_EXCEEDED => Some(full()),
            status::DELETE_PENDING => Some(busy()),
            status::DIRECTORY_NOT_EMPTY => {
                let why = "it is not empty, or another program has a file of it open";
                Some(Self::refused(io::ErrorKind::DirectoryNotEmpty, why))
            }
            // The share went away under the session.
            status::FILE_CLOSED | status::BAD_NETWORK_NAME => Some(Self::lost("the server has closed the session")),
            _ => None,
        }
    }
}

fn not_let_in() -> Failure {
    let why = "the server does not let this login in; check working-directory-login and the password (of an Azure file share: the \
               storage account's name and one of its keys)";
    Failure::refused(io::ErrorKind::PermissionDenied, why)
}

fn denied() -> Failure {
    let why = "permission denied; the login needs the right to change files, of the share and of the folder";
    Failure::refused(io::ErrorKind::PermissionDenied, why)
}

fn full() -> Failure {
    Failure::refused(io::ErrorKind::StorageFull, "No space left on the share: make room on it or raise its quota")
}

fn busy() -> Failure {
    Failure::refused(io::ErrorKind::ResourceBusy, "another program has it open")
}

impl From<smb2::Error> for Failure {
    fn from(error: smb2::Error) -> Self {
        if let Some(failure) = error.status().and_then(Self::of_status) {
            return failure;
        }
        match error.kind() {
            ErrorKind::AuthRequired | ErrorKind::GuestSessionRefused => not_let_in(),
            ErrorKind::AccessDenied => denied(),
            ErrorKind::DiskFull => full(),
            ErrorKind::SharingViolation => busy(),
            ErrorKind::NotFound => Self::refused(io::ErrorKind::NotFound, "it is not there"),
            ErrorKind::AlreadyExists => Self::refused(io::ErrorKind::AlreadyExists, "it exists already"),
            ErrorKind::IsADirectory => Self::refused(io::ErrorKind::IsADirectory, "it is a folder"),
            ErrorKind::NotADirectory => Self::refused(io::ErrorKind::NotADirectory, "it is not a folder"),
            ErrorKind::Unsupported => Self::refused(io::ErrorKind::Unsupported, error.to_string()),
            ErrorKind::SignatureInvalid => {
                let why = format!("{error}: somebody alters what the server sends, or it does not sign as it must");
                Self::refused(io::ErrorKind::InvalidData, why)
            }
            ErrorKind::ConnectionLost | ErrorKind::TimedOut | ErrorKind::SessionExpired | ErrorKind::Io => {
                Self::lost(format!("the connection was lost ({error})"))
            }
            _ => Self::refused(io::ErrorKind::Other, error.to_string()),
        }
    }
}
