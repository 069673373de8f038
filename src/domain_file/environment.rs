//! Environment variables that replace parts of a domain file: what a laboratory or another cloud needs to replace.

use std::collections::BTreeMap;
use std::str::FromStr;

use super::resolve::{Resolver, RootServer};
use super::{DomainFile, Endpoint, Field, Https, Resolve, ServerAddress, Smtp};
use crate::source::{Code, Problem, Rejected, escape};

/// One variable.
pub struct Override {
    /// Its name.
    pub variable: &'static str,
    /// The key of the domain file that it replaces.
    pub key: &'static str,
    /// How it is written.
    pub about: &'static str,
    apply: Apply,
}

/// What a variable reaches.
enum Apply {
    /// The part with credentials.
    File(fn(&mut DomainFile, &str) -> Result<(), String>),
    /// The part that needs none.
    Around(fn(&mut Around<'_>, &str) -> Result<(), String>),
}

/// The part of a domain file that needs no credentials.
struct Around<'a> {
    resolve: &'a mut Resolve,
    smtp: &'a mut Smtp,
    https: &'a mut Https,
}

/// Every variable that replaces a part of the domain file.
pub const OVERRIDES: [Override; 14] = [
    Override {
        variable: "ROLLOUT_AUTHORITY",
        key: "microsoft.endpoints.authority",
        about: "Base URL of sign-in.",
        apply: Apply::File(|file, text| endpoint(file, text, |endpoints| &mut endpoints.authority)),
    },
    Override {
        variable: "ROLLOUT_GRAPH",
        key: "microsoft.endpoints.graph",
        about: "Base URL of Microsoft Graph.",
        apply: Apply::File(|file, text| endpoint(file, text, |endpoints| &mut endpoints.graph)),
    },
    Override {
        variable: "ROLLOUT_EXCHANGE",
        key: "microsoft.endpoints.exchange",
        about: "Base URL of the Exchange admin API.",
        apply: Apply::File(|file, text| endpoint(file, text, |endpoints| &mut endpoints.exchange)),
    },
    Override {
        variable: "ROLLOUT_PROVIDER_URL",
        key: "dns.url or dns.server",
        about: "Where the DNS provider's API or primary server is, in the form of the provider's own field.",
        apply: Apply::File(|file, text| {
            provider_endpoint(&file.dns.provider, &mut file.dns.fields, text)
        }),
    },
    Override {
        variable: "ROLLOUT_REGISTRAR_URL",
        key: "registrar.url",
        about: "Where the registrar's API is, where one is named.",
        apply: Apply::File(|file, text| match &mut file.registrar {
            Some(registrar) => provider_endpoint(&registrar.provider, &mut registrar.fields, text),
            None => Ok(()),
        }),
    },
    Override {
        variable: "ROLLOUT_DNS_ROOTS",
        key: "resolve.roots",
        about: "Root servers, as in a.root=127.0.0.2,b.root=127.0.0.3. Takes the place of forwarders too.",
        apply: Apply::Around(|around, text| {
            around.resolve.roots = list(text, |item| {
                let (name, address) = pair(item)?;
                let address = address
                    .parse()
                    .map_err(|_| "needs NAME=ADDRESS, with an IP address".to_owned())?;
                Ok(RootServer { name, address })
            })?;
            around.resolve.forwarders.clear();
            Ok(())
        }),
    },
    Override {
        variable: "ROLLOUT_DNS_FORWARDERS",
        key: "resolve.forwarders",
        about: "Forwarders, as in 127.0.0.1:5300,[::1]:5300. Takes the place of roots too.",
        apply: Apply::Around(|around, text| {
            around.resolve.forwarders = list(text, parsed::<ServerAddress>)?;
            around.resolve.roots.clear();
            Ok(())
        }),
    },
    Override {
        variable: "ROLLOUT_DNS_PORT",
        key: "resolve.port",
        about: "The port of every root and authoritative server.",
        apply: Apply::Around(|around, text| port(text).map(|port| around.resolve.port = port)),
    },
    Override {
        variable: "ROLLOUT_TRUST_ANCHOR",
        key: "resolve.trust_anchor",
        about: "DNSKEY or DS records of the root as text, or file:PATH.",
        apply: Apply::Around(|around, text| {
            parsed(text).map(|anchor| around.resolve.trust_anchor = Some(anchor))
        }),
    },
    Override {
        variable: "ROLLOUT_RESOLVERS",
        key: "resolve.resolvers",
        about: "Resolvers used as vantages, as in lab=127.0.0.1:5301,other=127.0.0.1:5302; none for none.",
        apply: Apply::Around(|around, text| {
            around.resolve.resolvers = resolvers(text)?;
            Ok(())
        }),
    },
    Override {
        variable: "ROLLOUT_SMTP_PORT",
        key: "smtp.port",
        about: "The port of every MX host.",
        apply: Apply::Around(|around, text| port(text).map(|port| around.smtp.port = port)),
    },
    Override {
        variable: "ROLLOUT_HELO",
        key: "smtp.helo",
        about: "The name given in EHLO.",
        apply: Apply::Around(|around, text| parsed(text).map(|name| around.smtp.helo = Some(name))),
    },
    Override {
        variable: "ROLLOUT_HTTPS_ROOTS",
        key: "https.roots",
        about: "PEM file of the root certificates to trust.",
        apply: Apply::Around(|around, text| {
            parsed(text).map(|place| around.https.roots = Some(place))
        }),
    },
    Override {
        variable: "ROLLOUT_MTA_STS_ADDRESS",
        key: "https.mta_sts_address",
        about: "Where the MTA-STS policy host is reached, as in 127.0.0.1:8443.",
        apply: Apply::Around(|around, text| {
            let address = text
                .parse()
                .map_err(|_| "needs an address with a port, as in 127.0.0.1:8443".to_owned())?;
            around.https.mta_sts_address = Some(address);
            Ok(())
        }),
    },
];

/// The variables that are set: those of [`OVERRIDES`], and those that fields of providers are taken from. Paths in them are relative to the domain file, as if written there.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Environment(BTreeMap<String, Result<String, ()>>);

impl Environment {
    /// Those of this process.
    pub fn of_process() -> Self {
        let providers = super::provider::known();
        let of_providers = providers
            .iter()
            .flat_map(|provider| provider.fields.iter().map(|field| field.env));
        let set = OVERRIDES
            .iter()
            .map(|row| row.variable)
            .chain(of_providers)
            .filter_map(|name| {
                let value = std::env::var_os(name)?;
                Some((name.to_owned(), value.into_string().map_err(|_| ())))
            });
        Self(set.collect())
    }

    /// These.
    pub fn of<'a>(set: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        Self(
            set.into_iter()
                .map(|(name, value)| (name.to_owned(), Ok(value.to_owned())))
                .collect(),
        )
    }

    /// The text of a variable; `None` when it is unset or no text.
    pub(super) fn get(&self, name: &str) -> Option<String> {
        self.0.get(name).and_then(|value| value.clone().ok())
    }

    /// Puts the variables into the file.
    ///
    /// # Errors
    /// A variable that cannot be read, by name.
    pub fn apply(&self, file: &mut DomainFile) -> Result<(), Rejected> {
        self.each(|row, text| match row.apply {
            Apply::File(apply) => apply(file, text),
            Apply::Around(apply) => apply(
                &mut Around {
                    resolve: &mut file.resolve,
                    smtp: &mut file.smtp,
                    https: &mut file.https,
                },
                text,
            ),
        })
    }

    /// Puts the variables into what needs no domain file.
    ///
    /// # Errors
    /// A variable that cannot be read, by name.
    pub fn apply_around(
        &self,
        resolve: &mut Resolve,
        smtp: &mut Smtp,
        https: &mut Https,
    ) -> Result<(), Rejected> {
        let mut around = Around {
            resolve,
            smtp,
            https,
        };
        self.each(|row, text| match row.apply {
            Apply::File(_) => Ok(()),
            Apply::Around(apply) => apply(&mut around, text),
        })
    }

    fn each(
        &self,
        mut apply: impl FnMut(&Override, &str) -> Result<(), String>,
    ) -> Result<(), Rejected> {
        let mut problems = Vec::new();
        for row in &OVERRIDES {
            let result = match self.0.get(row.variable) {
                None => continue,
                Some(Ok(text)) if text.is_empty() => continue,
                Some(Ok(text)) => apply(row, text),
                Some(Err(())) => Err("is not UTF-8 text".to_owned()),
            };
            if let Err(text) = result {
                let (what, help) = text.split_once('\n').unwrap_or((&text, row.about));
                let message = format!(
                    "the environment variable {} cannot be used: {}",
                    row.variable,
                    escape(what)
                );
                problems.push(Problem::whole(Code::BadValue, &message).with_help(help));
            }
        }
        if problems.is_empty() {
            Ok(())
        } else {
            Err(Rejected::new("environment", "", problems))
        }
    }
}

fn endpoint(
    file: &mut DomainFile,
    text: &str,
    field: fn(&mut super::Endpoints) -> &mut Option<Endpoint>,
) -> Result<(), String> {
    let parsed: Endpoint = parsed(text)?;
    // Without the APIs there is nothing to reach.
    if let Some(api) = file.microsoft.api_mut() {
        *field(&mut api.endpoints) = Some(parsed);
    }
    Ok(())
}

fn provider_endpoint(
    name: &str,
    fields: &mut BTreeMap<String, Field>,
    text: &str,
) -> Result<(), String> {
    let known = super::provider::known();
    let provider = known.iter().find(|provider| provider.slug == name);
    let field = ["url", "server"].into_iter().find(|key| {
        // PowerDNS has both `url` and `server`, of which the first is the address.
        provider.is_some_and(|provider| provider.fields.iter().any(|field| field.key == *key))
    });
    match field {
        Some(key) => {
            fields.insert(key.to_owned(), Field::Text(text.to_owned()));
            Ok(())
        }
        None => Err("this provider has no address to replace".to_owned()),
    }
}

/// Reads resolvers as in `lab=127.0.0.1:5301,other=127.0.0.1:5302`; `none` are none.
///
/// # Errors
/// What is wrong, in words.
pub fn resolvers(text: &str) -> Result<Vec<Resolver>, String> {
    if text.trim() == "none" {
        return Ok(Vec::new());
    }
    list(text, |item| {
        let (name, address) = pair(item)?;
        Ok(Resolver {
            name,
            address: parsed(&address)?,
        })
    })
}

fn parsed<T: FromStr<Err: ToString>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|error: T::Err| error.to_string())
}

fn port(text: &str) -> Result<u16, String> {
    text.parse()
        .ok()
        .filter(|port| *port != 0)
        .ok_or_else(|| "needs a port, 1 to 65535".to_owned())
}

fn list<T>(text: &str, item: impl Fn(&str) -> Result<T, String>) -> Result<Vec<T>, String> {
    text.split(',')
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .map(item)
        .collect()
}

fn pair(item: &str) -> Result<(String, String), String> {
    item.split_once('=')
        .filter(|(name, _)| !name.is_empty())
        .map(|(name, address)| (name.to_owned(), address.to_owned()))
        .ok_or_else(|| "needs NAME=ADDRESS".to_owned())
}
