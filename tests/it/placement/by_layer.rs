//! Small clusters where one difference decides: layers, queues, bytes, moved tags.

use std::collections::BTreeMap;

use anyhow::Result;
use k8s_openapi::api::core::v1::{Container, Pod};

use super::Stage;
use super::manifest::Manifest;
use crate::testbed::{Image, NodeSpec, PodSpec, await_bound, make_pods};

/// Two nodes of a scene, told apart from those of others by a label.
fn scene(name: &str, first: &[&Manifest], second: &[&Manifest]) -> Vec<NodeSpec> {
    [("a", first), ("b", second)]
        .into_iter()
        .map(|(suffix, held)| {
            let mut node = NodeSpec::new(&format!("{name}-{suffix}"));
            node.labels.insert("scene".to_owned(), name.to_owned());
            let image = |held: &&Manifest| Image::new(&held.name_by_digest(), held.bytes());
            node.images.extend(held.iter().map(image));
            node
        })
        .collect()
}

fn pod_in(scene: &str, name: &str, image: &str) -> PodSpec {
    let mut pod = PodSpec::new(name, image);
    pod.node_selector.insert("scene".to_owned(), scene.to_owned());
    pod
}

async fn lands(stage: &Stage, pod: impl Into<Pod>) -> Result<String> {
    let pod = pod.into();
    let name = pod.metadata.name.clone().unwrap_or_default();
    let client = stage.plane.client();
    let before = bound_pods(stage).await?.len();
    make_pods(&client, "steps", [pod]).await?;
    await_bound(&client, "steps", before + 1, std::time::Duration::from_secs(60)).await?;
    Ok(bound_pods(stage).await?[&name].clone())
}

async fn bound_pods(stage: &Stage) -> Result<BTreeMap<String, String>> {
    let pods = kube::Api::<Pod>::namespaced(stage.plane.client(), "steps");
    let pods = pods.list(&Default::default()).await?;
    let bound =
        pods.items.into_iter().filter_map(|pod| Some((pod.metadata.name?, pod.spec?.node_name?)));
    Ok(bound.collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn one_difference_decides() -> Result<()> {
    let base_app = Manifest::new("r.io/base-app:1", &[("base", 500), ("one", 50)]);
    let wanted = Manifest::new("r.io/wanted:1", &[("base", 500), ("two", 50)]);
    let small = Manifest::new("r.io/small:1", &[("small", 300)]);
    let large = Manifest::new("r.io/large:1", &[("large", 900), ("top", 100)]);
    let almost_large = Manifest::new("r.io/almost:1", &[("large", 900), ("else", 10)]);
    let queued = Manifest::new("r.io/queued:1", &[("queued", 2000)]);
    let cold = Manifest::new("r.io/cold:1", &[("cold", 400)]);
    let tag_before = Manifest::new("r.io/moved:1", &[("old", 1000)]);
    let tag_now = Manifest::new("r.io/moved:1", &[("new", 900), ("newer", 100)]).later();
    let new_base = Manifest::new("r.io/new-base:1", &[("new", 900)]);

    let mut nodes = scene("base", &[&base_app], &[]);
    nodes.extend(scene("bytes", &[&small], &[&almost_large]));
    nodes.extend(scene("queue", &[], &[]));
    nodes.extend(scene("moved", &[&tag_before], &[&new_base]));
    // The first node of this scene holds the tag itself, from before it moved.
    let holder = nodes.iter_mut().find(|node| node.name == "moved-a").expect("made above");
    holder.images[0].names.push("r.io/moved:1".to_owned());
    let manifests =
        [base_app, wanted, small, large, almost_large, queued, cold, tag_before, tag_now, new_base];
    let mut stage = Stage::set(&nodes, &manifests).await?;

    // No node holds the image; one holds its base.
    assert_eq!(lands(&stage, pod_in("base", "base", "r.io/wanted:1")).await?, "base-a");

    // All of a small image is worth less than most of a large one: 1,000 MB to move against 400.
    let mut two_images = Pod::from(pod_in("bytes", "bytes", "r.io/large:1"));
    let containers = &mut two_images.spec.as_mut().expect("made above").containers;
    let second = Container {
        name: "second".to_owned(),
        image: Some("r.io/small:1".to_owned()),
        ..containers[0].clone()
    };
    containers.push(second);
    assert_eq!(lands(&stage, two_images).await?, "bytes-b");

    // Of two cold nodes the one that pulls nothing.
    let mut pinned = pod_in("queue", "queue-first", "r.io/queued:1");
    pinned.node_selector.insert("kubernetes.io/hostname".to_owned(), "queue-a".to_owned());
    assert_eq!(lands(&stage, pinned).await?, "queue-a");
    stage.await_seen(3).await?;
    assert_eq!(lands(&stage, pod_in("queue", "queue-second", "r.io/cold:1")).await?, "queue-b");

    // A moved tag: who holds the reference starts at once, unless the registry is asked again.
    let mut pod = pod_in("moved", "moved-if-not-present", "r.io/moved:1");
    pod.pull_policy = Some("IfNotPresent".to_owned());
    assert_eq!(lands(&stage, pod).await?, "moved-a");
    let mut pod = pod_in("moved", "moved-always", "r.io/moved:1");
    pod.pull_policy = Some("Always".to_owned());
    assert_eq!(lands(&stage, pod).await?, "moved-b");
    Ok(())
}
