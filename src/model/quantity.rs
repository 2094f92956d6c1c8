//! Amounts as Kubernetes writes them: `250m`, `16`, `1.5`, `64Gi`, `117M`. Integers only.

use crate::model::unit::Bytes;

/// Suffixes, and by how many thousandths one multiplies.
const SUFFIXES: [(&str, u128); 13] = [
    ("m", 1),
    ("", 1000),
    ("k", 1_000_000),
    ("M", 1_000_000_000),
    ("G", 1_000_000_000_000),
    ("T", 1_000_000_000_000_000),
    ("P", 1_000_000_000_000_000_000),
    ("Ki", 1000 << 10),
    ("Mi", 1000 << 20),
    ("Gi", 1000 << 30),
    ("Ti", 1000 << 40),
    ("Pi", 1000 << 50),
    ("Ei", 1000 << 60),
];
/// More decimals than any unit has.
const DECIMALS_MAX: usize = 18;

/// Thousandths, rounded up, as the API server rounds.
///
/// # Errors
/// If it is no quantity.
pub fn millis(text: &str) -> Result<u64, String> {
    thousandths(text).ok_or_else(|| format!("{text:?}: expected a quantity, as 500m, 2 or 64Gi"))
}

/// Bytes, rounded up.
///
/// # Errors
/// If it is no quantity.
pub fn bytes(text: &str) -> Result<Bytes, String> {
    let wrong = || format!("{text:?}: expected bytes, as 800M, 64Gi or 1000000");
    whole(text).map(Bytes).ok_or_else(wrong)
}

fn thousandths(text: &str) -> Option<u64> {
    let (numerator, denominator) = parts(text)?;
    u64::try_from(numerator.div_ceil(denominator)).ok()
}

fn whole(text: &str) -> Option<u64> {
    let (numerator, denominator) = parts(text)?;
    u64::try_from(numerator.div_ceil(denominator.checked_mul(1000)?)).ok()
}

/// Thousandths as a fraction.
fn parts(text: &str) -> Option<(u128, u128)> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, suffix) = text.split_at(end);
    let (_, factor) = SUFFIXES.iter().find(|(known, _)| *known == suffix)?;
    let (whole, decimals) = number.split_once('.').unwrap_or((number, ""));
    if whole.len() + decimals.len() == 0 || decimals.contains('.') || decimals.len() > DECIMALS_MAX
    {
        return None;
    }
    let digits: u128 = format!("{whole}{decimals}").parse().ok()?;
    let denominator = 10_u128.pow(u32::try_from(decimals.len()).ok()?);
    Some((digits.checked_mul(*factor)?, denominator))
}

#[cfg(test)]
mod tests {
    use super::{bytes, millis};
    use crate::model::unit::Bytes;

    #[test]
    fn quantities_are_read_as_the_api_server_reads_them() {
        for (text, expected) in [
            ("250m", 250),
            ("16", 16_000),
            ("1.5", 1500),
            ("0.0001", 1),
            ("2k", 2_000_000),
            ("0", 0),
        ] {
            assert_eq!(millis(text), Ok(expected), "{text}");
        }
        for (text, expected) in
            [("64Gi", 64 << 30), ("117M", 117_000_000), ("1.5Ki", 1536), ("100m", 1), ("7", 7)]
        {
            assert_eq!(bytes(text), Ok(Bytes(expected)), "{text}");
        }
    }

    #[test]
    fn what_is_no_quantity_is_refused() {
        for text in ["", ".", "Gi", "-1", "1e3", "1 Gi", "1GB", "1.2.3", "99999999999999999999Ei"] {
            assert!(millis(text).is_err() && bytes(text).is_err(), "{text}");
        }
    }
}
