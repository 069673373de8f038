//! What is refused, where, and in which words.

use super::{GOOD, read};

/// A mistake: the file, where it must be reported, and what must be said.
type Case = (
    &'static str,
    String,
    &'static str,
    (usize, usize),
    &'static [&'static str],
);

fn plus(text: &str) -> String {
    format!("{GOOD}{text}")
}

fn instead(from: &str, to: &str) -> String {
    assert!(GOOD.contains(from), "{from}");
    GOOD.replacen(from, to, 1)
}

fn cases() -> Vec<Case> {
    vec![
        (
            "empty",
            String::new(),
            "empty",
            (1, 1),
            &["the file is empty", "rollout init"],
        ),
        (
            "only comments",
            "# nothing\n\n".to_owned(),
            "empty",
            (1, 1),
            &["the file is empty"],
        ),
        (
            "only dashes",
            "---\n".to_owned(),
            "empty",
            (1, 1),
            &["the file is empty"],
        ),
        (
            "not a mapping",
            "- domain\n".to_owned(),
            "wrong-type",
            (1, 1),
            &["expected a mapping, found a list"],
        ),
        (
            "a text",
            "contoso.com\n".to_owned(),
            "wrong-type",
            (1, 1),
            &["expected a mapping, found text"],
        ),
        (
            "open bracket",
            plus("approve: [ds, swap\n"),
            "syntax",
            (12, 10),
            &[
                "not valid YAML: unclosed bracket '['",
                "brackets are closed",
            ],
        ),
        (
            "open quote",
            plus("playbook: \"exchange\n"),
            "syntax",
            (12, 11),
            &["this quote is not closed", "on the same line"],
        ),
        (
            "bad indentation",
            instead("  url:", " url:"),
            "syntax",
            (10, 2),
            &["not valid YAML", "indentation"],
        ),
        (
            "no space after colon",
            instead("domain: contoso.com", "domain:contoso.com"),
            "syntax",
            (1, 1),
            &["a space is missing after the colon", "key: value"],
        ),
        (
            "tab",
            instead("  tenant", "\ttenant"),
            "syntax",
            (3, 1),
            &["a tab cannot indent YAML", "use spaces"],
        ),
        (
            "two documents",
            plus("---\ndomain: fabrikam.com\n"),
            "syntax",
            (12, 1),
            &["a second document starts here"],
        ),
        (
            "anchor",
            instead("powerdns", "&p powerdns"),
            "syntax",
            (9, 16),
            &["anchors (&name) are not taken here"],
        ),
        (
            "alias",
            instead("powerdns", "*p"),
            "syntax",
            (9, 13),
            &["this looks like a YAML alias"],
        ),
        (
            "tag",
            instead("powerdns", "!x powerdns"),
            "syntax",
            (9, 16),
            &["tags (!name) are not taken here"],
        ),
        (
            "merge key",
            plus("timing:\n  <<: { poll: 1s }\n"),
            "syntax",
            (13, 3),
            &["merge keys (<<) are not taken here"],
        ),
        (
            "control character",
            instead("contoso.com\n", "con\u{8}toso.com\n"),
            "not-text",
            (1, 12),
            &["control character U+0008"],
        ),
        (
            "duplicate key",
            plus("domain: fabrikam.com\n"),
            "duplicate-key",
            (12, 1),
            &[
                "`domain` stands here a second time",
                "the first is in line 1",
            ],
        ),
        (
            "duplicate inner key",
            plus("timing: { poll: 1s, poll: 2s }\n"),
            "duplicate-key",
            (12, 21),
            &["`poll`", "in line 12"],
        ),
        (
            "unknown key",
            plus("shedule: overlap\n"),
            "unknown-key",
            (12, 1),
            &[
                "`shedule` is not known here",
                "did you mean `schedule`?",
                "allowed here: domain, playbook",
            ],
        ),
        (
            "unknown inner key",
            plus("smtp: { prt: 25 }\n"),
            "unknown-key",
            (12, 9),
            &["did you mean `port`? allowed here: port, probe, helo"],
        ),
        (
            "unknown key in sign_in",
            instead("    client_id", "    clientid"),
            "unknown-key",
            (6, 5),
            &["did you mean `client_id`?"],
        ),
        (
            "sign_in without its secret",
            instead("    secret: env:ROLLOUT_CLIENT_SECRET\n", ""),
            "missing-key",
            (4, 3),
            &["the key `secret` is missing"],
        ),
        (
            "certificate without its file",
            instead(
                "    method: client-secret\n",
                "    method: client-certificate\n",
            ),
            "unknown-key",
            (7, 5),
            &["`secret`", "allowed here: method, client_id, certificate, key"],
        ),
        (
            "a person's sign-in takes no secret",
            instead("client-secret", "device-code"),
            "unknown-key",
            (7, 5),
            &["`secret`", "allowed here: method, client_id, cache"],
        ),
        (
            "the keyring is not supported",
            instead(
                "client-secret\n",
                "browser\n    cache: keyring\n",
            ),
            "unknown-value",
            (6, 12),
            &["`keyring` is not known here", "none, file"],
        ),
        (
            "another cloud",
            instead("  sign_in", "  cloud: gcc-high\n  sign_in"),
            "bad-value",
            (2, 1),
            &["the cloud gcc-high is refused", "cloud_forced: gcc-high"],
        ),
        (
            "another cloud forced by another name",
            instead("  sign_in", "  cloud: dod\n  cloud_forced: gcc-high\n  sign_in"),
            "bad-value",
            (2, 1),
            &["cloud_forced names gcc-high, but cloud is dod"],
        ),
        (
            "force without need",
            instead("  sign_in", "  cloud_forced: worldwide\n  sign_in"),
            "bad-value",
            (2, 1),
            &["remove it for worldwide"],
        ),
        (
            "another cloud by hand",
            "domain: contoso.com\nmicrosoft: { backend: manual, cloud: dod }\ndns: { provider: powerdns, url: \"https://a.example\", api_key: \"env:X\" }\n".to_owned(),
            "bad-value",
            (2, 1),
            &["the cloud dod is refused"],
        ),
        (
            "missing domain",
            instead("domain: contoso.com\n", ""),
            "missing-key",
            (1, 1),
            &["the key `domain` is missing"],
        ),
        (
            "missing dns",
            "domain: contoso.com\nmicrosoft: { backend: manual }\n".to_owned(),
            "missing-key",
            (1, 1),
            &["the key `dns` is missing"],
        ),
        (
            "missing tenant",
            instead("  tenant: contoso.onmicrosoft.com\n", ""),
            "bad-value",
            (2, 1),
            &["`tenant` is missing", "backend: manual"],
        ),
        (
            "missing secret",
            instead("    secret: env:ROLLOUT_CLIENT_SECRET\n", ""),
            "missing-key",
            (4, 3),
            &["the key `secret` is missing"],
        ),
        (
            "missing root name",
            plus("resolve:\n  roots:\n    - address: 127.0.0.2\n"),
            "missing-key",
            (14, 7),
            &["the key `name` is missing"],
        ),
        (
            "nothing after the colon",
            instead("contoso.com", ""),
            "wrong-type",
            (1, 1),
            &["expected text, found nothing", "remove the key"],
        ),
        (
            "number for text",
            instead("contoso.com", "42"),
            "wrong-type",
            (1, 9),
            &["expected text, found a number", "quotes"],
        ),
        (
            "text for number",
            plus("smtp: { port: smtp }\n"),
            "wrong-type",
            (12, 15),
            &["expected a whole number from 0 to 65535, found text"],
        ),
        (
            "list for text",
            instead("contoso.com", "[contoso.com]"),
            "wrong-type",
            (1, 9),
            &["expected text, found a list"],
        ),
        (
            "text for a mapping",
            plus("timing: fast\n"),
            "wrong-type",
            (12, 9),
            &["expected a mapping, found text"],
        ),
        (
            "port too large",
            plus("smtp: { port: 65536 }\n"),
            "out-of-range",
            (12, 15),
            &["65536 is out of range", "0 to 65535"],
        ),
        (
            "port 0",
            plus("resolve: { port: 0 }\n"),
            "out-of-range",
            (12, 18),
            &["0 is no port"],
        ),
        (
            "duration without unit",
            plus("timing:\n  poll: 10\n"),
            "bad-value",
            (13, 9),
            &[
                "this duration has no unit",
                "write 10s if seconds are meant",
            ],
        ),
        (
            "no duration",
            plus("timing: { poll: soon }\n"),
            "bad-value",
            (12, 17),
            &["this is no duration", "90s, 5m, 1h30m, 1d"],
        ),
        (
            "duration out of range",
            plus("timing: { poll: 2d }\n"),
            "out-of-range",
            (12, 17),
            &["2d is out of range", "allowed: 1s to 1h"],
        ),
        (
            "unknown cloud",
            instead("  sign_in", "  cloud: europe\n  sign_in"),
            "unknown-value",
            (4, 10),
            &[
                "`europe` is not known here",
                "worldwide, gcc-high, dod, 21vianet",
            ],
        ),
        (
            "unknown method",
            instead("client-secret", "client-secrets"),
            "unknown-value",
            (5, 13),
            &["did you mean `client-secret`?"],
        ),
        (
            "bad client id",
            instead("11111111-2222-3333-4444-555555555555", "my-app"),
            "bad-value",
            (6, 16),
            &["this is no application id"],
        ),
        (
            "bad tenant",
            instead("contoso.onmicrosoft.com", "contoso"),
            "bad-value",
            (3, 11),
            &["this is no tenant"],
        ),
        (
            "unknown schedule",
            plus("schedule: carefull\n"),
            "unknown-value",
            (12, 11),
            &["`carefull` is not known here", "overlap, cautious"],
        ),
        (
            "unknown provider",
            instead("powerdns\n", "powerdsn\n"),
            "unknown-value",
            (9, 13),
            &[
                "there is no provider `powerdsn`",
                "did you mean `powerdns`?",
                "cloudflare",
            ],
        ),
        (
            "unknown field",
            plus("").replace("  api_key", "  api-key"),
            "unknown-key",
            (11, 3),
            &[
                "the provider powerdns has no field `api-key`",
                "did you mean `api_key`?",
            ],
        ),
        (
            "missing field",
            instead("  api_key: env:PDNS_API_KEY\n", ""),
            "missing-key",
            (9, 13),
            &["needs the field `api_key`", "POWERDNS_API_KEY"],
        ),
        (
            "registrar",
            plus("  delegation: registrar\n"),
            "contradiction",
            (12, 15),
            &["powerdns is no registrar", "auto, cds, manual"],
        ),
        (
            "no registrar by that name",
            plus("registrar:\n  provider: powerdns\n"),
            "unknown-value",
            (13, 13),
            &["there is no registrar `powerdns`", "gandi"],
        ),
        (
            "registrar without credentials",
            plus("registrar:\n  provider: gandi\n"),
            "missing-key",
            (13, 13),
            &["needs the field `token`", "under registrar", "GANDI_TOKEN"],
        ),
        (
            "registrar with a secret in the file",
            plus("registrar:\n  provider: gandi\n  token: 0123456789abcdef\n"),
            "literal-secret",
            (14, 10),
            &["env:NAME"],
        ),
        (
            "registrar beside a DS by hand",
            plus("  delegation: manual\nregistrar:\n  provider: gandi\n  token: env:GANDI_TOKEN\n"),
            "contradiction",
            (12, 15),
            &["a registrar is named", "remove registrar"],
        ),
        (
            "plain http",
            instead("https://ns1", "http://ns1"),
            "bad-value",
            (10, 8),
            &[
                "plain http would send secrets unprotected",
                "http://127.0.0.1:8081",
            ],
        ),
        (
            "localhost",
            instead("https://ns1.contoso.com", "http://localhost"),
            "bad-value",
            (10, 8),
            &["localhost is a name", "http://127.0.0.1"],
        ),
        (
            "plain http endpoint",
            instead(
                "  sign_in",
                "  endpoints: { graph: \"http://10.0.0.1\" }\n  sign_in",
            ),
            "bad-value",
            (4, 23),
            &["plain http would send secrets"],
        ),
        (
            "password in a URL",
            instead("https://ns1", "https://me:hunter2@ns1"),
            "bad-value",
            (10, 8),
            &["holds a user name or password"],
        ),
        (
            "secret in sign_in",
            instead("env:ROLLOUT_CLIENT_SECRET", "hunter2"),
            "literal-secret",
            (7, 13),
            &[
                "a secret must not be written into this file",
                "env:NAME",
                "replace it where it was issued",
            ],
        ),
        (
            "number as secret",
            instead("env:ROLLOUT_CLIENT_SECRET", "12345678"),
            "literal-secret",
            (7, 13),
            &["a secret must not be written"],
        ),
        (
            "secret in dns",
            instead("env:PDNS_API_KEY", "hunter2"),
            "literal-secret",
            (11, 12),
            &["a secret must not be written"],
        ),
        (
            "bad variable",
            instead("env:PDNS_API_KEY", "env:PDNS-API-KEY"),
            "bad-value",
            (11, 12),
            &["needs the name of an environment variable"],
        ),
        (
            "empty file reference",
            instead("env:ROLLOUT_CLIENT_SECRET", "\"file:\""),
            "bad-value",
            (7, 13),
            &["file: needs the path of a file"],
        ),
        (
            "reference for a plain field",
            instead("https://ns1.contoso.com:8443", "env:URL"),
            "bad-value",
            (10, 8),
            &["`url` is no secret"],
        ),
        (
            "URL as domain",
            instead("contoso.com", "https://contoso.com"),
            "bad-value",
            (1, 9),
            &["a URL or path is not a domain name", "contoso.com"],
        ),
        (
            "address as domain",
            instead("contoso.com", "me@contoso.com"),
            "bad-value",
            (1, 9),
            &["a mail address is not a domain name"],
        ),
        (
            "wildcard",
            instead("contoso.com", "\"*.contoso.com\""),
            "bad-value",
            (1, 9),
            &["a wildcard is not a domain name"],
        ),
        (
            "one label",
            instead("contoso.com", "contoso"),
            "bad-value",
            (1, 9),
            &["at least two labels"],
        ),
        (
            "bad label",
            instead("contoso.com", "-contoso.com"),
            "bad-value",
            (1, 9),
            &["not a valid domain name"],
        ),
        (
            "wrong zone",
            plus("  zone: fabrikam.com\n"),
            "contradiction",
            (12, 9),
            &["the domain contoso.com is not in this zone"],
        ),
        (
            "unknown playbook",
            plus("playbook: exchange-dnae\n"),
            "unknown-value",
            (12, 11),
            &[
                "no built-in playbook `exchange-dnae`",
                "did you mean `exchange-dane`?",
            ],
        ),
        (
            "no playbook file",
            plus("playbook: ./nothing/ours.yml\n"),
            "unknown-value",
            (12, 11),
            &["there is no playbook file"],
        ),
        (
            "unknown gate",
            plus("approve: [ds, swop]\n"),
            "unknown-value",
            (12, 15),
            &[
                "no gate `swop`",
                "did you mean `swap`?",
                "ds, smart-hosts, swap, removal",
                "approve: all",
            ],
        ),
        (
            "gate twice",
            plus("approve: [ds, ds]\n"),
            "contradiction",
            (12, 15),
            &["stands here twice"],
        ),
        (
            "approve everything",
            plus("approve: everything\n"),
            "bad-value",
            (12, 10),
            &["neither a list of gates nor the word all"],
        ),
        (
            "unknown setting",
            plus("settings: { finalttl: 60 }\n"),
            "unknown-key",
            (12, 13),
            &["has no parameter `finalttl`", "did you mean `final_ttl`?"],
        ),
        (
            "setting too small",
            plus("settings:\n  ttl: 20\n"),
            "out-of-range",
            (13, 8),
            &["20 is out of range", "allowed: 30 to 3600 seconds"],
        ),
        (
            "setting too large",
            plus("settings: { ttl: 1d }\n"),
            "out-of-range",
            (12, 18),
            &["86400 is out of range"],
        ),
        (
            "setting of the wrong type",
            plus("settings: { added_preference: 5m }\n"),
            "out-of-range",
            (12, 31),
            &["a whole number is needed here"],
        ),
        (
            "negative setting",
            plus("settings: { ttl: -1 }\n"),
            "wrong-type",
            (12, 18),
            &["found a negative number"],
        ),
        (
            "settings that contradict",
            plus("settings: { swapped_preference: 40 }\n"),
            "contradiction",
            (12, 33),
            &["40 is not smaller than 30"],
        ),
        (
            "roots and forwarders",
            plus(
                "resolve:\n  roots: [{ name: a.root, address: 127.0.0.2 }]\n  forwarders: [127.0.0.1]\n",
            ),
            "contradiction",
            (14, 3),
            &["both roots and forwarders"],
        ),
        (
            "a name as resolver",
            plus("resolve: { resolvers: [{ name: x, address: dns.google }] }\n"),
            "bad-value",
            (12, 44),
            &["this is no IP address"],
        ),
        (
            "no resolvers",
            plus("resolve: { resolvers: [] }\n"),
            "bad-value",
            (12, 12),
            &["without a resolver"],
        ),
        (
            "resolver twice",
            plus(
                "resolve: { resolvers: [{ name: x, address: 1.1.1.1 }, { name: x, address: 8.8.8.8 }] }\n",
            ),
            "contradiction",
            (12, 63),
            &["another resolver has this name"],
        ),
        (
            "bad root address",
            plus("resolve: { roots: [{ name: x, address: nine }] }\n"),
            "bad-value",
            (12, 40),
            &["this is no IP address"],
        ),
        (
            "no trust anchor file",
            plus("resolve: { trust_anchor: \"file:nothing/root.key\" }\n"),
            "bad-value",
            (12, 26),
            &["there is no file `nothing/root.key`"],
        ),
        (
            "bad policy address",
            plus("https: { mta_sts_address: localhost }\n"),
            "bad-value",
            (12, 27),
            &["no address with a port"],
        ),
        (
            "policy file that is not there",
            plus("mta_sts:\n  policy: nowhere.txt\n"),
            "bad-value",
            (13, 11),
            &["there is no file `nowhere.txt`", "the policy file that the web server serves"],
        ),
        (
            "policy file and executable",
            plus("mta_sts:\n  policy: Cargo.toml\n  publish: [publish]\n"),
            "contradiction",
            (14, 3),
            &["written to a file already", "keep one"],
        ),
        (
            "no executable",
            plus("mta_sts:\n  publish: []\n"),
            "bad-value",
            (13, 3),
            &["there is no executable to run", "[/usr/local/bin/publish-policy"],
        ),
        (
            "executable that is not there",
            plus("mta_sts:\n  publish: [./nowhere, --site, a]\n"),
            "bad-value",
            (13, 12),
            &["there is no executable", "without a shell"],
        ),
        (
            "time limit of nothing",
            plus("mta_sts:\n  time_limit: 10s\n"),
            "contradiction",
            (13, 3),
            &["only an executable has a time limit"],
        ),
        (
            "time limit out of range",
            plus("mta_sts:\n  publish: [publish]\n  time_limit: 2h\n"),
            "out-of-range",
            (14, 15),
            &["2h is out of range", "allowed: 1s to 1h"],
        ),
        (
            "record by a provider that is a person",
            plus("mta_sts: {record: provider}\n")
                .replace("provider: powerdns\n  url: https://ns1.contoso.com:8443\n  api_key: env:PDNS_API_KEY", "provider: manual"),
            "contradiction",
            (10, 19),
            &["the provider manual is a person", "by-hand"],
        ),
        (
            "unknown mode during the move",
            plus("mta_sts: {during_move: none}\n"),
            "unknown-value",
            (12, 24),
            &["`none`", "enforce", "testing"],
        ),
        (
            "unknown key of mta_sts",
            plus("mta_sts: {polcy: a}\n"),
            "unknown-key",
            (12, 11),
            &["`polcy`", "did you mean `policy`?"],
        ),
        (
            "a window without a zone",
            plus("change:\n  windows: [{days: [mon], from: \"20:00\", to: \"06:00\"}]\n"),
            "missing-key",
            (13, 27),
            &["a time of day needs a time zone", "zone: Europe/Berlin"],
        ),
        (
            "no such zone",
            plus("change: {zone: Europe/Bärlin}\n"),
            "bad-value",
            (12, 16),
            &["there is no such time zone", "IANA name"],
        ),
        (
            "no such day",
            plus("change: {zone: UTC, windows: [{days: [monday]}]}\n"),
            "unknown-value",
            (12, 39),
            &["`monday`", "mon, tue"],
        ),
        (
            "no day",
            plus("change: {zone: UTC, windows: [{days: []}]}\n"),
            "bad-value",
            (12, 32),
            &["a window without a day never opens"],
        ),
        (
            "no time of day",
            plus("change: {zone: UTC, windows: [{from: 8pm}]}\n"),
            "bad-value",
            (12, 38),
            &["this is no time of day", "as in 20:00"],
        ),
        (
            "a number for a time of day",
            plus("change: {zone: UTC, windows: [{from: 20}]}\n"),
            "wrong-type",
            (12, 38),
            &["found a number"],
        ),
        (
            "an empty window",
            plus("change: {zone: UTC, windows: [{from: \"08:00\", to: \"08:00\"}]}\n"),
            "contradiction",
            (12, 51),
            &["the window ends where it begins", "for the whole day"],
        ),
        (
            "a window at the day's end",
            plus("change: {zone: UTC, windows: [{from: \"24:00\", to: \"06:00\"}]}\n"),
            "bad-value",
            (12, 38),
            &["cannot open at the day's end"],
        ),
        (
            "a mistyped key of a window",
            plus("change: {zone: UTC, windows: [{form: \"08:00\"}]}\n"),
            "unknown-key",
            (12, 32),
            &["`form`", "did you mean `from`?"],
        ),
        (
            "a freeze without a reason",
            plus("change: {zone: UTC, freezes: [{from: 2026-12-20, to: 2027-01-03}]}\n"),
            "missing-key",
            (12, 32),
            &["`reason`"],
        ),
        (
            "a freeze with an empty reason",
            plus("change: {zone: UTC, freezes: [{from: 2026-12-20, to: 2027-01-03, reason: \" \"}]}\n"),
            "bad-value",
            (12, 74),
            &["the reason is empty"],
        ),
        (
            "a freeze without a zone",
            plus("change: {freezes: [{from: 2026-12-20, to: 2027-01-03, reason: x}]}\n"),
            "missing-key",
            (12, 27),
            &["needs a time zone", "2026-12-24T18:00+01:00"],
        ),
        (
            "a freeze that ends before it begins",
            plus("change: {zone: UTC, freezes: [{from: 2026-12-20, to: 2025-12-24, reason: x}]}\n"),
            "contradiction",
            (12, 54),
            &["ends before it begins"],
        ),
        (
            "no date",
            plus("change: {zone: UTC, freezes: [{from: 20.12.2026, to: 2027-01-03, reason: x}]}\n"),
            "bad-value",
            (12, 38),
            &["this is no date and no time"],
        ),
        (
            "nobody can report there",
            plus("reports: {tlsrpt: tls@contoso.com}\n"),
            "bad-value",
            (12, 19),
            &["nobody can report to this", "mailto:"],
        ),
        (
            "no freeze file",
            plus("change: {freeze_file: \"\"}\n"),
            "bad-value",
            (12, 23),
            &["a path is missing here"],
        ),
    ]
}

#[test]
fn every_mistake_is_shown_at_its_place() {
    let mut wrong = Vec::new();
    for (what, text, code, (line, column), fragments) in cases() {
        let Err(rejected) = read(&text) else {
            wrong.push(format!("{what}: was taken"));
            continue;
        };
        let all: Vec<_> = rejected.mistakes().collect();
        let [mistake] = all.as_slice() else {
            wrong.push(format!("{what}: not one mistake: {rejected}"));
            continue;
        };
        if (mistake.code.as_str(), mistake.line, mistake.column) != (code, Some(line), Some(column))
        {
            wrong.push(format!(
                "{what}: wanted {code} at {line}:{column}, got {} {rejected}",
                mistake.code.as_str()
            ));
        }
        let plain = rejected.to_string();
        for fragment in fragments {
            if !plain.contains(fragment) {
                wrong.push(format!("{what}: no {fragment:?} in {plain}"));
            }
        }
        let shown = rejected.render(false, 100);
        let place = format!("domain.yml:{line}:{column}");
        if !shown.contains(&place) || !shown.contains(code) {
            wrong.push(format!("{what}: no {place} or code in {shown}"));
        }
        for text in [plain, shown, format!("{rejected:?}")] {
            if text.contains("hunter2") || text.contains("12345678") {
                wrong.push(format!("{what}: shows the secret: {text}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(cases().len() >= 30);
}

#[test]
fn what_is_underlined_is_what_is_meant() {
    let rejected = read(&plus("shedule: overlap\n")).unwrap_err();
    let shown = rejected.render(false, 100);
    assert!(
        shown.contains("12 │ shedule: overlap\n    · ───────\n"),
        "{shown}"
    );
    let rejected = read(&instead("env:PDNS_API_KEY", "hunter2")).unwrap_err();
    let shown = rejected.render(false, 100);
    assert!(
        shown.contains("11 │   api_key: *******\n    ·            ───────\n"),
        "{shown}"
    );
}

#[test]
fn several_mistakes_are_reported_in_one_go() {
    let text = plus("settings: { ttl: 1, nothing: 2 }\napprove: [x]\ntiming: { poll: 1w }\n")
        .replace("https:", "http:");
    let rejected = read(&text).unwrap_err();
    let lines: Vec<_> = rejected
        .mistakes()
        .filter_map(|mistake| mistake.line)
        .collect();
    assert_eq!(lines, [10, 12, 12, 13, 14]);
}

#[test]
fn a_mistake_in_the_playbook_is_shown_in_the_playbook() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("ours.yml"),
        "name: ours\ntitle: t\nsteps:\n  - step: preflite\n",
    )
    .unwrap();
    let path = folder.path().join("domain.yml");
    std::fs::write(&path, plus("playbook: ours.yml\n")).unwrap();
    let rejected = crate::domain_file::load(&path).unwrap_err();
    assert!(rejected.file().ends_with("ours.yml"), "{rejected}");
    assert!(
        rejected
            .to_string()
            .contains("ours.yml:4:11: `preflite` is not known here (did you mean `preflight`?"),
        "{rejected}"
    );
}
