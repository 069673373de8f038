//! Every older shape of the state file opens, keeps what it holds, and is copied first.

use rusqlite::{Connection, params};

use super::super::chain::{Link, Root};
use super::super::schema;
use super::*;

const RUN: &str = "01890a5d-ac96-7000-8000-00000000abcd";
const INTENT: &str = "01890a5d-ac96-7000-8000-0000000000ef";

/// The hash of the last entry of [`make_version_1`]. A release that computes another one cannot verify old journals.
const HEAD: &str = "bd164ac0787d38ff4ecffbc1198633803e6ff1cc3bdf20901464d77b89ac16c5";

/// A state file as version 1 of the schema left it: a waiting run whose driver died after an intent.
fn make_version_1(path: &Path) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let mut connection = Connection::open(path).unwrap();
    let transaction = connection.transaction().unwrap();
    schema::run_migrations(&transaction, 0, 1).unwrap();
    let run: RunId = RUN.parse().unwrap();
    let root = Root {
        run,
        domain: "example.com",
        domain_file: "example.yml",
        playbook: "dane",
        playbook_text: "steps: []\n",
        settings: "{}",
    };
    let owner =
        r#"{"token":"00000000-0000-0000-0000-000000000001","user":"admin","host":"old","pid":7}"#;
    transaction
        .execute(
            "INSERT INTO run (id, domain, domain_file, playbook, playbook_digest, playbook_text, settings, status, \
             wake_at, why, created, updated, owner, lease_until, fence, last_seq, last_hash) VALUES \
             (?1, 'example.com', 'example.yml', 'dane', ?2, 'steps: []' || char(10), '{}', 'active', 1700000500000, \
             '{\"because\":\"MX\"}', 1700000000000, 1700000001000, ?3, 1700000031000, 4, 0, ?4)",
            params![RUN, super::super::chain::digest_hex("steps: []\n"), owner, root.hash()],
        )
        .unwrap();
    let mut head = root.hash();
    let rows = [
        (Kind::Note, None, r#"{"text":"begun"}"#),
        (Kind::Intent, Some(INTENT), r#"{"action":"add MX"}"#),
    ];
    for (seq, (kind, intent, body)) in (1_u64..).zip(rows) {
        let at = "2023-11-14T22:13:20Z";
        let intent: Option<IntentId> = intent.map(|id| id.parse().unwrap());
        let link = Link {
            run,
            seq,
            fence: Fence(4),
            kind,
            at,
            intent,
            body,
            memory_digest: None,
            prev_hash: &head,
        };
        let hash = link.hash();
        transaction
            .execute(
                "INSERT INTO journal (run, seq, fence, kind, at, intent, body, prev_hash, hash) \
                 VALUES (?1, ?2, 4, ?3, ?4, ?5, ?6, ?7, ?8)",
                params![
                    RUN,
                    seq as i64,
                    kind.as_str(),
                    at,
                    intent.map(|i| i.to_string()),
                    body,
                    head,
                    hash
                ],
            )
            .unwrap();
        head = hash;
    }
    transaction
        .execute("UPDATE run SET last_seq = 2, last_hash = ?1", [head])
        .unwrap();
    transaction
        .execute("INSERT INTO memory VALUES (?1, 3, '{\"ttl\":3600}')", [RUN])
        .unwrap();
    transaction.commit().unwrap();
}

async fn check(store: &dyn StoreReader) {
    let run: RunId = RUN.parse().unwrap();
    let found = store.run(run).await.unwrap().unwrap();
    assert_eq!(
        (found.domain.as_str(), found.status, found.wake_at),
        ("example.com", Status::Active, Some(at(500)))
    );
    assert_eq!(
        (found.fence, found.brake, found.signals, found.takeovers),
        (Fence(4), None, 0, 0)
    );
    assert_eq!(found.lease.unwrap().owner.host, "old");
    assert_eq!(
        store.memory(run).await.unwrap().unwrap(),
        Memory {
            version: 3,
            value: json!({"ttl": 3600})
        }
    );
    let open = store.open_intents(run).await.unwrap();
    assert_eq!(open[0].intent, Some(INTENT.parse().unwrap()));
    let head = store.verify_chain(run).await.unwrap();
    assert_eq!((head.entries, head.hash.as_str()), (2, HEAD));
}

#[tokio::test]
async fn version_1_is_brought_up_to_date_after_a_copy_was_kept() {
    let (_directory, path) = fresh();
    make_version_1(&path);
    let original = ReadOnlyStore::new(&path)
        .journal(RUN.parse().unwrap(), 0, 10)
        .await
        .unwrap();
    let store = open(&path).await;
    check(&store).await;

    // It goes on from there, and the chain with it.
    let lease = store
        .claim(&Target::Run(RUN.parse().unwrap()), &owner(1), TTL)
        .await
        .unwrap();
    assert_eq!(lease.fence, Fence(5));
    let outcome = Entry::outcome(at(9), INTENT.parse().unwrap(), json!("it was there"));
    store
        .append(
            &lease,
            Transition::entries(vec![outcome]).memory(json!({"ttl": 300})),
        )
        .await
        .unwrap();
    assert_eq!(store.verify_chain(lease.run).await.unwrap().entries, 3);
    drop(store);
    assert_eq!(
        ReadOnlyStore::new(&path)
            .journal(lease.run, 0, 2)
            .await
            .unwrap(),
        original
    );

    let copies: Vec<PathBuf> = std::fs::read_dir(path.parent().unwrap())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_string_lossy().contains("rollout.db.v1"))
        .collect();
    assert_eq!(copies.len(), 1);
    let version: i64 = Connection::open(&copies[0])
        .unwrap()
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .unwrap();
    assert_eq!(version, 1);
    check(&ReadOnlyStore::new(&copies[0])).await;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(
            std::fs::metadata(&copies[0]).unwrap().permissions().mode() & 0o777,
            0o600
        );
    }
}

#[tokio::test]
async fn version_1_is_read_without_being_changed() {
    let (_directory, path) = fresh();
    make_version_1(&path);
    let before = std::fs::read(&path).unwrap();
    check(&ReadOnlyStore::new(&path)).await;
    assert_eq!(std::fs::read(&path).unwrap(), before);
    assert_eq!(
        std::fs::read_dir(path.parent().unwrap()).unwrap().count(),
        1
    );
}

#[test]
fn a_failed_migration_leaves_the_old_version() {
    let (_directory, path) = fresh();
    make_version_1(&path);
    let mut connection = Connection::open(&path).unwrap();
    // In the way of what version 2 makes last.
    connection
        .execute_batch("CREATE TABLE run_leased (x)")
        .unwrap();
    schema::migrate(&mut connection, &path, |_| Ok(())).unwrap_err();
    assert_eq!(schema::version(&connection, &path).unwrap(), 1);
    connection.execute_batch("DROP TABLE run_leased").unwrap();
    schema::migrate(&mut connection, &path, |_| Ok(())).unwrap();
    assert_eq!(schema::version(&connection, &path).unwrap(), schema::LATEST);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_can_open_a_new_or_old_file_at_the_same_instant() {
    for old in [false, true] {
        let (_directory, path) = fresh();
        if old {
            make_version_1(&path);
        }
        let opening: Vec<_> = (0..8)
            .map(|_| {
                let path = path.clone();
                tokio::spawn(async move {
                    SqliteStore::open(path, StoreOptions::default())
                        .await
                        .map(drop)
                })
            })
            .collect();
        for opened in opening {
            opened.await.unwrap().unwrap();
        }
        assert_eq!(
            ReadOnlyStore::new(&path).runs(None).await.unwrap().len(),
            usize::from(old)
        );
    }
}
