//! What programs read, and what hostile text from outside cannot do to a terminal (S12).

use rollout_lab::DomainSeed;
use serde_json::Value;

use super::stage::{Ran, Stage};

fn lines(ran: &Ran) -> Vec<Value> {
    ran.out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}\n{ran}")))
        .collect()
}

fn assert_json(ran: &Ran, command: &str) -> Vec<Value> {
    let lines = lines(ran);
    let head = lines.first().unwrap_or_else(|| panic!("nothing: {ran}"));
    assert!(head["schema"].is_u64(), "{head}");
    assert_eq!(head["command"], command, "{head}");
    for line in &lines[1..] {
        assert!(line.is_object(), "{line}");
        assert!(line["type"].is_string(), "{line}");
    }
    lines
}

/// No byte that a terminal obeys.
fn assert_harmless(ran: &Ran) {
    for (stream, text) in [("stdout", &ran.out), ("stderr", &ran.err)] {
        let bad = text
            .chars()
            .find(|c| c.is_control() && *c != '\n' || matches!(c, '\u{202a}'..='\u{202e}'));
        assert_eq!(bad, None, "{stream}: {ran}");
    }
}

#[test]
fn every_line_of_json_parses_and_the_first_has_the_schema() {
    let stage = Stage::of(DomainSeed::ordinary("contoso.com").signed());
    for (args, command, codes) in [
        (&["plan", "{file}", "--json"][..], "plan", &[0][..]),
        (
            &["--json", "plan", "{file}", "--detailed-exitcode"],
            "plan",
            &[5],
        ),
        (
            &["apply", "{file}", "--until", "nowhere", "--json"],
            "apply",
            &[2],
        ),
        (
            &["apply", "{file}", "--yes", "--no-wait", "--json"],
            "apply",
            &[4],
        ),
        (&["status", "--json"], "status", &[0, 4]),
        (&["why", "{domain}", "--json"], "why", &[0]),
        (&["history", "{domain}", "--json"], "history", &[0]),
        (&["resume", "--no-wait", "--json"], "resume", &[0, 4]),
        (
            &["approve", "{domain}", "no-gate", "--json"],
            "approve",
            &[2],
        ),
        (&["approve", "{domain}", "swap", "--json"], "approve", &[0]),
        (&["pause", "{domain}", "--json"], "pause", &[0]),
        (&["abort", "{domain}", "--json"], "abort", &[0]),
        (&["why", "nobody.example", "--json"], "why", &[1]),
        (&["providers", "--json"], "providers", &[0]),
        (&["plan", "nowhere.yml", "--json"], "plan", &[2]),
    ] {
        let ran = stage.run(args);
        assert!(
            codes.iter().any(|code| ran.code == Some(*code)),
            "{args:?}: {ran}"
        );
        let lines = assert_json(&ran, command);
        assert_harmless(&ran);
        if !matches!(ran.code, Some(0 | 4 | 5)) {
            let last = lines.last().unwrap();
            assert_eq!(last["type"], "error", "{args:?}: {ran}");
            assert_eq!(last["exit"].as_i64(), ran.code.map(i64::from), "{ran}");
            assert!(last["id"].is_string(), "{ran}");
        }
    }
}

#[test]
fn an_unknown_gate_names_those_there_are() {
    let stage = Stage::of(DomainSeed::ordinary("contoso.com").signed());
    let ran = stage.run(&["apply", "{file}", "--yes", "--no-wait"]);
    assert_eq!(ran.code, Some(4), "{ran}");
    let ran = stage.run(&["approve", "{domain}", "swop"]);
    assert_eq!(ran.code, Some(2), "{ran}");
    for wanted in ["no gate", "swop", "swap", "removal", "ds"] {
        assert!(ran.words().contains(wanted), "{wanted}: {ran}");
    }
}

/// Clear the screen, set the title, ring the bell.
const HOSTILE: &[u8] = b"\x1b[2J\x1b]0;owned\x07\x9b31m";

/// A resolver that answers every question with an MX at a host whose first label drives terminals.
fn hostile_resolver() -> std::net::SocketAddr {
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    std::thread::spawn(move || {
        let mut packet = [0; 4096];
        while let Ok((length, from)) = socket.recv_from(&mut packet) {
            let mut end = 12;
            while end < length && packet[end] != 0 {
                end += usize::from(packet[end]) + 1;
            }
            let question = &packet[12..end + 5];
            let mut exchange = vec![0, 20, u8::try_from(HOSTILE.len()).unwrap()];
            exchange.extend(HOSTILE);
            exchange.extend(b"\x07example\x03net\x00");
            // RFC 1035 section 4.1: one question, one answer, whose name points at the question's.
            let mut answer = packet[..2].to_vec();
            answer.extend([0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0]);
            answer.extend(question);
            answer.extend([0xc0, 12, 0, 15, 0, 1, 0, 0, 0, 4, 0]);
            answer.push(u8::try_from(exchange.len()).unwrap());
            answer.extend(exchange);
            let _ = socket.send_to(&answer, from);
        }
    });
    address
}

/// Runs everything that shows facts; the hostile text must turn up, and do no harm.
fn assert_shown_not_obeyed(stage: &Stage) {
    let mut shown = false;
    for args in [
        &["plan", "{file}"][..],
        &["plan", "{file}", "--json"],
        &["-vvv", "plan", "{file}"],
        &["apply", "{file}", "--yes", "--no-wait"],
        &["why", "{domain}"],
        &["history", "{domain}"],
    ] {
        let ran = stage.run(args);
        assert!(ran.code.is_some(), "{ran}");
        assert_harmless(&ran);
        shown |= ran.out.contains("owned");
    }
    assert!(shown, "nothing hostile was met, so nothing was proven");
}

/// Escape sequences in names of MX hosts never reach the terminal as they are.
#[test]
fn escapes_in_names_from_dns_are_shown_not_obeyed() {
    let stage = Stage::of(DomainSeed::ordinary("contoso.com").signed());
    let resolver = stage.bench.lab.endpoints().unwrap().resolvers[1];
    let hostile = hostile_resolver();
    stage.rewrite(&format!("\"{resolver}\""), &format!("\"{hostile}\""));
    assert_shown_not_obeyed(&stage);
}

/// Nor those in texts.
#[test]
fn escapes_in_texts_from_dns_are_shown_not_obeyed() {
    let stage = Stage::of(DomainSeed::ordinary("contoso.com").signed());
    let record = "\"v=STSv1; id=\u{1b}[2J\u{1b}]0 owned\u{7}\u{202e}\"";
    stage.edit_at("contoso.com", "_mta-sts.contoso.com", "TXT", 4, &[record]);
    std::thread::sleep(std::time::Duration::from_millis(5500));
    assert_shown_not_obeyed(&stage);
}

/// The same for texts that an API answers with.
#[test]
fn escapes_from_an_api_are_shown_not_obeyed() {
    use std::io::{Read as _, Write as _};
    const BODY: &str = "{\"error\":\"no \\u001b[2J\\u001b]0;owned\\u0007 zone\\u202e here\"}";
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let _ = stream.read(&mut [0; 4096]);
            let _ = write!(
                stream,
                "HTTP/1.1 422 Unprocessable\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{BODY}",
                BODY.len()
            );
        }
    });
    for key in ["url", "graph", "exchange", "authority"] {
        let stage = Stage::of(DomainSeed::ordinary("contoso.com").signed());
        stage.set(key, &format!("http://{address}"));
        for args in [
            &["plan", "{file}"][..],
            &["-vvv", "plan", "{file}"],
            &["plan", "{file}", "--json"],
        ] {
            let ran = stage.run(args);
            assert!(matches!(ran.code, Some(1 | 3)), "{key}: {ran}");
            assert_harmless(&ran);
        }
    }
}
