//! Comma-separated lines by the names of their columns.
//!
//! As much of RFC 4180 as the data uses: fields may be quoted, with doubled quotes inside; a field does not
//! go on in the next line.

use crate::model::unit::{Bytes, NANOS_PER_SECOND, Nanos};
use crate::sim::resource::Resources;

/// The names of the columns.
#[derive(Debug)]
pub struct Header {
    names: Vec<String>,
}

/// One line.
#[derive(Debug)]
pub struct Row<'a> {
    header: &'a Header,
    fields: Vec<String>,
}

impl Header {
    /// The header of these names.
    pub fn new(names: Vec<String>) -> Self {
        Self { names }
    }
}

impl<'a> Row<'a> {
    /// The row of these fields, as many as there are columns.
    ///
    /// # Errors
    /// If there are more or fewer.
    pub fn new(header: &'a Header, fields: Vec<String>) -> Result<Self, String> {
        let (found, expected) = (fields.len(), header.names.len());
        if found != expected {
            return Err(format!("expected {expected} fields, found {found}"));
        }
        Ok(Self { header, fields })
    }

    /// The field of a column.
    ///
    /// # Errors
    /// If there is no such column.
    pub fn text(&self, column: &str) -> Result<&str, String> {
        let at = self.header.names.iter().position(|name| name == column);
        let at = at.ok_or_else(|| {
            let names = self.header.names.join(", ");
            format!("expected a column {column}, found only {names}")
        })?;
        Ok(&self.fields[at])
    }

    /// The whole number of a column.
    ///
    /// # Errors
    /// If there is no such column, or no number in it.
    pub fn number(&self, column: &str) -> Result<u64, String> {
        let text = self.text(column)?;
        text.parse().map_err(|_| format!("{column} {text:?}: expected a whole number, 0 or more"))
    }

    /// The seconds of a column, with up to nine decimals.
    ///
    /// # Errors
    /// If there is no such column, or no number in it.
    pub fn seconds(&self, column: &str) -> Result<Nanos, String> {
        let text = self.text(column)?;
        let expected = || format!("{column} {text:?}: expected seconds, as 12 or 0.75");
        let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
        let is_number = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || !is_number(whole) || !is_number(decimals) {
            return Err(expected());
        }
        let nine = format!("{decimals:0<9}");
        let nanos: u64 = nine[..9].parse().map_err(|_| expected())?;
        let whole: u64 = whole.parse().map_err(|_| expected())?;
        Ok(Nanos(whole.saturating_mul(NANOS_PER_SECOND).saturating_add(nanos)))
    }

    /// The columns `cpu_milli` and `memory_mib`.
    ///
    /// # Errors
    /// If there are no such columns, or no numbers in them.
    pub fn resources(&self) -> Result<Resources, String> {
        let memory = Bytes(self.number("memory_mib")?.saturating_mul(1 << 20));
        Ok(Resources { cpu_millis: self.number("cpu_milli")?, memory })
    }
}

/// The fields of a line.
///
/// # Errors
/// If it is no text, or a quote is not closed.
pub fn fields(line: &[u8]) -> Result<Vec<String>, String> {
    let line = std::str::from_utf8(line).map_err(|_| "expected text as UTF-8".to_owned())?;
    let mut fields = Vec::new();
    let mut rest = line;
    loop {
        let (field, after) = if rest.starts_with('"') { quoted(rest)? } else { bare(rest) };
        fields.push(field);
        match after.strip_prefix(',') {
            Some(next) => rest = next,
            None if after.is_empty() => return Ok(fields),
            None => return Err(format!("expected a comma before {after:?}")),
        }
    }
}

fn bare(rest: &str) -> (String, &str) {
    let end = rest.find(',').unwrap_or(rest.len());
    (rest[..end].to_owned(), &rest[end..])
}

fn quoted(rest: &str) -> Result<(String, &str), String> {
    let mut field = String::new();
    let mut rest = &rest[1..];
    loop {
        let end = rest.find('"').ok_or("expected a closing quote")?;
        field.push_str(&rest[..end]);
        rest = &rest[end + 1..];
        match rest.strip_prefix('"') {
            Some(more) => {
                field.push('"');
                rest = more;
            }
            None => return Ok((field, rest)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Header, Row, fields};
    use crate::model::unit::Nanos;

    #[test]
    fn fields_may_be_quoted_empty_and_hold_commas() {
        let check = |line: &str, expected: &[&str]| {
            assert_eq!(fields(line.as_bytes()).expect(line), expected, "{line}");
        };
        check("a,b,,d", &["a", "b", "", "d"]);
        check("\"a,\"\"b\"\"\",c,", &["a,\"b\"", "c", ""]);
        assert!(fields(b"a,\"b").is_err());
        assert!(fields(b"\"a\"b,c").is_err());
        assert!(fields(b"\xff").is_err());
    }

    #[test]
    fn seconds_are_exact_and_odd_ones_are_refused() {
        let header = Header::new(vec!["seconds".to_owned()]);
        let seconds = |text: &str| {
            Row::new(&header, vec![text.to_owned()]).and_then(|row| row.seconds("seconds"))
        };
        assert_eq!(seconds("0.621"), Ok(Nanos(621_000_000)));
        assert_eq!(seconds("28695"), Ok(Nanos::from_seconds(28_695)));
        assert_eq!(seconds("1.0000000009"), Ok(Nanos::from_seconds(1)));
        for odd in ["", "-1", "1e3", "nan", ".5", "1.2.3"] {
            assert!(seconds(odd).is_err(), "{odd}");
        }
    }
}
