//! Whatever happens, in whatever order, and whenever recording begins: the lines are a whole trace, plain and
//! hidden; and cut anywhere they are one that is cut off, and nothing worse.

use proptest::prelude::*;

use super::{Scene, lines, read};
use crate::model::node::NodeFacts;
use crate::model::unit::{Bytes, Nanos};
use crate::sim::trace::names::Names;
use crate::sim::trace::read::Code;
use crate::state::event::{Event, Kind};
use crate::state::fixtures::cases;
use crate::state::fixtures::universe::any_change;

fn any_event() -> impl Strategy<Value = Event> {
    let kind = || prop_oneof![Just(Kind::Nodes), Just(Kind::Pods)];
    prop_oneof![
        20 => any_change().prop_map(with_room),
        1 => kind().prop_map(Event::ResyncStarted),
        1 => kind().prop_map(Event::ResyncEnded),
        2 => Just(Event::TimePassed),
        2 => any_pull(),
    ]
}

/// Of an image whose layers can be known, or of one that nobody ever knows.
fn any_pull() -> impl Strategy<Value = Event> {
    let images = ["docker.io/library/golang:1", "r.io/never-heard-of:1"];
    let image = prop::sample::select(images.to_vec()).prop_map(str::to_owned);
    (0..5_usize, image, any::<Option<u32>>()).prop_map(|(at, reference, took)| {
        let took = took.map(|took| Nanos(took.into()));
        Event::PullObserved { node: format!("n{at}"), reference, took }
    })
}

/// Most nodes are ready and have room, by chance of what is random already.
fn with_room(event: Event) -> Event {
    let Event::NodeApplied(facts) = event else { return event };
    let (is_ready, pods_max) = (facts.kubelet_minor != 33, u32::from(facts.kubelet_minor != 34));
    let (cpu_millis, memory) = (4000, Bytes(1 << 30));
    Event::NodeApplied(NodeFacts { cpu_millis, memory, pods_max, is_ready, ..facts })
}

proptest! {
    #![proptest_config(cases(300))]

    #[test]
    fn whatever_happens_the_lines_validate(
        before in prop::collection::vec(any_event(), 0..20),
        after in prop::collection::vec(any_event(), 0..60),
        cut in any::<prop::sample::Index>(),
    ) {
        let scene = Scene::new().after(before).begun().after(after);
        for names in [Names::Plain, Names::Hidden([7; 32])] {
            let lines = lines(&scene.entries, &names);
            let (recording, findings) = read(&lines, true);
            prop_assert_eq!(findings, []);
            prop_assert_eq!(recording.pods.len(), scene.recorder.counts().pods);
            prop_assert_eq!(recording.pulls.len(), scene.recorder.counts().pulls);
            let kept = 1 + cut.index(lines.len());
            let (_, findings) = read(&lines[..kept], false);
            let codes: Vec<_> = findings.into_iter().map(|finding| finding.code).collect();
            prop_assert_eq!(codes, [Code::CutOff]);
        }
    }
}
