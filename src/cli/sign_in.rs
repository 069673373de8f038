//! Asking a person at the terminal to sign in.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use reqwest::Url;

use super::{App, CliError, Session};
use crate::microsoft::{Invitation, Prompt};
use crate::output::{Console, Line, Page, Tone};
use crate::world::live::{AtTerminal, LiveWorld};

impl App {
    /// Opens the live world of a session for whoever is at this terminal.
    ///
    /// # Errors
    /// As [`LiveWorld::open_for`].
    pub fn open(&self, session: &Session) -> Result<LiveWorld, CliError> {
        Ok(LiveWorld::open_for(
            &session.file,
            &self.redactor,
            self.at_terminal(),
            &self.tenants,
        )?)
    }

    /// The person at this terminal, if there is one, and where a sign-in may be kept.
    pub fn at_terminal(&self) -> AtTerminal {
        let prompt = self.console.person().then(|| Terminal {
            console: self.console.clone(),
        });
        AtTerminal {
            prompt: prompt.map(|terminal| std::sync::Arc::new(terminal) as _),
            state_folder: self.state_folder(),
        }
    }

    /// The state directory, where one is known.
    pub(super) fn state_folder(&self) -> Option<PathBuf> {
        let file = self.state_file().ok()?;
        file.parent().map(std::path::Path::to_owned)
    }
}

#[derive(Clone, Debug)]
struct Terminal {
    console: Console,
}

impl Prompt for Terminal {
    fn invite(&self, invitation: &Invitation) {
        let mut page = Page::new();
        match invitation {
            Invitation::Code {
                page: address,
                code,
                good_for,
            } => {
                page.push(Line::at(0).plain("Sign in to Microsoft: open "));
                page.push(Line::at(2).tone(Tone::Strong, address));
                page.push(Line::at(0).plain("in any browser, and enter the code"));
                page.push(Line::at(2).tone(Tone::Strong, code));
                page.push(Line::at(0).plain(format!(
                    "It is good for {}. Enter it only if you started this command yourself.",
                    minutes(*good_for)
                )));
            }
            Invitation::Browser { good_for } => {
                page.push(Line::at(0).plain(format!(
                    "Sign in to Microsoft in the browser that was opened; waiting for {}.",
                    minutes(*good_for)
                )));
            }
        }
        self.console.remark(page);
    }

    fn open(&self, address: &Url) -> bool {
        browser().is_some_and(|mut command| {
            // The address is an argument of its own: no shell sees it (S12).
            command
                .arg(address.as_str())
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .map(|mut child| {
                    // Reaped when it ends; a browser that was just started may live long.
                    std::thread::spawn(move || child.wait());
                })
                .is_ok()
        })
    }

    fn welcome(&self, user: Option<&str>) {
        let text = user.map_or_else(
            || "Signed in.".to_owned(),
            |user| format!("Signed in as {user}."),
        );
        self.console.remark(Page::from(Line::at(0).plain(text)));
    }
}

fn minutes(span: Duration) -> String {
    match span.as_secs().div_ceil(60) {
        1 => "a minute".to_owned(),
        minutes => format!("{minutes} minutes"),
    }
}

/// What opens an address on this machine; `None` where nobody would see it, as over SSH.
fn browser() -> Option<Command> {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    if let Some(wish) = set("BROWSER") {
        return Some(Command::new(wish));
    }
    if set("SSH_CONNECTION").is_some() || set("SSH_TTY").is_some() {
        return None;
    }
    if cfg!(target_os = "macos") {
        return Some(Command::new("open"));
    }
    if cfg!(windows) {
        let mut command = Command::new("rundll32");
        command.arg("url.dll,FileProtocolHandler");
        return Some(command);
    }
    let screen = set("WAYLAND_DISPLAY").is_some() || set("DISPLAY").is_some();
    screen.then(|| Command::new("xdg-open"))
}
