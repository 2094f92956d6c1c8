//! The messages of `kube-scheduler/extender/v1`: what is read of a request, what is written.
//!
//! Upstream's Go types carry no tags, so keys are Go field names; Go reads them in any case, and so
//! does this. Only the pod's few fields and the nodes' names are kept. A pod that is no step pod ends
//! the reading at once: upstream writes `Pod` first, so the nodes behind it are never looked at.

mod names;

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;
use std::ops::Deref;

use serde::de::{DeserializeSeed, Error as _, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

use crate::edge::object::PodObject;
use crate::edge::object::convert::{is_step, pod_facts};
use crate::model::cluster::Cluster;
use crate::model::pod::PodFacts;
use crate::policy::interest::Interest;
use crate::score::decision::Decision;

/// What a request asks.
#[derive(Debug)]
pub enum Asked<'a> {
    /// To rank nodes for a step pod.
    ForStep(Box<Request<'a>>),
    /// For a pod that we do not care for; nothing else was read.
    ForOther,
}

/// A request for a step pod.
#[derive(Debug)]
pub struct Request<'a> {
    /// The pod.
    pub pod: PodFacts,
    /// The candidates, in the order sent: from `NodeNames`, else from `Nodes`. Empty if both are null.
    pub node_names: Vec<Name<'a>>,
}

/// A node's name, borrowed from the body unless it is escaped there.
// serde borrows a Cow only where it stands as a field of its own.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

/// An encoded answer.
#[derive(Debug)]
pub struct Answer {
    /// The body: a `HostPriorityList`.
    pub json: Vec<u8>,
    /// The number of its entries.
    pub entries: usize,
}

impl<'a> From<&'a str> for Name<'a> {
    fn from(name: &'a str) -> Self {
        Self(Cow::Borrowed(name))
    }
}

impl Deref for Name<'_> {
    type Target = str;
    fn deref(&self) -> &str {
        &self.0
    }
}

/// Reads a request's body (`ExtenderArgs`); what follows its first JSON value is ignored, as Go does.
///
/// # Errors
/// If it is no JSON object, is cut off, or has no pod.
pub fn decode<'a>(body: &'a [u8], interest: &Interest) -> serde_json::Result<Asked<'a>> {
    let trailing = names::trailing(body);
    let end = Cell::new(None);
    let seed = ArgsSeed { interest, names_are_known: trailing.is_some(), end: &end };
    let mut json = serde_json::Deserializer::from_slice(body);
    match (seed.deserialize(&mut json), end.take()) {
        (Ok(request), _) => Ok(Asked::ForStep(Box::new(request))),
        (Err(_), Some(End::OtherPod)) => Ok(Asked::ForOther),
        (Err(_), Some(End::Names(pod))) => Ok(Asked::ForStep(Box::new(Request {
            pod: *pod,
            node_names: trailing.unwrap_or_default(),
        }))),
        (Err(error), None) => Err(error),
    }
}

/// Why the reading ends early, as an error would end it.
enum End {
    /// The pod is none of ours.
    OtherPod,
    /// Nothing is left but names that are known; with the pod.
    Names(Box<PodFacts>),
}

struct ArgsSeed<'i> {
    interest: &'i Interest,
    /// Whether `NodeNames` is the last key and has been read.
    names_are_known: bool,
    end: &'i Cell<Option<End>>,
}

impl<'de> DeserializeSeed<'de> for ArgsSeed<'_> {
    type Value = Request<'de>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Request<'de>, D::Error> {
        json.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for ArgsSeed<'_> {
    type Value = Request<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ExtenderArgs: an object with Pod and NodeNames or Nodes")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Request<'de>, M::Error> {
        let mut pod: Option<PodFacts> = None;
        let mut names: Option<Vec<Name<'de>>> = None;
        let mut nodes: Option<NodeList<'de>> = None;
        while let Some(key) = map.next_key::<Name<'de>>()? {
            if key.eq_ignore_ascii_case("pod") {
                let Some(object) = map.next_value::<Option<PodObject>>()? else {
                    continue;
                };
                if !is_step(&object, self.interest) {
                    self.end.set(Some(End::OtherPod));
                    return Err(M::Error::custom("not a step pod"));
                }
                pod = Some(pod_facts(object, true));
            } else if key.eq_ignore_ascii_case("nodenames") {
                if self.names_are_known
                    && let Some(pod) = pod
                {
                    self.end.set(Some(End::Names(Box::new(pod))));
                    return Err(M::Error::custom("the names are known"));
                }
                names = map.next_value()?;
            } else if key.eq_ignore_ascii_case("nodes") {
                nodes = map.next_value()?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        let pod = pod.ok_or_else(|| M::Error::custom("no pod: expected Pod to be an object"))?;
        let node_names = names.unwrap_or_else(|| nodes.map(NodeList::names).unwrap_or_default());
        Ok(Request { pod, node_names })
    }
}

#[derive(Deserialize)]
struct NodeList<'a> {
    #[serde(borrow, default)]
    items: Option<Vec<NodeItem<'a>>>,
}

#[derive(Deserialize)]
struct NodeItem<'a> {
    #[serde(borrow, default)]
    metadata: Option<NodeMetadata<'a>>,
}

#[derive(Deserialize)]
struct NodeMetadata<'a> {
    #[serde(borrow, default)]
    name: Option<Name<'a>>,
}

impl<'a> NodeList<'a> {
    fn names(self) -> Vec<Name<'a>> {
        let items = self.items.into_iter().flatten();
        items.filter_map(|node| node.metadata?.name).collect()
    }
}

/// The answer of a decision: nodes with points, in the order asked, then unknown ones if they have any.
#[must_use]
pub fn answer(decision: &Decision, cluster: &Cluster, unknown: &[&Name<'_>]) -> Answer {
    let known = decision.rows.iter().map(|row| (cluster.node_name(row.node), row.points));
    let unknown = unknown.iter().map(|name| (&***name, decision.unknown_points));
    Answer::of(known.chain(unknown).filter(|(_, points)| *points > 0))
}

/// What an entry takes beside its name.
const ENTRY_BYTES: usize = r#"{"Host":"","Score":10},"#.len();

impl Answer {
    /// The answer with these entries, in this order.
    pub fn of<'a>(entries: impl Iterator<Item = (&'a str, u8)> + Clone) -> Self {
        let bytes: usize = entries.clone().map(|(host, _)| host.len() + ENTRY_BYTES).sum();
        let mut answer = Self { json: Vec::with_capacity(bytes + 2), entries: 0 };
        answer.json.push(b'[');
        for (host, score) in entries {
            answer.add(host, score);
        }
        answer.json.push(b']');
        answer
    }

    /// Adds an entry. By hand, because an answer can have thousands and a serializer takes three times as
    /// long; only a name that needs escapes, which no node has, goes through one.
    fn add(&mut self, host: &str, score: u8) {
        if self.entries > 0 {
            self.json.push(b',');
        }
        self.entries += 1;
        self.json.extend_from_slice(b"{\"Host\":");
        let plain = |byte: u8| (byte >= b' ') & (byte != b'"') & (byte != b'\\');
        // No way out before the end: so the compiler takes many bytes at once.
        if host.bytes().fold(true, |all, byte| all & plain(byte)) {
            self.json.push(b'"');
            self.json.extend_from_slice(host.as_bytes());
            self.json.push(b'"');
        } else {
            self.json.extend(to_json(&host));
        }
        self.json.extend_from_slice(b",\"Score\":");
        if score >= 10 {
            self.json.push(b'0' + score / 10);
        }
        self.json.push(b'0' + score % 10);
        self.json.push(b'}');
    }
}

#[derive(Deserialize)]
struct FilterArgs<'a> {
    #[serde(borrow, default, alias = "Nodes")]
    nodes: Option<&'a RawValue>,
    #[serde(borrow, default, alias = "NodeNames", alias = "nodenames")]
    node_names: Option<&'a RawValue>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct FilterResult<'a> {
    nodes: Option<&'a RawValue>,
    node_names: Option<&'a RawValue>,
    error: &'a str,
}

/// An `ExtenderFilterResult` with all nodes of the request, byte for byte; `None` if it cannot be read.
#[must_use]
pub fn pass_all(body: &[u8]) -> Option<Vec<u8>> {
    let mut json = serde_json::Deserializer::from_slice(body);
    let args = FilterArgs::deserialize(&mut json).ok()?;
    if args.nodes.is_none() && args.node_names.is_none() {
        return None;
    }
    let FilterArgs { nodes, node_names } = args;
    Some(to_json(&FilterResult { nodes, node_names, error: "" }))
}

/// An `ExtenderFilterResult` that says why there is none.
#[must_use]
pub fn filter_error(reason: &str) -> Vec<u8> {
    let error = format!("dunnage: cannot read the request: {reason}");
    to_json(&FilterResult { nodes: None, node_names: None, error: &error })
}

fn to_json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("strings and numbers always encode")
}
