//! A refresh token in an owner-only file, for those who ask for it.

use std::fs;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use aws_lc_rs::digest;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};

use crate::microsoft::endpoint::Endpoint;
use crate::microsoft::sign_in_error::SignInReason;

/// Raised when an older file can no longer be read.
const VERSION: u32 = 1;
/// The folder below the state directory.
const FOLDER: &str = "tokens";

/// The file of one person in one tenant, for one application.
#[derive(Clone, Debug)]
pub struct TokenFile {
    folder: PathBuf,
    path: PathBuf,
}

/// What the file holds. An access token is never in it.
#[derive(Serialize, Deserialize)]
struct Written {
    version: u32,
    refresh_token: String,
}

impl TokenFile {
    /// The file below the state directory `state` for this authority, tenant and application. Nothing is read yet.
    #[must_use]
    pub fn new(state: &Path, authority: &Endpoint, tenant: &str, client_id: &str) -> Self {
        let folder = state.join(FOLDER);
        let origin = authority.url().as_str();
        let name = format!(
            "{origin}\n{}\n{}",
            tenant.to_ascii_lowercase(),
            client_id.to_ascii_lowercase()
        );
        let name: String = digest::digest(&digest::SHA256, name.as_bytes()).as_ref()[..12]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        Self {
            path: folder.join(format!("{name}.json")),
            folder,
        }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The refresh token, if one is kept.
    ///
    /// # Errors
    /// When others could read it, or it cannot be read: then it is not used.
    pub(super) fn read(&self) -> Result<Option<SecretString>, SignInReason> {
        let bytes = match fs::read(&self.path) {
            Ok(bytes) => secrecy::zeroize::Zeroizing::new(bytes),
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(self.failed(error.to_string())),
        };
        for place in [&self.folder, &self.path] {
            if open_to_others(place) {
                return Err(SignInReason::CacheOpen {
                    path: place.display().to_string(),
                    mode: if place.is_dir() { "700" } else { "600" },
                });
            }
        }
        let written: Written = serde_json::from_slice(&bytes)
            .map_err(|_| self.failed("it is no token cache of this program".to_owned()))?;
        if written.version != VERSION {
            return Err(self.failed(format!("it has version {}, not {VERSION}", written.version)));
        }
        Ok(Some(SecretString::from(written.refresh_token)))
    }

    /// Keeps a refresh token: written beside and renamed, so that a crash leaves the old one whole.
    ///
    /// # Errors
    /// When it cannot be written, or the folder is open to others.
    pub(super) fn write(&self, refresh: &SecretString) -> Result<(), SignInReason> {
        let written = Written {
            version: VERSION,
            refresh_token: refresh.expose_secret().to_owned(),
        };
        let text = serde_json::to_vec(&written)
            .map(secrecy::zeroize::Zeroizing::new)
            .map_err(|error| self.failed(error.to_string()))?;
        make_folder(&self.folder).map_err(|error| self.failed(error.to_string()))?;
        if open_to_others(&self.folder) {
            return Err(SignInReason::CacheOpen {
                path: self.folder.display().to_string(),
                mode: "700",
            });
        }
        // Owner-only from the start, under a name that nobody can guess.
        tempfile::Builder::new()
            .prefix(".token-")
            .tempfile_in(&self.folder)
            .and_then(|mut file| {
                file.write_all(&text)?;
                file.as_file().sync_all()?;
                file.persist(&self.path).map_err(|error| error.error)
            })
            .map(drop)
            .map_err(|error| self.failed(error.to_string()))
    }

    /// Takes the file away. False when there was none.
    ///
    /// # Errors
    /// What the system said.
    pub fn forget(&self) -> std::io::Result<bool> {
        match fs::remove_file(&self.path) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn failed(&self, detail: String) -> SignInReason {
        SignInReason::CacheUnusable {
            path: self.path.display().to_string(),
            detail,
        }
    }
}

#[cfg(unix)]
fn open_to_others(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    // What cannot be looked at is not trusted.
    fs::symlink_metadata(path).map_or(true, |meta| meta.permissions().mode() & 0o077 != 0)
}

#[cfg(not(unix))]
fn open_to_others(_: &Path) -> bool {
    // The profile directory is the owner's by the system's own rules.
    false
}

fn make_folder(folder: &Path) -> std::io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn file(state: &Path) -> TokenFile {
        let authority = Endpoint::new("https://login.microsoftonline.com").unwrap();
        TokenFile::new(state, &authority, "contoso.com", "client")
    }

    fn chmod(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn written_for_its_owner_only_read_back_and_forgotten() {
        let state = tempfile::tempdir().unwrap();
        let file = file(state.path());
        assert!(file.read().unwrap().is_none());
        assert!(!file.forget().unwrap());
        for token in ["0.first-token", "0.second-token"] {
            file.write(&SecretString::from(token)).unwrap();
            assert_eq!(file.read().unwrap().unwrap().expose_secret(), token);
        }
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(file.path()), mode(&file.folder)), (0o600, 0o700));
        // Nothing is left beside it.
        assert_eq!(fs::read_dir(&file.folder).unwrap().count(), 1);
        assert!(file.forget().unwrap());
        assert!(file.read().unwrap().is_none());
    }

    #[test]
    fn refused_when_others_could_read_it() {
        let state = tempfile::tempdir().unwrap();
        let file = file(state.path());
        file.write(&SecretString::from("0.token-value")).unwrap();
        chmod(file.path(), 0o640);
        let said = file.read().unwrap_err().to_string();
        assert!(
            said.contains("chmod 600") && !said.contains("token-value"),
            "{said}"
        );
        chmod(file.path(), 0o600);
        chmod(&file.folder, 0o755);
        let said = file.read().unwrap_err().to_string();
        assert!(said.contains("chmod 700"), "{said}");
        assert!(file.write(&SecretString::from("0.other")).is_err());
    }

    #[test]
    fn a_damaged_file_is_said_and_not_used() {
        let state = tempfile::tempdir().unwrap();
        let file = file(state.path());
        file.write(&SecretString::from("0.token-value")).unwrap();
        for text in [
            "",
            "{}",
            "[1]",
            r#"{"version":9,"refresh_token":"0.token-value"}"#,
        ] {
            fs::write(file.path(), text).unwrap();
            let said = file.read().unwrap_err().to_string();
            assert!(
                said.contains("sign-out") && !said.contains("token-value"),
                "{said}"
            );
        }
    }

    #[test]
    fn each_tenant_application_and_authority_has_its_own() {
        let of = |authority: &str, tenant: &str, client: &str| {
            let authority = Endpoint::new(authority).unwrap();
            TokenFile::new(Path::new("/s"), &authority, tenant, client).path
        };
        let usual = of("https://a.example", "contoso.com", "x");
        assert_eq!(usual, of("https://a.example", "CONTOSO.com", "X"));
        assert_ne!(usual, of("https://b.example", "contoso.com", "x"));
        assert_ne!(usual, of("https://a.example", "fabrikam.com", "x"));
        assert_ne!(usual, of("https://a.example", "contoso.com", "y"));
    }
}
