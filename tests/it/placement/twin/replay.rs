//! A twin that is told what the real scheduler heard, and held against what that one did.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;

use anyhow::{Context, Result, bail};
use dunnage::model::unit::Bytes;
use dunnage::sim::catalogue::ReferenceNumber;
use dunnage::sim::resource::Resources;
use dunnage::sim::setup::{NodeNumber, ZoneNumber};
use dunnage::sim::twin::{
    ContainerRequests, Requests, SCORE_PER_POINT, Scores, Twin, TwinNode, TwinPod, normalized_name,
};
use k8s_openapi::api::core::v1::{Container, Pod};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

use super::log::{Candidate, Cycle, Entry};
use crate::testbed::{Image, NodeSpec};

/// Differences that are printed; the rest is counted.
const PRINTED_MAX: usize = 10;

/// How often something was the same.
#[derive(Clone, Copy, Debug, Default)]
pub struct Share {
    pub equal: usize,
    pub of: usize,
}

impl Share {
    fn count(&mut self, is_equal: bool) {
        self.equal += usize::from(is_equal);
        self.of += 1;
    }

    pub fn percent(self) -> f64 {
        self.equal as f64 * 100.0 / self.of.max(1) as f64
    }
}

impl fmt::Display for Share {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "{:.2} % ({} of {})", self.percent(), self.equal, self.of)
    }
}

/// What was the same, and whether that tells anything.
#[derive(Clone, Copy, Debug, Default)]
pub struct Figures {
    pub pods: usize,
    /// Pods for which the twin found the same nodes by itself, and in the same order.
    pub candidates: Share,
    pub candidates_in_order: Share,
    /// Scores of single nodes.
    pub taint_toleration: Share,
    pub least_allocated: Share,
    pub balanced_allocation: Share,
    pub image_locality: Share,
    pub totals: Share,
    /// Pods whose node is one of the twin's best, and the one that it would have chosen.
    pub among_the_best: Share,
    pub same_choice: Share,
    /// Pods for which some node got points for images, or from us; and whose search passed full nodes.
    pub with_image_points: usize,
    pub with_extender_points: usize,
    pub past_full_nodes: usize,
}

impl fmt::Display for Figures {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(to, "{} pods", self.pods)?;
        writeln!(to, "  same candidates:     {}", self.candidates)?;
        writeln!(to, "  in the same order:   {}", self.candidates_in_order)?;
        writeln!(to, "  TaintToleration:     {}", self.taint_toleration)?;
        writeln!(to, "  LeastAllocated:      {}", self.least_allocated)?;
        writeln!(to, "  BalancedAllocation:  {}", self.balanced_allocation)?;
        writeln!(to, "  ImageLocality:       {}", self.image_locality)?;
        writeln!(to, "  totals:              {}", self.totals)?;
        writeln!(to, "  among the best:      {}", self.among_the_best)?;
        writeln!(to, "  same choice:         {}", self.same_choice)?;
        writeln!(to, "  pods with points for images: {}", self.with_image_points)?;
        writeln!(to, "  pods with points of ours:    {}", self.with_extender_points)?;
        write!(to, "  searches past full nodes:    {}", self.past_full_nodes)
    }
}

/// What the twin has to know of a pod.
struct Known {
    requests: Requests,
    images: Vec<ReferenceNumber>,
    node: Option<NodeNumber>,
}

/// The twin and what it is told.
pub struct Replay {
    twin: Twin,
    nodes: Vec<(String, TwinNode)>,
    /// By node, lists that it has reported and that the scheduler will hear of.
    lists: BTreeMap<String, VecDeque<Vec<(ReferenceNumber, Bytes)>>>,
    pods: BTreeMap<String, Known>,
    names: BTreeMap<String, ReferenceNumber>,
    figures: Figures,
    printed: usize,
}

impl Replay {
    pub fn new(seed: u64, nodes: &[NodeSpec]) -> Result<Self> {
        let mut replay = Self {
            twin: Twin::new(seed),
            nodes: Vec::new(),
            lists: BTreeMap::new(),
            pods: BTreeMap::new(),
            names: BTreeMap::new(),
            figures: Figures::default(),
            printed: 0,
        };
        for node in nodes {
            replay.nodes.push((node.name.clone(), described(node)?));
            replay.expect_images(&node.name, &node.images);
        }
        Ok(replay)
    }

    pub fn figures(&self) -> Figures {
        self.figures
    }

    /// The scheduler is going to hear of this list.
    pub fn expect_images(&mut self, node: &str, images: &[Image]) {
        let mut list = Vec::new();
        for image in images {
            let bytes = Bytes(u64::try_from(image.bytes).expect("not negative"));
            list.extend(image.names.iter().map(|name| (self.name(name), bytes)));
        }
        self.lists.entry(node.to_owned()).or_default().push_back(list);
    }

    pub fn know_pods(&mut self, pods: &[Pod]) -> Result<()> {
        for pod in pods {
            let spec = pod.spec.as_ref().context("a pod without spec")?;
            let init = spec.init_containers.iter().flatten();
            let all: Vec<(&Container, bool)> =
                init.map(|c| (c, true)).chain(spec.containers.iter().map(|c| (c, false))).collect();
            let asked = all.iter().map(|(container, is_init)| requests(container, *is_init));
            let asked: Vec<_> = asked.collect::<Result<_>>()?;
            let volumes = spec.volumes.iter().flatten();
            let volumes = volumes.filter_map(|volume| volume.image.as_ref()?.reference.as_ref());
            let images = all.iter().filter_map(|(container, _)| container.image.as_ref());
            let images: Vec<_> =
                images.chain(volumes).map(|name| self.name(&normalized_name(name))).collect();
            let requests = Requests::of_containers(&asked);
            let name = pod.metadata.name.clone().context("a pod without name")?;
            self.pods.insert(name, Known { requests, images, node: None });
        }
        Ok(())
    }

    /// Does what the scheduler did, in its order.
    pub fn follow(&mut self, entries: &[Entry]) -> Result<()> {
        let bound = entries.iter().filter_map(|entry| match entry {
            Entry::PodBound { pod, node, looked_at } => Some((&**pod, (&**node, *looked_at))),
            _ => None,
        });
        let bound: BTreeMap<&str, (&str, usize)> = bound.collect();
        for entry in entries {
            match entry {
                Entry::NodeAdded(node) => {
                    let number = self.number(node)?;
                    self.twin.add_node(number, self.nodes[number.0 as usize].1);
                    self.hear_images(node)?;
                }
                Entry::NodeUpdated(node) => self.hear_images(node)?,
                Entry::PodConfirmed(pod) | Entry::PodUpdated(pod) => {
                    let node = self.node_of(pod)?;
                    self.twin.touch(node);
                }
                Entry::PodDeleted(pod) => {
                    let node = self.node_of(pod)?;
                    self.twin.release(node, self.pods[pod].requests);
                }
                Entry::PodBound { .. } => {}
                Entry::Cycle(cycle) => {
                    let bound = bound.get(&*cycle.pod).context("an attempt that failed")?;
                    self.cycle(cycle, bound.0, bound.1)?;
                }
            }
        }
        Ok(())
    }

    fn cycle(&mut self, cycle: &Cycle, node: &str, looked_at: usize) -> Result<()> {
        let node = self.number(node)?;
        let known = self.pods.get_mut(&cycle.pod).context("a pod of nobody")?;
        known.node = Some(node);
        let (requests, images) = (known.requests, known.images.clone());
        let begun_at = self.twin.next_start();
        let own = self.twin.candidates(requests).to_vec();
        let real = cycle.candidates.iter().map(|candidate| self.number(&candidate.node));
        let mut real: Vec<NodeNumber> = real.collect::<Result<_>>()?;
        if real.is_empty() {
            real.push(node);
        }
        self.count_candidates(&own, &real, looked_at);
        self.twin.adopt_search(&real, begun_at, looked_at);
        let points = cycle.candidates.iter().map(|candidate| candidate.points);
        let added: Vec<_> = points.map(|points| points.map(|p| p * SCORE_PER_POINT)).collect();
        let pod = TwinPod { requests, images: &images };
        let scores = self.twin.scores(&pod, &added);
        scores.iter().zip(&cycle.candidates).for_each(|pair| self.count_scores(&cycle.pod, pair));
        let best = scores.iter().map(|scores| scores.total).max();
        let given = scores.iter().find(|scores| scores.node == node).map(|scores| scores.total);
        self.figures.among_the_best.count(best == given);
        let choice = self.twin.choose(&pod, &added);
        self.figures.same_choice.count(choice == Some(node));
        self.figures.pods += 1;
        let images_tell = scores.iter().any(|scores| scores.image_locality > 0);
        self.figures.with_image_points += usize::from(images_tell);
        let we_tell = added.iter().any(Option::is_some);
        self.figures.with_extender_points += usize::from(we_tell);
        self.twin.assume(node, requests);
        Ok(())
    }

    fn count_candidates(&mut self, own: &[NodeNumber], real: &[NodeNumber], looked_at: usize) {
        self.figures.candidates_in_order.count(own == real);
        let sorted = |list: &[NodeNumber]| {
            let mut list = list.to_vec();
            list.sort_unstable();
            list
        };
        self.figures.candidates.count(sorted(own) == sorted(real));
        self.figures.past_full_nodes += usize::from(looked_at > real.len());
    }

    fn count_scores(&mut self, pod: &str, (own, real): (&Scores, &Candidate)) {
        let of = |plugin: &str| {
            let score = real.plugins.iter().find(|(name, _)| name == plugin);
            score.map_or(0, |(_, score)| *score)
        };
        let figures = &mut self.figures;
        figures.taint_toleration.count(own.taint_toleration == of("TaintToleration"));
        figures.least_allocated.count(own.least_allocated == of("NodeResourcesFit"));
        let balance = of("NodeResourcesBalancedAllocation");
        figures.balanced_allocation.count(own.balanced_allocation == balance);
        figures.image_locality.count(own.image_locality == of("ImageLocality"));
        figures.totals.count(own.total == real.total);
        if own.total != real.total && self.printed < PRINTED_MAX {
            self.printed += 1;
            println!("{pod}: {own:?}\n  but really {real:?}");
        }
    }

    fn hear_images(&mut self, node: &str) -> Result<()> {
        let number = self.number(node)?;
        let list = self.lists.get_mut(node).and_then(VecDeque::pop_front);
        self.twin.list_images(number, &list.context("a list that nobody reported")?);
        Ok(())
    }

    fn name(&mut self, name: &str) -> ReferenceNumber {
        let fresh = u32::try_from(self.names.len()).expect("a few names");
        *self.names.entry(name.to_owned()).or_insert(ReferenceNumber(fresh))
    }

    fn number(&self, node: &str) -> Result<NodeNumber> {
        let at = self.nodes.binary_search_by(|(name, _)| (**name).cmp(node));
        let at = at.ok().with_context(|| format!("node {node} of nobody"))?;
        Ok(NodeNumber(u32::try_from(at)?))
    }

    fn node_of(&self, pod: &str) -> Result<NodeNumber> {
        let known = self.pods.get(pod).and_then(|known| known.node);
        known.with_context(|| format!("pod {pod} on no node"))
    }
}

fn described(node: &NodeSpec) -> Result<TwinNode> {
    let zone = node.labels.get("topology.kubernetes.io/zone");
    let zone = zone.and_then(|zone| zone.bytes().next()).map_or(0, u16::from);
    let allocatable =
        Resources { cpu_millis: cpu_millis(&node.cpu)?, memory: bytes(&node.memory)? };
    Ok(TwinNode { zone: ZoneNumber(zone), allocatable, pods_max: node.pods })
}

fn requests(container: &Container, is_init: bool) -> Result<ContainerRequests> {
    let requests = container.resources.as_ref().and_then(|resources| resources.requests.as_ref());
    let of = |resource: &str| requests.and_then(|requests| requests.get(resource));
    Ok(ContainerRequests {
        cpu_millis: of("cpu").map(|Quantity(text)| cpu_millis(text)).transpose()?,
        memory: of("memory").map(|Quantity(text)| bytes(text)).transpose()?,
        is_init,
    })
}

fn cpu_millis(text: &str) -> Result<u64> {
    Ok(match text.strip_suffix('m') {
        Some(millis) => millis.parse()?,
        None => text.parse::<u64>()? * 1000,
    })
}

fn bytes(text: &str) -> Result<Bytes> {
    let (digits, unit) = text.split_at(text.find(char::is_alphabetic).unwrap_or(text.len()));
    let unit = match unit {
        "M" => 1_000_000,
        "Mi" => 1 << 20,
        "Gi" => 1 << 30,
        _ => bail!("{text}: a unit that no pod here uses"),
    };
    Ok(Bytes(digits.parse::<u64>()? * unit))
}
