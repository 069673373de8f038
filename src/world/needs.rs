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

    /// What of these is not among the others.
    #[must_use]
    pub fn without(mut self, others: &Self) -> Self {
        self.zone &= !others.zone;
        self.parent &= !others.parent;
        self.chain &= !others.chain;
        self.vantages &= !others.vantages;
        // Addresses of a host that were asked for alone say nothing of port 25.
        if others.smtp || !self.smtp {
            self.hosts.retain(|host| !others.hosts.contains(host));
        }
        self.smtp &= !self.hosts.is_empty();
        self.policy &= !others.policy;
        self.verdict &= !others.verdict;
        self.tenant &= !others.tenant;
        self.exchange &= !others.exchange;
        self.connectors &= !others.connectors;
        self.provider &= !others.provider;
        self.provider_again &= !others.provider_again;
        self.freezes &= !others.freezes;
        self.policy_file &= !others.policy_file;
        self.texts.retain(|name| !others.texts.contains(name));
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

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(names: &[&str]) -> BTreeSet<Host> {
        names.iter().map(|name| Host::new(name)).collect()
    }

    #[test]
    fn everything_was_asked_and_nothing_is_left() {
        let all = Needs {
            provider_again: true,
            policy_file: true,
            texts: hosts(&["_mta-sts.example"]),
            ..Needs::everything(hosts(&["a", "b"]))
        };
        assert_eq!(all.clone().without(&all), Needs::default());
        assert_eq!(all.clone().without(&Needs::default()), all);
        assert_eq!(all.clone().and(all.clone()), all);
    }

    #[test]
    fn a_host_whose_port_was_not_asked_is_asked_again() {
        let addresses = Needs {
            hosts: hosts(&["a"]),
            ..Needs::default()
        };
        let ports = Needs {
            smtp: true,
            hosts: hosts(&["a", "b"]),
            ..Needs::default()
        };
        assert_eq!(ports.clone().without(&addresses), ports);
        assert_eq!(addresses.without(&ports), Needs::default());
        let one = Needs {
            smtp: true,
            hosts: hosts(&["a"]),
            ..Needs::default()
        };
        let left = ports.without(&one);
        assert_eq!((left.smtp, left.hosts), (true, hosts(&["b"])));
    }
}
