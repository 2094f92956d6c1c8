//! The volumes that a pod needs as lines of text: where each can be had, and in which time.

use super::{size, told_by};
use crate::edge::view::volume::WantedVolumeView;

/// One line a volume with who told that it is needed; nothing for a pod that needs none.
pub(super) fn lines(volumes: &[WantedVolumeView], source: &str) -> String {
    if volumes.is_empty() {
        return String::new();
    }
    let lines: String = volumes.iter().map(line).collect();
    format!("Needs volumes{}\n{lines}", told_by(source))
}

fn line(volume: &WantedVolumeView) -> String {
    if volume.size_from == "repeated" {
        return format!("  {}  -  occurs before in this pod\n", volume.key);
    }
    let told = match volume.size_from.as_str() {
        "policy" => " assumed",
        "pod" => " told by a pod",
        _ => "",
    };
    let nodes = match (volume.holders, volume.arriving) {
        (0, 0) => "on no node".to_owned(),
        (holders, 0) => format!("on {}", nodes(holders)),
        (holders, arriving) => format!("on {}, on its way to {arriving}", nodes(holders)),
    };
    let fallback = match volume.fallback.as_str() {
        "none" => "nowhere else".to_owned(),
        other => format!("else from the {}", other.replace('-', " ")),
    };
    let cold = volume.cold_seconds;
    format!(
        "  {}  {}{told}  {nodes}, {fallback}, {cold:.1}s on a cold node\n",
        volume.key,
        size(volume.bytes)
    )
}

fn nodes(count: usize) -> String {
    if count == 1 { "1 node".to_owned() } else { format!("{count} nodes") }
}

#[cfg(test)]
mod tests {
    use super::lines;
    use crate::edge::view::volume::WantedVolumeView;

    fn volume(size_from: &str, holders: usize, arriving: usize) -> WantedVolumeView {
        WantedVolumeView {
            key: "out/1".to_owned(),
            kind: "output".to_owned(),
            bytes: 2 << 30,
            size_from: size_from.to_owned(),
            holders,
            arriving,
            fallback: if holders == 0 { "blob-store" } else { "none" }.to_owned(),
            cold_seconds: 21.47,
        }
    }

    #[test]
    fn each_volume_is_said_where_it_is_and_what_it_costs() {
        let volumes = [volume("node", 1, 2), volume("policy", 0, 0), volume("repeated", 0, 0)];
        let text = lines(&volumes, "annotations");
        let expected = "Needs volumes (told by annotations)\n  \
            out/1  2.0Gi  on 1 node, on its way to 2, nowhere else, 21.5s on a cold node\n  \
            out/1  2.0Gi assumed  on no node, else from the blob store, 21.5s on a cold node\n  \
            out/1  -  occurs before in this pod\n";
        assert_eq!(text, expected);
        assert_eq!(lines(&[], "annotations"), "");
    }
}
