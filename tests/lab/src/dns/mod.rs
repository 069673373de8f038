//! The laboratory's DNS: zone contents, signing, answering, serving, resolving.

pub(crate) mod answer;
pub(crate) mod content;
pub(crate) mod keys;
pub(crate) mod proof;
pub(crate) mod registry;
pub(crate) mod resolver;
pub(crate) mod server;
pub(crate) mod signed;
pub(crate) mod validate;

use hickory_proto::rr::Name;

use crate::error::LabError;

/// A name from text, absolute and in lower case.
pub(crate) fn name(text: &str) -> Result<Name, LabError> {
    let mut name = Name::from_ascii(text).map_err(|_| LabError::Name(text.to_owned()))?;
    name.set_fqdn(true);
    Ok(name.to_lowercase())
}
