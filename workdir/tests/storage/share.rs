//! `smb://`.

use crate::backend::{Backend, fails, listed, noise, read, write};
use crate::local::Mount;
use crate::outages;
use crate::proxy::{Fault, Proxy};
use crate::samba::{ENCRYPTED, PASSWORD, READ_ONLY, SHARE, Samba};
use std::error::Error;
use uuid::Uuid;
use workdir::{Credentials, ErrorKind, WorkDirError};

crate::storage_tests!(Share);

/// Folder of the share that the working directory is in; it is made by the first snapshot.
const FOLDER: &str = "to the cloud/repldata";

/// A folder of a share of Samba's.
struct Share(Samba);

impl Share {
    fn credentials_with(&self, login: &str, password: &str) -> Credentials {
        Credentials { login: Some(login.to_owned()), secret: Some(password.to_owned().into()) }
    }

    /// The error of looking into the working directory `url`, which must be lasting, with its reason.
    async fn refused(&self, url: &str, credentials: &Credentials) -> String {
        let work_dir = workdir::open(url, credentials).unwrap();
        let error = fails(work_dir.folders().await, ErrorKind::Storage, "smb://");
        assert!(!error.is_transient(), "{}", said(&error));
        said(&error)
    }
}

fn said(error: &WorkDirError) -> String {
    format!("{error}: {}", error.source().map(ToString::to_string).unwrap_or_default())
}

impl Backend for Share {
    const OPEN_FILES_SURVIVE: bool = false;

    async fn start() -> Self {
        let samba = Samba::start();
        std::fs::create_dir_all(samba.shared().join(FOLDER)).unwrap();
        Self(samba)
    }

    fn url(&self) -> String {
        self.0.url(SHARE, FOLDER)
    }

    fn credentials(&self) -> Credentials {
        self.credentials_with(self.0.login(), PASSWORD)
    }

    async fn put(&self, path: &str, content: &[u8]) {
        let path = self.0.shared().join(FOLDER).join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    async fn get(&self, path: &str) -> Option<Vec<u8>> {
        std::fs::read(self.0.shared().join(FOLDER).join(path)).ok()
    }

    async fn delete(&self, path: &str) {
        std::fs::remove_file(self.0.shared().join(FOLDER).join(path)).unwrap();
    }

    async fn names(&self, folder: &str) -> Vec<String> {
        let entries = std::fs::read_dir(self.0.shared().join(FOLDER).join(folder)).unwrap();
        let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    async fn go(&mut self) {
        self.0.go();
    }

    async fn come_back(&mut self) {
        self.0.come_back();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_session_is_encrypted_and_missing_folders_are_made() {
    let share = Share(Samba::start());
    let (work_dir, id) = share.with_folder().await;
    write(&*work_dir, id, "a.sch", b"here").await.unwrap();
    assert_eq!(share.names(&id.to_string()).await, ["a.sch"]);
    let sessions = share.0.sessions();
    assert!(sessions.contains("SMB3_11") && sessions.contains("AES-128-GCM"), "{sessions}");
}

/// Nobody has asked for it, neither server nor share.
#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_encrypted_though_the_server_does_not_ask_for_it() {
    let share = Share(Samba::start_with("server smb encrypt = if_required\n"));
    let (work_dir, id) = share.with_folder().await;
    // A line on which everything can be seen.
    let proxy = Proxy::start(share.0.address()).await;
    let url = share.url().replace(&share.0.address().to_string(), &proxy.address.to_string());
    proxy.fault(Fault::CutDownload { after: u64::MAX }).await;
    let content = b"in plain sight ".repeat(10_000);
    write(&*work_dir, id, "a.bcp", &content).await.unwrap();
    let over_the_line = workdir::open(&url, &share.credentials()).unwrap();
    assert_eq!(read(&*over_the_line, id, "a.bcp").await.unwrap(), content);
    assert!(proxy.downloaded() > content.len() as u64, "it came another way");
    assert!(!proxy.downloads_contain(b"in plain sight"), "it could be read on the line");
    let sessions = share.0.sessions();
    assert!(sessions.contains("AES-128-GCM") || sessions.contains("partial"), "{sessions}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_does_not_encrypt_is_refused() {
    for settings in ["server smb encrypt = off\n", "server max protocol = SMB3_02\n", "server max protocol = SMB2_10\n"]
    {
        let share = Share(Samba::start_with(settings));
        let error = share.refused(&share.url(), &share.credentials()).await;
        assert!(error.contains("SMB 3.1.1 with encryption"), "{settings}: {error}");
        assert!(!share.0.shared().join("to the cloud").exists());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_login_and_share_are_told_apart() {
    let share = Share::start().await;
    for (login, password) in [(share.0.login(), "not it"), ("nobody-here", PASSWORD), ("OTHER\\nobody-here", PASSWORD)]
    {
        let error = share.refused(&share.url(), &share.credentials_with(login, password)).await;
        assert!(error.contains("working-directory-login") && !error.contains(password), "{error}");
    }
    let error = share.refused(&share.0.url("nothing", "x"), &share.credentials()).await;
    assert!(error.contains("no share of this name"), "{error}");
    // A domain before the login is taken; a server that is in none does not mind.
    let login = format!("WORKGROUP\\{}", share.0.login());
    let work_dir = workdir::open(&share.url(), &share.credentials_with(&login, PASSWORD)).unwrap();
    assert!(work_dir.folders().await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_not_there_is_said_to_be_unreachable() {
    let mut share = Share::start().await;
    share.go().await;
    let error = fails(share.open().folders().await, ErrorKind::Storage, &share.url());
    assert!(error.is_transient() && said(&error).contains("cannot be reached on port"), "{}", said(&error));
    let work_dir = workdir::open("smb://host.invalid/share", &share.credentials()).unwrap();
    let error = fails(work_dir.folders().await, ErrorKind::Storage, "smb://host.invalid/share");
    assert!(said(&error).contains("check the name"), "{}", said(&error));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_share_that_may_only_be_read_is_said_to_be() {
    let share = Share::start().await;
    let (work_dir, id) = share.with_folder().await;
    write(&*work_dir, id, "a.sch", &noise(1000, 6)).await.unwrap();
    let work_dir = workdir::open(&share.0.url(READ_ONLY, FOLDER), &share.credentials()).unwrap();
    outages::refused(&*work_dir, id, &noise(1000, 6)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_share_is_said_and_takes_no_room() {
    const ROOM: usize = 16 << 20;
    let samba = Samba::start();
    let mount = Mount::tmpfs(&samba.shared(), ROOM);
    outages::full(&Share(samba), ROOM).await;
    drop(mount);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_goes_on_where_it_was_when_the_server_is_started_anew() {
    let mut share = Share::start().await;
    let (work_dir, id) = share.with_folder().await;
    let content = noise(40 << 20, 7);
    write(&*work_dir, id, "a.bcp", &content).await.unwrap();
    let mut file = work_dir.open(id, "a.bcp").await.unwrap();
    let mut found = file.read().await.unwrap().unwrap();
    share.go().await;
    share.come_back().await;
    while let Some(block) = file.read().await.unwrap() {
        found.extend_from_slice(&block);
    }
    assert!(found == content, "it came back otherwise");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_does_not_go_on_in_another_file() {
    const SIZE: usize = 40 << 20;
    let mut share = Share::start().await;
    let (work_dir, id) = share.with_folder().await;
    for other_size in [SIZE + (1 << 20), SIZE] {
        write(&*work_dir, id, "a.bcp", &noise(SIZE, 8)).await.unwrap();
        let mut file = work_dir.open(id, "a.bcp").await.unwrap();
        file.read().await.unwrap().unwrap();
        share.go().await;
        share.put(&format!("{id}/a.bcp"), &noise(other_size, 9)).await;
        share.come_back().await;
        let error = async {
            while file.read().await?.is_some() {}
            Ok(())
        };
        let error = fails(error.await, ErrorKind::Storage, "a.bcp");
        assert!(said(&error).contains("has changed"), "{}", said(&error));
    }
}

/// Whoever reads a snapshot knows how long its files are.
#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_cut_while_it_is_read_ends_there() {
    const LEFT: usize = (20 << 20) + 12_345;
    let share = Share::start().await;
    let (work_dir, id) = share.with_folder().await;
    let content = noise(40 << 20, 10);
    write(&*work_dir, id, "a.bcp", &content).await.unwrap();
    let mut file = work_dir.open(id, "a.bcp").await.unwrap();
    let mut found = file.read().await.unwrap().unwrap();
    let path = share.0.shared().join(FOLDER).join(id.to_string()).join("a.bcp");
    std::fs::File::options().write(true).open(path).unwrap().set_len(LEFT as u64).unwrap();
    while let Some(block) = file.read().await.unwrap() {
        found.extend_from_slice(&block);
    }
    assert!(found == content[..LEFT], "{} bytes came", found.len());
}

/// So a file that has its name holds its content after a power cut of the server.
#[tokio::test(flavor = "multi_thread")]
async fn the_server_is_told_to_sync_what_was_written() {
    let share = Share(Samba::start_with(&format!("{ENCRYPTED}smbd profiling level = count\n")));
    let (work_dir, id) = share.with_folder().await;
    let mut file = work_dir.create(id, "a.bcp").await.unwrap();
    file.write(noise(3 << 20, 11)).await.unwrap();
    file.finish().await.unwrap();
    share.0.until_counted("smb2_flush_count", 1);
}

/// A server says how much it takes and gives at once; a list comes in pages, of about 400 names here.
#[tokio::test(flavor = "multi_thread")]
async fn small_requests_and_long_lists_lose_nothing() {
    let small = "smb2 max read = 65536\nsmb2 max write = 65536\nsmb2 max trans = 65536\n";
    let share = Share(Samba::start_with(&format!("{ENCRYPTED}{small}")));
    let (work_dir, id) = share.with_folder().await;
    let content = noise((5 << 20) + 12_345, 12);
    write(&*work_dir, id, "a.bcp", &content).await.unwrap();
    assert!(read(&*work_dir, id, "a.bcp").await.unwrap() == content, "it came back otherwise");
    work_dir.remove(id, "a.bcp").await.unwrap();
    let names: Vec<String> = (0..2000).map(|number| format!("{number:04}.sales.order_lines.001.bcp")).collect();
    for name in &names {
        share.put(&format!("{id}/{name}"), b"").await;
    }
    assert_eq!(listed(&*work_dir, id).await, names);
    work_dir.remove_folder(id).await.unwrap();
    assert!(!share.0.shared().join(FOLDER).join(id.to_string()).exists(), "something of the folder stayed");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_program_has_open_is_not_said_to_be_removed() {
    let share = Share::start().await;
    let (work_dir, id) = share.with_folder().await;
    let mut file = share.open().create(id, "a.bcp").await.unwrap();
    file.write(noise(3 << 20, 13)).await.unwrap();
    let error = fails(work_dir.remove_folder(id).await, ErrorKind::Storage, &id.to_string());
    assert!(error.is_transient() && said(&error).contains("another program has it open"), "{}", said(&error));
    file.finish().await.unwrap();
    assert_eq!(listed(&*work_dir, id).await, ["a.bcp"]);
    work_dir.remove_folder(id).await.unwrap();
    assert!(work_dir.folders().await.unwrap().is_empty());
    // Who reads a file lets it be removed; it stays until then, and its folder does.
    work_dir.create_folder(id).await.unwrap();
    write(&*work_dir, id, "a.bcp", b"here").await.unwrap();
    let reader = share.open().open(id, "a.bcp").await.unwrap();
    let error = fails(work_dir.remove_folder(id).await, ErrorKind::Storage, &id.to_string());
    assert!(error.is_transient() && said(&error).contains("not empty"), "{}", said(&error));
    drop(reader);
}

/// What a process that was ended had not finished is removed by the next writer of that file; what another one has open stays.
#[tokio::test(flavor = "multi_thread")]
async fn abandoned_files_are_removed_and_those_being_written_stay() {
    let share = Share::start().await;
    let (work_dir, id) = share.with_folder().await;
    share.put(&format!("{id}/a.bcp.{}.part", Uuid::new_v4()), b"half").await;
    let mut first = work_dir.create(id, "a.bcp").await.unwrap();
    assert_eq!(share.names(&id.to_string()).await.len(), 1, "what was abandoned stayed");
    let mut second = share.open().create(id, "a.bcp").await.unwrap();
    first.write(b"first".to_vec()).await.unwrap();
    second.write(b"second".to_vec()).await.unwrap();
    second.finish().await.unwrap();
    first.finish().await.unwrap();
    assert_eq!(read(&*work_dir, id, "a.bcp").await.unwrap(), b"first");
    assert_eq!(listed(&*work_dir, id).await, ["a.bcp"]);
    assert_eq!(share.names(&id.to_string()).await, ["a.bcp"]);
}
