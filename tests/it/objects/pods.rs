//! Pods: images in the order of pulling, how far each has come, and whether it is a step pod.

use dunnage::edge::object::PodObject;
use dunnage::edge::object::convert::pod_facts;
use dunnage::model::pod::{PodFacts, PodPhase, PullPolicy};

use super::{names_in, pods, read};

fn one(name: &str) -> PodFacts {
    let mut pods = pods(name);
    assert_eq!(pods.len(), 1, "{name}");
    pods.remove(0)
}

fn references(pod: &PodFacts) -> Vec<&str> {
    pod.images.iter().map(|image| &*image.reference).collect()
}

#[test]
fn every_pod_file_decodes_and_wants_images() {
    let names = names_in("pods");
    assert_eq!(names.len(), 28);
    for name in names {
        let pod = one(&name);
        assert!(!pod.name.is_empty() && !pod.uid.is_empty(), "{name}");
        assert!(!pod.images.is_empty(), "{name}");
        let is_ci = !name.contains("troubleshoot") && !name.contains("openshift");
        assert_eq!(pod.is_step, is_ci, "{name}");
    }
}

#[test]
fn an_ended_tekton_pod_tells_its_image_node_and_times() {
    let pod = one("pods/tekton-taskrun-pod.json");
    assert_eq!(pod.phase, PodPhase::Ended);
    assert_eq!(pod.node.as_deref(), Some("tekton-dashboard-control-plane"));
    assert!(pod.bound_at < pod.ended_at, "{:?} {:?}", pod.bound_at, pod.ended_at);
    let image_id = pod.images[0].image_id.as_deref().expect("an imageID");
    assert!(image_id.contains("sha256:"), "{image_id}");
    assert!(pod.images.iter().all(|image| !image.pull_fails));
}

#[test]
fn a_pod_that_failed_is_told_from_one_that_made_what_it_was_to_make() {
    let mut object: PodObject = read("pods/tekton-taskrun-pod.json");
    let status = object.status.as_mut().expect("a status");
    status.phase = Some("Failed".to_owned());
    let pod = pod_facts(object, true);
    assert_eq!(pod.phase, PodPhase::Failed);
    assert!(pod.phase.is_over() && pod.ended_at.is_some());
}

#[test]
fn a_prow_pod_pulls_its_init_containers_first() {
    let pod = one("pods/prow-job-01.yaml");
    let expected = ["clonerefs:tag", "initupload:tag", "entrypoint:tag", "tester", "sidecar:tag"];
    assert_eq!(references(&pod), expected);
    let init: Vec<_> = pod.images.iter().map(|image| image.is_init).collect();
    assert_eq!(init, [true, true, true, false, false]);
    assert_eq!(pod.phase, PodPhase::Waiting);
    assert_eq!(pod.images[3].pull_policy, PullPolicy::Always, "no tag is the tag latest");
    assert_eq!(pod.images[4].pull_policy, PullPolicy::IfNotPresent);
}

#[test]
fn a_woodpecker_pod_names_its_pull_secrets() {
    let pod = one("pods/woodpecker-step-01.json");
    let expected = ["regcred", "another-pull-secret", "wp-01he8bebctabr3kgk0qj36d2me-0"];
    assert_eq!(pod.pull_secrets, expected);
    assert!(one("pods/woodpecker-step-02.json").pull_secrets.is_empty());
}

#[test]
fn a_failing_pull_is_told_from_other_failures() {
    let failing = one("pods/troubleshoot-message-image-pull-fail.json");
    assert!(failing.images[0].pull_fails, "ErrImagePull");
    assert_eq!(failing.images[0].image_id, None);
    assert_eq!(failing.phase, PodPhase::Waiting);

    let crashing = one("pods/troubleshoot-message-pod-init-crashloop-backoff.json");
    assert!(crashing.images.iter().all(|image| !image.pull_fails), "the image is there");
    let have_id: Vec<bool> = crashing.images.iter().map(|i| i.image_id.is_some()).collect();
    assert_eq!(have_id, [true, false]);
}

#[test]
fn a_pod_that_was_not_bound_names_no_node() {
    for name in ["pending-node-affinity", "pending-pod-resources"] {
        let pod = one(&format!("pods/troubleshoot-message-{name}.json"));
        assert_eq!((pod.node, pod.bound_at), (None, None), "{name}");
    }
    let running = one("pods/openshift-cluster-pod.json");
    assert_eq!(running.phase, PodPhase::Running);
    assert!(running.images[0].image_id.is_some());
}

#[test]
fn a_pod_with_every_field_set_lists_image_volume_init_and_main_image() {
    for version in ["HEAD", "v1.33.0"] {
        let pod = one(&format!("full-api/{version}/core.v1.Pod.json"));
        assert_eq!(references(&pod), ["referenceValue", "imageValue", "imageValue"], "{version}");
        assert_eq!(pod.images[1].image_id.as_deref(), Some("imageIDValue"));
        assert_eq!(pod.node.as_deref(), Some("nodeNameValue"));
        assert_eq!(pod.pull_secrets, ["nameValue"]);
        assert!(pod.ended_at.is_some() && pod.bound_at.is_none());
        assert!(!pod.is_step);
    }
}
