//! The domain file: one domain, its tenant, its DNS provider, its wishes.
//!
//! [`load`] reads and checks it together with the playbook it names; every mistake is reported with its place. Unknown
//! keys are errors, and secrets are references.

mod approve;
mod change;
mod check;
mod connect;
mod dns;
mod endpoint;
pub mod environment;
mod load;
mod microsoft;
mod mta_sts;
mod name;
pub mod provider;
mod registrar;
mod reports;
mod resolve;
mod schema;
mod secret;
mod sign_in;
#[cfg(test)]
mod tests;
mod timing;
mod write;

use std::collections::BTreeMap;
use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use approve::Approve;
pub use change::{Change, ChangeFreeze, ChangeWindow, read_freezes};
pub use connect::Connect;
pub use dns::{Delegation, Dns, Field};
pub use endpoint::{Endpoint, EndpointError, Place, ServerAddress, TextOrFile};
pub use load::{Loaded, from_text, load};
pub use microsoft::{Api, Cloud, Endpoints, Microsoft, Pwsh, Tenant};
pub use mta_sts::{ModeDuringMove, MtaSts, RecordBy};
pub use name::{DomainName, NameError};
pub use registrar::Registrar;
pub use reports::{Reports, ReportsTo};
pub use resolve::{
    DNS_PORT, Https, Probe, Resolve, Resolver, RootServer, SMTP_PORT, Smtp, public_resolvers,
};
pub use schema::schema;
pub use secret::{SecretError, SecretRef, SecretRefError};
pub use sign_in::{Cache, Person, SignIn};
pub use timing::{PolicyLife, Timing};

use crate::playbook::{Schedule, Value};

/// The playbook that a domain file without `playbook:` walks.
pub const DEFAULT_PLAYBOOK: &str = "exchange-dane";

/// One domain, its tenant, its DNS provider, its wishes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DomainFile {
    /// The mail domain, as in contoso.com. International names may be written as they are.
    pub domain: DomainName,
    /// A built-in playbook, or the path of one, relative to this file.
    #[serde(default = "default_playbook")]
    pub playbook: String,
    /// overlap: waits that do not depend on each other run side by side. cautious: one step after the other.
    #[serde(default)]
    pub schedule: Schedule,
    /// The Microsoft 365 side.
    pub microsoft: Microsoft,
    /// Who serves the zone, and how the DS reaches the parent.
    pub dns: Dns,
    /// Who brings the DS to the parent by an API, where that is not the provider of the zone itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registrar: Option<Registrar>,
    /// How names are resolved, and which resolvers are vantages.
    #[serde(default)]
    pub resolve: Resolve,
    /// How hosts are probed over SMTP.
    #[serde(default)]
    pub smtp: Smtp,
    /// What a laboratory replaces about HTTPS.
    #[serde(default)]
    pub https: Https,
    /// Parameters of the playbook.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub settings: BTreeMap<String, Value>,
    /// Gates answered beforehand: a list of their names, or all.
    #[serde(default, skip_serializing_if = "Approve::is_empty")]
    pub approve: Approve,
    /// What is done when a change that was seen to work turns bad while it soaks: mail of some senders is lost.
    #[serde(default, skip_serializing_if = "OnFailure::is_stop")]
    pub on_failure: OnFailure,
    /// Where senders shall report to.
    #[serde(default, skip_serializing_if = "Reports::is_empty")]
    pub reports: Reports,
    /// Who publishes the MTA-STS policy and its record, where a person need not.
    #[serde(default, skip_serializing_if = "MtaSts::is_empty")]
    pub mta_sts: MtaSts,
    /// When changes may be made: change windows, freezes.
    #[serde(default, skip_serializing_if = "Change::is_empty")]
    pub change: Change,
    /// Allowances that the DNS does not tell, how often to look, estimates for plans.
    #[serde(default)]
    pub timing: Timing,
    /// This file belongs to an embedded laboratory that is kept in this folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub laboratory: Option<Place>,
}

/// What is done when a change turns bad while it soaks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OnFailure {
    /// The run stops and says so; a person decides.
    #[default]
    Stop,
    /// The run goes back to the MX record set that was there before, as `rollout rollback --yes` does.
    Rollback,
}

impl OnFailure {
    const fn is_stop(&self) -> bool {
        matches!(self, Self::Stop)
    }
}

fn default_playbook() -> String {
    DEFAULT_PLAYBOOK.to_owned()
}

impl DomainFile {
    /// Whether this is a laboratory: an embedded one, an Exchange admin API on this machine, or, where a person runs
    /// the cmdlets, root servers on this machine. There,
    /// TTLs may be smaller than the playbook allows for real domains.
    pub fn in_laboratory(&self) -> bool {
        let here = match &self.microsoft {
            Microsoft::Api(api) => api
                .endpoints
                .exchange
                .as_ref()
                .is_some_and(Endpoint::is_loopback),
            // Nobody else's root servers are on this machine and on a port of their own.
            Microsoft::Manual { .. } | Microsoft::Pwsh(_) => {
                let roots = &self.resolve.roots;
                self.resolve.port != DNS_PORT
                    && !roots.is_empty()
                    && roots.iter().all(|root| root.address.is_loopback())
            }
        };
        here || self.laboratory.is_some()
    }

    /// Resolves every path in the file against this folder.
    pub fn anchor(&mut self, base: &Path) {
        if let Microsoft::Pwsh(pwsh) = &mut self.microsoft {
            if let Some(program) = &mut pwsh.program
                && program.path().components().count() > 1
            {
                program.anchor(base);
            }
            if let Connect::CertificateFile { file, password, .. } = &mut pwsh.connect {
                file.anchor(base);
                if let Some(password) = password {
                    password.anchor(base);
                }
            }
        }
        if let Some(api) = self.microsoft.api_mut() {
            api.sign_in.anchor(base);
        }
        let of_registrar = self
            .registrar
            .iter_mut()
            .flat_map(|registrar| registrar.fields.values_mut());
        for field in self.dns.fields.values_mut().chain(of_registrar) {
            if let Field::Secret(secret) = field {
                secret.anchor(base);
            }
        }
        if let Some(TextOrFile::File(place)) = &mut self.resolve.trust_anchor {
            place.anchor(base);
        }
        self.mta_sts.anchor(base);
        for place in [
            self.https.roots.as_mut(),
            self.laboratory.as_mut(),
            self.change.freeze_file.as_mut(),
        ]
        .into_iter()
        .flatten()
        {
            place.anchor(base);
        }
    }
}
