//! The last cause in a chain of errors: what libraries put around it says only that something failed.

use std::error::Error;

/// The innermost cause of an error; itself where it has none.
#[must_use]
pub fn innermost<'a>(error: &'a (dyn Error + 'static)) -> &'a (dyn Error + 'static) {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause
}

#[cfg(test)]
mod tests {
    use super::innermost;

    #[derive(Debug, thiserror::Error)]
    #[error("outer")]
    struct Outer(#[source] std::fmt::Error);

    #[test]
    fn the_last_of_a_chain_speaks() {
        let inner = std::fmt::Error;
        assert_eq!(innermost(&Outer(inner)).to_string(), inner.to_string());
        assert_eq!(innermost(&inner).to_string(), inner.to_string());
    }
}
