//! What is kept of a tree, what is said of it, and what is refused.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result};
use dunnage::edge::volume::Store;
use dunnage::model::unit::Time;

use super::rig::{Place, command, fingerprint};

/// One of everything that a volume keeps.
fn everything(dir: &Path) -> Result<()> {
    fs::create_dir_all(dir.join("a/b/empty"))?;
    fs::write(dir.join("a/b/file"), "text")?;
    fs::write(dir.join("a/run.sh"), "#!/bin/sh\n")?;
    fs::set_permissions(dir.join("a/run.sh"), Permissions::from_mode(0o755))?;
    fs::write(dir.join("a/empty"), "")?;
    fs::hard_link(dir.join("a/b/file"), dir.join("z-same"))?;
    symlink("a/b/file", dir.join("link"))?;
    symlink("/etc/passwd", dir.join("out"))?;
    symlink("../../..", dir.join("up"))?;
    symlink("nowhere", dir.join("dangling"))?;
    fs::write(dir.join("n\u{e4}me with blanks\n"), "odd")?;
    let long = dir.join("l".repeat(120)).join("m".repeat(120));
    fs::create_dir_all(&long)?;
    fs::write(long.join("n".repeat(120)), "far down")?;
    let sparse = File::create(dir.join("sparse"))?;
    sparse.set_len(64 << 20)?;
    let old = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    File::open(dir.join("a/run.sh"))?.set_modified(old)?;
    // Read-only folders, as Go's module cache has them.
    fs::set_permissions(dir.join("a/b"), Permissions::from_mode(0o555))?;
    File::open(dir.join("a"))?.set_modified(old)?;
    Ok(())
}

#[test]
fn what_was_put_is_got_with_modes_times_and_links_and_counted_as_du_counts() -> Result<()> {
    let place = Place::new();
    let tree = place.path("tree");
    everything(&tree)?;
    let from = tree.display().to_string();
    let put = place.json(&["put", "git:app@1", &from, "--kind=resource-cache"])?;
    let to = place.path("deep/er").display().to_string();
    let got = place.json(&["get", "git:app@1", &to])?;
    assert_eq!(fingerprint(&tree)?, fingerprint(&place.path("deep/er"))?);
    assert_eq!((&got["source"], &got["streamedBytes"]), (&"local".into(), &0.into()));
    assert_eq!((&got["bytes"], &got["digest"]), (&put["bytes"], &put["digest"]));

    let listed = place.json(&["ls"])?["volumes"][0].clone();
    assert_eq!((&listed["kind"], &listed["bytes"]), (&"resource-cache".into(), &put["bytes"]));
    let data = place.folder("git:app@1").join("data");
    let mut du = du_output(Command::new("du").args(["-s", "-B1"]).arg(data))?;
    assert_eq!(Some(du), put["bytes"].as_u64());
    assert!(du < 1 << 20, "the hole counts: {du}");
    du = File::open(place.folder("git:app@1").join("data/sparse"))?.metadata()?.len();
    assert_eq!(du, 64 << 20);

    // The same tree gives the same digest, also from a copy of a copy.
    let again = place.json(&["put", "again", &to])?;
    assert_eq!(again["digest"], put["digest"]);
    Ok(())
}

fn du_output(command: &mut Command) -> Result<u64> {
    let output = command.output()?;
    let text = String::from_utf8(output.stdout)?;
    Ok(text.split_whitespace().next().context("a number")?.parse()?)
}

#[test]
fn a_key_is_replaced_listed_and_removed() -> Result<()> {
    let place = Place::new();
    place.put("k", "one")?;
    place.put("other key", "two")?;
    assert_eq!(place.get("k")?, "one");
    place.put("k", "three")?;
    assert_eq!(place.get("k")?, "three");
    assert_eq!(place.keys()?, ["k", "other key"]);
    let table = String::from_utf8(place.run(&["ls"]).stdout)?;
    assert!(table.starts_with("          BYTES  KIND"), "{table}");
    assert!(table.lines().any(|line| line.ends_with("Z  other key")), "{table}");
    place.json(&["rm", "k"])?;
    assert_eq!(place.keys()?, ["other key"]);
    assert!(place.error(&["rm", "k"]).contains("no volume \"k\" in "));
    assert!(place.error(&["get", "k", "x"]).contains("no volume \"k\" in "));
    assert_eq!(place.leftovers(), 0);
    Ok(())
}

#[test]
fn a_get_is_noted_as_the_last_use() -> Result<()> {
    let place = Place::new();
    place.put("k", "text")?;
    let used = |place: &Place| Ok::<_, anyhow::Error>(place.json(&["ls"])?["volumes"][0].clone());
    let before = used(&place)?;
    assert_eq!(before["created"], before["lastUsed"]);
    place.get("k")?;
    let after = used(&place)?;
    assert_eq!(after["created"], before["created"]);
    let time = |volume: &serde_json::Value| Some(volume["lastUsed"].as_str()?.to_owned());
    assert!(time(&after) > time(&before), "{after}");
    Ok(())
}

#[test]
fn what_cannot_be_done_is_said_and_changes_nothing() -> Result<()> {
    let place = Place::new();
    let tree = place.path("tree");
    fs::create_dir_all(&tree)?;
    let _socket = UnixListener::bind(tree.join("socket"))?;
    let from = tree.display().to_string();
    let error = place.error(&["put", "k", &from]);
    assert!(error.contains("socket: a socket, pipe or device"), "{error}");
    let error = place.error(&["put", "k", "/nonexistent"]);
    assert!(error.contains("cannot open /nonexistent: No such file"), "{error}");
    assert!(place.keys()?.is_empty());
    assert_eq!(place.leftovers(), 0);

    place.put("k", "text")?;
    let error = place.error(&["get", "k", &from]);
    assert!(error.contains("is not empty: give an empty folder"), "{error}");
    let output = command(&["ls", "--store=/nonexistent/store"]).output()?;
    assert_eq!(output.status.code(), Some(1));
    let error = String::from_utf8(output.stderr)?;
    assert!(error.contains("no store at /nonexistent/store: give --store DIR"), "{error}");
    for (key, why) in [("", "must not be empty"), ("a\nb", "control characters")] {
        let output = place.run(&["put", key, &from]);
        assert_eq!(output.status.code(), Some(2));
        assert!(String::from_utf8(output.stderr)?.contains(why));
    }
    let output = command(&["put", "k", &from, "--push"]).output()?;
    assert_eq!(output.status.code(), Some(2));
    Ok(())
}

#[test]
fn a_damaged_volume_is_not_handed_out() -> Result<()> {
    let place = Place::new();
    place.put("k", "text")?;
    fs::write(place.folder("k").join("data/file"), "test")?;
    let to = place.path("out");
    let error = place.error(&["get", "k", &to.display().to_string()]);
    assert!(error.contains("volume \"k\" is damaged"), "{error}");
    assert!(!to.exists() && place.keys()?.is_empty());
    Ok(())
}

#[test]
fn what_was_begun_of_a_damaged_volume_is_removed_with_its_read_only_folders() -> Result<()> {
    let place = Place::new();
    let tree = place.path("tree");
    fs::create_dir_all(tree.join("read-only"))?;
    fs::write(tree.join("read-only/file"), "text")?;
    fs::set_permissions(tree.join("read-only"), Permissions::from_mode(0o555))?;
    place.json(&["put", "k", &tree.display().to_string()])?;
    fs::write(place.folder("k").join("data/read-only/file"), "test")?;
    // Modes mean nothing to root, but for these capabilities.
    let mut get = Command::new("setpriv");
    get.args(["--bounding-set=-dac_override,-dac_read_search", env!("CARGO_BIN_EXE_dunnage")]);
    get.args(["volume", "get", "k"]).arg(place.path("out")).arg("--store").arg(place.store());
    let output = get.env("HOME", "/nonexistent").env_remove("KUBECONFIG").output()?;
    let said = String::from_utf8(output.stderr)?;
    assert!(said.contains("volume \"k\" is damaged"), "{said}");
    assert!(!place.path("out").exists() && place.leftovers() == 0);
    Ok(())
}

#[test]
fn what_was_used_or_sealed_since_it_was_listed_is_not_evicted() -> Result<()> {
    let place = Place::new();
    for key in ["put", "still", "used"] {
        place.put(key, "text")?;
    }
    let store = Store::open(&place.store())?;
    let listed = store.list()?.volumes;
    store.find("used")?.context("a volume")?.note_use(Time(1 << 62));
    place.put("put", "other text")?;
    let evicted = store.evict(&listed, 0);
    assert_eq!(evicted.keys, ["still"]);
    assert!(evicted.excess_bytes > 0 && evicted.faults.is_empty(), "{evicted:?}");
    assert_eq!(place.keys()?, ["put", "used"]);
    assert_eq!(store.evict(&store.list()?.volumes, 0).keys, ["put", "used"]);
    Ok(())
}

#[test]
fn a_tree_is_measured_once_and_another_one_of_its_key_again() -> Result<()> {
    let place = Place::new();
    let by_hand = |name: &str, bytes: usize| -> Result<()> {
        let folder = place.path(name);
        fs::create_dir_all(folder.join("data"))?;
        fs::write(folder.join("volume.json"), r#"{"key": "k", "sealed": true}"#)?;
        fs::write(folder.join("data/file"), vec![1; bytes])?;
        // Blocks are given out by then.
        Ok(File::open(folder.join("data/file"))?.sync_all()?)
    };
    place.put("other", "text")?;
    let store = Store::open(&place.store())?;
    by_hand("one", 100_000)?;
    fs::rename(place.path("one"), place.folder("k"))?;
    let one = store.measure("k", None)?.context("a volume")?;
    assert!((100_000..120_000).contains(&one.bytes), "{one:?}");
    // What is sealed does not change: it is not looked at.
    fs::write(place.folder("k").join("data/file"), "")?;
    assert_eq!(store.measure("k", Some(one))?, Some(one));
    // Its record tells no time.
    by_hand("two", 300_000)?;
    fs::remove_dir_all(place.folder("k"))?;
    fs::rename(place.path("two"), place.folder("k"))?;
    let two = store.measure("k", Some(one))?.context("a volume")?;
    assert!((300_000..320_000).contains(&two.bytes), "{two:?}");
    assert_eq!(store.measure("absent", None)?, None);
    Ok(())
}

#[test]
fn a_tree_that_cannot_be_read_keeps_no_other_from_being_listed() -> Result<()> {
    let place = Place::new();
    place.put("good", "text")?;
    fs::create_dir_all(place.folder("deep").join("data"))?;
    let record = r#"{"key": "deep", "sealed": true, "bytes": 12345}"#;
    fs::write(place.folder("deep").join("volume.json"), record)?;
    // Deeper than a path can say.
    let script = "for i in $(seq 25); do mkdir \"$1\" && cd -P \"$1\" || exit 1; done";
    let mut nest = Command::new("bash");
    nest.args(["-c", script, "bash", &"n".repeat(200)]);
    assert!(nest.current_dir(place.folder("deep").join("data")).status()?.success());
    assert_eq!(place.keys()?, ["deep", "good"]);
    assert_eq!(place.json(&["ls"])?["volumes"][0]["bytes"], 12345);
    let said = String::from_utf8(place.run(&["ls"]).stderr)?;
    assert!(said.contains("its bytes are as its producer told them"), "{said}");
    Ok(())
}
