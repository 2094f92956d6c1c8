//! The single integration binary: every test goes through a door that users use.

// A real etcd, kube-apiserver and kube-scheduler, and its own test.
mod testbed;
// Servers of ours as processes, and requests to them.
mod support;

// Layout, imports, lengths, head comments: the house rules.
mod tidy;
// The command line: help, wrong flags, missing files, taken ports.
mod cli;
// Every Kubernetes object we have decodes.
mod objects;
// The extender port: wire messages, hostile bodies, deadlines, TLS.
mod extender;
// Images looked up in registries: real ones, and one that misbehaves.
mod registry;
// Scenario files: those that come with the project, and such as are refused.
mod simulations;
// The demo, as a user runs it.
mod demo;
// The manifests in deploy/, on a real API server, under their own rights.
mod deploy;
// The agent of a node: failures of containerd, what is written.
mod agent;
// The volumes of a baggageclaim, read as the agent does.
mod baggageclaim;
// Folders handed from step to step: the store of a node.
mod volume;
// What agents publish, as the server reads it.
mod inventory;
// Where a real scheduler puts pods with our help.
mod placement;
// What a live cluster does, written down and done again.
mod record;
// The extender killed, stopped and restarted while pods are scheduled.
mod failure;
// Pulls that kubelets report, and what is learned from them.
mod learning;
// Real nodes: what they pull, and that nothing is left of them.
mod cluster;
// Measurements beside reference servers, only when asked.
mod compare;
// Large clusters: memory, time to ready.
mod scale;
