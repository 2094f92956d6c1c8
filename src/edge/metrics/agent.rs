//! The agent's metrics. None is labelled by image or node.

use prometheus::{IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Registry, TextEncoder};

use super::Registered;

/// All metrics of an agent, in a registry of their own.
#[derive(Debug)]
pub struct AgentMetrics {
    registry: Registry,
    /// Readings of the store by result.
    pub readings: IntCounterVec,
    /// Events of containerd that named a change.
    pub events: IntCounter,
    /// Writes to the API server by kind and result.
    pub writes: IntCounterVec,
    /// Images on the node.
    pub images: IntGauge,
    /// Images that could not be understood.
    pub unreadable: IntGauge,
    /// Manifests that are still to be published.
    pub open_manifests: IntGauge,
    /// Size of the last inventory.
    pub inventory_bytes: IntGauge,
    /// What was left out of the last inventory.
    pub dropped: IntGaugeVec,
    /// Readings of a baggageclaim by result.
    pub baggageclaim_readings: IntCounterVec,
    /// Its volumes that have a key, by what is known of them.
    pub baggageclaim_volumes: IntGaugeVec,
}

impl AgentMetrics {
    /// Registers everything.
    ///
    /// # Panics
    /// Never: names are constants, and a test makes one.
    #[must_use]
    pub fn new() -> Self {
        let registry = Registry::new();
        let new = Registered(&registry);
        new.of_the_process();
        Self {
            readings: new.counters(
                "agent_readings_total",
                "Readings of containerd's store by result (ok, error).",
                &["result"],
            ),
            events: new.counter(
                "agent_events_total",
                "Changes heard of from containerd; each connection to it counts twice.",
            ),
            writes: new.counters(
                "agent_writes_total",
                "Writes by kind (inventory, manifest) and result (ok, exists, error).",
                &["kind", "result"],
            ),
            images: new.gauge("agent_images", "Images on the node."),
            unreadable: new.gauge("agent_unreadable_images", "Images that make no sense."),
            open_manifests: new
                .gauge("agent_open_manifests", "Manifests that are still to be published."),
            inventory_bytes: new.gauge("agent_inventory_bytes", "Size of the last inventory."),
            dropped: new.gauges(
                "agent_dropped_entries",
                "Entries that were left out of the last inventory by kind.",
                &["kind"],
            ),
            baggageclaim_readings: new.counters(
                "agent_baggageclaim_readings_total",
                "Readings of the baggageclaim's volumes by result (ok, error).",
                &["result"],
            ),
            baggageclaim_volumes: new.gauges(
                "agent_baggageclaim_volumes",
                "Volumes of the baggageclaim with a key by state (held, unmeasured, unreadable).",
                &["state"],
            ),
            registry,
        }
    }

    /// Everything in Prometheus' text format.
    #[must_use]
    pub fn text(&self) -> String {
        TextEncoder::new().encode_to_string(&self.registry.gather()).unwrap_or_default()
    }
}

impl Default for AgentMetrics {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::AgentMetrics;

    #[test]
    fn metrics_are_ours_and_the_process_is_told_of() {
        let metrics = AgentMetrics::new();
        metrics.readings.with_label_values(&["ok"]).inc();
        let text = metrics.text();
        assert!(text.contains("dunnage_agent_readings_total{result=\"ok\"} 1"), "{text}");
        assert!(
            text.contains("dunnage_build_info{version=") && text.contains("process_"),
            "{text}"
        );
    }
}
