//! Build matrices: a run is a fan-out of equal pods of one image, as many as chance says.
//!
//! Modelling choices: popularity follows Zipf's law over the images in a seeded order; a run has from 1 pod
//! to the most, one number as likely as another; all its pods ask for the same.

use crate::sim::catalogue::ReferenceNumber;
use crate::sim::random::Random;
use crate::sim::workload::chance;
use crate::sim::workload::draft::{Draft, Drafter, Sheet};
use crate::sim::workload::image::Images;
use crate::sim::workload::join;
use crate::sim::workload::request;

/// Pods of one run, where the scenario does not tell.
pub const FAN_OUT_MAX: u32 = 8;

/// The drafter of matrices.
#[derive(Debug)]
pub struct Matrix {
    ranked: Vec<ReferenceNumber>,
    fan_out_max: u32,
    requests: request::Draw,
}

impl Matrix {
    /// Matrices of these images.
    pub fn new(
        images: &Images<'_>,
        fan_out_max: u32,
        requests: request::Draw,
        random: &mut Random,
    ) -> Self {
        Self { ranked: join::ranked(images, random), fan_out_max, requests }
    }
}

impl Drafter for Matrix {
    fn run(&mut self, _number: usize, sheet: &mut Sheet<'_>) {
        let random = &mut sheet.random;
        let requests = self.requests.draw(random);
        let rank = chance::rank(random, self.ranked.len());
        let pods = 1 + random.below(u64::from(self.fan_out_max));
        let images: Vec<_> = self.ranked.get(rank).copied().into_iter().collect();
        for pod in 1..=pods {
            sheet.push(Draft {
                step: pod.to_string(),
                images: images.clone(),
                requests: Some(requests),
                ..Draft::default()
            });
        }
    }
}
