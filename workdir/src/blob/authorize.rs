//! How requests show that they are allowed: signed with the account's key, or by a shared access signature.

use crate::error::WorkDirError;
use crate::location::Credentials;
use azure_core::http::headers::HeaderName;
use azure_core::http::policies::{Policy, PolicyResult};
use azure_core::http::{Context, Request};
use azure_core::time::{OffsetDateTime, to_rfc7231};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use std::collections::BTreeMap;
use std::sync::Arc;
use zeroize::Zeroizing;

/// Bytes of an account's key.
const KEY: usize = 64;

/// The last policy before the transport.
pub(super) enum Authorization {
    /// The account's name and key.
    Key(String, Zeroizing<Vec<u8>>),
    /// Parameters that are added to each URL.
    Signature(Zeroizing<String>),
}

impl std::fmt::Debug for Authorization {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Key(..) => "Authorization::Key",
            Self::Signature(_) => "Authorization::Signature",
        })
    }
}

impl Authorization {
    pub(super) fn new(account: Option<&str>, credentials: &Credentials, shown: &str) -> Result<Self, WorkDirError> {
        let invalid =
            |why: &str| WorkDirError::location(format!("the working directory {shown} cannot be used: {why}"));
        let secret = credentials.secret.as_deref().map(|secret| secret.trim()).filter(|secret| !secret.is_empty());
        let Some(secret) = secret else {
            return Err(invalid(
                "it takes the key of the storage account or a shared access signature: name a file that holds it with \
                 working-directory-password-file, or set REPL_WORKING_DIRECTORY_PASSWORD",
            ));
        };
        let login = credentials.login.as_deref().filter(|login| !login.is_empty());
        if let (Some(account), Some(login)) = (account, login)
            && account != login
        {
            return Err(invalid(&format!("its URL is of the account {account}, the login set for it is {login}")));
        }
        // The portal shows a signature by itself, with a question mark before it, and behind a whole URL.
        if secret.contains("sig=") || secret.starts_with('?') {
            let parameters = secret.rsplit('?').next().unwrap_or_default();
            if !parameters
                .split('&')
                .any(|parameter| parameter.strip_prefix("sig=").is_some_and(|value| !value.is_empty()))
            {
                return Err(invalid("its shared access signature lacks the part `sig=`"));
            }
            return Ok(Self::Signature(Zeroizing::new(parameters.to_owned())));
        }
        let key = BASE64.decode(secret).ok().map(Zeroizing::new).filter(|key| key.len() == KEY);
        let key = key.ok_or_else(|| {
            invalid("its password is neither the key of a storage account (64 bytes in base64) nor a shared access signature (…sig=…)")
        })?;
        let account = account.or(login).ok_or_else(|| {
            invalid("to use the key of a storage account its name is needed: set working-directory-login to it")
        })?;
        Ok(Self::Key(account.to_owned(), key))
    }

    /// Takes what must not be shown out of a text.
    pub(super) fn without_secrets(&self, text: &str) -> String {
        match self {
            // The key itself is never sent, only what it signs.
            Self::Key(..) => text.to_owned(),
            Self::Signature(parameters) => text.replace(parameters.as_str(), "…"),
        }
    }
}

#[allow(elided_lifetimes_in_paths, reason = "written out, the lifetime would not be that of the trait's method")]
#[async_trait::async_trait]
impl Policy for Authorization {
    async fn send(&self, context: &Context, request: &mut Request, next: &[Arc<dyn Policy>]) -> PolicyResult {
        match self {
            Self::Key(account, key) => {
                request.insert_header("x-ms-date", to_rfc7231(&OffsetDateTime::now_utc()));
                let signature = BASE64.encode(hmac_sha256(key, string_to_sign(account, request).as_bytes()));
                request.insert_header("authorization", format!("SharedKey {account}:{signature}"));
            }
            Self::Signature(parameters) => {
                let query = match request.url().query() {
                    Some(query) if !query.is_empty() => format!("{query}&{}", parameters.as_str()),
                    _ => parameters.as_str().to_owned(),
                };
                request.url_mut().set_query(Some(&query));
            }
        }
        let (transport, behind) = next.split_first().expect("the transport comes behind every other policy");
        transport.send(context, request, behind).await
    }
}

pub(super) fn hmac_sha256(key: &[u8], text: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(text);
    mac.finalize().into_bytes().to_vec()
}

/// What the key signs, for Blob Storage from version 2015-02-21 on
/// (<https://learn.microsoft.com/rest/api/storageservices/authorize-with-shared-key#constructing-the-signature-string>).
fn string_to_sign(account: &str, request: &Request) -> String {
    let header =
        |name: &'static str| request.headers().get_optional_string(&HeaderName::from_static(name)).unwrap_or_default();
    let length = match request.body().len() {
        Some(length) if length > 0 => length.to_string(),
        _ => String::new(),
    };
    let standard = [
        request.method().as_str().to_owned(),
        header("content-encoding"),
        header("content-language"),
        length,
        header("content-md5"),
        header("content-type"),
        // `x-ms-date` stands for it.
        String::new(),
        header("if-modified-since"),
        header("if-match"),
        header("if-none-match"),
        header("if-unmodified-since"),
        header("range"),
    ];
    let ours: BTreeMap<String, &str> = (request.headers().iter())
        .map(|(name, value)| (name.as_str().to_ascii_lowercase(), value.as_str().trim()))
        .filter(|(name, _)| name.starts_with("x-ms-"))
        .collect();
    let mut text = standard.join("\n") + "\n";
    for (name, value) in ours {
        text.push_str(&format!("{name}:{value}\n"));
    }
    text.push_str(&format!("/{account}{}", request.url().path()));
    let mut parameters: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, value) in request.url().query_pairs() {
        parameters.entry(name.to_ascii_lowercase()).or_default().push(value.into_owned());
    }
    for (name, mut values) in parameters {
        values.sort();
        text.push_str(&format!("\n{name}:{}", values.join(",")));
    }
    text
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::{Authorization, string_to_sign};
    use crate::location::Credentials;
    use azure_core::http::{Method, Request};

    fn credentials(secret: &str, login: Option<&str>) -> Credentials {
        Credentials { login: login.map(str::to_owned), secret: Some(secret.to_owned().into()) }
    }

    /// The example of a List Blobs request on Microsoft's page, with the empty lines that it stands for.
    #[test]
    fn what_is_signed_is_as_microsoft_writes_it() {
        let url = "https://myaccount.blob.core.windows.net/mycontainer?comp=metadata&restype=container&timeout=20";
        let mut request = Request::new(url.parse().unwrap(), Method::Get);
        request.insert_header("x-ms-version", "2015-02-21");
        request.insert_header("x-ms-date", "Fri, 26 Jun 2015 23:39:12 GMT");
        assert_eq!(
            string_to_sign("myaccount", &request),
            "GET\n\n\n\n\n\n\n\n\n\n\n\nx-ms-date:Fri, 26 Jun 2015 23:39:12 GMT\nx-ms-version:2015-02-21\n\
             /myaccount/mycontainer\ncomp:metadata\nrestype:container\ntimeout:20"
        );
    }

    #[test]
    fn keys_and_signatures_are_told_apart() {
        let key = "A".repeat(86) + "==";
        let of = |secret: &str, account, login| Authorization::new(account, &credentials(secret, login), "https://x/c");
        assert!(matches!(of(&key, Some("a"), None), Ok(Authorization::Key(account, _)) if account == "a"));
        assert!(matches!(of(&key, None, Some("b")), Ok(Authorization::Key(account, _)) if account == "b"));
        for signature in ["sv=1&sig=x", "?sv=1&sig=x", " sv=1&sig=x\n", "https://a.blob.core.windows.net/c?sv=1&sig=x"]
        {
            assert!(
                matches!(of(signature, None, None), Ok(Authorization::Signature(s)) if *s == "sv=1&sig=x"),
                "{signature}"
            );
        }
        for (secret, account, login) in [
            (key.as_str(), None, None),
            (key.as_str(), Some("a"), Some("b")),
            ("c2hvcnQ=", Some("a"), None),
            ("?sv=2024-11-04", Some("a"), None),
            ("sv=1&sig=", Some("a"), None),
            ("not base64 at all", Some("a"), None),
            ("", Some("a"), None),
        ] {
            let error = of(secret, account, login).unwrap_err().to_string();
            assert!(secret.is_empty() || !error.contains(secret), "{error}");
        }
    }
}
