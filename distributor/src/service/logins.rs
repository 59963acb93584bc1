//! Passwords: argon2id hashes.
//!
//! A hash needs 19 MiB on purpose. All of them are computed by one thread: allocators keep what a thread has freed, so a pool of
//! threads that each verified once would hold hundreds of MiB for ever, and strangers could make it so.

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use proto::message::{Refusal, RefusalKind};
use std::sync::OnceLock;
use std::sync::mpsc::{Sender, channel};
use tokio::sync::oneshot;
use zeroize::Zeroizing;

/// Shortest password that a new login may have, in characters: what SQL Server's policy asks for.
const SHORTEST: usize = 8;

type Job = Box<dyn FnOnce() + Send>;

/// Runs `work` on the thread of the hashes; `None` if that thread is gone.
async fn alone<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    static JOBS: OnceLock<Sender<Job>> = OnceLock::new();
    let jobs = JOBS.get_or_init(|| {
        let (sender, jobs) = channel::<Job>();
        // Without the thread the receiver is gone and every login is refused, which is all that can be done then.
        let started =
            std::thread::Builder::new().name("passwords".to_owned()).spawn(move || jobs.iter().for_each(|job| job()));
        if let Err(error) = started {
            tracing::error!(%error, "no thread for passwords can be had; nobody can log in");
        }
        sender
    });
    let (done, result) = oneshot::channel();
    jobs.send(Box::new(move || drop(done.send(work())))).ok()?;
    result.await.ok()
}

/// [`hash`], without holding up others.
pub async fn hashed(password: Zeroizing<String>) -> Result<String, Refusal> {
    let gone = || Refusal::new(RefusalKind::Internal, "passwords cannot be hashed now; restart the distributor");
    alone(move || hash(&password)).await.unwrap_or_else(|| Err(gone()))
}

/// [`verify`], without holding up others.
pub async fn verified(password: Zeroizing<String>, hash: Option<String>) -> bool {
    alone(move || verify(&password, hash.as_deref())).await.unwrap_or(false)
}

/// The hash of a new login's password. Takes some ten milliseconds on purpose.
pub fn hash(password: &str) -> Result<String, Refusal> {
    if password.chars().count() < SHORTEST {
        return Err(Refusal::new(RefusalKind::Invalid, format!("a password has at least {SHORTEST} characters")));
    }
    let hash = Argon2::default().hash_password(password.as_bytes());
    hash.map(|hash| hash.to_string())
        .map_err(|error| Refusal::new(RefusalKind::Internal, format!("the password cannot be hashed: {error}")))
}

/// Whether a password is the one that was hashed. Takes as long where there is no such login.
fn verify(password: &str, hash: Option<&str>) -> bool {
    // Of a password that nobody has.
    const NOBODY: &str =
        "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5bm9ib2R5bm9ib2R5$EKmoXsNCzXDGTY3SJ4dqTSO+TCrRmxlwJtOXmwVXF2o";
    let parsed = PasswordHash::new(hash.unwrap_or(NOBODY));
    let matches = parsed.is_ok_and(|parsed| Argon2::default().verify_password(password.as_bytes(), &parsed).is_ok());
    matches && hash.is_some()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::{hash, verify};

    #[test]
    fn only_the_password_itself_is_right() {
        let stored = hash("correct horse").unwrap();
        assert!(stored.starts_with("$argon2id$") && !stored.contains("horse"));
        assert!(verify("correct horse", Some(&stored)));
        assert!(!verify("correct horsf", Some(&stored)));
        assert!(!verify("correct horse", None));
        assert!(!verify("", Some("not a hash")));
        assert!(hash("short").is_err());
    }
}
