//! Manifest files: images and their layers, one JSON object a line, plain or gzip.
//!
//! A line is `{"image", "platform", "manifest", "layers": [{"digest", "size", "diff_id"?}]}`, base
//! layer first, with optional `aliases`, `config`, `index` (digests), `first_seen` and `created`. A bad
//! line costs itself alone: it is reported with its number and what was expected, and counted.

use std::io::{self, BufRead};
use std::path::Path;

use serde::Deserialize;

use crate::edge::lines::Lines;
use crate::model::image::{ImageFacts, Layer, Platform};
use crate::model::reference::{Reference, is_digest};
use crate::model::unit::{Bytes, Time};

/// What came of one line.
pub type Line = Result<ImageFacts, Refusal>;

/// Why a line was refused.
#[derive(Debug, thiserror::Error)]
#[error("line {number}: {reason}")]
pub struct Refusal {
    /// Counted from 1.
    pub number: usize,
    /// What was found and what was expected.
    pub reason: String,
}

/// Four hundred times the largest real set (10 MB, some 9,000 images): more is no list of manifests.
const FILE_BYTES_MAX: u64 = 4 << 30;

#[derive(Deserialize)]
struct ManifestLine {
    image: String,
    platform: String,
    manifest: String,
    layers: Vec<LayerEntry>,
    #[serde(default)]
    aliases: Vec<String>,
    config: Option<String>,
    index: Option<String>,
    first_seen: Option<String>,
    created: Option<String>,
}

#[derive(Deserialize)]
struct LayerEntry {
    digest: String,
    size: i64,
    diff_id: Option<String>,
}

/// Reads a file and gives each non-empty line to `each`.
///
/// # Errors
/// If the file cannot be opened or read to its end (also: broken gzip). Lines given before stay given.
pub fn read(path: &Path, each: impl FnMut(Line)) -> io::Result<()> {
    give(Lines::open(path, FILE_BYTES_MAX)?, each)
}

/// Gives each non-empty line of `reader` to `each`.
///
/// # Errors
/// If the reader fails, or a line is longer than any manifest.
pub fn read_lines(reader: impl BufRead, each: impl FnMut(Line)) -> io::Result<()> {
    give(Lines::of(reader, FILE_BYTES_MAX), each)
}

fn give<R: BufRead>(mut lines: Lines<R>, mut each: impl FnMut(Line)) -> io::Result<()> {
    while let Some((number, line)) = lines.next_line()? {
        each(parse(line).map_err(|reason| Refusal { number, reason }));
    }
    Ok(())
}

/// The image of one line.
///
/// # Errors
/// If it is none: what was found and what was expected.
pub fn parse(line: &[u8]) -> Result<ImageFacts, String> {
    let line: ManifestLine = serde_json::from_slice(line).map_err(|error| unreadable(&error))?;
    let platform = Platform::parse(&line.platform)
        .ok_or_else(|| format!("platform {:?}: expected os/architecture", line.platform))?;
    let mut digests = vec![digest("manifest", line.manifest)?];
    for (key, value) in [("config", line.config), ("index", line.index)] {
        digests.extend(value.map(|value| digest(key, value)).transpose()?);
    }
    let names = std::iter::once(line.image).chain(line.aliases);
    let references = names.map(|name| {
        let reference = Reference::parse(&name);
        let reference =
            reference.ok_or_else(|| format!("{name:?}: expected an image reference"))?;
        Ok(reference.as_str().to_owned())
    });
    let published = line.first_seen.or(line.created);
    Ok(ImageFacts {
        digests,
        references: references.collect::<Result<_, String>>()?,
        platform,
        layers: line.layers.into_iter().map(layer).collect::<Result<_, _>>()?,
        published_at: published.map_or(Ok(Time::default()), |text| time(&text))?,
    })
}

/// The reader counts lines, too, and each line is its first.
fn unreadable(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let reason = text.split(" at line ").next().unwrap_or_default();
    format!("not a manifest as JSON: {reason} at column {}", error.column())
}

fn layer(entry: LayerEntry) -> Result<Layer, String> {
    let bytes = u64::try_from(entry.size)
        .map_err(|_| format!("layer size {}: expected bytes, 0 or more", entry.size))?;
    Ok(Layer {
        digest: digest("layer digest", entry.digest)?,
        diff_id: entry.diff_id.map(|id| digest("diff_id", id)).transpose()?,
        compressed_bytes: Bytes(bytes),
    })
}

fn digest(key: &str, text: String) -> Result<String, String> {
    if is_digest(&text) { Ok(text) } else { Err(format!("{key} {text:?}: expected algorithm:hex")) }
}

/// A time as data sets write it.
///
/// # Errors
/// If it is not RFC 3339.
pub fn time(text: &str) -> Result<Time, String> {
    let time: jiff::Timestamp = text
        .parse()
        .map_err(|_| format!("time {text:?}: expected RFC 3339, as 2026-05-11T20:34:15Z"))?;
    Ok(Time(u64::try_from(time.as_nanosecond()).unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::{Line, read_lines};

    fn lines(text: &str) -> Vec<Line> {
        let mut lines = Vec::new();
        read_lines(text.as_bytes(), |line| lines.push(line)).expect("readable");
        lines
    }

    fn with(key: &str, value: &str) -> String {
        let digest = format!("sha256:{}", "a".repeat(64));
        let mut line = serde_json::json!({
            "image": "golang:1", "platform": "linux/amd64", "manifest": digest,
            "layers": [{"digest": digest, "size": 5}], "first_seen": "2026-05-11T20:34:15Z",
        });
        if !key.is_empty() {
            line[key] = serde_json::from_str(value).expect("JSON");
        }
        line.to_string()
    }

    #[test]
    fn a_bad_line_costs_itself_alone_and_tells_its_number() {
        let text =
            format!("{}\n\nnot json\n{}\n", with("", ""), with("platform", "\"linux/arm64\""));
        let lines = lines(&text);
        assert_eq!(lines.len(), 3);
        assert!(lines[0].is_ok() && lines[2].is_ok());
        let refusal = lines[1].as_ref().expect_err("refused").to_string();
        assert!(refusal.starts_with("line 3: "), "{refusal}");
    }

    #[test]
    fn values_without_sense_are_refused_with_what_was_expected() {
        for (key, value, expected) in [
            ("platform", "\"linux\"", "os/architecture"),
            ("manifest", "\"abc\"", "algorithm:hex"),
            ("image", "\"a b\"", "image reference"),
            ("layers", "[{\"digest\": \"sha256:0\", \"size\": 1}]", "algorithm:hex"),
            ("layers", "[{\"digest\": \"x\", \"size\": -1}]", "0 or more"),
            ("first_seen", "\"yesterday\"", "RFC 3339"),
        ] {
            let refusal = lines(&with(key, value)).remove(0).expect_err(value).to_string();
            assert!(refusal.contains(expected), "{key} {value}: {refusal}");
        }
    }
}
