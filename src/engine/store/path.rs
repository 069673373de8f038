//! Where the state file is, and who may read it (S10).

use std::ffi::OsString;
use std::fs::{self, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use super::Result;
use super::error::StoreError;

const FILE_NAME: &str = "rollout.db";

/// The state file: in the directory `ROLLOUT_STATE`, else in `$XDG_STATE_HOME/rollout`, else in
/// `~/.local/state/rollout` (XDG Base Directory Specification).
///
/// # Errors
/// [`StoreError::NoPlace`] when none of these is set.
pub fn default_path() -> Result<PathBuf> {
    path_from(|name| std::env::var_os(name))
}

/// The state file in a directory of the user's choice (`--state DIR`).
pub fn path_in(directory: &Path) -> PathBuf {
    directory.join(FILE_NAME)
}

fn path_from(variable: impl Fn(&str) -> Option<OsString>) -> Result<PathBuf> {
    let directory = |name| {
        variable(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    if let Some(state) = directory("ROLLOUT_STATE") {
        return Ok(path_in(&state));
    }
    // The specification says to ignore a relative path in XDG_STATE_HOME.
    directory("XDG_STATE_HOME")
        .filter(|path| path.is_absolute())
        .or_else(|| directory("HOME").map(|home| home.join(".local/state")))
        .map(|base| path_in(&base.join("rollout")))
        .ok_or(StoreError::NoPlace)
}

/// Make the directory (mode 0700) and the file (mode 0600) where they are missing, and close the file to others.
pub(super) fn prepare(path: &Path) -> Result<()> {
    let unwritable = |source| StoreError::Unwritable {
        path: path.to_owned(),
        source,
    };
    let directory = match path.parent() {
        Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
        Some(parent) => parent,
        None => return Err(unwritable(io::ErrorKind::NotADirectory.into())),
    };
    make_directory(directory).map_err(unwritable)?;
    check_directory(directory, path)?;
    match create_private(path) {
        Ok(()) => sync_directory(path).map_err(unwritable),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            close_to_others(path).map_err(unwritable)
        }
        Err(error) => Err(unwritable(error)),
    }
}

/// Put the names in a file's directory on the disk: a new file is not safe from a power cut before that.
pub(super) fn sync_directory(file: &Path) -> io::Result<()> {
    #[cfg(unix)]
    if let Some(directory) = file
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty())
    {
        fs::File::open(directory)?.sync_all()?;
    }
    Ok(())
}

/// Make an empty file that only its owner can read; fails when it exists.
pub(super) fn create_private(path: &Path) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}

fn make_directory(directory: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(directory)
}

#[cfg(unix)]
fn check_directory(directory: &Path, path: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    const OTHERS_MAY_WRITE: u32 = 0o022;
    const STICKY: u32 = 0o1000;
    let metadata = fs::metadata(directory).map_err(|source| StoreError::Unwritable {
        path: path.to_owned(),
        source,
    })?;
    let mode = metadata.permissions().mode() & 0o7777;
    // In a sticky directory, such as /tmp, others can add files but not replace ours.
    if mode & OTHERS_MAY_WRITE != 0 && mode & STICKY == 0 {
        return Err(StoreError::OpenDirectory {
            path: path.to_owned(),
            mode,
        });
    }
    Ok(())
}

#[cfg(not(unix))]
fn check_directory(_directory: &Path, _path: &Path) -> Result<()> {
    Ok(())
}

/// Also fails when the file belongs to somebody else, who could have put it there.
///
/// Works by name: opening and closing the file here would drop the locks that SQLite holds on it in this process
/// (POSIX releases them with the first descriptor closed, whoever took them).
#[cfg(unix)]
fn close_to_others(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = fs::metadata(path)?.permissions().mode();
    if mode & 0o077 != 0 {
        fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
    }
    Ok(())
}

#[cfg(not(unix))]
fn close_to_others(_path: &Path) -> io::Result<()> {
    Ok(())
}

/// The file that SQLite keeps beside the state file under this suffix.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path_with(set: &[(&str, &str)]) -> Option<String> {
        path_from(|name| {
            set.iter()
                .find(|(n, _)| *n == name)
                .map(|(_, value)| value.into())
        })
        .ok()
        .map(|path| path.to_string_lossy().into_owned())
    }

    #[test]
    fn the_first_place_that_is_set_wins() {
        let all = [
            ("ROLLOUT_STATE", "/srv/state"),
            ("XDG_STATE_HOME", "/xdg"),
            ("HOME", "/home/a"),
        ];
        assert_eq!(path_with(&all).as_deref(), Some("/srv/state/rollout.db"));
        assert_eq!(
            path_with(&all[1..]).as_deref(),
            Some("/xdg/rollout/rollout.db")
        );
        assert_eq!(
            path_with(&all[2..]).as_deref(),
            Some("/home/a/.local/state/rollout/rollout.db")
        );
        assert_eq!(path_with(&[]), None);
    }

    #[test]
    fn empty_and_relative_values_count_as_unset() {
        let set = [
            ("ROLLOUT_STATE", ""),
            ("XDG_STATE_HOME", "relative"),
            ("HOME", "/home/a"),
        ];
        assert_eq!(
            path_with(&set).as_deref(),
            Some("/home/a/.local/state/rollout/rollout.db")
        );
    }
}
