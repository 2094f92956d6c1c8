//! How long functions, files and lines may get.

use super::Findings;
use super::code::{Source, item_length};

/// A function that needs more lines is two functions.
const FUNCTION_LINES_MAX: usize = 70;
/// A file that needs more lines, tests aside, holds two nouns.
const FILE_LINES_MAX: usize = 400;
/// As rustfmt has it, of which some macros and attributes are left to us.
const CODE_COLUMNS_MAX: usize = 100;
/// Comments, which are wrapped by hand.
const COMMENT_COLUMNS_MAX: usize = 110;

/// Functions with too many lines, from `fn` to their closing brace.
pub fn check_functions(sources: &[Source]) -> Findings {
    sources.iter().flat_map(check_source).collect()
}

fn check_source(source: &Source) -> Findings {
    let code = &source.code;
    let mut findings = Findings::new();
    for (at, _) in code.match_indices("fn ") {
        let starts_word = !code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_');
        let lines = code[at..][..item_length(&code[at..])].matches('\n').count() + 1;
        if starts_word && lines > FUNCTION_LINES_MAX {
            let why = format!("a function of {lines} lines, {FUNCTION_LINES_MAX} at most");
            findings.push(source.finding(at, &why));
        }
    }
    findings
}

/// Files with too many lines before their tests.
pub fn check_files(sources: &[Source]) -> Findings {
    let mut findings = Findings::new();
    for source in sources.iter().filter(|source| !source.is_test()) {
        let own = source.text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        let lines = own.lines().count();
        if lines > FILE_LINES_MAX {
            findings.push(format!("{}: {lines} lines, {FILE_LINES_MAX} at most", source.name));
        }
    }
    findings
}

/// Lines with too many columns.
pub fn check_lines(sources: &[Source]) -> Findings {
    let mut findings = Findings::new();
    for source in sources {
        for (number, line) in source.text.lines().enumerate() {
            let is_comment = line.trim_start().starts_with("//");
            let most = if is_comment { COMMENT_COLUMNS_MAX } else { CODE_COLUMNS_MAX };
            let columns = line.chars().count();
            if columns > most {
                findings.push(format!("{}:{}: {columns} columns", source.name, number + 1));
            }
        }
    }
    findings
}
