//! What pods ask for, where the job data does not tell.

use crate::model::unit::Bytes;
use crate::sim::data::Data;
use crate::sim::random::Random;
use crate::sim::resource::Resources;
use crate::sim::scenario::generator::Requests;

/// Requests to draw from.
#[derive(Clone, Debug)]
pub enum Draw {
    /// As Kubernetes' own CI.
    Typical,
    /// One of these.
    OneOf(Vec<Resources>),
}

/// Thousandths of a processor that a step asks for, one as likely as the other: as the 6,247 jobs of
/// Kubernetes' own CI do (2026-08). Four in ten ask for nothing, which the scheduler counts as 100.
const CPU_MILLIS: [u64; 10] = [100, 100, 100, 100, 1000, 2000, 2000, 4000, 4000, 4000];
/// Memory for each processor.
const GIBS_PER_CPU: [u64; 3] = [2, 4, 6];

impl Draw {
    /// The draw of these keys.
    ///
    /// # Errors
    /// If the table has none.
    pub fn new(requests: &Requests, data: &Data) -> Result<Self, String> {
        match requests {
            Requests::Typical => Ok(Self::Typical),
            Requests::Equal { cpu, memory } => {
                Ok(Self::OneOf(vec![Resources { cpu_millis: cpu.0, memory: memory.0 }]))
            }
            Requests::Openb { pods } => {
                let rows = data.openb_pods.get(pods).map_or(&[][..], Vec::as_slice);
                let all: Vec<_> = rows.iter().map(|pod| pod.requests).collect();
                if all.is_empty() {
                    Err("requests: the data has none".to_owned())
                } else {
                    Ok(Self::OneOf(all))
                }
            }
        }
    }

    /// One pod's requests.
    pub fn draw(&self, random: &mut Random) -> Resources {
        match self {
            Self::Typical => typical(random),
            Self::OneOf(all) => all[random.index(all.len())],
        }
    }
}

fn typical(random: &mut Random) -> Resources {
    let cpu_millis = CPU_MILLIS[random.index(CPU_MILLIS.len())];
    let gibs_per_cpu = GIBS_PER_CPU[random.index(GIBS_PER_CPU.len())];
    Resources { cpu_millis, memory: Bytes(((cpu_millis * gibs_per_cpu) << 30) / 1000) }
}
