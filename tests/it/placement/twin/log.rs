//! What a talkative kube-scheduler writes down: events it heard, and its scheduling cycles.
//!
//! Decides what a line means. A cycle is one entry, at the place where it began.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use anyhow::{Context, Result};

/// Something that the scheduler heard or did.
#[derive(Clone, Debug)]
pub enum Entry {
    NodeAdded(String),
    NodeUpdated(String),
    /// Its own binding, come back to it.
    PodConfirmed(String),
    PodUpdated(String),
    PodDeleted(String),
    PodBound {
        pod: String,
        node: String,
        looked_at: usize,
    },
    Cycle(Cycle),
}

/// One attempt to place a pod.
#[derive(Clone, Debug, Default)]
pub struct Cycle {
    pub pod: String,
    /// In the order in which they were found; none where there was only one.
    pub candidates: Vec<Candidate>,
}

/// What a node got in a cycle.
#[derive(Clone, Debug, Default)]
pub struct Candidate {
    pub node: String,
    /// By plugin, weights included.
    pub plugins: Vec<(String, u64)>,
    /// What the extender answered.
    pub points: Option<u64>,
    pub total: u64,
}

/// The file, and what was read of it.
pub struct Log {
    file: File,
    /// The beginning of a line whose end is still to come.
    begun: Vec<u8>,
    entries: Vec<Entry>,
}

impl Log {
    pub fn open(path: &Path) -> Result<Self> {
        let file = File::open(path).with_context(|| path.display().to_string())?;
        Ok(Self { file, begun: Vec::new(), entries: Vec::new() })
    }

    /// Reads what is new.
    pub fn read(&mut self) -> Result<()> {
        let mut bytes = std::mem::take(&mut self.begun);
        self.file.read_to_end(&mut bytes)?;
        let end = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        self.begun = bytes.split_off(end);
        for line in String::from_utf8_lossy(&bytes).lines() {
            self.take_in(line);
        }
        Ok(())
    }

    /// What was read since the last [`Self::take`].
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    pub fn take(&mut self) -> Vec<Entry> {
        std::mem::take(&mut self.entries)
    }

    fn take_in(&mut self, line: &str) {
        let Some((_, said)) = line.split_once("] \"") else { return };
        let Some((message, rest)) = said.split_once('"') else { return };
        let node = || text(rest, "node").to_owned();
        let pod = || text(rest, "pod").trim_start_matches("steps/").to_owned();
        let entry = match message {
            "Add event for node" => Entry::NodeAdded(node()),
            "Update event for node" => Entry::NodeUpdated(node()),
            "Add event for scheduled pod" => Entry::PodConfirmed(pod()),
            "Update event for scheduled pod" => Entry::PodUpdated(pod()),
            "Delete event for scheduled pod" => Entry::PodDeleted(pod()),
            "Attempting to schedule pod" => {
                Entry::Cycle(Cycle { pod: pod(), candidates: Vec::new() })
            }
            "Successfully bound pod to node" => {
                let looked_at = usize::try_from(number(rest, "evaluatedNodes")).unwrap_or(0);
                Entry::PodBound { pod: pod(), node: node(), looked_at }
            }
            _ => return self.add_score(message, rest),
        };
        self.entries.push(entry);
    }

    /// A score of the cycle that is going on: they come one after the other.
    fn add_score(&mut self, message: &str, rest: &str) {
        let cycle = self.entries.iter_mut().rev().find_map(|entry| match entry {
            Entry::Cycle(cycle) => Some(cycle),
            _ => None,
        });
        let Some(cycle) = cycle else { return };
        let score = || number(rest, "score");
        match message {
            "Plugin scored node for pod" => {
                let plugin = (text(rest, "plugin").to_owned(), score());
                cycle.candidate(text(rest, "node")).plugins.push(plugin);
            }
            "Extender scored node for pod" => {
                cycle.candidate(text(rest, "node")).points = Some(score());
            }
            "Calculated node's final score for pod" => {
                cycle.candidate(text(rest, "node")).total = score();
            }
            _ => {}
        }
    }
}

impl Cycle {
    fn candidate(&mut self, node: &str) -> &mut Candidate {
        // Lines of one node come together, but for the totals: those come in the same order.
        let known = self.candidates.iter().rposition(|candidate| candidate.node == node);
        let at = known.unwrap_or_else(|| {
            self.candidates.push(Candidate { node: node.to_owned(), ..Candidate::default() });
            self.candidates.len() - 1
        });
        &mut self.candidates[at]
    }
}

/// The text of `key="…"`, the first of them; empty where there is none.
fn text<'a>(rest: &'a str, key: &str) -> &'a str {
    let after = rest.split_once(&format!(" {key}=\"")).map_or("", |(_, after)| after);
    after.split('"').next().unwrap_or_default()
}

/// The number of `key=…`; zero where there is none.
fn number(rest: &str, key: &str) -> u64 {
    let after = rest.split_once(&format!(" {key}=")).map_or("", |(_, after)| after);
    after.split(' ').next().and_then(|number| number.parse().ok()).unwrap_or_default()
}
