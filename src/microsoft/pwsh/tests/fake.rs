//! A strict `pwsh`: this test binary, started again by a script of that name. It refuses every form but the agreed one and
//! answers as a plan in its folder says.

use std::fs;
use std::io::{BufRead as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};

use super::super::DRIVER;

/// A folder with a `pwsh` and its plan.
pub struct Fake {
    pub folder: tempfile::TempDir,
}

impl Fake {
    /// What is answered to `connect` and to each cmdlet: a list, of which the last goes on for ever.
    pub fn new(plan: &Value) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let own = std::env::current_exe().unwrap();
        fs::write(folder.path().join("plan.json"), plan.to_string()).unwrap();
        let script = format!(
            "#!/bin/sh\nfor arg in \"$@\"; do printf '%s\\n' \"$arg\"; done > '{0}/args'\nenv > '{0}/env'\n\
             FAKE_PWSH='{0}' exec '{1}' --exact microsoft::pwsh::tests::fake::program --ignored --nocapture\n",
            folder.path().display(),
            own.display()
        );
        // A file that is open for writing anywhere cannot be run, and other tests fork meanwhile: sh reads it instead.
        let body = folder.path().join("body.sh");
        fs::write(&body, script).unwrap();
        let program = folder.path().join("pwsh");
        fs::write(&program, format!("#!/bin/sh\n. '{}'\n", body.display())).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o700)).unwrap();
        Self { folder }
    }

    pub fn program(&self) -> PathBuf {
        self.folder.path().join("pwsh")
    }

    /// Every request that arrived, in order; a password is only said to have been there.
    pub fn requests(&self) -> Vec<Value> {
        lines(&self.folder.path().join("requests"))
    }

    /// How often a cmdlet, or `connect`, was asked for.
    pub fn count(&self, what: &str) -> usize {
        self.requests()
            .iter()
            .filter(|one| name(one) == what)
            .count()
    }

    pub fn read(&self, file: &str) -> String {
        fs::read_to_string(self.folder.path().join(file)).unwrap_or_default()
    }
}

fn lines(path: &Path) -> Vec<Value> {
    fs::read_to_string(path)
        .unwrap_or_default()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn name(request: &Value) -> String {
    let cmdlet = request["cmdlet"].as_str();
    cmdlet
        .or_else(|| request["do"].as_str())
        .unwrap()
        .to_owned()
}

/// The form of a start: exactly this script, owner-only, by its path, and nothing else.
fn check_start(folder: &Path) {
    let args = fs::read_to_string(folder.join("args")).unwrap();
    let args: Vec<&str> = args.lines().collect();
    let [rest @ .., script] = args.as_slice() else {
        panic!("no arguments")
    };
    assert_eq!(rest, ["-NoLogo", "-NoProfile", "-NonInteractive", "-File"]);
    assert!(script.ends_with(".ps1"));
    assert_eq!(fs::read_to_string(script).unwrap(), DRIVER);
    let mode = fs::metadata(script).unwrap().permissions().mode();
    assert_eq!(mode & 0o077, 0, "{mode:o}");
}

/// The form of a request: known keys, and for each cmdlet only its parameters.
fn check_request(request: &Value) {
    let keys: Vec<&str> = request
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    let known: &[&str] = match request["do"].as_str() {
        Some("connect") => &["do", "least", "parameters", "password", "id", "mark"],
        Some("run") => &["do", "cmdlet", "parameters", "id", "mark"],
        other => panic!("{other:?}"),
    };
    assert!(keys.iter().all(|key| known.contains(key)), "{keys:?}");
    if let Some(cmdlet) = request["cmdlet"].as_str() {
        let quoted = format!("'{cmdlet}'");
        let line = DRIVER
            .lines()
            .find(|line| line.trim_start().starts_with(&quoted) && line.contains("@("))
            .unwrap_or_else(|| panic!("{cmdlet} is not on the script's list"));
        for parameter in request["parameters"].as_object().unwrap().keys() {
            assert!(
                line.contains(&format!("'{parameter}'")),
                "{cmdlet} -{parameter}"
            );
        }
    }
}

/// Not a test: what runs when the script above is started.
#[test]
#[ignore = "it is the program that the other tests start"]
fn program() {
    let Some(folder) = std::env::var_os("FAKE_PWSH").map(PathBuf::from) else {
        return;
    };
    check_start(&folder);
    let plan: Value =
        serde_json::from_str(&fs::read_to_string(folder.join("plan.json")).unwrap()).unwrap();
    for line in std::io::stdin().lock().lines() {
        let line = line.unwrap();
        assert!(line.is_ascii());
        let mut request: Value = serde_json::from_str(&line).unwrap();
        check_request(&request);
        if request.get("password").is_some() {
            request["password"] = json!("it was there");
        }
        let mut log = fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(folder.join("requests"))
            .unwrap();
        writeln!(log, "{request}").unwrap();
        let asked = name(&request);
        let before = lines(&folder.join("requests"));
        let times = before.iter().filter(|one| name(one) == asked).count();
        let steps = plan[&asked].as_array().unwrap_or_else(|| panic!("{asked}"));
        act(&steps[(times - 1).min(steps.len() - 1)], &request);
    }
    std::process::exit(0);
}

fn act(step: &Value, request: &Value) {
    let mut out = std::io::stdout();
    if let Some(words) = step["die"].as_str() {
        eprintln!("{words}");
        std::process::exit(1);
    }
    if let Some(millis) = step["sleep"].as_u64() {
        std::thread::sleep(Duration::from_millis(millis));
    }
    for line in step["talk"].as_array().into_iter().flatten() {
        writeln!(out, "{}", line.as_str().unwrap()).unwrap();
    }
    let (mark, id) = (
        request["mark"].as_str().unwrap(),
        request["id"].as_str().unwrap(),
    );
    let answer = match step["raw"].as_str() {
        Some(raw) => raw.to_owned(),
        None => step["answer"].to_string(),
    };
    write!(out, "{mark} begin {id}\n{answer}\n{mark} end {id}\n").unwrap();
    out.flush().unwrap();
}
