//! Layers of a pull: what is fetched and unpacked of each, and in which order they are through.

use crate::model::unit::Bytes;

/// A layer that a pull brings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PullLayer {
    /// Its place in the image.
    pub(super) place: usize,
    /// Bytes to fetch.
    pub(super) fetched: Bytes,
    /// Compressed bytes to unpack.
    pub(super) unpacked: Bytes,
}

/// Of how many bytes of all, each layer is through, if so many share what comes evenly and the next begins
/// when one is. A layer of which nothing is to come is at once.
pub(super) fn through_at(layers: &[PullLayer], layers_max: u32) -> Vec<Bytes> {
    let fetched = layers.iter().map(|layer| layer.fetched).enumerate();
    let mut next = fetched.filter(|(_, bytes)| bytes.0 > 0);
    let mut coming: Vec<_> = next.by_ref().take(layers_max.max(1) as usize).collect();
    let (mut through_at, mut came) = (vec![Bytes(0); layers.len()], Bytes(0));
    while let Some(least) = coming.iter().map(|(_, left)| *left).min() {
        came += Bytes(least.0 * coming.len() as u64);
        for (place, left) in &mut coming {
            *left = *left - least;
            if left.0 == 0 {
                through_at[*place] = came;
            }
        }
        let before = coming.len();
        coming.retain(|(_, left)| left.0 > 0);
        coming.extend(next.by_ref().take(before - coming.len()));
    }
    through_at
}
