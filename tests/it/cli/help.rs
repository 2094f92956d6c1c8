//! Help and usage: every flag that users, charts and checks rely on is there, with its default.

use super::run;

/// Help as one line: where it is wrapped depends on nothing we promise.
fn help(arguments: &[&str]) -> String {
    let run = run(arguments);
    assert_eq!(run.code, 0, "{run:#?}");
    assert!(run.stderr.is_empty(), "{run:#?}");
    let words: Vec<_> = run.stdout.split_whitespace().collect();
    words.join(" ")
}

fn check(arguments: &[&str], expected: &[&str]) {
    let help = help(arguments);
    for part in expected {
        assert!(help.contains(part), "{arguments:?} does not say {part:?}: {help}");
    }
}

#[test]
fn help_names_every_subcommand() {
    check(
        &["--help"],
        &[
            "serve",
            "demo",
            "explain",
            "agent",
            "volume",
            "record",
            "trace",
            "--log <FILTER>",
            "-V, --version",
        ],
    );
    check(&["--version"], &[concat!("dunnage ", env!("CARGO_PKG_VERSION"))]);
}

#[test]
fn help_of_serve_names_its_flags_and_defaults() {
    check(
        &["serve", "--help"],
        &[
            "--kubeconfig <FILE>",
            "[default: in-cluster, else $KUBECONFIG, else ~/.kube/config]",
            "--listen <ADDR>",
            "[default: 127.0.0.1:9290]",
            "--admin-listen <ADDR>",
            "[default: 127.0.0.1:9291]",
            "--policy <NAME_OR_FILE>",
            "--manifests <FILE>",
            "may repeat",
            "--tls-cert <FILE>",
            "--tls-key <FILE>",
            "--insecure-http",
            "--shadow",
            "--deadline <DURATION>",
            "[default: 50ms]",
            "--body-limit <MIB>",
            "--resolve <RESOLVE>",
            "[default: on]",
            "--docker-config <FILE>",
            "--registry-hosts-dir <DIR>",
            "--registry-secrets",
            "--tag-lifetime <DURATION>",
            "[default: 5m]",
            "--scheduler-name <NAME>",
            "--pod-selector <SELECTOR>",
            "--all-pods",
        ],
    );
}

#[test]
fn help_of_demo_and_explain_names_their_flags_and_defaults() {
    check(&["demo", "--help"], &["--nodes <N>", "--pods <N>", "--seed <N>", "--exit"]);
    check(
        &["explain", "--help"],
        &[
            "[pod] [NAME]",
            "-f, --filename <FILE>",
            "-n, --namespace <NAMESPACE>",
            "--server <URL>",
            "[default: http://127.0.0.1:9291]",
            "--kubeconfig <FILE>",
            "-o, --output <OUTPUT>",
            "table",
            "json",
        ],
    );
}

#[test]
fn help_of_agent_names_its_flags_and_defaults() {
    check(
        &["agent", "--help"],
        &[
            "--kubeconfig <FILE>",
            "--node-name <NAME>",
            "[env: NODE_NAME=]",
            "--containerd-socket <PATH>",
            "[default: /run/containerd/containerd.sock]",
            "--containerd-namespace <NAME>",
            "[default: k8s.io]",
            "--snapshotter <NAME>",
            "--interval <DURATION>",
            "[default: 30s]",
            "--admin-listen <ADDR>",
            "[default: 127.0.0.1:9292]",
            "--baggageclaim <URL>",
            "--baggageclaim-key <TEMPLATE>",
            "[default: {dunnage-key}]",
            "--baggageclaim-kind <PROPERTY>",
            "[default: dunnage-kind]",
            "--store <DIR>",
            "--store-budget-bytes <BYTES>",
            "--volume-listen <ADDR>",
            "--volume-serve-rate-bytes <BYTES>",
            "--volume-advertise <IP>",
            "--insecure-http",
        ],
    );
}

#[test]
fn help_of_volume_names_its_flags_and_defaults() {
    check(&["volume", "--help"], &["put", "get", "ls", "rm"]);
    let store = ["--store <DIR>", "[default: /var/lib/dunnage/volumes]", "-o, --output <OUTPUT>"];
    for action in ["put", "get", "ls", "rm"] {
        check(&["volume", action, "--help"], &store);
    }
    check(&["volume", "put", "--help"], &["<KEY> <DIR>", "--kind <KIND>", "--push", "--registry"]);
    check(&["volume", "get", "--help"], &["<KEY> <DIR>", "--peer <URL>", "--token-file <FILE>"]);
}

#[test]
fn help_of_trace_names_its_argument_and_exit_code() {
    check(&["trace", "--help"], &["validate", "line by line; ends with 3 if anything is"]);
    check(&["trace", "validate", "--help"], &["<FILE>", "JSON lines, plain or gzip"]);
}

#[test]
fn help_of_record_names_its_flags_and_defaults() {
    check(
        &["record", "--help"],
        &[
            "Changes nothing in the cluster.",
            "--output <FILE>",
            "gzip if it ends in .gz; must not exist yet",
            "--force",
            "--for <DURATION>",
            "[default: until Ctrl-C or SIGTERM]",
            "--names <NAMES>",
            "[default: hashed]",
            "--kubeconfig <FILE>",
            "--manifests <FILE>",
            "--resolve <RESOLVE>",
            "--docker-config <FILE>",
            "--registry-hosts-dir <DIR>",
            "--scheduler-name <NAME>",
            "--pod-selector <SELECTOR>",
            "--all-pods",
        ],
    );
}

#[test]
fn help_of_simulate_names_its_flags_and_defaults() {
    check(
        &["simulate", "--help"],
        &[
            "<SCENARIO>",
            "--policy <NAME_OR_FILE>",
            "[default: stock default]",
            "recorded (where the pods of a trace were bound), spread, pack, random, greedy,",
            "concourse, stork, lrscheduler, skippy, bounded-hash, hindsight",
            "--seed <N>",
            "[default: the scenario's]",
            "--seeds <A..B>",
            "--threads <N>",
            "-o <FORMAT>",
            "text: A table",
            "json: Everything, for programs",
            "html: One page with charts",
            "--output <FILE>",
        ],
    );
}

#[test]
fn wrong_usage_ends_with_2_and_names_the_flag() {
    for (arguments, part) in [
        (&["serve", "--wrong"][..], "'--wrong'"),
        (&["serve", "--listen", ":9290"], "expected IP:PORT, as 127.0.0.1:9290"),
        (&["serve", "--admin-listen", "localhost"], "expected IP:PORT"),
        (&["serve", "--deadline", "soon"], "expected a duration, as 50ms"),
        (&["serve", "--deadline", "0s"], "longer than nothing"),
        (&["serve", "--body-limit", "0"], "not in 1..=1024"),
        (&["serve", "--tls-cert", "a"], "required arguments"),
        (&["serve", "--all-pods", "--pod-selector", "a=b"], "cannot be used with"),
        (&["explain"], "required arguments"),
        (&["explain", "pod"], "2 values required"),
        (&["explain", "pod", "a", "-f", "b"], "cannot be used with"),
        (&["explain", "-f", "a", "-o", "yaml"], "'yaml'"),
        (&["agent"], "required arguments"),
        (&["agent", "--node-name", "a", "--interval", "0s"], "longer than nothing"),
        (&["agent", "--node-name", "a", "--interval", "10ms"], "from 1s to 1h"),
        (&["agent", "--node-name", "a", "--baggageclaim-key", "{a}"], "required arguments"),
        (&["agent", "--node-name", "a", "--baggageclaim", "h:1"], "expected http://HOST:PORT"),
        (
            &["agent", "--node-name=a", "--baggageclaim=http://h:1", "--baggageclaim-key=a"],
            "--baggageclaim-key \"a\": expected text with names of properties",
        ),
        (&["agent", "--node-name", "a", "--store-budget-bytes", "1"], "required arguments"),
        (&["agent", "--node-name", "a", "--volume-serve-rate-bytes", "1"], "not in 1000000.."),
        (
            &["agent", "--node-name", "a", "--store", "/tmp", "--volume-listen", "0.0.0.0:0"],
            "--insecure-http",
        ),
        (&["volume", "put", "k"], "required arguments"),
        (&["volume", "put", "k", "d", "--push"], "required arguments"),
        (&["volume", "put", "k", "d", "--kind", "odd"], "'odd'"),
        (&["trace", "validate"], "required arguments"),
        (&["simulate"], "required arguments"),
        (&["simulate", "a", "--seeds", "5"], "expected A..B, as 1..10"),
        (&["simulate", "a", "--seeds", "3..1"], "1 comes before 3"),
        (&["simulate", "a", "--seeds", "1..9", "--seed", "1"], "cannot be used with"),
        (&["simulate", "a", "--threads", "0"], "from 1 to 256"),
        (&["simulate", "a", "-o", "yaml"], "'yaml'"),
        (&["fly"], "unrecognized subcommand"),
    ] {
        run(arguments).fails_with(2, &[part]);
    }
}

#[test]
fn no_arguments_at_all_shows_the_help() {
    let run = run(&[]);
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("Usage: dunnage"), "{run:#?}");
}
