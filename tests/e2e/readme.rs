//! Every command in the README is run, in its order, on the laboratory.

use std::path::Path;
use std::process::Command;

use rollout_lab::DomainSeed;

use crate::support::{Bench, quick};

const README: &str = include_str!("../../README.md");
const ROLLOUT: &str = env!("CARGO_BIN_EXE_rollout");

/// The lines of all `sh` blocks, each with the exit code it announces (0 unless `# exit N`).
fn commands() -> Vec<(String, i32)> {
    let mut commands = Vec::new();
    let mut inside = false;
    for line in README.lines() {
        match line.trim() {
            "```sh" => inside = true,
            "```" => inside = false,
            command if inside && !command.is_empty() => {
                let (command, exit) = command.split_once("# exit ").unwrap_or((command, "0"));
                commands.push((command.trim().to_owned(), exit.trim().parse().unwrap()));
            }
            _ => {}
        }
    }
    commands
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn every_command_of_the_readme_does_what_it_says() {
    let bench = Bench::start(rollout_lab::Options {
        timing: quick(),
        ..rollout_lab::Options::with_domains([DomainSeed::ordinary("contoso.com").without_cds()])
    });
    let file = bench.file("contoso.com", "");
    std::fs::rename(&file, bench.folder.path().join("domain.yml")).unwrap();
    let mut run = 0;
    for (command, exit) in commands() {
        match command.as_str() {
            "cargo run --release -- demo" => demo(),
            "tests/run.sh" => test_command(),
            _ => {
                let arguments = command
                    .strip_prefix("rollout ")
                    .unwrap_or_else(|| panic!("the README has a command no test knows: {command}"));
                let output = Command::new(ROLLOUT)
                    .args(arguments.split_whitespace())
                    .current_dir(bench.folder.path())
                    .env("ROLLOUT_STATE", bench.folder.path().join("state"))
                    .output()
                    .unwrap();
                assert_eq!(
                    output.status.code(),
                    Some(exit),
                    "{command}\n{}\n{}",
                    String::from_utf8_lossy(&output.stdout),
                    String::from_utf8_lossy(&output.stderr)
                );
            }
        }
        run += 1;
    }
    assert!(run >= 10, "the README has lost its commands");
}

/// The demo walks to its end, and its files work afterwards.
fn demo() {
    let folder = tempfile::tempdir().unwrap();
    let demo = |arguments: &[&str]| {
        let output = Command::new(ROLLOUT)
            .args(arguments)
            .current_dir(folder.path())
            .env("ROLLOUT_STATE", folder.path().join("rollout-demo/state"))
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        (output.status.code(), text)
    };
    let (exit, text) = demo(&["demo"]);
    assert_eq!(exit, Some(0), "{text}");
    assert!(text.contains("What others see now"), "{text}");
    assert!(!text.contains("  no  "), "{text}");
    for (file, exit, words) in [
        ("contoso.com.yml", 0, "Nothing to do"),
        ("adatum.com.yml", 0, "Nothing to do"),
        ("proseware.ch.yml", 0, "Enable-SmtpDaneInbound"),
        ("treyresearch.com.yml", 1, "mx.gateway"),
    ] {
        let (code, text) = demo(&["plan", &format!("rollout-demo/{file}")]);
        assert_eq!(code, Some(exit), "{file}: {text}");
        assert!(text.contains(words), "{file}: {text}");
    }
    let (exit, text) = demo(&["status"]);
    assert_eq!(exit, Some(0));
    assert!(text.contains("contoso.com"), "{text}");
}

/// The test command is there, can be run, and is what CI calls.
fn test_command() {
    let ci = std::fs::read_to_string(root().join(".ci/run")).unwrap();
    assert!(ci.contains("tests/run.sh"));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(root().join("tests/run.sh"))
            .unwrap()
            .permissions()
            .mode();
        assert!(mode & 0o100 != 0);
    }
}

#[test]
fn every_file_the_readme_names_is_there() {
    for part in README.split("](").skip(1) {
        let path = part.split(')').next().unwrap();
        if !path.contains("://") {
            assert!(root().join(path).exists(), "{path}");
        }
    }
}
