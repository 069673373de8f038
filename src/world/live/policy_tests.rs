use std::os::unix::fs::PermissionsExt as _;

use super::*;

fn text(text: &str, mode: PolicyMode, patterns: &[&str]) -> PolicyText {
    PolicyText {
        text: text.to_owned(),
        mode,
        patterns: patterns.iter().map(|p| (*p).to_owned()).collect(),
    }
}

#[test]
fn a_text_that_says_something_else_than_what_was_judged_is_not_published() {
    let body = "version: STSv1\nmode: enforce\nmx: a.example\nmx: b.example\nmax_age: 86400\n";
    assert_eq!(
        says(&text(
            body,
            PolicyMode::Enforce,
            &["a.example", "b.example"]
        )),
        Ok(())
    );
    for wrong in [
        text(body, PolicyMode::Testing, &["a.example", "b.example"]),
        text(body, PolicyMode::Enforce, &["a.example"]),
        text(
            body,
            PolicyMode::Enforce,
            &["a.example", "b.example", "c.example"],
        ),
        text("nonsense", PolicyMode::Enforce, &[]),
    ] {
        assert!(says(&wrong).is_err(), "{wrong:?}");
    }
}

#[test]
fn a_file_is_replaced_as_a_whole_and_only_while_it_is_what_was_seen() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mta-sts.txt");
    std::fs::write(&path, "old").unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
    let link = folder.path().join("link");
    std::os::unix::fs::symlink("mta-sts.txt", &link).unwrap();
    assert!(matches!(
        replace(&path, "other", "new"),
        Outcome::Conflict { .. }
    ));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "old");
    assert!(matches!(replace(&link, "old", "new"), Outcome::Done { .. }));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "new");
    assert!(link.is_symlink());
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o640);
    // Made twice, it comes to the same.
    assert!(matches!(replace(&path, "old", "new"), Outcome::Done { .. }));
    let names = std::fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(names, 2, "nothing is left beside it");
    assert!(matches!(
        replace(&folder.path().join("absent"), "old", "new"),
        Outcome::Refused { .. }
    ));
}

async fn shell(script: &str, limit: u64) -> Outcome {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", script]);
    run(
        command,
        "the policy\n",
        Duration::from_secs(limit),
        &Redactor::new(),
    )
    .await
}

#[tokio::test]
async fn an_executable_gets_the_policy_and_its_status_decides() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("out").display().to_string();
    assert!(matches!(
        shell(&format!("cat > {file}"), 10).await,
        Outcome::Done { .. }
    ));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "the policy\n");
    // One that does not read it may succeed as well.
    assert!(matches!(shell("exit 0", 10).await, Outcome::Done { .. }));
    let Outcome::Refused { why } = shell("printf 'no \\033[31mway' >&2; exit 3", 10).await else {
        panic!()
    };
    assert!(
        why.contains("exit status: 3") && why.contains("way"),
        "{why}"
    );
    assert!(
        !why.contains('\u{1b}'),
        "nothing drives the terminal: {why:?}"
    );
    let long = "head -c 100000 /dev/zero | tr '\\0' x >&2; exit 1";
    let Outcome::Refused { why } = shell(long, 10).await else {
        panic!()
    };
    assert!(why.len() < 3000, "{}", why.len());
}

#[tokio::test]
async fn one_that_takes_too_long_is_ended_with_what_it_started_and_its_outcome_is_unknown() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("late");
    let script = format!("(sleep 2; touch {}) & sleep 30", file.display());
    let begun = std::time::Instant::now();
    let outcome = shell(&script, 1).await;
    assert!(matches!(outcome, Outcome::Unknown { .. }), "{outcome:?}");
    assert!(begun.elapsed() < Duration::from_secs(5));
    tokio::time::sleep(Duration::from_millis(1800)).await;
    assert!(!file.exists(), "what it started goes on");
}

#[tokio::test]
async fn an_executable_that_is_not_there_is_refused() {
    let command = Command::new("/nowhere/at/all");
    let outcome = run(command, "", Duration::from_secs(1), &Redactor::new()).await;
    assert!(matches!(outcome, Outcome::Refused { .. }), "{outcome:?}");
}
