//! What a refusal over SMTP says: of the mail, of the host, or only of who asked.
//!
//! Told by reply code, enhanced code (RFC 3463) and Microsoft's `ATTR` number, not by prose. Sources: `microsoft.md` 1.7, and
//! Microsoft's page on non-delivery codes in Exchange Online for what concerns the asker's address.

/// What a reply of 4xx or 5xx is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The host answers, but does not serve the domain: whoever delivers there is at the wrong place, also when it is only
    /// asked to come back later.
    WrongPlace,
    /// Refused for good, for another reason.
    ForGood,
    /// A passing fault; the same host may take the mail in a minute.
    Passing,
    /// The address that asks is not welcome. It says nothing of what other senders get.
    Asker,
}

impl Refusal {
    /// What a reply means.
    pub(super) fn of(reply: &str) -> Self {
        let code = Code::read(reply);
        let enhanced = code.enhanced;
        if matches!(code.attr, Some("35" | "5"))
            || matches!(enhanced, Some((4 | 5, 4, 62) | (5, 7, 64)))
        {
            return Self::WrongPlace;
        }
        if matches!(enhanced, Some((5, 7, 511 | 606..=649))) || code.names_the_asker {
            return Self::Asker;
        }
        match code.basic {
            Some(500..=599) => Self::ForGood,
            _ => Self::Passing,
        }
    }

    /// The meaning for people.
    pub(super) fn meaning(self) -> &'static str {
        match self {
            Self::WrongPlace => "it answers, but no longer serves the domain",
            Self::ForGood => "it refuses the domain's mail for good",
            Self::Passing => "it asks to come back later",
            Self::Asker => "it refuses this machine's address, which says nothing of other senders",
        }
    }
}

/// The codes of a reply.
#[derive(Debug, PartialEq)]
struct Code<'r> {
    basic: Option<u16>,
    enhanced: Option<(u16, u16, u16)>,
    /// The digits and dots behind `ATTR`.
    attr: Option<&'r str>,
    /// It quotes the client's address as the reason.
    names_the_asker: bool,
}

impl<'r> Code<'r> {
    fn read(reply: &'r str) -> Self {
        let mut words = reply.split([' ', '-']).filter(|word| !word.is_empty());
        let basic = words
            .next()
            .filter(|word| word.len() == 3)
            .and_then(|word| word.parse().ok());
        let enhanced = words.next().and_then(enhanced);
        let attr = reply.match_indices("ATTR").find_map(|(at, word)| {
            let rest = &reply[at + word.len()..];
            let end = rest
                .find(|c: char| !c.is_ascii_digit() && c != '.')
                .unwrap_or(rest.len());
            Some(rest[..end].trim_end_matches('.')).filter(|digits| !digits.is_empty())
        });
        Self {
            basic,
            enhanced,
            attr,
            names_the_asker: reply.contains("Client host ["),
        }
    }
}

fn enhanced(word: &str) -> Option<(u16, u16, u16)> {
    let mut numbers = word.trim_end_matches([';', ',']).split('.').map(str::parse);
    let mut number = || numbers.next()?.ok();
    let code = (number()?, number()?, number()?);
    numbers.next().is_none().then_some(code)
}

#[cfg(test)]
mod tests {
    use super::Refusal::{self, *};

    #[test]
    fn every_code_that_exchange_online_is_known_to_give() {
        for (reply, expected) in [
            // Delivered to the wrong place (microsoft.md 1.7).
            (
                "451 4.4.62 Mail sent to the wrong Office 365 region. ATTR35",
                WrongPlace,
            ),
            (
                "550 5.7.64 TenantAttribution; Relay Access Denied",
                WrongPlace,
            ),
            (
                "550 5.7.64 TenantAttribution; Relay Access Denied [DB5.prod ATTR1]",
                WrongPlace,
            ),
            (
                "550 4.4.4 Mail received as unauthenticated, incoming to a recipient domain configured in a hosted tenant which has no mail-enabled subscriptions. ATTR5",
                WrongPlace,
            ),
            (
                "550 5.4.62 Mail sent to the wrong Office 365 region",
                WrongPlace,
            ),
            // For now.
            (
                "451 4.3.2 Temporary server error. Please try again later ATTR3.4",
                Passing,
            ),
            (
                "451 4.4.3 Temporary server error. Please try again later ATTR55",
                Passing,
            ),
            (
                "451 4.4.3 Temporary server error. Please try again later ATTR55.1",
                Passing,
            ),
            ("421 4.7.0 too many connections", Passing),
            ("451 4.7.500 Server busy. Please try again later", Passing),
            ("450 4.4.4 later ATTR3.5", Passing),
            // About who asks.
            (
                "550 5.7.606 Access denied, banned sending IP [192.0.2.1]",
                Asker,
            ),
            (
                "550 5.7.649 Access denied, banned sending IP [192.0.2.1]",
                Asker,
            ),
            ("550 5.7.511 Access denied, banned sender[192.0.2.1]", Asker),
            (
                "550 5.7.1 Service unavailable, Client host [192.0.2.1] blocked using Spamhaus.",
                Asker,
            ),
            // Neighbours of those.
            ("550 5.7.605 no", ForGood),
            ("550 5.7.650 no", ForGood),
            ("550 5.7.1 Unable to relay", ForGood),
            ("550 5.7.63 no", ForGood),
            ("550 4.4.4 no", ForGood),
            (
                "550 5.4.1 Recipient address rejected: Access denied.",
                ForGood,
            ),
            ("550-5.1.1 no such user", ForGood),
            ("554 no", ForGood),
            // No code at all: nothing is concluded from prose.
            ("go away", Passing),
            ("", Passing),
            ("5500 5.7.64x no", Passing),
        ] {
            assert_eq!(Refusal::of(reply), expected, "{reply}");
        }
    }

    #[test]
    fn every_refusal_says_what_it_means() {
        for refusal in [WrongPlace, ForGood, Passing, Asker] {
            assert!(!refusal.meaning().is_empty());
        }
    }
}
