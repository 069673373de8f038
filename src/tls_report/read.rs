//! From a file's bytes to a report, within bounds: a few kilobytes of gzip can unpack to gigabytes.

use std::borrow::Cow;
use std::io::Read;

use flate2::read::MultiGzDecoder;

use super::{Report, ReportError};

/// The largest file that is read, as it comes: 8 MiB. The largest senders' reports have some hundred kilobytes.
pub const LARGEST_PACKED: u64 = 8 * 1024 * 1024;

/// The largest report, unpacked: 32 MiB.
pub const LARGEST_REPORT: u64 = 32 * 1024 * 1024;

/// The first bytes of gzip (RFC 1952, 2.3.1).
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// Reads a report, gzipped or not: its first bytes tell, since names are wrong often enough.
///
/// # Errors
/// When it is too large, or no report.
pub fn read(bytes: &[u8]) -> Result<Report, ReportError> {
    let text = if bytes.starts_with(&GZIP) {
        Cow::Owned(unpacked(bytes)?)
    } else {
        Cow::Borrowed(bytes)
    };
    Report::parse(&text)
}

fn unpacked(bytes: &[u8]) -> Result<Vec<u8>, ReportError> {
    let mut text = Vec::new();
    MultiGzDecoder::new(bytes)
        .take(LARGEST_REPORT + 1)
        .read_to_end(&mut text)
        .map_err(|error| ReportError::Gzip(crate::source::escape(&error.to_string())))?;
    if text.len() as u64 > LARGEST_REPORT {
        return Err(ReportError::TooLarge);
    }
    Ok(text)
}
