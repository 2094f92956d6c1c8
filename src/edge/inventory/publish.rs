//! Writes inventories and manifests to the API server.
//!
//! Decides how they are written, and which manifests still have to be. When is [`crate::cmd::agent`]'s.

use std::collections::BTreeMap;
use std::time::Duration;

use k8s_openapi::api::core::v1::Node;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::api::{Patch, PatchParams, PostParams};
use kube::core::Status;
use kube::{Api, Client};

use super::change::own_share;
use super::image::{ImageManifest, ImageSpec, LAYERS_MAX, object_name};
use super::node::{InventorySpec, NodeInventory};
use crate::edge::cause::innermost;
use crate::model::unit::{Nanos, Time};

/// Who owns the fields, in `metadata.managedFields`.
const FIELD_MANAGER: &str = "dunnage-agent";
/// A request that takes longer has met a server that hangs; the next attempt may meet another.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);
/// Manifests that were published are not asked about again for so long, and up to twice that: after it,
/// one that was deleted by hand comes back.
const REMEMBERED_FOR: Nanos = Nanos::from_seconds(12 * 3600);

/// Why something could not be written. All are worth another try.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The node's own object is missing.
    #[error("node {0:?} is not in the cluster: give its name by --node-name or NODE_NAME")]
    NoNode(String),
    /// Our kinds are missing.
    #[error("the API server does not know {0}: apply deploy/crds.yaml")]
    NoDefinition(&'static str),
    /// Anything else that the API server says, or that keeps it from answering.
    #[error("cannot {action}: {reason}")]
    Refused {
        /// What was tried.
        action: &'static str,
        /// Why not.
        reason: String,
    },
    /// No answer.
    #[error("cannot {0}: no answer within {ANSWER_WITHIN:?}")]
    Late(&'static str),
}

/// How many of one round were written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// New ones.
    pub created: usize,
    /// Those that somebody else had published.
    pub existing: usize,
}

/// Writes for one node.
pub struct Publisher {
    client: Client,
    node: String,
    /// Manifests that need not be published, each until when.
    known: BTreeMap<String, Time>,
}

impl Publisher {
    /// A publisher for a node.
    #[must_use]
    pub fn new(client: Client, node: &str) -> Self {
        Self { client, node: node.to_owned(), known: BTreeMap::new() }
    }

    /// Writes the inventory, owned by the node as it is now: one of the same name that was made anew has
    /// another uid.
    ///
    /// # Errors
    /// If it could not be written.
    pub async fn inventory(&self, spec: InventorySpec) -> Result<(), Error> {
        let mut inventory = NodeInventory::new(&self.node, spec);
        inventory.metadata.owner_references = Some(vec![self.owner().await?]);
        let inventories: Api<NodeInventory> = Api::all(self.client.clone());
        // Nobody else has a say in what is on this node.
        let how = PatchParams::apply(FIELD_MANAGER).force();
        let patch = Patch::Apply(&inventory);
        let patched = inventories.patch(&self.node, &how, &patch);
        answer("write the inventory", patched)
            .await
            .map_err(|failure| failure.of_kind("NodeInventory"))?;
        Ok(())
    }

    async fn owner(&self) -> Result<OwnerReference, Error> {
        let nodes: Api<Node> = Api::all(self.client.clone());
        let node = match answer("read the node", nodes.get_metadata(&self.node)).await {
            Ok(node) => node,
            Err(failure) if failure.is(404) => return Err(Error::NoNode(self.node.clone())),
            Err(failure) => return Err(failure.error),
        };
        Ok(OwnerReference {
            api_version: "v1".to_owned(),
            kind: "Node".to_owned(),
            name: self.node.clone(),
            uid: node.metadata.uid.unwrap_or_default(),
            ..OwnerReference::default()
        })
    }

    /// Publishes manifests that nobody has published yet, `count_max` at most. Agents begin at places of
    /// their own, so that nodes with the same images share the work.
    ///
    /// # Errors
    /// If one could not be written; those before it are.
    pub async fn manifests(
        &mut self,
        specs: &[ImageSpec],
        count_max: usize,
        now: Time,
    ) -> Result<Written, Error> {
        let mut written = Written::default();
        for spec in self.take_open(specs, now).into_iter().take(count_max) {
            if self.create(&spec).await? {
                written.created += 1;
            } else {
                written.existing += 1;
            }
            self.known.insert(spec.digest, now.after(self.remembered_for()));
        }
        Ok(written)
    }

    /// How many of these are still to be published.
    #[must_use]
    pub fn open_count(&self, specs: &[ImageSpec], now: Time) -> usize {
        specs.iter().filter(|spec| self.is_open(spec, now)).count()
    }

    /// Forgets manifests of images that are gone, so that what is remembered stays as small as the store.
    fn take_open(&mut self, specs: &[ImageSpec], now: Time) -> Vec<ImageSpec> {
        let held: std::collections::BTreeSet<_> = specs.iter().map(|spec| &spec.digest).collect();
        self.known.retain(|digest, _| held.contains(digest));
        let mut open: Vec<_> =
            specs.iter().filter(|spec| self.is_open(spec, now)).cloned().collect();
        let places = Duration::from_secs(open.len() as u64);
        let first = usize::try_from(own_share(&self.node, places).as_secs()).unwrap_or(0);
        open.rotate_left(first);
        open
    }

    fn is_open(&self, spec: &ImageSpec, now: Time) -> bool {
        let is_known = self.known.get(&spec.digest).is_some_and(|until| now < *until);
        !is_known && spec.layers.len() <= LAYERS_MAX && object_name(&spec.digest).is_some()
    }

    fn remembered_for(&self) -> Nanos {
        let share = own_share(&self.node, Duration::from_nanos(REMEMBERED_FOR.0));
        REMEMBERED_FOR + Nanos(u64::try_from(share.as_nanos()).unwrap_or(0))
    }

    /// Whether it was new.
    async fn create(&self, spec: &ImageSpec) -> Result<bool, Error> {
        let name = object_name(&spec.digest).unwrap_or_default();
        let manifest = ImageManifest::new(&name, spec.clone());
        let manifests: Api<ImageManifest> = Api::all(self.client.clone());
        let params = PostParams::default();
        match answer("publish a manifest", manifests.create(&params, &manifest)).await {
            Ok(_) => Ok(true),
            Err(failure) if failure.is(409) => Ok(false),
            Err(failure) => Err(failure.of_kind("ImageManifest")),
        }
    }
}

/// An error with the API server's own code.
struct Failure {
    code: Option<u16>,
    error: Error,
}

impl Failure {
    fn is(&self, code: u16) -> bool {
        self.code == Some(code)
    }

    /// A kind of ours that is not found is not defined: the object itself is made by the request.
    fn of_kind(self, kind: &'static str) -> Error {
        if self.is(404) { Error::NoDefinition(kind) } else { self.error }
    }
}

async fn answer<T>(
    action: &'static str,
    request: impl Future<Output = Result<T, kube::Error>>,
) -> Result<T, Failure> {
    match tokio::time::timeout(ANSWER_WITHIN, request).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(kube::Error::Api(status))) => {
            let Status { code, message, .. } = *status;
            Err(Failure { code: Some(code), error: Error::Refused { action, reason: message } })
        }
        Ok(Err(error)) => {
            let reason = innermost(&error).to_string();
            Err(Failure { code: None, error: Error::Refused { action, reason } })
        }
        Err(_) => Err(Failure { code: None, error: Error::Late(action) }),
    }
}
