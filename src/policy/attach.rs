//! The keys of a policy that say how long disks on the network take to be attached.

use serde::Deserialize;

use crate::model::unit::Nanos;
use crate::policy::Error;
use crate::policy::number::seconds;

/// How long disks take. See the policies' `attach`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attach {
    /// To be taken off a node that no longer uses them.
    pub detach: Nanos,
    /// To be attached.
    pub attach: Nanos,
    /// Charged while pods of another node use them.
    pub multi_attach: Nanos,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct AttachKeys {
    detach_seconds: f64,
    attach_seconds: f64,
    multi_attach_seconds: f64,
}

impl AttachKeys {
    pub(super) fn validate(self) -> Result<Attach, Error> {
        Ok(Attach {
            detach: seconds("attach.detachSeconds", self.detach_seconds)?,
            attach: seconds("attach.attachSeconds", self.attach_seconds)?,
            multi_attach: seconds("attach.multiAttachSeconds", self.multi_attach_seconds)?,
        })
    }
}
