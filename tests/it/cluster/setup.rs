//! What a cluster is asked to be like reaches its programs.

use std::fs;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

use anyhow::Result;
use serde_json::{Value, json};

use super::bytes_of_step;
use crate::testbed::real::{Cluster, ImageSpec, Layer, Options};
use crate::testbed::{Scheduler, SchedulerOptions, http_get};

#[tokio::test]
async fn blobs_are_kept_or_discarded_and_kubelets_are_as_asked() -> Result<()> {
    for discard_unpacked_layers in [false, true] {
        let kubelet = json!({"serializeImagePulls": discard_unpacked_layers});
        let options = Options { nodes: 1, discard_unpacked_layers, kubelet, ..Options::default() };
        let cluster = Cluster::start(&options).await?;
        everything_is_where_it_says(&cluster)?;
        let _scheduler = Scheduler::start(cluster.plane(), SchedulerOptions::default()).await?;
        let layer = Layer { seed: 3, bytes: 1_000_000 };
        let image = cluster.registry().push(&ImageSpec::new("app", &[layer])).await?;
        bytes_of_step(&cluster, "node-0", &image.reference, 1).await?;
        assert!(blob(&cluster, &image.digest)?.exists(), "the manifest is gone");
        let is_kept = blob(&cluster, &image.layers[1].digest)?.exists();
        assert_eq!(is_kept, !discard_unpacked_layers, "{}", cluster.nodes()[0].containerd().log());
        assert_eq!(serialized(&cluster).await?, discard_unpacked_layers);
    }
    Ok(())
}

fn everything_is_where_it_says(cluster: &Cluster) -> Result<()> {
    let node = cluster.node("node-0")?;
    UnixStream::connect(node.containerd_socket())?;
    let network = |pid: u32| fs::read_link(format!("/proc/{pid}/ns/net"));
    assert_ne!(network(node.pid())?, network(std::process::id())?);
    assert!(node.kubelet().log().contains("node-0"), "{}", node.kubelet().log());
    let hosts = fs::read_to_string(cluster.hosts_dir().join("registry.testbed/hosts.toml"))?;
    assert!(hosts.contains(&format!("http://{}", cluster.registry().address())), "{hosts}");
    Ok(())
}

/// Where the content store of the first node has a blob.
fn blob(cluster: &Cluster, digest: &str) -> Result<PathBuf> {
    let store = "containerd/io.containerd.content.v1.content/blobs";
    Ok(cluster.node("node-0")?.dir().join(store).join(digest.replace(':', "/")))
}

/// Whether the kubelet says that it pulls one image at a time.
async fn serialized(cluster: &Cluster) -> Result<bool> {
    let request = http_get("/api/v1/nodes/node-0/proxy/configz")?;
    let configuration: Value = cluster.client().request(request).await?;
    Ok(configuration["kubeletconfig"]["serializeImagePulls"] == json!(true))
}
