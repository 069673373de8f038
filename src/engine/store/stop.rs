//! The stop file: while it is there, no run on this state makes a change. Anybody who may write the folder can make it, at once
//! and without this program: `echo why > STATE/stop`.

use std::io::Read as _;
use std::path::{Path, PathBuf};

/// So much of it is read.
const LONGEST: u64 = 500;

/// Where it is: beside the state file.
#[must_use]
pub fn stop_file(state_file: &Path) -> PathBuf {
    state_file.with_file_name("stop")
}

/// Why every run stands still, in a phrase; `None` when there is no stop file. One that cannot be read stops as well, and so
/// does not knowing whether there is one.
#[must_use]
pub fn stopped(file: &Path) -> Option<String> {
    let shown = file.display();
    match std::fs::symlink_metadata(file) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return None,
        Err(error) => {
            return Some(format!(
                "it cannot be told whether there is a stop file {shown}: {error}"
            ));
        }
        Ok(metadata) if !metadata.is_file() => {
            return Some(format!("the stop file {shown} is there"));
        }
        Ok(_) => {}
    }
    let mut bytes = Vec::new();
    match std::fs::File::open(file).and_then(|file| file.take(LONGEST).read_to_end(&mut bytes)) {
        Ok(_) => {}
        // Taken away since.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return None,
        Err(error) => {
            return Some(format!(
                "the stop file {shown} is there; its reason cannot be read: {error}"
            ));
        }
    }
    let text = String::from_utf8_lossy(&bytes);
    let reason = text.split_whitespace().collect::<Vec<_>>().join(" ");
    Some(if reason.is_empty() {
        format!("the stop file {shown} is there; it gives no reason")
    } else {
        format!("the stop file {shown} is there: {reason}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_is_there_stops_and_gives_its_reason() {
        let folder = tempfile::tempdir().unwrap();
        let file = stop_file(&folder.path().join("rollout.db"));
        assert_eq!(file, folder.path().join("stop"));
        assert_eq!(stopped(&file), None);
        let said = |bytes: &[u8]| {
            std::fs::write(&file, bytes).unwrap();
            let said = stopped(&file).unwrap();
            said.strip_prefix(&format!("the stop file {} is there", file.display()))
                .unwrap()
                .to_owned()
        };
        assert_eq!(said(b""), "; it gives no reason");
        assert_eq!(said(b" \n"), "; it gives no reason");
        assert_eq!(said(b"mail outage,\n  ask Ada\n"), ": mail outage, ask Ada");
        assert_eq!(said(b"\xff"), ": \u{fffd}");
        assert_eq!(said(&[b'x'; 100_000]).len(), 2 + 500);
        std::fs::remove_file(&file).unwrap();
        std::fs::create_dir(&file).unwrap();
        assert!(stopped(&file).unwrap().ends_with("stop is there"));
        std::fs::remove_dir(&file).unwrap();
        assert_eq!(stopped(&file), None);
        // Not a folder where one should be: whether it is there cannot be told.
        std::fs::write(folder.path().join("file"), "").unwrap();
        let nowhere = folder.path().join("file/stop");
        assert!(stopped(&nowhere).unwrap().starts_with("it cannot be told"));
    }

    #[cfg(unix)]
    #[test]
    fn a_link_to_nothing_stops_as_well() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("stop");
        std::os::unix::fs::symlink("nowhere", &file).unwrap();
        assert!(stopped(&file).unwrap().ends_with("stop is there"));
    }
}
