//! dunnage starts step pods (the pods of CI, ML and batch pipelines) on the node where their image
//! layers and volumes already are. It is a kube-scheduler extender: an unmodified scheduler asks it to
//! rank nodes, and it answers with the seconds that each node would save.
//!
//! # The whole in one picture
//!
//! ```text
//!   API server ──watch──▶ edge::watch ─┐                       ┌─▶ edge::extender ◀─POST─ kube-scheduler
//!   manifest files ─────▶ cmd::files ──┤ Event                 │ Decision
//!   registries ──────▶ edge::registry ─┤                       │
//!   embedded cluster ───▶ cmd::demo ───┘   │                   │
//!                                          ▼                   ├─▶ edge::admin: page, metrics, explain
//!                              state::Tracker::apply           │
//!                                          │                   │
//!                                          ▼                   │
//!                               model::cluster::Cluster ──▶ score::decide ◀── policy::Policy
//!
//!   the same watch ─▶ sim::trace::write ─▶ edge::trace ─▶ a file ─▶ sim::trace::replay ─▶ sim::engine
//!
//!   on each node:  containerd ──▶ edge::containerd ──▶ edge::inventory ──▶ API server
//!                  steps ───────▶ edge::volume ──────▶ edge::inventory, other nodes' steps, a registry
//! ```
//!
//! There are two seams. An [`state::event::Event`] goes in: everything that can happen, from whatever
//! source. A [`score::decision::Decision`] comes out: what every candidate would cost, with its parts and
//! reasons; the answer on the wire, log lines, metrics, the page and `explain` are all printed from it.
//!
//! # Code map, in reading order
//!
//! | module | what it holds | what it knows nothing of |
//! | --- | --- | --- |
//! | [`model`] | nodes, pods, images, layers, and the cluster they form | events, policies, Kubernetes |
//! | [`state`] | [`state::Tracker`]: events in, one cluster kept | scores, time but as an argument |
//! | [`cost`] | seconds and money for bytes and queues, one formula a file | candidates, points |
//! | [`policy`] | text to numbers; which pods are step pods | the cluster |
//! | [`score`] | [`score::decide`]: the decision | the wire, where the facts came from |
//! | [`sim`] | a cluster that is not there, and what comes to it | sockets, files, real time |
//! | [`edge`] | adapters: watch, ports, files, metrics, the one real clock | each other, but for a few |
//! | [`cmd`], [`cli`] | one file per subcommand: wiring | how anything is decided |
//!
//! # What is absent, on purpose
//!
//! - From [`model`] to [`sim`]: clocks, I/O, async, Kubernetes' types, hash maps whose order could reach
//!   an answer. `tests/it/tidy.rs` holds this and the import table.
//! - A registry look-up, a lock held across an await, or a log line per node while the scheduler waits.
//! - A filter: a node is never refused. An extender that filters strands pods, because cluster
//!   autoscalers do not simulate it.
//! - State that a restart cannot rebuild from the API server, the manifest files and the registries, with
//!   five exceptions that can only shift a preference and start empty: how fast the last pulls were
//!   ([`model::observed`], with what was expected of those in progress, [`model::begun`]),
//!   when a digest was first seen under a tag ([`model::cluster::image::Record::first_seen`]), images that
//!   pods deleted within the last hour left on their nodes ([`model::cluster::node::Held::last_used`]), named
//!   volumes and runs of such pods ([`model::cluster::volume::NodeVolumes`]), and
//!   for five seconds where the pods of the last answers most likely go ([`model::expected`]).
//!
//! # Glossary
//!
//! - **step pod**: a pod the extender cares for; by default one that runs to completion or carries a CI
//!   system's label ([`policy::interest`]). Every other pod is answered `[]` unread.
//! - **layer**, **chain**: one OCI image layer; a layer on top of its parents, the unit in which runtimes
//!   reuse layers ([`model::chain`]).
//! - **reference**, **alias**: an image name in canonical form; the names a node reports together.
//! - **record**: one distinct entry of nodes' image lists, held by many nodes.
//! - **held**, **arriving**, **missing**: on the node; on its way, for a pod bound there or as the node's
//!   agent saw; neither.
//! - **cold**: the cost of an empty, idle node. **Saved**: cold less cost; negative on a worse node.
//! - **raw points**, **points**: saved seconds on the policy's curve, -10 to 10; the same shifted to
//!   0 to 10 for the answer, where equal nodes vanish.
//! - **expected**: decided about and not seen bound yet; counts as waiting for a few seconds.
//! - **heat**: the cost of step pods that already wait on a node or are expected there. **Home**: where
//!   pods of a kind meet while no node with room is warm.
//! - **report**: what a node's agent told; while it is believed it stands for the kubelet's list
//!   ([`model::cluster::node::Inventory`]). **Kept**: there as a compressed blob: unpacked, not downloaded.
//! - **claim**, **disk**, **place**: what a pod asks storage by; the volume on the network behind it; a node
//!   that it is attached to, on its way to or from, or used on ([`model::storage`]).
//! - **named volume**: a directory tree that steps leave on nodes, by a key that names it and its version
//!   ([`model::cluster::volume`]). **Holder**: a node where it lies. **Stream**: it is on its way to a node.
//! - **run**: the step pods of one pipeline run; **company**: what a node gains where its run has been.
//! - **pending**: a pod of a run that is not bound yet. **Lookahead**: what a node gains because layers are
//!   there that later steps of the run want, those of its pending pods or those that the pod names.
//! - **avoidable**: what counts against a stream while the volume is on another node with room or on its way
//!   to one, or shall first go to the one that its key chooses.
//! - **least possible**: what no placement of a simulated run's pods at its times moves less of
//!   ([`sim::bound`]). **Captured**: of the bytes that spread moves beyond it, the share not moved.
//! - **trace**: what a cluster did, line by line ([`sim::trace`]). **Recorded**: as in a trace; as a policy,
//!   each pod where it was ([`sim::rival::recorded`]). **Estimate**: a size or an image's layers that nobody
//!   knew when the line was written.
//! - **twin**: kube-scheduler as a value ([`sim::twin`]). **Rival**: somebody else's formula
//!   ([`sim::rival`]).
//! - **neutral**: an answer that prefers no node; always with a reason.

pub mod model;
pub mod state;
pub mod cost;
pub mod policy;
pub mod score;
pub mod sim;
pub mod edge;
pub mod cmd;
pub mod cli;
