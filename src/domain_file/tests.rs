//! Domain files, good and bad.

mod bad;
mod change;
mod files;
mod parts;

use std::path::Path;

use super::environment::Environment;
use super::*;
use crate::source::Rejected;

/// A file to which tests add what they are about.
pub(super) const GOOD: &str = "\
domain: contoso.com
microsoft:
  tenant: contoso.onmicrosoft.com
  sign_in:
    method: client-secret
    client_id: 11111111-2222-3333-4444-555555555555
    secret: env:ROLLOUT_CLIENT_SECRET
dns:
  provider: powerdns
  url: https://ns1.contoso.com:8443
  api_key: env:PDNS_API_KEY
";

pub(super) fn read(text: &str) -> Result<Loaded, Rejected> {
    read_in(text, &[])
}

pub(super) fn read_in(text: &str, variables: &[(&str, &str)]) -> Result<Loaded, Rejected> {
    from_text(
        Path::new("domain.yml"),
        text,
        &Environment::of(variables.iter().copied()),
    )
}
