//! What a pod asks for, and what it counts as where scores are made.
//!
//! `resourcehelper.PodRequests` of `k8s.io/component-helpers/resource`, and the defaults of
//! `pkg/scheduler/util/pod_resources.go`, Kubernetes 1.37.2.

use crate::model::unit::Bytes;
use crate::sim::resource::Resources;

/// A container without a request counts as a tenth of a processor where scores are made.
const CPU_MILLIS_DEFAULT: u64 = 100;
/// And as 200 MiB.
const MEMORY_DEFAULT: Bytes = Bytes(200 << 20);

/// What a pod asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Requests {
    /// What must be free on its node, and what balance is made of; zero always fits.
    pub asked: Resources,
    /// What `LeastAllocated` counts: the same, with a default for each container that says nothing.
    pub scored: Resources,
}

/// What one container asks for; `None` where it does not say, which is not zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ContainerRequests {
    /// Thousandths of a processor.
    pub cpu_millis: Option<u64>,
    /// Memory.
    pub memory: Option<Bytes>,
    /// It is an init container, and ends before the next one starts.
    pub is_init: bool,
}

impl Requests {
    /// Those of a pod of which only the sum is known: zero is taken for nothing said by any of its
    /// `containers`, init containers not counted.
    #[must_use]
    pub fn new(asked: Resources, containers: u32) -> Self {
        let containers = u64::from(containers.max(1));
        let or = |asked: u64, default: u64| if asked == 0 { default * containers } else { asked };
        let scored = Resources {
            cpu_millis: or(asked.cpu_millis, CPU_MILLIS_DEFAULT),
            memory: Bytes(or(asked.memory.0, MEMORY_DEFAULT.0)),
        };
        Self { asked, scored }
    }

    /// Those of a pod of these containers: the sum, or what one init container needs if that is more.
    #[must_use]
    pub fn of_containers(containers: &[ContainerRequests]) -> Self {
        let sum = |cpu: u64, memory: Bytes| {
            let each = containers.iter().map(|container| {
                let cpu_millis = container.cpu_millis.unwrap_or(cpu);
                (
                    container.is_init,
                    Resources { cpu_millis, memory: container.memory.unwrap_or(memory) },
                )
            });
            together(each)
        };
        Self { asked: sum(0, Bytes(0)), scored: sum(CPU_MILLIS_DEFAULT, MEMORY_DEFAULT) }
    }
}

/// What a pod of these containers, init containers marked, needs at any time.
fn together(containers: impl Iterator<Item = (bool, Resources)>) -> Resources {
    let (mut running, mut starting) = (Resources::default(), Resources::default());
    for (is_init, needs) in containers {
        if is_init {
            starting = more(starting, needs);
        } else {
            running = running.with(needs);
        }
    }
    more(running, starting)
}

/// The more of each.
fn more(one: Resources, other: Resources) -> Resources {
    Resources {
        cpu_millis: one.cpu_millis.max(other.cpu_millis),
        memory: one.memory.max(other.memory),
    }
}

#[cfg(test)]
mod tests {
    use super::{ContainerRequests, Requests};
    use crate::model::unit::Bytes;
    use crate::sim::resource::Resources;

    fn of(cpu_millis: u64, mebibytes: u64) -> Resources {
        Resources { cpu_millis, memory: Bytes(mebibytes << 20) }
    }

    #[test]
    fn a_container_that_says_nothing_counts_by_default_only_where_scores_are_made() {
        let silent = ContainerRequests::default();
        let outspoken =
            ContainerRequests { cpu_millis: Some(500), memory: Some(Bytes(0)), is_init: false };
        let requests = Requests::of_containers(&[silent, outspoken]);
        assert_eq!(requests, Requests { asked: of(500, 0), scored: of(600, 200) });
    }

    #[test]
    fn the_largest_init_container_counts_if_it_needs_more() {
        let container = |cpu_millis, is_init| ContainerRequests {
            cpu_millis: Some(cpu_millis),
            memory: None,
            is_init,
        };
        let pod = [container(900, true), container(200, true), container(300, false)];
        let requests = Requests::of_containers(&pod);
        assert_eq!(requests, Requests { asked: of(900, 0), scored: of(900, 200) });
    }

    #[test]
    fn of_a_sum_zero_is_nothing_said() {
        let requests = Requests::new(of(0, 512), 3);
        assert_eq!(requests, Requests { asked: of(0, 512), scored: of(300, 512) });
    }
}
