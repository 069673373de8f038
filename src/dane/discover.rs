//! From a mail domain to the hosts that take its mail, as a sender finds them (RFC 5321, 5.1; RFC 7672, 2.2.1).

use std::net::{IpAddr, Ipv6Addr};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::dns::{Answer, Data, Kind, Lookups, Name, Status, Validated, normal};

/// What a sender finds for a mail domain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Discovery {
    /// The name after the `@`.
    pub domain: Name,
    /// The MX lookup: its aliases, and the verdict over the whole chain.
    pub mx: Validated,
    /// Which way mail goes.
    pub route: Route,
    /// The hosts, best preference first; equal ones by name.
    pub hosts: Vec<Destination>,
    /// What is odd about the set without stopping mail.
    pub oddities: Vec<Oddity>,
}

/// Which way mail for the domain goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "route")]
pub enum Route {
    /// To the hosts of its MX set.
    Mx,
    /// To itself, for want of an MX set (RFC 5321, 5.1).
    Implicit,
    /// Nowhere: it says that it takes no mail (RFC 7505).
    NullMx,
    /// The next hop is an address: no MX is looked up and DANE does not apply (RFC 7672, 2.2).
    Address,
    /// The MX lookup failed: mail waits. Never an implicit MX (RFC 7672, 2.1.2).
    LookupError {
        /// Why, as a sentence.
        why: String,
    },
}

/// A host that takes the domain's mail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Destination {
    /// Its preference; `None` where no MX names it.
    pub preference: Option<u16>,
    /// The name in the MX record; the domain itself where there is none.
    pub host: Name,
    /// What ought to be a name is an address: DANE does not apply, and many senders refuse it (RFC 7672, 2.2).
    pub address: Option<IpAddr>,
}

/// Something odd about an MX set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "oddity")]
pub enum Oddity {
    /// The mail domain is an alias.
    DomainIsAlias {
        /// Where it leads.
        to: Name,
    },
    /// A host is named more than once.
    Duplicate {
        /// The host.
        host: Name,
    },
    /// A null MX beside others: it is passed over.
    NullAmongOthers,
    /// An address where a name ought to be.
    AddressInMx {
        /// As written.
        host: Name,
    },
}

impl std::fmt::Display for Oddity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::DomainIsAlias { to } => write!(f, "the mail domain is an alias of {to}"),
            Self::Duplicate { host } => {
                write!(f, "{host} is named more than once; its best preference counts")
            }
            Self::NullAmongOthers => f.write_str(
                "a null MX stands beside others, which RFC 7505 section 3 forbids; senders pass it over",
            ),
            Self::AddressInMx { host } => write!(
                f,
                "an MX names the address {host} instead of a host: many senders refuse it, and DANE does not apply"
            ),
        }
    }
}

impl Discovery {
    /// The mail domain at the end of its aliases.
    #[must_use]
    pub fn expanded(&self) -> &str {
        self.mx.final_name()
    }

    /// Whether the MX set and every alias that leads to it are signed.
    #[must_use]
    pub fn mx_secure(&self) -> bool {
        self.route == Route::Mx && self.mx.status.is_secure()
    }

    /// The names that a certificate may carry for usage 2, the SNI first (RFC 7672, 3.2.2).
    #[must_use]
    pub fn reference_names(&self, base: &str) -> Vec<Name> {
        reference_names(&self.route, &self.mx, base)
    }
}

/// See [`Discovery::reference_names`].
pub(crate) fn reference_names(route: &Route, mx: &Validated, base: &str) -> Vec<Name> {
    let mut names = vec![base.to_owned()];
    let further = match route {
        Route::Mx if mx.status.is_secure() => vec![mx.name.as_str(), mx.final_name()],
        // Only a signed alias makes another name the base, so the domain is one to trust.
        Route::Implicit => vec![mx.name.as_str()],
        // Over an unsigned MX anybody may have sent us to this host: its own name and no other.
        _ => Vec::new(),
    };
    for name in further {
        if !names.iter().any(|n| n == name) {
            names.push(name.to_owned());
        }
    }
    names
}

/// Looks for the hosts that take `domain`'s mail.
pub async fn discover(lookups: &dyn Lookups, domain: &str) -> Discovery {
    let domain = normal(domain);
    if let Some(address) = literal(&domain) {
        return Discovery {
            mx: not_asked(&domain),
            route: Route::Address,
            hosts: vec![Destination {
                preference: None,
                host: domain.clone(),
                address: Some(address),
            }],
            oddities: Vec::new(),
            domain,
        };
    }
    let mx = lookups.validate(&domain, Kind::Mx).await;
    read(mx)
}

/// What a sender makes of an MX lookup; asks nobody.
#[must_use]
pub fn read(mx: Validated) -> Discovery {
    let (route, hosts, mut oddities) = routes(&mx);
    if mx.final_name() != mx.name {
        let to = mx.final_name().to_owned();
        oddities.insert(0, Oddity::DomainIsAlias { to });
    }
    Discovery {
        domain: mx.name.clone(),
        mx,
        route,
        hosts,
        oddities,
    }
}

/// The way, the hosts in order, and what is odd.
pub(super) fn routes(mx: &Validated) -> (Route, Vec<Destination>, Vec<Oddity>) {
    let nowhere = |route| (route, Vec::new(), Vec::new());
    if let Some(why) = mx.status.why() {
        return nowhere(Route::LookupError {
            why: why.to_owned(),
        });
    }
    let records = match &mx.answer {
        Answer::Unknown => {
            return nowhere(Route::LookupError {
                why: "nobody answered usably".to_owned(),
            });
        }
        Answer::NoData | Answer::NxDomain => {
            let own = Destination {
                preference: None,
                host: mx.name.clone(),
                address: None,
            };
            return (Route::Implicit, vec![own], Vec::new());
        }
        Answer::Records(records) => records,
    };
    let mut named: Vec<(u16, &Name)> = records
        .iter()
        .filter_map(|r| match &r.data {
            Data::Mx {
                preference,
                exchange,
            } => Some((*preference, exchange)),
            _ => None,
        })
        .collect();
    named.sort();
    let all = named.len();
    named.retain(|(_, host)| !host.is_empty());
    if named.is_empty() {
        return nowhere(Route::NullMx);
    }
    let mut oddities = Vec::new();
    if named.len() < all {
        oddities.push(Oddity::NullAmongOthers);
    }
    let mut hosts: Vec<Destination> = Vec::new();
    for (preference, host) in named {
        let host = normal(host);
        if hosts.iter().any(|d| d.host == host) {
            let oddity = Oddity::Duplicate { host };
            if !oddities.contains(&oddity) {
                oddities.push(oddity);
            }
            continue;
        }
        let address = literal(&host);
        if address.is_some() {
            oddities.push(Oddity::AddressInMx { host: host.clone() });
        }
        hosts.push(Destination {
            preference: Some(preference),
            host,
            address,
        });
    }
    (Route::Mx, hosts, oddities)
}

/// The address that a would-be name is, with or without the brackets of RFC 5321, 4.1.3.
pub(super) fn literal(text: &str) -> Option<IpAddr> {
    let inner = text
        .strip_prefix('[')
        .and_then(|t| t.strip_suffix(']'))
        .unwrap_or(text);
    match inner.strip_prefix("ipv6:") {
        Some(six) => six.parse::<Ipv6Addr>().ok().map(IpAddr::V6),
        None => inner.parse().ok(),
    }
}

/// What stands where a lookup would: nothing was asked, so nothing is known.
fn not_asked(name: &str) -> Validated {
    Validated {
        name: name.to_owned(),
        kind: Kind::Mx,
        status: Status::Indeterminate {
            why: "an address has no MX, so none was looked up".to_owned(),
        },
        answer: Answer::Unknown,
        aliases: Vec::new(),
        ttl: None,
        soa: None,
        signatures: None,
        at: Timestamp::now(),
        from: None,
    }
}
