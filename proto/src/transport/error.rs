//! What can go wrong between two roles.

use super::framed::FrameError;
use crate::message::{Refusal, RefusalKind};
use std::io;

/// Why a conversation could not begin or go on. Every message names the other side and, where there is something to do, says what.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// No connection could be made.
    #[error("cannot reach the distributor at {address}: {detail}; check the address and that `distributor run` is up")]
    Unreachable {
        /// The other side.
        address: String,
        /// What the system said.
        detail: String,
    },
    /// The certificates do not agree, or could not be read.
    #[error("TLS with {address} failed: {detail}")]
    Tls {
        /// The other side.
        address: String,
        /// Which certificate, and why.
        detail: String,
    },
    /// The other side said no.
    #[error("the distributor at {address} refused: {refusal}")]
    Refused {
        /// The other side.
        address: String,
        /// Kind and reason.
        refusal: Refusal,
    },
    /// The other side says what makes no sense.
    #[error("{address} does not speak this protocol: {detail}")]
    Protocol {
        /// The other side.
        address: String,
        /// What was wrong.
        detail: String,
    },
    /// The connection ended.
    #[error("the connection to {address} was closed{detail}")]
    Closed {
        /// The other side.
        address: String,
        /// Empty, or `: ` and what the system said.
        detail: String,
    },
    /// The other side has not even sent a ping, or has not answered in time.
    #[error("{address} has been silent for {seconds} s{waiting}; the connection is given up")]
    Silent {
        /// The other side.
        address: String,
        /// For how long.
        seconds: u64,
        /// Empty, or what was waited for.
        waiting: String,
    },
}

impl TransportError {
    /// Whether trying again later can help without anyone doing something about it.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::Closed { .. } | Self::Silent { .. } => true,
            Self::Refused { refusal, .. } => matches!(refusal.kind, RefusalKind::Busy | RefusalKind::Internal),
            Self::Tls { .. } | Self::Protocol { .. } => false,
        }
    }

    /// The refusal, where it is one.
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Refused { refusal, .. } => Some(refusal),
            _ => None,
        }
    }

    pub(super) fn protocol(address: &str, detail: impl Into<String>) -> Self {
        Self::Protocol { address: address.to_owned(), detail: detail.into() }
    }

    pub(super) fn refused(address: &str, refusal: Refusal) -> Self {
        Self::Refused { address: address.to_owned(), refusal }
    }

    pub(super) fn closed(address: &str, detail: impl Into<String>) -> Self {
        Self::Closed { address: address.to_owned(), detail: detail.into() }
    }

    pub(super) fn silent(address: &str, after: std::time::Duration, waiting: impl Into<String>) -> Self {
        Self::Silent { address: address.to_owned(), seconds: after.as_secs(), waiting: waiting.into() }
    }

    pub(super) fn from_io(address: &str, error: &io::Error) -> Self {
        let rustls = error.get_ref().and_then(|e| e.downcast_ref::<rustls::Error>());
        match rustls {
            Some(tls) => Self::Tls { address: address.to_owned(), detail: tls_advice(tls) },
            None if error.kind() == io::ErrorKind::UnexpectedEof => Self::closed(address, ""),
            None => Self::closed(address, format!(": {error}")),
        }
    }

    pub(super) fn from_frame(address: &str, error: FrameError) -> Self {
        match error {
            FrameError::Io(error) => Self::from_io(address, &error),
            FrameError::Codec(error) => Self::protocol(address, error.to_string()),
        }
    }
}

fn tls_advice(error: &rustls::Error) -> String {
    use rustls::{CertificateError, Error};
    match error {
        Error::InvalidCertificate(CertificateError::UnknownIssuer | CertificateError::BadSignature) => format!(
            "{error}; its certificate is not by the authority given: `distributor-ca` must be the distributor's \
             tls/cert.pem or the authority that issued it"
        ),
        Error::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        ) => {
            format!("{error}; connect by a name that is in the certificate, or set `distributor-server-name` to one")
        }
        Error::InvalidMessage(_) => format!("{error}; does the other side serve TLS?"),
        other => other.to_string(),
    }
}
