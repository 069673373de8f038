//! Whole files: the examples, the schema, reading what was written, and whatever bytes there are.

use std::path::PathBuf;

use proptest::prelude::*;
use serde_json::Value as Json;

use super::*;
use crate::playbook;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn files(folder: &str, ending: &str) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = std::fs::read_dir(root().join(folder))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_string_lossy().ends_with(ending))
        .collect();
    found.sort();
    found
}

/// The file as an editor's YAML server hands it to the schema.
fn as_json(path: &Path) -> Json {
    serde_yaml::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

#[test]
fn every_example_loads_and_names_its_schema() {
    let examples = files("examples", ".yml");
    let providers: Vec<&str> = provider::known()
        .iter()
        .map(|provider| provider.slug)
        .collect();
    let mut seen = Vec::new();
    for path in &examples {
        let text = std::fs::read_to_string(path).unwrap();
        assert!(
            text.starts_with("# yaml-language-server: $schema=../schema/domain.schema.json\n"),
            "{}",
            path.display()
        );
        let loaded = from_text(path, &text, &Environment::default())
            .unwrap_or_else(|error| panic!("{error}"));
        seen.push(loaded.file.dns.provider.clone());
        crate::source::schema_check::accepts(&schema(), &as_json(path))
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }
    for slug in providers {
        assert!(
            seen.iter().any(|provider| provider == slug),
            "no example of {slug}"
        );
    }
    let playbooks = [
        files("playbooks", ".yml"),
        files("examples/playbooks", ".yml"),
    ]
    .concat();
    assert!(playbooks.len() >= 2);
    for path in playbooks {
        let text = std::fs::read_to_string(&path).unwrap();
        let named = text
            .lines()
            .next()
            .unwrap()
            .strip_prefix("# yaml-language-server: $schema=")
            .unwrap();
        assert!(path.parent().unwrap().join(named).is_file(), "{named}");
        playbook::load(&path).unwrap_or_else(|error| panic!("{error}"));
        crate::source::schema_check::accepts(&playbook::schema(), &as_json(&path))
            .unwrap_or_else(|error| panic!("{error}"));
    }
}

/// `ROLLOUT_WRITE_SCHEMA=1 cargo test --lib schema` writes them anew.
#[test]
fn the_committed_schema_is_up_to_date() {
    for (name, schema) in [("domain", schema()), ("playbook", playbook::schema())] {
        let path = root().join(format!("schema/{name}.schema.json"));
        let text = format!("{}\n", serde_json::to_string_pretty(&schema).unwrap());
        if std::env::var_os("ROLLOUT_WRITE_SCHEMA").is_some() {
            std::fs::write(&path, &text).unwrap();
        }
        let committed = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            committed == text,
            "{} is not up to date: run ROLLOUT_WRITE_SCHEMA=1 cargo test --lib schema",
            path.display()
        );
    }
}

#[test]
fn the_schema_refuses_what_the_reader_refuses() {
    let change = |from: &str, to: &str| {
        assert!(GOOD.contains(from));
        GOOD.replacen(from, to, 1)
    };
    let bad = [
        format!("{GOOD}shedule: overlap\n"),
        format!("{GOOD}schedule: slow\n"),
        format!("{GOOD}settings: {{ finalttl: 1 }}\n"),
        format!("{GOOD}settings: {{ ttl: 4000 }}\n"),
        format!("{GOOD}approve: [swop]\n"),
        format!("{GOOD}timing: {{ poll: 10 }}\n"),
        format!("{GOOD}smtp: {{ port: 70000 }}\n"),
        change("domain: contoso.com\n", ""),
        change("  tenant: contoso.onmicrosoft.com\n", ""),
        change("client-secret\n", "password\n"),
        change("provider: powerdns", "provider: powerdsn"),
        change("  api_key", "  api-key"),
        change("env:PDNS_API_KEY", "hunter2"),
        change("env:ROLLOUT_CLIENT_SECRET", "hunter2"),
    ];
    let schema = schema();
    crate::source::schema_check::accepts(&schema, &serde_yaml::from_str(GOOD).unwrap()).unwrap();
    for text in bad {
        assert!(read(&text).is_err(), "{text}");
        let value = serde_yaml::from_str(&text).unwrap();
        assert!(
            crate::source::schema_check::accepts(&schema, &value).is_err(),
            "{text}"
        );
    }
}

#[test]
fn what_is_written_reads_the_same() {
    let mut texts = vec![GOOD.to_owned()];
    texts.extend(files("examples", ".yml").iter().map(|path| {
        std::fs::read_to_string(path)
            .unwrap()
            .replace("playbook: playbooks/", "playbook: examples/playbooks/")
    }));
    texts.push(format!(
        "{GOOD}  delegation: cds\nschedule: cautious\nresolve:\n  roots: [{{ name: a.root, address: 127.0.0.2 }}]\n  port: 5300\n  trust_anchor: \". IN DS 1 13 2 AB\"\n  resolvers: [{{ name: lab, address: \"127.0.0.1:5301\" }}]\nsmtp: {{ port: 2525, probe: advisory, helo: a.example }}\nhttps: {{ roots: \"file:Cargo.toml\", mta_sts_address: \"[::1]:8443\" }}\nsettings: {{ ttl: 2, final_ttl: 5m }}\napprove: all\ntiming: {{ poll: 1s, overdue: 1h30m }}\nlaboratory: ./lab\n"
    ));
    for text in texts {
        let first = read(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        let written = first
            .file
            .to_yaml(Some("../schema/domain.schema.json"))
            .unwrap();
        assert!(
            written.starts_with("# yaml-language-server: $schema=../schema/domain.schema.json\n")
        );
        let second = read(&written).unwrap_or_else(|error| panic!("{error}\n{written}"));
        assert_eq!(first.file, second.file, "{written}");
        assert_eq!(first.parameters, second.parameters);
    }
    let short = read(GOOD).unwrap().file.to_yaml(None).unwrap();
    for absent in [
        "schedule",
        "resolve",
        "smtp",
        "timing",
        "cloud",
        "backend",
        "delegation",
        "approve",
    ] {
        assert!(!short.contains(absent), "{absent} in {short}");
    }
    assert!(short.contains("api_key: env:PDNS_API_KEY"), "{short}");
}

#[test]
fn a_path_in_the_modeline_stays_in_its_line() {
    let text = read(GOOD)
        .unwrap()
        .file
        .to_yaml(Some("a\ndomain: evil.example"))
        .unwrap();
    assert_eq!(read(&text).unwrap().file.domain.as_str(), "contoso.com");
}

#[test]
fn files_that_cannot_be_read_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("domain.yml");
    let error = load(&path).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("the file cannot be read: No such file"),
        "{error}"
    );
    assert!(load(folder.path()).is_err());
    std::fs::write(&path, vec![b'a'; 1024 * 1024 + 1]).unwrap();
    let error = load(&path).unwrap_err();
    assert!(error.to_string().contains("larger than 1 MiB"), "{error}");
    std::fs::write(&path, b"domain: contoso.com\nplaybook: \xff\xfe\n").unwrap();
    let error = load(&path).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("domain.yml:2:11: the file is not UTF-8 text from here on"),
        "{error}"
    );
    std::fs::write(
        &path,
        GOOD.encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect::<Vec<u8>>(),
    )
    .unwrap();
    assert!(load(&path).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_loaded_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Ok(document) = crate::source::Document::from_bytes("any", bytes) {
            let _ = super::super::load::from_document(&document, Path::new("any"), &Environment::default(), &provider::known());
        }
        let _ = playbook::from_text("any", &text);
    }

    #[test]
    fn any_edit_of_a_good_file_is_loaded_or_refused(at in 0..GOOD.len(), gone in 0..20_usize, put in "(\\PC|\n|  |: |env:|[0-9]{1,20}|\\[|\\{){0,4}") {
        let end = (at + gone).min(GOOD.len());
        let text = format!("{}{put}{}", &GOOD[..at], &GOOD[end..]);
        match read(&text) {
            Ok(loaded) => {
                let written = loaded.file.to_yaml(None).unwrap();
                prop_assert_eq!(read(&written).map(|again| again.file).map_err(|error| error.to_string()), Ok(loaded.file));
            }
            Err(rejected) => {
                let lines = text.matches('\n').count() + 1;
                prop_assert!(rejected.mistakes().count() > 0);
                prop_assert!(rejected.mistakes().all(|mistake| mistake.line.is_none_or(|line| line <= lines)));
                let _ = rejected.render(false, 80);
            }
        }
    }

    #[test]
    fn a_literal_secret_is_never_shown(secret in "[A-Za-z0-9~_.+/=-]{9,40}", which in 0..3_usize, quote in 0..3_usize) {
        prop_assume!(!GOOD.contains(&secret) && secret.parse::<f64>().is_err());
        let place = ["env:ROLLOUT_CLIENT_SECRET", "env:PDNS_API_KEY", "api_key: env:PDNS_API_KEY"][which];
        let quoted = match quote { 0 => secret.clone(), 1 => format!("\"{secret}\""), _ => format!("'{secret}'") };
        let text = GOOD.replace(place, &if which == 2 { format!("apikey: {quoted}") } else { quoted });
        let rejected = read(&text).unwrap_err();
        let shown = format!("{}{}{rejected}{rejected:?}{:?}", rejected.render(false, 200), rejected.render(true, 40), miette::Report::new(rejected_again(&text)));
        prop_assert!(!shown.contains(&secret), "{}", shown);
    }
}

fn rejected_again(text: &str) -> Rejected {
    read(text).unwrap_err()
}
