//! Archives and records that somebody wrote to do harm: refused with the path, and nothing outside changes.

use std::fs;
use std::os::unix::fs::symlink;

use anyhow::Result;
use cap_std::ambient_authority;
use cap_std::fs::Dir;
use dunnage::edge::volume::unpack;
use serde_json::json;
use tar::{Builder, EntryType, Header};

use super::rig::Place;

/// An archive of these entries: kind, name, target of a link or text of a file. Names are written as given.
fn archive(entries: &[(EntryType, &str, &str)]) -> Vec<u8> {
    let mut builder = Builder::new(Vec::new());
    for (kind, name, text) in entries {
        let mut header = Header::new_gnu();
        header.as_gnu_mut().expect("gnu").name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_entry_type(*kind);
        header.set_mode(0o6777);
        header.set_mtime(0);
        let is_link = matches!(kind, EntryType::Symlink | EntryType::Link);
        if is_link {
            header.set_link_name_literal(text.as_bytes()).expect("short");
        }
        let content = if is_link { "" } else { text };
        header.set_size(content.len() as u64);
        header.set_cksum();
        builder.append(&header, content.as_bytes()).expect("in memory");
    }
    builder.into_inner().expect("in memory")
}

#[test]
fn an_archive_writes_below_its_folder_or_not_at_all() -> Result<()> {
    use EntryType::{Block, Char, Continuous, Directory, Fifo, Link, Regular, Symlink};
    let place = Place::new();
    let outside = place.path("outside");
    fs::create_dir(&outside)?;
    fs::write(outside.join("secret"), "secret")?;
    let out = outside.display().to_string();
    let victim = format!("{out}/victim");
    let secret = format!("{out}/secret");
    let cases: Vec<Vec<(EntryType, &str, &str)>> = vec![
        vec![(Regular, &victim, "x")],
        vec![(Regular, "../outside/victim", "x")],
        vec![(Directory, "a", ""), (Regular, "a/../../outside/victim", "x")],
        vec![(Symlink, "l", &out), (Regular, "l/victim", "x")],
        vec![(Symlink, "l", "../outside"), (Regular, "l/victim", "x")],
        vec![(Symlink, "l", &out), (Directory, "l/victim", "")],
        vec![(Symlink, "l", &victim), (Regular, "l", "x")],
        vec![(Symlink, "l", &out), (Link, "victim", "l/secret")],
        vec![(Link, "victim", &secret)],
        vec![(Link, "victim", "../outside/secret")],
        vec![(Regular, "f", "x"), (Regular, "f", "y")],
        vec![(Directory, "d", ""), (Symlink, "d", &out)],
        vec![(Char, "c", "")],
        vec![(Block, "b", "")],
        vec![(Fifo, "p", "")],
        vec![(Continuous, "c", "")],
        vec![(Regular, ".", "x")],
    ];
    for case in cases {
        let dir = place.path("into");
        fs::create_dir(&dir)?;
        let into = Dir::open_ambient_dir(&dir, ambient_authority())?;
        let unpacked = unpack(archive(&case).as_slice(), &into);
        assert!(unpacked.is_err(), "taken: {case:?}");
        assert_eq!(fs::read_dir(&outside)?.count(), 1, "{case:?}");
        assert_eq!(fs::read_to_string(outside.join("secret"))?, "secret", "{case:?}");
        fs::remove_dir_all(&dir)?;
    }
    Ok(())
}

#[test]
fn set_id_bits_are_dropped_and_garbage_is_an_error() -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir()?;
    let into = Dir::open_ambient_dir(dir.path(), ambient_authority())?;
    unpack(archive(&[(EntryType::Regular, "f", "x")]).as_slice(), &into)?;
    assert_eq!(fs::metadata(dir.path().join("f"))?.permissions().mode() & 0o7777, 0o777);
    let garbage: Vec<u8> = (0..=255).cycle().take(5000).collect();
    assert!(unpack(garbage.as_slice(), &into).is_err());
    let whole = archive(&[(EntryType::Regular, "g", &"x".repeat(5000))]);
    assert!(unpack(&whole[..2000], &into).is_err(), "cut off");
    Ok(())
}

#[test]
fn a_record_that_lies_is_told_and_the_rest_is_listed() -> Result<()> {
    let place = Place::new();
    place.put("good", "text")?;
    let write = |key: &str, record: &str| -> Result<()> {
        fs::create_dir_all(place.folder(key).join("data"))?;
        Ok(fs::write(place.folder(key).join("volume.json"), record)?)
    };
    write("not json", "{")?;
    write("other", &json!({"key": "good", "sealed": true}).to_string())?;
    let long = "x".repeat(1 << 20);
    write("endless", &json!({"key": "endless", "sealed": true, "x": long}).to_string())?;
    write("open", &json!({"key": "open", "sealed": false}).to_string())?;
    write("plain", &json!({"key": "plain", "sealed": true}).to_string())?;
    // A record that is a link, and a folder that is one: to what would do where it is.
    let outside = |key: &str| -> Result<std::path::PathBuf> {
        let folder = place.path(key);
        fs::create_dir_all(folder.join("data"))?;
        let record = json!({"key": key, "sealed": true}).to_string();
        fs::write(folder.join("volume.json"), record)?;
        Ok(folder)
    };
    fs::create_dir_all(place.folder("link").join("data"))?;
    symlink(outside("link")?.join("volume.json"), place.folder("link").join("volume.json"))?;
    symlink(outside("folder")?, place.folder("folder"))?;
    fs::create_dir(place.folder("no record"))?;
    assert_eq!(place.keys()?, ["good", "plain"]);
    let said = String::from_utf8(place.run(&["ls"]).stderr)?;
    assert_eq!(said.matches("not a volume").count(), 6, "{said}");
    // One that another program sealed without telling its digest is as good.
    fs::write(place.folder("plain").join("data/file"), "by hand")?;
    assert_eq!(place.get("plain")?, "by hand");
    Ok(())
}
