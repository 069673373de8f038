//! What is written together, what is left open, what is kept out, and what shows that somebody changed it.

use crate::redact::Redactor;
use rusqlite::Connection;
use secrecy::SecretString;

use super::*;

#[tokio::test]
async fn entries_memory_and_wait_are_written_together() {
    let (store, _) = with_clock();
    let lease = store
        .create_run(new_run("example.com"), &owner(1), TTL)
        .await
        .unwrap();
    let (intent, entry) = Entry::intent(at(1), json!({"action": "add MX"}));
    let transition = Transition::entries(vec![
        entry,
        Entry::way_back(at(1), json!({"old": ["legacy"]})),
    ])
    .memory(json!({"ttl": 3600}))
    .wait(Wake {
        at: Some(at(60)),
        why: json!({"because": "MX"}),
        signals: 0,
    });
    assert_eq!(store.append(&lease, transition).await.unwrap(), 2);

    let journal = store.journal(lease.run, 0, 10).await.unwrap();
    assert_eq!(
        journal.iter().map(|e| (e.seq, e.kind)).collect::<Vec<_>>(),
        [(1, Kind::Intent), (2, Kind::WayBack)]
    );
    assert_eq!(
        (journal[0].at, journal[0].intent, journal[0].fence),
        (at(1), Some(intent), lease.fence)
    );
    assert_eq!(store.journal(lease.run, 1, 10).await.unwrap(), journal[1..]);
    assert_eq!(
        store.memory(lease.run).await.unwrap(),
        Some(Memory {
            version: 1,
            value: json!({"ttl": 3600})
        })
    );
    let run = store.run(lease.run).await.unwrap().unwrap();
    assert_eq!(
        (run.wake_at, run.why),
        (Some(at(60)), json!({"because": "MX"}))
    );
    let inputs = store.inputs(lease.run).await.unwrap();
    assert_eq!(
        (inputs.playbook_text.as_str(), inputs.settings),
        ("steps: [lower-ttl]\n", json!({"profile": "overlap"}))
    );
}

/// A way back that is killed before its first step leaves a run that knows where it leads.
#[tokio::test]
async fn s8_a_run_begins_with_what_it_is_to_remember() {
    let (store, _) = with_clock();
    let new = NewRun {
        memory: Some(json!({"original": "legacy"})),
        ..new_run("example.com")
    };
    let lease = store.create_run(new, &owner(1), TTL).await.unwrap();
    let memory = store.memory(lease.run).await.unwrap().unwrap();
    assert_eq!(memory.value, json!({"original": "legacy"}));
    store.verify_chain(lease.run).await.unwrap();
}

#[tokio::test]
async fn a_refused_transition_leaves_nothing_behind() {
    let (store, _) = with_clock();
    let lease = store
        .create_run(new_run("example.com"), &owner(1), TTL)
        .await
        .unwrap();
    let unknown = IntentId::new();
    let transition = Transition::entries(vec![
        Entry::note(at(1), json!(1)),
        Entry::outcome(at(1), unknown, json!({})),
    ])
    .memory(json!("half"))
    .status(Status::Done);
    let error = store.append(&lease, transition).await.unwrap_err();
    assert!(
        matches!(
            error,
            StoreError::WrongIntent {
                answered: false,
                ..
            }
        ),
        "{error}"
    );
    assert_eq!(store.journal(lease.run, 0, 10).await.unwrap(), []);
    assert_eq!(store.memory(lease.run).await.unwrap(), None);
    assert_eq!(
        store.run(lease.run).await.unwrap().unwrap().status,
        Status::Active
    );
}

#[tokio::test]
async fn an_intent_is_open_until_its_one_outcome() {
    let (store, _) = with_clock();
    let lease = store
        .create_run(new_run("example.com"), &owner(1), TTL)
        .await
        .unwrap();
    let (first, one) = Entry::intent(at(1), json!("one"));
    let (second, two) = Entry::intent(at(2), json!("two"));
    store
        .append(&lease, Transition::entries(vec![one, two]))
        .await
        .unwrap();
    let outcome = |id| Transition::entries(vec![Entry::outcome(at(3), id, json!("ok"))]);
    store.append(&lease, outcome(first)).await.unwrap();
    let open = store.open_intents(lease.run).await.unwrap();
    assert_eq!(
        open.iter().map(|entry| entry.intent).collect::<Vec<_>>(),
        [Some(second)]
    );
    let error = store.append(&lease, outcome(first)).await.unwrap_err();
    assert!(
        matches!(error, StoreError::WrongIntent { answered: true, .. }),
        "{error}"
    );

    let other = store
        .create_run(new_run("other.example"), &owner(1), TTL)
        .await
        .unwrap();
    assert!(
        store.append(&other, outcome(second)).await.is_err(),
        "another run's intent"
    );
    store.append(&lease, outcome(second)).await.unwrap();
    assert_eq!(store.open_intents(lease.run).await.unwrap(), []);
}

#[tokio::test]
async fn a_memory_alone_gets_an_entry_that_vouches_for_it() {
    let (store, _) = with_clock();
    let lease = store
        .create_run(new_run("example.com"), &owner(1), TTL)
        .await
        .unwrap();
    for version in 1..=3 {
        store
            .append(&lease, Transition::default().memory(json!(version)))
            .await
            .unwrap();
    }
    assert_eq!(
        store.memory(lease.run).await.unwrap(),
        Some(Memory {
            version: 3,
            value: json!(3)
        })
    );
    assert_eq!(store.verify_chain(lease.run).await.unwrap().entries, 3);
}

#[tokio::test]
async fn secrets_are_replaced_wherever_they_turn_up() {
    let (_directory, path) = fresh();
    let redactor = Redactor::new();
    let options = StoreOptions {
        redactor: redactor.clone(),
        ..StoreOptions::default()
    };
    let store = SqliteStore::open(&path, options).await.unwrap();
    const SECRET: &str = "hunter2hunter2";
    redactor.register(&SecretString::from(SECRET)).unwrap();

    let leaking = json!({SECRET: [format!("Bearer {SECRET}")]});
    let mut new = new_run("example.com");
    new.settings = leaking.clone();
    new.playbook_text = format!("# {SECRET}\n");
    new.playbook = SECRET.to_owned();
    new.domain_file = PathBuf::from(format!("/srv/{SECRET}.yml"));
    let lease = store.create_run(new, &owner(1), TTL).await.unwrap();
    let transition = Transition::entries(vec![Entry::observation(at(1), leaking.clone())])
        .memory(leaking.clone())
        .wait(Wake {
            at: None,
            why: leaking,
            signals: 0,
        });
    store.append(&lease, transition).await.unwrap();
    let event = GateEvent {
        note: Some(SECRET.to_owned()),
        gate: "g".to_owned(),
        verdict: GateVerdict::Refused,
        by: "o".to_owned(),
    };
    store
        .signal(lease.run, at(2), Signal::Gate(event))
        .await
        .unwrap();

    assert_eq!(
        store.memory(lease.run).await.unwrap().unwrap().value,
        json!({"[secret]": ["Bearer [secret]"]})
    );
    drop(store);
    for entry in std::fs::read_dir(path.parent().unwrap()).unwrap() {
        let file = entry.unwrap().path();
        let bytes = std::fs::read(&file).unwrap();
        assert!(
            !bytes.windows(SECRET.len()).any(|w| w == SECRET.as_bytes()),
            "in {}",
            file.display()
        );
    }
}

#[tokio::test]
async fn a_secret_put_together_from_pieces_is_refused() {
    let redactor = Redactor::new();
    redactor
        .register(&SecretString::from(r#"left","right"#))
        .unwrap();
    let store = SqliteStore::in_memory(StoreOptions {
        redactor,
        ..StoreOptions::default()
    })
    .unwrap();
    let lease = store
        .create_run(new_run("example.com"), &owner(1), TTL)
        .await
        .unwrap();
    let transition = Transition::entries(vec![Entry::outcome(
        at(1),
        IntentId::new(),
        json!(["left", "right"]),
    )]);
    assert!(store.append(&lease, transition).await.is_err());
    let transition = Transition::entries(vec![Entry::note(at(1), json!(["left", "right"]))]);
    let error = store.append(&lease, transition).await.unwrap_err();
    assert!(
        matches!(error, StoreError::SecretInText { what: "a note", .. }),
        "{error}"
    );
    assert!(!error.to_string().contains("left"));
}

/// A run of four entries and a memory, in a file that the test may then change by other means.
async fn written(path: &Path) -> RunId {
    let store = open(path).await;
    let lease = store
        .create_run(new_run("example.com"), &owner(1), TTL)
        .await
        .unwrap();
    let (intent, entry) = Entry::intent(at(1), json!({"ttl": 300}));
    store
        .append(
            &lease,
            Transition::entries(vec![entry]).memory(json!({"old": 1})),
        )
        .await
        .unwrap();
    store
        .append(
            &lease,
            Transition::entries(vec![Entry::outcome(at(2), intent, json!("ok"))]),
        )
        .await
        .unwrap();
    store
        .append(&lease, note("three").memory(json!({"old": 2})))
        .await
        .unwrap();
    store.append(&lease, note("four")).await.unwrap();
    assert_eq!(store.verify_chain(lease.run).await.unwrap().entries, 4);
    lease.run
}

#[tokio::test]
async fn every_change_by_other_means_is_found() {
    const CHANGES: &[(&str, u64)] = &[
        (
            "UPDATE journal SET body = replace(body, '300', '301') WHERE seq = 1",
            1,
        ),
        (
            "UPDATE journal SET at = replace(at, '2023', '2022') WHERE seq = 2",
            2,
        ),
        ("UPDATE journal SET fence = 9 WHERE seq = 3", 3),
        ("UPDATE journal SET kind = 'decision' WHERE seq = 3", 3),
        ("UPDATE journal SET kind = 'invented' WHERE seq = 3", 3),
        (
            "UPDATE journal SET intent = '01890000-0000-7000-8000-000000000000' WHERE seq = 1",
            1,
        ),
        ("UPDATE journal SET memory_digest = NULL WHERE seq = 3", 3),
        ("UPDATE journal SET hash = prev_hash WHERE seq = 4", 4),
        ("UPDATE journal SET prev_hash = hash WHERE seq = 2", 2),
        ("DELETE FROM journal WHERE seq = 2", 2),
        ("DELETE FROM journal WHERE seq = 4", 4),
        ("DELETE FROM journal", 1),
        ("UPDATE journal SET seq = 7 WHERE seq = 4", 4),
        ("UPDATE memory SET json = '{\"old\":3}'", 0),
        ("DELETE FROM memory", 0),
        ("UPDATE run SET settings = '{}'", 1),
        ("UPDATE run SET domain = 'other.example'", 1),
        ("UPDATE run SET playbook_text = 'steps: []'", 0),
        ("UPDATE run SET playbook_digest = ''", 0),
        ("UPDATE run SET last_hash = '00'", 5),
        ("UPDATE run SET last_seq = 3", 5),
    ];
    let (_directory, path) = fresh();
    let run = written(&path).await;
    let original = std::fs::canonicalize(&path).unwrap();
    for (change, expected) in CHANGES {
        let (_directory, copy) = fresh();
        std::fs::create_dir(copy.parent().unwrap()).unwrap();
        let connection = Connection::open(&original).unwrap();
        connection
            .execute("VACUUM INTO ?1", [copy.to_str().unwrap()])
            .unwrap();
        let tampering = Connection::open(&copy).unwrap();
        tampering
            .execute_batch(
                "DROP TRIGGER journal_is_never_changed; DROP TRIGGER journal_is_never_shortened;",
            )
            .unwrap();
        assert!(
            tampering.execute(change, []).unwrap() > 0,
            "{change} changed nothing"
        );
        drop(tampering);
        match ReadOnlyStore::new(&copy).verify_chain(run).await {
            Err(StoreError::ChainBroken { seq, .. }) => assert_eq!(seq, *expected, "{change}"),
            other => panic!("{change}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn the_database_itself_refuses_to_change_the_journal() {
    let (_directory, path) = fresh();
    let run = written(&path).await;
    let connection = Connection::open(&path).unwrap();
    for change in ["UPDATE journal SET body = '1'", "DELETE FROM journal"] {
        let error = connection.execute(change, []).unwrap_err();
        assert!(error.to_string().contains("append-only"), "{error}");
    }
    drop(connection);
    assert_eq!(
        ReadOnlyStore::new(&path)
            .verify_chain(run)
            .await
            .unwrap()
            .entries,
        4
    );
}

#[tokio::test]
async fn an_export_is_whole_and_says_when_the_journal_is_not() {
    let (_directory, path) = fresh();
    let run = written(&path).await;
    let store = ReadOnlyStore::new(&path);
    let mut out = Vec::new();
    assert_eq!(export_json_lines(&store, run, &mut out).await.unwrap(), 4);
    let lines: Vec<serde_json::Value> = out
        .split(|b| *b == b'\n')
        .filter(|l| !l.is_empty())
        .map(|l| serde_json::from_slice(l).unwrap())
        .collect();
    let types: Vec<&str> = lines
        .iter()
        .map(|line| line["type"].as_str().unwrap())
        .collect();
    assert_eq!(types, ["run", "entry", "entry", "entry", "entry", "chain"]);
    assert_eq!(
        (&lines[0]["schema"], &lines[0]["run"]["domain"]),
        (&json!("1.0"), &json!("example.com"))
    );
    assert_eq!(lines[5]["head"]["hash"], lines[4]["entry"]["hash"]);

    Connection::open(&path)
        .unwrap()
        .execute_batch(
            "DROP TRIGGER journal_is_never_changed; UPDATE journal SET body = '1' WHERE seq = 2",
        )
        .unwrap();
    let mut out = Vec::new();
    let error = export_json_lines(&store, run, &mut out).await.unwrap_err();
    assert!(
        matches!(error, StoreError::ChainBroken { seq: 2, .. }),
        "{error}"
    );
    assert!(String::from_utf8(out).unwrap().contains(r#""whole":false"#));
}

#[test]
fn text_from_elsewhere_cannot_drive_a_terminal() {
    let last = Recorded {
        seq: 1,
        at: at(0),
        kind: Kind::Note,
        fence: Fence(1),
        intent: None,
        body: json!("\u{1b}[2J\u{9b}31m\u{202e}\u{7f}"),
        memory_digest: None,
        prev_hash: String::new(),
        hash: String::new(),
    };
    let mut owner = owner(1);
    owner.host = "evil\u{1b}]0;x\u{7}".to_owned();
    let held = Held {
        run: RunId::new(),
        domain: "example.com".to_owned(),
        owner,
        until: at(0),
        last: Some(last),
    };
    let text = StoreError::Held(Box::new(held)).to_string();
    assert!(
        !text.chars().any(|c| c.is_control() || c == '\u{202e}'),
        "{text:?}"
    );
}
