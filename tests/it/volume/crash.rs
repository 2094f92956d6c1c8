//! Killed in the middle, out of room, used while it is replaced or removed: the old volume or the new one.

use std::fs;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};

use anyhow::{Result, ensure};
use rustix::process::{Pid, Signal, kill_process};

use super::rig::{Place, command, tree, wait_until};

/// A `put` in the background.
fn start_put(place: &Place, key: &str, dir: &str) -> Result<Child> {
    let store = format!("--store={}", place.store().display());
    Ok(command(&["put", key, dir, &store]).process_group(0).spawn()?)
}

fn has_file_in_staging(place: &Place) -> bool {
    let staged = fs::read_dir(place.store().join(".staging")).into_iter().flatten().flatten();
    staged.into_iter().any(|folder| {
        fs::read_dir(folder.path().join("data")).is_ok_and(|mut files| files.next().is_some())
    })
}

#[test]
fn a_put_that_is_killed_leaves_the_old_volume_and_no_trace() -> Result<()> {
    let place = Place::new();
    let dir = place.path("large");
    tree(&dir, 200, 1 << 20)?;
    let from = dir.display().to_string();
    place.put("k", "old")?;
    for _ in 0..3 {
        let mut child = start_put(&place, "k", &from)?;
        wait_until("files in .staging", || has_file_in_staging(&place));
        child.kill()?;
        let status = child.wait()?;
        ensure!(!status.success(), "it was done before it was killed");
        assert_eq!(place.leftovers(), 1);
        assert_eq!(place.get("k")?, "old");
    }
    // Whoever puts next removes what was left.
    place.put("other", "x")?;
    assert_eq!(place.leftovers(), 0);
    assert_eq!(place.keys()?, ["k", "other"]);
    Ok(())
}

#[test]
fn a_removal_that_is_killed_leaves_no_half_of_a_volume() -> Result<()> {
    let place = Place::new();
    let dir = place.path("many");
    tree(&dir, 20_000, 10)?;
    place.json(&["put", "k", &dir.display().to_string()])?;
    let store = format!("--store={}", place.store().display());
    let mut child = command(&["rm", "k", &store]).spawn()?;
    wait_until("the volume gone", || !place.folder("k").exists());
    child.kill()?;
    let status = child.wait()?;
    ensure!(!status.success(), "it was done before it was killed");
    assert_eq!(place.leftovers(), 1);
    assert!(place.keys()?.is_empty());
    place.put("other", "x")?;
    assert_eq!(place.leftovers(), 0);
    Ok(())
}

#[test]
fn a_volume_in_use_is_not_removed_and_read_to_its_end_when_replaced() -> Result<()> {
    let place = Place::new();
    place.put("k", "old")?;
    let folder = place.folder("k").display().to_string();
    // As a script holds it: read through the folder that it opened, after it was replaced.
    let script = "exec 9<\"$1\"; flock -s 9; cd \"$1\"; echo held; read line; cat data/file";
    let mut reader = Command::new("sh");
    reader.args(["-c", script, "sh", &folder]);
    reader.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped());
    let mut reader = reader.spawn()?;
    let mut said = std::io::BufReader::new(reader.stdout.take().expect("piped"));
    let mut line = String::new();
    std::io::BufRead::read_line(&mut said, &mut line)?;
    let error = place.error(&["rm", "k"]);
    assert!(error.contains("volume \"k\" is in use"), "{error}");
    place.put("k", "new")?;
    assert_eq!(place.get("k")?, "new");
    assert_eq!(place.leftovers(), 1, "the old one waits for its reader");
    drop(reader.stdin.take());
    let mut rest = String::new();
    std::io::Read::read_to_string(&mut said, &mut rest)?;
    assert_eq!(rest, "old");
    reader.wait()?;
    place.put("other", "x")?;
    assert_eq!(place.leftovers(), 0);
    Ok(())
}

#[test]
fn a_new_volume_is_read_while_the_old_one_is_still_being_deleted() -> Result<()> {
    let place = Place::new();
    let dir = place.path("many");
    tree(&dir, 20_000, 10)?;
    place.json(&["put", "k", &dir.display().to_string()])?;
    let new = place.path("new");
    fs::create_dir(&new)?;
    fs::write(new.join("file"), "new")?;
    let mut child = start_put(&place, "k", &new.display().to_string())?;
    let is_deleted = || {
        let trash = fs::read_dir(place.store().join(".trash")).into_iter().flatten().flatten();
        trash.into_iter().any(|folder| folder.path().join("data").exists())
    };
    wait_until("a deletion", is_deleted);
    // Stopped there: as if there was much more to delete.
    let process = Pid::from_child(&child);
    kill_process(process, Signal::STOP)?;
    assert_eq!(place.leftovers(), 1, "it was done before it was stopped");
    assert_eq!(place.get("k")?, "new");
    kill_process(process, Signal::CONT)?;
    assert!(child.wait()?.success());
    assert_eq!(place.leftovers(), 0);
    Ok(())
}

#[test]
fn whoever_locks_the_store_is_waited_for_a_while_and_then_told() -> Result<()> {
    let place = Place::new();
    place.put("k", "text")?;
    let held = fs::File::open(place.store())?;
    held.lock()?;
    let error = place.error(&["rm", "k"]);
    assert!(error.contains("somebody has locked it for over 10 s"), "{error}");
    // Who only reads does not need it.
    assert_eq!(place.get("k")?, "text");
    drop(held);
    place.json(&["rm", "k"])?;
    Ok(())
}

#[test]
fn a_leftover_that_cannot_be_removed_is_told_and_keeps_no_other() -> Result<()> {
    let place = Place::new();
    place.put("k", "text")?;
    fs::create_dir_all(place.store().join(".staging/stuck"))?;
    fs::create_dir_all(place.store().join(".trash/dead/data"))?;
    // A mount point, in a mount namespace of its own, cannot even be renamed.
    let script = "mount -t tmpfs none \"$2/.staging/stuck\" && \
        \"$1\" volume put other \"$3\" --store \"$2\"";
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c", script, "sh", env!("CARGO_BIN_EXE_dunnage")]);
    let output = command.arg(place.store()).arg(place.path("to-put")).output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("/.staging/stuck: "), "{said}");
    let left = fs::read_dir(place.store().join(".trash"))?.count();
    assert_eq!((left, place.leftovers()), (0, 1));
    assert_eq!(place.keys()?, ["k", "other"]);
    Ok(())
}

#[test]
fn a_full_disk_is_said_and_nothing_is_sealed() -> Result<()> {
    let place = Place::new();
    let dir = place.path("large");
    tree(&dir, 16, 1 << 20)?;
    fs::create_dir(place.store())?;
    // A file system of 8 MiB in a mount namespace of its own, which goes with the script.
    let script = "mount -t tmpfs -o size=8m none \"$2\" && \
        \"$1\" volume put small \"$4\" --store \"$2\" && \
        ! \"$1\" volume put k \"$3\" --store \"$2\" && \
        \"$1\" volume ls -o json --store \"$2\" && ls -A \"$2/.staging\" \"$2/.trash\"";
    let small = place.path("small");
    tree(&small, 1, 1000)?;
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c", script, "sh", env!("CARGO_BIN_EXE_dunnage")]);
    let output = command.arg(place.store()).arg(&dir).arg(&small).output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("No space left on device"), "{said}");
    assert!(said.contains("make room there, or lower the agent's --store-budget-bytes"), "{said}");
    assert!(said.contains("nothing was sealed"), "{said}");
    let listed = String::from_utf8(output.stdout)?;
    assert!(listed.contains("\"key\":\"small\"") && !listed.contains("\"key\":\"k\""), "{listed}");
    assert!(listed.ends_with(".trash:\n"), "{listed}");
    Ok(())
}

#[test]
fn puts_of_one_key_at_once_leave_one_of_them_whole() -> Result<()> {
    let place = Place::new();
    let mut children = Vec::new();
    for number in 0..6 {
        let dir = place.path(&format!("tree-{number}"));
        tree(&dir, 20, 50_000 + number)?;
        children.push(start_put(&place, "k", &dir.display().to_string())?);
    }
    for mut child in children {
        assert!(child.wait()?.success());
    }
    assert_eq!(place.keys()?, ["k"]);
    // Its digest is checked.
    place.json(&["get", "k", &place.path("out").display().to_string()])?;
    assert_eq!(place.leftovers(), 0);
    Ok(())
}
