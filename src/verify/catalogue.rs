//! Every finding that the verdict knows: its stable id, how much it weighs, why it matters, how to mend it, and where
//! that is written.
//!
//! The texts stand here and nowhere else. What was found in a case is said by the judge, beside the evidence.

use serde::Serialize;

use crate::finding::{Finding, Severity};

/// What a finding is about, when not everything is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Concern {
    /// Whether mail arrives at all.
    Arrival,
    /// Whether it is protected on the way.
    Protection,
}

/// A kind of finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rule {
    /// Stable id.
    pub id: &'static str,
    /// How much it weighs.
    pub severity: Severity,
    /// What it puts at risk.
    pub concern: Concern,
    /// Where the rule is written.
    pub source: &'static str,
    /// Why it matters.
    pub why: &'static str,
    /// How to mend it.
    pub mend: &'static str,
}

impl Rule {
    /// This finding in a case: what it is about (a host, an address, a record; empty for the domain), and what was
    /// found.
    #[must_use]
    pub fn found(&self, about: impl Into<String>, what: impl Into<String>) -> Finding {
        Finding {
            id: self.id.to_owned(),
            severity: self.severity,
            what: what.into(),
            why: self.why.to_owned(),
            mend: self.mend.to_owned(),
            about: about.into(),
            evidence: Vec::new(),
        }
    }
}

/// The rule with this id.
#[must_use]
pub fn rule(id: &str) -> Option<&'static Rule> {
    ALL.iter().copied().find(|rule| rule.id == id)
}

macro_rules! rules {
    ($($name:ident: $id:literal, $severity:ident, $concern:ident, $source:literal, $why:literal, $mend:literal;)*) => {
        $(
            #[doc = concat!("`", $id, "` (", $source, "). ", $why)]
            pub const $name: Rule = Rule {
                id: $id,
                severity: Severity::$severity,
                concern: Concern::$concern,
                source: $source,
                why: $why,
                mend: $mend,
            };
        )*
        /// All of them, by area.
        pub const ALL: &[&Rule] = &[$(&$name),*];
    };
}

rules! {
    // From the domain to its hosts.
    MX_LOOKUP_ERROR: "mx.lookup-error", CouldNotTell, Arrival, "RFC 7672 section 2.1.2",
        "senders that cannot look the MX up keep the mail and try again",
        "look at the name servers below; run again";
    MX_BOGUS: "mx.bogus", Blocker, Arrival, "RFC 4035 section 5; RFC 7672 section 2.1.2",
        "resolvers that validate refuse the answer, so senders behind them keep the mail and in the end return it",
        "mend the signatures or the DS; if that takes long, have the registrar remove the DS";
    MX_NO_SUCH_DOMAIN: "mx.no-such-domain", Blocker, Arrival, "RFC 5321 section 5.1",
        "mail to a name that does not exist is returned at once",
        "check the spelling, and that the domain is delegated";
    MX_NULL: "mx.null", Blocker, Arrival, "RFC 7505 section 3",
        "a null MX says that the domain takes no mail, and senders return it at once",
        "nothing, if that is meant; else replace it by the real MX";
    MX_NULL_AMONG_OTHERS: "mx.null-among-others", Blocker, Arrival, "RFC 7505 section 3",
        "a null MX stands alone; beside others some senders return the mail",
        "remove the MX whose host is a single dot";
    MX_IMPLICIT: "mx.implicit", Warning, Arrival, "RFC 5321 section 5.1",
        "without MX records senders use the domain's own address, which is seldom meant",
        "publish an MX, or a null MX if no mail is wanted";
    MX_DOMAIN_ALIAS: "mx.domain-alias", Note, Arrival, "RFC 5321 section 5.1",
        "the mail domain is an alias, so its target's MX decide",
        "nothing, if that is meant";
    MX_ALIAS: "mx.alias", Warning, Arrival, "RFC 2181 section 10.3; RFC 5321 section 5.1",
        "the name in an MX may not be an alias; some senders refuse it, and for DANE two names come into question",
        "name the alias's target in the MX";
    MX_ADDRESS_LITERAL: "mx.address-literal", Blocker, Arrival, "RFC 5321 section 5.1; RFC 7672 section 2.2",
        "an MX names a host, not an address: many senders refuse it, and DANE cannot apply",
        "name the host in the MX";
    MX_NO_ADDRESS: "mx.no-address", Blocker, Arrival, "RFC 5321 section 5.1",
        "a host without address takes no mail; senders lose time with it, and the mail if it is the only one",
        "give the host an address, or remove its MX";

    // The zone.
    DNSSEC_UNSIGNED: "dnssec.unsigned", Blocker, Protection, "RFC 7672 section 2.2.1",
        "without DNSSEC anybody on the way can name another MX, so DANE does not protect the domain",
        "sign the zone and have the DS published; `rollout plan` shows how";
    DNSSEC_ISLAND: "dnssec.island", Blocker, Protection, "RFC 4035 section 5.2",
        "the zone is signed, but the parent has no DS, so nobody can trust the signatures",
        "have the registrar publish the DS";
    DNSSEC_ENGINES_DIFFER: "dnssec.engines-differ", CouldNotTell, Arrival, "RFC 4035 section 4.3",
        "two validators do not agree, so some senders get the mail through and some do not",
        "look at the evidence; a zone that is right by the letter is taken by both";
    DNSSEC_SECOND_OPINION: "dnssec.second-opinion", CouldNotTell, Arrival, "RFC 4035 section 4.3",
        "a second validator shows where the first one errs, and it had nothing to say",
        "run again; look at the evidence";
    DNSSEC_RESOLVERS_DIFFER: "dnssec.resolvers-differ", CouldNotTell, Arrival, "RFC 4035 section 4.3",
        "a resolver out there judges otherwise, so senders behind it see another domain than the one seen from here",
        "look at the evidence; run again when the TTL it shows is over";
    DNSSEC_ALGORITHM: "dnssec.algorithm", Blocker, Arrival, "RFC 9905; RFC 9904",
        "validators that have dropped the algorithm take the zone for unsigned or for broken, each in its own way",
        "roll the zone over to algorithm 13 (ECDSA P-256)";
    DNSSEC_UNKNOWN_ALGORITHM: "dnssec.unknown-algorithm", CouldNotTell, Arrival, "RFC 4035 section 5.2; RFC 6840 section 5.2",
        "who does not know the algorithm takes the zone for unsigned, who knows it validates: senders are of two minds",
        "roll the zone over to algorithm 13 (ECDSA P-256), with a DS of digest type 2 (SHA-256)";
    DNSSEC_DIGEST: "dnssec.digest", Warning, Protection, "RFC 9905; RFC 4509 section 3",
        "SHA-1 in a DS is on its way out",
        "have the registrar publish a DS with digest type 2 (SHA-256)";
    DNSSEC_KEY_SIZE: "dnssec.key-size", Warning, Protection, "RFC 6781 section 3.4.2; NIST SP 800-57 part 1 section 5.6.1",
        "a short RSA key can be broken",
        "roll over to algorithm 13 (ECDSA P-256), or to RSA with 2048 bits";
    DNSSEC_DS_WITHOUT_KEY: "dnssec.ds-without-key", Warning, Arrival, "RFC 6840 section 5.11",
        "a DS that leads to no key does no harm while another one does, and breaks the domain when that one goes",
        "have the registrar remove the DS that is left over";
    DNSSEC_ALGORITHM_INCOMPLETE: "dnssec.algorithm-incomplete", Warning, Arrival, "RFC 4035 section 2.2; RFC 6840 section 5.11",
        "validators that guard against downgrades want every algorithm of the DS set in every signature",
        "sign the whole zone with it, or have the registrar remove that DS first";
    DNSSEC_PARENTS_DIFFER: "dnssec.parents-differ", Warning, Arrival, "RFC 1034 section 4.3.5",
        "a DS change is on its way, or a server lags: some resolvers go by one DS and some by another",
        "change nothing until they agree; ask the registry if they do not within a day";
    DNSSEC_NSEC3_ITERATIONS: "dnssec.nsec3-iterations", Warning, Arrival, "RFC 9276 section 3.2",
        "validators may take such denials for unsigned or refuse them, each in its own way",
        "set the iterations to 0 and the salt to none";
    DNSSEC_NSEC3_SALT: "dnssec.nsec3-salt", Note, Protection, "RFC 9276 section 3.1",
        "a salt brings nothing and makes the answers longer",
        "set the salt to none";
    DNSSEC_OPT_OUT: "dnssec.opt-out", Note, Protection, "RFC 5155 section 9.2; RFC 9276 section 3.1",
        "opt-out proves no absence: unsigned names can be slipped in, and what comes from a wildcard counts as unsigned",
        "switch opt-out off; it is meant for zones with very many unsigned delegations";
    DNSSEC_WILDCARD: "dnssec.wildcard", Note, Protection, "RFC 4592 section 2.2.1; RFC 4035 section 3.1.3.4",
        "a wildcard makes names that nobody published, and what they lack takes one proof more, at which some servers fail",
        "nothing, if it is meant; else name each host by itself";
    DNSSEC_SIGNATURE_ENDS: "dnssec.signature-ends", Blocker, Arrival, "RFC 4035 section 5.3.1; RFC 6781 section 4.4.2",
        "when a signature ends before it is renewed, the domain goes dark for everybody who validates",
        "see why the zone is not signed anew, and have it signed now";
    DNSSEC_SIGNATURE_SOON: "dnssec.signature-soon", Warning, Arrival, "RFC 6781 section 4.4.2",
        "a signature that is to end within days ought to have been renewed",
        "see whether the signer runs";
    DNSSEC_TTL_OUTLIVES: "dnssec.ttl-outlives-signature", Warning, Arrival, "RFC 4035 section 5.3.3",
        "a cache may hold the records until after the signature has ended",
        "shorten the TTL, or sign for longer";

    // Each server by itself.
    SERVERS_UNKNOWN: "servers.unknown", CouldNotTell, Arrival, "RFC 1034 section 4.2",
        "without knowing the zone's servers nothing can be said of what each of them serves",
        "run again; look at the delegation";
    SERVER_BOGUS: "server.bogus", Blocker, Arrival, "RFC 4035 section 2; RFC 4035 section 3.1",
        "a resolver that asks this server gets an answer it must refuse, and mail waits as chance has it",
        "bring the server up to date, or take it out of the delegation";
    SERVER_DIFFERS: "server.differs", Blocker, Arrival, "RFC 1034 section 4.3.5",
        "senders see one set or the other, as chance has it",
        "see why the server does not take up the zone; nothing else is safe to change before";
    SERVER_SERIAL: "server.serial", Warning, Arrival, "RFC 1034 section 4.3.5",
        "a server lags behind; what is changed now becomes visible there later",
        "wait until it has caught up; if it does not, see why it does not take up the zone";
    SERVER_SILENT: "server.silent", CouldNotTell, Arrival, "RFC 1034 section 4.1",
        "what the server serves cannot be told from here, and resolvers that do reach it go by that",
        "see whether it runs; take it out of the delegation if it is gone";
    SERVER_NO_PATH: "server.no-path", Note, Arrival, "RFC 4291 section 2",
        "these addresses were not asked, so nothing is known of them; the other family was",
        "run where both address families work, if you can";
    SERVER_NO_TCP: "server.no-tcp", Warning, Arrival, "RFC 7766 section 5",
        "answers that do not fit into UDP, such as keys, are lost for some resolvers",
        "open port 53 over TCP";
    SERVER_TCP_DIFFERS: "server.tcp-differs", Warning, Arrival, "RFC 7766 section 5",
        "the same server says one thing over UDP and another over TCP",
        "see what stands in front of it";
    SERVER_DENIAL: "server.denial", Blocker, Arrival, "RFC 7672 section 2.1.2; RFC 4035 section 5.4",
        "a server that cannot deny rightly makes DANE senders keep the mail: to them the failure may hide a record",
        "have the DNS host mend its denials; another DNS host if it cannot";
    SERVER_UNPROVEN: "server.unproven", CouldNotTell, Arrival, "RFC 7672 section 2.1.2",
        "a question to this server got no usable answer, which may hide another record or a broken denial",
        "run again; see whether something in front of the server drops questions of this type";
    DNSSEC_DELEGATION: "dnssec.delegation", CouldNotTell, Arrival, "RFC 4035 section 5.2",
        "without a usable answer from the parent nothing can be said of the chain of trust",
        "run again; look at the parent's servers";
    DELEGATION_DIFFERS: "delegation.differs", Warning, Arrival, "RFC 1034 section 4.2.2",
        "parent and zone name different servers, so some are asked that are not kept up, or are never asked",
        "bring both lists into line";

    // Hosts and TLSA.
    HOST_LOOKUP_ERROR: "host.lookup-error", CouldNotTell, Arrival, "RFC 7672 section 2.1.2",
        "senders take a host whose address cannot be looked up for down",
        "run again; look at the host's zone";
    HOST_BOGUS: "host.bogus", Blocker, Arrival, "RFC 7672 section 2.1.2",
        "senders behind validating resolvers take the host for down",
        "the host's operator has to mend the zone";
    HOST_INSECURE: "host.insecure", Blocker, Protection, "RFC 7672 section 2.2.2",
        "the host's zone is not signed, so senders do not look for TLSA records, and nothing proves whom they talk to",
        "move to a host in a signed zone; for Exchange Online: `rollout plan`";
    TLSA_LOOKUP_ERROR: "tlsa.lookup-error", CouldNotTell, Arrival, "RFC 7672 section 2.1.2",
        "a sender that cannot look the TLSA records up takes the host for down: the failure may hide a record",
        "run again; look at the host's zone";
    TLSA_BOGUS: "tlsa.bogus", Blocker, Arrival, "RFC 7672 section 2.1.2",
        "DANE senders take the host for down",
        "the host's operator has to mend the zone";
    TLSA_NONE: "tlsa.none", Blocker, Protection, "RFC 7672 section 2.2",
        "without TLSA records senders take whatever certificate comes, or no encryption at all",
        "publish TLSA records for the host; for Exchange Online: `Enable-SmtpDaneInbound`, as `rollout apply` does";
    TLSA_INSECURE: "tlsa.insecure", Blocker, Protection, "RFC 7672 section 2.2",
        "TLSA records in an unsigned zone count for nothing",
        "sign the zone that holds them";
    TLSA_UNUSABLE: "tlsa.unusable", Blocker, Protection, "RFC 7672 section 2.2; RFC 7672 section 3.1.3",
        "none of the records can be used, so senders demand encryption but check nobody's identity",
        "publish a record of the form 3 1 1";
    TLSA_UNUSABLE_RECORD: "tlsa.unusable-record", Warning, Protection, "RFC 6698 section 4.1; RFC 7672 section 3.1.3",
        "a record that cannot be used does nothing, and shows that something else was meant",
        "remove it, or write it as 3 1 1";
    TLSA_MISMATCH: "tlsa.mismatch", Blocker, Arrival, "RFC 7672 section 2.2; RFC 7671 section 8",
        "DANE senders refuse the connection: their mail waits, and is returned if no other address matches",
        "publish the record that fits the certificate, or restore the certificate; first aid: remove the TLSA records";
    TLSA_PARAMETER_SET: "tlsa.parameter-set", Warning, Arrival, "RFC 7671 section 8; RFC 7671 section 9",
        "each combination of usage, selector and matching type has to fit by itself, because senders choose one",
        "publish a matching record for each combination, or remove the combination";
    TLSA_UNMATCHED: "tlsa.unmatched", Note, Protection, "RFC 7671 section 8.1",
        "a record beside a matching one of the same kind is usual during a roll-over",
        "nothing, if a roll-over is on; else remove it";
    TLSA_BRITTLE: "tlsa.brittle", Warning, Arrival, "RFC 7671 section 5.1; RFC 7671 section 5.2",
        "a record of this kind stops matching when a certificate is renewed (3 0 x) or its issuer changes (2 x x)",
        "publish 3 1 1 and keep the key when renewing";
    TLSA_TTL: "tlsa.ttl", Note, Arrival, "RFC 7671 section 13",
        "with a long TTL an accident takes as long to mend",
        "shorten it to an hour";

    // The conversation.
    SMTP_UNREACHED: "smtp.unreached", CouldNotTell, Arrival, "RFC 5321 section 4.5.4.1",
        "nothing can be said of an address that was not reached; from one place a dead host and a blocked port 25 look the same",
        "run where port 25 is open outwards, or give the chain with --from-chain";
    SMTP_NOT_PROBED: "smtp.not-probed", Note, Arrival, "RFC 7672 section 2.2",
        "only the DNS was asked, so nothing is known of the hosts' certificates",
        "leave --dns-only out";
    SMTP_UNWILLING: "smtp.unwilling", Blocker, Arrival, "RFC 5321 section 3.1",
        "a host that answers and takes no mail holds it up",
        "see why it refuses";
    SMTP_REJECTS: "smtp.rejects", Blocker, Arrival, "RFC 5321 section 4.5.1",
        "mail for the domain's postmaster is refused for good, so other mail very likely is too",
        "make the host accept the domain, and postmaster@ with it";
    SMTP_DEFERS: "smtp.defers", Warning, Arrival, "RFC 7672 section 9.2; RFC 5321 section 4.2.1",
        "the host asked to come back later; senders do, but mail is late",
        "see whether it does so always";
    SMTP_NO_STARTTLS: "smtp.no-starttls", Blocker, Protection, "RFC 7672 section 2.2; RFC 3207 section 4",
        "without STARTTLS mail travels in the clear; where TLSA records are published it does not travel at all",
        "switch STARTTLS on";
    SMTP_TLS_FAILED: "smtp.tls-failed", Blocker, Protection, "RFC 3207 section 4.1; RFC 9325 section 3.1",
        "without a handshake mail travels in the clear; where TLSA records are published it does not travel at all",
        "mend the server's TLS; TLS 1.2 or later is needed";
    SMTP_NOTHING_IN_COMMON: "smtp.nothing-in-common", CouldNotTell, Protection, "RFC 9325 section 4.2",
        "this program speaks only ciphers with forward secrecy and authenticated encryption; senders with older ones may succeed",
        "allow ECDHE with AES-GCM or ChaCha20 at the server; or give its chain with --from-chain";
    SMTP_SNI: "smtp.sni", Warning, Protection, "RFC 7672 section 8.1",
        "a server must not need SNI: older senders send none",
        "make the certificate that the TLSA records fit the default one";
    SMTP_TLS12: "smtp.tls-version", Note, Protection, "RFC 9325 section 3.1.1",
        "TLS 1.3 is what current senders prefer",
        "switch TLS 1.3 on";
    CERTIFICATE_EXPIRED: "certificate.expired", Note, Protection, "RFC 7671 section 5.1",
        "under usage 3 dates do not count; MTA-STS senders and people will mind",
        "renew it, keeping the key";
    CERTIFICATE_ENDS: "certificate.ends", Warning, Arrival, "RFC 7671 section 5.2; RFC 8461 section 4.2",
        "where senders look at dates (usage 2, MTA-STS), mail stops when the certificate ends",
        "renew it";

    // MTA-STS, TLS-RPT.
    STS_UNKNOWN: "mta-sts.unknown", CouldNotTell, Arrival, "RFC 8461 section 3.3",
        "an enforcing policy that does not name the hosts stops mail, and whether there is one could not be told",
        "run again; see whether the policy host can be reached";
    STS_NONE: "mta-sts.none", Note, Protection, "RFC 8461 section 2",
        "senders that know no DANE have nothing to go by",
        "publish a policy, if such senders matter";
    STS_INVALID: "mta-sts.invalid", Warning, Protection, "RFC 8461 section 3",
        "senders ignore what they cannot read, or go on with the policy they hold",
        "mend the record or the policy, and give it a new id";
    STS_REMARK: "mta-sts.remark", Note, Protection, "RFC 8461 section 3",
        "senders in use read past it; stricter ones may not",
        "mend it with the next change of the policy";
    STS_NOT_COVERED: "mta-sts.not-covered", Blocker, Arrival, "RFC 8461 section 4.1; RFC 8461 section 8.4",
        "MTA-STS senders do not deliver to a host that the enforced policy does not name",
        "add the host to the policy, then change the id; remove nothing before its max_age is over";
    STS_NOT_COVERED_TESTING: "mta-sts.not-covered-testing", Warning, Protection, "RFC 8461 section 5",
        "in testing mode senders only report it; enforced, it would stop mail",
        "add the host to the policy, then change the id";
    STS_CERTIFICATE: "mta-sts.certificate", Blocker, Arrival, "RFC 8461 section 4.2",
        "MTA-STS senders do not deliver to a host without a certificate that is valid for its name",
        "install a certificate for the MX host's name from a public authority";
    STS_TESTING: "mta-sts.testing", Note, Protection, "RFC 8461 section 5",
        "in testing mode nothing is enforced",
        "change the mode to enforce when the reports are clean";
    STS_NONE_MODE: "mta-sts.mode-none", Note, Protection, "RFC 8461 section 8.3",
        "the policy is being withdrawn",
        "nothing, if that is meant";
    STS_WILDCARD: "mta-sts.wildcard", Warning, Arrival, "RFC 8461 section 4.1",
        "a wildcard stands for exactly one label, and the new hosts of Exchange Online have one more",
        "name the new host in full, or the wildcard one label lower, before the MX moves";
    TLS_RPT_NONE: "tls-rpt.none", Note, Protection, "RFC 8460 section 3",
        "without reports nobody says that mail does not get through",
        "publish _smtp._tls with an address for reports, before anything is changed";
    TLS_RPT_INVALID: "tls-rpt.invalid", Warning, Protection, "RFC 8460 section 3",
        "senders send no reports",
        "mend the record";

    // What hangs on the MX besides.
    TEXTS_UNKNOWN: "texts.unknown", Note, Arrival, "RFC 7672 section 2.1",
        "a lookup failed, so nothing is said about it",
        "run again";
    SPF_MX: "spf.mx", Note, Arrival, "RFC 7208 section 5.4",
        "SPF means the addresses of the MX hosts here, and those change with the MX",
        "name the senders directly, as in include:spf.protection.outlook.com";
    SPF_INVALID: "spf.invalid", Warning, Arrival, "RFC 7208 section 4.5",
        "receivers take a broken SPF record for a failure",
        "mend the record";
    DMARC_NONE: "dmarc.none", Note, Protection, "RFC 7489 section 6.6.3",
        "nothing says what to do with mail that only pretends to come from the domain",
        "publish _dmarc";
    DMARC_INVALID: "dmarc.invalid", Warning, Protection, "RFC 7489 section 6.3",
        "receivers ignore a record that they cannot read",
        "mend the record";
    DKIM_SELECTORS: "dkim.selectors", Note, Protection, "Microsoft: Set up DKIM to sign mail from your Microsoft 365 domain",
        "Exchange Online signs with the keys behind these names",
        "publish both selectors, then enable DKIM in Microsoft 365";

    // Senders and resolvers.
    SENDER_LOSES: "sender.loses-mail", Blocker, Arrival, "RFC 7672 section 2.2; RFC 8461 section 5",
        "senders of this kind do not get their mail through",
        "see the findings about the hosts";
    SENDER_DELAYED: "sender.delayed", Warning, Arrival, "RFC 7672 section 2.1.2",
        "senders of this kind fail at some hosts or addresses before they succeed at others",
        "see the findings about the hosts";
    SENDER_UNKNOWN: "sender.unknown", CouldNotTell, Arrival, "RFC 7672 section 2.1.2",
        "what senders of this kind do hangs on something that could not be told",
        "run again; see the other findings";
    SENDER_UNPROTECTED: "sender.unprotected", Blocker, Protection, "RFC 7672 section 2.2",
        "the same records protect other senders, but not those of this kind",
        "see the findings about the hosts and TLSA records";
    SENDER_SLOPPY: "sender.sloppy", Note, Arrival, "RFC 7672 section 2.2.2",
        "some senders ask an unsigned host for TLSA records, which they should not, and keep the mail when that lookup fails",
        "do not stay signed on such a host for long: move on to one in a signed zone";
    VANTAGE_OLD: "vantage.old", Warning, Protection, "RFC 2308 section 5; RFC 7671 section 8.1",
        "senders behind this resolver go by what it holds until the TTL ends",
        "wait";
    VANTAGE_FAILED: "vantage.failed", CouldNotTell, Arrival, "RFC 7672 section 2.1.2",
        "either it cannot be reached, or it cannot resolve the domain, and then senders behind it cannot deliver",
        "leave it out with --resolvers if it cannot be reached from here";
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn ids_are_unique_and_of_one_form() {
        let ids: BTreeSet<_> = ALL.iter().map(|rule| rule.id).collect();
        assert_eq!(ids.len(), ALL.len());
        for id in ids {
            let fit = id.split('.').count() == 2
                && id
                    .chars()
                    .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "-.".contains(c));
            assert!(fit, "{id}");
        }
    }

    #[test]
    fn every_text_is_there_and_short() {
        for rule in ALL {
            for text in [rule.why, rule.mend, rule.source] {
                assert!(!text.is_empty() && text.len() < 160, "{}: {text}", rule.id);
                assert!(!text.ends_with('.'), "{}: {text}", rule.id);
            }
        }
    }
}
