//! `dunnage serve` and a registry that only a pod's pull secret opens: it is read where the flag and the
//! right are both given, and nowhere else.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::{Secret, ServiceAccount};
use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding, RoleBinding, RoleRef, Subject};
use kube::api::{ObjectMeta, PostParams};
use kube::{Api, Client};
use serde_json::{Value, json};

use super::image::Image;
use super::rig::write_hosts;
use super::server::Registry;
use super::token_server::{PASSWORD, TokenServer, USER};
use crate::support::{Extender, extender_args};
use crate::testbed::{ControlPlane, NodeSpec, make_namespace, make_nodes};

const IMAGE: &str = "r.test/private/a:1";

#[tokio::test(flavor = "multi_thread")]
async fn a_pull_secret_is_read_where_flag_and_right_are_given_and_nowhere_else() -> Result<()> {
    let plane = ControlPlane::start().await?;
    let client = plane.client();
    let tokens = TokenServer::start(plane.dir()).await?;
    let registry = Registry::start(plane.dir(), &tokens.registry_config()).await?;
    let registry = registry.authorized(tokens.push_header("private/a")?);
    registry.push("private/a", "1", &Image::oci("linux/amd64", &["base", "private"])).await?;
    make_nodes(&client, &[NodeSpec::new("a")]).await?;
    for namespace in ["steps", "dunnage"] {
        make_namespace(&client, namespace).await?;
    }
    let secrets: Api<Secret> = Api::namespaced(client.clone(), "steps");
    for secret in [pull_secret(), old_pull_secret()] {
        secrets.create(&PostParams::default(), &secret).await?;
    }
    let kubeconfig = account(&plane, &client).await?;

    let hosts = plane.dir().join("hosts");
    write_hosts(&hosts, "r.test", &registry.hosts_toml())?;
    let hosts = format!("--registry-hosts-dir={}", hosts.display());
    let flags = [hosts.as_str(), "--registry-secrets"];
    let mut with_flag = Extender::start(plane.dir(), &kubeconfig, &flags).await?;
    let reason = resolved(&mut with_flag, "pull").await?;
    let told = reason.contains("401") && reason.contains("pull secret steps/pull: cannot be read");
    ensure!(told, "without the right: {reason}");
    grant(&client).await?;
    let mut without_flag = Extender::start(plane.dir(), &kubeconfig, &flags[..1]).await?;
    ensure!(resolved(&mut without_flag, "pull").await?.contains("401"), "without the flag");
    for secret in ["pull", "old-pull"] {
        with_flag.restart().await?;
        assert_eq!(resolved(&mut with_flag, secret).await?, "2 layers", "{secret}");
    }
    with_flag.restart().await?;
    let reason = resolved(&mut with_flag, "misspelt").await?;
    ensure!(reason.ends_with("; pull secret steps/misspelt: not found"), "{reason}");
    Ok(())
}

/// Asks about a pod of the image with a pull secret; the number of layers or the reason.
async fn resolved(extender: &mut Extender, secret: &str) -> Result<String> {
    extender.await_ready().await?;
    let pod = json!({"metadata": {"name": "step", "namespace": "steps", "uid": "1"},
        "spec": {"restartPolicy": "Never", "imagePullSecrets": [{"name": secret}],
            "containers": [{"name": "c", "image": IMAGE}]}});
    extender.prioritize(extender_args(&pod, &["a".to_owned()])).await?;
    let outcome = |text: &str| {
        let list: Value = serde_json::from_str(text).ok()?;
        let image =
            list["items"].as_array()?.iter().find(|image| image["references"][0] == IMAGE)?;
        let layers = image["layers"].as_u64().map(|layers| format!("{layers} layers"));
        layers.or_else(|| image["unresolved"].as_str().map(str::to_owned))
    };
    extender.await_answer("/api/v1/images", |_, text| outcome(text).is_some()).await?;
    outcome(&extender.get("/api/v1/images").await?.1).context("was there a moment ago")
}

fn pull_secret() -> Secret {
    let config = json!({"auths": {"r.test": {"username": USER, "password": PASSWORD}}});
    secret("pull", "dockerconfigjson", &config)
}

/// As kubectl made them before Kubernetes 1.7.
fn old_pull_secret() -> Secret {
    let config = json!({"r.test": {"username": USER, "password": PASSWORD}});
    secret("old-pull", "dockercfg", &config)
}

fn secret(name: &str, kind: &str, config: &Value) -> Secret {
    let data = [(format!(".{kind}"), ByteString(config.to_string().into_bytes()))];
    Secret {
        metadata: named(name),
        type_: Some(format!("kubernetes.io/{kind}")),
        data: Some(data.into()),
        ..Secret::default()
    }
}

/// An account with the rights of the service as deployed; its kubeconfig.
async fn account(plane: &ControlPlane, client: &Client) -> Result<std::path::PathBuf> {
    let post = PostParams::default();
    let account = ServiceAccount { metadata: named("dunnage"), ..ServiceAccount::default() };
    Api::namespaced(client.clone(), "dunnage").create(&post, &account).await?;
    Api::all(client.clone()).create(&post, &role("dunnage.yaml")?).await?;
    let binding = ClusterRoleBinding {
        metadata: named("dunnage"),
        role_ref: reference("dunnage"),
        subjects: Some(vec![subject()]),
    };
    Api::all(client.clone()).create(&post, &binding).await?;
    plane.kubeconfig_for_service_account("dunnage", "dunnage").await
}

/// The right to read secrets, as the README gives it, in the namespace of the pods.
async fn grant(client: &Client) -> Result<()> {
    let post = PostParams::default();
    Api::all(client.clone()).create(&post, &role("registry-secrets.yaml")?).await?;
    let binding = RoleBinding {
        metadata: named("dunnage-registry-secrets"),
        role_ref: reference("dunnage-registry-secrets"),
        subjects: Some(vec![subject()]),
    };
    Api::namespaced(client.clone(), "steps").create(&post, &binding).await?;
    Ok(())
}

/// The cluster role in a file of `deploy/`.
fn role(file: &str) -> Result<ClusterRole> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy").join(file);
    let documents: Vec<Value> = serde_saphyr::from_multiple(&std::fs::read_to_string(path)?)?;
    let role = documents.into_iter().find(|document| document["kind"] == "ClusterRole");
    Ok(serde_json::from_value(role.context("no ClusterRole")?)?)
}

fn named(name: &str) -> ObjectMeta {
    ObjectMeta { name: Some(name.to_owned()), ..ObjectMeta::default() }
}

fn reference(role: &str) -> RoleRef {
    RoleRef {
        api_group: Some("rbac.authorization.k8s.io".to_owned()),
        kind: "ClusterRole".to_owned(),
        name: role.to_owned(),
    }
}

fn subject() -> Subject {
    Subject {
        kind: "ServiceAccount".to_owned(),
        name: "dunnage".to_owned(),
        namespace: Some("dunnage".to_owned()),
        api_group: None,
    }
}
