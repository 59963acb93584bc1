//! `file://`.

use crate::backend::{Backend, noise, write};
use crate::outages;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;
use uuid::Uuid;
use workdir::Credentials;

crate::storage_tests!(Local);

/// A folder. It goes by being moved away, which is what an unmounted share looks like: its path leads nowhere, what is open stays open.
pub struct Local {
    pub root: PathBuf,
    _folder: TempDir,
}

impl Local {
    fn away(&self) -> PathBuf {
        self.root.with_extension("away")
    }
}

impl Backend for Local {
    const OPEN_FILES_SURVIVE: bool = true;

    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("repldata");
        std::fs::create_dir(&root).unwrap();
        Self { root, _folder: folder }
    }

    fn url(&self) -> String {
        format!("file://{}", self.root.display())
    }

    fn credentials(&self) -> Credentials {
        Credentials::default()
    }

    async fn put(&self, path: &str, content: &[u8]) {
        let path = self.root.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    async fn get(&self, path: &str) -> Option<Vec<u8>> {
        std::fs::read(self.root.join(path)).ok()
    }

    async fn delete(&self, path: &str) {
        std::fs::remove_file(self.root.join(path)).unwrap();
    }

    async fn names(&self, folder: &str) -> Vec<String> {
        let entries = std::fs::read_dir(self.root.join(folder)).unwrap();
        let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    async fn go(&mut self) {
        std::fs::rename(&self.root, self.away()).unwrap();
    }

    async fn come_back(&mut self) {
        std::fs::rename(self.away(), &self.root).unwrap();
    }
}

/// A file system of its own, unmounted in the end.
pub struct Mount(PathBuf);

impl Mount {
    pub fn tmpfs(at: &Path, bytes: usize) -> Self {
        assert_eq!(
            std::fs::metadata("/proc/self").unwrap().uid(),
            0,
            "this test mounts a small file system to fill it: run it as root"
        );
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={bytes}"), "tmpfs"])
            .arg(at)
            .output()
            .unwrap();
        assert!(mounted.status.success(), "this test mounts a tmpfs: {}", String::from_utf8_lossy(&mounted.stderr));
        Self(at.to_owned())
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let unmounted = Command::new("umount").arg("--lazy").arg(&self.0).status();
        assert!(
            unmounted.is_ok_and(|status| status.success()) || std::thread::panicking(),
            "cannot unmount {}",
            self.0.display()
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_said_and_takes_no_room() {
    const ROOM: usize = 16 << 20;
    let local = Local::start().await;
    let mount = Mount::tmpfs(&local.root, ROOM);
    outages::full(&local, ROOM).await;
    drop(mount);
}

/// The folder that the test of permissions, run by itself as another user, is given.
const REFUSED: &str = "STORAGE_TEST_REFUSED";

/// Root may write everywhere. So as root this test runs itself once more, as the user `nobody`.
#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_may_only_be_read_is_said_to_be() {
    if let Some(root) = std::env::var_os(REFUSED) {
        let root = PathBuf::from(root);
        let work_dir = workdir::open(&format!("file://{}", root.display()), &Credentials::default()).unwrap();
        let id = work_dir.folders().await.unwrap()[0];
        outages::refused(&*work_dir, id, &noise(1000, 6)).await;
        println!("refused");
        return;
    }
    let local = Local::start().await;
    let id = Uuid::new_v4();
    let work_dir = local.open();
    work_dir.create_folder(id).await.unwrap();
    write(&*work_dir, id, "a.sch", &noise(1000, 6)).await.unwrap();
    let permit = |path: &Path, mode| std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    let (folder, snapshot) = (local.root.parent().unwrap(), local.root.join(id.to_string()));
    for path in [folder, &local.root, &snapshot] {
        permit(path, 0o555);
    }
    if std::fs::metadata("/proc/self").unwrap().uid() == 0 {
        // The target folder may be closed to other users.
        let place = tempfile::tempdir().unwrap();
        permit(place.path(), 0o755);
        let program = place.path().join("storage");
        std::fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
        let mut command = Command::new(&program);
        command.args(["local::a_folder_that_may_only_be_read_is_said_to_be", "--exact", "--nocapture"]);
        let ran = command.env(REFUSED, &local.root).current_dir("/").uid(65534).gid(65534).output().unwrap();
        let said = format!("{}\n{}", String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
        assert!(ran.status.success() && said.contains("refused"), "{said}");
    } else {
        outages::refused(&*work_dir, id, &noise(1000, 6)).await;
    }
    for path in [folder, &local.root, &snapshot] {
        permit(path, 0o755);
    }
}
