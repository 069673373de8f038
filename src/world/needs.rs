//! Which facts a step asks for.

use std::collections::BTreeSet;

use crate::kernel::Host;

/// A set of facts; the union of what the active steps need is asked for in one go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// Every authoritative address of the zone.
    pub zone: bool,
    /// Every address of the parent's servers.
    pub parent: bool,
    /// The verdict of our own validator on the domain's MX.
    pub chain: bool,
    /// The configured resolvers.
    pub vantages: bool,
    /// Addresses and TLSA records of these hosts.
    pub hosts: BTreeSet<Host>,
    /// SMTP probes of those hosts.
    pub smtp: bool,
    /// The MTA-STS policy.
    pub policy: bool,
    /// The verdict on the whole domain, as `rollout verify` gives it.
    pub verdict: bool,
    /// The tenant as Graph knows it.
    pub tenant: bool,
    /// The domain as Exchange Online knows it.
    pub exchange: bool,
    /// The tenant's connectors, and IPv6 at Exchange Online.
    pub connectors: bool,
    /// The DNS provider's view of the zone, asked once: its APIs count every call.
    pub provider: bool,
    /// The same, asked anew: only it can tell what became of an effect whose answer was lost.
    pub provider_again: bool,
    /// The freezes of the freeze file.
    pub freezes: bool,
    /// The policy file that the domain file names.
    pub policy_file: bool,
    /// TXT RRsets of these names, as the provider has them.
    pub texts: BTreeSet<Host>,
}

impl Needs {
    /// The union of two sets.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.zone |= other.zone;
        self.parent |= other.parent;
        self.chain |= other.chain;
        self.vantages |= other.vantages;
        self.hosts.extend(other.hosts);
        self.smtp |= other.smtp;
        self.policy |= other.policy;
        self.verdict |= other.verdict;
        self.tenant |= other.tenant;
        self.exchange |= other.exchange;
        self.connectors |= other.connectors;
        self.provider |= other.provider;
        self.provider_again |= other.provider_again;
        self.freezes |= other.freezes;
        self.policy_file |= other.policy_file;
        self.texts.extend(other.texts);
        self
    }

    /// Everything that can be asked about the domain and these hosts.
    #[must_use]
    pub fn everything(hosts: impl IntoIterator<Item = Host>) -> Self {
        Self {
            zone: true,
            parent: true,
            chain: true,
            vantages: true,
            hosts: hosts.into_iter().collect(),
            smtp: true,
            policy: true,
            verdict: true,
            tenant: true,
            exchange: true,
            connectors: true,
            provider: true,
            provider_again: false,
            freezes: true,
            policy_file: false,
            texts: BTreeSet::new(),
        }
    }
}
