//! Secrets and the folder of the state, looked at without a change.

use std::path::{Path, PathBuf};

use crate::doctor::view::{SecretView, StateView};
use crate::domain_file::{DomainFile, Field, Microsoft, SecretRef, SignIn};
use crate::redact::Redactor;

/// Reads every secret that the file refers to and tells the redactor; keeps none.
pub(super) fn secrets(file: &DomainFile, redactor: &Redactor) -> Vec<SecretView> {
    references(file)
        .into_iter()
        .map(|(key, reference, whole)| {
            let trouble = match reference.read() {
                // Of a certificate's file only the key is secret, which whoever signs in with it tells the redactor.
                Ok(_) if !whole => None,
                Ok(secret) => redactor.register(&secret).err().map(|e| e.to_string()),
                Err(error) => Some(error.to_string()),
            };
            SecretView {
                key,
                place: reference.to_string(),
                open_file: reference.open_file(),
                trouble,
            }
        })
        .collect()
}

/// Every reference to a secret, by its key, and whether all of what it holds is secret.
fn references(file: &DomainFile) -> Vec<(String, &SecretRef, bool)> {
    let mut all = Vec::new();
    if let Microsoft::Api(api) = &file.microsoft {
        if let Some(secret) = api.sign_in.secret() {
            all.push(("microsoft.sign_in.secret".to_owned(), secret, true));
        }
        if let SignIn::ClientCertificate {
            certificate, key, ..
        } = &api.sign_in
        {
            let certificate = (
                "microsoft.sign_in.certificate".to_owned(),
                certificate,
                false,
            );
            all.push(certificate);
            all.extend(
                key.as_ref()
                    .map(|key| ("microsoft.sign_in.key".to_owned(), key, false)),
            );
        }
    }
    let registrar = file
        .registrar
        .iter()
        .map(|named| ("registrar", &named.fields));
    for (section, fields) in [("dns", &file.dns.fields)].into_iter().chain(registrar) {
        all.extend(fields.iter().filter_map(|(key, field)| match field {
            Field::Secret(secret) => Some((format!("{section}.{key}"), secret, true)),
            Field::Text(_) => None,
        }));
    }
    all
}

/// Looks at the folder of the state file, or at the nearest one above it that exists. Makes nothing.
pub(super) fn state(file: Result<PathBuf, String>) -> StateView {
    let file = match file {
        Ok(file) => file,
        Err(why) => return StateView::NoPlace { why },
    };
    let folder = match file.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    };
    let absolute = std::path::absolute(&folder).unwrap_or_else(|_| folder.clone());
    let seen = absolute
        .ancestors()
        .find(|path| path.exists())
        .unwrap_or(&absolute)
        .to_owned();
    StateView::Folder {
        mode: mode(&seen),
        ours: ours(&seen),
        writable: writable(&seen),
        file: file.exists().then(|| (mode(&file), writable(&file))),
        seen,
        folder,
    }
}

#[cfg(unix)]
fn mode(path: &Path) -> Option<u32> {
    use std::os::unix::fs::PermissionsExt as _;
    let metadata = std::fs::metadata(path).ok()?;
    Some(metadata.permissions().mode() & 0o7777)
}

#[cfg(unix)]
fn ours(path: &Path) -> Option<bool> {
    use std::os::unix::fs::MetadataExt as _;
    let owner = std::fs::metadata(path).ok()?.uid();
    Some(owner == rustix::process::geteuid().as_raw())
}

/// Asks the system; opens nothing.
#[cfg(unix)]
fn writable(path: &Path) -> Result<(), String> {
    use rustix::fs::{Access, AtFlags, CWD, accessat};
    let mut wanted = Access::WRITE_OK | Access::READ_OK;
    if path.is_dir() {
        wanted |= Access::EXEC_OK;
    } else if !path.is_file() {
        return Err("it is no folder".to_owned());
    }
    accessat(CWD, path, wanted, AtFlags::EACCESS)
        .map_err(|error| std::io::Error::from(error).to_string())
}

#[cfg(not(unix))]
fn mode(_: &Path) -> Option<u32> {
    None
}

#[cfg(not(unix))]
fn ours(_: &Path) -> Option<bool> {
    None
}

#[cfg(not(unix))]
fn writable(path: &Path) -> Result<(), String> {
    match std::fs::metadata(path) {
        Ok(metadata) if metadata.permissions().readonly() => Err("it is read-only".to_owned()),
        Ok(_) => Ok(()),
        Err(error) => Err(error.to_string()),
    }
}
