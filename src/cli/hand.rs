//! Manual mode at a terminal: a person runs the cmdlet and types the host that Microsoft assigned.

use async_trait::async_trait;

use super::CliError;
use crate::domain_file::DomainName;
use crate::kernel::Host;
use crate::output::terminal::Asker;
use crate::output::{Console, Line, Page, Tone};
use crate::playbook::Goal;
use crate::step::Memory;
use crate::world::{Action, Facts, Instructions, Needs, Outcome, World};

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

/// Asks for the host; `None` when the person has none yet.
pub fn ask_host(console: &Console, asker: &mut dyn Asker) -> Option<Host> {
    loop {
        let answer = asker.ask(&Line::at(0).strong("DnssecMxValue (Enter: not yet):"))?;
        if answer.trim().is_empty() {
            console.remark(Line::from(
                "Give it later: rollout apply FILE --mx-host HOST",
            ));
            return None;
        }
        match mx_host(&answer) {
            Ok(host) => return Some(host),
            Err(why) => console.remark(Line::at(0).tone(Tone::Warn, why)),
        }
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
            if let Some(host) = ask_host(&self.console, &mut *self.asker) {
                return Outcome::Done {
                    note: format!("run by hand, as {} says", self.who),
                    mx_host: Some(host),
                };
            }
        }
        outcome
    }

    async fn asked(&mut self, goal: Goal) {
        self.world.asked(goal).await;
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
