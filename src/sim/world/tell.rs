//! What nodes tell of themselves, and when: kubelets in their node's status, agents in their reports.
//!
//! A kubelet reads its images at every list interval and tells what it read with the next status; nothing
//! is told anew that has not changed. An agent looks at every interval of its own and tells when
//! something has changed, and while pulls are in progress; else once in a heartbeat. Of layers
//! that come at once it tells as of layers that come one after the other. Each node has its own times.

use std::sync::Arc;

use crate::model::unit::{Bytes, Nanos};
use crate::sim::catalogue::ImageNumber;
use crate::sim::placement::{Change, ImageList, Report};
use crate::sim::random::Random;
use crate::sim::setup::NodeNumber;
use crate::sim::world::World;
use crate::sim::world::agenda::Happening;
use crate::sim::world::node::Presence;

/// What a node does at times of its own.
#[derive(Clone, Copy, Debug)]
pub(super) enum Purpose {
    Read,
    Status,
    Report,
    Collect,
}

/// An object of the API server has room for some hundreds of keys; agents tell of the newest.
const REPORTED_VOLUMES_MAX: usize = 256;
/// The agent's heartbeat: this, or ten intervals.
const HEARTBEAT_MIN: Nanos = Nanos::from_seconds(300);
const HEARTBEAT_INTERVALS: u64 = 10;

/// How long an agent is silent at most.
#[must_use]
pub fn heartbeat(interval: Nanos) -> Nanos {
    HEARTBEAT_MIN.max(Nanos(interval.0.saturating_mul(HEARTBEAT_INTERVALS)))
}

/// The first of a node's times after `now`, of those that an interval lies between.
pub(super) fn tick_after(now: Nanos, node: NodeNumber, purpose: Purpose, interval: Nanos) -> Nanos {
    let interval = interval.0.max(1);
    let own = Random::new(u64::from(node.0), purpose as u64).below(interval);
    let gone = (now.0 % interval + interval - own) % interval;
    Nanos(now.0.saturating_add(interval - gone))
}

impl World<'_> {
    /// The images of a node are others now.
    pub(super) fn note_images(&mut self, node: NodeNumber) {
        let telling = &mut self.nodes[node.0 as usize].telling;
        if !std::mem::replace(&mut telling.is_read_due, true) {
            let at = tick_after(self.now, node, Purpose::Read, self.setup.view.list_interval);
            self.agenda.foresee(at, Happening::ImagesRead(node));
        }
        self.note_news(node);
    }

    /// There is something for a node's agent to tell.
    pub(super) fn note_news(&mut self, node: NodeNumber) {
        let Some(interval) = self.setup.view.agents else { return };
        let telling = &mut self.nodes[node.0 as usize].telling;
        telling.is_news = true;
        if !std::mem::replace(&mut telling.is_report_due, true) {
            let at = tick_after(self.now, node, Purpose::Report, interval);
            self.agenda.foresee(at, Happening::Reported(node));
        }
    }

    pub(super) fn image_list(&self, node: NodeNumber) -> Arc<ImageList> {
        let images_max = self.setup.view.listed_images_max as usize;
        Arc::new(self.nodes[node.0 as usize].store.list(&self.setup.catalogue, images_max))
    }

    pub(super) fn read_images(&mut self, node: NodeNumber) {
        self.nodes[node.0 as usize].telling.is_read_due = false;
        let list = self.image_list(node);
        self.nodes[node.0 as usize].telling.read = Some(list);
        let at = tick_after(self.now, node, Purpose::Status, self.setup.view.status_interval);
        self.agenda.foresee(at, Happening::ImagesTold(node));
    }

    pub(super) fn tell_images(&mut self, node: NodeNumber) {
        let on_node = &mut self.nodes[node.0 as usize];
        let Some(images) = on_node.telling.read.take() else { return };
        if on_node.presence == Presence::Here && images != on_node.telling.told {
            on_node.telling.told = images.clone();
            self.note(Change::Listed { node, images });
        }
    }

    /// The agent looks, and tells what there is to tell.
    pub(super) fn report(&mut self, node: NodeNumber) {
        let Some(interval) = self.setup.view.agents else { return };
        let (at, now) = (node.0 as usize, self.now);
        let is_here = self.nodes[at].presence == Presence::Here;
        let telling = &mut self.nodes[at].telling;
        telling.is_report_due = false;
        let is_silent = now - telling.reported_at >= heartbeat(interval);
        if !is_here || !(telling.is_news || is_silent) {
            return;
        }
        telling.is_news = false;
        telling.reported_at = now;
        let report = Arc::new(self.look(node));
        let has_pulls = !report.pulls.is_empty();
        self.note(Change::Reported { node, report });
        self.agenda.foresee(now + heartbeat(interval), Happening::Reported(node));
        if has_pulls {
            self.note_news(node);
        }
    }

    fn look(&self, number: NodeNumber) -> Report {
        let node = &self.nodes[number.0 as usize];
        let volumes = self.volumes.on(number);
        let first = volumes.len().saturating_sub(REPORTED_VOLUMES_MAX);
        Report {
            observed_at: self.now,
            images: node.store.list(&self.setup.catalogue, usize::MAX),
            keeps_blobs: node.hardware.keeps_blobs,
            pulls: self.blobs_on_their_way(number),
            volumes: volumes[first..].to_vec(),
        }
    }

    fn blobs_on_their_way(&self, node: NodeNumber) -> Vec<(ImageNumber, usize, Bytes)> {
        let mut blobs = Vec::new();
        for &slot in &self.nodes[node.0 as usize].pulling {
            let pull = &self.pulls[slot];
            let (Some(image), Some(flow)) = (pull.image, pull.flow) else { continue };
            let mut came = self.links.moved(flow, self.now);
            for layer in &pull.layers[pull.next..] {
                let left = layer.fetched - came;
                came = came - layer.fetched;
                if left.0 > 0 {
                    blobs.push((image, layer.place, left));
                }
            }
        }
        blobs
    }
}
