//! How long pods run.
//!
//! Modelling choice: durations are drawn independently of image and size, since no public data joins them.
//! From a table each row is as likely as another, which draws its quantiles.

use crate::model::unit::{NANOS_PER_SECOND, Nanos};
use crate::sim::data::Data;
use crate::sim::random::Random;
use crate::sim::scenario::generator::Durations;

/// Durations to draw from.
#[derive(Clone, Debug)]
pub enum Draw {
    /// One as likely as another, both ends among them.
    Between(Nanos, Nanos),
    /// One of these.
    OneOf(Vec<Nanos>),
}

/// Nothing ends as soon as it starts: the shortest step of a table takes so long.
const SHORTEST: Nanos = Nanos(NANOS_PER_SECOND / 10);

impl Draw {
    /// The draw of these keys.
    ///
    /// # Errors
    /// If the table has no durations.
    pub fn new(durations: &Durations, data: &Data) -> Result<Self, String> {
        let (all, at_most): (Vec<Nanos>, _) = match durations {
            Durations::Between(from, to) => return Ok(Self::Between(from.0, to.0)),
            Durations::TestSeconds { file, at_most } => {
                (data.test_seconds.get(file).cloned().unwrap_or_default(), at_most)
            }
            Durations::Openb { pods, at_most } => {
                let rows = data.openb_pods.get(pods).map_or(&[][..], Vec::as_slice);
                (rows.iter().filter_map(|pod| pod.ran_for).collect(), at_most)
            }
        };
        if all.is_empty() {
            return Err("durations: the data has none".to_owned());
        }
        let longest = at_most.map_or(Nanos(u64::MAX), |most| most.0.max(SHORTEST));
        Ok(Self::OneOf(all.into_iter().map(|time| time.clamp(SHORTEST, longest)).collect()))
    }

    /// One duration.
    pub fn draw(&self, random: &mut Random) -> Nanos {
        match self {
            Self::Between(from, to) => *from + Nanos(random.below((*to - *from).0 + 1)),
            Self::OneOf(all) => all[random.index(all.len())],
        }
    }
}
