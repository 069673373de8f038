//! The one way out: standard output for results, standard error for what goes on meanwhile.

use std::io::{self, IsTerminal as _, Write as _};

use indicatif::{MultiProgress, ProgressDrawTarget};
use serde::Serialize;
use serde_json::Value;

use super::page::{Line, Page};
use super::text;
use crate::redact::Redactor;

/// How a stream shows text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Look {
    /// Whether escape sequences colour it.
    pub colour: bool,
    /// Where lines are wrapped; `None`: nowhere.
    pub width: Option<usize>,
}

/// What the flags say about output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Manner {
    /// JSON lines instead of text.
    pub json: bool,
    /// Results only.
    pub quiet: bool,
    /// Never colour.
    pub no_colour: bool,
}

/// Standard output and standard error. Clones share both.
#[derive(Clone, Debug)]
pub struct Console {
    manner: Manner,
    out: Look,
    err: Look,
    person: bool,
    watched: bool,
    bars: MultiProgress,
    redactor: Redactor,
}

impl Console {
    /// As the flags, `NO_COLOR` (no-color.org) and the terminal say.
    pub fn new(manner: Manner, redactor: Redactor) -> Self {
        let (out, err) = (io::stdout().is_terminal(), io::stderr().is_terminal());
        let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let colour = !(manner.no_colour || manner.json || set("NO_COLOR") || dumb);
        let look = |terminal: bool| Look {
            colour: colour && terminal,
            width: terminal.then(width),
        };
        let animated = err && !manner.json && !manner.quiet && !dumb;
        let bars = MultiProgress::with_draw_target(if animated {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        });
        Self {
            manner,
            out: look(out),
            err: look(err),
            person: io::stdin().is_terminal() && err && !manner.json,
            watched: err,
            bars,
            redactor,
        }
    }

    /// Whether a program reads.
    pub fn json(&self) -> bool {
        self.manner.json
    }

    /// Whether a person can be asked.
    pub fn person(&self) -> bool {
        self.person
    }

    /// Whether somebody can watch a countdown.
    pub fn watched(&self) -> bool {
        self.watched
    }

    /// Whether results only are wanted.
    pub fn quiet(&self) -> bool {
        self.manner.quiet
    }

    /// Whether standard output is a terminal that can be cleared for people.
    pub fn clears(&self) -> bool {
        self.out.width.is_some() && !self.manner.json
    }

    /// Clears the terminal; does nothing elsewhere.
    pub fn clear(&self) {
        if self.clears() {
            // Erase all, cursor home (ECMA-48 sections 8.3.39 and 8.3.21).
            self.write_out("\u{1b}[2J\u{1b}[H");
        }
    }

    /// How standard error shows text.
    pub fn error_look(&self) -> Look {
        self.err
    }

    /// Where countdowns are drawn; hidden where nobody watches.
    pub fn bars(&self) -> &MultiProgress {
        &self.bars
    }

    /// Shows a result to people; nothing where a program reads.
    pub fn result(&self, page: impl Into<Page>) {
        if !self.manner.json {
            self.write_out(&page.into().render(self.out));
        }
    }

    /// Shows what goes on; nothing when quiet or where a program reads.
    pub fn progress(&self, page: impl Into<Page>) {
        if !self.manner.quiet {
            self.result(page);
        }
    }

    /// Says something beside the result, on standard error; nothing where a program reads.
    pub fn remark(&self, page: impl Into<Page>) {
        if !self.manner.json {
            self.write_err(page.into().render(self.err).as_bytes());
        }
    }

    /// Shows why it failed, on standard error; to programs on standard output as well, as an object.
    pub fn failure(&self, page: impl Into<Page>, object: &Value) {
        self.write_err(page.into().render(self.err).as_bytes());
        self.object(object);
    }

    /// Shows a text that was rendered for standard error by others.
    pub fn rendered(&self, text: &str, object: &Value) {
        self.write_err(text.as_bytes());
        self.object(object);
    }

    /// Gives an object to a program; nothing to people.
    pub fn object(&self, object: &impl Serialize) {
        if self.manner.json {
            self.write_out(&format!("{}\n", text::json(object)));
        }
    }

    /// Writes a document as it is: a schema, a playbook, a manual page. Safe text is the caller's business.
    pub fn document(&self, text: &str) {
        self.write_out(text);
    }

    /// Asks without a line break.
    pub fn question(&self, line: &Line) {
        let text = Page::from(line.clone()).render(self.err);
        self.write_err(text.trim_end_matches('\n').as_bytes());
        self.write_err(b" ");
    }

    fn write_out(&self, text: &str) {
        let text = self.redactor.redact(text);
        self.bars.suspend(|| {
            let mut out = io::stdout().lock();
            // Nobody reads any more (`| head`): what is done is journalled, so there is nothing to add.
            let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
        });
    }

    /// Writes to standard error; used for logs too.
    pub fn write_err(&self, text: &[u8]) {
        let text = self.redactor.redact(&String::from_utf8_lossy(text));
        self.bars.suspend(|| {
            let mut err = io::stderr().lock();
            let _ = err.write_all(text.as_bytes()).and_then(|()| err.flush());
        });
    }
}

/// Where lines are wrapped. A narrower terminal wraps on its own, so a guess does no harm.
fn width() -> usize {
    const USUAL: usize = 100;
    let told = std::env::var("COLUMNS")
        .ok()
        .and_then(|columns| columns.parse().ok());
    told.unwrap_or(USUAL).clamp(40, 120)
}
