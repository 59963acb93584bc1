//! Where a working directory in Azure Blob Storage is: account, container and folder, from its URL.

use crate::error::WorkDirError;
use crate::location::percent_decoded;
use azure_core::http::Url;

/// What hosts of Blob Storage end with: Azure, Azure in China, Azure for the US government, and accounts with DNS zone endpoints
/// (<https://learn.microsoft.com/azure/storage/common/storage-account-overview#storage-account-endpoints>).
const AZURE: [&str; 4] = [
    ".blob.core.windows.net",
    ".blob.core.chinacloudapi.cn",
    ".blob.core.usgovcloudapi.net",
    ".blob.storage.azure.net",
];

/// Who named a working directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NamedBy {
    /// The user, in the settings.
    Settings,
    /// The distributor. A shared access signature goes to whatever host is asked, so that one must be Azure's.
    Distributor,
}

/// An account's container and a folder in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Address {
    /// The storage account; a URL with a host name of the user's own does not tell it.
    pub account: Option<String>,
    pub container: String,
    /// Names of the folder, from the container down; none is the container itself.
    pub folder: Vec<String>,
    /// The container's URL, without anything behind its name.
    pub container_url: Url,
    /// What the user wrote, without slashes at its end.
    pub shown: String,
}

impl Address {
    pub(super) fn parse(url: &str, named_by: NamedBy) -> Result<Self, WorkDirError> {
        // Whatever stands behind a question mark may be a secret, and before an `@` as well: neither is shown.
        let shown = url.split(['?', '#']).next().unwrap_or_default().trim_end_matches('/').to_owned();
        let rest = shown.split_once("://").map(|(_, rest)| rest).unwrap_or_default();
        if rest.split('/').next().is_some_and(|host| host.contains('@')) {
            return Err(WorkDirError::location(
                "the URL of a working directory holds no account or password; give them as its login and password file",
            ));
        }
        let invalid = |why: &str| WorkDirError::location(format!("`{shown}` cannot be a working directory: {why}"));
        if url.contains(['?', '#']) {
            return Err(invalid(
                "a URL ends with the container or a folder in it; a shared access signature belongs into the password file or \
                 REPL_WORKING_DIRECTORY_PASSWORD",
            ));
        }
        if rest.is_empty() || rest.starts_with('/') {
            return Err(invalid("it names no host"));
        }
        let mut names = Vec::new();
        for raw in rest.split('/').skip(1) {
            let name =
                percent_decoded(raw).ok_or_else(|| invalid("a percent sign is not followed by two digits of UTF-8"))?;
            let strange = |c: char| c.is_control() || matches!(c, '/' | '\\' | '?' | '#');
            if name.is_empty() || name == "." || name == ".." || name.ends_with('.') || name.contains(strange) {
                return Err(invalid(
                    "a folder's name is empty, ends with a dot or holds a character that may not be in it",
                ));
            }
            names.push(name);
        }
        let mut container_url = Url::parse(&shown).map_err(|error| invalid(&error.to_string()))?;
        let host = container_url.host_str().unwrap_or_default().to_ascii_lowercase();
        let loopback = host == "localhost" || host == "[::1]" || is_loopback(&host);
        match container_url.scheme() {
            "https" => {}
            "http" if loopback => {}
            _ => return Err(invalid("without TLS only the machine itself can be asked; write https://")),
        }
        // An emulator, or a private endpoint by its number, has the account in the path, as Azurite does.
        let path_style = host == "localhost" || host.starts_with('[') || host.parse::<std::net::Ipv4Addr>().is_ok();
        let mut names = names.into_iter();
        let account = match path_style {
            true => names.next(),
            false => {
                host.split_once(".blob.").map(|(account, _)| account.split('.').next().unwrap_or(account).to_owned())
            }
        };
        let container = names.next().ok_or_else(|| {
            invalid("it names no container; write https://<account>.blob.core.windows.net/<container>[/<folder>]")
        })?;
        if !is_container(&container) {
            return Err(invalid("the name of a container has 3 to 63 lower-case letters, digits and single hyphens"));
        }
        if named_by == NamedBy::Distributor && !loopback && !AZURE.iter().any(|end| host.ends_with(end)) {
            return Err(invalid(
                "the distributor names it, and its host is none of Azure's; if it is yours, name it in this program's own settings \
                 (working-directory)",
            ));
        }
        {
            let mut segments = container_url.path_segments_mut().map_err(|()| invalid("it has no path"))?;
            segments.clear().extend(account.as_deref().filter(|_| path_style)).push(&container);
        }
        Ok(Self { account, container, folder: names.collect(), container_url, shown })
    }

    /// The beginning of the names of the blobs in a folder below: it ends with a slash, or is empty for the container itself.
    pub(super) fn prefix(&self, below: Option<&str>) -> String {
        let names = self.folder.iter().map(String::as_str).chain(below);
        names.map(|name| format!("{name}/")).collect()
    }

    /// The URL of a blob by its whole name.
    pub(super) fn blob_url(&self, blob: &str) -> Url {
        let mut url = self.container_url.clone();
        // A URL that was given segments before takes more of them.
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.extend(blob.split('/'));
        }
        url
    }
}

fn is_loopback(host: &str) -> bool {
    host.parse::<std::net::Ipv4Addr>().is_ok_and(|address| address.is_loopback())
}

/// <https://learn.microsoft.com/rest/api/storageservices/naming-and-referencing-containers--blobs--and-metadata#container-names>
fn is_container(name: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    (3..=63).contains(&name.len())
        && name.bytes().all(allowed)
        && !name.starts_with('-')
        && !name.ends_with('-')
        && !name.contains("--")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::{Address, NamedBy};

    fn parse(url: &str) -> Address {
        Address::parse(url, NamedBy::Settings).unwrap()
    }

    #[test]
    fn account_container_and_folder_are_found() {
        let address = parse("https://shop.blob.core.windows.net/snapshots/");
        assert_eq!((address.account.as_deref(), &*address.container), (Some("shop"), "snapshots"));
        assert_eq!(address.prefix(None), "");
        assert_eq!(address.shown, "https://shop.blob.core.windows.net/snapshots");
        assert_eq!(address.container_url.as_str(), "https://shop.blob.core.windows.net/snapshots");
        let address = parse("https://shop.z12.blob.storage.azure.net/snapshots/repl%20data/a");
        assert_eq!(address.account.as_deref(), Some("shop"));
        assert_eq!(address.prefix(Some("x")), "repl data/a/x/");
        let url = address.blob_url("repl data/a/x/0001.sch");
        assert_eq!(url.as_str(), "https://shop.z12.blob.storage.azure.net/snapshots/repl%20data/a/x/0001.sch");
        let address = parse("http://127.0.0.1:10000/devstoreaccount1/snapshots/a");
        assert_eq!((address.account.as_deref(), &*address.container), (Some("devstoreaccount1"), "snapshots"));
        assert_eq!(address.blob_url("a/b").as_str(), "http://127.0.0.1:10000/devstoreaccount1/snapshots/a/b");
        assert_eq!(parse("https://files.example.com/snapshots").account, None);
    }

    #[test]
    fn what_leads_elsewhere_or_is_no_container_is_refused() {
        for url in [
            "http://shop.blob.core.windows.net/snapshots",
            "https://shop.blob.core.windows.net",
            "https://shop.blob.core.windows.net/",
            "https://shop.blob.core.windows.net/Snapshots",
            "https://shop.blob.core.windows.net/a",
            "https://shop.blob.core.windows.net/snapshots//a",
            "https://shop.blob.core.windows.net/snapshots/../other",
            "https://shop.blob.core.windows.net/snapshots/%2e%2e/other",
            "https://shop.blob.core.windows.net/snapshots/a%2f..%2fb",
            "https://shop.blob.core.windows.net/snapshots/a%zz",
            "https:///snapshots",
            "http://127.0.0.1:10000/devstoreaccount1",
            "http://128.0.0.1/devstoreaccount1/snapshots",
        ] {
            assert!(Address::parse(url, NamedBy::Settings).is_err(), "{url}");
        }
    }

    #[test]
    fn secrets_in_a_url_are_refused_and_not_repeated() {
        for url in [
            "https://shop.blob.core.windows.net/snapshots?sv=2024-11-04&sig=SECRET",
            "https://shop.blob.core.windows.net/snapshots#SECRET",
            "https://shop:SECRET@shop.blob.core.windows.net/snapshots",
            "https://SECRET@shop.blob.core.windows.net/snapshots?x",
        ] {
            let error = format!("{:?}", Address::parse(url, NamedBy::Settings).unwrap_err());
            assert!(error.contains("password file") && !error.contains("SECRET"), "{error}");
        }
    }

    #[test]
    fn a_distributor_cannot_make_us_show_a_signature_to_any_host() {
        let parse = |url| Address::parse(url, NamedBy::Distributor);
        assert!(parse("https://shop.blob.core.windows.net/snapshots").is_ok());
        for url in ["https://files.example.com/snapshots", "https://a.blob.core.windows.net.example.com/snapshots"] {
            let error = parse(url).unwrap_err().to_string();
            assert!(error.contains("settings"), "{error}");
        }
    }
}
