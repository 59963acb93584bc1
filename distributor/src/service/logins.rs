//! Passwords: argon2id hashes.

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use proto::message::{Refusal, RefusalKind};

/// Shortest password that a new login may have, in characters: what SQL Server's policy asks for.
const SHORTEST: usize = 8;

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
pub fn verify(password: &str, hash: Option<&str>) -> bool {
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
