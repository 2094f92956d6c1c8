//! Chain ids: the names under which a runtime keeps unpacked layers (OCI image-spec, `config.md`,
//! Layer ChainID).

use sha2::{Digest, Sha256};

/// The chain id of each layer, base first, of the diff ids in the same order.
///
/// The base's is its diff id; each other's is `sha256(chain id below + " " + diff id)`.
#[must_use]
pub fn chain_ids<'a>(diff_ids: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let mut chains: Vec<String> = Vec::new();
    for diff_id in diff_ids {
        let chain = match chains.last() {
            None => diff_id.to_owned(),
            Some(below) => sha256(format!("{below} {diff_id}").as_bytes()),
        };
        chains.push(chain);
    }
    chains
}

/// The digest of some bytes as `sha256:` and 64 digits.
#[must_use]
pub fn sha256(bytes: &[u8]) -> String {
    use std::fmt::Write;
    let mut text = String::from("sha256:");
    for byte in Sha256::digest(bytes) {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{chain_ids, sha256};

    #[test]
    fn a_chain_runs_over_the_chain_below_and_the_diff_id() {
        // printf 'a b' | sha256sum; printf 'sha256:THAT c' | sha256sum
        let ab = "sha256:c8687a08aa5d6ed2044328fa6a697ab8e96dc34291e8c2034ae8c38e6fcc6d65";
        assert_eq!(chain_ids(["a", "b"]), ["a", ab]);
        assert_eq!(chain_ids(["a", "b", "c"])[2], sha256(format!("{ab} c").as_bytes()));
        assert!(chain_ids([]).is_empty());
    }
}
