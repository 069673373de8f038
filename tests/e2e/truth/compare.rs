//! What a judge would have to say to agree with a row's verdict of ours.

use super::judges::Judge;
use super::table::Row;

/// The words of `judge` that mean the same as our verdict. None: it has no word for it.
pub fn same(judge: Judge, row: &Row) -> Vec<&'static str> {
    match judge {
        Judge::Delv => vec![names(row)],
        Judge::Finger => vec![conversation(row)],
        Judge::Danetool | Judge::LdnsDane => match row.outcome {
            "authenticated" => vec!["match"],
            "mismatch" => vec!["no match", "no match (name)"],
            "none" => vec!["no TLSA"],
            "lookup-error" => vec!["bogus"],
            "no-starttls" | "tls-failed" | "could-not-tell" => {
                vec!["no chain", "unreached", "does not end"]
            }
            "" => vec!["lookup fails", "no chain", "bogus", "not asked"],
            _ => Vec::new(),
        },
    }
}

/// The first thing wrong with the names, in `delv`'s words; what it has no word for, as we call it.
fn names(row: &Row) -> &'static str {
    const WORDS: [(&str, &str); 18] = [
        ("mx.bogus", "MX bogus"),
        ("mx.lookup-error", "MX unknown"),
        ("dnssec.unsigned", "MX unsigned"),
        ("dnssec.island", "MX unsigned"),
        ("dnssec.engines-differ", "validators differ"),
        ("dnssec.resolvers-differ", "resolvers differ"),
        ("dnssec.algorithm", "algorithm"),
        ("dnssec.signature-ends", "ends soon"),
        ("server.silent", "servers unknown"),
        ("server.bogus", "servers differ"),
        ("server.differs", "servers differ"),
        ("mx.no-address", "address absent"),
        ("host.bogus", "address bogus"),
        ("host.insecure", "address unsigned"),
        ("tlsa.bogus", "TLSA bogus"),
        ("tlsa.lookup-error", "TLSA unknown"),
        ("tlsa.none", "TLSA absent"),
        ("tlsa.insecure", "TLSA unsigned"),
    ];
    WORDS
        .iter()
        .find(|(id, _)| row.stops.contains(id))
        .map_or("secure", |(_, word)| word)
}

/// What a sender with Postfix's `dane` would see.
fn conversation(row: &Row) -> &'static str {
    let stopped = |id: &str| row.stops.contains(&id);
    match row.outcome {
        _ if stopped("mx.bogus") || stopped("mx.lookup-error") => "lookup fails",
        _ if stopped("mx.null") => "no mail",
        _ if stopped("mx.no-address") => "no address",
        "authenticated" if stopped("dnssec.unsigned") => "trusted",
        "authenticated" => "verified",
        "mismatch" => "refused",
        "unusable" => "unchecked",
        "none" => "opportunistic",
        "lookup-error" => "TLSA unknown",
        "no-starttls" => "no STARTTLS",
        "tls-failed" => "handshake fails",
        "could-not-tell" => "unreached",
        _ => "",
    }
}
