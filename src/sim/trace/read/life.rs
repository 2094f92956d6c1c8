//! The lives of pods in a trace: created, bound, started, ended, each once and in this order; and the pulls
//! for them.

use super::thing::canonical;
use super::{Code, Offence, Reader};
use crate::model::unit::{Bytes, Nanos};
use crate::sim::resource::Resources;
use crate::sim::trace::entry::{ContainerEntry, PodEntry};
use crate::sim::trace::{RecordedContainer, RecordedPod};

impl Reader {
    pub(super) fn pod(&mut self, at: Nanos, entry: PodEntry) -> Result<(), Offence> {
        if self.pods.contains_key(&entry.uid) {
            return Err((Code::Repeated, format!("pod {} was created before", entry.uid)));
        }
        let containers = entry.containers.iter().map(|container| self.container(container));
        let next = entry.next.iter().map(|image| self.name(image));
        let pod = RecordedPod {
            containers: containers.collect::<Result<_, _>>()?,
            needs: self.keys(&entry.needs)?,
            produces: self.keys(&entry.produces)?,
            next: next.collect::<Result<_, _>>()?,
            run: self.run(entry.run),
            name: entry.name.into(),
            requests: Resources { cpu_millis: entry.cpu_millis, memory: Bytes(entry.memory_bytes) },
            created_at: at,
            bound: None,
            started_at: None,
            ended_at: None,
            has_failed: false,
        };
        self.pods.insert(entry.uid, self.recording.pods.len());
        self.recording.pods.push(pod);
        Ok(())
    }

    pub(super) fn bound(&mut self, at: Nanos, uid: &str, node: &str) -> Result<(), Offence> {
        let place = self.nodes.get(node).copied();
        let pod = self.known(uid)?;
        let place =
            place.ok_or_else(|| (Code::UnknownNode, format!("node {node} is not there")))?;
        if pod.bound.is_some() || pod.ended_at.is_some() {
            let reason = format!("pod {uid} is bound a second time, or after it ended");
            return Err((Code::WrongLife, reason));
        }
        pod.bound = Some((place, at));
        Ok(())
    }

    pub(super) fn started(&mut self, at: Nanos, uid: &str) -> Result<(), Offence> {
        let pod = self.known(uid)?;
        if pod.bound.is_none() || pod.started_at.is_some() || pod.ended_at.is_some() {
            let reason =
                format!("pod {uid} starts before it was bound, a second time, or after it ended");
            return Err((Code::WrongLife, reason));
        }
        pod.started_at = Some(at);
        Ok(())
    }

    /// A pod can end without ever having started: when it is deleted, or its image cannot be pulled.
    pub(super) fn ended(&mut self, at: Nanos, uid: &str, failed: bool) -> Result<(), Offence> {
        let pod = self.known(uid)?;
        if pod.ended_at.is_some() {
            return Err((Code::WrongLife, format!("pod {uid} ends a second time")));
        }
        pod.ended_at = Some(at);
        pod.has_failed = failed;
        Ok(())
    }

    pub(super) fn pulled(&mut self, node: &str, image: &str, took: Nanos) -> Result<(), Offence> {
        if !self.nodes.contains_key(node) {
            return Err((Code::UnknownNode, format!("node {node} is not there")));
        }
        self.name(image)?;
        self.recording.pulls.push(took);
        Ok(())
    }

    fn known(&mut self, uid: &str) -> Result<&mut RecordedPod, Offence> {
        let place = self.pods.get(uid).copied();
        let place =
            place.ok_or_else(|| (Code::UnknownPod, format!("pod {uid} was not created")))?;
        Ok(&mut self.recording.pods[place])
    }

    fn container(&self, entry: &ContainerEntry) -> Result<RecordedContainer, Offence> {
        let name = self.name(&entry.image)?;
        Ok(RecordedContainer { name, pull_policy: entry.pull_policy.into(), is_init: entry.init })
    }

    fn name(&self, image: &str) -> Result<usize, Offence> {
        let name = self.names.get(&canonical(image)?).copied();
        name.ok_or_else(|| (Code::UnknownImage, format!("image {image} has no tag line above")))
    }

    fn keys(&self, keys: &[String]) -> Result<Box<[usize]>, Offence> {
        let place = |key: &String| {
            let place = self.volumes.get(key).copied();
            place.ok_or_else(|| (Code::UnknownVolume, format!("volume {key} has no line above")))
        };
        keys.iter().map(place).collect()
    }

    fn run(&mut self, name: Option<String>) -> u32 {
        let fresh = self.run_count;
        let run = name.map_or(fresh, |name| *self.runs.entry(name).or_insert(fresh));
        self.run_count += u32::from(run == fresh);
        run
    }
}
