//! Finding a run for the commands that name a domain.

use super::CliError;
use crate::domain_file::DomainName;
use crate::engine::store::{Run, StoreError, StoreReader};

/// A domain on the command line, in the spelling of the state.
///
/// # Errors
/// A sentence: it is no domain name.
pub(super) fn domain(text: &str) -> Result<DomainName, String> {
    text.trim_end_matches('.')
        .parse()
        .map_err(|error: crate::domain_file::NameError| error.to_string())
}

/// The domain's unfinished run.
///
/// # Errors
/// When it has none.
pub(super) async fn unfinished(
    store: &dyn StoreReader,
    domain: &DomainName,
) -> Result<Run, CliError> {
    Ok(store
        .unfinished(domain.as_str())
        .await?
        .ok_or_else(|| StoreError::NoUnfinishedRun {
            domain: domain.to_string(),
        })?)
}

/// The domain's unfinished run, else its latest.
///
/// # Errors
/// When it has none at all.
pub(super) async fn latest(store: &dyn StoreReader, domain: &DomainName) -> Result<Run, CliError> {
    if let Some(run) = store.unfinished(domain.as_str()).await? {
        return Ok(run);
    }
    let runs = store.runs(Some(domain.as_str())).await?;
    Ok(runs
        .into_iter()
        .next()
        .ok_or_else(|| StoreError::NoUnfinishedRun {
            domain: domain.to_string(),
        })?)
}
