//! The programs under test.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// Path of a program: `publisher`, `distributor`, `subscriber` or `sandbox`. All of them are built once per test process, with the
/// profile of the test, since cargo builds the programs of other packages only when asked.
///
/// # Panics
/// When they cannot be built.
pub fn path(name: &str) -> PathBuf {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| {
        let test = std::env::current_exe().expect("a running test has a path");
        // target/<profile>/deps/<test>
        let folder = test.parent().and_then(Path::parent).expect("tests lie in target/<profile>/deps").to_owned();
        let target = folder.parent().expect("profiles lie in the target directory");
        let mut build = Command::new(env!("CARGO"));
        build.current_dir(env!("CARGO_MANIFEST_DIR")).args(["build", "--quiet", "--locked", "--bins", "--target-dir"]);
        build.arg(target);
        for package in ["publisher", "distributor", "subscriber", "sandbox"] {
            build.args(["-p", package]);
        }
        if folder.ends_with("release") {
            build.arg("--release");
        }
        let status = build.status().expect("cargo can be run");
        assert!(status.success(), "the programs under test cannot be built");
        folder
    });
    let path = folder.join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    assert!(path.is_file(), "{} was not built", path.display());
    path
}
