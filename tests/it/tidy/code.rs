//! A Rust file as the rules see it: its text, and its code without comments, literals and tests.
//!
//! Just enough of a lexer for that: what it takes out is replaced by spaces, so that lines stay put.

/// One Rust file.
#[derive(Clone, Debug)]
pub struct Source {
    /// Path from the top of the repository, as `src/edge/view.rs`.
    pub name: String,
    /// The whole text.
    pub text: String,
    /// The text with comments, strings and `#[cfg(test)]` items blanked.
    pub code: String,
}

impl Source {
    /// A file of that name and text.
    pub fn new(name: &str, text: &str) -> Self {
        let code = without_tests(&without_literals(text));
        Self { name: name.to_owned(), text: text.to_owned(), code }
    }

    /// Whether the whole file is a test.
    pub fn is_test(&self) -> bool {
        self.name.starts_with("tests/")
            || self.name.ends_with("/tests.rs")
            || self.name.contains("/tests/")
    }

    /// A finding at a byte of the code.
    pub fn finding(&self, at: usize, why: &str) -> String {
        format!("{}:{}: {why}", self.name, self.line(at))
    }

    /// The line of a byte of the code, counted from 1.
    pub fn line(&self, at: usize) -> usize {
        self.code[..at].matches('\n').count() + 1
    }
}

/// Comments, strings and characters blanked.
fn without_literals(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let in_word = code.ends_with(|c: char| c.is_alphanumeric() || c == '_');
        let length = literal_length(rest, in_word);
        if length > 0 {
            blank(&mut code, &rest[..length]);
            rest = &rest[length..];
        } else {
            let next = rest.chars().next().map_or(0, char::len_utf8);
            code.push_str(&rest[..next]);
            rest = &rest[next..];
        }
    }
    code
}

/// One space for each byte, so that places stay the same.
fn blank(code: &mut String, text: &str) {
    code.extend(text.bytes().map(|byte| if byte == b'\n' { '\n' } else { ' ' }));
}

/// The length of the comment or literal that `rest` starts with, 0 if it starts with code.
fn literal_length(rest: &str, in_word: bool) -> usize {
    if rest.starts_with("//") {
        return rest.find('\n').unwrap_or(rest.len());
    }
    if rest.starts_with("/*") {
        return block_comment_length(rest);
    }
    if rest.starts_with('"') {
        return string_length(rest);
    }
    if rest.starts_with('\'') {
        return character_length(rest);
    }
    let hashes = rest.strip_prefix('r').filter(|_| !in_word);
    let hashes = hashes.map(|after| after.len() - after.trim_start_matches('#').len());
    match hashes {
        Some(count) if rest[1 + count..].starts_with('"') => {
            let end = format!("\"{}", "#".repeat(count));
            let body = &rest[2 + count..];
            body.find(&end).map_or(rest.len(), |at| 2 + count + at + end.len())
        }
        _ => 0,
    }
}

fn block_comment_length(rest: &str) -> usize {
    let mut depth = 0;
    let mut at = 0;
    while at < rest.len() {
        match &rest.as_bytes()[at..] {
            [b'/', b'*', ..] => {
                depth += 1;
                at += 2;
            }
            [b'*', b'/', ..] => {
                depth -= 1;
                at += 2;
                if depth == 0 {
                    return at;
                }
            }
            _ => at += 1,
        }
    }
    rest.len()
}

fn string_length(rest: &str) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

/// `'x'` and `'\n'`, but not the lifetime `'a`.
fn character_length(rest: &str) -> usize {
    let mut chars = rest.char_indices().skip(1);
    match (chars.next(), chars.next()) {
        (Some((_, '\\')), Some((after, _))) => {
            let close = rest[after + 1..].find('\'');
            close.map_or(0, |at| after + 1 + at + 1)
        }
        (Some(_), Some((at, '\''))) => at + 1,
        _ => 0,
    }
}

/// Items behind `#[cfg(test)]` blanked.
fn without_tests(code: &str) -> String {
    const MARK: &str = "#[cfg(test)]";
    let mut kept = String::with_capacity(code.len());
    let mut rest = code;
    while let Some(at) = rest.find(MARK) {
        kept.push_str(&rest[..at]);
        let end = at + MARK.len() + item_length(&rest[at + MARK.len()..]);
        blank(&mut kept, &rest[at..end]);
        rest = &rest[end..];
    }
    kept.push_str(rest);
    kept
}

/// The length of the item that `code` starts with: to its `;`, or to the end of its braces.
pub fn item_length(code: &str) -> usize {
    match code.find(['{', ';']) {
        Some(at) if code[at..].starts_with('{') => at + braces_length(&code[at..]),
        Some(at) => at + 1,
        None => code.len(),
    }
}

/// The length of the braces that `code` starts with.
fn braces_length(code: &str) -> usize {
    let mut depth = 0;
    for (at, c) in code.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at + 1;
        }
    }
    code.len()
}
