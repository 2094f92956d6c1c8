//! Lines of a file, plain or gzip by its first bytes, one at a time and never more than a bound.
//!
//! What a line means is its reader's. A small file that unpacks without end, and a line without end, are
//! one error each: nothing here grows with what a file claims to be.

use std::fs::File;
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Seek};
use std::path::Path;

use flate2::read::MultiGzDecoder;

/// A longer line is nothing that we read: 4 MiB is the largest manifest that registries take.
const LINE_BYTES_MAX: u64 = 4 << 20;

/// The lines of one file.
pub struct Lines<R = Box<dyn BufRead>> {
    reader: R,
    number: usize,
    line: Vec<u8>,
    bytes_max: u64,
    bytes_read: u64,
    is_gzip: bool,
}

impl Lines {
    /// The lines of the file at `path`, of which `bytes_max` bytes are read, counted unpacked.
    ///
    /// # Errors
    /// If the file cannot be opened.
    pub fn open(path: &Path, bytes_max: u64) -> io::Result<Self> {
        let mut file = File::open(path)?;
        let mut magic = [0; 2];
        let is_gzip = file.read(&mut magic)? == 2 && magic == [0x1f, 0x8b];
        file.rewind()?;
        let reader: Box<dyn BufRead> = if is_gzip {
            Box::new(BufReader::new(MultiGzDecoder::new(BufReader::new(file))))
        } else {
            Box::new(BufReader::new(file))
        };
        Ok(Self { is_gzip, ..Lines::of(reader, bytes_max) })
    }
}

impl<R: BufRead> Lines<R> {
    /// The lines of a reader.
    #[must_use]
    pub fn of(reader: R, bytes_max: u64) -> Self {
        Self { reader, number: 0, line: Vec::new(), bytes_max, bytes_read: 0, is_gzip: false }
    }

    /// The next line that is not blank, with its number, counted from 1; `None` at the end.
    ///
    /// # Errors
    /// If reading fails, [`ErrorKind::UnexpectedEof`] for gzip that is cut off, or a bound is passed.
    pub fn next_line(&mut self) -> io::Result<Option<(usize, &[u8])>> {
        loop {
            self.line.clear();
            self.number += 1;
            let read = self.reader.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut self.line);
            let read = read.map_err(|error| self.unreadable(&error))? as u64;
            self.bytes_read += read;
            if read == 0 {
                return Ok(None);
            }
            if read == LINE_BYTES_MAX {
                return Err(self.too_much(&format!("longer than {LINE_BYTES_MAX} bytes")));
            }
            if self.bytes_read > self.bytes_max {
                let unpacked = if self.is_gzip { "unpacks to " } else { "" };
                let most = self.bytes_max;
                return Err(self.too_much(&format!("the file {unpacked}more than {most} bytes")));
            }
            if !self.line.iter().all(u8::is_ascii_whitespace) {
                return Ok(Some((self.number, self.line.trim_ascii())));
            }
        }
    }

    /// Whether the last line that was given ended as a line does; one at the end of a file need not.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.line.ends_with(b"\n")
    }

    fn unreadable(&self, error: &io::Error) -> io::Error {
        let form = if self.is_gzip { "as gzip: " } else { "" };
        let place = if self.number > 1 { format!("line {}: ", self.number) } else { String::new() };
        io::Error::new(error.kind(), format!("{place}{form}{error}"))
    }

    fn too_much(&self, reason: &str) -> io::Error {
        io::Error::new(ErrorKind::InvalidData, format!("line {}: {reason}", self.number))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::Lines;

    fn all(mut lines: Lines) -> Result<Vec<(usize, String)>, String> {
        let mut all = Vec::new();
        while let Some((number, line)) = lines.next_line().map_err(|error| error.to_string())? {
            all.push((number, String::from_utf8_lossy(line).into_owned()));
        }
        Ok(all)
    }

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
        gzip.write_all(text).expect("into memory");
        gzip.finish().expect("into memory")
    }

    fn open(content: &[u8], bytes_max: u64) -> Result<Vec<(usize, String)>, String> {
        let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
        file.write_all(content).expect("written");
        all(Lines::open(file.path(), bytes_max).expect("opened"))
    }

    #[test]
    fn plain_and_gzip_are_the_same_lines_and_blank_ones_only_count() {
        let text = b"one\n\n  two \nthree";
        let expected = [(1, "one"), (3, "two"), (4, "three")].map(|(n, line)| (n, line.to_owned()));
        assert_eq!(open(text, 100), Ok(expected.to_vec()));
        assert_eq!(open(&gzip(text), 100), Ok(expected.to_vec()));
        assert_eq!(open(b"", 100), Ok(Vec::new()));
    }

    #[test]
    fn a_small_file_that_unpacks_to_more_than_the_bound_is_one_error() {
        let bomb = gzip(&b"0123456\n".repeat(100_000));
        assert!(bomb.len() < 10_000);
        let refusal = open(&bomb, 80_000).expect_err("refused");
        assert_eq!(refusal, "line 10001: the file unpacks to more than 80000 bytes");
        let refusal = open(&gzip(&vec![b' '; 5 << 20]), u64::MAX).expect_err("refused");
        assert_eq!(refusal, "line 1: longer than 4194304 bytes");
    }

    #[test]
    fn gzip_that_is_cut_off_or_none_is_told_with_the_line() {
        let noise = (0..20_000_u64).map(|n| format!("{}\n", n.wrapping_mul(0x9e37_79b9_7f4a_7c15)));
        let whole = gzip(noise.collect::<String>().as_bytes());
        let refusal = open(&whole[..whole.len() / 2], u64::MAX).expect_err("refused");
        assert!(refusal.starts_with("line ") && refusal.contains("as gzip: "), "{refusal}");
        let refusal = open(b"\x1f\x8bnot really", 100).expect_err("refused");
        assert!(refusal.starts_with("as gzip: "), "{refusal}");
    }
}
