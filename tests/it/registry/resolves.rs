//! Images of every usual shape at a real registry.

use anyhow::{Result, ensure};
use serde_json::json;

use super::image::{
    Blob, DOCKER_LIST, Image, OCI_CONFIG, OCI_INDEX, OCI_MANIFEST, OCI_ZSTD, index,
};
use super::rig::Rig;
use super::server::Registry;

const AMD64: &str = "linux/amd64";

#[tokio::test(flavor = "multi_thread")]
async fn what_a_pod_asks_for_is_known_by_layers_a_moment_later() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let registry = Registry::plain(dir.path()).await?;
    let (base, step) =
        (Image::oci(AMD64, &["base"]), Image::oci(AMD64, &["base", "tools", "step"]));
    let zstd = Image::new([OCI_MANIFEST, OCI_CONFIG, OCI_ZSTD], AMD64, &["base", "other"]);
    registry.push("ci/base", "1", &base).await?;
    registry.push("ci/step", "1", &step).await?;
    registry.push("ci/docker", "1", &Image::docker(AMD64, &["base", "tools", "docker"])).await?;
    registry.push("ci/zstd", "1", &zstd).await?;
    let rig = Rig::start(&[("r.test", registry.hosts_toml())], &[AMD64])?;
    // Nodes report by digest, pods ask by tag, and a bound pod's image needs no asking.
    let base_name = format!("r.test/ci/base@{}", base.manifest.digest());
    rig.report(AMD64, &[(&[&base_name, "r.test/ci/base:1"], base.layer_bytes + 1000)]);
    rig.bind(AMD64, "r.test/ci/zstd:1");
    assert_eq!(rig.ask("r.test/ci/step:1").await?, "[]");
    let known = rig.await_layers("r.test/ci/step:1", AMD64).await?;
    assert_eq!((&known["layers"], &known["bytes"]), (&json!(3), &json!(step.layer_bytes)));
    assert_eq!(known["digests"][0], json!(step.manifest.digest()));
    assert_eq!(known["digests"][1], json!(step.blobs[0].digest()));
    let held = rig.await_layers(&base_name, AMD64).await?;
    assert_eq!((&held["layers"], &held["nodes"]), (&json!(1), &json!(1)));
    assert_eq!(rig.await_layers("r.test/ci/zstd:1", AMD64).await?["layers"], 2);
    rig.ask("r.test/ci/docker:1").await?;
    // By diff ids the base is one chain in both formats, although packed under other types.
    let docker = rig.await_layers("r.test/ci/docker:1", AMD64).await?;
    assert_eq!((&docker["layers"], &docker["nodesWithBase"]), (&json!(3), &json!(1)));
    let step = rig.await_layers("r.test/ci/step:1", AMD64).await?;
    assert_eq!((&step["nodes"], &step["nodesWithBase"]), (&json!(0), &json!(1)));
    assert_eq!(rig.metric("dunnage_registry_lookups_total{result=\"found\"}").await?, 4.0);
    rig.await_metric("dunnage_registry_cache_bytes", 1000.0, "r.test/ci/step:1").await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_is_followed_to_each_nodes_platform() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let registry = Registry::plain(dir.path()).await?;
    let platforms = ["linux/arm/v6", AMD64, "linux/arm/v7"];
    let images = platforms.map(|platform| Image::oci(platform, &["base", platform]));
    let attestation = Image::new(
        [OCI_MANIFEST, OCI_CONFIG, "application/vnd.in-toto+json"],
        "unknown/unknown",
        &["statement"],
    );
    let mut entries = vec![attestation.entry("unknown/unknown")];
    registry.push("ci/multi", "attestation", &attestation).await?;
    for (platform, image) in platforms.iter().zip(&images) {
        registry.push("ci/multi", &platform.replace('/', "-"), image).await?;
        entries.push(image.entry(platform));
    }
    let (oci, docker) = (index(OCI_INDEX, &entries), index(DOCKER_LIST, &entries[1..]));
    registry.push_manifest("ci/multi", "oci", &oci).await?;
    registry.push_manifest("ci/multi", "docker", &docker).await?;
    let nodes = [AMD64, "linux/arm", "linux/s390x"];
    let rig = Rig::start(&[("r.test", registry.hosts_toml())], &nodes)?;
    for (tag, whole) in [("oci", &oci), ("docker", &docker)] {
        let name = format!("r.test/ci/multi:{tag}");
        rig.ask(&name).await?;
        for (platform, image) in [(AMD64, &images[1]), ("linux/arm", &images[2])] {
            let known = rig.await_layers(&name, platform).await?;
            assert_eq!(known["digests"][0], json!(image.manifest.digest()), "{name} {platform}");
            let digests = known["digests"].as_array().expect("a list");
            ensure!(digests.contains(&json!(whole.digest())), "{known}");
        }
        assert_eq!(rig.await_reason(&name, "linux/s390x").await?, "no image for linux/s390x");
    }
    // Both lists name the same manifests: two look-ups of each tag, and each document but once.
    let requests = rig.metric("dunnage_registry_requests_total{result=\"ok\"}").await?;
    ensure!(requests <= 6.0 + 4.0, "{requests} requests");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_image_and_what_is_gone_is_said_and_stays_whole() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let registry = Registry::plain(dir.path()).await?;
    let types = [OCI_MANIFEST, "application/vnd.cncf.helm.config.v1+json", "application/x-chart"];
    registry.push("ci/chart", "1", &Image::new(types, AMD64, &["chart"])).await?;
    registry.push("ci/arm", "1", &Image::oci("linux/arm64", &["base"])).await?;
    let gone = Image::oci(AMD64, &["gone"]);
    registry.push("ci/gone", "1", &gone).await?;
    registry.delete("ci/gone", &gone.manifest.digest()).await?;
    let empty = json!({"schemaVersion": 2, "mediaType": OCI_MANIFEST, "layers": [],
        "config": gone.blobs[0].descriptor()});
    registry.push("ci/empty", "other", &gone).await?;
    registry.push_manifest("ci/empty", "1", &Blob::json(OCI_MANIFEST, &empty)).await?;
    let rig = Rig::start(&[("r.test", registry.hosts_toml())], &[AMD64])?;
    let gone_name = format!("r.test/ci/gone@{}", gone.manifest.digest());
    rig.report(AMD64, &[(&[&gone_name], 7_000_000)]);
    let nowhere = "r.test/ci/nowhere:1";
    for (name, reason) in [
        ("r.test/ci/chart:1", "an artifact (application/vnd.cncf.helm.config.v1+json)"),
        ("r.test/ci/arm:1", "no image for linux/amd64"),
        ("r.test/ci/empty:1", "without layers"),
        (nowhere, "404"),
        (&gone_name, "404"),
    ] {
        rig.ask(name).await?;
        let told = rig.await_reason(name, AMD64).await?;
        ensure!(told.contains(reason), "{name}: {told:?} does not say {reason:?}");
    }
    let images = rig.images(&gone_name, AMD64).await?;
    assert_eq!((&images[0]["bytes"], &images[0]["nodes"]), (&json!(7_000_000), &json!(1)));
    // Asked again at once, nobody goes to the registry again.
    let before = rig.metric("dunnage_registry_requests_total").await?;
    rig.ask(nowhere).await?;
    registry.push("ci/last", "1", &Image::oci(AMD64, &["last"])).await?;
    rig.ask("r.test/ci/last:1").await?;
    rig.await_layers("r.test/ci/last:1", AMD64).await?;
    assert_eq!(rig.metric("dunnage_registry_requests_total").await?, before + 2.0);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mirror_is_asked_first_and_only_for_what_it_is_trusted_with() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let (mirror, registry) =
        (Registry::plain(dir.path()).await?, Registry::plain(dir.path()).await?);
    let (old, new) = (Image::oci(AMD64, &["old"]), Image::oci(AMD64, &["new", "newer"]));
    mirror.push("ci/a", "1", &old).await?;
    registry.push("ci/a", "1", &new).await?;
    let there = Image::oci(AMD64, &["new", "there"]);
    mirror.push("ci/only-there", "1", &there).await?;
    let hosts = |capabilities: &str| {
        let mirror =
            format!("[host.\"http://{}\"]\ncapabilities = [{capabilities}]", mirror.address);
        format!("{}{mirror}\n", registry.hosts_toml())
    };
    let files = [("pull.test", hosts("\"pull\"")), ("all.test", hosts("\"pull\", \"resolve\""))];
    let rig = Rig::start(&files, &[AMD64])?;
    rig.ask("pull.test/ci/a:1").await?;
    rig.ask("all.test/ci/a:1").await?;
    assert_eq!(rig.await_layers("pull.test/ci/a:1", AMD64).await?["layers"], 2);
    assert_eq!(rig.await_layers("all.test/ci/a:1", AMD64).await?["layers"], 1);
    let by_digest = format!("pull.test/ci/only-there@{}", there.manifest.digest());
    rig.ask(&by_digest).await?;
    assert_eq!(rig.await_layers(&by_digest, AMD64).await?["layers"], 2);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_moved_tag_is_followed_and_an_unmoved_one_costs_one_head() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let registry = Registry::plain(dir.path()).await?;
    let (old, new) = (Image::oci(AMD64, &["base", "old"]), Image::oci(AMD64, &["base", "new"]));
    registry.push("ci/a", "1", &old).await?;
    let rig = Rig::start(&[("r.test", registry.hosts_toml())], &[AMD64])?;
    let name = "r.test/ci/a:1";
    let has_digest = |image: &Image| {
        let digest = json!(image.manifest.digest());
        move |known: &serde_json::Value| known["digests"][0] == digest
    };
    rig.ask(name).await?;
    rig.await_image(name, AMD64, has_digest(&old)).await?;
    assert_eq!(rig.metric("dunnage_registry_requests_total").await?, 2.0);
    rig.await_metric("dunnage_registry_lookups_total{result=\"unchanged\"}", 1.0, name).await?;
    assert_eq!(rig.metric("dunnage_registry_requests_total").await?, 3.0);
    registry.push("ci/a", "1", &new).await?;
    rig.await_metric("dunnage_registry_lookups_total{result=\"found\"}", 2.0, name).await?;
    rig.await_image(name, AMD64, has_digest(&new)).await?;
    assert_eq!(meant(&rig, name), new.manifest.digest());
    // That the old one has another name, too, does not give it back the one it lost.
    let other = "r.test/ci/a:old";
    registry.push("ci/a", "old", &old).await?;
    rig.ask(other).await?;
    rig.await_image(other, AMD64, has_digest(&old)).await?;
    assert_eq!(meant(&rig, name), new.manifest.digest());
    registry.push("ci/a", "1", &old).await?;
    let again = "dunnage_registry_lookups_total{result=\"found\"}";
    rig.await_metric(again, 4.0, name).await?;
    assert_eq!(meant(&rig, name), old.manifest.digest(), "moved back");
    Ok(())
}

/// The manifest digest of the image that a reference means now.
fn meant(rig: &Rig, reference: &str) -> String {
    let tracker = rig.shared.read();
    let cluster = tracker.cluster();
    let image = cluster.current_image(cluster.name_ids(reference), None).expect("known");
    cluster.digest_text(cluster.image(image).digests[0]).to_owned()
}
