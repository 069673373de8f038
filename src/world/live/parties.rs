//! The DNS provider and the registrar as a domain file names them.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use rollout_providers::{Budget, FieldValue, Info, Options, Provider, Token, Tokens, find};

use super::open::{OpenError, remember};
use crate::domain_file::DomainFile;
use crate::microsoft::{Microsoft, TokenSource};
use crate::redact::Redactor;

/// What every provider of a run is given: quotas that are shared with other processes through the state directory, and the
/// sign-in at Microsoft, where there is one.
#[must_use]
pub fn provider_options(microsoft: Option<&Microsoft>, state_folder: Option<&Path>) -> Options {
    Options {
        budget: state_folder.map_or_else(Budget::default, |folder| {
            Budget::in_folder(folder.join("quotas"))
        }),
        tokens: microsoft
            .and_then(Microsoft::tokens)
            .map(|source| Arc::new(Entra(source)) as Arc<dyn Tokens>),
        ..Options::default()
    }
}

/// The provider of the zone. Sends nothing yet; every secret it reads is told to `redactor`.
///
/// # Errors
/// When something the domain file names cannot be used.
pub fn dns_provider(
    file: &DomainFile,
    redactor: &Redactor,
    options: Options,
) -> Result<Box<dyn Provider>, OpenError> {
    open(
        info(&file.dns.provider)?,
        file.dns.values()?,
        redactor,
        options,
    )
}

/// The registrar, where one is named beside the provider of the zone.
///
/// # Errors
/// As [`dns_provider`].
pub fn registrar(
    file: &DomainFile,
    redactor: &Redactor,
    options: Options,
) -> Result<Option<Box<dyn Provider>>, OpenError> {
    let Some(registrar) = &file.registrar else {
        return Ok(None);
    };
    open(
        info(&registrar.provider)?,
        registrar.values()?,
        redactor,
        options,
    )
    .map(Some)
}

fn info(slug: &str) -> Result<&'static Info, OpenError> {
    find(slug).ok_or_else(|| OpenError::UnknownProvider(slug.to_owned()))
}

fn open(
    info: &'static Info,
    fields: BTreeMap<String, FieldValue>,
    redactor: &Redactor,
    options: Options,
) -> Result<Box<dyn Provider>, OpenError> {
    for value in fields.values() {
        if let FieldValue::Secret(secret) = value {
            remember(redactor, secret);
        }
    }
    Ok(info.open(&fields, options)?)
}

/// The sign-in at Microsoft Entra, for a provider that takes its tokens.
#[derive(Debug)]
struct Entra(Arc<dyn TokenSource>);

#[async_trait]
impl Tokens for Entra {
    async fn token(&self, scope: &str) -> Result<Token, String> {
        // The source keeps tokens itself, and knows how long: whoever asks again soon costs nothing.
        const SOON: Duration = Duration::from_secs(120);
        let secret = self
            .0
            .token(scope)
            .await
            .map_err(|error| error.to_string())?;
        Ok(Token {
            secret,
            good_for: SOON,
        })
    }
}
