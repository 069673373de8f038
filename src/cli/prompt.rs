//! Reads what a person answers, without keeping the program from stopping.

use std::io::BufRead as _;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use crate::output::terminal::Asker;
use crate::output::{Console, Line};

/// Standard input. Clones share one reader.
#[derive(Clone)]
pub struct Prompt {
    console: Console,
    stop: watch::Receiver<bool>,
    lines: Arc<Mutex<Option<Receiver<String>>>>,
}

impl Prompt {
    /// Asks at this console until `stop` turns true; `None` where no person is there.
    pub fn new(console: &Console, stop: &watch::Receiver<bool>) -> Option<Self> {
        console.person().then(|| Self {
            console: console.clone(),
            stop: stop.clone(),
            lines: Arc::default(),
        })
    }

    fn read(&self, pasted: bool) -> Option<String> {
        /// Lines of a paste come at once; people type slower.
        const PAUSE: Duration = Duration::from_millis(300);
        const LOOK: Duration = Duration::from_millis(100);
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let lines = lines.get_or_insert_with(|| {
            let (sender, receiver) = channel();
            // A thread, because reading a terminal cannot be cancelled; it ends with the process.
            std::thread::spawn(move || {
                for line in std::io::stdin().lock().lines() {
                    let Ok(line) = line else { break };
                    if sender.send(line).is_err() {
                        break;
                    }
                }
            });
            receiver
        });
        // What was typed before the question answers nothing.
        while lines.try_recv().is_ok() {}
        loop {
            match lines.recv_timeout(LOOK) {
                Ok(mut text) => {
                    while let Some(line) = pasted.then(|| lines.recv_timeout(PAUSE).ok()).flatten()
                    {
                        text.push('\n');
                        text.push_str(&line);
                    }
                    return Some(text);
                }
                Err(RecvTimeoutError::Timeout) if !*self.stop.borrow() => {}
                Err(_) => return None,
            }
        }
    }
}

impl Asker for Prompt {
    fn ask(&mut self, question: &Line) -> Option<String> {
        self.console.question(question);
        // The lease is renewed meanwhile.
        tokio::task::block_in_place(|| self.read(false))
    }

    fn ask_pasted(&mut self, question: &Line) -> Option<String> {
        self.console.question(question);
        tokio::task::block_in_place(|| self.read(true))
    }
}
