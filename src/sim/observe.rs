//! What a watch on the simulated cluster would show: changes of the world as events for the tracker.
//!
//! Adds nothing that an API server would not tell: a pod says which image it runs only once it runs, a
//! node lists its images when its kubelet does. Numbers become names here and nowhere else.

use std::collections::BTreeMap;

use crate::model::image::{ImageFacts, Platform};
use crate::model::inventory::{InventoryFacts, InventoryImage, InventoryPull, Kept};
use crate::model::node::{NodeFacts, ReportedImage};
use crate::model::pod::{PodFacts, PodImage, PodPhase};
use crate::model::run::{RunFacts, RunSource};
use crate::model::unit::{Nanos, Time};
use crate::model::volume::{HeldVolume, VolumeFacts};
use crate::sim::catalogue::{ImageNumber, ReferenceNumber};
use crate::sim::placement::{Change, ImageList, PodNumber, Report, Resolved};
use crate::sim::setup::{NodeNumber, Setup, VolumeNumber, ZoneNumber};
use crate::sim::world::heartbeat;
use crate::state::event::{Event, Kind};

/// Namespace of all pods.
pub const NAMESPACE: &str = "ci";
/// Of the kubelets: the newest minor version that the scheduler's formulas are taken from.
const KUBELET_MINOR: u16 = 37;
/// Names of an image that a kubelet lists (`maxNamesPerImageInNodeStatus`).
const NAMES_MAX: usize = 5;

/// Translates. Remembers of nodes and pods what a watcher is told again with every change of them.
#[derive(Clone, Debug)]
pub struct Observer<'a> {
    setup: &'a Setup,
    /// By number: what each node told last, but for its images.
    nodes: Vec<Option<ZoneNumber>>,
    /// Times at which names come to mean other images, the latest first.
    moves: Vec<(Nanos, ImageNumber, ReferenceNumber)>,
    /// By image: its name by digest.
    by_digest: Vec<String>,
}

impl<'a> Observer<'a> {
    /// The eyes of a watcher of a setup.
    #[must_use]
    pub fn new(setup: &'a Setup) -> Self {
        let mut moves = Vec::new();
        for (number, reference) in (0..).map(ReferenceNumber).zip(setup.catalogue.references()) {
            let later = reference.history.iter().skip(1);
            moves.extend(later.map(|&(at, image)| (at, image, number)));
        }
        moves.sort_unstable_by(|a, b| b.cmp(a));
        let images = setup.catalogue.images();
        let by_digest = images.map(|image| image.by_digest()).collect();
        Self { setup, nodes: Vec::new(), moves, by_digest }
    }

    /// What a watcher learns at the start: the images of the registry where layers are known, no nodes yet,
    /// and no pods.
    #[must_use]
    pub fn first_list(&self) -> Vec<Event> {
        let catalogue = &self.setup.catalogue;
        let mut named = vec![Vec::new(); catalogue.len()];
        for reference in catalogue.references() {
            named[reference.at(Nanos(0)).0].push(reference.name.clone());
        }
        let count = if self.setup.view.layers_known { catalogue.len() } else { 0 };
        let images = catalogue.images().zip(named).take(count);
        let images = images.map(|(image, references)| {
            Event::ImageKnown(ImageFacts { references, ..image.facts.clone() })
        });
        images.chain([Kind::Nodes, Kind::Pods].map(Event::ResyncEnded)).collect()
    }

    /// What a watcher of registries has learned by now about names that came to mean other images.
    pub fn moved(&mut self, now: Nanos) -> Option<Event> {
        let &(at, image, reference) = self.moves.last().filter(|(at, ..)| *at <= now)?;
        self.moves.pop();
        if !self.setup.view.layers_known {
            return self.moved(now);
        }
        let facts = self.setup.catalogue.image(image).facts.clone();
        let references = vec![self.setup.catalogue.reference(reference).name.clone()];
        let published_at = self.time(at);
        Some(Event::ImageKnown(ImageFacts { references, published_at, ..facts }))
    }

    /// A change as a watcher sees it.
    pub fn event(&mut self, at: Nanos, change: &Change) -> Event {
        match change {
            Change::NodeJoined { node, zone, .. } => {
                if self.nodes.len() <= node.0 as usize {
                    self.nodes.resize(node.0 as usize + 1, None);
                }
                self.nodes[node.0 as usize] = Some(*zone);
                self.node(*node, &ImageList::default())
            }
            Change::NodeLeft { node } => {
                Event::NodeRemoved { name: self.setup.node_name(*node).into_owned() }
            }
            Change::Bound { pod, node } => {
                let facts = self.pod(*pod, Some(*node), PodPhase::Waiting, &None);
                Event::PodApplied(PodFacts { bound_at: Some(self.time(at)), ..facts })
            }
            Change::Started { pod, node, images } => {
                Event::PodApplied(self.pod(*pod, Some(*node), PodPhase::Running, images))
            }
            Change::Ended { pod, node, images } => {
                let facts = self.pod(*pod, Some(*node), PodPhase::Ended, images);
                Event::PodApplied(PodFacts { ended_at: Some(self.time(at)), ..facts })
            }
            Change::Removed { pod, .. } => Event::PodRemoved { uid: uid(*pod) },
            Change::Pulled { node, reference, took } => Event::PullObserved {
                node: self.setup.node_name(*node).into_owned(),
                reference: self.setup.catalogue.reference(*reference).name.clone(),
                took: Some(*took),
            },
            Change::Listed { node, images } => self.node(*node, images),
            Change::Reported { node, report } => Event::InventoryReported {
                node: self.setup.node_name(*node).into_owned(),
                facts: self.inventory(report),
            },
        }
    }

    /// The name of a time of the world.
    #[must_use]
    pub fn time(&self, at: Nanos) -> Time {
        self.setup.epoch.after(at)
    }

    fn node(&self, node: NodeNumber, images: &ImageList) -> Event {
        let zone = self.nodes.get(node.0 as usize).copied().flatten().unwrap_or_default();
        let zone = self.setup.zones.get(usize::from(zone.0)).cloned().unwrap_or_default();
        Event::NodeApplied(NodeFacts {
            name: self.setup.node_name(node).into_owned(),
            platform: Platform::new("linux", "amd64", ""),
            labels: BTreeMap::new(),
            group: String::new(),
            zone,
            kubelet_minor: KUBELET_MINOR,
            images: images.iter().map(|(image, names)| self.listed(image, names)).collect(),
            ..NodeFacts::default()
        })
    }

    fn listed(&self, image: ImageNumber, references: &[ReferenceNumber]) -> ReportedImage {
        let mut names = self.names(image, references);
        names.truncate(NAMES_MAX);
        ReportedImage { names, size_bytes: self.setup.catalogue.image(image).bytes.0 }
    }

    /// Digests first.
    fn names(&self, image: ImageNumber, references: &[ReferenceNumber]) -> Vec<String> {
        let mut names = Vec::with_capacity(references.len() + 1);
        names.push(self.by_digest[image.0].clone());
        for reference in references {
            let name = &self.setup.catalogue.reference(*reference).name;
            if !names.contains(name) {
                let first_tag = names.iter().take_while(|name| name.contains('@')).count();
                let at = if name.contains('@') { first_tag } else { names.len() };
                names.insert(at, name.clone());
            }
        }
        names
    }

    /// A pod as its object tells it; `images` where it runs or ran.
    #[must_use]
    pub fn pod(
        &self,
        number: PodNumber,
        node: Option<NodeNumber>,
        phase: PodPhase,
        images: &Resolved,
    ) -> PodFacts {
        let job = self.setup.job(number.job);
        let catalogue = &self.setup.catalogue;
        let image = |(at, container): (usize, &crate::sim::job::Container)| {
            let reference = catalogue.reference(container.reference);
            let resolved = images.as_ref().and_then(|images| images.get(at).copied());
            let came = || resolved.unwrap_or_else(|| reference.at(Nanos(0)));
            let has_come = phase != PodPhase::Waiting;
            PodImage {
                reference: reference.name.clone(),
                pull_policy: container.pull_policy,
                image_id: has_come.then(|| self.by_digest[came().0].clone()),
                pull_fails: false,
                is_init: container.is_init,
            }
        };
        PodFacts {
            uid: uid(number),
            namespace: NAMESPACE.to_owned(),
            name: job.name.to_string(),
            is_step: true,
            images: job.containers.iter().enumerate().map(image).collect(),
            run: self.run(number),
            node: node.map(|node| self.setup.node_name(node).into_owned()),
            phase,
            ..PodFacts::default()
        }
    }

    fn run(&self, pod: PodNumber) -> RunFacts {
        let job = self.setup.job(pod.job);
        if job.needs.is_empty() && job.produces.is_empty() && job.next.is_empty() {
            return RunFacts::default();
        }
        let volumes = |numbers: &[VolumeNumber]| {
            let volumes = numbers.iter().map(|number| &self.setup.volumes[number.0 as usize]);
            let facts = volumes.map(|volume| VolumeFacts {
                key: volume.key.clone(),
                kind: volume.kind,
                bytes: Some(volume.bytes),
            });
            facts.collect::<Vec<_>>()
        };
        let source = RunSource::Annotations;
        RunFacts {
            source,
            run: Some(format!("run-{}", job.run)),
            step: Some(job.name.to_string()),
            needs: volumes(&job.needs),
            produces: volumes(&job.produces),
            needs_source: source,
            produces_source: source,
            next_images: (!job.next.is_empty()).then(|| self.next_images(&job.next)),
            malformed: None,
        }
    }

    fn next_images(&self, references: &[ReferenceNumber]) -> Vec<PodImage> {
        let image = |reference: &ReferenceNumber| {
            let reference = self.setup.catalogue.reference(*reference).name.clone();
            PodImage { reference, ..PodImage::default() }
        };
        references.iter().map(image).collect()
    }

    fn inventory(&self, report: &Report) -> InventoryFacts {
        let interval = self.setup.view.agents.unwrap_or_default();
        let valid_for = Nanos(heartbeat(interval).0 * 2 + interval.0 * 2);
        let image = |(image, references): (ImageNumber, &[ReferenceNumber])| {
            let mut names = self.names(image, references);
            let facts = &self.setup.catalogue.image(image).facts;
            names.extend(facts.digests.first().cloned());
            let kept = if report.keeps_blobs { Kept::All } else { Kept::Nothing };
            let bytes = self.setup.catalogue.image(image).bytes.0;
            InventoryImage { names, bytes, unpacked: None, kept }
        };
        let pull = |&(image, place, left): &(ImageNumber, usize, _)| {
            let layer = &self.setup.catalogue.image(image).facts.layers[place];
            InventoryPull { digest: layer.digest.clone(), left: Some(left) }
        };
        let volume = |number: &VolumeNumber| {
            let volume = &self.setup.volumes[number.0 as usize];
            let (key, kind, bytes) = (volume.key.clone(), volume.kind, volume.bytes);
            HeldVolume { key, kind, bytes, last_used: None }
        };
        InventoryFacts {
            observed_at: self.time(report.observed_at),
            valid_for,
            platform: Platform::new("linux", "amd64", ""),
            images: report.images.iter().map(image).collect(),
            volumes: report.volumes.iter().map(volume).collect(),
            lists_all_volumes: true,
            pulls: report.pulls.iter().map(pull).collect(),
            ..InventoryFacts::default()
        }
    }
}

/// The uid of a pod: a version 4 UUID in form, its numbers in content. Digit by digit, as a pod's uid is
/// written with each of its events.
#[must_use]
pub fn uid(pod: PodNumber) -> String {
    let mut uid = String::with_capacity(36);
    uid.push_str("00000000-0000-4000-8");
    push_hex(&mut uid, u64::from(pod.attempt), 3);
    uid.push('-');
    push_hex(&mut uid, u64::from(pod.job.0), 12);
    uid
}

/// The last so many hexadecimal digits.
fn push_hex(text: &mut String, value: u64, digits: u32) {
    for place in (0..digits).rev() {
        // A digit is below 16.
        let digit = u32::try_from(value >> (place * 4) & 15).unwrap_or(0);
        text.extend(char::from_digit(digit, 16));
    }
}

#[cfg(test)]
mod tests;
