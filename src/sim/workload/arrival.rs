//! When runs come.
//!
//! Modelling choices: a Poisson process is as many independent uniform times over its span, which is the
//! mean gap times their number (so that no logarithm is needed); arrivals of recorded clusters and
//! repositories keep their gaps, divided by the factor, and begin with the first one used at time zero.

use crate::model::unit::Nanos;
use crate::sim::data::Data;
use crate::sim::random::Random;
use crate::sim::scenario::generator::Arrivals;

/// The times of so many runs, in order.
///
/// # Errors
/// If the data has fewer: what there is, and what to do.
pub fn times(
    arrivals: &Arrivals,
    count: usize,
    random: &mut Random,
    data: &Data,
) -> Result<Vec<Nanos>, String> {
    let recorded = match arrivals {
        Arrivals::Poisson { every } => return Ok(uniform(count, times_of(every.0, count), random)),
        Arrivals::Within(span) => return Ok(uniform(count, span.0, random)),
        Arrivals::Every(gap) => return Ok((0..count).map(|n| times_of(gap.0, n)).collect()),
        Arrivals::AtOnce {} => return Ok(vec![Nanos(0); count]),
        Arrivals::Openb { pods, skip, faster } => {
            let rows = data.openb_pods.get(pods).map_or(&[][..], Vec::as_slice);
            let created = rows.iter().skip(*skip).map(|pod| pod.created_at);
            since_first(created.collect(), faster.0)
        }
        Arrivals::Merges { file, repositories, from, faster } => {
            let rows = data.merges.get(file).map_or(&[][..], Vec::as_slice);
            let chosen = rows.iter().filter(|merge| {
                let named = repositories.is_empty() || repositories.contains(&merge.repository);
                named && merge.at >= from.0
            });
            since_first(chosen.map(|merge| Nanos(merge.at.0)).collect(), faster.0)
        }
    };
    if recorded.len() < count {
        let found = recorded.len();
        return Err(format!("arrivals: the data has only {found} of {count} runs; lower runs"));
    }
    Ok(recorded.into_iter().take(count).collect())
}

fn times_of(gap: Nanos, count: usize) -> Nanos {
    Nanos(gap.0.saturating_mul(count as u64))
}

fn uniform(count: usize, span: Nanos, random: &mut Random) -> Vec<Nanos> {
    let mut times: Vec<_> = (0..count).map(|_| Nanos(random.below(span.0))).collect();
    times.sort_unstable();
    times
}

fn since_first(mut times: Vec<Nanos>, factor: u64) -> Vec<Nanos> {
    times.sort_unstable();
    let first = times.first().copied().unwrap_or_default();
    times.into_iter().map(|time| Nanos((time - first).0 / factor)).collect()
}
