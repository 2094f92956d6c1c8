//! How long a disk on the network takes to be attached to a node.
//!
//! By where the disk is now; mounting it afterwards is a second or less anywhere and is not counted.

use crate::model::unit::Nanos;

/// What a policy says of disks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AttachTimes {
    /// To take a disk off a node whose pods no longer use it.
    pub detach: Nanos,
    /// To attach a disk that is nowhere.
    pub attach: Nanos,
    /// For a disk that pods bound to another node use: it is not attached until they have ended, which nobody
    /// can foretell.
    pub multi_attach: Nanos,
}

/// Where a disk is, seen from a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// Attached here.
    Here,
    /// About to be attached here.
    Coming,
    /// Nowhere.
    Nowhere,
    /// Attached to another node, or about to be, or being taken off, and no pod uses it there.
    Elsewhere,
    /// In use on another node.
    InUseElsewhere,
}

impl AttachTimes {
    /// Until a disk that stands so is attached. Attached nowhere, it costs all nodes the same.
    #[must_use]
    pub fn until_attached(&self, standing: Standing) -> Nanos {
        match standing {
            Standing::Here => Nanos(0),
            Standing::Coming | Standing::Nowhere => self.attach,
            Standing::Elsewhere => self.detach + self.attach,
            Standing::InUseElsewhere => self.multi_attach,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{AttachTimes, Standing};
    use crate::model::unit::Nanos;

    #[test]
    fn a_disk_that_is_here_is_free_and_one_in_use_elsewhere_costs_the_policys_figure() {
        let times = AttachTimes {
            detach: Nanos::from_seconds(6),
            attach: Nanos::from_seconds(9),
            multi_attach: Nanos::from_seconds(64),
        };
        for (standing, seconds) in [
            (Standing::Here, 0),
            (Standing::Coming, 9),
            (Standing::Nowhere, 9),
            (Standing::Elsewhere, 15),
            (Standing::InUseElsewhere, 64),
        ] {
            assert_eq!(times.until_attached(standing), Nanos::from_seconds(seconds));
        }
    }
}
