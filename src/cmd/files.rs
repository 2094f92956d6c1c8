//! Policies and manifest files by name: read, checked, and refused with file, line and what was expected.

use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::edge::manifests;
use crate::edge::shared::Shared;
use crate::policy::{NAMED, Policy};
use crate::state::event::Event;

/// Refused lines that are logged one by one; the rest is only counted.
const LOGGED_REFUSALS_MAX: usize = 10;

/// The policy of that name, or in that file.
///
/// # Errors
/// If there is no such policy or file, or it is refused.
pub fn policy(name_or_file: &str) -> anyhow::Result<Policy> {
    if let Some(policy) = Policy::named(name_or_file) {
        return Ok(policy);
    }
    let names = NAMED.map(|(name, _)| name).join(", ");
    let text = std::fs::read_to_string(name_or_file)
        .with_context(|| format!("policy {name_or_file}: neither a file nor one of {names}"))?;
    Policy::parse(&text).map_err(|error| anyhow::anyhow!("policy {}", placed(name_or_file, &error)))
}

/// An error of a YAML reader, which calls its input `<input>` and itself an error, with the file's name.
pub fn placed(name: &str, error: &impl std::fmt::Display) -> String {
    let text = error.to_string().replace("<input>", name);
    let text = text.replace("error: line ", "line ");
    format!("{name}: {}", text.trim_end())
}

/// Reads manifest files into the tracker; bad lines are reported and counted, the others kept.
///
/// # Errors
/// If a file cannot be read, or holds no manifest at all.
pub fn manifests(files: &[PathBuf], shared: &Shared) -> anyhow::Result<()> {
    for file in files {
        let (kept, refused) = read_manifests(file, shared)
            .with_context(|| format!("manifests {}", file.display()))?;
        anyhow::ensure!(
            kept > 0 || refused == 0,
            "manifests {}: none of {refused} lines is a manifest; see the warnings above",
            file.display()
        );
        tracing::info!(file = %file.display(), kept, refused, "manifests read");
    }
    Ok(())
}

fn read_manifests(file: &Path, shared: &Shared) -> std::io::Result<(usize, usize)> {
    let (mut kept, mut refused) = (0, 0);
    manifests::read(file, |line| match line {
        Ok(image) => {
            kept += 1;
            shared.metrics.manifest_lines.with_label_values(&["kept"]).inc();
            shared.apply(Event::ImageKnown(image));
        }
        Err(refusal) => {
            refused += 1;
            shared.metrics.manifest_lines.with_label_values(&["refused"]).inc();
            if refused <= LOGGED_REFUSALS_MAX {
                tracing::warn!(file = %file.display(), %refusal, "manifest line refused");
            }
        }
    })?;
    Ok((kept, refused))
}
