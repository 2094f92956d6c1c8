//! What an account may do, as the API server answers it, and that it is no more than meant.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::authorization::v1::{
    ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec,
    SelfSubjectRulesReview, SelfSubjectRulesReviewSpec,
};
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::api::{ObjectMeta, PostParams};
use kube::{Api, Client};
use serde_json::{Value, json};

use crate::testbed::ControlPlane;

/// Rights that an extender must not have: to read what is secret, to change anything, to bind.
const NEVER: [(&str, &str, &str); 14] = [
    ("list", "", "secrets"),
    ("get", "", "secrets"),
    ("update", "", "nodes"),
    ("patch", "", "nodes/status"),
    ("get", "", "nodes/proxy"),
    ("create", "", "pods"),
    ("delete", "", "pods"),
    ("create", "", "pods/binding"),
    ("create", "", "pods/exec"),
    ("create", "", "bindings"),
    ("list", "", "configmaps"),
    ("create", "", "events"),
    ("create", "coordination.k8s.io", "leases"),
    ("impersonate", "", "users"),
];

/// What an extender may do: list and watch nodes, pods, claims, what agents publish and events, and post
/// Events.
pub fn all_it_needs() -> Value {
    json!([
        {"apiGroups": [""], "resources": ["nodes", "pods"], "verbs": ["list", "watch"]},
        {
            "apiGroups": ["dunnage.dev"],
            "resources": ["nodeinventories", "imagemanifests"],
            "verbs": ["list", "watch"],
        },
        {
            "apiGroups": [""],
            "resources": ["persistentvolumeclaims", "persistentvolumes"],
            "verbs": ["list", "watch"],
        },
        {
            "apiGroups": ["storage.k8s.io"],
            "resources": ["storageclasses", "volumeattachments", "csidrivers", "csinodes"],
            "verbs": ["list", "watch"],
        },
        {"apiGroups": [""], "resources": ["events"], "verbs": ["list", "watch"]},
        {"apiGroups": ["events.k8s.io"], "resources": ["events"], "verbs": ["create"]},
    ])
}

/// Checks that who uses a kubeconfig may list and watch nodes, pods, events and what agents publish, post
/// Events, and beside that what `nobody` may, to whom nothing was granted.
pub async fn only_what_it_needs(kubeconfig: &Path, nobody: &Path) -> Result<()> {
    let client = dunnage::cmd::serve::client(Some(kubeconfig)).await?;
    for resource in ["nodes", "pods", "events"] {
        for verb in ["list", "watch"] {
            ensure!(may(&client, verb, "", resource).await?, "no {verb} {resource}");
        }
    }
    for resource in ["nodeinventories", "imagemanifests"] {
        for verb in ["create", "update", "patch", "delete"] {
            let may = may(&client, verb, "dunnage.dev", resource).await?;
            ensure!(!may, "it may {verb} {resource}");
        }
    }
    for (verb, group, resource) in NEVER {
        let may = may(&client, verb, group, resource).await?;
        ensure!(!may, "it may {verb} {resource}");
    }
    let mut needed = all_it_needs().as_array().cloned().unwrap_or_default();
    needed.sort_by_key(Value::to_string);
    assert_eq!(granted_to(kubeconfig, nobody).await?, needed);
    Ok(())
}

/// The rules under which who uses a kubeconfig may do something, beside those of `nobody`, to whom
/// nothing was granted. Sorted by their text.
pub async fn granted_to(kubeconfig: &Path, nobody: &Path) -> Result<Vec<Value>> {
    let of_everybody = rules(&dunnage::cmd::serve::client(Some(nobody)).await?).await?;
    let mut own = rules(&dunnage::cmd::serve::client(Some(kubeconfig)).await?).await?;
    own.retain(|rule| !of_everybody.contains(rule));
    own.sort_by_key(Value::to_string);
    Ok(own)
}

async fn may(client: &Client, verb: &str, group: &str, resource: &str) -> Result<bool> {
    let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
    let attributes = ResourceAttributes {
        verb: Some(verb.to_owned()),
        group: Some(group.to_owned()),
        resource: Some(resource.to_owned()),
        subresource: Some(subresource.to_owned()),
        ..ResourceAttributes::default()
    };
    let review = SelfSubjectAccessReview {
        spec: SelfSubjectAccessReviewSpec {
            resource_attributes: Some(attributes),
            ..SelfSubjectAccessReviewSpec::default()
        },
        ..SelfSubjectAccessReview::default()
    };
    let answer = Api::all(client.clone()).create(&PostParams::default(), &review).await?;
    Ok(answer.status.context("no answer")?.allowed)
}

/// All rules under which a client may do something with objects.
async fn rules(client: &Client) -> Result<Vec<Value>> {
    let review = SelfSubjectRulesReview {
        spec: SelfSubjectRulesReviewSpec { namespace: Some("dunnage".to_owned()) },
        ..SelfSubjectRulesReview::default()
    };
    let answer = Api::all(client.clone()).create(&PostParams::default(), &review).await?;
    let rules = answer.status.context("no answer")?.resource_rules;
    let rules = rules.into_iter().map(serde_json::to_value);
    Ok(rules.collect::<Result<_, _>>()?)
}

/// The kubeconfig of a service account to which nothing was granted.
pub async fn account_without_any(plane: &ControlPlane) -> Result<PathBuf> {
    let account = ServiceAccount {
        metadata: ObjectMeta { name: Some("nobody".to_owned()), ..ObjectMeta::default() },
        ..ServiceAccount::default()
    };
    Api::namespaced(plane.client(), "default").create(&PostParams::default(), &account).await?;
    plane.kubeconfig_for_service_account("default", "nobody").await
}
