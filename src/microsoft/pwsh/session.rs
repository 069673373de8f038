//! One PowerShell process that is signed in once and answers request after request.
//!
//! No shell is involved: the program gets a fixed script by its path, and each request as a line of JSON on its standard
//! input. Answers stand between lines with a mark that is drawn for each session, so that nothing a cmdlet prints can be
//! taken for one.

use std::io::Write as _;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

use super::super::loose::{self, Row, get};
use super::super::redact;
use super::error::PwshError;
use super::settings::{LEAST_MODULE, PwshSettings};

/// The script: a constant, so no value can ever become code.
pub const DRIVER: &str = include_str!("driver.ps1");
/// No answer of these cmdlets comes near this; what is longer is not read to its end.
const LONGEST_LINE: usize = 32 << 20;
/// How much of the process's last words is kept.
const LAST_WORDS: usize = 4096;

/// Why no answer came after a request was handed over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Lost {
    /// The time was over.
    TimedOut(Duration),
    /// The process ended; with its last words.
    Died(String),
}

/// What the module said about itself when it was connected.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Connected {
    /// The module's version.
    pub module: String,
    /// PowerShell's version.
    pub powershell: String,
    /// Those of the cmdlets that this identity may run.
    pub exported: Vec<String>,
}

/// A signed-in session.
#[derive(Debug)]
pub(super) struct Session {
    child: Child,
    stdin: ChildStdin,
    lines: mpsc::Receiver<Vec<u8>>,
    said: Arc<Mutex<Vec<u8>>>,
    mark: String,
    next: u64,
    /// What the module said about itself.
    pub(super) connected: Connected,
    /// Kept for as long as the process may read it.
    _script: tempfile::TempPath,
}

impl Session {
    /// Starts PowerShell and signs in.
    pub(super) async fn open(settings: &PwshSettings) -> Result<Self, PwshError> {
        settings.check()?;
        let mut session = Self::start(settings)?;
        let request = {
            let mut request = json!({
                "do": "connect", "least": LEAST_MODULE, "parameters": settings.parameters(),
            });
            if let Some(password) = settings.password() {
                request["password"] = json!(password);
            }
            request
        };
        let tell = Arc::clone(&settings.tell);
        let talk = move |line: &str| tell(line);
        let answer = session
            .request(request, settings.sign_in, &talk)
            .await
            .map_err(|lost| match lost {
                Lost::TimedOut(after) => PwshError::SignInTimedOut {
                    method: settings.connect.name(),
                    after,
                },
                Lost::Died(said) => PwshError::Ended {
                    said: (!said.is_empty()).then_some(said),
                },
            })?;
        session.connected = judge(&answer, settings)?;
        Ok(session)
    }

    fn start(settings: &PwshSettings) -> Result<Self, PwshError> {
        let script = write_script().map_err(|error| PwshError::Script {
            detail: error.to_string(),
        })?;
        let no_program = |detail: String| PwshError::NoProgram {
            program: settings.program.display().to_string(),
            detail,
        };
        let mut child = Command::new(&settings.program)
            .args(["-NoLogo", "-NoProfile", "-NonInteractive", "-File"])
            .arg(&*script)
            .env("POWERSHELL_TELEMETRY_OPTOUT", "1")
            .env("POWERSHELL_UPDATECHECK", "Off")
            .env("NO_COLOR", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| no_program(error.to_string()))?;
        let (Some(stdin), Some(stdout), Some(stderr)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(no_program("it has no standard streams".to_owned()));
        };
        let (sender, lines) = mpsc::channel(64);
        tokio::spawn(read_lines(stdout, sender));
        let said = Arc::new(Mutex::new(Vec::new()));
        tokio::spawn(keep_last_words(stderr, Arc::clone(&said)));
        Ok(Self {
            child,
            stdin,
            lines,
            said,
            mark: format!("rollout-{}", uuid::Uuid::new_v4().simple()),
            next: 1,
            connected: Connected::default(),
            _script: script,
        })
    }

    /// Whether the process still runs. When it does not, nothing can have been taken from its input.
    pub(super) fn is_alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Hands a request over and reads its answer. After an error the session is of no more use.
    pub(super) async fn request(
        &mut self,
        mut request: Value,
        limit: Duration,
        talk: &(dyn Fn(&str) + Send + Sync),
    ) -> Result<Vec<u8>, Lost> {
        let id = self.next.to_string();
        self.next += 1;
        request["id"] = json!(id);
        request["mark"] = json!(self.mark);
        let until = Instant::now() + limit;
        let answered = timeout_at(until, async {
            let line = ascii(&request.to_string());
            let sent = async {
                self.stdin.write_all(line.as_bytes()).await?;
                self.stdin.write_all(b"\n").await?;
                self.stdin.flush().await
            };
            if sent.await.is_err() {
                return None;
            }
            self.answer(&id, talk).await
        })
        .await;
        match answered {
            Ok(Some(answer)) => Ok(answer),
            Ok(None) => Err(Lost::Died(self.last_words().await)),
            Err(_) => {
                // What it still does is Exchange Online's business; nobody reads its answer.
                let _ = self.child.start_kill();
                Err(Lost::TimedOut(limit))
            }
        }
    }

    /// The bytes between the marks; `None` when the output ended before.
    async fn answer(&mut self, id: &str, talk: &(dyn Fn(&str) + Send + Sync)) -> Option<Vec<u8>> {
        let begin = format!("{} begin {id}", self.mark);
        let end = format!("{} end {id}", self.mark);
        let mut found: Option<Vec<u8>> = None;
        loop {
            let line = self.lines.recv().await?;
            let trimmed = line.trim_ascii();
            // A progress bar or a prompt without a line break may stand before the mark.
            if trimmed.ends_with(begin.as_bytes()) {
                found = Some(Vec::new());
            } else if trimmed == end.as_bytes() {
                return Some(found.unwrap_or_default());
            } else if let Some(found) = &mut found {
                found.extend_from_slice(trimmed);
            } else if !trimmed.is_empty() {
                talk(&redact::excerpt(trimmed));
            }
        }
    }

    async fn last_words(&mut self) -> String {
        // Its standard error may come a moment after the end of its output.
        let _ = tokio::time::timeout(Duration::from_secs(2), self.child.wait()).await;
        tokio::time::sleep(Duration::from_millis(50)).await;
        let said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        match said.trim_ascii() {
            b"" => "it said nothing".to_owned(),
            said => redact::excerpt(said),
        }
    }
}

fn write_script() -> std::io::Result<tempfile::TempPath> {
    // PowerShell runs files of this ending only. A temporary file is made with mode 0600.
    let mut file = tempfile::Builder::new()
        .prefix("rollout-")
        .suffix(".ps1")
        .tempfile()?;
    file.write_all(DRIVER.as_bytes())?;
    file.flush()?;
    Ok(file.into_temp_path())
}

/// JSON in ASCII only, so that the code page of the console does not matter.
fn ascii(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    let mut units = [0; 2];
    for c in json.chars() {
        if c.is_ascii() {
            out.push(c);
            continue;
        }
        for unit in c.encode_utf16(&mut units) {
            out.push_str(&format!("\\u{unit:04x}"));
        }
    }
    out
}

async fn read_lines(stdout: impl AsyncRead + Unpin, lines: mpsc::Sender<Vec<u8>>) {
    let mut reader = BufReader::new(stdout);
    loop {
        let mut line = Vec::new();
        let mut one = tokio::io::AsyncReadExt::take(&mut reader, LONGEST_LINE as u64);
        match one.read_until(b'\n', &mut line).await {
            Ok(0) | Err(_) => return,
            Ok(_) if lines.send(line).await.is_err() => return,
            Ok(_) => {}
        }
    }
}

async fn keep_last_words(mut stderr: impl AsyncRead + Unpin, said: Arc<Mutex<Vec<u8>>>) {
    let mut buffer = [0; 1024];
    while let Ok(count @ 1..) = tokio::io::AsyncReadExt::read(&mut stderr, &mut buffer).await {
        let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
        said.extend_from_slice(&buffer[..count]);
        let over = said.len().saturating_sub(LAST_WORDS);
        said.drain(..over);
    }
}

/// What came of connecting.
fn judge(answer: &[u8], settings: &PwshSettings) -> Result<Connected, PwshError> {
    let sign_in = |said: String| PwshError::SignIn {
        method: settings.connect.name(),
        said,
        command: settings.by_hand(),
    };
    let Ok(row) = serde_json::from_slice::<Row>(answer) else {
        return Err(sign_in(format!(
            "its answer is not understood: {}",
            redact::excerpt(answer)
        )));
    };
    let text = |name: &str| loose::text(get(&row, name)).unwrap_or_default();
    match text("stage").as_str() {
        "connected" => {}
        "module" => {
            return Err(match text("found") {
                found if found.is_empty() => PwshError::NoModule,
                found => PwshError::OldModule {
                    found: redact::excerpt(found.as_bytes()),
                    least: LEAST_MODULE,
                },
            });
        }
        _ => {
            let failure = super::failure(&row);
            let said =
                failure.map_or_else(|| redact::excerpt(answer), |failure| failure.to_string());
            let said = match settings.password() {
                Some(password) => redact::scrub(&said, password),
                None => said,
            };
            return Err(sign_in(said));
        }
    }
    let tenant = text("tenant");
    if is_id(&settings.tenant) && is_id(&tenant) && !tenant.eq_ignore_ascii_case(&settings.tenant) {
        return Err(PwshError::OtherTenant {
            found: tenant,
            wanted: settings.tenant.clone(),
        });
    }
    Ok(Connected {
        module: redact::excerpt(text("module").as_bytes()),
        powershell: redact::excerpt(text("powershell").as_bytes()),
        exported: loose::texts(get(&row, "exportedCmdlets")).unwrap_or_default(),
    })
}

fn is_id(text: &str) -> bool {
    uuid::Uuid::try_parse(text).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_ascii_and_stay_the_same_json() {
        let request = json!({"file": "/home/jürgen/schlüssel-🔑.pfx", "line": "a\nb"});
        let line = ascii(&request.to_string());
        assert!(line.is_ascii() && !line.contains('\n'), "{line}");
        assert_eq!(serde_json::from_str::<Value>(&line).unwrap(), request);
    }

    #[test]
    fn the_script_is_constant_closed_and_runs_nothing_but_the_list() {
        for never in [
            "Invoke-Expression",
            "iex ",
            "[scriptblock]",
            "Start-Process",
            "ExpandString",
            "Add-Type",
        ] {
            assert!(!DRIVER.contains(never), "{never}");
        }
        assert!(DRIVER.is_ascii() && DRIVER.starts_with("#Requires -Version 7"));
        for (open, close) in [('{', '}'), ('(', ')'), ('[', ']')] {
            let count = |c| DRIVER.chars().filter(|d| *d == c).count();
            assert_eq!(count(open), count(close), "{open}");
        }
        for cmdlet in super::super::super::Cmdlet::NEEDED {
            assert!(DRIVER.contains(&format!("'{cmdlet}'")), "{cmdlet}");
        }
    }
}
