//! What is written comes back, whatever it is.

use proptest::prelude::*;

use super::{Writer, check, read};
use crate::model::unit::Nanos;
use crate::sim::trace::entry::{ContainerEntry, Entry, Header, KindEntry, LayerEntry};
use crate::sim::trace::entry::{PodEntry, PullPolicyEntry};

const EPOCH: &str = "2026-05-20T00:00:00Z";

fn entry() -> impl Strategy<Value = Entry> {
    let pod = (any::<u64>(), ".*", ".*", proptest::option::of(".*"), containers(), keys(), keys());
    let pod = pod.prop_map(|(at_nanos, uid, name, run, containers, needs, produces)| {
        let (cpu_millis, memory_bytes) = (at_nanos / 3, at_nanos / 7);
        Entry::Pod(PodEntry {
            at_nanos,
            uid,
            name,
            run,
            containers,
            cpu_millis,
            memory_bytes,
            needs,
            next: produces.clone(),
            produces,
        })
    });
    let node = (any::<u64>(), ".*", proptest::option::of(".*"), proptest::option::of(any::<u64>()));
    let node = node.prop_map(|(at_nanos, name, zone, disk_bytes)| Entry::Node {
        at_nanos,
        name,
        zone,
        cpu_millis: at_nanos,
        memory_bytes: at_nanos,
        pods_max: 110,
        disk_bytes,
        images: vec![at_nanos.to_string(); usize::from(disk_bytes.is_none())],
    });
    let image = (any::<u64>(), ".*", layers()).prop_map(|(at_nanos, digest, layers)| {
        let (platform, estimate) = ("linux/amd64".to_owned(), at_nanos % 2 == 0);
        Entry::Image { at_nanos, digest, platform, layers, estimate }
    });
    let volume = (any::<u64>(), ".*", any::<bool>(), keys());
    let volume = volume.prop_map(|(at_nanos, key, pushed, holders)| Entry::Volume {
        at_nanos,
        key,
        kind: if pushed { KindEntry::ResourceCache } else { KindEntry::Other },
        bytes: at_nanos,
        holders,
        pushed,
        estimate: !pushed,
    });
    let step =
        (any::<u64>(), ".*", ".*", 0..7).prop_map(|(at_nanos, pod, node, kind)| match kind {
            0 => Entry::Bound { at_nanos, pod, node },
            1 => Entry::Started { at_nanos, pod },
            2 => Entry::Ended { at_nanos, pod, failed: node.is_empty() },
            3 => Entry::NodeGone { at_nanos, name: node },
            4 => Entry::Tag { at_nanos, name: pod, digest: node },
            5 => Entry::Pulled { at_nanos, node, image: pod, took_nanos: at_nanos },
            _ => Entry::End { at_nanos, lines: at_nanos },
        });
    prop_oneof![pod, node, image, volume, step]
}

fn keys() -> impl Strategy<Value = Vec<String>> {
    proptest::collection::vec(".*", 0..3)
}

fn containers() -> impl Strategy<Value = Vec<ContainerEntry>> {
    let policies = [PullPolicyEntry::IfNotPresent, PullPolicyEntry::Always, PullPolicyEntry::Never];
    let container = (".*", 0..3_usize, any::<bool>()).prop_map(move |(image, policy, init)| {
        ContainerEntry { image, pull_policy: policies[policy], init }
    });
    proptest::collection::vec(container, 0..3)
}

fn layers() -> impl Strategy<Value = Vec<LayerEntry>> {
    let layer = (".*", any::<u64>(), proptest::option::of(".*"));
    let layer = layer.prop_map(|(digest, size, diff_id)| LayerEntry { digest, size, diff_id });
    proptest::collection::vec(layer, 0..3)
}

proptest! {
    #[test]
    fn every_entry_comes_back_as_it_was_written(
        entries in proptest::collection::vec(entry(), 0..20),
    ) {
        let mut writer = Writer::new(Vec::new(), EPOCH).expect("into memory");
        for entry in &entries {
            writer.append(entry).expect("into memory");
        }
        let written = writer.end(7).expect("into memory");
        let mut lines = written.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        let header: Header = serde_json::from_slice(lines.next().expect("a header")).expect("one");
        prop_assert_eq!(header.epoch, EPOCH);
        let mut read: Vec<Entry> =
            lines.map(|line| serde_json::from_slice(line).expect("an entry")).collect();
        let lines = entries.len() as u64 + 1;
        prop_assert_eq!(read.pop(), Some(Entry::End { at_nanos: 7, lines }));
        prop_assert_eq!(read, entries);
    }
}

#[test]
fn a_written_trace_is_read_from_its_file() {
    let mut writer = Writer::new(Vec::new(), EPOCH).expect("into memory");
    let pod = PodEntry {
        at_nanos: 1,
        uid: "u".to_owned(),
        name: "p".to_owned(),
        run: None,
        containers: Vec::new(),
        cpu_millis: 100,
        memory_bytes: 5,
        needs: Vec::new(),
        produces: Vec::new(),
        next: Vec::new(),
    };
    writer.append(&Entry::Pod(pod)).expect("into memory");
    let written = writer.end(9).expect("into memory");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("trace.jsonl");
    std::fs::write(&path, &written).expect("written");
    let recording = read(&path).expect("a whole trace");
    assert_eq!((recording.pods.len(), recording.ends_at), (1, Nanos(9)));

    std::fs::write(&path, &written[..written.len() - 20]).expect("written");
    let refusal = read(&path).expect_err("cut off");
    assert!(refusal.starts_with("line 3: T004: the file ends within a line, "), "{refusal}");
    assert_eq!(check(&path).expect("a trace").findings.len(), 1);

    // A line break at its very end is not needed; what is no line of a trace stays that.
    std::fs::write(&path, written.trim_ascii_end()).expect("written");
    assert!(read(&path).is_ok());
    std::fs::write(&path, [&written[..written.len() - 20], b"\n{}\n"].concat()).expect("written");
    let refusal = read(&path).expect_err("odd lines");
    assert!(refusal.starts_with("line 3: T006: "), "{refusal}");
    assert!(refusal.ends_with("and 2 more, see `dunnage trace validate`"), "{refusal}");
}
