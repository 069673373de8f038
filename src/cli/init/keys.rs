//! What each way to sign in must be told.

use super::Backend;

/// A key of a way to sign in.
pub(super) struct Key {
    pub(super) name: &'static str,
    pub(super) about: &'static str,
    /// `None`: it must be said. Empty: it may be left out.
    pub(super) default: Option<&'static str>,
    pub(super) secret: bool,
}

const CLIENT_ID: Key = Key {
    name: "client_id",
    about: "Application (client) id of the app registration",
    default: None,
    secret: false,
};

/// What each way to sign in must be told. One that is not here takes what `--with` says, and the check of the file judges.
pub(super) fn keys(backend: Backend, method: &str) -> Vec<Key> {
    let key = |name, about, default, secret| Key {
        name,
        about,
        default,
        secret,
    };
    match (backend, method) {
        (Backend::Api, "client-secret") => vec![
            CLIENT_ID,
            key(
                "secret",
                "Where its client secret is kept (env:NAME or file:PATH)",
                Some("env:ROLLOUT_CLIENT_SECRET"),
                true,
            ),
        ],
        (Backend::Api, "client-certificate") => vec![
            CLIENT_ID,
            key(
                "certificate",
                "Where the PEM of the certificate and its key is kept (env:NAME or file:PATH)",
                None,
                true,
            ),
        ],
        (Backend::Pwsh, "certificate-thumbprint") => vec![
            CLIENT_ID,
            key(
                "thumbprint",
                "Thumbprint of the certificate in this Windows machine's store",
                None,
                false,
            ),
        ],
        (Backend::Pwsh, "certificate-file") => vec![
            CLIENT_ID,
            key(
                "file",
                "PFX file with certificate and key, relative to the domain file",
                None,
                false,
            ),
        ],
        _ => Vec::new(),
    }
}
