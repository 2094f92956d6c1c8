//! Reading policies: the named ones are valid, odd ones are refused with the place.

use super::{NAMED, Policy};

fn refusal(text: &str) -> String {
    Policy::parse(text).expect_err("must be refused").to_string()
}

fn default_with(from: &str, to: &str) -> String {
    let text = NAMED[0].1;
    assert!(text.contains(from), "{from:?} is not in the default policy");
    text.replacen(from, to, 1)
}

#[test]
fn every_named_policy_is_valid_and_every_file_is_named() {
    for (name, text) in NAMED {
        Policy::parse(text).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(Policy::named(name).is_some());
    }
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/policy");
    let files = std::fs::read_dir(folder).expect("policy folder");
    let names = files.filter_map(|file| {
        file.ok()?.file_name().to_str()?.strip_suffix(".yaml").map(str::to_owned)
    });
    for name in names {
        assert!(Policy::named(&name).is_some(), "policy/{name}.yaml is not in policy::NAMED");
    }
}

#[test]
fn unknown_repeated_and_missing_keys_are_refused_with_line_and_caret() {
    let unknown = refusal(&default_with("  share:", "  shaer:"));
    assert!(unknown.contains("shaer") && unknown.contains('^'), "{unknown}");
    let repeated = refusal(&default_with("  share: 0.6", "  share: 0.6\n  share: 0.6"));
    assert!(repeated.contains("share") && repeated.contains('^'), "{repeated}");
    let fallback = refusal(&default_with("fallback: none", "fallback: disk"));
    assert!(fallback.contains("disk") && fallback.contains("blob-store"), "{fallback}");
    let missing = refusal(&default_with("  laterShare: 0.5\n", ""));
    assert!(missing.contains("laterShare"), "{missing}");
}

#[test]
fn values_without_sense_are_refused_by_key() {
    for (from, to, key) in [
        ("laterShare: 0.5", "laterShare: 1.5", "pull.laterShare"),
        ("laterShare: 0.5", "laterShare: .nan", "pull.laterShare"),
        ("fetchBytesPerSecond: 100000000", "fetchBytesPerSecond: 0", "pull.fetchBytesPerSecond"),
        ("observationsMin: 4", "observationsMin: 0", "pull.learn.observationsMin"),
        ("factorMax: 16", "factorMax: 0", "pull.learn.factorMax"),
        ("zeroSeconds: 0.1", "zeroSeconds: 64", "curve.zeroSeconds"),
        ("distanceZeroSeconds: 1", "distanceZeroSeconds: 0", "curve.distanceZeroSeconds"),
        ("secondsPerWaitingPod: 0.7", "secondsPerWaitingPod: -1", "heat.secondsPerWaitingPod"),
        ("secondsPerMoney: 0", "secondsPerMoney: -1", "stream.secondsPerMoney"),
        ("avoidableTimes: 3", "avoidableTimes: 11", "stream.avoidableTimes"),
        ("crossZone: 0", "crossZone: -0.01", "stream.pricePerGigabyte.crossZone"),
        (
            "registryBytesPerSecond: 50000000",
            "registryBytesPerSecond: 0",
            "stream.registryBytesPerSecond",
        ),
        ("laterStepShare: 0.5", "laterStepShare: 2", "run.laterStepShare"),
        ("    share: 0.5", "    share: 1.5", "run.lookahead.share"),
        ("    slackShare: 0.25", "    slackShare: -1", "run.lookahead.slackShare"),
        ("slackSecondsMin: 2", "slackSecondsMin: 3601", "run.lookahead.slackSecondsMin"),
        ("kind: PlacementPolicy", "kind: Policy", "kind"),
    ] {
        let refusal = refusal(&default_with(from, to));
        assert!(refusal.starts_with(key), "{to}: {refusal}");
    }
}
