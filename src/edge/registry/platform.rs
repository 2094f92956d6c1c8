//! Which entry of an index a node would take.
//!
//! As containerd's default matcher, within one architecture: an exact variant before a lower one. That
//! a 64-bit ARM node may also run 32-bit images is left out: no pipeline relies on it.

use crate::model::image::Platform;

/// The position of the entry for `node` among `offered`; `None` if nothing runs there. Entries without
/// a platform, and attestations (`unknown/unknown`), are never taken.
pub fn choose<'a>(
    node: &Platform,
    offered: impl Iterator<Item = Option<&'a Platform>>,
) -> Option<usize> {
    let most = rank(node, &node.variant);
    let fitting = offered.enumerate().filter_map(|(at, platform)| {
        let platform = platform?;
        let runs = platform.os == node.os && platform.architecture == node.architecture;
        let rank = rank(node, &platform.variant);
        (runs && rank <= most).then_some((rank, at))
    });
    // Of equals the first, as containerd sorts stably.
    fitting.max_by_key(|&(rank, at)| (rank, std::cmp::Reverse(at))).map(|(_, at)| at)
}

/// Orders the variants of the node's architecture. An untold one is what containerd takes it for: v7
/// of 32-bit ARM, the lowest of everything else.
fn rank(node: &Platform, variant: &str) -> u32 {
    let told = variant.strip_prefix('v').and_then(|digits| digits.parse().ok());
    told.unwrap_or(match node.architecture.as_str() {
        "arm" => 7,
        "arm64" => 8,
        _ => 1,
    })
}

#[cfg(test)]
mod tests {
    use super::choose;
    use crate::model::image::Platform;

    fn chosen(node: &str, offered: &[&str]) -> Option<usize> {
        let node = Platform::parse(node).expect("a platform");
        let offered: Vec<_> = offered.iter().map(|text| Platform::parse(text)).collect();
        choose(&node, offered.iter().map(Option::as_ref))
    }

    #[test]
    fn the_entry_is_the_nodes_own_platform_and_its_highest_variant() {
        let index = ["unknown/unknown", "", "linux/arm/v6", "linux/amd64", "linux/arm/v7"];
        assert_eq!(chosen("linux/amd64", &index), Some(3));
        assert_eq!(chosen("linux/arm", &index), Some(4));
        assert_eq!(chosen("linux/arm/v6", &index), Some(2));
        assert_eq!(chosen("linux/arm/v5", &index), None);
        assert_eq!(chosen("linux/arm64", &index), None);
        assert_eq!(chosen("windows/amd64", &index), None);
        assert_eq!(chosen("linux/arm64", &["linux/arm64/v9", "linux/arm64/v8"]), Some(1));
        assert_eq!(chosen("linux/amd64", &["linux/amd64/v3", "linux/amd64"]), Some(1));
        assert_eq!(chosen("linux/amd64/v3", &["linux/amd64", "linux/amd64/v3"]), Some(1));
        assert_eq!(chosen("linux/amd64", &["linux/amd64", "linux/amd64"]), Some(0));
    }
}
