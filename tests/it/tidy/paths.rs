//! The paths that code names: `use` trees spread out, and `a::b::c` wherever it stands.

/// A path and the byte where it, or its `use`, starts.
pub type Named = (usize, Vec<String>);

/// Every path of the code, in no order.
pub fn paths(code: &str) -> Vec<Named> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < code.len() {
        let (start, word) = match next_word(code, at) {
            Some(next) => next,
            None => break,
        };
        at = start + word.len();
        if word == "use" {
            let end = code[at..].find(';').map_or(code.len(), |end| at + end);
            spread(&code[at..end], &[], start, &mut found);
            at = end;
            continue;
        }
        let mut path = vec![word.to_owned()];
        while let Some(after) = code[at..].strip_prefix("::") {
            let Some((0, word)) = next_word(after, 0) else {
                break;
            };
            path.push(word.to_owned());
            at += 2 + word.len();
        }
        found.push((start, path));
    }
    found
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn next_word(code: &str, from: usize) -> Option<(usize, &str)> {
    let start = from + code[from..].find(is_word)?;
    let rest = &code[start..];
    let end = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
    Some((start, &rest[..end]))
}

/// `a::{b, c::d}` is `a::b` and `a::c::d`; renames keep the first name.
fn spread(tree: &str, before: &[String], start: usize, found: &mut Vec<Named>) {
    let tree = tree.trim();
    if let Some(group) = tree.strip_prefix('{').and_then(|tree| tree.strip_suffix('}')) {
        for part in split(group) {
            spread(part, before, start, found);
        }
        return;
    }
    let (head, tail) = tree.split_once("::").map_or((tree, None), |(h, t)| (h, Some(t)));
    let head = head.split_whitespace().next().unwrap_or_default();
    let mut path = before.to_vec();
    if !head.is_empty() {
        path.push(head.to_owned());
    }
    match tail {
        Some(tail) => spread(tail, &path, start, found),
        None if path.is_empty() => {}
        None => found.push((start, path)),
    }
}

/// The parts between the commas that stand in no inner braces.
fn split(group: &str) -> Vec<&str> {
    let (mut parts, mut depth, mut from) = (Vec::new(), 0, 0);
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&group[from..at]);
                from = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&group[from..]);
    parts
}
