//! What a domain file or the environment says about resolvers, SMTP and HTTPS, ready to be used.
//!
//! Everything a laboratory or another network may replace without credentials. Asks nobody.

use std::time::Duration;

use crate::dane::{HttpsSettings, SmtpSettings, WebRoots};
use crate::dns::{DnsSettings, Origin, TrustAnchor, Vantage, system_vantages};
use crate::domain_file::environment::Environment;
use crate::domain_file::{DomainFile, Https, Resolve, Resolver, Smtp, TextOrFile};
use crate::source::Rejected;

/// Resolvers, SMTP and HTTPS as somebody wishes them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Surroundings {
    resolve: Resolve,
    smtp: Smtp,
    https: Https,
    laboratory: bool,
}

/// Why the surroundings cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SurroundingsError {
    /// A file that they name cannot be read.
    #[error("{path} cannot be read: {why}; check `{key}`")]
    File {
        /// Which key named it.
        key: &'static str,
        /// The path.
        path: String,
        /// What the operating system said.
        why: String,
    },
    /// The resolver settings cannot be used.
    #[error(transparent)]
    Dns(#[from] crate::dns::SettingsError),
}

impl Surroundings {
    /// Those of a domain file (in which the environment has already replaced what it replaces).
    #[must_use]
    pub fn of(file: &DomainFile) -> Self {
        Self {
            resolve: file.resolve.clone(),
            smtp: file.smtp.clone(),
            https: file.https.clone(),
            laboratory: file.in_laboratory(),
        }
    }

    /// The defaults, with what the environment replaces.
    ///
    /// # Errors
    /// A variable that cannot be read, by name.
    pub fn of_environment(environment: &Environment) -> Result<Self, Rejected> {
        let mut out = Self {
            resolve: Resolve::default(),
            smtp: Smtp::default(),
            https: Https::default(),
            laboratory: false,
        };
        environment.apply_around(&mut out.resolve, &mut out.smtp, &mut out.https)?;
        // Nobody else's root servers are on this machine.
        let roots = &out.resolve.roots;
        out.laboratory = !roots.is_empty() && roots.iter().all(|root| root.address.is_loopback());
        Ok(out)
    }

    /// The same, comparing with these resolvers only.
    #[must_use]
    pub fn with_resolvers(mut self, resolvers: &[Resolver]) -> Self {
        self.resolve.resolvers = resolvers.to_vec();
        self.resolve.system = false;
        self
    }

    /// Whether all of it is on this machine, where times are short and what was just changed must be seen at once.
    #[must_use]
    pub fn is_laboratory(&self) -> bool {
        self.laboratory
    }

    /// How names are resolved.
    ///
    /// # Errors
    /// When the machine's own resolvers are wished for and cannot be read.
    pub fn dns(&self) -> Result<DnsSettings, SurroundingsError> {
        let resolve = &self.resolve;
        let mut settings = DnsSettings {
            port: resolve.port,
            vantages: resolve
                .resolvers
                .iter()
                .map(|resolver| Vantage {
                    name: resolver.name.clone(),
                    address: resolver.socket(),
                })
                .collect(),
            ..DnsSettings::default()
        };
        if resolve.system {
            settings.vantages.extend(system_vantages()?);
        }
        if !resolve.roots.is_empty() {
            let roots = resolve.roots.iter();
            settings.source = Origin::Roots(
                roots
                    .map(|root| (crate::dns::normal(&root.name), root.address))
                    .collect(),
            );
        } else if !resolve.forwarders.is_empty() {
            let forwarders = resolve.forwarders.iter();
            settings.source =
                Origin::Forwarders(forwarders.map(|address| address.or_port(53)).collect());
        }
        if let Some(anchor) = &resolve.trust_anchor {
            settings.trust_anchor = match anchor {
                TextOrFile::Text(text) => TrustAnchor::Text(text.clone()),
                TextOrFile::File(place) => TrustAnchor::File(place.path()),
            };
        }
        if self.laboratory {
            // TTLs of seconds: what was just changed must be seen at once.
            settings.memory = Duration::ZERO;
            settings.timeout = Duration::from_secs(1);
        }
        Ok(settings)
    }

    /// How hosts are probed.
    #[must_use]
    pub fn smtp(&self) -> SmtpSettings {
        let mut settings = SmtpSettings {
            port: self.smtp.port,
            ..SmtpSettings::default()
        };
        if let Some(helo) = &self.smtp.helo {
            settings.helo = helo.as_str().to_owned();
        }
        if self.laboratory {
            settings.timeout = Duration::from_secs(3);
        }
        settings
    }

    /// How MTA-STS policies are fetched.
    ///
    /// # Errors
    /// When the file of trusted roots cannot be used.
    pub fn https(&self) -> Result<HttpsSettings, SurroundingsError> {
        Ok(HttpsSettings {
            roots: self.web_roots()?,
            address: self.https.mta_sts_address,
            ..HttpsSettings::default()
        })
    }

    /// Whom ordinary certificate validation trusts.
    ///
    /// # Errors
    /// When the file of trusted roots cannot be used.
    pub fn web_roots(&self) -> Result<WebRoots, SurroundingsError> {
        let Some(place) = &self.https.roots else {
            return Ok(WebRoots::default());
        };
        let failed = |why: String| SurroundingsError::File {
            key: "https.roots",
            path: place.path().display().to_string(),
            why,
        };
        let pem = std::fs::read(place.path()).map_err(|e| failed(e.to_string()))?;
        WebRoots::pem(&pem).map_err(failed)
    }
}
