//! Node names at the end of a body, as Go's encoder writes them, read without a JSON reader.
//!
//! A scheduler sends hundreds to thousands of them, and reading them one value at a time was a third of
//! a decision. Whatever is spelt in another way is left to the JSON reader.

use memchr::{memchr, memmem};

use super::Name;

/// The key as upstream's encoder writes it.
const KEY: &[u8] = b"\"NodeNames\"";
/// A short name with its quotes and comma: so many names have room at once.
const NAME_BYTES: usize = 16;

/// The names, if the body ends with a list of at least one, in plain ASCII without escapes.
///
/// Between the first key of that name and the end there is nothing but names, and behind them exactly one
/// object ends: in a body that is JSON, that is the outermost one.
pub(super) fn trailing(body: &[u8]) -> Option<Vec<Name<'_>>> {
    let value = &body[memmem::find(body, KEY)? + KEY.len()..];
    let list = after(value, b':').and_then(|rest| after(rest, b'['))?;
    let list = before(list, b'}').and_then(|rest| before(rest, b']'))?;
    let list = after(before(list, b'"')?, b'"')?;
    let plain = |byte: &u8| {
        (b' '..=b'~').contains(byte) & (*byte != b'\\') | matches!(*byte, b'\n' | b'\r' | b'\t')
    };
    // Every byte is looked at, with no way out before the end: so the compiler takes many at once.
    if !list.iter().fold(true, |all, byte| all & plain(byte)) {
        return None;
    }
    let list = std::str::from_utf8(list).ok()?;
    let mut names = Vec::with_capacity(list.len() / NAME_BYTES + 1);
    let mut rest = list;
    while let Some(close) = memchr(b'"', rest.as_bytes()) {
        names.push(Name::from(&rest[..close]));
        let behind = &rest[close + 1..];
        rest = match behind.strip_prefix(",\"") {
            Some(rest) => rest,
            None => behind.trim_start().strip_prefix(',')?.trim_start().strip_prefix('"')?,
        };
    }
    names.push(Name::from(rest));
    Some(names)
}

/// What follows `token`, which may stand behind white space.
fn after(json: &[u8], token: u8) -> Option<&[u8]> {
    json.trim_ascii_start().strip_prefix(&[token])
}

/// What comes before `token`, which may stand before white space.
fn before(json: &[u8], token: u8) -> Option<&[u8]> {
    json.trim_ascii_end().strip_suffix(&[token])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::trailing;

    fn read(body: &str) -> Option<Vec<String>> {
        Some(trailing(body.as_bytes())?.iter().map(|name| name.to_string()).collect())
    }

    #[test]
    fn names_at_the_end_are_read() {
        let body = r#"{"Pod":{},"Nodes":null,"NodeNames":["a","b.c-d",""]}"#;
        assert_eq!(read(body), Some(vec!["a".to_owned(), "b.c-d".to_owned(), String::new()]));
        let spaced = "{ \"NodeNames\" : [ \"a\" , \"b.c-d\", \"\" ] }\n";
        assert_eq!(read(spaced), read(body));
    }

    #[test]
    fn all_else_is_left_to_the_json_reader() {
        let others = [
            r#"{"Pod":{},"NodeNames":null}"#,
            r#"{"Pod":{},"NodeNames":[]}"#,
            r#"{"Pod":{},"nodenames":["a"]}"#,
            r#"{"Pod":{},"NodeNames":["a"],"Nodes":null}"#,
            r#"{"Pod":{},"NodeNames":["a",, "b"]}"#,
            r#"{"Pod":{},"NodeNames":["a" "b"]}"#,
            r#"{"Pod":{},"NodeNames":["a",7,"b"]}"#,
            r#"{"Pod":{},"NodeNames":["a","NodeNames":["b"]}"#,
            r#"{"Pod":{},"NodeNames":["a\u0062","b"]}"#,
            r#"{"Pod":{},"NodeNames":["ä","b"]}"#,
            r#"{"Pod":{},"NodeNames":["a"],"NodeNames":["b"]}"#,
            r#"{"Pod":{"NodeNames":["a"]},"NodeNames":["b"]}"#,
            r#"{"Pod":{"NodeNames":["a"]}}"#,
            r#"{"Pod":{},"NodeNames":["a","b]}"#,
            r#"{"Pod":{},"NodeNames":["a"#,
            r#"{"Pod":{},"NodeNames":["#,
            "",
        ];
        for body in others {
            assert_eq!(read(body), None, "{body}");
        }
    }

    proptest! {
        #[test]
        fn what_is_read_is_what_json_says(
            names in prop::collection::vec("[ -~]{0,12}", 1..6),
            annotation in ".{0,20}",
        ) {
            let body = json!({ "A": { "Names": annotation }, "NodeNames": names }).to_string();
            if let Some(read) = read(&body) {
                prop_assert_eq!(read, names);
            } else {
                prop_assert!(names.iter().any(|name| name.contains(['"', '\\'])));
            }
        }
    }
}
