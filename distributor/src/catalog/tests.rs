#![allow(clippy::unwrap_used)]
use super::*;
use proto::catalog::LoginRole;
use std::path::Path;

fn login(n: u32) -> Entry {
    Entry::Login(LoginEntry { name: format!("Login{n}"), hash: "x".repeat(100), role: LoginRole::Monitor })
}

fn names(catalog: &mut Catalog) -> Vec<String> {
    catalog.read(|c| c.logins()).unwrap().into_iter().map(|l| l.name).collect()
}

/// A catalog with logins 1 to 9 but without 5, closed.
fn made(path: &Path) -> Vec<String> {
    let mut catalog = Catalog::open(path).unwrap();
    for n in 1..10 {
        catalog.change(vec![Change::Put(login(n))]).unwrap();
    }
    // By a name in other case.
    catalog.change(vec![Change::Delete(Key::Login("LOGIN5".to_owned()))]).unwrap();
    names(&mut catalog)
}

#[test]
fn what_was_changed_is_there_after_opening_again() {
    let directory = tempfile::tempdir().unwrap();
    let before = made(directory.path());
    assert_eq!(before.len(), 8);
    assert_eq!(names(&mut Catalog::open(directory.path()).unwrap()), before);
}

#[test]
fn an_index_that_is_missing_is_made_anew() {
    let directory = tempfile::tempdir().unwrap();
    let before = made(directory.path());
    std::fs::remove_dir_all(directory.path().join("index")).unwrap();
    assert_eq!(names(&mut Catalog::open(directory.path()).unwrap()), before);
}

#[test]
fn an_index_that_is_behind_or_of_something_else_is_made_anew() {
    let directory = tempfile::tempdir().unwrap();
    let before = made(directory.path());
    let index = directory.path().join("index");
    SledIndex::make(&index, &index::Stored::new()).map(drop).unwrap();
    assert_eq!(names(&mut Catalog::open(directory.path()).unwrap()), before);
    let other = index::Stored::from([(vec![5, b'x'], vec![1, 2, 3])]);
    SledIndex::make(&index, &other).map(drop).unwrap();
    assert_eq!(names(&mut Catalog::open(directory.path()).unwrap()), before);
}

#[test]
fn an_index_whose_files_are_damaged_is_made_anew() {
    let directory = tempfile::tempdir().unwrap();
    let before = made(directory.path());
    let index = directory.path().join("index");
    for damage in 0..8 {
        for entry in std::fs::read_dir(&index).unwrap() {
            let path = entry.unwrap().path();
            if !path.is_file() {
                continue;
            }
            let mut bytes = std::fs::read(&path).unwrap();
            let length = bytes.len();
            match damage {
                0 => bytes.clear(),
                1 => bytes.truncate(length / 2),
                2 => bytes.fill(0xff),
                3 => bytes.fill(0),
                n => bytes.iter_mut().skip(n).step_by(64 + n).for_each(|b| *b ^= 0x55),
            }
            std::fs::write(&path, bytes).unwrap();
        }
        let mut catalog = Catalog::open(directory.path()).unwrap();
        assert_eq!(names(&mut catalog), before, "damage {damage}");
    }
    // Something that is not a directory at all.
    std::fs::remove_dir_all(&index).unwrap();
    std::fs::write(&index, b"?").unwrap();
    assert_eq!(names(&mut Catalog::open(directory.path()).unwrap()), before);
}

#[test]
fn the_log_does_not_grow_for_ever() {
    let directory = tempfile::tempdir().unwrap();
    let mut catalog = Catalog::open(directory.path()).unwrap();
    let large = |n: u32| {
        Change::Put(Entry::Login(LoginEntry {
            name: format!("l{}", n % 3),
            hash: format!("{n}{}", "x".repeat(400_000)),
            role: LoginRole::Monitor,
        }))
    };
    for n in 0..60 {
        catalog.change(vec![large(n)]).unwrap();
    }
    let bytes: u64 = catalog.log.view().extents().iter().map(|e| e.bytes).sum();
    assert!(bytes < 4 * SEGMENT_SIZE, "{bytes}");
    drop(catalog);
    let mut catalog = Catalog::open(directory.path()).unwrap();
    let hashes: Vec<_> = catalog.read(|c| c.logins()).unwrap().into_iter().map(|l| l.hash[..2].to_owned()).collect();
    assert_eq!(hashes, ["57", "58", "59"]);
}
