//! Which pods are step pods: the ones the extender cares for.
//!
//! Decided from the pod alone and before anything else of a request is read, so that every other pod
//! costs next to nothing. The rule is the operator's; without one it is [`Interest::Steps`].

use std::collections::BTreeMap;

/// Labels that CI systems put on the pods of their steps. Each is written by the system itself, not by
/// its users, and is on every step pod.
///
/// Sources: tektoncd/pipeline `pkg/apis/pipeline/register.go`; argoproj/argo-workflows
/// `workflow/common/common.go`; GitLab Runner's Kubernetes executor; actions/runner-container-hooks;
/// Jenkins kubernetes-plugin; buildkite/agent-stack-k8s; Woodpecker's Kubernetes backend; Prow.
const STEP_LABELS: [&str; 12] = [
    "tekton.dev/taskRun",
    "tekton.dev/pipelineRun",
    "workflows.argoproj.io/workflow",
    "job.runner.gitlab.com/pod",
    "manager.runner.gitlab.com/name",
    "runner-pod",
    "actions.github.com/scale-set-name",
    "jenkins/label",
    "kubernetes.jenkins.io/controller",
    "buildkite.com/job-uuid",
    "woodpecker-ci.org/step",
    "prow.k8s.io/job",
];

/// What the rule looks at.
#[derive(Clone, Copy, Debug)]
pub struct PodSketch<'a> {
    /// `spec.restartPolicy`, empty if untold (the API's default is `Always`).
    pub restart_policy: &'a str,
    /// `spec.schedulerName`, empty if untold.
    pub scheduler_name: &'a str,
    /// `metadata.labels`.
    pub labels: &'a BTreeMap<String, String>,
}

/// A rule for which pods are step pods.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Interest {
    /// Pods that run to completion (restart policy `Never` or `OnFailure`) or carry a CI system's label.
    #[default]
    Steps,
    /// Pods of these schedulers.
    Schedulers(Vec<String>),
    /// Pods that match every requirement.
    Selector(Vec<Requirement>),
    /// Every pod.
    All,
}

/// One requirement of a label selector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Requirement {
    /// `key`
    Exists(String),
    /// `!key`
    Absent(String),
    /// `key=value`, `key==value`, `key in (a, b)`
    In(String, Vec<String>),
    /// `key!=value`, `key notin (a, b)`; also true where the key is absent, as in Kubernetes.
    NotIn(String, Vec<String>),
}

impl Interest {
    /// Whether the rule takes the pod for a step pod.
    #[must_use]
    pub fn is_step(&self, pod: &PodSketch<'_>) -> bool {
        match self {
            Self::Steps => {
                matches!(pod.restart_policy, "Never" | "OnFailure")
                    || STEP_LABELS.iter().any(|label| pod.labels.contains_key(*label))
            }
            Self::Schedulers(names) => names.iter().any(|name| name == pod.scheduler_name),
            Self::Selector(requirements) => {
                requirements.iter().all(|requirement| requirement.holds(pod.labels))
            }
            Self::All => true,
        }
    }

    /// The rule of a label selector as `kubectl -l` takes it.
    ///
    /// # Errors
    /// Says which requirement could not be read, and what forms there are.
    pub fn selector(text: &str) -> Result<Self, String> {
        let requirements = split_requirements(text).into_iter().map(Requirement::parse);
        let requirements = requirements.collect::<Result<Vec<_>, _>>()?;
        if requirements.is_empty() {
            return Err(
                "expected at least one requirement; for every pod use --all-pods".to_owned()
            );
        }
        Ok(Self::Selector(requirements))
    }
}

impl Requirement {
    fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let words: Vec<&str> = text.splitn(3, char::is_whitespace).collect();
        let requirement = match (words.as_slice(), text.split_once("!="), text.split_once('=')) {
            ([key, "in", set], ..) => Self::In((*key).to_owned(), values(set)?),
            ([key, "notin", set], ..) => Self::NotIn((*key).to_owned(), values(set)?),
            (_, Some((key, value)), _) => Self::NotIn(trimmed(key), vec![trimmed(value)]),
            (_, _, Some((key, value))) => {
                Self::In(trimmed(key), vec![trimmed(value.trim_start_matches('='))])
            }
            _ => match text.strip_prefix('!') {
                Some(key) => Self::Absent(trimmed(key)),
                None => Self::Exists(text.to_owned()),
            },
        };
        let key = requirement.key();
        if key.is_empty() || key.contains(|c: char| c.is_whitespace() || "()=!,".contains(c)) {
            let forms = "key, !key, key=value, key!=value, key in (a, b), key notin (a, b)";
            return Err(format!("cannot read {text:?}: expected {forms}"));
        }
        Ok(requirement)
    }

    fn key(&self) -> &str {
        match self {
            Self::Exists(key) | Self::Absent(key) | Self::In(key, _) | Self::NotIn(key, _) => key,
        }
    }

    fn holds(&self, labels: &BTreeMap<String, String>) -> bool {
        let found = labels.get(self.key());
        match self {
            Self::Exists(_) => found.is_some(),
            Self::Absent(_) => found.is_none(),
            Self::In(_, values) => found.is_some_and(|found| values.contains(found)),
            Self::NotIn(_, values) => found.is_none_or(|found| !values.contains(found)),
        }
    }
}

fn trimmed(text: &str) -> String {
    text.trim().to_owned()
}

fn values(set: &str) -> Result<Vec<String>, String> {
    let inner = set.trim().strip_prefix('(').and_then(|set| set.strip_suffix(')'));
    let inner = inner.ok_or_else(|| format!("cannot read {set:?}: expected (a, b)"))?;
    Ok(inner.split(',').map(trimmed).collect())
}

/// Splits at commas outside parentheses.
fn split_requirements(text: &str) -> Vec<&str> {
    let mut depth = 0;
    let parts = text.split(move |c| {
        depth += i32::from(c == '(') - i32::from(c == ')');
        c == ',' && depth == 0
    });
    parts.filter(|part| !part.trim().is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{Interest, PodSketch};

    fn check(interest: &Interest, restart: &str, scheduler: &str, labels: &[(&str, &str)]) -> bool {
        let labels: BTreeMap<String, String> =
            labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let pod = PodSketch { restart_policy: restart, scheduler_name: scheduler, labels: &labels };
        interest.is_step(&pod)
    }

    #[test]
    fn by_default_pods_that_end_and_pods_of_ci_systems_are_steps() {
        let steps = Interest::default();
        assert!(check(&steps, "Never", "", &[]));
        assert!(check(&steps, "OnFailure", "", &[]));
        assert!(check(&steps, "Always", "", &[("tekton.dev/pipelineRun", "r")]));
        assert!(!check(&steps, "Always", "", &[("app", "web")]));
        assert!(!check(&steps, "", "", &[]));
    }

    #[test]
    fn selectors_read_as_kubectl_reads_them() {
        let is_step = |selector: &str, labels: &[(&str, &str)]| {
            check(&Interest::selector(selector).expect(selector), "Always", "", labels)
        };
        let labels = [("app", "ci"), ("tier", "b")];
        for selector in
            ["app", "app=ci", "app==ci", "app in (x, ci),tier!=a", "!gone", "app notin (web)"]
        {
            assert!(is_step(selector, &labels), "{selector}");
        }
        for selector in ["gone", "app=web", "!app", "app in (x),tier=b", "app notin (ci)"] {
            assert!(!is_step(selector, &labels), "{selector}");
        }
    }

    #[test]
    fn odd_selectors_are_refused_with_the_forms_there_are() {
        for selector in ["", "=x", "a b c", "a in x", "(a)"] {
            assert!(Interest::selector(selector).is_err(), "{selector:?}");
        }
    }
}
