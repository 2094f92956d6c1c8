//! Every metric, its name and its help in one place. None is labelled by pod, image or node.
//!
//! Index sizes and watch ages are not kept twice: [`crate::edge::admin`] sets them from the index when
//! somebody scrapes.

pub mod agent;
pub mod disk;
pub mod volume;

use crate::edge::metrics::disk::DiskMetrics;
use crate::edge::metrics::volume::VolumeMetrics;
use prometheus::{
    Counter, Gauge, GaugeVec, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec,
    IntGauge, IntGaugeVec, Opts, Registry, TextEncoder,
};

/// All metrics of the process, in a registry of their own.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    /// Requests by verb and result.
    pub requests: IntCounterVec,
    /// Time from the head of a request to its answer.
    pub request_seconds: HistogramVec,
    /// Candidates in a prioritize request.
    pub request_nodes: Histogram,
    /// Neutral answers by reason.
    pub neutral: IntCounterVec,
    /// Decisions taken.
    pub decisions: IntCounter,
    /// Decisions whose pod was bound, by whether the chosen node had the most points.
    pub bound: IntCounterVec,
    /// Compressed bytes wanted by pods that were bound after a decision.
    pub wanted_bytes: IntCounter,
    /// Of those, bytes that the chosen node held.
    pub present_bytes: IntCounter,
    /// Of those, bytes that were already on their way to the chosen node.
    pub arriving_bytes: IntCounter,
    /// Bytes that had to be moved to the chosen node, and would have been to the best and the median
    /// candidate.
    pub move_bytes: IntCounterVec,
    /// Of named volumes.
    pub volumes: VolumeMetrics,
    /// Of disks behind claims.
    pub disks: DiskMetrics,
    /// Sizes of the index.
    pub index_entries: IntGaugeVec,
    /// Whether nodes and pods have been listed.
    pub synced: IntGauge,
    /// Watch streams that broke and were opened again.
    pub watch_restarts: IntCounterVec,
    /// Events about malformed annotations by what came of them.
    pub complaints: IntCounterVec,
    /// Lines of manifest files by result.
    pub manifest_lines: IntCounterVec,
    /// Of learning.
    pub learning: LearningMetrics,
    /// Of the resolver.
    pub resolver: ResolverMetrics,
}

/// Metrics of predicted and observed pulls. Labels are bounded: at most 32 groups and 16 registries.
#[derive(Debug)]
pub struct LearningMetrics {
    /// Reports of pulls by what came of them.
    pub observations: IntCounterVec,
    /// Observed over predicted seconds, of the pull alone and of the whole wait.
    pub ratio: HistogramVec,
    /// How much longer than predicted pulls take.
    pub bias: Gauge,
    /// How far predictions are off.
    pub error: Gauge,
    /// By what the policy's rates are corrected.
    pub factor: GaugeVec,
}

/// Metrics of looking images up in registries.
#[derive(Debug)]
pub struct ResolverMetrics {
    /// Requests to registries by result.
    pub requests: IntCounterVec,
    /// Images looked up, by result.
    pub lookups: IntCounterVec,
    /// Images that wait to be looked up.
    pub waiting: IntGauge,
    /// Images dropped, as too many waited.
    pub dropped: IntCounter,
    /// Manifests and configs kept.
    pub cache_bytes: IntGauge,
}

/// From a tenth of a millisecond, half of what the fastest answer takes on loopback, to the
/// scheduler's default timeout, doubling.
const LATENCY_BUCKETS: [f64; 16] = [
    0.0001, 0.0002, 0.0004, 0.0008, 0.0016, 0.0032, 0.0064, 0.0128, 0.025, 0.05, 0.1, 0.2, 0.4,
    0.8, 1.6, 5.0,
];
/// The scheduler samples 100 to 781 nodes by itself, and sends all if told to.
const NODE_BUCKETS: [f64; 10] =
    [1.0, 10.0, 50.0, 100.0, 250.0, 500.0, 800.0, 2000.0, 5000.0, 15000.0];

/// From a sixteenth to sixteen times, finer where predictions should be.
const RATIO_BUCKETS: [f64; 14] =
    [0.0625, 0.125, 0.25, 0.5, 0.67, 0.8, 0.9, 1.1, 1.25, 1.5, 2.0, 4.0, 8.0, 16.0];

impl Metrics {
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
            requests: new.counters(
                "requests_total",
                "Requests on the extender port by verb and result (scored, neutral, error).",
                &["verb", "result"],
            ),
            request_seconds: new.request_seconds(),
            request_nodes: new.request_nodes(),
            neutral: new.counters(
                "neutral_answers_total",
                "Answers that prefer no node, by reason.",
                &["reason"],
            ),
            decisions: new.counter("decisions_total", "Decisions taken for step pods."),
            bound: new.counters(
                "bound_pods_total",
                "Step pods bound after a decision, by whether the node had the most points.",
                &["best"],
            ),
            wanted_bytes: new.counter(
                "wanted_bytes_total",
                "Compressed bytes wanted by step pods that were bound after a decision.",
            ),
            present_bytes: new
                .counter("present_bytes_total", "Wanted bytes that the chosen node already held."),
            arriving_bytes: new.counter(
                "arriving_bytes_total",
                "Wanted bytes that were already on their way to the chosen node.",
            ),
            move_bytes: new.counters(
                "move_bytes_total",
                "Bytes of images to move to the chosen node, and instead to the best and median \
                 candidate, as predicted by the decision.",
                &["node"],
            ),
            volumes: VolumeMetrics::new(&new),
            disks: DiskMetrics::new(&new),
            index_entries: new.gauges("index_entries", "Entries of the index by kind.", &["kind"]),
            synced: new.gauge("synced", "1 once nodes and pods have been listed."),
            watch_restarts: new.counters(
                "watch_restarts_total",
                "Watch streams that broke and were opened again, by kind.",
                &["kind"],
            ),
            complaints: new.counters_of(
                "annotation_events_total",
                "Events about malformed annotations by result (posted, known, failed, dropped).",
                "result",
                ["posted", "known", "failed", "dropped"],
            ),
            manifest_lines: new.counters(
                "manifest_lines_total",
                "Lines of manifest files by result (kept, refused).",
                &["result"],
            ),
            learning: LearningMetrics::new(&new),
            resolver: ResolverMetrics::new(&new),
            registry,
        }
    }

    /// Everything in Prometheus' text format.
    #[must_use]
    pub fn text(&self) -> String {
        TextEncoder::new().encode_to_string(&self.registry.gather()).unwrap_or_default()
    }
}

impl LearningMetrics {
    fn new(new: &Registered<'_>) -> Self {
        let ratio = HistogramOpts::new(
            "dunnage_pull_prediction_ratio",
            "Observed over predicted seconds of pulls of 20 MB and more (pull), and of the whole \
             wait of pods of one image (whole).",
        );
        let ratio = HistogramVec::new(ratio.buckets(RATIO_BUCKETS.to_vec()), &["part"]);
        let bias = Opts::new(
            "dunnage_pull_prediction_bias_ratio",
            "Median of observed over predicted seconds of the last 100 pulls, less 1.",
        );
        let error = Opts::new(
            "dunnage_pull_prediction_error_ratio",
            "Median distance of predicted from observed seconds, over the observed, of the last \
             100 pulls.",
        );
        let factor = Opts::new(
            "dunnage_pull_rate_factor",
            "How many times as long as by the policy's rates a byte takes, by group and registry.",
        );
        let factor = GaugeVec::new(factor, &["group", "registry"]);
        Self {
            observations: new.counters_of(
                "pull_observations_total",
                "Reports of pulls by result (learned, or why not).",
                "result",
                ["learned"],
            ),
            ratio: new.register(ratio.expect("a valid name")),
            bias: new.register(Gauge::with_opts(bias).expect("a valid name")),
            error: new.register(Gauge::with_opts(error).expect("a valid name")),
            factor: new.register(factor.expect("a valid name")),
        }
    }
}

impl ResolverMetrics {
    fn new(new: &Registered<'_>) -> Self {
        Self {
            requests: new.counters(
                "registry_requests_total",
                "Requests to registries by result (ok, or what went wrong).",
                &["result"],
            ),
            lookups: new.counters(
                "registry_lookups_total",
                "Images looked up in registries by result (found, unchanged, or what went wrong).",
                &["result"],
            ),
            waiting: new.gauge("registry_queue_images", "Images that wait to be looked up."),
            dropped: new.counter(
                "registry_queue_dropped_images_total",
                "Images that were not looked up because too many waited.",
            ),
            cache_bytes: new.gauge(
                "registry_cache_bytes",
                "Manifests and configs kept from registries, as estimated.",
            ),
        }
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

struct Registered<'a>(&'a Registry);

impl Registered<'_> {
    /// What every process of ours tells of itself.
    fn of_the_process(&self) {
        let build =
            self.gauges("build_info", "Always 1; the version of the program.", &["version"]);
        build.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
        let process = prometheus::process_collector::ProcessCollector::for_self();
        self.0.register(Box::new(process)).expect("registered once");
    }

    fn register<C: prometheus::core::Collector + Clone + 'static>(&self, metric: C) -> C {
        self.0.register(Box::new(metric.clone())).expect("each name is registered once");
        metric
    }

    fn counter(&self, name: &str, help: &str) -> IntCounter {
        let counter = IntCounter::with_opts(options(name, help)).expect("a valid name");
        self.register(counter)
    }

    fn counters(&self, name: &str, help: &str, labels: &[&str]) -> IntCounterVec {
        let counters = IntCounterVec::new(options(name, help), labels).expect("a valid name");
        self.register(counters)
    }

    /// Counters by one label, these values of which are there from the start: a counter that appears with
    /// its first event hides that event from rates.
    fn counters_of<const N: usize>(
        &self,
        name: &str,
        help: &str,
        label: &str,
        values: [&str; N],
    ) -> IntCounterVec {
        let counters = self.counters(name, help, &[label]);
        for value in values {
            counters.with_label_values(&[value]);
        }
        counters
    }

    fn float_counter(&self, name: &str, help: &str) -> Counter {
        self.register(Counter::with_opts(options(name, help)).expect("a valid name"))
    }

    fn gauge(&self, name: &str, help: &str) -> IntGauge {
        self.register(IntGauge::with_opts(options(name, help)).expect("a valid name"))
    }

    fn gauges(&self, name: &str, help: &str, labels: &[&str]) -> IntGaugeVec {
        self.register(IntGaugeVec::new(options(name, help), labels).expect("a valid name"))
    }

    fn request_seconds(&self) -> HistogramVec {
        let help = "Seconds from the head of a request to its answer, by verb.";
        let options = HistogramOpts::new("dunnage_request_duration_seconds", help);
        let options = options.buckets(LATENCY_BUCKETS.to_vec());
        self.register(HistogramVec::new(options, &["verb"]).expect("a valid name"))
    }

    fn request_nodes(&self) -> Histogram {
        let help = "Candidate nodes in a prioritize request for a step pod.";
        let options = HistogramOpts::new("dunnage_request_nodes", help);
        let options = options.buckets(NODE_BUCKETS.to_vec());
        self.register(Histogram::with_opts(options).expect("a valid name"))
    }
}

fn options(name: &str, help: &str) -> Opts {
    Opts::new(format!("dunnage_{name}"), help)
}
