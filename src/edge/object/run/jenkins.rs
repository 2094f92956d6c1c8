//! Jenkins' Kubernetes plugin: an agent pod per node block of a build.
//!
//! Source: jenkinsci/kubernetes-plugin. The annotations name the build that the pod was made for; a pod that
//! serves many builds has none.

use super::{Marks, Told};

/// Relative to the controller, as `job/app/12/`.
pub(super) const RUN_URL: &str = "runUrl";
/// The same with the controller's address.
pub(super) const BUILD_URL: &str = "buildUrl";
const OF_JENKINS: [&str; 3] = ["jenkins/label", "kubernetes.jenkins.io/controller", "jenkins"];

pub(super) fn told(marks: &Marks<'_>) -> Option<Told> {
    if !OF_JENKINS.iter().any(|label| marks.has_label(label)) {
        return None;
    }
    let run = marks.annotation(RUN_URL).or_else(|| marks.annotation(BUILD_URL));
    Some(Told { run, ..Told::default() })
}
