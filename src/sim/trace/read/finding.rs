//! What can be wrong with a trace, by code, and what to do about it.

/// Something wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Counted from 1.
    pub line: usize,
    /// What kind.
    pub code: Code,
    /// What was found.
    pub reason: String,
}

/// A kind of offence. Codes stay what they are; new ones are added at the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Code {
    /// Time goes back.
    OutOfOrder,
    /// A pod's image has no name that is known by then.
    UnknownImage,
    /// A pod's life is not created, bound, started, ended.
    WrongLife,
    /// There is no end, or there are lines missing before it.
    CutOff,
    /// Something takes no bytes.
    SizeZero,
    /// Not a line of a trace.
    Malformed,
    /// Nobody created the pod.
    UnknownPod,
    /// The node has not joined, or has gone.
    UnknownNode,
    /// Told before.
    Repeated,
    /// Nobody told of the volume.
    UnknownVolume,
    /// Nobody told of the digest.
    UnknownDigest,
}

impl Code {
    /// As printed, for ever.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::OutOfOrder => "T001",
            Self::UnknownImage => "T002",
            Self::WrongLife => "T003",
            Self::CutOff => "T004",
            Self::SizeZero => "T005",
            Self::Malformed => "T006",
            Self::UnknownPod => "T007",
            Self::UnknownNode => "T008",
            Self::Repeated => "T009",
            Self::UnknownVolume => "T010",
            Self::UnknownDigest => "T011",
        }
    }

    /// What to do about it.
    #[must_use]
    pub const fn remedy(self) -> &'static str {
        match self {
            Self::OutOfOrder => "sort the lines by atNanos, equal ones as they came",
            Self::UnknownImage => "put a tag line for the image before the pod",
            Self::WrongLife => "keep the order pod, bound, started, ended, each once",
            Self::CutOff => "record again, or cut at a whole line and write the end anew",
            Self::SizeZero => "give the real size, or leave the line out",
            Self::Malformed => "write it as simulations/README.md shows",
            Self::UnknownPod => "put its pod line before, or leave this one out",
            Self::UnknownNode => "put its node line before, or leave this one out",
            Self::Repeated => "leave one of the two out",
            Self::UnknownVolume => "put a volume line for the key before the pod",
            Self::UnknownDigest => "put an image line for the digest before the tag",
        }
    }
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { line, code, reason } = self;
        write!(f, "line {line}: {}: {reason}; {}", code.text(), code.remedy())
    }
}
