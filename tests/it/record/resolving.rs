//! What a registry tells, in a trace: the layers of an image that neither a node nor a file knows.

use anyhow::{Result, ensure};
use serde_json::json;

use super::cluster::{Cluster, step};
use super::recording::{Recording, of_kind, validate};
use crate::registry::image::Image;
use crate::registry::rig::write_hosts;
use crate::registry::server::Registry;
use crate::testbed::Signal;

const STEP: &str = "r.test/ci/step:1";

#[tokio::test(flavor = "multi_thread")]
async fn layers_that_a_registry_tells_take_the_place_of_an_estimate() -> Result<()> {
    let mut cluster = Cluster::start().await?;
    let registry = Registry::plain(cluster.plane.dir()).await?;
    let image = Image::oci("linux/amd64", &["base", "tools", "step"]);
    registry.push("ci/step", "1", &image).await?;
    let hosts = cluster.plane.dir().join("hosts");
    write_hosts(&hosts, "r.test", &registry.hosts_toml())?;
    let hosts = format!("--registry-hosts-dir={}", hosts.display());
    let flags = ["--names=plain", "--resolve=on", &hosts];
    let mut recording = Recording::start(&cluster.plane, "trace.jsonl", &flags).await?;
    cluster.place(vec![step("p", STEP)]).await?;
    let digest = image.manifest.digest();
    recording
        .await_that(|lines| {
            let mut tags = of_kind(lines, "tag").into_iter();
            tags.any(|tag| tag["name"] == STEP && tag["digest"] == digest)
        })
        .await?;
    recording.end(Signal::TERM).await?;
    validate(&recording.path)?;
    let lines = recording.lines()?;
    let images = of_kind(&lines, "image");
    let told = images.iter().find(|told| told["digest"] == digest);
    let layers = told.and_then(|told| told["layers"].as_array());
    let bytes = layers.map(|layers| layers.iter().filter_map(|layer| layer["size"].as_u64()).sum());
    assert_eq!((layers.map(Vec::len), bytes), (Some(3), Some(image.layer_bytes)));
    ensure!(told.is_some_and(|told| told["estimate"] != json!(true)), "{told:?}");
    Ok(())
}
