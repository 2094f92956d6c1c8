//! Traces with one thing wrong: each has its code and its line.

use super::{Code, Reader};
use crate::model::unit::Nanos;

const HEADER: &str =
    r#"{"apiVersion":"dunnage.dev/v1alpha1","kind":"Trace","epoch":"2026-05-20T00:00:00Z"}"#;

/// A whole trace: two lives, of which one never starts.
fn whole() -> Vec<String> {
    let digest = |letter: &str| format!("sha256:{}", letter.repeat(64));
    let (image, layer) = (digest("a"), digest("b"));
    let node = r#"{"node":{"atNanos":0,"name":"n","cpuMillis":1,"memoryBytes":1,"podsMax":1}}"#;
    let pod = |at: u64, uid: &str| {
        let rest = r#""run":"r","containers":[{"image":"go:1"}],"cpuMillis":1,"memoryBytes":1"#;
        let names = format!(r#""uid":"{uid}","name":"{uid}","needs":["v"]"#);
        format!(r#"{{"pod":{{"atNanos":{at},{names},{rest}}}}}"#)
    };
    let layers = format!(r#""digest":"{image}","layers":[{{"digest":"{layer}","size":5}}]"#);
    let mut lines = vec![
        node.to_owned(),
        format!(r#"{{"image":{{"atNanos":0,"platform":"linux/amd64",{layers}}}}}"#),
        format!(r#"{{"tag":{{"atNanos":0,"name":"go:1","digest":"{image}"}}}}"#),
        r#"{"volume":{"atNanos":0,"key":"v","kind":"output","bytes":7}}"#.to_owned(),
        pod(1, "p"),
        pod(1, "q"),
        r#"{"bound":{"atNanos":2,"pod":"p","node":"n"}}"#.to_owned(),
        r#"{"started":{"atNanos":3,"pod":"p"}}"#.to_owned(),
        r#"{"ended":{"atNanos":9,"pod":"p"}}"#.to_owned(),
        r#"{"ended":{"atNanos":9,"pod":"q"}}"#.to_owned(),
    ];
    lines.push(end(10, lines.len() + 1));
    lines
}

fn end(at: u64, lines: usize) -> String {
    format!(r#"{{"end":{{"atNanos":{at},"lines":{lines}}}}}"#)
}

fn findings(lines: &[String]) -> Vec<(usize, Code)> {
    let mut reader = Reader::new(HEADER.as_bytes()).expect("a header");
    for (number, line) in (2..).zip(lines) {
        reader.take(number, line.as_bytes());
    }
    let (_, findings, more) = reader.finish(lines.len() + 1);
    assert_eq!(more, 0);
    findings.into_iter().map(|finding| (finding.line, finding.code)).collect()
}

#[test]
fn a_whole_trace_is_numbered_and_has_no_findings() {
    assert_eq!(findings(&whole()), []);
    let mut reader = Reader::new(HEADER.as_bytes()).expect("a header");
    (2..).zip(whole()).for_each(|(number, line)| reader.take(number, line.as_bytes()));
    let (recording, ..) = reader.finish(12);
    assert_eq!(recording.names[0].0, "docker.io/library/go:1");
    assert_eq!(recording.images[0].references, ["docker.io/library/go:1"]);
    let [p, q] = &recording.pods[..] else { panic!("two pods") };
    assert_eq!((p.bound, p.started_at), (Some((0, Nanos(2))), Some(Nanos(3))));
    assert_eq!((q.bound, q.ended_at, q.run), (None, Some(Nanos(9)), p.run));
    assert_eq!(recording.ends_at, Nanos(10));
}

/// The whole trace with a line replaced (or, if empty, left out) and the end told anew.
fn with(line: usize, text: &str) -> Vec<String> {
    let mut lines = whole();
    lines.pop();
    if text.is_empty() {
        drop(lines.remove(line - 2))
    } else {
        lines[line - 2] = text.to_owned()
    }
    lines.push(end(10, lines.len() + 1));
    lines
}

#[test]
fn each_offence_has_its_code_and_its_line() {
    let check = |line, text: &str, expected: &[(usize, Code)]| {
        assert_eq!(findings(&with(line, text)), expected, "line {line}: {text}");
    };
    let later = r#"{"bound":{"atNanos":4,"pod":"p","node":"n"}}"#;
    check(8, later, &[(9, Code::OutOfOrder)]);
    let untagged = findings(&with(4, ""));
    assert_eq!(untagged[..2], [(5, Code::UnknownImage), (6, Code::UnknownImage)]);
    check(9, r#"{"bound":{"atNanos":2,"pod":"p","node":"n"}}"#, &[(9, Code::WrongLife)]);
    check(9, r#"{"started":{"atNanos":3,"pod":"q"}}"#, &[(9, Code::WrongLife)]);
    check(11, r#"{"ended":{"atNanos":9,"pod":"p"}}"#, &[(11, Code::WrongLife)]);
    check(9, "{\"started\":3}", &[(9, Code::Malformed)]);
    check(9, r#"{"started":{"atNanos":3,"pod":"p","odd":1}}"#, &[(9, Code::Malformed)]);
    check(11, r#"{"ended":{"atNanos":9,"pod":"x"}}"#, &[(11, Code::UnknownPod)]);
    check(
        8,
        r#"{"bound":{"atNanos":2,"pod":"q","node":"x"}}"#,
        &[(8, Code::UnknownNode), (9, Code::WrongLife)],
    );
    check(
        8,
        r#"{"nodeGone":{"atNanos":2,"name":"x"}}"#,
        &[(8, Code::UnknownNode), (9, Code::WrongLife)],
    );
    check(7, &whole()[4], &[(7, Code::Repeated), (11, Code::UnknownPod)]);
    let zero = r#"{"volume":{"atNanos":0,"key":"v","kind":"output","bytes":0}}"#;
    assert_eq!(findings(&with(5, zero))[0], (5, Code::SizeZero));
    assert_eq!(findings(&with(5, zero))[1], (6, Code::UnknownVolume));
    let held = whole()[0].replace("podsMax\":1", "podsMax\":1,\"images\":[\"sha256:x\"]");
    assert_eq!(findings(&with(2, &held))[0], (2, Code::UnknownDigest));
    let other = whole()[2].replace("aaaa", "cccc");
    assert_eq!(findings(&with(4, &other))[0], (4, Code::UnknownDigest));
    let layer = whole()[1].replace("\"size\":5", "\"size\":0");
    assert_eq!(findings(&with(3, &layer))[0], (3, Code::SizeZero));
}

#[test]
fn a_pull_is_of_a_node_and_an_image_that_were_told() {
    let after = |node: &str, image: &str| {
        let pull = format!(
            r#"{{"pulled":{{"atNanos":9,"node":"{node}","image":"{image}","tookNanos":4}}}}"#
        );
        let mut lines = whole();
        lines.pop();
        lines.push(pull);
        lines.push(end(10, lines.len() + 1));
        findings(&lines)
    };
    assert_eq!(after("n", "docker.io/library/go:1"), []);
    assert_eq!(after("x", "go:1"), [(12, Code::UnknownNode)]);
    assert_eq!(after("n", "go:2"), [(12, Code::UnknownImage)]);
}

#[test]
fn an_estimate_is_replaced_by_what_comes_later_and_a_fact_is_not() {
    let estimate = |line: &str| line.replace("\"atNanos\":0", "\"atNanos\":0,\"estimate\":true");
    let later = |line: &str| line.replace("\"atNanos\":0", "\"atNanos\":1").replace("aaaa", "cccc");
    let mut lines = whole();
    lines.pop();
    let (image, tag, volume) = (lines[1].clone(), lines[2].clone(), lines[3].clone());
    (lines[1], lines[3]) = (estimate(&image), estimate(&volume));
    let known = [later(&image), later(&tag), later(&volume).replace("\"bytes\":7", "\"bytes\":8")];
    lines.splice(4..4, known.clone());
    lines.push(end(10, lines.len() + 1));
    let mut reader = Reader::new(HEADER.as_bytes()).expect("a header");
    (2..).zip(&lines).for_each(|(number, line)| reader.take(number, line.as_bytes()));
    let (recording, findings, _) = reader.finish(lines.len());
    assert_eq!(findings, []);
    assert_eq!(recording.names[0].1, [(Nanos(0), 1)]);
    assert!(recording.images[0].references.is_empty());
    assert_eq!(recording.estimates.into_iter().collect::<Vec<_>>(), [(0, Some(1))]);
    assert_eq!((recording.volumes[0].bytes.0, recording.volumes[0].is_estimate), (8, false));

    lines.pop();
    lines.insert(7, known[2].clone());
    lines.push(end(10, lines.len() + 1));
    assert_eq!(self::findings(&lines), [(9, Code::Repeated)]);
}

#[test]
fn a_trace_that_ends_early_late_or_twice_is_cut_off() {
    let lines = whole();
    let cut = &lines[..lines.len() - 1];
    assert_eq!(findings(cut), [(11, Code::CutOff)]);
    let mut missing = lines.clone();
    missing.remove(3 + 5);
    assert_eq!(findings(&missing)[0], (11, Code::CutOff));
    let more = [lines.clone(), vec![lines[0].clone()]].concat();
    assert_eq!(findings(&more), [(13, Code::CutOff)]);
}

#[test]
fn what_is_no_header_is_told() {
    let refusal = |text: &str| Reader::new(text.as_bytes()).expect_err(text);
    assert!(refusal("{}").contains("apiVersion"));
    assert!(refusal(&HEADER.replace("Trace", "Film")).contains("Film"));
    assert!(refusal(&HEADER.replace("2026", "x")).contains("RFC 3339"));
}
