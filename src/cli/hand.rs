//! Manual mode: a person runs the cmdlets and gives their output, at a terminal or from a file.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use jiff::Timestamp;

use super::{App, CliError, error};
use crate::domain_file::DomainName;
use crate::kernel::Host;
use crate::microsoft::powershell::{PastedAnswer, read_pasted};
use crate::output::terminal::Asker;
use crate::output::{Console, Line, Page, Tone};
use crate::step::Memory;
use crate::world::{Action, Facts, Instructions, Needs, Outcome, Pasted, World};

/// The zone of every MX host with DNSSEC at Exchange Online.
const NEW_ZONE: &str = "mx.microsoft";

/// Reads `DnssecMxValue`.
///
/// # Errors
/// A sentence: it is no host name, or none that Microsoft assigns.
pub fn mx_host(text: &str) -> Result<Host, String> {
    let text = text.trim().trim_end_matches('.');
    let name: DomainName = text
        .parse()
        .map_err(|error| format!("this is no host name: {error}"))?;
    let host = Host::new(name.as_str());
    if host.is_within(NEW_ZONE) && host.as_str() != NEW_ZONE {
        Ok(host)
    } else {
        Err(format!(
            "{host} is not under {NEW_ZONE}; copy DnssecMxValue as Enable-DnssecForVerifiedDomain shows it"
        ))
    }
}

/// Takes the host a person gave into the memory of a run.
///
/// # Errors
/// When the run knows another one already.
pub fn remember(memory: &mut Memory, given: Option<&Host>) -> Result<(), CliError> {
    match (given, &memory.new_host) {
        (Some(given), Some(known)) if given != known => Err(CliError::Usage(format!(
            "--mx-host {given} contradicts {known}, which this run was told before; leave the flag out, \
             or give the run up with `rollout abort` and start anew"
        ))),
        (Some(given), None) => {
            memory.new_host = Some(given.clone());
            Ok(())
        }
        _ => Ok(()),
    }
}

/// What a person gives of the cmdlets' output.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Answers {
    /// The output of a cmdlet that a person ran, as PowerShell printed it: a file, or - for standard input
    #[arg(long = "answer", value_name = "FILE")]
    pasted: Vec<PathBuf>,
}

impl Answers {
    /// Whether none was given.
    pub fn is_empty(&self) -> bool {
        self.pasted.is_empty()
    }

    /// Reads every file, before anything else is done with any of them.
    ///
    /// # Errors
    /// A file that cannot be read, or a text that is no answer for this domain; each says which and what to do.
    pub fn read(&self, domain: &str) -> Result<Vec<Pasted>, CliError> {
        let mut found = Vec::new();
        for path in &self.pasted {
            let text = text_of(path)?;
            let answers = read_pasted(&text, domain)
                .map_err(|why| CliError::Usage(format!("--answer {}: {why}", path.display())))?;
            let (at, by) = (Timestamp::now(), App::who());
            found.extend(answers.into_iter().map(|answer| Pasted {
                at,
                by: by.clone(),
                answer,
            }));
        }
        Ok(found)
    }
}

fn text_of(path: &Path) -> Result<String, CliError> {
    /// More than any window holds.
    const LARGEST: u64 = 4 << 20;
    let failed = || error::file("read the pasted output", path);
    let mut bytes = Vec::new();
    if path == Path::new("-") {
        std::io::stdin().take(LARGEST).read_to_end(&mut bytes)
    } else {
        std::fs::File::open(path).and_then(|file| file.take(LARGEST).read_to_end(&mut bytes))
    }
    .map_err(failed())?;
    Ok(decoded(&bytes))
}

/// Windows PowerShell redirects (`> file`) as UTF-16 with a mark.
fn decoded(bytes: &[u8]) -> String {
    let units = |read: fn([u8; 2]) -> u16| {
        let units: Vec<u16> = bytes[2..]
            .chunks_exact(2)
            .map(|pair| read([pair[0], pair[1]]))
            .collect();
        String::from_utf16_lossy(&units)
    };
    match bytes {
        [0xff, 0xfe, ..] => units(u16::from_le_bytes),
        [0xfe, 0xff, ..] => units(u16::from_be_bytes),
        _ => String::from_utf8_lossy(bytes).into_owned(),
    }
}

/// Takes what was pasted into the memory of a run, the host that it names too.
///
/// # Errors
/// When the run knows another host already.
pub fn take(memory: &mut Memory, given: &[Pasted]) -> Result<(), CliError> {
    let mut answers = memory.pasted.clone();
    for one in given {
        answers.take(one.clone());
    }
    if !given.is_empty()
        && let Some(host) = answers.mx_host()
    {
        if let Some(known) = &memory.new_host
            && *known != host
        {
            return Err(CliError::Usage(format!(
                "the pasted output names the host {host}, which contradicts {known}, which this run was told before; \
                 paste the output for this domain, or give the run up with `rollout abort` and start anew"
            )));
        }
        memory.new_host = Some(host);
    }
    memory.pasted = answers;
    Ok(())
}

/// Asks for the host, or the whole output that names it; `None` when the person has none yet.
pub fn ask_host(console: &Console, asker: &mut dyn Asker, domain: &Host) -> Option<Host> {
    loop {
        let question = "Paste the output, or the DnssecMxValue (Enter: not yet):";
        let answer = asker.ask_pasted(&Line::at(0).strong(question))?;
        if answer.trim().is_empty() {
            console.remark(Line::from(
                "Give it later: rollout apply FILE --answer PASTED, or --mx-host HOST",
            ));
            return None;
        }
        let why = match read_pasted(&answer, domain.as_str()) {
            Ok(answers) => match answers.iter().find_map(PastedAnswer::mx_host) {
                Some(host) => return Some(Host::new(host.as_str())),
                None => format!(
                    "this names no host under {NEW_ZONE}; paste the output of Enable-DnssecForVerifiedDomain"
                ),
            },
            Err(why) => why.to_string(),
        };
        console.remark(Line::at(0).tone(Tone::Warn, why));
    }
}

/// A world at whose terminal a person sits.
pub struct AtTerminal<'a> {
    /// The world.
    pub world: &'a mut dyn World,
    /// Where to ask.
    pub console: Console,
    /// Who answers.
    pub asker: Box<dyn Asker>,
    /// Their name.
    pub who: String,
    /// The domain.
    pub domain: Host,
}

impl AtTerminal<'_> {
    fn show(&self, instructions: &Instructions) {
        let mut page = Page::new();
        page.push(
            Line::at(0)
                .tone(Tone::Warn, "By hand: ")
                .plain(&instructions.summary),
        );
        for line in &instructions.lines {
            page.block(4, line);
        }
        self.console.remark(page);
    }
}

#[async_trait]
impl World for AtTerminal<'_> {
    async fn observe(&mut self, needs: &Needs, facts: &mut Facts) {
        self.world.observe(needs, facts).await;
    }

    async fn perform(&mut self, action: &Action) -> Outcome {
        let outcome = self.world.perform(action).await;
        if let (Action::EnableDnssec, Outcome::Asked { instructions }) = (action, &outcome) {
            self.show(instructions);
            if let Some(host) = ask_host(&self.console, &mut *self.asker, &self.domain) {
                return Outcome::Done {
                    note: format!("run by hand, as {} says", self.who),
                    mx_host: Some(host),
                };
            }
        }
        outcome
    }

    async fn asked(&mut self, instructions: &Instructions) {
        self.world.asked(instructions).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_hosts_that_microsoft_assigns_are_taken() {
        let host = mx_host(" Contoso-com.o-v1.mx.microsoft. ").unwrap();
        assert_eq!(host.as_str(), "contoso-com.o-v1.mx.microsoft");
        for wrong in [
            "contoso-com.mail.protection.outlook.com",
            "mx.microsoft",
            "a b.mx.microsoft",
            "evilmx.microsoft",
            "$(reboot).mx.microsoft",
        ] {
            assert!(mx_host(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_host_is_learnt_once() {
        let (one, other) = (Host::new("a.mx.microsoft"), Host::new("b.mx.microsoft"));
        let mut memory = Memory::default();
        remember(&mut memory, Some(&one)).unwrap();
        remember(&mut memory, Some(&one)).unwrap();
        remember(&mut memory, None).unwrap();
        assert_eq!(memory.new_host, Some(one));
        assert!(remember(&mut memory, Some(&other)).is_err());
    }
}
