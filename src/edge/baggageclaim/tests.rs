//! What is measured, and when: real folders, no server. Against servers it is tested in
//! `tests/it/baggageclaim`.

use std::fs::{self, File};
use std::io::{Seek, SeekFrom, Write};
use std::os::unix::fs::symlink;
use std::path::PathBuf;

use super::{measure, measure_all, said};

#[test]
fn holes_are_free_and_hard_links_count_once_and_links_are_not_followed() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path().join("volume");
    fs::create_dir_all(root.join("sub/deeper")).expect("folders");
    let mut entries = 0;
    let empty = measure(&root, &mut entries).expect("measured");
    assert_eq!(entries, 2);

    fs::write(root.join("sub/a"), vec![1; 1 << 20]).expect("a file");
    let one = measure(&root, &mut entries).expect("measured");
    assert!((1 << 20..(1 << 20) + 65_536).contains(&(one - empty)), "{one} {empty}");

    fs::hard_link(root.join("sub/a"), root.join("sub/deeper/b")).expect("a hard link");
    fs::write(folder.path().join("outside"), vec![1; 1 << 20]).expect("a file");
    symlink(folder.path().join("outside"), root.join("out")).expect("a link");
    symlink(folder.path(), root.join("up")).expect("a link");
    let mut sparse = File::create(root.join("sparse")).expect("a file");
    sparse.seek(SeekFrom::Start(1 << 30)).expect("sought");
    sparse.write_all(b"x").expect("written");
    sparse.sync_all().expect("synced");
    let all = measure(&root, &mut entries).expect("measured");
    assert!(all - one < 65_536, "{all} {one}");
}

#[test]
fn one_reading_measures_so_many_entries_and_one_volume_at_least() {
    let folder = tempfile::tempdir().expect("a folder");
    let volumes: Vec<(String, PathBuf)> =
        ["a", "b", "c"].map(|name| (name.to_owned(), folder.path().join(name))).to_vec();
    for (_, path) in &volumes {
        fs::create_dir_all(path.join("x/y/z")).expect("folders");
    }
    let count = |entries_max| measure_all(volumes.clone(), entries_max).len();
    assert_eq!((count(1), count(4), count(6), count(7)), (1, 2, 2, 3));
}

#[test]
fn what_is_no_folder_is_said_with_its_path() {
    let missing = measure_all(vec![("h".to_owned(), "/nowhere/volume".into())], 1);
    let reason = missing[0].1.bytes.clone().expect_err("nothing there");
    assert!(reason.contains("/nowhere/volume: No such file"), "{reason}");
    let file = measure_all(vec![("h".to_owned(), "/proc/self/stat".into())], 1);
    assert!(file[0].1.bytes.is_err());
}

#[test]
fn a_refusal_is_said_in_its_own_words_and_bounds() {
    assert_eq!(said(br#"{"error":"no such volume"}"#), "no such volume");
    assert_eq!(said(b"<h1>\r\n no"), "<h1>   no");
    assert_eq!(said(&[b'x'; 1000]).len(), 200);
}
