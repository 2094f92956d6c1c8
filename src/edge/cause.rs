//! The causes of an error: all of them in one line, or the last one where what libraries put around it says
//! only that something failed.

use std::error::Error;

/// An error and what caused it, in one line.
#[must_use]
pub fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text
}

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
    use super::{innermost, with_causes};

    #[derive(Debug, thiserror::Error)]
    #[error("outer")]
    struct Outer(#[source] std::fmt::Error);

    #[test]
    fn the_last_of_a_chain_speaks() {
        let inner = std::fmt::Error;
        assert_eq!(innermost(&Outer(inner)).to_string(), inner.to_string());
        assert_eq!(innermost(&inner).to_string(), inner.to_string());
    }

    #[derive(Debug, thiserror::Error)]
    #[error("outside: {0}")]
    struct Repeats(#[source] Outer);

    #[test]
    fn causes_are_told_in_order_and_none_twice() {
        let inner = std::fmt::Error;
        assert_eq!(with_causes(&Outer(inner)), format!("outer: {inner}"));
        assert_eq!(with_causes(&Repeats(Outer(inner))), format!("outside: outer: {inner}"));
        assert_eq!(with_causes(&inner), inner.to_string());
    }
}
