//! Lists of blobs. The client of `azure_storage_blob` lists without a delimiter, that is every blob of a container, so the request is
//! made here.

use super::Store;
use super::request::Failure;
use crate::location::percent_decoded;
use azure_core::http::{Method, Request};
use serde::Deserialize;

/// <https://learn.microsoft.com/rest/api/storageservices/list-blobs#response-body>
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Page {
    #[serde(default)]
    blobs: Blobs,
    #[serde(default)]
    next_marker: Option<String>,
}

/// Blobs and folders in one order.
#[derive(Default, Deserialize)]
struct Blobs {
    #[serde(rename = "$value", default)]
    entries: Vec<Element>,
}

#[derive(Deserialize)]
enum Element {
    Blob(Blob),
    BlobPrefix(Prefix),
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Blob {
    name: Name,
    properties: Properties,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Prefix {
    name: Name,
}

#[derive(Deserialize)]
struct Name {
    /// The name is percent-encoded, since XML could not hold it.
    #[serde(rename = "@Encoded", default)]
    encoded: bool,
    #[serde(rename = "$text", default)]
    text: String,
}

#[derive(Deserialize)]
struct Properties {
    #[serde(rename = "Content-Length", default)]
    content_length: u64,
}

impl Name {
    fn decoded(self) -> String {
        match self.encoded {
            true => percent_decoded(&self.text).unwrap_or(self.text),
            false => self.text,
        }
    }
}

/// What lies in a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Entry {
    /// A blob by its whole name, with its bytes.
    Blob(String, u64),
    /// A folder by its whole name with the slash at the end.
    Folder(String),
}

/// What to list.
#[derive(Debug, Clone, Copy)]
pub(super) struct Listing<'a> {
    /// What the names begin with.
    pub prefix: &'a str,
    /// Blobs of folders below as well, instead of the folders.
    pub deep: bool,
    /// Blobs as well that were begun and never finished.
    pub uncommitted: bool,
    /// No more than this many at once; those that come first.
    pub page: u32,
}

impl Listing<'_> {
    /// Largest page that there is.
    pub(super) const PAGE: u32 = 5000;
}

impl Store {
    /// Everything that there is, page by page.
    pub(super) async fn list(&self, listing: Listing<'_>) -> Result<Vec<Entry>, Failure> {
        let mut entries = Vec::new();
        let mut marker = None;
        loop {
            let page = self.retried(|| self.page(listing, marker.as_deref())).await?;
            entries.extend(page.blobs.entries.into_iter().map(|element| match element {
                Element::Blob(blob) => Entry::Blob(blob.name.decoded(), blob.properties.content_length),
                Element::BlobPrefix(prefix) => Entry::Folder(prefix.name.decoded()),
            }));
            marker = page.next_marker.filter(|marker| !marker.is_empty());
            if marker.is_none() {
                return Ok(entries);
            }
        }
    }

    /// Whether there is anything.
    pub(super) async fn is_empty(&self, prefix: &str) -> Result<bool, Failure> {
        let listing = Listing { prefix, deep: true, uncommitted: false, page: 1 };
        Ok(self.retried(|| self.page(listing, None)).await?.blobs.entries.is_empty())
    }

    async fn page(&self, listing: Listing<'_>, marker: Option<&str>) -> azure_core::Result<Page> {
        let mut url = self.address.container_url.clone();
        {
            let mut query = url.query_pairs_mut();
            query.append_pair("restype", "container").append_pair("comp", "list");
            query.append_pair("prefix", listing.prefix).append_pair("maxresults", &listing.page.to_string());
            if !listing.deep {
                query.append_pair("delimiter", "/");
            }
            if listing.uncommitted {
                query.append_pair("include", "uncommittedblobs");
            }
            if let Some(marker) = marker {
                query.append_pair("marker", marker);
            }
        }
        let mut request = Request::new(url, Method::Get);
        request.insert_header("accept", "application/xml");
        request.insert_header("x-ms-version", self.version.clone());
        let answer = self.pipeline.send(&azure_core::http::Context::new(), &mut request, None).await?;
        azure_core::xml::from_xml(answer.into_body())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::{Element, Page};

    #[test]
    fn blobs_and_folders_are_read_in_any_order() {
        let xml = r#"<?xml version="1.0" encoding="utf-8"?><EnumerationResults ServiceEndpoint="https://a.blob.core.windows.net/"
            ContainerName="c"><Prefix>x/</Prefix><Delimiter>/</Delimiter><Blobs><Blob><Name>x/a</Name><Properties>
            <Etag>0x8</Etag><Content-Length>7</Content-Length></Properties></Blob><BlobPrefix><Name>x/b/</Name></BlobPrefix>
            <Blob><Name Encoded="true">x/c%EF%BF%BF</Name><Properties><Content-Length>0</Content-Length></Properties></Blob></Blobs>
            <NextMarker>2!72!x</NextMarker></EnumerationResults>"#;
        let page: Page = azure_core::xml::from_xml(xml).unwrap();
        assert_eq!(page.next_marker.as_deref(), Some("2!72!x"));
        let names = page.blobs.entries.into_iter().map(|element| match element {
            Element::Blob(blob) => (blob.name.decoded(), Some(blob.properties.content_length)),
            Element::BlobPrefix(prefix) => (prefix.name.decoded(), None),
        });
        let expected = [("x/a".to_owned(), Some(7)), ("x/b/".to_owned(), None), ("x/c\u{ffff}".to_owned(), Some(0))];
        assert_eq!(names.collect::<Vec<_>>(), expected);
        let empty = "<EnumerationResults><Blobs/><NextMarker/></EnumerationResults>";
        assert!(azure_core::xml::from_xml::<_, Page>(empty).unwrap().blobs.entries.is_empty());
    }
}
