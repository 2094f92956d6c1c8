//! Sets of remarks: a bit each, and the name by which JSON and the page know it.

/// Makes a set of at most 16 remarks, in the order of their bits.
macro_rules! remarks {
    ($(#[$set_doc:meta])* $set:ident { $($(#[$doc:meta])* $remark:ident = $name:literal,)+ }) => {
        $(#[$set_doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct $set(u16);

        #[expect(non_camel_case_types, clippy::upper_case_acronyms, reason = "as the constants")]
        enum Bit {
            $($remark),+
        }

        impl $set {
            $(
                $(#[$doc])*
                pub const $remark: Self = Self(1 << Bit::$remark as u16);
            )+

            /// Every remark with its name in JSON and on the page.
            pub const NAMES: [(Self, &'static str); [$($name),+].len()] =
                [$((Self::$remark, $name)),+];

            /// Adds remarks.
            pub fn add(&mut self, other: Self) {
                self.0 |= other.0;
            }

            /// Whether a remark was made.
            #[must_use]
            pub const fn has(self, other: Self) -> bool {
                self.0 & other.0 != 0
            }

            /// The names of the remarks made, in a fixed order.
            pub fn names(self) -> impl Iterator<Item = &'static str> {
                let made = move |(remark, _): &(Self, _)| self.has(*remark);
                Self::NAMES.into_iter().filter(made).map(|(_, name)| name)
            }
        }
    };
}
pub(super) use remarks;
