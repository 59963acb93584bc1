//! PRELOGIN (2.2.6.5): the client's options and the server's answer, most of all whether the connection is encrypted.

use super::{WireError, WireResult};

const VERSION: u8 = 0;
const ENCRYPTION: u8 = 1;
const INSTANCE: u8 = 2;
const THREAD: u8 = 3;
const MARS: u8 = 4;
const FEDERATED: u8 = 6;
const TERMINATOR: u8 = 0xFF;

/// Bytes before an option's data: token, offset, length.
const OPTION_BYTES: usize = 5;

/// Value of the ENCRYPTION option.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encryption {
    /// Available, wanted for the login only.
    Off,
    /// Wanted for the whole connection.
    On,
    /// Not available.
    NotSupported,
    /// Demanded for the whole connection.
    Required,
}

impl Encryption {
    fn code(self) -> u8 {
        match self {
            Self::Off => 0,
            Self::On => 1,
            Self::NotSupported => 2,
            Self::Required => 3,
        }
    }
}

/// What the server is configured to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TlsMode {
    /// No TLS.
    Off,
    /// As the client likes.
    On,
    /// Only encrypted connections.
    Required,
}

/// What the connection does after PRELOGIN.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protection {
    /// Everything in the clear.
    Plain,
    /// TLS for the login, then in the clear.
    LoginOnly,
    /// TLS throughout.
    Encrypted,
}

/// The client's options that matter here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PreLogin {
    /// What it wants encrypted.
    pub encryption: Encryption,
    /// It asked whether federated authentication is needed.
    pub federated: bool,
}

/// Reads a PRELOGIN message.
pub fn decode(message: &[u8]) -> WireResult<PreLogin> {
    let mut found = PreLogin { encryption: Encryption::NotSupported, federated: false };
    let mut at = 0;
    loop {
        match message.get(at) {
            Some(&TERMINATOR) => return Ok(found),
            Some(&token) => {
                let data = option_data(message, at)?;
                match token {
                    ENCRYPTION => found.encryption = decode_encryption(data)?,
                    FEDERATED => found.federated = true,
                    _ => {}
                }
            }
            None => return Err(WireError::Truncated("PRELOGIN options")),
        }
        at += OPTION_BYTES;
    }
}

fn option_data(message: &[u8], at: usize) -> WireResult<&[u8]> {
    let entry = message.get(at..at + OPTION_BYTES).ok_or(WireError::Truncated("PRELOGIN option"))?;
    let offset = usize::from(u16::from_be_bytes([entry[1], entry[2]]));
    let length = usize::from(u16::from_be_bytes([entry[3], entry[4]]));
    message.get(offset..offset + length).ok_or(WireError::Truncated("PRELOGIN option data"))
}

fn decode_encryption(data: &[u8]) -> WireResult<Encryption> {
    Ok(match data.first().ok_or(WireError::Truncated("PRELOGIN encryption"))? {
        0 => Encryption::Off,
        1 => Encryption::On,
        2 => Encryption::NotSupported,
        3 => Encryption::Required,
        other => return Err(WireError::malformed(format!("PRELOGIN encryption {other:#x}"))),
    })
}

/// The server's answer and what follows it, or `None` for the latter when client and server do not agree: then the connection
/// ends after the answer. The table of 3.3.5.1.
pub fn negotiate(client: Encryption, server: TlsMode) -> (Encryption, Option<Protection>) {
    match (client, server) {
        (Encryption::NotSupported | Encryption::Off, TlsMode::Off) => {
            (Encryption::NotSupported, Some(Protection::Plain))
        }
        (Encryption::On | Encryption::Required, TlsMode::Off) => (Encryption::NotSupported, None),
        (Encryption::NotSupported, TlsMode::On) => (Encryption::NotSupported, Some(Protection::Plain)),
        (Encryption::Off, TlsMode::On) => (Encryption::Off, Some(Protection::LoginOnly)),
        (Encryption::NotSupported, TlsMode::Required) => (Encryption::Required, None),
        (Encryption::Off, TlsMode::Required) => (Encryption::Required, Some(Protection::Encrypted)),
        (Encryption::On | Encryption::Required, TlsMode::On | TlsMode::Required) => {
            (Encryption::On, Some(Protection::Encrypted))
        }
    }
}

/// Writes the server's answer. `version` is major, minor, build (big-endian).
pub fn encode(version: [u8; 4], encryption: Encryption, federated: bool) -> Vec<u8> {
    let mut options: Vec<(u8, Vec<u8>)> = vec![
        (VERSION, [version[0], version[1], version[2], version[3], 0, 0].to_vec()),
        (ENCRYPTION, vec![encryption.code()]),
        (INSTANCE, vec![0]),
        (THREAD, vec![]),
        (MARS, vec![0]),
    ];
    if federated {
        options.push((FEDERATED, vec![0]));
    }
    let mut message = Vec::with_capacity(64);
    let mut offset = options.len() * OPTION_BYTES + 1;
    for (token, data) in &options {
        message.push(*token);
        message.extend_from_slice(&(offset as u16).to_be_bytes());
        message.extend_from_slice(&(data.len() as u16).to_be_bytes());
        offset += data.len();
    }
    message.push(TERMINATOR);
    for (_, data) in &options {
        message.extend_from_slice(data);
    }
    message
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_answer_reads_back() {
        let message = encode([16, 0, 3, 232], Encryption::Required, true);
        assert_eq!(decode(&message).unwrap(), PreLogin { encryption: Encryption::Required, federated: true });
    }

    #[test]
    fn options_that_point_outside_the_message_are_refused() {
        assert!(decode(&[]).is_err());
        assert!(decode(&[1, 0, 6]).is_err());
        assert!(decode(&[1, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF]).is_err());
        assert!(decode(&[1, 0, 6, 0, 0, 0xFF]).is_err());
    }

    #[test]
    fn a_server_that_requires_encryption_never_goes_on_in_the_clear() {
        for client in [Encryption::Off, Encryption::On, Encryption::NotSupported, Encryption::Required] {
            let (_, protection) = negotiate(client, TlsMode::Required);
            assert!(matches!(protection, None | Some(Protection::Encrypted)));
        }
    }
}
