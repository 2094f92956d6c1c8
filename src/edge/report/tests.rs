//! The same small comparison as text, JSON and page.

use crate::edge::report::{Report, Scenario, Size, json, page, text};
use crate::model::unit::{Bytes, Nanos, PerMille, Price};
use crate::sim::bound::{Bound, Kind};
use crate::sim::record::{BySource, Curve};
use crate::sim::summary::comparison::Comparison;
use crate::sim::summary::wait::Waits;
use crate::sim::summary::{Outcomes, Summary};

const GIGABYTE: u64 = 1_000_000_000;

/// A run in which the nodes got so many megabytes, evenly over two minutes, and pods waited for them.
fn summary(megabytes: u64) -> Summary {
    let mut curve = Curve::default();
    for second in 0..120 {
        curve.add(Nanos::from_seconds(second), Bytes(megabytes * 1_000_000 / 120));
    }
    curve.extend(Nanos::from_seconds(120));
    let registry = Bytes(megabytes * 1_000_000);
    let waits = (1..=40).map(|pod| Nanos(pod * megabytes * 1_000_000)).collect();
    let kinds = [Kind::Compulsory, Kind::PooledInOrder, Kind::Pooled, Kind::Replica];
    let zone = Bytes(megabytes * 100_000);
    Summary {
        outcomes: Outcomes { jobs: 40, pods: 41, succeeded: 40, ..Outcomes::default() },
        images: BySource { registry, ..BySource::default() },
        volumes: BySource { zone, ..BySource::default() },
        crossed_zone: zone,
        lost: Bytes(0),
        wanted: Bytes(100 * GIGABYTE),
        present: Bytes(100 * GIGABYTE - megabytes * 1_000_000),
        evicted: Bytes(0),
        pulls_refused: 0,
        volumes_missing: 0,
        bounds: kinds.map(|kind| Bound { kind, bytes: Bytes(10 * GIGABYTE) }),
        volume_bound: Bytes(GIGABYTE),
        waits: Waits::of(waits),
        mean_wait_for_room: Nanos(0),
        node_time: Nanos(0),
        imbalance: PerMille(1219),
        ended_at: Nanos::from_seconds(130),
        curve,
    }
}

/// Three policies over so many seeds.
pub(super) fn report(seeds: u64) -> Report {
    let runs = (1..=seeds).map(|seed| {
        [80_000, 12_340, 20_000 + 100 * seed].map(|megabytes| summary(megabytes + seed)).to_vec()
    });
    let policies = ["spread", "default", "policy/mine<1>.yaml"].map(str::to_owned).to_vec();
    let comparison = Comparison::new(policies, (1..=seeds).collect(), runs.collect(), Some(0));
    let choice = |name: &str, text: &str| vec![(name.to_owned(), text.to_owned())];
    Report {
        scenario: Scenario {
            name: "matrix".to_owned(),
            about: "What a build matrix does to a small cluster & its links.".to_owned(),
            data: choice("images", "layers of .NET's CI images"),
            modelled: choice("arrivals", "Poisson, two pods a minute for each node"),
            notes: vec!["2 of 200 images are for another platform.".to_owned()],
            size: Size {
                nodes: 60,
                scaled_nodes_max: 0,
                zones: 2,
                jobs: 1500,
                arrivals_last: Nanos::from_seconds(3600),
                images: 198,
                image_bytes: Bytes(52 * GIGABYTE),
                volumes: 0,
            },
        },
        command: "dunnage simulate simulations/matrix.yaml --policy spread".to_owned(),
        abouts: ["the emptiest node", "dunnage", "dunnage"].map(str::to_owned).to_vec(),
        comparison,
        zone_gigabyte_price: Price(20_000),
    }
}

#[test]
fn the_table_reads_as_it_should() {
    assert_eq!(text::render(&report(1)), include_str!("tests/one_seed.txt"));
    assert_eq!(text::render(&report(3)), include_str!("tests/three_seeds.txt"));
}

#[test]
fn the_table_is_at_most_100_columns_wide() {
    let mut wide = report(3);
    wide.comparison.policies[0] = "a/long/path/to/a/policy/file.yaml".to_owned();
    for line in text::render(&wide).lines() {
        assert!(line.chars().count() <= 100, "{line:?}");
    }
}

#[test]
fn the_json_reads_as_it_should() {
    let found = json::render(&report(1)).expect("JSON");
    assert_eq!(found, include_str!("tests/one_seed.json"));
}

#[test]
fn json_of_several_seeds_has_intervals() {
    let found = json::render(&report(3)).expect("JSON");
    let found: serde_json::Value = serde_json::from_str(&found).expect("JSON");
    let measures = &found["policies"][2]["measures"];
    // 20,101, 20,202 and 20,303 MB, and a tenth of it over zones.
    assert_eq!(measures["movedBytes"]["mean"], 22_222_200_000_u64);
    assert_eq!(measures["movedBytes"]["halfWidth"], 276_009_975_u64);
    assert_eq!(found["runs"].as_array().map(Vec::len), Some(9));
}

#[test]
fn the_page_needs_nothing_from_elsewhere_and_escapes_what_it_is_told() {
    let page = page::render(&report(3));
    for foreign in ["http:", "https:", "src=", "<script", "@import", "url("] {
        assert!(!page.contains(foreign), "{foreign}");
    }
    assert!(page.contains("policy/mine&lt;1&gt;.yaml") && !page.contains("mine<1>"));
    assert!(page.contains("a small cluster &amp; its links"));
    assert!(page.contains("dunnage simulate simulations/matrix.yaml --policy spread"));
}

#[test]
fn every_chart_of_the_page_has_a_title_and_a_description() {
    let page = page::render(&report(1));
    let count = |text: &str| page.matches(text).count();
    assert_eq!(count("<figure>"), 4);
    assert_eq!(count("<figcaption>"), 4);
    assert_eq!((count("role=\"img\""), count("<desc>")), (2, 2));
    assert_eq!(count("<tr"), count("</tr>"));
}

#[test]
fn a_comparison_in_which_nothing_ran_has_a_report_too() {
    let mut empty = report(1);
    let policies = empty.comparison.policies.clone();
    let nothing = Summary { waits: Waits::default(), wanted: Bytes(0), ..summary(0) };
    empty.comparison = Comparison::new(policies, vec![1], vec![vec![nothing; 3]], None);
    assert!(text::render(&empty).contains("spread"));
    assert!(json::render(&empty).is_ok_and(|json| json.contains("\"median\": null")));
    assert!(page::render(&empty).contains("Waits from creation to start"));
}
