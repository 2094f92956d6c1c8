//! Each shape is read as it is published, and what is not of it is refused with file and line.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::read;
use crate::model::unit::{Bytes, Nanos};
use crate::sim::data::{CiSystem, Data, Shape};

fn read_bytes(shape: Shape, content: &[u8]) -> Result<Data, String> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("rows");
    std::fs::write(&path, content).expect("written");
    let mut data = Data::default();
    let read = read(shape, "rows", &path, &mut data).map(|()| data);
    read.map_err(|refusal| refusal.to_string().replace(&path.display().to_string(), "rows"))
}

fn data(shape: Shape, text: &str) -> Data {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    gzip.write_all(text.as_bytes()).expect("into memory");
    let packed = read_bytes(shape, &gzip.finish().expect("into memory")).expect(text);
    let plain = read_bytes(shape, text.as_bytes()).expect(text);
    assert_eq!(format!("{plain:?}"), format!("{packed:?}"));
    plain
}

fn digest(letter: &str) -> String {
    format!("sha256:{}", letter.repeat(64))
}

fn image(size: u64) -> String {
    let (manifest, layer) = (digest("a"), digest("b"));
    serde_json::json!({
        "image": "golang:1", "platform": "linux/amd64", "manifest": manifest,
        "layers": [{"digest": layer, "size": size}],
    })
    .to_string()
}

#[test]
fn images_tags_and_node_images_are_read() {
    let images = &data(Shape::Manifests, &image(5)).manifests["rows"];
    assert_eq!(images[0].references, ["docker.io/library/golang:1"]);
    let tag = serde_json::json!({
        "time": "2026-05-01T00:00:01Z", "image": "golang:1", "platform": "linux/amd64",
        "manifest": digest("a"),
    });
    let tag = tag.to_string();
    let tags = &data(Shape::TagMoves, &tag).tag_moves["rows"];
    assert_eq!(
        (tags[0].at.0, &*tags[0].reference),
        (1_777_593_601_000_000_000, "docker.io/library/golang:1")
    );
    let image = serde_json::json!({"id": digest("c"), "bytes": 7, "tags": ["a:1"], "digests": []});
    let node = serde_json::json!({"sku": "s", "version": "1", "images": [image]}).to_string();
    let nodes = &data(Shape::NodeImages, &node).node_images["rows"];
    assert_eq!((&*nodes[0].sku, nodes[0].images[0].bytes), ("s", Bytes(7)));
}

#[test]
fn steps_of_each_system_are_read() {
    let text = concat!(
        r#"{"pipeline":"p","job":"j","stage":2,"seq":1,"kind":"get","name":"r","image":"i","#,
        r#""image_from":"builtin","outputs":["r"],"trigger":true,"hook":"on_error","#,
        r#""system":"concourse"}"#,
        "\n",
        r#"{"pipeline":"p","job":"t","run_after":["a"],"workspaces":["w"],"seq":0,"kind":"step","#,
        r#""name":"s","image":null,"requests":{"cpu":"250m","memory":"1Gi"},"system":"tekton"}"#,
        "\n",
        r#"{"pipeline":"p","job":"d","kind":"dag","name":"x","template":"t","#,
        r#""depends":"a.Succeeded && (b || !c-1.Failed)","system":"argo"}"#,
        "\n",
    );
    let data = data(Shape::Steps, text);
    let [concourse, tekton, argo] = &data.steps["rows"][..] else { panic!("three steps") };
    assert!(concourse.is_builtin && concourse.triggers && concourse.on_failure);
    assert_eq!((concourse.system, concourse.stage), (CiSystem::Concourse, 2));
    assert_eq!(
        (&tekton.after[..], &tekton.shared[..]),
        (&["a".to_owned()][..], &["w".to_owned()][..])
    );
    assert_eq!(tekton.requests.map(|requests| requests.cpu_millis), Some(250));
    assert_eq!(argo.after, ["a", "b", "c-1"]);
    assert_eq!(argo.template.as_deref(), Some("t"));
}

#[test]
fn prow_openb_seconds_and_merges_are_read() {
    let container = r#"{"image":"i:1","requests":{"cpu":4,"memory":"6Gi"}}"#;
    let job = format!(r#"{{"source":"s","name":"n","type":"x","containers":[{container}]}}"#);
    let jobs = &data(Shape::ProwJobs, &job).prow_jobs["rows"];
    assert_eq!((jobs[0].requests.cpu_millis, jobs[0].requests.memory), (4000, Bytes(6 << 30)));
    let starts = &data(Shape::ProwStarts, "t_seconds,source,job\n60,s,n\n").prow_starts["rows"];
    assert_eq!(starts[0].at, Nanos::from_seconds(60));
    let header = "name,cpu_milli,memory_mib,creation_time,deletion_time,scheduled_time";
    let pods = format!("{header}\na,100,2,5,30,10\nb,100,2,6,9,\n");
    let pods = &data(Shape::OpenbPods, &pods).openb_pods["rows"];
    assert_eq!((pods[0].ran_for, pods[1].ran_for), (Some(Nanos::from_seconds(20)), None));
    let nodes =
        &data(Shape::OpenbNodes, "sn,cpu_milli,memory_mib\na,32000,4\n").openb_nodes["rows"];
    assert_eq!(nodes[0].memory, Bytes(4 << 20));
    let seconds = &data(Shape::TestSeconds, "job,seconds\na,0.5\n").test_seconds["rows"];
    assert_eq!(seconds[..], [Nanos(500_000_000)]);
    let merges = "repo,merged_at_utc\na/b,2026-05-01T00:00:00Z\n";
    assert_eq!(data(Shape::Merges, merges).merges["rows"][0].repository, "a/b");
}

#[test]
fn the_first_line_that_is_not_of_the_shape_is_the_error() {
    let check = |shape, text: &str, expected: &str| {
        let refusal = read_bytes(shape, text.as_bytes()).expect_err(text);
        assert!(refusal.starts_with("rows: "), "{refusal}");
        assert!(refusal.contains(expected), "{refusal} does not say {expected}");
    };
    check(Shape::Manifests, &format!("{}\n{}\n", image(5), image(0)), "line 2: layer sha256:bbb");
    check(Shape::Manifests, "", "found none");
    check(Shape::TagMoves, "\n{}\n", "line 2: not a move of a tag as JSON: missing field");
    check(Shape::NodeImages, "[]", "line 1: not a list of node images");
    check(Shape::Steps, "{\"system\": \"jenkins\"}", "line 1: not a step");
    check(Shape::ProwJobs, r#"{"source":"s","name":"n","containers":[]}"#, "expected a container");
    check(
        Shape::ProwJobs,
        r#"{"source":"s","name":"n","containers":[{"image":"i","requests":{"cpu":"few"}}]}"#,
        "line 1: \"few\": expected a quantity",
    );
    check(Shape::ProwStarts, "t_seconds,source,job\n1,a,b\n1,a\n", "line 3: expected 3 fields");
    check(Shape::ProwStarts, "t_seconds,source,job\n", "at least one row");
    check(Shape::OpenbNodes, "sn,cpu_milli\na,1\n", "line 2: expected a column memory_mib");
    check(Shape::OpenbNodes, "cpu_milli,memory_mib\n0,1\n", "above 0");
    check(Shape::TestSeconds, "seconds\nlong\n", "line 2: seconds \"long\"");
    check(Shape::Merges, "repo,merged_at_utc\na,then\n", "line 2: time \"then\"");
    check(Shape::Trace, "{}", "line 1: expected the header of a trace");
}

#[test]
fn a_file_that_unpacks_without_end_is_one_error() {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    let zeros = vec![b' '; 1 << 20];
    for _ in 0..5 {
        gzip.write_all(&zeros).expect("into memory");
    }
    let bomb = gzip.finish().expect("into memory");
    let refusal = read_bytes(Shape::Steps, &bomb).expect_err("refused");
    assert_eq!(refusal, "rows: line 1: longer than 4194304 bytes");
}
