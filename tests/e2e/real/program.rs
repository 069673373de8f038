//! The `rollout` binary as a process of its own, its output read as it comes.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How long a whole walk may take before the test gives up on it.
const PATIENCE: Duration = Duration::from_secs(90);

/// A running `rollout`. Killed, by its process id, when it is dropped before its end.
pub struct Program {
    child: Child,
    begun: Instant,
    lines: Arc<Mutex<Vec<String>>>,
    readers: Vec<JoinHandle<()>>,
}

/// How it ended.
pub struct Ended {
    pub code: i32,
    pub took: Duration,
    /// Both outputs, in the order in which they came.
    pub lines: Vec<String>,
}

impl Program {
    /// Starts `rollout` with its state in `state`, without a terminal.
    pub fn start(state: &Path, arguments: &[&str]) -> Self {
        let begun = Instant::now();
        let mut child = Command::new(env!("CARGO_BIN_EXE_rollout"))
            .args(arguments)
            .arg("--state")
            .arg(state)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = Arc::new(Mutex::new(Vec::new()));
        let outputs: [Box<dyn Read + Send>; 2] = [
            Box::new(child.stdout.take().unwrap()),
            Box::new(child.stderr.take().unwrap()),
        ];
        let readers = outputs
            .into_iter()
            .map(|output| {
                let lines = Arc::clone(&lines);
                std::thread::spawn(move || {
                    for line in BufReader::new(output).lines().map_while(Result::ok) {
                        println!("{:7.2} | {line}", begun.elapsed().as_secs_f64());
                        lines.lock().unwrap().push(line);
                    }
                })
            })
            .collect();
        Self {
            child,
            begun,
            lines,
            readers,
        }
    }

    /// Waits for the first line of which `read` makes something.
    pub fn until<T>(&mut self, what: &str, read: impl Fn(&str) -> Option<T>) -> T {
        loop {
            let ended = self.child.try_wait().unwrap();
            let found = self
                .lines
                .lock()
                .unwrap()
                .iter()
                .find_map(|line| read(line));
            if let Some(found) = found {
                return found;
            }
            assert!(
                ended.is_none(),
                "it ended ({ended:?}) before it said: {what}"
            );
            assert!(self.begun.elapsed() < PATIENCE, "it never said: {what}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Lets it run for a while; whether it has ended by then.
    pub fn ended_within(&mut self, time: Duration) -> bool {
        let until = Instant::now() + time;
        loop {
            if self.child.try_wait().unwrap().is_some() {
                return true;
            }
            if Instant::now() >= until {
                return false;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// What `read` makes of the lines so far.
    pub fn so_far<T>(&self, read: impl Fn(&str) -> Option<T>) -> Option<T> {
        let lines = self.lines.lock().unwrap();
        lines.iter().find_map(|line| read(line))
    }

    /// Kills it (SIGKILL), as it stands.
    pub fn kill(self) {
        drop(self);
    }

    /// Waits for its end.
    pub fn end(mut self) -> Ended {
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(self.begun.elapsed() < PATIENCE, "it does not end");
            std::thread::sleep(Duration::from_millis(20));
        };
        let took = self.begun.elapsed();
        for reader in self.readers.drain(..) {
            reader.join().unwrap();
        }
        let lines = self.lines.lock().unwrap().clone();
        Ended {
            code: status.code().expect("nobody killed it"),
            took,
            lines,
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // Both fail when it has ended, which is the aim.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Ended {
    pub fn text(&self) -> String {
        self.lines.join("\n")
    }
}
