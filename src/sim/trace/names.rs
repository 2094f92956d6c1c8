//! Names in a trace: as they are, or hidden so that who gets the trace cannot tell whose it is.
//!
//! Hidden are names of nodes, zones, pods, runs, images and volumes, uids, and digests, since those of public
//! images are known: each becomes a hash of itself and of a salt that nobody keeps, so that equal names stay
//! equal within one trace and mean nothing beside it. Repository and tag are hidden each by itself. Sizes,
//! times, kinds, platforms and the order of everything stay.

use crate::model::chain_id::sha256;
use crate::sim::trace::entry::{ContainerEntry, Entry, LayerEntry, PodEntry};

/// Bytes of a salt: nobody tries all of them.
pub const SALT_BYTES: usize = 32;

/// How names are written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Names {
    /// As they are.
    Plain,
    /// Hidden by this salt, which is chance.
    Hidden([u8; SALT_BYTES]),
}

/// Digits of a hash that stands for a name: of a billion names two are alike by a chance of one in a million.
const DIGITS: usize = 20;

impl Names {
    /// The entry with its names as they are to be written.
    #[must_use]
    pub fn write(&self, entry: Entry) -> Entry {
        match self {
            Self::Plain => entry,
            Self::Hidden(salt) => Salted(salt).entry(entry),
        }
    }
}

struct Salted<'a>(&'a [u8; SALT_BYTES]);

impl Salted<'_> {
    fn entry(&self, mut entry: Entry) -> Entry {
        match &mut entry {
            Entry::Node { name, zone, images, .. } => {
                self.hide("node", name);
                zone.iter_mut().for_each(|zone| self.hide("zone", zone));
                images.iter_mut().for_each(|digest| self.hide_digest(digest));
            }
            Entry::NodeGone { name, .. } => self.hide("node", name),
            Entry::Image { digest, layers, .. } => {
                self.hide_digest(digest);
                layers.iter_mut().for_each(|layer| self.hide_layer(layer));
            }
            Entry::Tag { name, digest, .. } => {
                self.hide_reference(name);
                self.hide_digest(digest);
            }
            Entry::Volume { key, holders, .. } => {
                self.hide("volume", key);
                holders.iter_mut().for_each(|holder| self.hide("node", holder));
            }
            Entry::Pod(pod) => self.hide_pod(pod),
            Entry::Bound { pod, node, .. } => {
                self.hide("uid", pod);
                self.hide("node", node);
            }
            Entry::Pulled { node, image, .. } => {
                self.hide("node", node);
                self.hide_reference(image);
            }
            Entry::Started { pod, .. } | Entry::Ended { pod, .. } => self.hide("uid", pod),
            Entry::End { .. } => {}
        }
        entry
    }

    fn hide_pod(&self, pod: &mut PodEntry) {
        let PodEntry { uid, name, run, containers, needs, produces, next, .. } = pod;
        self.hide("uid", uid);
        self.hide("pod", name);
        run.iter_mut().for_each(|run| self.hide("run", run));
        needs.iter_mut().chain(produces).for_each(|key| self.hide("volume", key));
        let images = containers.iter_mut().map(|ContainerEntry { image, .. }| image);
        images.chain(next).for_each(|image| self.hide_reference(image));
    }

    fn hide_layer(&self, layer: &mut LayerEntry) {
        self.hide_digest(&mut layer.digest);
        layer.diff_id.iter_mut().for_each(|digest| self.hide_digest(digest));
    }

    /// Of the canonical form: a repository, and a tag or a digest.
    fn hide_reference(&self, name: &mut String) {
        let (repository, rest) = match name.split_once('@') {
            Some((repository, digest)) => (repository, format!("@{}", self.digest(digest))),
            None => {
                let (repository, tag) = name.rsplit_once(':').unwrap_or((name, ""));
                (repository, format!(":{}", self.hash("tag", tag)))
            }
        };
        // A host of that name cannot be (RFC 6761).
        *name = format!("hidden.invalid/{}{rest}", self.hash("repository", repository));
    }

    fn hide(&self, what: &str, name: &mut String) {
        *name = format!("{what}-{}", self.hash(what, name));
    }

    fn hide_digest(&self, digest: &mut String) {
        *digest = self.digest(digest);
    }

    /// Names of one kind are told from those of another, so that a tag does not give away a run.
    fn hash(&self, what: &str, name: &str) -> String {
        let digest = self.digest(&format!("{what} {name}"));
        digest["sha256:".len()..][..DIGITS].to_owned()
    }

    fn digest(&self, text: &str) -> String {
        sha256(&[self.0.as_slice(), text.as_bytes()].concat())
    }
}

#[cfg(test)]
mod tests {
    use super::{Names, SALT_BYTES};
    use crate::model::reference::Reference;
    use crate::sim::trace::entry::{ContainerEntry, Entry, PodEntry, PullPolicyEntry};

    fn tag(name: &str) -> String {
        let digest = format!("sha256:{}", "ab".repeat(32));
        let entry = Entry::Tag { at_nanos: 7, name: name.to_owned(), digest };
        match Names::Hidden([1; SALT_BYTES]).write(entry) {
            Entry::Tag { name, .. } => name,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_hidden_reference_is_one_in_canonical_form_and_keeps_what_it_shares() {
        let digest = format!("r.io/app@sha256:{}", "ab".repeat(32));
        for name in ["docker.io/library/golang:1.25", "r.io:5000/app:latest", &digest] {
            let hidden = tag(name);
            let parsed = Reference::parse(&hidden).expect("a reference");
            assert_eq!(parsed.as_str(), hidden);
            assert!(!hidden.contains("golang") && !hidden.contains("abab"), "{hidden}");
        }
        let repository = |name: &str| tag(name).split([':', '@']).next().map(str::to_owned);
        assert_eq!(repository("r.io/a:1"), repository("r.io/a:2"));
        assert_ne!(repository("r.io/a:1"), repository("r.io/b:1"));
        assert_ne!(tag("r.io/a:1"), tag("r.io/a:2"));
    }

    #[test]
    fn equal_names_stay_equal_within_one_salt_and_no_other() {
        let container = ContainerEntry {
            image: "r.io/secret:1".to_owned(),
            pull_policy: PullPolicyEntry::Always,
            init: true,
        };
        let pod = PodEntry {
            at_nanos: 9,
            uid: "secret".to_owned(),
            name: "secret".to_owned(),
            run: Some("secret/secret".to_owned()),
            containers: vec![container],
            cpu_millis: 5,
            memory_bytes: 6,
            needs: vec!["secret".to_owned()],
            produces: vec!["secret".to_owned()],
            next: vec!["r.io/secret:1".to_owned()],
        };
        let hidden = |salt| Names::Hidden([salt; SALT_BYTES]).write(Entry::Pod(pod.clone()));
        let Entry::Pod(one) = hidden(1) else { panic!("a pod") };
        assert!(!format!("{one:?}").contains("secret"), "{one:?}");
        assert_eq!((one.cpu_millis, one.memory_bytes, one.at_nanos), (5, 6, 9));
        assert!(one.containers[0].init);
        assert_eq!(one.needs, one.produces);
        assert_eq!(one.next, [one.containers[0].image.as_str()]);
        assert_eq!(hidden(1), Entry::Pod(one.clone()));
        assert_ne!(hidden(2), Entry::Pod(one.clone()));
        let started = Entry::Started { at_nanos: 9, pod: "secret".to_owned() };
        let started = Names::Hidden([1; SALT_BYTES]).write(started);
        assert_eq!(started, Entry::Started { at_nanos: 9, pod: one.uid });
        assert_eq!(Names::Plain.write(Entry::Pod(pod.clone())), Entry::Pod(pod));
    }
}
