//! One request after the other until one succeeds, and what to say when none does.

use super::authorize::Authorization;
use crate::error::WorkDirError;
use azure_core::error::ErrorKind;
use azure_core::http::StatusCode;
use std::error::Error;
use std::io;
use std::time::Duration;
use uuid::Uuid;

/// Longest that one request may take, the transfer of a block included.
const REQUEST_LIMIT: Duration = Duration::from_secs(120);
/// Attempts before a request is given up.
const ATTEMPTS: u32 = 7;
/// Pause after the first failed attempt; it doubles with each, so that all of them take about 13 seconds.
const FIRST_PAUSE: Duration = Duration::from_millis(200);

/// Why an attempt failed.
pub(super) enum Failure {
    Azure(azure_core::Error),
    /// It did not end within [`REQUEST_LIMIT`].
    Late,
}

impl Failure {
    /// The code of Blob Storage that says why, e.g. `BlobNotFound`
    /// (<https://learn.microsoft.com/rest/api/storageservices/blob-service-error-codes>). An answer without a body has it in a header.
    pub(super) fn code(&self) -> &str {
        match self {
            Self::Azure(error) => match error.kind() {
                ErrorKind::HttpResponse { error_code, .. } => error_code.as_deref().unwrap_or_default(),
                _ => "",
            },
            Self::Late => "",
        }
    }

    pub(super) fn status(&self) -> Option<StatusCode> {
        match self {
            Self::Azure(error) => error.http_status(),
            Self::Late => None,
        }
    }

    /// Whether the next attempt may succeed: the connection broke, or the server is busy or in trouble
    /// (<https://learn.microsoft.com/rest/api/storageservices/common-rest-api-error-codes>).
    fn passes(&self) -> bool {
        match self {
            Self::Late => true,
            Self::Azure(error) => match error.kind() {
                ErrorKind::HttpResponse { status, .. } => {
                    matches!(u16::from(*status), 408 | 429 | 500 | 502 | 503 | 504)
                }
                ErrorKind::Connection => distrust(error).is_none(),
                ErrorKind::Io => true,
                _ => false,
            },
        }
    }
}

/// What TLS has against the server that was connected to, which is the same the next time: its certificate is none to be trusted, or it
/// does not speak TLS. An alert of the server is none: it may be in trouble.
fn distrust(error: &azure_core::Error) -> Option<String> {
    let mut cause = error.source();
    while let Some(error) = cause {
        // An error of I/O names what is behind the one that it holds, not that one.
        let mut held = error.downcast_ref::<io::Error>();
        while let Some(error) = held {
            let why = error.to_string();
            if error.kind() == io::ErrorKind::InvalidData && !why.contains("alert") {
                return Some(why);
            }
            held = error.get_ref().and_then(|error| error.downcast_ref());
        }
        cause = error.source();
    }
    None
}

/// One attempt within the limit of time.
pub(super) async fn attempt<T>(request: impl Future<Output = azure_core::Result<T>>) -> Result<T, Failure> {
    match tokio::time::timeout(REQUEST_LIMIT, request).await {
        Ok(answer) => answer.map_err(Failure::Azure),
        Err(_) => Err(Failure::Late),
    }
}

/// The attempts of one request.
#[derive(Debug, Default)]
pub(super) struct Attempts {
    failed: u32,
}

impl Attempts {
    /// After an attempt that failed: waits where another may succeed, and gives the failure back where not.
    pub(super) async fn failed(&mut self, failure: Failure) -> Result<(), Failure> {
        self.failed += 1;
        if !failure.passes() || self.failed >= ATTEMPTS {
            return Err(failure);
        }
        let pause = FIRST_PAUSE * 2u32.pow(self.failed - 1);
        // Those who were turned away together should not come back together: between half of it and all.
        let share = f64::from(Uuid::new_v4().as_fields().0) / f64::from(u32::MAX);
        tokio::time::sleep(pause.mul_f64(0.5 + share / 2.0)).await;
        Ok(())
    }

    /// After an attempt that failed but brought us further: the next one is the first again.
    pub(super) fn further(&mut self) {
        self.failed = 0;
    }
}

/// What the user is told about a request that failed for good.
pub(super) fn problem(what: String, failure: &Failure, place: &super::Place) -> WorkDirError {
    let host = place.host();
    let (kind, why) = match failure {
        Failure::Late => {
            (io::ErrorKind::TimedOut, format!("{host} gave no answer within {} s", REQUEST_LIMIT.as_secs()))
        }
        Failure::Azure(error) => match (failure.status(), failure.code()) {
            (_, "ContainerNotFound") => (io::ErrorKind::NotFound, place.how_to_make_the_container()),
            (Some(StatusCode::NotFound), _) => (io::ErrorKind::NotFound, "it does not exist".to_owned()),
            (Some(StatusCode::Unauthorized | StatusCode::Forbidden), code) => {
                (io::ErrorKind::PermissionDenied, denied(code, &place.authorization))
            }
            (Some(StatusCode::Conflict), "ContainerBeingDeleted") => {
                (io::ErrorKind::NotFound, "its container is being deleted".to_owned())
            }
            (Some(status), code) => {
                (io::ErrorKind::Other, format!("Azure Blob Storage answered {} {code}", u16::from(status)))
            }
            (None, _) => unanswered(error, &host, &place.authorization),
        },
    };
    WorkDirError::storage(what, io::Error::new(kind, why))
}

/// Codes: <https://learn.microsoft.com/rest/api/storageservices/common-rest-api-error-codes>.
fn denied(code: &str, authorization: &Authorization) -> String {
    let secret = match authorization {
        Authorization::Key(..) => "account key",
        Authorization::Signature(_) => "shared access signature",
    };
    let why = match (code, authorization) {
        ("AuthenticationFailed" | "InvalidAuthenticationInfo", Authorization::Signature(_)) => {
            "it is wrong or has expired, is not of this container, or this machine's clock is off"
        }
        ("AuthenticationFailed" | "InvalidAuthenticationInfo", Authorization::Key(..)) => {
            "it is wrong, or this machine's clock is off by more than 15 minutes"
        }
        (
            "AuthorizationPermissionMismatch" | "AuthorizationResourceTypeMismatch" | "AuthorizationServiceMismatch",
            _,
        ) => "it lacks a permission: the publisher needs read, write, delete and list, the subscriber read",
        ("KeyBasedAuthenticationNotPermitted", _) => "the storage account does not allow the use of its keys",
        ("AuthorizationSourceIPMismatch" | "AuthorizationFailure", _) => {
            "it is wrong or has expired, or the storage account's firewall or the addresses of the signature do not let this machine in"
        }
        _ => "the storage account does not allow it",
    };
    format!("access denied with this {secret} ({code}): {why}")
}

/// Of a request that got no answer.
fn unanswered(error: &azure_core::Error, host: &str, authorization: &Authorization) -> (io::ErrorKind, String) {
    let cause = deepest_cause(error, authorization);
    match (error.kind(), distrust(error)) {
        (ErrorKind::Connection, Some(why)) => (
            io::ErrorKind::Unsupported,
            format!(
                "{host} is not to be trusted: {why}; check the URL (https, the host) and this machine's clock. Where a proxy or an \
                 emulator shows a certificate of its own, name a file with that of its authority in SSL_CERT_FILE"
            ),
        ),
        (ErrorKind::Connection, None) => (
            io::ErrorKind::NotConnected,
            format!(
                "{host} cannot be reached ({cause}); check the name in the URL, name resolution, and that no firewall or proxy blocks \
                 the way"
            ),
        ),
        (ErrorKind::Io, _) => (io::ErrorKind::ConnectionAborted, format!("the connection to {host} broke ({cause})")),
        _ => (io::ErrorKind::Other, format!("{host}: {cause}")),
    }
}

/// The deepest cause of a broken connection. Errors of the HTTP client hold the URL and with it a signature, those below do not.
fn deepest_cause(error: &azure_core::Error, authorization: &Authorization) -> String {
    let mut deepest = None;
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        if !text.contains("://") && !text.contains("sig=") {
            deepest = Some(text);
        }
        cause = error.source();
    }
    authorization.without_secrets(&deepest.unwrap_or_else(|| "the answer cannot be read".to_owned()))
}
