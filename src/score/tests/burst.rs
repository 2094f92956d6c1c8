//! A burst of consumers of one volume: they neither all land on its holder nor does every node pay for it.
//!
//! A small twin of what happens: the scheduler's own scores and ours, nodes with room for so many pods,
//! whose kubelets start one every 0.7 s, streams that share the uplink of their holder and turn to the
//! registry where that is faster. Beside it the two extremes: every pod on a holder, as required affinity
//! has it, and the scheduler alone, which spreads.

use std::collections::VecDeque;

use super::MB;
use crate::model::pod::PodFacts;
use crate::model::unit::{Bytes, TransferRate};
use crate::policy::Policy;
use crate::score::{Candidates, decide};
use crate::sim::resource::Resources;
use crate::sim::twin::{balanced_allocation, least_allocated};
use crate::state::event::Event;
use crate::state::fixtures::agent::inventory;
use crate::state::fixtures::world::World;
use crate::state::fixtures::{image, node, pod};

const TAG: &str = "r.io/a:1";
const NODES: usize = 20;
const PODS: usize = 40;
const VOLUME_BYTES: u64 = 2_000 * MB;
const REGISTRY_BYTES_PER_TICK: u64 = 5 * MB;
/// Ticks of a tenth of a second: between two starts on a node, and of a pod's run.
const START_TICKS: u64 = 7;
/// Until the watch tells of what happened to a pod: here one pod arrives each tick, in a real burst a hundred
/// a second, and as many are decided about before the news of the first.
const NEWS_TICKS: u64 = 5;
const RUN_TICKS: u64 = 1_200;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Placer {
    Ours,
    OnHolder,
    Spread,
}

/// How fast a node sends, and how many pods fit on one.
#[derive(Clone, Copy, Debug)]
struct Hardware {
    uplink_bytes_per_tick: u64,
    room: u64,
}

#[derive(Clone, Debug, Default)]
struct Host {
    has_volume: bool,
    /// Bytes still to come, and from which host; from the registry if none.
    stream: Option<(u64, Option<usize>)>,
    free_at: u64,
    pods: u64,
}

/// Where a pod is and since when it runs.
#[derive(Clone, Debug, Default)]
struct Guest {
    host: Option<usize>,
    started_at: Option<u64>,
}

struct Twin {
    placer: Placer,
    hardware: Hardware,
    policy: Policy,
    world: World,
    hosts: Vec<Host>,
    guests: Vec<Guest>,
    /// What the watch will tell, and when.
    news: VecDeque<(u64, PodFacts)>,
    /// How often the volume was streamed.
    streams: usize,
}

/// Seconds from arrival to start, of all pods, and how often the volume was moved, to how many nodes.
struct Outcome {
    starts: Vec<u64>,
    streams: usize,
    hosts: usize,
}

fn name(host: usize) -> String {
    format!("n{host:02}")
}

impl Twin {
    fn new(placer: Placer, hardware: Hardware) -> Self {
        let mut world = World::new().image(image("a").layer("a", 100 * MB).tagged(TAG));
        for host in 0..NODES {
            world = world.node(node(&name(host)).lists(&[TAG], 100 * MB));
        }
        let report = inventory(10_000).holds(TAG, "a").has_volume("v", VOLUME_BYTES);
        let mut policy = Policy::named("default").expect("comes with the program");
        let uplink = TransferRate::from_bytes_per_second(10 * hardware.uplink_bytes_per_tick);
        policy.stream.peer = uplink.expect("in range");
        let mut hosts = vec![Host::default(); NODES];
        hosts[0].has_volume = true;
        Self {
            placer,
            hardware,
            policy,
            world: world.report(&name(0), report),
            hosts,
            guests: vec![Guest::default(); PODS],
            news: VecDeque::new(),
            streams: 0,
        }
    }

    fn run(mut self) -> Outcome {
        let start = self.world.now;
        for tick in 0.. {
            self.world.now.0 = start.0 + tick * 100_000_000;
            self.hear(tick);
            self.place_arrived(tick);
            self.move_bytes();
            self.start_and_end(tick);
            if self.guests.iter().all(|guest| guest.started_at.is_some()) {
                break;
            }
        }
        let started = |(at, guest): (usize, &Guest)| guest.started_at.map(|tick| tick - at as u64);
        let used: std::collections::BTreeSet<_> =
            self.guests.iter().filter_map(|guest| guest.host).collect();
        Outcome {
            starts: self.guests.iter().enumerate().filter_map(started).collect(),
            streams: self.streams,
            hosts: used.len(),
        }
    }

    /// One pod arrives every tick; those that fit nowhere wait.
    fn place_arrived(&mut self, tick: u64) {
        for at in 0..PODS.min(usize::try_from(tick + 1).unwrap()) {
            if self.guests[at].host.is_none()
                && let Some(host) = self.choose(at)
            {
                self.guests[at].host = Some(host);
                self.hosts[host].pods += 1;
                self.tell(at, tick, |facts| facts);
                if !self.hosts[host].has_volume && self.hosts[host].stream.is_none() {
                    self.streams += 1;
                    self.hosts[host].stream = Some((VOLUME_BYTES, self.nearest()));
                }
            }
        }
    }

    fn choose(&mut self, at: usize) -> Option<usize> {
        let hosts = &self.hosts;
        let mut rooms = (0..NODES).filter(|&host| hosts[host].pods < self.hardware.room);
        if self.placer == Placer::OnHolder {
            return rooms.find(|&host| hosts[host].has_volume);
        }
        let mut points = [0; NODES];
        if self.placer == Placer::Ours {
            let cluster = self.world.cluster();
            let nodes = rooms.clone().filter_map(|host| cluster.node_id(&name(host))).collect();
            let candidates = Candidates { nodes, unknown_count: 0 };
            let decision = decide(&facts(at), &candidates, cluster, &self.policy, self.world.now);
            for row in &decision.rows {
                let host = &*self.world.cluster().node(row.node).name;
                points[host[1..].parse::<usize>().unwrap()] = u64::from(row.points);
            }
            let (uid, nodes) = (facts(at).uid, decision.best().collect());
            let world = std::mem::replace(&mut self.world, World::new());
            self.world = world.then(Event::PodExpected { uid, nodes });
        }
        let used = |pods| Resources { cpu_millis: pods * 1000, memory: Bytes(pods << 32) };
        let capacity = used(self.hardware.room);
        rooms.max_by_key(|&host| {
            let (before, after) = (used(hosts[host].pods), used(hosts[host].pods + 1));
            let own = least_allocated(after, capacity);
            own + balanced_allocation(before, after, capacity) + 10 * points[host]
        })
    }

    /// The holder with the fewest streams, unless the registry is faster.
    fn nearest(&self) -> Option<usize> {
        let holders = (0..NODES).filter(|&host| self.hosts[host].has_volume);
        let holder = holders.min_by_key(|&holder| self.uploads(holder))?;
        let shared = self.hardware.uplink_bytes_per_tick / (self.uploads(holder) + 1);
        (shared >= REGISTRY_BYTES_PER_TICK).then_some(holder)
    }

    fn uploads(&self, holder: usize) -> u64 {
        let from = |host: &&Host| host.stream.is_some_and(|(_, from)| from == Some(holder));
        self.hosts.iter().filter(from).count() as u64
    }

    fn move_bytes(&mut self) {
        let rates: Vec<_> = (0..NODES)
            .map(|holder| self.hardware.uplink_bytes_per_tick / self.uploads(holder).max(1))
            .collect();
        for host in &mut self.hosts {
            if let Some((left, from)) = &mut host.stream {
                *left = left.saturating_sub(from.map_or(REGISTRY_BYTES_PER_TICK, |at| rates[at]));
                if *left == 0 {
                    (host.stream, host.has_volume) = (None, true);
                }
            }
        }
    }

    fn start_and_end(&mut self, tick: u64) {
        for at in 0..PODS {
            let Guest { host: Some(host), started_at } = self.guests[at] else { continue };
            if started_at.is_none()
                && self.hosts[host].has_volume
                && self.hosts[host].free_at <= tick
            {
                self.guests[at].started_at = Some(tick);
                self.hosts[host].free_at = tick + START_TICKS;
                self.tell(at, tick, PodFacts::running);
            }
            if started_at == Some(tick.wrapping_sub(RUN_TICKS)) {
                self.hosts[host].pods -= 1;
                let seconds = self.world.now.0 / 1_000_000_000;
                self.tell(at, tick, |facts| facts.ended(seconds));
            }
        }
    }

    /// The watch will tell of a pod.
    fn tell(&mut self, at: usize, tick: u64, stage: impl Fn(PodFacts) -> PodFacts) {
        let host = self.guests[at].host.map(name).unwrap_or_default();
        self.news.push_back((tick + NEWS_TICKS, stage(facts(at).on(&host).got_image())));
    }

    fn hear(&mut self, tick: u64) {
        while let Some((_, facts)) = self.news.pop_front_if(|(due, _)| *due <= tick) {
            let world = std::mem::replace(&mut self.world, World::new());
            self.world = world.pod(facts);
        }
    }
}

impl PodFacts {
    /// All nodes have its image: what it waits for is its volume and its turn.
    fn got_image(self) -> Self {
        self.got("r.io/a@sha256:0")
    }
}

fn facts(at: usize) -> PodFacts {
    pod(&format!("p{at:02}")).wants(TAG).needs("v", None)
}

fn mean_seconds(outcome: &Outcome) -> u64 {
    outcome.starts.iter().sum::<u64>() / 10 / outcome.starts.len() as u64
}

/// Mean and last start in seconds, streams, and nodes with a pod: ours, on the holder, spread.
fn outcomes(hardware: Hardware) -> [(u64, u64, usize, usize); 3] {
    [Placer::Ours, Placer::OnHolder, Placer::Spread].map(|placer| {
        let outcome = Twin::new(placer, hardware).run();
        assert_eq!(outcome.starts.len(), PODS);
        let last = outcome.starts.iter().max().copied().unwrap_or_default() / 10;
        (mean_seconds(&outcome), last, outcome.streams, outcome.hosts)
    })
}

#[test]
fn a_burst_of_consumers_neither_all_lands_on_the_holder_nor_pays_on_every_node() {
    // Peers at 500 MB a second, and all pods would fit on one node. Seen: 10 s in the mean and 21 s at last
    // on 7 nodes, on the holder 11 and 23, spread 36 and 39 on 20.
    let fast = outcomes(Hardware { uplink_bytes_per_tick: 50 * MB, room: 64 });
    // At 100 MB a second, and a node is full with 16. Seen: 26 s in the mean and 45 s at last on 10 nodes, on
    // the holder 98 and 241, spread 37 and 39 on 20.
    let slow = outcomes(Hardware { uplink_bytes_per_tick: 10 * MB, room: 16 });
    for outcomes in [fast, slow] {
        let [ours, on_holder, spread] = outcomes;
        assert!(ours.0 < on_holder.0 && ours.0 * 4 < spread.0 * 3, "{outcomes:?}");
        assert!(ours.1 < on_holder.1, "{outcomes:?}");
        assert!(ours.3 > 1 && ours.2 * 3 < spread.2 * 2, "{outcomes:?}");
    }
    let [ours, _, spread] = fast;
    assert!(ours.2 <= 6 && ours.1 * 4 < spread.1 * 3, "{fast:?}");
}
