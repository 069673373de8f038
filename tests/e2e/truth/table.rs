//! What must come out, as data.

use super::judges::Judge;
use super::judges::Judge::{Danetool, Delv, Finger, LdnsDane};

/// One domain.
pub struct Row {
    pub domain: &'static str,
    /// What is wrong with it.
    pub wrong: &'static str,
    /// The exit code of `rollout verify`.
    pub exit: i32,
    /// The findings that forbid going on or leave it open: exactly these.
    pub stops: &'static [&'static str],
    /// Warnings and notes that must be there, others may.
    pub remarks: &'static [&'static str],
    /// The different outcomes at its addresses; empty: no address is looked at.
    pub outcome: &'static str,
    /// The words of [`Judge::ALL`]. With `or` where it is a matter of chance.
    pub words: [&'static str; 4],
    /// Why a judge says something else than we do: one sentence for each that does, and for no other.
    pub because: &'static [(Judge, &'static str)],
}

impl Row {
    pub fn word(&self, judge: Judge) -> &'static str {
        self.words[judge as usize]
    }

    /// Whether somebody waits for a time-out.
    pub fn is_slow(&self) -> bool {
        matches!(
            self.outcome,
            "lookup-error" | "no-starttls" | "could-not-tell"
        )
    }

    pub fn explained(&self, judge: Judge) -> bool {
        self.because.iter().any(|(of, _)| *of == judge)
    }
}

#[rustfmt::skip]
pub const ROWS: &[Row] = &[
    Row {
        domain: "match.example", wrong: "nothing; server and host by IPv4 and IPv6",
        exit: 0, stops: &[], remarks: &[], outcome: "authenticated",
        words: ["secure", "verified", "match", "match"],
        because: &[],
    },
    Row {
        domain: "ipv6.example", wrong: "nothing; server and host by IPv6 alone",
        exit: 0, stops: &[], remarks: &[], outcome: "authenticated",
        words: ["secure", "verified", "match", "match"],
        because: &[],
    },
    Row {
        domain: "bind.example", wrong: "nothing; served by BIND",
        exit: 0, stops: &[], remarks: &[], outcome: "authenticated",
        words: ["secure", "verified", "match", "match"],
        because: &[],
    },
    Row {
        domain: "knot.example", wrong: "nothing; served by Knot",
        exit: 0, stops: &[], remarks: &[], outcome: "authenticated",
        words: ["secure", "verified", "match", "match"],
        because: &[],
    },
    Row {
        domain: "powerdns.example", wrong: "nothing; signed by PowerDNS, with NSEC3 made for the question",
        exit: 0, stops: &[], remarks: &[], outcome: "authenticated",
        words: ["secure", "verified", "match", "match"],
        because: &[],
    },
    Row {
        domain: "rsasha256.example", wrong: "nothing; algorithm 8",
        exit: 0, stops: &[], remarks: &[], outcome: "authenticated",
        words: ["secure", "verified", "match", "match"],
        because: &[],
    },
    Row {
        domain: "ed25519.example", wrong: "nothing; algorithm 15",
        exit: 0, stops: &[], remarks: &[], outcome: "authenticated",
        words: ["secure", "verified", "match", "match"],
        because: &[],
    },
    Row {
        domain: "alias.example", wrong: "nothing; an alias at `_25._tcp`",
        exit: 0, stops: &[], remarks: &[], outcome: "authenticated",
        words: ["secure", "verified", "match", "match"],
        because: &[],
    },
    Row {
        domain: "ed448.example", wrong: "algorithm 16, which not everybody knows",
        exit: 3, stops: &["dnssec.unknown-algorithm", "dnssec.resolvers-differ"], remarks: &[], outcome: "none",
        words: ["secure", "verified", "match", "match"],
        because: &[
            (Delv, "it knows algorithm 16, our validators do not; who does not takes the zone for unsigned (RFC 4035 section 5.2), so senders are of two minds, and we cannot tell"),
            (Finger, "it knows algorithm 16, our validators do not; who does not takes the zone for unsigned (RFC 4035 section 5.2), so senders are of two minds, and we cannot tell"),
            (Danetool, "it knows algorithm 16, our validators do not; who does not takes the zone for unsigned (RFC 4035 section 5.2), so senders are of two minds, and we cannot tell"),
            (LdnsDane, "it knows algorithm 16, our validators do not; who does not takes the zone for unsigned (RFC 4035 section 5.2), so senders are of two minds, and we cannot tell"),
        ],
    },
    Row {
        domain: "dead-server.example", wrong: "one of two servers is dead",
        exit: 3, stops: &["server.silent"], remarks: &[], outcome: "authenticated",
        words: ["secure", "verified", "match", "match"],
        because: &[
            (Delv, "it asks one resolver, which asks the server that lives; what the other one would say nobody can tell"),
        ],
    },
    Row {
        domain: "wildcard.example", wrong: "nothing; has wildcards",
        exit: 0, stops: &[], remarks: &[], outcome: "authenticated",
        words: ["secure", "verified", "match", "match"],
        because: &[],
    },
    Row {
        domain: "any.wildcard.example", wrong: "nothing; its MX comes from a wildcard",
        exit: 0, stops: &[], remarks: &[], outcome: "authenticated",
        words: ["secure", "verified", "match", "match"],
        because: &[],
    },
    Row {
        domain: "any.office.wildcard.example", wrong: "nothing; its MX comes from a wildcard one label lower",
        exit: 0, stops: &[], remarks: &[], outcome: "authenticated",
        words: ["secure", "verified", "match", "match"],
        because: &[],
    },
    Row {
        domain: "unsigned.example", wrong: "not signed",
        exit: 1, stops: &["dnssec.unsigned", "host.insecure"], remarks: &[], outcome: "none",
        words: ["MX unsigned", "opportunistic", "match", "no TLSA"],
        because: &[
            (Danetool, "it does not validate (it knows the real root only), so it compares records that count for nothing without DNSSEC"),
        ],
    },
    Row {
        domain: "island.example", wrong: "signed, without DS",
        exit: 1, stops: &["dnssec.island", "host.insecure"], remarks: &[], outcome: "none",
        words: ["MX unsigned", "opportunistic", "match", "no TLSA"],
        because: &[
            (Danetool, "it does not validate, so it compares records that count for nothing without a DS"),
        ],
    },
    Row {
        domain: "wrong-ds.example", wrong: "the DS is of another key",
        exit: 1, stops: &["mx.bogus", "server.bogus"], remarks: &[], outcome: "",
        words: ["MX bogus", "lookup fails", "lookup fails", "no chain"],
        because: &[],
    },
    Row {
        domain: "expired.example", wrong: "signatures that ended ten days ago",
        exit: 1, stops: &["mx.bogus", "server.bogus"], remarks: &[], outcome: "",
        words: ["MX bogus", "lookup fails", "lookup fails", "no chain"],
        because: &[],
    },
    Row {
        domain: "just-expired.example", wrong: "signatures that ended an hour ago",
        exit: 1, stops: &["mx.bogus", "server.bogus", "dnssec.resolvers-differ"], remarks: &[], outcome: "",
        words: ["MX bogus", "verified", "match", "match"],
        because: &[
            (Finger, "Unbound, which it asks, forgives a tenth of a signature's lifetime, a day at most; others do not, so some mail is lost already"),
            (Danetool, "Unbound, which it asks, forgives a tenth of a signature's lifetime, a day at most; others do not, so some mail is lost already"),
            (LdnsDane, "it validates with the library of Unbound, which forgives as Unbound does"),
        ],
    },
    Row {
        domain: "not-yet.example", wrong: "signatures that begin in ten days",
        exit: 1, stops: &["mx.bogus", "server.bogus"], remarks: &[], outcome: "",
        words: ["MX bogus", "lookup fails", "lookup fails", "no chain"],
        because: &[],
    },
    Row {
        domain: "ending.example", wrong: "signatures that end within two hours",
        exit: 1, stops: &["dnssec.signature-ends"], remarks: &[], outcome: "authenticated",
        words: ["secure", "verified", "match", "match"],
        because: &[
            (Delv, "it says what holds now; we look ahead to when it will not"),
        ],
    },
    Row {
        domain: "opt-out.example", wrong: "NSEC3 with opt-out, TLSA there",
        exit: 0, stops: &[], remarks: &["dnssec.opt-out"], outcome: "authenticated",
        words: ["secure", "verified", "match", "match"],
        because: &[],
    },
    Row {
        domain: "salted.example", wrong: "NSEC3 with 10 iterations and a salt",
        exit: 0, stops: &[], remarks: &["dnssec.nsec3-iterations", "dnssec.nsec3-salt"], outcome: "authenticated",
        words: ["secure", "verified", "match", "match"],
        because: &[],
    },
    Row {
        domain: "rsasha1.example", wrong: "algorithm 5 (RSASHA1)",
        exit: 1, stops: &["dnssec.algorithm"], remarks: &[], outcome: "authenticated",
        words: ["secure", "verified", "match", "match"],
        because: &[
            (Delv, "Debian's OpenSSL still knows SHA-1; systems without it take the zone for unsigned or bogus (RFC 9905), so we do not build on it"),
        ],
    },
    Row {
        domain: "nsec3rsasha1.example", wrong: "algorithm 7 (RSASHA1-NSEC3-SHA1)",
        exit: 1, stops: &["dnssec.algorithm"], remarks: &[], outcome: "authenticated",
        words: ["secure", "verified", "match", "match"],
        because: &[
            (Delv, "Debian's OpenSSL still knows SHA-1; systems without it take the zone for unsigned or bogus (RFC 9905), so we do not build on it"),
        ],
    },
    Row {
        domain: "no-tlsa.example", wrong: "no TLSA records, proven by NSEC3",
        exit: 1, stops: &["tlsa.none"], remarks: &[], outcome: "none",
        words: ["TLSA absent", "opportunistic", "no TLSA", "no TLSA"],
        because: &[],
    },
    Row {
        domain: "no-tlsa-powerdns.example", wrong: "no TLSA records, proven by NSEC3 made for the question",
        exit: 1, stops: &["tlsa.none"], remarks: &[], outcome: "none",
        words: ["TLSA absent", "opportunistic", "no TLSA", "no TLSA"],
        because: &[],
    },
    Row {
        domain: "no-tlsa-opt-out.example", wrong: "no TLSA records, in a gap with opt-out",
        exit: 1, stops: &["tlsa.none"], remarks: &["dnssec.opt-out"], outcome: "none",
        words: ["TLSA absent", "opportunistic", "no TLSA", "no TLSA"],
        because: &[],
    },
    Row {
        domain: "no-tlsa-150.example", wrong: "no TLSA records, proven by NSEC3 with 150 iterations",
        exit: 1, stops: &["tlsa.none", "dnssec.resolvers-differ"], remarks: &["dnssec.nsec3-iterations"], outcome: "none",
        words: ["TLSA absent", "opportunistic", "no TLSA", "no TLSA"],
        because: &[
            (Delv, "BIND and Unbound of Debian 12 take up to 150 iterations, our validator up to 100, as RFC 9276 section 3.2 lets it: who asks gets another answer"),
        ],
    },
    Row {
        domain: "servfail.example", wrong: "SERVFAIL at TLSA questions",
        exit: 1, stops: &["server.denial", "tlsa.lookup-error"], remarks: &[], outcome: "lookup-error",
        words: ["TLSA unknown", "TLSA unknown", "no TLSA", "bogus"],
        because: &[
            (Danetool, "it takes a failed lookup for an absence, the most dangerous mistake there is (RFC 7672 section 2.1.2)"),
        ],
    },
    Row {
        domain: "notimp.example", wrong: "NOTIMP at TLSA questions",
        exit: 1, stops: &["server.denial", "tlsa.lookup-error"], remarks: &[], outcome: "lookup-error",
        words: ["TLSA unknown", "TLSA unknown", "no TLSA", "bogus"],
        because: &[
            (Danetool, "it takes a failed lookup for an absence, the most dangerous mistake there is (RFC 7672 section 2.1.2)"),
        ],
    },
    Row {
        domain: "silent.example", wrong: "no answer to TLSA questions",
        exit: 3, stops: &["server.unproven", "tlsa.lookup-error"], remarks: &[], outcome: "lookup-error",
        words: ["TLSA unknown", "TLSA unknown", "no TLSA", "bogus"],
        because: &[
            (Danetool, "it takes a failed lookup for an absence, the most dangerous mistake there is (RFC 7672 section 2.1.2)"),
        ],
    },
    Row {
        domain: "no-denial.example", wrong: "no TLSA records, and no proof of that",
        exit: 1, stops: &["server.denial", "tlsa.bogus"], remarks: &[], outcome: "lookup-error",
        words: ["TLSA bogus", "TLSA unknown", "no TLSA", "bogus"],
        because: &[
            (Danetool, "it takes a failed lookup for an absence, the most dangerous mistake there is (RFC 7672 section 2.1.2)"),
        ],
    },
    Row {
        domain: "stale.example", wrong: "one of two servers lags behind and names a second host",
        exit: 1, stops: &["server.differs"], remarks: &["server.serial"], outcome: "authenticated",
        words: ["secure", "verified", "match", "match"],
        because: &[
            (Delv, "it asks one resolver, which asks one server; we ask each"),
        ],
    },
    Row {
        domain: "partial.example", wrong: "two TLSA records, of which one matches",
        exit: 0, stops: &[], remarks: &["tlsa.unmatched"], outcome: "authenticated",
        words: ["secure", "verified", "match", "match"],
        because: &[],
    },
    Row {
        domain: "mismatch.example", wrong: "the TLSA record is of another key",
        exit: 1, stops: &["tlsa.mismatch"], remarks: &[], outcome: "mismatch",
        words: ["secure", "refused", "no match", "no match"],
        because: &[],
    },
    Row {
        domain: "one-of-two.example", wrong: "at one of two addresses the certificate does not match",
        exit: 1, stops: &["tlsa.mismatch"], remarks: &[], outcome: "authenticated + mismatch",
        words: ["secure", "verified or refused", "match or no match", "match or no match"],
        because: &[
            (Finger, "it stops at the first address that answers, which is another one each time; senders meet both"),
            (Danetool, "it stops at the first address that answers, which is another one each time; senders meet both"),
            (LdnsDane, "it stops at the first address that answers, which is another one each time; senders meet both"),
        ],
    },
    Row {
        domain: "one-of-two-ipv6.example", wrong: "the certificate does not match by IPv6",
        exit: 1, stops: &["tlsa.mismatch"], remarks: &[], outcome: "authenticated + mismatch",
        words: ["secure", "verified or refused", "no match", "match or no match"],
        because: &[
            (Finger, "it stops at the first address that answers, of whichever family; senders meet both"),
            (Danetool, "it stops at the first address that answers, of whichever family; senders meet both"),
            (LdnsDane, "it stops at the first address that answers, of whichever family; senders meet both"),
        ],
    },
    Row {
        domain: "backup.example", wrong: "the certificate of the second MX host does not match",
        exit: 1, stops: &["tlsa.mismatch"], remarks: &[], outcome: "authenticated + mismatch",
        words: ["secure", "verified", "match", "match"],
        because: &[
            (Finger, "the preferred host answers, so it never looks at the other; some day senders have to"),
            (Danetool, "it looks at the one host that it is given"),
            (LdnsDane, "it looks at the one host that it is given"),
        ],
    },
    Row {
        domain: "unusable.example", wrong: "the only TLSA record has usage 1",
        exit: 1, stops: &["tlsa.unusable"], remarks: &[], outcome: "unusable",
        words: ["secure", "unchecked", "match", "none usable"],
        because: &[
            (Danetool, "it compares usages 0 and 1 too, which no mail server honours (RFC 7672 section 3.1.3)"),
            (LdnsDane, "it has no word for records that cannot be used, and validates by the system's authorities instead"),
        ],
    },
    Row {
        domain: "agility.example", wrong: "the record with the stronger digest does not match",
        exit: 1, stops: &["tlsa.mismatch"], remarks: &[], outcome: "mismatch",
        words: ["secure", "refused", "match", "no match"],
        because: &[
            (Danetool, "it takes any record that matches; senders with digest agility look at SHA-512 alone (RFC 7671 section 9)"),
        ],
    },
    Row {
        domain: "two-keys.example", wrong: "RSA and ECDSA keys, of which the TLSA record has the RSA one",
        exit: 1, stops: &["tlsa.mismatch"], remarks: &[], outcome: "authenticated + mismatch",
        words: ["secure", "refused", "match", "no match"],
        because: &[
            (Finger, "it offers both and gets ECDSA; a sender with RSA alone gets through"),
            (Danetool, "it offers both and gets RSA; most senders get ECDSA and are refused"),
            (LdnsDane, "OpenSSL fetches the ECDSA chain for it; a sender with RSA alone gets through"),
        ],
    },
    Row {
        domain: "anchor.example", wrong: "usage 2, the authority's certificate is in the chain",
        exit: 0, stops: &[], remarks: &["tlsa.brittle"], outcome: "authenticated",
        words: ["secure", "verified", "match", "match"],
        because: &[],
    },
    Row {
        domain: "bare-key.example", wrong: "usage 2 with the authority's whole key",
        exit: 0, stops: &[], remarks: &["tlsa.brittle"], outcome: "authenticated",
        words: ["secure", "verified", "match", "match"],
        because: &[],
    },
    Row {
        domain: "no-anchor-2-1-1.example", wrong: "usage 2 by digest, the authority's certificate is not in the chain",
        exit: 1, stops: &["tlsa.mismatch"], remarks: &["tlsa.brittle"], outcome: "mismatch",
        words: ["secure", "refused", "nothing to compare", "no match"],
        because: &[
            (Danetool, "it says that data are missing and gives no verdict; a sender refuses (RFC 7671 section 5.2.2)"),
        ],
    },
    Row {
        domain: "no-anchor-2-0-0.example", wrong: "usage 2 with the whole certificate, which is not in the chain",
        exit: 0, stops: &[], remarks: &["tlsa.brittle"], outcome: "authenticated",
        words: ["secure", "verified", "nothing to compare", "no match"],
        because: &[
            (Danetool, "it does not take the issuer from the record, as it must (RFC 7671 section 5.2.2)"),
            (LdnsDane, "it does not take the issuer from the record, as it must (RFC 7671 section 5.2.2); Postfix does"),
        ],
    },
    Row {
        domain: "expired-leaf-3-1-1.example", wrong: "usage 3, the certificate expired in 2021",
        exit: 0, stops: &[], remarks: &["certificate.expired"], outcome: "authenticated",
        words: ["secure", "verified", "match", "match"],
        because: &[],
    },
    Row {
        domain: "expired-leaf-2-0-1.example", wrong: "usage 2, the certificate expired in 2021",
        exit: 1, stops: &["tlsa.mismatch"], remarks: &["tlsa.brittle", "certificate.expired"], outcome: "mismatch",
        words: ["secure", "refused", "no match", "no match"],
        because: &[],
    },
    Row {
        domain: "wrong-name-3-1-1.example", wrong: "usage 3, the certificate is for another name",
        exit: 0, stops: &[], remarks: &[], outcome: "authenticated",
        words: ["secure", "verified", "match", "no match (name)"],
        because: &[
            (LdnsDane, "it looks at names under usage 3 as well, which must be ignored (RFC 7671 section 5.1)"),
        ],
    },
    Row {
        domain: "wrong-name-2-0-1.example", wrong: "usage 2, the certificate is for another name",
        exit: 1, stops: &["tlsa.mismatch"], remarks: &["tlsa.brittle"], outcome: "mismatch",
        words: ["secure", "refused", "match", "no match (name)"],
        because: &[
            (Danetool, "it looks at no names under usage 2, which count (RFC 7672 section 3.2.2)"),
        ],
    },
    Row {
        domain: "no-starttls.example", wrong: "TLSA records, but no STARTTLS",
        exit: 1, stops: &["smtp.no-starttls"], remarks: &[], outcome: "no-starttls",
        words: ["secure", "no STARTTLS", "does not end", "no chain"],
        because: &[],
    },
    Row {
        domain: "plain.example", wrong: "neither STARTTLS nor TLSA records",
        exit: 1, stops: &["smtp.no-starttls", "tlsa.none"], remarks: &[], outcome: "no-starttls",
        words: ["TLSA absent", "no STARTTLS", "does not end", "no chain"],
        because: &[],
    },
    Row {
        domain: "tls10.example", wrong: "TLS 1.0 at most",
        exit: 1, stops: &["smtp.tls-failed"], remarks: &[], outcome: "tls-failed",
        words: ["secure", "handshake fails", "match", "match"],
        because: &[
            (Danetool, "GnuTLS still speaks TLS 1.0, which nobody may any more (RFC 8996); Postfix with Debian's OpenSSL does not"),
            (LdnsDane, "`openssl s_client`, which fetches the chain for it, still speaks TLS 1.0 (RFC 8996); Postfix does not"),
        ],
    },
    Row {
        domain: "hang.example", wrong: "the host takes the connection and says nothing",
        exit: 3, stops: &["smtp.unreached"], remarks: &[], outcome: "could-not-tell",
        words: ["secure", "unreached", "does not end", "no chain"],
        because: &[],
    },
    Row {
        domain: "refuse.example", wrong: "the host refuses the connection",
        exit: 3, stops: &["smtp.unreached"], remarks: &[], outcome: "could-not-tell",
        words: ["secure", "unreached", "unreached", "no chain"],
        because: &[],
    },
    Row {
        domain: "null-mx.example", wrong: "a null MX",
        exit: 1, stops: &["mx.null"], remarks: &[], outcome: "",
        words: ["secure", "no mail", "not asked", "not asked"],
        because: &[],
    },
    Row {
        domain: "implicit.example", wrong: "no MX; the domain's own address takes the mail",
        exit: 0, stops: &[], remarks: &["mx.implicit"], outcome: "authenticated",
        words: ["secure", "verified", "match", "match"],
        because: &[],
    },
    Row {
        domain: "mx-alias.example", wrong: "the MX names an alias",
        exit: 0, stops: &[], remarks: &["mx.alias"], outcome: "authenticated",
        words: ["secure", "verified", "no TLSA", "no TLSA"],
        because: &[
            (Danetool, "it looks under the alias alone, not under its target (RFC 7672 section 2.2.2)"),
            (LdnsDane, "it looks under the alias alone, not under its target (RFC 7672 section 2.2.2)"),
        ],
    },
    Row {
        domain: "no-address.example", wrong: "the MX host has no address",
        exit: 1, stops: &["mx.no-address"], remarks: &[], outcome: "",
        words: ["address absent", "no address", "lookup fails", "no chain"],
        because: &[],
    },
    Row {
        domain: "insecure-mx.example", wrong: "not signed, its host is right",
        exit: 1, stops: &["dnssec.unsigned"], remarks: &[], outcome: "authenticated",
        words: ["MX unsigned", "trusted", "match", "match"],
        because: &[],
    },
    Row {
        domain: "legacy.example", wrong: "not signed, and NOTIMP at TLSA questions, as `*.mail.protection.outlook.com`",
        exit: 1, stops: &["dnssec.unsigned", "host.insecure"], remarks: &[], outcome: "none",
        words: ["MX unsigned", "opportunistic", "no TLSA", "bogus"],
        because: &[
            (LdnsDane, "it asks for TLSA although the address is not signed, which a sender must not (RFC 7672 section 2.2.2), and stumbles over the answer"),
        ],
    },
    Row {
        domain: "insecure-host.example", wrong: "signed, its host is the one before",
        exit: 1, stops: &["host.insecure"], remarks: &[], outcome: "none",
        words: ["address unsigned", "opportunistic", "no TLSA", "bogus"],
        because: &[
            (LdnsDane, "it asks for TLSA although the address is not signed, which a sender must not (RFC 7672 section 2.2.2), and stumbles over the answer"),
        ],
    },
];
