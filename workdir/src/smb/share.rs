//! Where a working directory on a share is: `smb://host[:port]/share[/folder…]`.

use crate::blob::address::NamedBy;
use crate::error::WorkDirError;
use crate::location::{Credentials, percent_decoded, percent_encoded};
use std::net::{IpAddr, Ipv6Addr};
use zeroize::Zeroizing;

/// Port of SMB over TCP (<https://learn.microsoft.com/openspecs/windows_protocols/ms-smb2/1dfacde4-b5c7-4494-8a14-a09d3ab4cc83>).
const PORT: u16 = 445;
/// Ends of the host names of Azure file shares: the public and the national clouds, and those with DNS zone endpoints
/// (<https://learn.microsoft.com/azure/storage/common/storage-account-overview#storage-account-endpoints>).
const AZURE: [&str; 4] = [
    ".file.core.windows.net",
    ".file.core.usgovcloudapi.net",
    ".file.core.chinacloudapi.cn",
    ".file.storage.azure.net",
];
/// Characters that Windows takes in no name
/// (<https://learn.microsoft.com/windows/win32/fileio/naming-a-file#naming-conventions>).
const NOT_IN_NAMES: [char; 9] = ['<', '>', ':', '"', '/', '\\', '|', '?', '*'];

/// A folder of a share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Share {
    /// Name or address of the server; an IPv6 address without its brackets.
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) share: String,
    /// The folder's name and those of the folders it is in, outermost first; none: the share itself.
    pub(super) folders: Vec<String>,
}

impl Share {
    pub(super) fn parse(url: &str, named_by: NamedBy) -> Result<Self, WorkDirError> {
        // Before an `@` there may be a password: it is not shown.
        let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        if authority.contains('@') {
            return Err(WorkDirError::location(
                "the URL of a working directory holds no login or password, others would read them there; give \
                 working-directory-login and working-directory-password-file or REPL_WORKING_DIRECTORY_PASSWORD",
            ));
        }
        let refused = |why: &str| invalid(url, why);
        if rest.contains(['?', '#']) {
            return Err(refused("it has a query or a fragment; write ? and # in a name as %3F and %23"));
        }
        let (host, port) =
            host_and_port(authority).ok_or_else(|| refused("its host is not host, host:port or [IPv6]:port"))?;
        let mut names = Vec::new();
        for part in path.split('/').filter(|part| !part.is_empty()) {
            let name = percent_decoded(part)
                .ok_or_else(|| refused("a percent sign is not followed by two digits of UTF-8"))?;
            check_name(&name).map_err(|why| refused(&why))?;
            names.push(name);
        }
        if names.is_empty() {
            return Err(refused("it names no share; write smb://host/share/folder"));
        }
        let share = names.remove(0);
        let found = Self { host, port, share, folders: names };
        if named_by == NamedBy::Distributor && !found.is_loopback() && found.azure_account().is_none() {
            // What a server is shown of a password lets it be guessed.
            return Err(refused(
                "the distributor names it, and its host is none of Azure's; if it is yours, name it in this program's own settings \
                 (working-directory)",
            ));
        }
        Ok(found)
    }

    fn is_loopback(&self) -> bool {
        self.host == "localhost" || self.host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    }

    /// The URL of something in the folder.
    pub(super) fn url(&self, below: &[&str]) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        let port = if self.port == PORT { String::new() } else { format!(":{}", self.port) };
        let mut url = format!("smb://{host}{port}/{}", percent_encoded(&self.share));
        for name in self.folders.iter().map(String::as_str).chain(below.iter().copied()) {
            url.push('/');
            url.push_str(&percent_encoded(name));
        }
        url
    }

    /// Where to connect to.
    pub(super) fn address(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }

    /// The path, from the share on, of something in the folder.
    pub(super) fn path(&self, below: &[&str]) -> String {
        let names: Vec<&str> = self.folders.iter().map(String::as_str).chain(below.iter().copied()).collect();
        names.join("/")
    }

    /// Who logs in. An Azure file share takes its storage account's name and a key of the account
    /// (<https://learn.microsoft.com/azure/storage/files/storage-how-to-use-files-windows>).
    pub(super) fn login(&self, credentials: &Credentials) -> Result<Login, WorkDirError> {
        let name = match &credentials.login {
            Some(name) => name.clone(),
            None => self.azure_account().ok_or_else(|| {
                invalid(&self.url(&[]), "it asks for a login; give working-directory-login (DOMAIN\\user or user)")
            })?,
        };
        let password = credentials.secret.clone().ok_or_else(|| {
            let what = if self.azure_account().is_some() { "a key of the storage account" } else { "a password" };
            let why = format!(
                "it asks for {what}; give it in working-directory-password-file or REPL_WORKING_DIRECTORY_PASSWORD"
            );
            invalid(&self.url(&[]), &why)
        })?;
        let (domain, user) = name.split_once('\\').unwrap_or(("", &name));
        Ok(Login { user: user.to_owned(), domain: domain.to_owned(), password })
    }

    fn azure_account(&self) -> Option<String> {
        let host = self.host.to_ascii_lowercase();
        let account = host.split('.').next().filter(|account| !account.is_empty())?;
        AZURE.iter().any(|end| host.ends_with(end)).then(|| account.to_owned())
    }
}

fn invalid(url: &str, why: &str) -> WorkDirError {
    WorkDirError::location(format!("`{url}` cannot be a working directory: {why}"))
}

/// Who logs in.
#[derive(Clone)]
pub(super) struct Login {
    pub(super) user: String,
    /// Empty for none.
    pub(super) domain: String,
    pub(super) password: Zeroizing<String>,
}

fn host_and_port(authority: &str) -> Option<(String, u16)> {
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let (host, port) = rest.split_once(']')?;
            host.parse::<Ipv6Addr>().ok()?;
            (host, if port.is_empty() { None } else { Some(port.strip_prefix(':')?) })
        }
        None => match authority.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        },
    };
    let allowed = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | ':');
    if host.is_empty() || !host.chars().all(allowed) {
        return None;
    }
    let port = match port {
        Some(port) => port.parse().ok().filter(|port| *port != 0)?,
        None => PORT,
    };
    Some((host.to_owned(), port))
}

fn check_name(name: &str) -> Result<(), String> {
    if name == ".." || name == "." {
        return Err("it leads through `.` or `..`".to_owned());
    }
    if name.chars().any(|c| c.is_control() || NOT_IN_NAMES.contains(&c)) || name.ends_with(['.', ' ']) {
        return Err(format!("{name:?} is no name of a share or a folder on it"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::{NamedBy, Share};
    use crate::Credentials;
    use proptest::prelude::*;

    fn share(url: &str) -> Share {
        Share::parse(url, NamedBy::Settings).unwrap()
    }

    proptest! {
        #[test]
        fn a_share_comes_back_from_its_url(names in prop::collection::vec("[^<>:\"/\\\\|?*.\\pC]{1,12}x", 1..4), port in 1u16..) {
            let share = Share {
                host: "files.example.com".into(),
                port,
                share: names[0].clone(),
                folders: names[1..].to_vec(),
            };
            prop_assert_eq!(Share::parse(&share.url(&[]), NamedBy::Settings).unwrap(), share);
        }
    }

    #[test]
    fn host_port_share_and_folders_are_told_apart() {
        let found = share("smb://files.example.com/repl data/a/b/");
        assert_eq!((found.host.as_str(), found.port, found.share.as_str()), ("files.example.com", 445, "repl data"));
        assert_eq!(found.path(&["x", "y"]), "a/b/x/y");
        assert_eq!(found.url(&["x"]), "smb://files.example.com/repl%20data/a/b/x");
        assert_eq!(share("smb://10.0.0.1:1445/s").port, 1445);
        assert_eq!(share("smb://[::1]:1445/s").url(&[]), "smb://[::1]:1445/s");
        assert_eq!(share("smb://[fe80::2]/s").url(&[]), "smb://[fe80::2]/s");
    }

    #[test]
    fn what_leads_elsewhere_or_nowhere_is_refused() {
        for url in [
            "smb://",
            "smb://host",
            "smb://host/",
            "smb:///share",
            "smb://host:/share",
            "smb://host:0/share",
            "smb://host:99999/share",
            "smb://host:445:1/share",
            "smb://[::1/share",
            "smb://[::1]1445/share",
            "smb://ho st/share",
            "smb://host/share/../x",
            "smb://host/share/%2e%2e/x",
            "smb://host/share/a%5Cb",
            "smb://host/share/a%2Fb",
            "smb://host/share/a%00b",
            "smb://host/share/a:b",
            "smb://host/share/a.",
            "smb://host/sh*re",
            "smb://host/share/a%zz",
            "smb://host/share?x=y",
        ] {
            assert!(Share::parse(url, NamedBy::Settings).is_err(), "{url}");
        }
    }

    #[test]
    fn a_login_in_the_url_is_refused_and_not_repeated() {
        let error = Share::parse("smb://me:Tops3cret@host/share", NamedBy::Settings).unwrap_err().to_string();
        assert!(error.contains("working-directory-login") && !error.contains("Tops3cret"), "{error}");
    }

    #[test]
    fn an_azure_share_knows_its_account() {
        let key = Credentials { login: None, secret: Some("key".to_owned().into()) };
        for (url, account) in [
            ("smb://myaccount.file.core.windows.net/repl", "myaccount"),
            ("smb://MyAccount.File.Core.Windows.Net/repl", "myaccount"),
            ("smb://acc.z12.file.storage.azure.net/repl", "acc"),
        ] {
            assert_eq!(share(url).login(&key).unwrap().user, account);
        }
        let named = Credentials { login: Some("localhost\\other".into()), ..key.clone() };
        let login = share("smb://a.file.core.windows.net/repl").login(&named).unwrap();
        assert_eq!((login.domain.as_str(), login.user.as_str()), ("localhost", "other"));
        let error = share("smb://files.example.com/repl").login(&key).err().unwrap().to_string();
        assert!(error.contains("working-directory-login"), "{error}");
        let error =
            share("smb://a.file.core.windows.net/repl").login(&Credentials::default()).err().unwrap().to_string();
        assert!(error.contains("key of the storage account"), "{error}");
    }

    #[test]
    fn a_distributor_cannot_make_us_log_in_to_any_host() {
        let parse = |url| Share::parse(url, NamedBy::Distributor);
        assert!(parse("smb://shop.file.core.windows.net/repl").is_ok());
        for url in
            ["smb://files.example.com/repl", "smb://a.file.core.windows.net.example.com/repl", "smb://10.0.0.1/repl"]
        {
            let error = parse(url).unwrap_err().to_string();
            assert!(error.contains("settings"), "{error}");
        }
    }
}
