//! `crds.yaml` is what the types say. To write it anew after they changed:
//!
//! ```sh
//! DUNNAGE_WRITE=1 cargo test --test it deploy::definitions
//! ```

use std::fs;

use anyhow::{Context, Result, ensure};
use dunnage::edge::inventory;
use dunnage::edge::inventory::image::{ImageLayer, ImageManifest, ImageSpec, object_name};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::PostParams;
use kube::runtime::wait::{await_condition, conditions};
use kube::{Api, Client};

use super::manifests;
use super::running::Applied;
use crate::testbed::ControlPlane;

const HEAD: &str = "\
# What agents report: a NodeInventory for each node, an ImageManifest for each image. Written by
# tests/it/deploy/definitions.rs from the types in src/edge/inventory; not by hand.
";

#[test]
fn the_file_is_what_the_types_say() -> Result<()> {
    let wanted = format!("{HEAD}{}", inventory::definitions()?);
    let path = manifests::path("crds.yaml");
    if std::env::var_os("DUNNAGE_WRITE").is_some() {
        fs::write(&path, &wanted)?;
    }
    let same = fs::read_to_string(&path).context("deploy/crds.yaml")? == wanted;
    ensure!(same, "deploy/crds.yaml is not what the types say: run with DUNNAGE_WRITE=1");
    Ok(())
}

/// Applies `crds.yaml` and waits until the API server serves both kinds.
pub async fn establish(client: &Client) -> Result<()> {
    Applied::new(client.clone()).await?.apply_file("crds.yaml").await?;
    let definitions: Api<CustomResourceDefinition> = Api::all(client.clone());
    for name in ["nodeinventories.dunnage.dev", "imagemanifests.dunnage.dev"] {
        let condition = conditions::is_crd_established();
        await_condition(definitions.clone(), name, condition).await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn image_manifests_cannot_be_changed() -> Result<()> {
    let plane = ControlPlane::start().await?;
    establish(&plane.client()).await?;
    let images: Api<ImageManifest> = Api::all(plane.client());
    let manifest = image("a");
    let name = manifest.metadata.name.clone().context("no name")?;
    let mut kept = images.create(&PostParams::default(), &manifest).await?;
    assert_eq!(kept.spec, manifest.spec);
    // What does not touch the content may change: a label, say.
    kept.metadata.labels = Some([("who".to_owned(), "me".to_owned())].into());
    let mut kept = images.replace(&name, &PostParams::default(), &kept).await?;
    kept.spec.layers[0].bytes += 1;
    let refusal = images.replace(&name, &PostParams::default(), &kept).await;
    let refusal = refusal.expect_err("a changed layer was taken").to_string();
    ensure!(refusal.contains("an image manifest never changes"), "{refusal}");
    Ok(())
}

fn image(hex: &str) -> ImageManifest {
    let digest = format!("sha256:{}", hex.repeat(64));
    let layer = ImageLayer { digest: digest.clone(), bytes: 5, diff_id: digest.clone() };
    let spec = ImageSpec {
        digest: digest.clone(),
        config: digest.clone(),
        platform: "linux/amd64".to_owned(),
        bytes: 5,
        layer_count: 1,
        layers: vec![layer],
        references: Vec::new(),
    };
    ImageManifest::new(&object_name(&digest).expect("a plain digest"), spec)
}
