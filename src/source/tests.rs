//! Reading, placing, hiding and escaping, without a domain file in sight.

use proptest::prelude::*;
use serde::Deserialize;

use super::shown::{secrets, shown};
use super::*;

#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
struct Sample {
    name: String,
    #[serde(default)]
    port: u16,
    #[serde(default)]
    inner: Option<Inner>,
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
struct Inner {
    colour: Colour,
    list: Vec<u8>,
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(rename_all = "kebab-case")]
enum Colour {
    Red,
    DarkBlue,
}

fn sample(text: &str) -> Result<Sample, Rejected> {
    Document::parse("sample.yml", text.to_owned())?.decode()
}

fn places(rejected: &Rejected) -> Vec<(Code, Option<usize>, Option<usize>)> {
    rejected
        .mistakes()
        .map(|m| (m.code, m.line, m.column))
        .collect()
}

#[test]
fn a_good_text_is_decoded() {
    let read = sample("name: é\nport: 25\ninner: { colour: dark-blue, list: [1, 2] }\n").unwrap();
    let inner = Inner {
        colour: Colour::DarkBlue,
        list: vec![1, 2],
    };
    assert_eq!(
        read,
        Sample {
            name: "é".to_owned(),
            port: 25,
            inner: Some(inner)
        }
    );
    assert_eq!(sample("\u{feff}name: a").unwrap().name, "a");
    assert_eq!(
        sample("name: \"true\"\r\nport: 1\r\n").unwrap().name,
        "true"
    );
    assert_eq!(sample("---\nname: no\n").unwrap().name, "no");
    assert_eq!(
        sample("name: |\n  two\n  lines\n").unwrap().name,
        "two\nlines\n"
    );
    assert_eq!(sample("name: a\ninner:\n").unwrap().inner, None);
}

#[test]
fn places_count_characters_from_one() {
    let rejected = sample("name: ééé\ninner: { colour: ééé, list: [] }\n").unwrap_err();
    assert_eq!(places(&rejected), [(Code::UnknownValue, Some(2), Some(18))]);
    let rejected = sample("name: a\nport: 70000\n").unwrap_err();
    assert_eq!(places(&rejected), [(Code::OutOfRange, Some(2), Some(7))]);
    assert!(
        rejected
            .to_string()
            .contains("70000 is out of range (expected a whole number from 0 to 65535)"),
        "{rejected}"
    );
}

#[test]
fn every_unknown_key_is_reported_and_a_mistyped_one_is_not_missing_too() {
    let rejected = sample("nmae: a\nprt: 1\n").unwrap_err();
    assert_eq!(
        places(&rejected),
        [
            (Code::UnknownKey, Some(1), Some(1)),
            (Code::UnknownKey, Some(2), Some(1))
        ]
    );
    assert!(
        rejected
            .to_string()
            .contains("did you mean `name`? allowed here: name, port, inner"),
        "{rejected}"
    );
}

#[test]
fn deep_nesting_is_refused_quickly() {
    let deep = "[".repeat(100_000);
    assert!(sample(&deep).is_err());
    let deep: String = (0..200)
        .map(|depth| format!("{}a:\n", " ".repeat(depth)))
        .collect();
    assert!(sample(&deep).is_err());
}

#[test]
fn many_keys_and_many_mistakes_stay_fast_and_short() {
    let text: String = (0..60_000).map(|key| format!("key{key}: v\n")).collect();
    let started = std::time::Instant::now();
    let rejected = sample(&text).unwrap_err();
    assert_eq!(rejected.mistakes().count(), 21);
    assert!(
        rejected.to_string().contains("59980 more mistakes")
            || rejected.to_string().contains("59981 more mistakes")
    );
    assert!(rejected.render(false, 100).len() < 20_000);
    assert!(started.elapsed().as_secs() < 20, "{:?}", started.elapsed());
}

#[test]
fn a_long_line_is_cut_around_the_mistake() {
    let text = format!(
        "name: a\ninner: {{ colour: red, list: [{}x] }}\n",
        "1, ".repeat(50_000)
    );
    let shown = sample(&text).unwrap_err().render(false, 100);
    assert!(shown.len() < 3000, "{}", shown.len());
    assert!(shown.contains("x] }"), "{shown}");
}

#[test]
fn text_of_the_file_cannot_drive_the_terminal() {
    for nasty in ["\u{1b}[31m", "\u{9b}31m", "\u{7}", "\u{0}", "\u{7f}"] {
        let rejected = sample(&format!("name: a{nasty}\n")).unwrap_err();
        assert_eq!(places(&rejected)[0].0, Code::NotText);
        let shown = format!("{}{rejected}{rejected:?}", rejected.render(false, 100));
        assert!(
            !shown.chars().any(|c| c.is_control() && c != '\n'),
            "{shown:?}"
        );
    }
    let rejected = sample("name: a\nna\u{202e}me\u{200b}: \"\u{2066}\"\n").unwrap_err();
    let shown = format!("{}{rejected}", rejected.render(false, 100));
    assert!(shown.contains("na\\u{202e}me\\u{200b}"), "{shown}");
    assert!(
        !shown.contains(['\u{202e}', '\u{200b}', '\u{2066}']),
        "{shown:?}"
    );
    let rejected = Document::parse("evil\u{1b}[31m.yml", "a: [".to_owned()).unwrap_err();
    assert!(!rejected.render(false, 100).contains('\u{1b}'));
}

#[test]
fn no_colour_means_no_escape() {
    let rejected = sample("nme: a\n").unwrap_err();
    assert!(!rejected.render(false, 80).contains('\u{1b}'));
    assert!(rejected.render(true, 80).contains('\u{1b}'));
}

#[test]
fn what_sounds_secret_is_hidden() {
    let hidden = [
        "secret: hunter2",
        "  client_secret: \"hunter2\"",
        "- { a: b, api_key: hunter2, c: d }",
        "password:\n  hunter2\nname: x",
        "token: |\n  hunter2\n  hunter2\n\n  hunter2\nname: x",
        "key_secret: \"one\n  hunter2\"\nname: x",
        "TOKEN=hunter2",
        "my-token : hunter2",
        "'secret': hunter2",
        "api_key: one\n  hunter2",
        "{secret:\n hunter2}",
        "secret:\n\n\nhunter2",
        "x: {tsig: hunter2}",
        "url: https://me:hunter2@ns1.example/x",
        "# https://hunter2@a",
    ];
    for text in hidden {
        let (out, _) = shown(
            text,
            &secrets(text),
            &[
                0..1,
                text.len() - 1..text.len(),
                text.find("hunter2").unwrap()..text.len(),
            ],
        );
        assert!(!out.contains("hunter2"), "{text} -> {out}");
    }
    for text in [
        "secret: env:NAME",
        "token: 'file:a/b'",
        "key_name: rollout.",
        "method: client-secret",
        "key_file: x",
    ] {
        assert!(secrets(text).is_empty(), "{text}");
    }
}

#[test]
fn the_name_that_was_meant_is_found() {
    let allowed = ["domain", "playbook", "schedule", "api_key", "dns"];
    for (text, meant) in [
        ("domian", Some("domain")),
        ("Domain", Some("domain")),
        ("api-key", Some("api_key")),
        ("apikey", Some("api_key")),
        ("shedule", Some("schedule")),
        ("dsn", Some("dns")),
        ("colour", None),
        ("", None),
    ] {
        assert_eq!(closest(text, allowed), meant, "{text}");
    }
}

#[test]
fn durations_have_units() {
    use super::duration::parse;
    for (text, seconds) in [
        ("90s", 90),
        ("5m", 300),
        ("1h30m", 5400),
        ("1d", 86_400),
        ("2w", 1_209_600),
        ("0s", 0),
        ("1d1h1m1s", 90_061),
    ] {
        assert_eq!(parse(text).unwrap().get().as_secs(), seconds, "{text}");
    }
    for text in [
        "",
        "5",
        "m",
        "5 m",
        "5M",
        "-5m",
        "1.5h",
        "5m1h",
        "5m5m",
        "99999999999999999999s",
        "9999999999999999w",
        "5µ",
        "ß",
    ] {
        assert!(parse(text).is_err(), "{text}");
    }
    for seconds in [0, 1, 59, 60, 3600, 5400, 86_400, 90_061, 604_800] {
        let span = super::duration::Span::seconds(seconds);
        assert_eq!(parse(&span.to_string()).unwrap(), span, "{span}");
    }
}

#[test]
fn readers_that_disagree_are_not_believed() {
    // Whatever one of the readers makes of these, nothing but text may come out, and nothing may panic.
    for text in [
        "name: ! a",
        "name: !!str 5",
        "name: !!binary aGk=",
        "name: &x a",
        "name: *x",
        "? name\n: a",
        "<<: {name: a}",
        "%YAML 1.1\n---\nname: a",
    ] {
        match sample(text) {
            Ok(read) => assert_eq!(read.name, "a", "{text}"),
            Err(rejected) => assert_eq!(
                rejected.mistakes().next().unwrap().code,
                Code::Syntax,
                "{text}: {rejected}"
            ),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        if let Err(rejected) = Document::from_bytes("any", bytes) {
            let shown = format!("{}{rejected}", rejected.render(false, 80));
            prop_assert!(!shown.chars().any(|c| c.is_control() && c != '\n'));
        }
    }

    #[test]
    fn any_yaml_like_text_is_read_or_refused(text in "([a-z]{1,3}|: |- |\n|\n  |\\{|\\}|\\[|\\]|,|\"|'|#|\\||>|&a|\\*a|!|\t|é|---|\\?|%|secret|env:){0,60}") {
        if let Err(rejected) = sample(&text) {
            let _ = rejected.render(false, 80);
            for mistake in rejected.mistakes() {
                prop_assert!(mistake.line.is_none_or(|line| line <= text.matches('\n').count() + 1));
            }
        }
    }
}
