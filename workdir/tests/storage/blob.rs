//! `https://…`: Azure Blob Storage, by Azurite.

use crate::azurite::{ACCOUNT, NEVER, account_signature, azurite, key, signature};
use crate::backend::{Backend, fails, noise, read, write};
use crate::proxy::{Fault, Proxy};
use azure_core::http::{RequestContent, Url};
use azure_storage_blob::models::{BlobContainerClientListBlobsOptions, BlockListType};
use azure_storage_blob::{BlobClient, BlobContainerClient};
use futures::TryStreamExt;
use std::collections::BTreeSet;
use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use uuid::Uuid;
use workdir::{Credentials, ErrorKind, WorkDir, WorkDirError};

/// Working directory at the top of a container, with the account's key.
type WithKey = Blob<true>;
/// Working directory in a folder of a container, with a signature that allows what a publisher needs.
type WithSignature = Blob<false>;

crate::storage_tests!(WithKey);

mod with_signature {
    use super::WithSignature;
    crate::storage_tests! { WithSignature:
        files::a_file_goes_from_writing_to_removal
        files::a_file_appears_only_when_it_is_finished
        files::names_that_lead_elsewhere_are_refused
        files::foreign_files_are_left_out_and_left_alone
        files::what_is_missing_is_an_error_that_names_it_or_none_at_all
        snapshots::a_snapshot_comes_back_as_it_was_written
        outages::a_read_during_which_the_storage_goes_fails_and_later_succeeds
    }
}

/// A container of Azurite behind a line that can be cut.
struct Blob<const KEY: bool> {
    proxy: Proxy,
    container: String,
    folder: &'static str,
}

impl<const KEY: bool> Blob<KEY> {
    fn host(&self) -> SocketAddr {
        self.proxy.address
    }

    fn open_with(&self, secret: &str) -> Result<Arc<dyn WorkDir>, WorkDirError> {
        workdir::open(&self.url(), &credentials(secret))
    }

    /// A blob by a way that is none of ours: without the proxy, by a signature for the whole account.
    fn blob(&self, path: &str) -> BlobClient {
        let mut url = container_url(&self.container);
        url.path_segments_mut()
            .unwrap()
            .extend(self.folder.split('/').filter(|part| !part.is_empty()))
            .extend(path.split('/'));
        BlobClient::new(url, None, None).unwrap()
    }
}

fn container_url(container: &str) -> Url {
    format!("{}?{}", azurite().url(container), account_signature()).parse().unwrap()
}

fn credentials(secret: &str) -> Credentials {
    Credentials { login: None, secret: Some(secret.to_owned().into()) }
}

impl<const KEY: bool> Backend for Blob<KEY> {
    const OPEN_FILES_SURVIVE: bool = false;

    async fn start() -> Self {
        let container = format!("test-{}", Uuid::new_v4());
        azurite().make_container(&container);
        let folder = if KEY { "" } else { "repl data/snapshots" };
        Self { proxy: Proxy::start(azurite().address).await, container, folder }
    }

    fn url(&self) -> String {
        let url = format!("http://{}/{ACCOUNT}/{}/{}", self.host(), self.container, self.folder.replace(' ', "%20"));
        url.trim_end_matches('/').to_owned()
    }

    fn credentials(&self) -> Credentials {
        credentials(&if KEY { key() } else { signature(&self.container, "rwdl", NEVER) })
    }

    async fn put(&self, path: &str, content: &[u8]) {
        self.blob(path).upload(RequestContent::from(content.to_vec()), None).await.unwrap();
    }

    async fn get(&self, path: &str) -> Option<Vec<u8>> {
        let blob = self.blob(path);
        if !blob.exists().await.unwrap() {
            return None;
        }
        Some(blob.download(None).await.unwrap().body.collect().await.unwrap().to_vec())
    }

    async fn delete(&self, path: &str) {
        self.blob(path).delete(None).await.unwrap();
    }

    async fn names(&self, folder: &str) -> Vec<String> {
        let prefix = [self.folder, folder, ""].join("/").trim_start_matches('/').to_owned();
        let options = BlobContainerClientListBlobsOptions { prefix: Some(prefix.clone()), ..Default::default() };
        let container = BlobContainerClient::new(container_url(&self.container), None, None).unwrap();
        let blobs: Vec<_> = container.list_blobs(Some(options)).unwrap().try_collect().await.unwrap();
        let below = blobs.iter().map(|blob| blob.name.as_ref().unwrap().strip_prefix(&prefix).unwrap());
        let names: BTreeSet<&str> = below.map(|name| name.split('/').next().unwrap()).collect();
        names.into_iter().map(str::to_owned).collect()
    }

    async fn go(&mut self) {
        self.proxy.close();
    }

    async fn come_back(&mut self) {
        self.proxy.open();
    }
}

/// An error with everything behind it, as it is logged at most.
pub fn everything(error: &WorkDirError) -> String {
    let mut text = format!("{error} {error:?}");
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(&format!(" {error} {error:?}"));
        cause = error.source();
    }
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_goes_on_over_broken_connections() {
    let blob = WithKey::start().await;
    let (work_dir, id) = blob.with_folder().await;
    let content = noise(60 << 20, 1);
    blob.proxy.fault(Fault::CutUpload { after: 5 << 20, times: 6 }).await;
    write(&*work_dir, id, "a.bcp", &content).await.unwrap();
    assert!(blob.proxy.faults() >= 6, "only {} connections were cut", blob.proxy.faults());
    assert!(blob.get(&format!("{id}/a.bcp")).await.unwrap() == content, "it arrived otherwise");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_over_connections_that_all_break_goes_on_where_it_was() {
    let blob = WithKey::start().await;
    let (work_dir, id) = blob.with_folder().await;
    let content = noise(30 << 20, 2);
    write(&*work_dir, id, "a.bcp", &content).await.unwrap();
    // Shorter than what is asked for at once: whoever begins anew gets nowhere.
    blob.proxy.fault(Fault::CutDownload { after: 3 << 20 }).await;
    assert!(read(&*work_dir, id, "a.bcp").await.unwrap() == content, "it came back otherwise");
    assert!(blob.proxy.faults() >= 6, "only {} connections were cut", blob.proxy.faults());
    // What the sockets held when the line was cut comes twice.
    let twice = blob.proxy.downloaded() as f64 / content.len() as f64;
    assert!(twice < 1.7, "{twice} times as much was read as there is");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_busy_server_is_asked_again() {
    let blob = WithKey::start().await;
    let (work_dir, id) = blob.with_folder().await;
    for text in [
        "HTTP/1.1 503 Server Busy\r\nx-ms-error-code: ServerBusy\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
        "HTTP/1.1 500 Internal Error\r\nx-ms-error-code: InternalError\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
        "HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
    ] {
        blob.proxy.fault(Fault::Answer { text, times: 3 }).await;
        write(&*work_dir, id, "a.bcp", b"content").await.unwrap();
        assert_eq!(read(&*work_dir, id, "a.bcp").await.unwrap(), b"content");
        assert_eq!(blob.proxy.faults(), 3);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blob_that_changes_while_it_is_read_is_found() {
    let blob = WithKey::start().await;
    let (work_dir, id) = blob.with_folder().await;
    write(&*work_dir, id, "a.bcp", &noise(64 << 20, 3)).await.unwrap();
    let mut file = work_dir.open(id, "a.bcp").await.unwrap();
    file.read().await.unwrap().unwrap();
    blob.put(&format!("{id}/a.bcp"), &noise(64 << 20, 4)).await;
    let rest = async {
        while file.read().await?.is_some() {}
        Ok(())
    };
    let error = fails(rest.await, ErrorKind::Damaged, "a.bcp");
    assert!(error.to_string().contains("changed"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_never_finished_goes_with_its_folder() {
    let blob = WithSignature::start().await;
    let (work_dir, id) = blob.with_folder().await;
    let mut file = work_dir.create(id, "a.bcp").await.unwrap();
    for block in noise(40 << 20, 5).chunks(8 << 20) {
        file.write(block.to_vec()).await.unwrap();
    }
    // A block that is still on its way would arrive after the removal.
    let blocks = blob.blob(&format!("{id}/a.bcp")).block_blob_client();
    let all_there = async {
        loop {
            if let Ok(list) = blocks.get_block_list(BlockListType::Uncommitted, None).await
                && list.into_model().unwrap().uncommitted_blocks.is_some_and(|blocks| blocks.len() == 5)
            {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), all_there).await.expect("five blocks arrive");
    drop(file);
    assert_eq!(work_dir.folders().await.unwrap(), [id]);
    assert!(work_dir.files(id).await.unwrap().is_empty());
    work_dir.remove_folder(id).await.unwrap();
    assert!(work_dir.folders().await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signature_that_allows_reading_allows_nothing_else() {
    let blob = WithKey::start().await;
    let (work_dir, id) = blob.with_folder().await;
    write(&*work_dir, id, "a.sch", &noise(1000, 6)).await.unwrap();
    let reader = blob.open_with(&signature(&blob.container, "r", NEVER)).unwrap();
    assert_eq!(read(&*reader, id, "a.sch").await.unwrap(), noise(1000, 6));
    // Without `l` not even a folder can be made, since that looks whether there is one. With it the rest of the rules shows.
    assert!(reader.folders().await.is_err());
    let lister = blob.open_with(&signature(&blob.container, "rl", NEVER)).unwrap();
    for refused in
        [write(&*lister, id, "a.sch", b"new").await, lister.remove(id, "a.sch").await, lister.remove_folder(id).await]
    {
        let error = refused.unwrap_err();
        let text = everything(&error);
        assert!(text.contains("access denied") && text.contains("lacks a permission"), "{text}");
        assert!(!error.is_transient() && !text.contains("sig="), "{text}");
    }
    assert_eq!(read(&*lister, id, "a.sch").await.unwrap(), noise(1000, 6));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_key_and_an_expired_or_foreign_signature_are_said_to_be() {
    let blob = WithKey::start().await;
    let other_key = "A".repeat(86) + "==";
    let forged = signature(&blob.container, "r", NEVER).replace("sp=r", "sp=rwdl");
    let secrets = [
        other_key,
        signature(&blob.container, "rwdl", "2020-01-01T00:00:00Z"),
        signature("other-container", "rwdl", NEVER),
        forged,
    ];
    for secret in secrets {
        let work_dir = blob.open_with(&secret).unwrap();
        let error = work_dir.folders().await.unwrap_err();
        let text = everything(&error);
        assert!(text.contains("access denied") && text.contains("wrong"), "{text}");
        assert!(!error.is_transient(), "{text}");
        assert!(!text.contains("sig=") && !text.contains(&secret), "{text}");
        fails(work_dir.create_folder(Uuid::new_v4()).await, ErrorKind::Storage, &blob.url());
        // A look at a blob answers without a body, which leaves the code out.
        let error = work_dir.open(Uuid::new_v4(), "manifest.json").await.err().unwrap();
        assert!(everything(&error).contains("access denied"), "{}", everything(&error));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_that_is_missing_is_named_with_how_to_make_it() {
    let blob = WithKey::start().await;
    let missing = format!("http://{}/{ACCOUNT}/no-such-container", blob.host());
    let work_dir = workdir::open(&missing, &credentials(&key())).unwrap();
    for error in [
        work_dir.create_folder(Uuid::new_v4()).await.unwrap_err(),
        work_dir.folders().await.unwrap_err(),
        write(&*work_dir, Uuid::new_v4(), "a.sch", b"x").await.unwrap_err(),
    ] {
        let text = everything(&error);
        assert!(text.contains("az storage container create") && text.contains("--name no-such-container"), "{text}");
        assert!(!error.is_transient(), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_is_unknown_or_gone_is_named_and_no_secret_is() {
    let blob = WithSignature::start().await;
    let work_dir = blob.open();
    blob.proxy.close();
    let unknown = workdir::open("https://shop.blob.invalid/snapshots", &blob.credentials()).unwrap();
    let (gone, unknown) = tokio::join!(work_dir.folders(), unknown.folders());
    for (error, host) in [(gone.unwrap_err(), "127.0.0.1"), (unknown.unwrap_err(), "shop.blob.invalid")] {
        let text = everything(&error);
        let source = error.source().unwrap().to_string();
        assert!(source.contains(host), "{source}");
        assert!(error.is_transient() && !text.contains("sig="), "{text}");
    }
}

/// A server that answers one request after the other as told, each on a connection of its own, and gives their first lines.
async fn scripted(answers: Vec<(&'static str, String)>) -> (String, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/account/container", listener.local_addr().unwrap());
    let serving = tokio::spawn(async move {
        let mut requests = Vec::new();
        for (status, body) in answers {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(stream.read_u8().await.unwrap());
            }
            let head = String::from_utf8(head).unwrap();
            let length =
                head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
            stream.read_exact(&mut vec![0; length.unwrap_or(0)]).await.unwrap();
            requests.push(head.lines().next().unwrap().trim_end_matches(" HTTP/1.1").to_owned());
            let answer =
                format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len());
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
        requests
    });
    (url, serving)
}

/// A page of a list (<https://learn.microsoft.com/rest/api/storageservices/list-blobs#response-body>).
fn page(names: &[String], marker: &str) -> String {
    let blob =
        |name| format!("<Blob><Name>{name}</Name><Properties><Content-Length>7</Content-Length></Properties></Blob>");
    let blobs: String = names.iter().map(blob).collect();
    format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?><EnumerationResults><Blobs>{blobs}</Blobs><NextMarker>{marker}</NextMarker>\
         </EnumerationResults>"
    )
}

/// Blob Storage ends a page after 5,000 entries, and whenever it likes
/// (<https://learn.microsoft.com/rest/api/storageservices/list-blobs#remarks>).
#[tokio::test(flavor = "multi_thread")]
async fn a_list_of_several_pages_is_read_to_its_end() {
    let id = Uuid::new_v4();
    let first = page(&[format!("{id}/a.sch")], "2!next+page");
    let (url, serving) = scripted(vec![("200 OK", first), ("200 OK", page(&[format!("{id}/b.sch")], ""))]).await;
    let work_dir = workdir::open(&url, &credentials("sv=1&sig=x")).unwrap();
    let files = work_dir.files(id).await.unwrap();
    assert_eq!(files, [("a.sch".to_owned(), 7), ("b.sch".to_owned(), 7)]);
    let requests = serving.await.unwrap();
    let marker = |request: &String| {
        let url: Url = format!("http://x{}", request.split(' ').nth(1).unwrap()).parse().unwrap();
        url.query_pairs().find(|(name, _)| name == "marker").map(|(_, marker)| marker.into_owned())
    };
    assert_eq!(requests.iter().map(marker).collect::<Vec<_>>(), [None, Some("2!next+page".to_owned())]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_final() {
    // A second request would meet a closed port.
    let refusals = [
        ("403 Refused\r\nx-ms-error-code: AuthenticationFailed", "wrong or has expired"),
        ("403 Refused\r\nx-ms-error-code: KeyBasedAuthenticationNotPermitted", "does not allow the use of its keys"),
        ("404 Missing\r\nx-ms-error-code: ContainerNotFound", "az storage container create"),
    ];
    for (answer, said) in refusals {
        let (url, serving) = scripted(vec![(answer, String::new())]).await;
        let error = workdir::open(&url, &credentials("sv=1&sig=x")).unwrap().folders().await.unwrap_err();
        assert!(everything(&error).contains(said), "{}", everything(&error));
        assert!(!error.is_transient());
        assert_eq!(serving.await.unwrap().len(), 1);
    }
}
