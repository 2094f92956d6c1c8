//! What a kubelet reports when an image has come: its events of the reason `Pulled`, by their text.
//!
//! The text is `pkg/kubelet/images`' since 1.27: `Successfully pulled image "X" in 5.799s (5.8s including
//! waiting). Image size: N bytes.`, before without the size, and earlier without waiting; or `Container image
//! "X" already present on machine`. Anything else is not taken for a report. Who may write events can lie;
//! what follows is bounded by the policy.

use std::time::Duration;

use kube::core::ObjectMeta;
use serde::Deserialize;

use crate::edge::object::Named;
use crate::model::reference::Reference;
use crate::model::unit::Nanos;

/// An event, as much of it as a report needs.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", bound(deserialize = "M: Deserialize<'de> + Default"))]
#[expect(missing_docs, reason = "named and described in the API")]
pub struct EventObject<M = ObjectMeta> {
    #[serde(default)]
    pub metadata: M,
    pub involved_object: Option<Involved>,
    pub source: Option<Source>,
    pub reason: Option<String>,
    pub message: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[expect(missing_docs, reason = "named and described in the API")]
pub struct Involved {
    pub uid: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[expect(missing_docs, reason = "named and described in the API")]
pub struct Source {
    pub component: Option<String>,
    pub host: Option<String>,
}

/// One report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PullReport {
    /// The node.
    pub node: String,
    /// Uid of the pod; empty if untold.
    pub pod_uid: String,
    /// Canonical reference.
    pub reference: String,
    /// How long it took; `None` if the image was there.
    pub times: Option<PullTimes>,
}

/// How long a pull took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PullTimes {
    /// The pull itself.
    pub pull: Nanos,
    /// With waiting for other pulls; `None` from a kubelet that does not tell them apart.
    pub with_waiting: Option<Nanos>,
}

impl<M: Named> EventObject<M> {
    /// What it reports; `None` if it is no kubelet's report of a pull.
    #[must_use]
    pub fn report(&self) -> Option<PullReport> {
        let source = self.source.as_ref()?;
        let is_report = source.component.as_deref() == Some("kubelet")
            && self.reason.as_deref() == Some("Pulled");
        let node = source.host.clone().filter(|host| is_report && !host.is_empty())?;
        let (reference, times) = read(self.message.as_deref()?)?;
        let pod_uid = self.involved_object.as_ref().and_then(|pod| pod.uid.clone());
        Some(PullReport { node, pod_uid: pod_uid.unwrap_or_default(), reference, times })
    }
}

/// The reference and the times in a message.
fn read(message: &str) -> Option<(String, Option<PullTimes>)> {
    if let Some(rest) = message.strip_prefix("Container image \"") {
        let (name, rest) = rest.split_once('"')?;
        let is_there = rest.starts_with(" already present on machine");
        return Some((canonical(name)?, None)).filter(|_| is_there);
    }
    let (name, rest) = message.strip_prefix("Successfully pulled image \"")?.split_once('"')?;
    let rest = rest.strip_prefix(" in ")?;
    let (pull, rest) = rest.split_once(' ').unwrap_or((rest, ""));
    let with_waiting = match rest.strip_prefix('(') {
        Some(waiting) => Some(duration(waiting.split_once(" including waiting)")?.0)?),
        None if rest.is_empty() => None,
        None => return None,
    };
    Some((canonical(name)?, Some(PullTimes { pull: duration(pull)?, with_waiting })))
}

fn canonical(name: &str) -> Option<String> {
    Some(Reference::parse(name)?.as_str().to_owned())
}

/// A duration as Go writes it: `1m3.5s`, `803ms`.
fn duration(text: &str) -> Option<Nanos> {
    let is_go = text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.' || b >= 0x80);
    let duration = text.parse::<jiff::SignedDuration>().ok().filter(|_| is_go)?;
    let nanos = Duration::try_from(duration).ok()?.as_nanos();
    u64::try_from(nanos).ok().map(Nanos)
}

#[cfg(test)]
mod tests {
    use super::{PullTimes, read};
    use crate::model::unit::Nanos;

    fn times(pull_millis: u64, with_waiting_millis: Option<u64>) -> Option<PullTimes> {
        let nanos = |millis| Nanos(millis * 1_000_000);
        Some(PullTimes { pull: nanos(pull_millis), with_waiting: with_waiting_millis.map(nanos) })
    }

    fn with_size(pulled: &str, bytes: u64) -> String {
        format!("Successfully pulled image {pulled}. Image size: {bytes} bytes.")
    }

    #[test]
    fn what_kubelets_write_is_read() {
        let digest = format!("g.io/x@sha256:{}", "a".repeat(64));
        for (message, reference, expected) in [
            (
                &*with_size(r#""r.io/a:1" in 5.799s (5.8s including waiting)"#, 265_000_000),
                "r.io/a:1",
                times(5_799, Some(5_800)),
            ),
            (
                &*with_size(
                    r#""g1g1/py-kube" in 15.981s (15.981s including waiting)"#,
                    129_338_587,
                ),
                "docker.io/g1g1/py-kube:latest",
                times(15_981, Some(15_981)),
            ),
            (
                r#"Successfully pulled image "nginx" in 803ms (1m3.5s including waiting)"#,
                "docker.io/library/nginx:latest",
                times(803, Some(63_500)),
            ),
            (
                r#"Successfully pulled image "r.io/a:1" in 1h2m3.004s"#,
                "r.io/a:1",
                times(3_723_004, None),
            ),
            (
                &*with_size(r#""r.io/a:1" in 0s (0s including waiting)"#, 1),
                "r.io/a:1",
                times(0, Some(0)),
            ),
            (
                r#"Container image "busybox:1.36" already present on machine"#,
                "docker.io/library/busybox:1.36",
                None,
            ),
            (
                &*format!(
                    "Container image \"{digest}\" already present on machine and can be \
                     accessed by the pod"
                ),
                &digest,
                None,
            ),
        ] {
            assert_eq!(read(message), Some((reference.to_owned(), expected)), "{message}");
        }
    }

    #[test]
    fn anything_else_is_no_report() {
        for message in [
            "",
            "Successfully pulled image",
            r#"Successfully pulled image "r.io/a:1""#,
            r#"Successfully pulled image "r.io/a:1" in "#,
            r#"Successfully pulled image "r.io/a:1" in soon"#,
            r#"Successfully pulled image "r.io/a:1" in -5s"#,
            r#"Successfully pulled image "r.io/a:1" in 5s ago"#,
            r#"Successfully pulled image "r.io/a:1" in 5 (5s including waiting)"#,
            r#"Successfully pulled image "r.io/a:1" in 5s (9 including waiting)"#,
            r#"Successfully pulled image "r.io/a:1" in 5s (6s in all)"#,
            r#"Successfully pulled image "not an image" in 5s"#,
            r#"Successfully pulled image "r.io/a:1 in 5s"#,
            r#"Container image "r.io/a:1" is not there"#,
            r#"Pulling image "r.io/a:1""#,
        ] {
            assert_eq!(read(message), None, "{message}");
        }
    }
}
