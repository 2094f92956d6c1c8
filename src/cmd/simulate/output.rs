//! Where a report goes: standard output, or a file that is there whole or not at all.

use std::fs::Permissions;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::Context;
use tempfile::NamedTempFile;

use crate::cli::simulate::Format;

/// What any program makes files with; the user's mask takes from it.
const MODE: u32 = 0o666;

/// Where to.
#[derive(Debug)]
pub(super) struct Output {
    file: Option<PathBuf>,
}

impl Output {
    /// Standard output or that file, which is found now, and not after an hour of work, to be in a folder
    /// that can be written to.
    ///
    /// # Errors
    /// If it cannot.
    pub(super) fn check(file: Option<PathBuf>) -> anyhow::Result<Self> {
        if let Some(file) = file.as_deref().filter(|file| is_replaced(file)) {
            anyhow::ensure!(
                !file.is_dir(),
                "--output {}: is a folder: give a file",
                file.display()
            );
            beside(file)?;
        }
        Ok(Self { file })
    }

    /// The format that the file's name asks for.
    pub(super) fn format(&self) -> Format {
        let extension = self.file.as_deref().and_then(Path::extension);
        match extension.and_then(|extension| extension.to_str()) {
            Some("json") => Format::Json,
            Some("html") => Format::Html,
            _ => Format::Text,
        }
    }

    /// Writes it.
    ///
    /// # Errors
    /// If it cannot be written: then the file is as it was.
    pub(super) fn write(&self, report: &str) -> anyhow::Result<()> {
        let Some(file) = &self.file else {
            let mut out = std::io::stdout().lock();
            out.write_all(report.as_bytes())?;
            return Ok(out.flush()?);
        };
        let failed = || format!("--output {}", file.display());
        if !is_replaced(file) {
            return std::fs::write(file, report).with_context(failed);
        }
        let mut whole = beside(file)?;
        whole.write_all(report.as_bytes()).with_context(failed)?;
        whole.as_file().sync_all().with_context(failed)?;
        whole.persist(file).map_err(|error| error.error).with_context(failed)?;
        Ok(())
    }
}

/// Devices and pipes are written to; anything else is replaced.
fn is_replaced(file: &Path) -> bool {
    file.metadata().map_or(true, |found| found.is_file() || found.is_dir())
}

/// A file in the same folder, gone if it is dropped.
fn beside(file: &Path) -> anyhow::Result<NamedTempFile> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    builder.prefix(".dunnage-").permissions(Permissions::from_mode(MODE));
    folder.metadata().with_context(|| format!("--output {}: its folder", file.display()))?;
    builder.tempfile_in(folder).with_context(|| format!("--output {}", file.display()))
}
