//! `rollout dns`: one record set looked at and mended by hand, under the guards of a run.

use rollout_lab::{DomainSeed, ProviderFaultKind};

use crate::inputs::stage::{Ran, Stage};

fn stage() -> Stage {
    Stage::of(DomainSeed::ordinary("contoso.com"))
}

/// `dns COMMAND contoso.com NAME TYPE --file FILE MORE...`
fn dns(stage: &Stage, command: &str, name: &str, rtype: &str, more: &[&str]) -> Ran {
    let head = ["dns", command, "{domain}", name, rtype, "--file", "{file}"];
    let all: Vec<&str> = head.iter().chain(more).copied().collect();
    stage.run(&all)
}

fn ended(ran: &Ran, code: i32, words: &str) {
    assert_eq!(ran.code, Some(code), "{ran}");
    assert!(ran.words().contains(words), "{words}: {ran}");
}

/// Writes the provider's part of the file anew, for a person who makes the changes.
fn by_hand(stage: &Stage) {
    let text = std::fs::read_to_string(&stage.file).unwrap();
    let lines = text.lines().filter_map(|line| match line.trim_start() {
        "provider: powerdns" => Some("  provider: manual"),
        key if key.starts_with("url:") || key.starts_with("api_key:") => None,
        _ => Some(line),
    });
    let text = lines.collect::<Vec<_>>().join("\n") + "\n";
    std::fs::write(&stage.file, text).unwrap();
}

/// Writes that reached the provider; what a person edits is none of them.
fn writes(stage: &Stage) -> usize {
    let effects = stage.effects(0);
    effects
        .iter()
        .filter(|one| one.contains("PATCH zone"))
        .count()
}

/// From now on the second name server takes up no change.
fn one_server_lags(stage: &Stage) {
    stage.bench.lab.change_faults(|faults| {
        faults.stale_zones.insert("contoso.com".to_owned());
    });
}

fn settled() {
    // The second name server takes its time.
    std::thread::sleep(std::time::Duration::from_millis(900));
}

#[test]
fn get_prints_zone_lines_beside_what_each_server_serves() {
    let stage = stage();
    let line = format!("contoso.com. 4 IN MX 0 {}", stage.legacy());
    let plain = dns(&stage, "get", "@", "MX", &[]);
    assert_eq!(
        (plain.code, plain.out.as_str()),
        (Some(0), format!("{line}\n").as_str()),
        "{plain}"
    );
    let absolute = dns(&stage, "get", "contoso.com.", "mx", &[]);
    assert_eq!(absolute.out, plain.out);
    ended(
        &dns(&stage, "get", "nothing", "TXT", &[]),
        0,
        "; no TXT record set at nothing.contoso.com",
    );
    ended(
        &dns(&stage, "get", "contoso.com", "MX", &[]),
        2,
        "final dot",
    );
    ended(&dns(&stage, "get", "@", "A", &[]), 2, "MX, TXT and CNAME");

    let same = dns(&stage, "get", "@", "MX", &["--servers"]);
    ended(&same, 0, "serves the same");
    assert_eq!(same.out.matches(&line).count(), 1, "{same}");

    // One server lags for ever: its own set is shown beside.
    one_server_lags(&stage);
    stage.edit("MX", 4, &["5 mx.elsewhere.example."]);
    settled();
    let differs = dns(&stage, "get", "@", "MX", &["--servers"]);
    ended(&differs, 0, "serves the same");
    assert!(
        differs.out.contains(&line) && differs.out.contains("MX 5 mx.elsewhere.example."),
        "{differs}"
    );
    let json = dns(&stage, "get", "@", "MX", &["--servers", "--json"]);
    let objects: Vec<serde_json::Value> = json
        .out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(objects[0]["command"], "dns");
    let of = |kind: &str| objects.iter().filter(|o| o["type"] == kind).count();
    assert!(of("stored") == 1 && of("served") >= 2, "{json}");
    assert_eq!(writes(&stage), 0);
}

#[test]
fn without_a_domain_file_by_fields_and_the_environment() {
    let mut stage = stage();
    let e = stage.bench.lab.endpoints().unwrap();
    let url = format!("url={}", e.powerdns);
    let key = format!("api_key=file:{}", stage.at("powerdns-key").display());
    let head = [
        "dns",
        "get",
        "contoso.com",
        "@",
        "MX",
        "--provider",
        "powerdns",
    ];
    let run = |stage: &Stage, more: &[&str]| {
        let all: Vec<&str> = head.iter().chain(more).copied().collect();
        stage.run(&all)
    };
    ended(
        &run(&stage, &["--field", &url, "--field", &key]),
        0,
        &stage.legacy(),
    );
    let leak = format!("api_key={}", e.powerdns_key);
    let leaked = run(&stage, &["--field", &url, "--field", &leak]);
    ended(&leaked, 2, "env:NAME or file:PATH");
    assert!(!format!("{}{}", leaked.out, leaked.err).contains(&e.powerdns_key));
    ended(&run(&stage, &["--field", "server=x"]), 2, "POWERDNS_URL");
    ended(
        &run(&stage, &["--field", "nonsense=x"]),
        2,
        "there is no field",
    );
    ended(
        &stage.run(&["dns", "get", "contoso.com", "@", "MX"]),
        2,
        "--file",
    );
    stage.env = vec![
        ("POWERDNS_URL".to_owned(), e.powerdns.to_string()),
        ("POWERDNS_API_KEY".to_owned(), e.powerdns_key.clone()),
    ];
    ended(&run(&stage, &[]), 0, &stage.legacy());
    let other = stage.run(&[
        "dns",
        "get",
        "fabrikam.com",
        "@",
        "MX",
        "--provider",
        "powerdns",
    ]);
    assert_eq!(other.code, Some(1), "a zone that is not there: {other}");
    stage.env[1].1 = "a-wrong-key".to_owned();
    assert_eq!(run(&stage, &[]).code, Some(1));
}

#[test]
fn diff_tells_by_its_exit_code() {
    let stage = stage();
    let legacy = format!("0 {}", stage.legacy());
    let diff = |more: &[&str]| dns(&stage, "diff", "@", "MX", more);
    ended(&diff(&[&legacy]), 0, "as wanted");
    ended(&diff(&["--ttl", "4", &legacy, "--servers"]), 0, "as wanted");
    ended(&diff(&["--ttl", "5", &legacy]), 5, "+ contoso.com. 5 IN MX");
    let more = diff(&[&legacy, "10 mx.elsewhere.example."]);
    ended(&more, 5, "+ contoso.com. 4 IN MX 10 mx.elsewhere.example.");
    assert!(!more.out.contains("\n- "), "{more}");
    ended(&diff(&["--none"]), 5, "- contoso.com. 4 IN MX");
    ended(
        &dns(&stage, "diff", "nothing", "MX", &["--none"]),
        0,
        "as wanted",
    );
    ended(&diff(&[]), 2, "say what is wanted");
    ended(&diff(&["10 mx.example"]), 2, "final dot");
    // What get prints is what --from reads.
    let zone = stage.at("set.zone");
    std::fs::write(&zone, dns(&stage, "get", "@", "MX", &[]).out).unwrap();
    let from = ["--from", &zone.display().to_string()];
    ended(&diff(&from), 0, "as wanted");
    stage.edit("MX", 4, &["5 mx.elsewhere.example."]);
    ended(
        &diff(&from),
        5,
        "- contoso.com. 4 IN MX 5 mx.elsewhere.example.",
    );
    std::fs::write(&zone, "$ORIGIN contoso.com.\n").unwrap();
    ended(&diff(&from), 2, "line 1");
    assert_eq!(writes(&stage), 0);
}

#[test]
fn set_changes_what_was_shown_and_nothing_else() {
    let stage = stage();
    let before = stage.mx();
    let set = |more: &[&str]| dns(&stage, "set", "@", "MX", more);
    let new = ["0 mx.new.example.", "10 mx2.new.example."];
    // Nobody there, and no --yes.
    let unasked = set(&new);
    ended(&unasked, 2, "nobody is there to be asked");
    assert!(
        unasked.out.contains("now:") && unasked.out.contains("then:"),
        "{unasked}"
    );
    for (more, code, words) in [
        (&["--yes"][..], 2, "or --delete to have none"),
        (&["--yes", "--ttl", "60"], 2, "--ttl needs the values"),
        (&["--yes", "0 .", "10 mx.new.example."], 1, "only MX record"),
        (
            &["--yes", "--ttl", "4294967295", new[0]],
            2,
            "beyond the largest",
        ),
        (
            &["--yes", new[0], "--expect", "7 mx.gone.example."],
            1,
            "not what was expected",
        ),
        (
            &["--yes", new[0], "--expect-none"],
            1,
            "not what was expected",
        ),
    ] {
        ended(&set(more), code, words);
    }
    ended(
        &dns(
            &stage,
            "set",
            "@",
            "CNAME",
            &["--yes", "--ttl", "60", "a.example."],
        ),
        1,
        "no CNAME",
    );
    assert_eq!(stage.mx(), before);
    assert_eq!(writes(&stage), 0, "nothing was sent");

    let legacy = format!("0 {}", stage.legacy());
    let done = set(&["--yes", "--expect", &legacy, new[0], new[1]]);
    ended(&done, 0, "Done");
    assert_eq!(stage.mx(), new);
    let kept = stage
        .bench
        .lab
        .record_set("contoso.com", "contoso.com", "MX")
        .unwrap();
    assert_eq!(kept.ttl, 4, "a TTL that was not said stays");
    assert_eq!(writes(&stage), 1);
    ended(&set(&["--yes", new[1], new[0]]), 0, "it is so already");
    assert_eq!(writes(&stage), 1, "and nothing was sent");

    ended(
        &dns(&stage, "set", "alias", "CNAME", &["--yes", "a.example."]),
        2,
        "--ttl",
    );
    ended(
        &dns(
            &stage,
            "set",
            "alias",
            "CNAME",
            &["--yes", "--ttl", "60", "a.example."],
        ),
        0,
        "Done",
    );
    ended(
        &dns(
            &stage,
            "set",
            "alias",
            "TXT",
            &["--yes", "--ttl", "60", "\"x\""],
        ),
        1,
        "nothing beside it",
    );
    ended(
        &dns(&stage, "set", "alias", "CNAME", &["--yes", "--delete"]),
        0,
        "Done",
    );
    ended(&set(&["--yes", "--delete"]), 0, "Done");
    assert_eq!(stage.mx(), Vec::<String>::new());
    ended(&set(&["--yes", "--delete"]), 0, "it is so already");
}

#[test]
fn a_lost_answer_is_looked_at_and_never_repeated() {
    let stage = stage();
    stage.bench.lab.change_faults(|faults| {
        faults.provider("PATCH zone", ProviderFaultKind::ReplyLost, 1);
    });
    let lost = dns(&stage, "set", "@", "MX", &["--yes", "0 mx.new.example."]);
    ended(&lost, 3, "look at what is live");
    assert_eq!(writes(&stage), 1, "{lost}");
    ended(
        &dns(&stage, "set", "@", "MX", &["--yes", "0 mx.new.example."]),
        0,
        "it is so already",
    );
    assert_eq!(writes(&stage), 1);
}

#[test]
fn a_run_that_is_not_finished_is_not_disturbed() {
    let stage = stage();
    let begun = stage.run(&["apply", "{file}", "--yes", "--no-wait"]);
    assert_eq!(begun.code, Some(4), "{begun}");
    let (mx, effects) = (stage.mx(), writes(&stage));
    let set = |more: &[&str]| {
        let more: Vec<&str> = ["--yes", "--ttl", "60", "\"x\""]
            .iter()
            .chain(more)
            .copied()
            .collect();
        dns(&stage, "set", "_mta-sts", "TXT", &more)
    };
    ended(&set(&[]), 1, "--although-a-run-is-active");
    assert_eq!((stage.mx(), writes(&stage)), (mx, effects));
    let forced = set(&["--although-a-run-is-active"]);
    ended(&forced, 0, "is not finished");
    // Looking is always free.
    assert_eq!(dns(&stage, "get", "@", "MX", &[]).code, Some(0));
    let given_up = stage.run(&["abort", "{domain}"]);
    assert_eq!(given_up.code, Some(0), "{given_up}");
    assert_ne!(stage.run(&["resume", "--no-wait"]).code, Some(2));
    ended(
        &dns(&stage, "set", "_mta-sts", "TXT", &["--yes", "--delete"]),
        0,
        "Done",
    );
}

#[test]
fn where_a_person_makes_the_change_it_is_told() {
    let stage = stage();
    by_hand(&stage);
    settled();
    let line = format!("contoso.com. 4 IN MX 0 {}", stage.legacy());
    let get = dns(&stage, "get", "@", "MX", &[]);
    ended(&get, 0, "has no interface to ask");
    assert!(get.out.contains(&line), "{get}");
    let asked = dns(&stage, "set", "@", "MX", &["0 mx.new.example."]);
    ended(&asked, 4, "Open the DNS settings");
    for wanted in [line.as_str(), "contoso.com. 4 IN MX 0 mx.new.example."] {
        assert!(asked.out.contains(wanted), "{wanted}: {asked}");
    }
    ended(
        &dns(&stage, "diff", "@", "MX", &["0 mx.new.example."]),
        5,
        "+ contoso.com. 4",
    );
    stage.edit("MX", 4, &["0 mx.new.example."]);
    settled();
    ended(
        &dns(&stage, "set", "@", "MX", &["0 mx.new.example."]),
        0,
        "it is so already",
    );

    // What the servers do not agree on is no ground to say what shall change.
    one_server_lags(&stage);
    stage.edit("MX", 4, &["0 mx.other.example."]);
    settled();
    ended(
        &dns(&stage, "set", "@", "MX", &["0 mx.third.example."]),
        3,
        "serve different sets",
    );
}

#[test]
fn a_person_at_the_terminal_is_asked() {
    let stage = stage();
    let args = [
        "dns",
        "set",
        "contoso.com",
        "@",
        "MX",
        "0 mx.new.example.",
        "--file",
    ];
    let file = stage.file.display().to_string();
    let args: Vec<&str> = args.into_iter().chain([file.as_str()]).collect();
    let said = crate::init::dialogue(&stage, &args, &[("Change it? [y/N]", "yes")]);
    assert!(said.contains("then:") && said.contains("Done"), "{said}");
    assert_eq!(stage.mx(), ["0 mx.new.example."]);
}
