//! The files: who may read them, which are refused, and that reading leaves them as they are.

use std::collections::BTreeMap;

use rusqlite::Connection;

use super::super::read_only::attempt;
use super::processes::Writer;
use super::*;

/// Every file below a directory, with its bytes; empty when the directory does not exist.
fn contents(directory: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let Ok(entries) = std::fs::read_dir(directory) else {
        return BTreeMap::new();
    };
    entries
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.clone(), std::fs::read(&path).unwrap_or_default()))
        .collect()
}

async fn ask_everything(path: &Path, run: RunId) -> Vec<Run> {
    let store = ReadOnlyStore::new(path);
    store.run(run).await.unwrap();
    store.unfinished("example.com").await.unwrap();
    store.memory(run).await.unwrap();
    store.journal(run, 0, 10).await.unwrap();
    store.open_intents(run).await.unwrap();
    store.gates(run).await.unwrap();
    let _ = (store.inputs(run).await, store.verify_chain(run).await);
    store.runs(None).await.unwrap()
}

async fn with_a_run(path: &Path) -> (SqliteStore, Lease) {
    let store = open(path).await;
    let lease = store
        .create_run(new_run("example.com"), &owner(1), TTL)
        .await
        .unwrap();
    store
        .append(&lease, note("one").memory(json!(1)))
        .await
        .unwrap();
    (store, lease)
}

#[cfg(unix)]
#[tokio::test]
async fn only_the_owner_can_read_the_state() {
    use std::os::unix::fs::PermissionsExt as _;
    let (_directory, path) = fresh();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let (_store, _) = with_a_run(&path).await;
    assert_eq!(mode(path.parent().unwrap()), 0o700);
    let files = contents(path.parent().unwrap());
    assert!(
        files.len() >= 3,
        "the file, its log and its index: {:?}",
        files.keys()
    );
    for file in files.keys() {
        assert_eq!(mode(file), 0o600, "{}", file.display());
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_file_that_others_could_read_is_closed_and_a_directory_they_could_write_is_refused() {
    use std::os::unix::fs::PermissionsExt as _;
    let set = |path: &Path, mode| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap()
    };
    let (_directory, path) = fresh();
    drop(with_a_run(&path).await);
    set(&path, 0o644);
    drop(open(&path).await);
    assert_eq!(
        std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o600
    );

    set(path.parent().unwrap(), 0o777);
    let error = SqliteStore::open(&path, StoreOptions::default())
        .await
        .unwrap_err();
    assert!(
        matches!(error, StoreError::OpenDirectory { mode: 0o777, .. }),
        "{error}"
    );
    set(path.parent().unwrap(), 0o1777);
    open(&path).await;
}

#[tokio::test]
async fn an_unwritable_place_is_named_with_what_to_do() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    std::fs::write(&file, "").unwrap();
    let path = path_in(&file.join("state"));
    let error = SqliteStore::open(&path, StoreOptions::default())
        .await
        .unwrap_err();
    assert!(matches!(error, StoreError::Unwritable { .. }), "{error}");
    let text = error.to_string();
    assert!(
        text.contains(path.to_str().unwrap()) && text.contains("--state DIR"),
        "{text}"
    );
    assert_eq!(ReadOnlyStore::new(&path).runs(None).await.unwrap(), []);
}

#[cfg(unix)]
#[tokio::test]
async fn a_read_only_directory_is_unwritable_too() {
    use std::os::unix::fs::PermissionsExt as _;
    let directory = tempfile::tempdir().unwrap();
    std::fs::set_permissions(directory.path(), std::fs::Permissions::from_mode(0o500)).unwrap();
    let path = path_in(&directory.path().join("state"));
    let privileged = std::fs::write(directory.path().join("probe"), "").is_ok();
    let opened = SqliteStore::open(&path, StoreOptions::default()).await;
    // Permissions do not bind root, under which containers run their tests.
    match opened {
        Ok(_) => assert!(privileged),
        Err(error) => assert!(
            !privileged && matches!(error, StoreError::Unwritable { .. }),
            "{error}"
        ),
    }
}

#[tokio::test]
async fn files_that_are_newer_or_not_ours_are_left_as_they_are() {
    type Make = fn(&Path);
    let cases: [(&str, Make); 4] = [
        ("newer", |path| {
            let connection = Connection::open(path).unwrap();
            connection
                .pragma_update(None, "application_id", 0x726f_6c6c_i64)
                .unwrap();
            connection.pragma_update(None, "user_version", 999).unwrap();
            connection
                .execute_batch("CREATE TABLE run (id TEXT, shape_of_tomorrow TEXT)")
                .unwrap();
        }),
        ("another program's", |path| {
            Connection::open(path)
                .unwrap()
                .execute_batch("CREATE TABLE photos (id INTEGER)")
                .unwrap();
        }),
        ("another program's, with a version", |path| {
            let connection = Connection::open(path).unwrap();
            connection
                .execute_batch("CREATE TABLE photos (id INTEGER); PRAGMA user_version = 1")
                .unwrap();
        }),
        ("no database", |path| {
            std::fs::write(path, "dear diary, ".repeat(1000)).unwrap()
        }),
    ];
    for (name, make) in cases {
        let directory = tempfile::tempdir().unwrap();
        let path = path_in(directory.path());
        make(&path);
        let before = contents(directory.path());
        let write = SqliteStore::open(&path, StoreOptions::default())
            .await
            .unwrap_err();
        let read = ReadOnlyStore::new(&path).runs(None).await.unwrap_err();
        for error in [write, read] {
            match (name, &error) {
                ("newer", StoreError::NewerSchema { found: 999, .. }) => {
                    let text = error.to_string();
                    assert!(
                        text.contains("made by a newer rollout")
                            && text.contains("nothing was changed"),
                        "{text}"
                    );
                }
                ("newer", _) => panic!("{name}: {error}"),
                (_, StoreError::NotOurs { .. }) => {}
                _ => panic!("{name}: {error}"),
            }
        }
        assert!(
            contents(directory.path()) == before,
            "{name}: a file was changed or made"
        );
    }
}

#[tokio::test]
async fn reading_where_nothing_is_answers_nothing_and_makes_nothing() {
    let (directory, path) = fresh();
    let run = RunId::new();
    assert_eq!(ask_everything(&path, run).await, []);
    assert!(matches!(
        ReadOnlyStore::new(&path).inputs(run).await,
        Err(StoreError::NoSuchRun(_))
    ));
    assert!(contents(directory.path()).is_empty());

    std::fs::create_dir(path.parent().unwrap()).unwrap();
    std::fs::write(&path, "").unwrap();
    assert_eq!(
        ask_everything(&path, run).await,
        [],
        "an empty file is one that was just made"
    );
    assert_eq!(contents(path.parent().unwrap()).len(), 1);
}

#[tokio::test]
async fn reading_changes_no_file_in_whatever_state_they_were_left() {
    let (_directory, path) = fresh();
    let state = path.parent().unwrap().to_owned();
    let unchanged = async |name: &str, entries: u64| {
        let before = contents(&state);
        let runs = ask_everything(&path, RunId::new()).await;
        assert_eq!(runs.len(), 1, "{name}");
        assert_eq!(runs[0].last_seq, entries, "{name}");
        for (file, bytes) in contents(&state) {
            let file_before = before
                .get(&file)
                .unwrap_or_else(|| panic!("{name}: {} was made", file.display()));
            let first = bytes
                .iter()
                .zip(file_before)
                .position(|(now, before)| now != before);
            assert!(
                bytes == *file_before,
                "{name}: {} was changed at {first:?}",
                file.display()
            );
        }
    };

    // The writer is a process of its own: within one process SQLite shares the index between readers and writers.
    let mut writer = Writer::start(&path);
    writer.write();
    unchanged("open for writing", 1).await;
    let snapshot = contents(&state);
    writer.write();
    unchanged("written meanwhile", 2).await;
    drop(writer);
    unchanged("killed", 2).await;
    drop(open(&path).await);
    unchanged("closed", 2).await;
    assert_eq!(
        contents(&state).len(),
        3,
        "closing leaves the log and its index for readers"
    );
    fold_into_main_file(&path);
    unchanged("main file alone", 2).await;

    for (file, bytes) in &snapshot {
        std::fs::write(file, bytes).unwrap();
    }
    unchanged("restored from a backup of all files", 1).await;
    std::fs::remove_file(state.join("rollout.db-shm")).unwrap();
    let error = ReadOnlyStore::new(&path).runs(None).await.unwrap_err();
    assert!(matches!(error, StoreError::NeedsRecovery { .. }), "{error}");
    drop(open(&path).await);
    unchanged("repaired by opening", 1).await;
}

/// As the sqlite3 shell leaves it: everything in the main file, the others taken away.
fn fold_into_main_file(path: &Path) {
    let sql = "PRAGMA wal_checkpoint(TRUNCATE)";
    Connection::open(path).unwrap().execute_batch(sql).unwrap();
    assert_eq!(contents(path.parent().unwrap()).len(), 1);
}

#[tokio::test]
async fn what_was_read_while_somebody_began_to_write_does_not_count() {
    let (_directory, path) = fresh();
    drop(with_a_run(&path).await);
    fold_into_main_file(&path);
    let asked = std::cell::Cell::new(0);
    let fence = attempt(&path, |connection| {
        asked.set(asked.get() + 1);
        if asked.get() == 1 {
            let change = "UPDATE run SET fence = 77";
            Connection::open(&path)
                .unwrap()
                .execute(change, [])
                .unwrap();
        }
        let sql = "SELECT fence FROM run";
        Ok(connection
            .query_row(sql, [], |row| row.get::<_, i64>(0))
            .unwrap())
    });
    assert_eq!((fence.unwrap(), asked.get()), (Some(77), 2));
}

#[tokio::test]
async fn a_reader_answers_after_the_very_first_write_to_an_empty_log() {
    let (_directory, path) = fresh();
    let (store, lease) = with_a_run(&path).await;
    store.release(&lease).await.unwrap();
    drop(store);
    fold_into_main_file(&path);
    // It has written once, and no other reader has found its place in the index yet.
    let _writer = Writer::start(&path);
    let before: Vec<PathBuf> = contents(path.parent().unwrap()).into_keys().collect();
    let began = std::time::Instant::now();
    let run = ReadOnlyStore::new(&path)
        .run(lease.run)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(run.fence, Fence(2));
    assert!(
        began.elapsed() < Duration::from_secs(1),
        "{:?}",
        began.elapsed()
    );
    let after: Vec<PathBuf> = contents(path.parent().unwrap()).into_keys().collect();
    assert_eq!(before, after);
}

#[tokio::test]
async fn a_reader_follows_a_file_that_appears_later() {
    let (_directory, path) = fresh();
    let reader = ReadOnlyStore::new(&path);
    assert_eq!(reader.runs(None).await.unwrap(), []);
    // Nothing but the schema, in a log that no reader has marked yet.
    let store = open(&path).await;
    assert_eq!(reader.runs(None).await.unwrap(), []);
    store
        .create_run(new_run("example.com"), &owner(1), TTL)
        .await
        .unwrap();
    assert_eq!(reader.runs(None).await.unwrap().len(), 1);
}

#[tokio::test]
async fn awkward_names_are_no_trouble() {
    let directory = tempfile::tempdir().unwrap();
    let path = path_in(&directory.path().join("Ünï ?mode=rwc#%41&'\""));
    let (_store, lease) = with_a_run(&path).await;
    assert_eq!(ask_everything(&path, lease.run).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_and_a_writer_do_not_disturb_each_other() {
    let (_directory, path) = fresh();
    let (store, lease) = with_a_run(&path).await;
    let writing = tokio::spawn({
        let lease = lease.clone();
        async move {
            // Enough for the log to be folded into the main file and begun anew.
            let text = "x".repeat(20_000);
            for _ in 0..400 {
                store.append(&lease, note(&text)).await.unwrap();
            }
        }
    });
    let (mut reads, mut seen) = (0, 0);
    while !writing.is_finished() || reads < 20 {
        let head = ReadOnlyStore::new(&path)
            .verify_chain(lease.run)
            .await
            .unwrap();
        assert!(head.entries >= seen, "a reader went back in time");
        (reads, seen) = (reads + 1, head.entries);
    }
    writing.await.unwrap();
    assert_eq!(
        ReadOnlyStore::new(&path)
            .verify_chain(lease.run)
            .await
            .unwrap()
            .entries,
        401
    );
}
