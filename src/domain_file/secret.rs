//! References to secrets. A domain file never holds a secret itself, so it can be shown, committed and mailed.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use secrecy::SecretString;
use secrecy::zeroize::Zeroizing;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A secret longer than this is a wrong file: 64 KiB.
const LARGEST: u64 = 64 * 1024;

/// Where a secret is kept: `env:NAME` or `file:PATH`, the path being relative to the domain file.
///
/// Debug and Display show the reference, which is no secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretRef {
    place: Place,
    base: PathBuf,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    Env(String),
    File(PathBuf),
}

/// Why a secret cannot be read. No variant holds any of its text.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The environment variable is not set.
    #[error(
        "the environment variable {0} is not set; set it to the secret, or name another place in the domain file"
    )]
    Unset(String),
    /// The environment variable holds bytes that are no text.
    #[error("the environment variable {0} does not hold UTF-8 text; set it again")]
    NotText(String),
    /// The environment variable or file is empty.
    #[error("{0} is empty, but should hold a secret")]
    Empty(String),
    /// The file cannot be opened or read.
    #[error(
        "the secret file {path} cannot be read: {source}; write the secret into it, readable by its owner only, \
         or name another place in the domain file"
    )]
    File {
        /// The file, resolved against the folder of the domain file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is no text.
    #[error("the secret file {0} does not hold UTF-8 text")]
    FileNotText(PathBuf),
    /// The file is larger than any secret.
    #[error("the secret file {0} is larger than 64 KiB, so it is no secret; name another file")]
    TooLarge(PathBuf),
}

/// The text is no reference to a secret. Display is a sentence without any of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SecretRefError {
    /// Most likely the secret itself.
    #[error(
        "a secret must not be written into this file\n\
         write env:NAME to read it from an environment variable, or file:PATH to read it from a file; \
         if this is the real secret, replace it where it was issued, since this file has seen it"
    )]
    Literal,
    /// `env:` without a usable name.
    #[error(
        "env: needs the name of an environment variable\nas in env:ROLLOUT_CLIENT_SECRET: letters, digits and _, no digit first"
    )]
    BadVariable,
    /// `file:` without a path.
    #[error(
        "file: needs the path of a file\nas in file:secrets/client-secret, relative to this file"
    )]
    BadPath,
}

impl SecretRef {
    /// A reference to an environment variable.
    ///
    /// # Errors
    /// When `name` is no name of a variable.
    pub fn env(name: &str) -> Result<Self, SecretRefError> {
        format!("env:{name}").parse()
    }

    /// A reference to a file.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self {
            place: Place::File(path.into()),
            base: PathBuf::new(),
        }
    }

    /// Reads the secret now. One line break at the end is dropped, as editors add one.
    ///
    /// # Errors
    /// When the variable is unset, the file unreadable, or either of them empty or no text.
    pub fn read(&self) -> Result<SecretString, SecretError> {
        match &self.place {
            Place::Env(name) => match std::env::var(name) {
                Ok(text) => finish(Zeroizing::new(text), || {
                    format!("the environment variable {name}")
                }),
                Err(std::env::VarError::NotPresent) => Err(SecretError::Unset(name.clone())),
                Err(std::env::VarError::NotUnicode(_)) => Err(SecretError::NotText(name.clone())),
            },
            Place::File(written) => {
                let path = self.base.join(written);
                if let Some(warning) = self.warning() {
                    tracing::warn!("{warning}");
                }
                let failed = |source| SecretError::File {
                    path: path.clone(),
                    source,
                };
                let mut bytes = Zeroizing::new(Vec::new());
                File::open(&path)
                    .and_then(|file| file.take(LARGEST + 1).read_to_end(&mut bytes))
                    .map_err(failed)?;
                if bytes.len() as u64 > LARGEST {
                    return Err(SecretError::TooLarge(path));
                }
                let Ok(text) = std::str::from_utf8(&bytes) else {
                    return Err(SecretError::FileNotText(path));
                };
                finish(Zeroizing::new(text.to_owned()), || {
                    format!("the secret file {}", path.display())
                })
            }
        }
    }

    /// A sentence when the secret's file can be read by every user of the machine.
    pub fn warning(&self) -> Option<String> {
        self.open_file().map(|path| {
            format!(
                "the secret file {} can be read by every user of this machine; chmod 600 closes it",
                path.display()
            )
        })
    }

    /// The secret's file, when every user of the machine can read it.
    pub fn open_file(&self) -> Option<PathBuf> {
        let Place::File(written) = &self.place else {
            return None;
        };
        let path = self.base.join(written);
        readable_by_all(&path).then_some(path)
    }

    /// Paths are relative to this folder from now on.
    pub(super) fn anchor(&mut self, base: &Path) {
        base.clone_into(&mut self.base);
    }
}

#[cfg(unix)]
fn readable_by_all(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path)
        .is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o004 != 0)
}

#[cfg(not(unix))]
fn readable_by_all(_: &Path) -> bool {
    false
}

fn finish(
    text: Zeroizing<String>,
    place: impl Fn() -> String,
) -> Result<SecretString, SecretError> {
    let trimmed = text.strip_suffix('\n').unwrap_or(&text);
    let trimmed = trimmed.strip_suffix('\r').unwrap_or(trimmed);
    if trimmed.trim().is_empty() {
        return Err(SecretError::Empty(place()));
    }
    Ok(SecretString::from(trimmed))
}

impl FromStr for SecretRef {
    type Err = SecretRefError;

    fn from_str(text: &str) -> Result<Self, SecretRefError> {
        let place = if let Some(name) = text.strip_prefix("env:") {
            let fits = |c: char| c.is_ascii_alphanumeric() || c == '_';
            if name.is_empty()
                || name.starts_with(|c: char| c.is_ascii_digit())
                || !name.chars().all(fits)
            {
                return Err(SecretRefError::BadVariable);
            }
            Place::Env(name.to_owned())
        } else if let Some(path) = text.strip_prefix("file:") {
            if path.is_empty() || path.contains('\0') {
                return Err(SecretRefError::BadPath);
            }
            Place::File(PathBuf::from(path))
        } else {
            return Err(SecretRefError::Literal);
        };
        Ok(Self {
            place,
            base: PathBuf::new(),
        })
    }
}

impl fmt::Display for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::Env(name) => write!(f, "env:{name}"),
            Place::File(path) => write!(f, "file:{}", path.display()),
        }
    }
}

impl Serialize for SecretRef {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for SecretRef {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        // A number or a truth value here is a literal too: the standard "invalid type: integer 12345" would print it.
        impl de::Visitor<'_> for Visitor {
            type Value = SecretRef;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a reference to a secret: env:NAME or file:PATH")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<SecretRef, E> {
                text.parse().map_err(E::custom)
            }

            fn visit_bool<E: de::Error>(self, _: bool) -> Result<SecretRef, E> {
                Err(E::custom(SecretRefError::Literal))
            }

            fn visit_i64<E: de::Error>(self, _: i64) -> Result<SecretRef, E> {
                Err(E::custom(SecretRefError::Literal))
            }

            fn visit_u64<E: de::Error>(self, _: u64) -> Result<SecretRef, E> {
                Err(E::custom(SecretRefError::Literal))
            }

            fn visit_f64<E: de::Error>(self, _: f64) -> Result<SecretRef, E> {
                Err(E::custom(SecretRefError::Literal))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

impl JsonSchema for SecretRef {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "SecretRef".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "pattern": "^(env:[A-Za-z_][A-Za-z0-9_]*|file:.+)$",
            "description": "Where the secret is kept: env:NAME or file:PATH. Never the secret itself."
        })
    }
}
