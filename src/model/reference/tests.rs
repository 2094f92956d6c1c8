//! One name for all spellings of an image, also by the word of another implementation.
//!
//! Three differences from that one are meant. Of a tag and a digest only the digest is kept, as in
//! containerd's store. A first part in upper case is a registry, as in the Go original, because no
//! repository may have it; the other implementation looks only for a dot, a colon or `localhost`. And
//! nothing is refused for its characters or its length.

use oci_spec::distribution::Reference as Oracle;
use proptest::prelude::*;

use super::Reference;

fn check(text: &str, expected: &str) {
    let reference = Reference::parse(text).map(|r| r.as_str().to_owned());
    assert_eq!(reference.as_deref(), Some(expected), "{text}");
}

#[test]
fn spellings_of_one_hub_image_are_one_name() {
    for text in ["golang:1.9", "docker.io/golang:1.9", "index.docker.io/library/golang:1.9"] {
        check(text, "docker.io/library/golang:1.9");
    }
    check("golang", "docker.io/library/golang:latest");
    check("bitnami/redis", "docker.io/bitnami/redis:latest");
}

#[test]
fn ports_tags_and_digests_are_told_apart() {
    let digest = format!("sha256:{}", "ab".repeat(32));
    check("localhost:5000/a", "localhost:5000/a:latest");
    check("localhost/a/b:x", "localhost/a/b:x");
    check(&format!("r.io/a:tag@{digest}"), &format!("r.io/a@{digest}"));
    check(&format!("docker-pullable://r.io/a@{digest}"), &format!("r.io/a@{digest}"));
    check(&digest, &digest);
    assert_eq!(Reference::parse(&digest).and_then(|r| r.digest().map(str::len)), Some(71));
}

#[test]
fn empty_and_broken_names_are_refused() {
    for text in ["", " ", "a b", ":tag", "a@sha256:zz"] {
        assert_eq!(Reference::parse(text), None, "{text:?}");
    }
}

#[test]
fn a_first_part_in_upper_case_is_a_registry() {
    check("Registry/team/app:1", "Registry/team/app:1");
    check("REGISTRY.example/app", "REGISTRY.example/app:latest");
}

#[test]
fn latest_is_a_tag_and_no_part_of_a_digest() {
    let is_latest = |text: &str| Reference::parse(text).is_some_and(|r| r.is_latest());
    assert!(is_latest("golang") && is_latest("golang:latest"));
    assert!(!is_latest("golang:1") && !is_latest("golang:not-latest"));
    assert!(!is_latest(&format!("golang:latest@sha256:{}", "0".repeat(64))));
}

/// Any reference that the grammar allows, but for a first part in upper case without a dot or port.
fn any_reference() -> impl Strategy<Value = String> {
    let registry = prop_oneof![
        Just(String::new()),
        Just("docker.io/".to_owned()),
        Just("index.docker.io/".to_owned()),
        Just("docker.io/library/".to_owned()),
        "localhost(:[0-9]{1,5})?/",
        "[a-z]{1,8}:[0-9]{2,5}/",
        "[a-zA-Z0-9]{1,6}(-[a-z0-9]{1,3})?(\\.[a-zA-Z0-9]{1,5}){1,2}(:[0-9]{2,5})?/",
    ];
    let path = "[a-z0-9]{1,6}((\\.|_|__|-{1,2})[a-z0-9]{1,4})?(/[a-z0-9]{1,6}){0,2}";
    let tag = "(:[a-zA-Z0-9_][a-zA-Z0-9_.-]{0,10})?";
    let digest = prop_oneof![
        3 => Just(String::new()),
        1 => "@sha256:[0-9a-f]{64}",
        1 => "@sha512:[0-9a-f]{128}",
    ];
    (registry, path, tag, digest)
        .prop_map(|(registry, path, tag, digest)| registry + &path + &tag + &digest)
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(500)
    })]

    #[test]
    fn another_implementation_gives_the_same_name(text in any_reference()) {
        let oracle: Oracle = text.parse().expect("the grammar allows it");
        let name = format!("{}/{}", oracle.registry(), oracle.repository());
        let expected = match (oracle.digest(), oracle.tag()) {
            (Some(digest), _) => format!("{name}@{digest}"),
            (None, tag) => format!("{name}:{}", tag.unwrap_or("latest")),
        };
        let found = Reference::parse(&text).expect("the grammar allows it");
        prop_assert_eq!(found.as_str(), &expected);
        prop_assert_eq!(found.digest(), oracle.digest());
    }

    #[test]
    fn a_canonical_name_is_its_own_canonical_form(text in any_reference()) {
        let once = Reference::parse(&text).expect("the grammar allows it");
        prop_assert_eq!(Reference::parse(once.as_str()), Some(once));
    }

    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,40}") {
        if let Some(reference) = Reference::parse(&text) {
            prop_assert_eq!(Reference::parse(reference.as_str()), Some(reference));
        }
    }
}
