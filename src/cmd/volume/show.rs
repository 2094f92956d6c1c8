//! What `dunnage volume` prints.

use jiff::Timestamp;
use serde::Serialize;

use crate::cli::volume::Format;
use crate::edge::volume::record::Record;

/// What was done with a volume.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Shown {
    key: String,
    #[serde(skip)]
    done: &'static str,
    /// `local`, `peer`, `registry`; of `get` only.
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<&'static str>,
    /// The node or URL of a peer, the repository of a registry.
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<String>,
    /// Bytes it takes on the disk.
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<u64>,
    /// Bytes of it that came over the network.
    #[serde(skip_serializing_if = "Option::is_none")]
    streamed_bytes: Option<u64>,
    /// Bytes of it that went to the registry.
    #[serde(skip_serializing_if = "Option::is_none")]
    pushed_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    digest: Option<String>,
}

impl Shown {
    fn of(key: &str, done: &'static str) -> Self {
        Self {
            key: key.to_owned(),
            done,
            source: None,
            from: None,
            bytes: None,
            streamed_bytes: None,
            pushed_bytes: None,
            digest: None,
        }
    }

    /// Of a volume that was put.
    pub fn put(record: &Record) -> Self {
        let digest = record.digest.clone();
        Self { bytes: Some(record.bytes), digest, ..Self::of(&record.key, "put") }
    }

    /// Of one that was got.
    pub fn got(
        record: &Record,
        source: &'static str,
        from: Option<String>,
        streamed_bytes: u64,
    ) -> Self {
        let streamed_bytes = Some(streamed_bytes);
        let shown = Self { done: "got", ..Self::put(record) };
        Self { source: Some(source), from, streamed_bytes, ..shown }
    }

    /// Of one that was removed.
    pub fn removed(key: &str) -> Self {
        Self::of(key, "removed")
    }

    /// With the bytes that were pushed.
    pub fn pushed(self, bytes: u64) -> Self {
        Self { pushed_bytes: Some(bytes), ..self }
    }

    fn line(&self) -> String {
        let mut line = format!("{} {}", self.done, self.key);
        if let Some(bytes) = self.bytes {
            line += &format!(": {bytes} bytes");
        }
        if let Some(source) = self.source {
            let from = self.from.as_ref().map(|from| format!(" {from}")).unwrap_or_default();
            let streamed = self.streamed_bytes.unwrap_or(0);
            line += &format!(" from {source}{from}, {streamed} bytes over the network");
        }
        if let Some(bytes) = self.pushed_bytes {
            line += &format!(", {bytes} bytes pushed");
        }
        line
    }
}

/// Prints what was done.
pub fn print(format: Format, shown: &Shown) {
    match format {
        Format::Text => println!("{}", shown.line()),
        Format::Json => println!("{}", serde_json::json!(shown)),
    }
}

/// Prints volumes, one a line: key last, as it may hold blanks.
pub fn print_list(format: Format, volumes: &[Record]) {
    if format == Format::Json {
        println!("{}", serde_json::json!({ "volumes": volumes }));
        return;
    }
    println!("{:>15}  {:<14}  {:<20}  KEY", "BYTES", "KIND", "LAST USED");
    for volume in volumes {
        let used = volume.last_used.map(|at| seconds(at).to_string()).unwrap_or_default();
        let kind = volume.kind().name();
        println!("{:>15}  {kind:<14}  {used:<20}  {}", volume.bytes, volume.key);
    }
}

fn seconds(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second()).unwrap_or(at)
}
