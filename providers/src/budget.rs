//! How much of a vendor's quota was spent, counted for all runs on one credential: in this process, and through a folder in
//! others.

use std::{
    collections::BTreeMap,
    fs::{self, File, OpenOptions},
    io::{self, Read, Seek, Write},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use aws_lc_rs::digest;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use crate::{Call, text};

/// A quota that a vendor documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Limit {
    /// Which requests count.
    pub counts: Counts,
    /// What they are counted for.
    pub of: Of,
    /// Most of them within the time.
    pub most: u32,
    /// The time.
    #[serde(rename = "seconds", serialize_with = "seconds")]
    pub within: Duration,
}

fn seconds<S: serde::Serializer>(within: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(within.as_secs())
}

/// Which requests count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Counts {
    /// Every one.
    All,
    /// Those that ask.
    Reads,
    /// Those that can change something.
    Writes,
}

/// What requests are counted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Of {
    /// The credential, over all its zones.
    Credential,
    /// Each zone by itself.
    Zone,
}

impl Limit {
    /// A quota of a credential.
    pub(crate) const fn of_credential(counts: Counts, most: u32, within: Duration) -> Self {
        Self {
            counts,
            of: Of::Credential,
            most,
            within,
        }
    }

    /// A quota of each zone.
    pub(crate) const fn of_zone(counts: Counts, most: u32, within: Duration) -> Self {
        Self {
            counts,
            of: Of::Zone,
            most,
            within,
        }
    }

    fn applies(&self, call: Call) -> bool {
        match self.counts {
            Counts::All => true,
            Counts::Reads => !call.is_write(),
            Counts::Writes => call.is_write(),
        }
    }

    /// Half of the quota may be spent at once and half is spread over the time, so that no span of that length ever sees
    /// more than the whole, wherever the vendor lets it begin.
    fn at_once(&self) -> u32 {
        (self.most / 2).max(1)
    }

    /// Milliseconds from one request to the next once the first half is spent.
    fn pace(&self) -> i64 {
        let rest = i64::from(self.most.saturating_sub(self.at_once()).max(1));
        i64::try_from(self.within.as_millis())
            .unwrap_or(i64::MAX)
            .div_euclid(rest)
            .max(1)
    }

    fn key(&self, zone: Option<&str>) -> String {
        let zone = match self.of {
            Of::Credential => "",
            Of::Zone => zone.unwrap_or(""),
        };
        format!(
            "{:?} {} in {} s {zone}",
            self.counts,
            self.most,
            self.within.as_secs()
        )
        .trim_end()
        .to_owned()
    }
}

impl std::fmt::Display for Limit {
    /// `300 writes in 1 day for each zone`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let what = match self.counts {
            Counts::All => "requests",
            Counts::Reads => "reads",
            Counts::Writes => "writes",
        };
        let (number, unit) = match self.within.as_secs() {
            seconds if seconds % 86_400 == 0 => (seconds / 86_400, "day"),
            seconds if seconds % 3600 == 0 => (seconds / 3600, "hour"),
            seconds if seconds % 60 == 0 => (seconds / 60, "minute"),
            seconds => (seconds, "second"),
        };
        let plural = if number == 1 { "" } else { "s" };
        write!(f, "{} {what} in {number} {unit}{plural}", self.most)?;
        match self.of {
            Of::Credential => Ok(()),
            Of::Zone => f.write_str(" for each zone"),
        }
    }
}

/// What was spent. Clones count together; so do processes that are given the same folder.
#[derive(Clone, Debug, Default)]
pub struct Budget {
    unlimited: bool,
    folder: Option<PathBuf>,
    books: Arc<Mutex<BTreeMap<String, Book>>>,
}

/// For each quota the time, in milliseconds since 1970, at which it would be untouched again; and until when the vendor
/// wants to hear nothing at all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Book {
    #[serde(default)]
    spent: BTreeMap<String, i64>,
    #[serde(default)]
    closed: i64,
}

impl Budget {
    /// A budget that is kept in a folder, so that other processes on the same credentials share it. The files hold times, and
    /// in their names a digest of the credential, from which it cannot be had.
    #[must_use]
    pub fn in_folder(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: Some(folder.into()),
            ..Self::default()
        }
    }

    /// A budget that is never spent, for servers that have no quota, such as stand-ins.
    #[must_use]
    pub fn unlimited() -> Self {
        Self {
            unlimited: true,
            ..Self::default()
        }
    }

    /// The account of one credential at one provider.
    pub(crate) fn account(
        &self,
        provider: &'static str,
        secrets: &[SecretString],
        limits: &'static [Limit],
    ) -> Account {
        let mut input = provider.as_bytes().to_vec();
        for secret in secrets {
            input.push(0);
            input.extend_from_slice(secret.expose_secret().as_bytes());
        }
        let digest = digest::digest(&digest::SHA256, &input);
        let credential = text::hex(&digest.as_ref()[..8]).to_lowercase();
        Account {
            budget: self.clone(),
            file: format!("{provider}-{credential}.json"),
            limits,
        }
    }

    /// Works on the book of one credential while nobody else does.
    fn with<T>(&self, file: &str, work: impl FnOnce(&mut Book) -> T) -> T {
        let mut books = self.books.lock().unwrap_or_else(PoisonError::into_inner);
        let book = books.entry(file.to_owned()).or_default();
        // A folder is made for those who keep state anyway: whoever only looks leaves nothing behind.
        let kept_beside = |folder: &&PathBuf| folder.parent().is_some_and(Path::is_dir);
        let Some(folder) = self.folder.as_ref().filter(kept_beside) else {
            return work(book);
        };
        match locked(folder, file) {
            Ok((mut at, kept)) => {
                *book = kept;
                let before = book.clone();
                let done = work(book);
                if *book != before
                    && let Err(error) = keep(&mut at, book)
                {
                    tracing::warn!(%error, "what was spent of a quota could not be written; other processes do not see it");
                }
                done
            }
            // Counting in this process is better than not asking the provider at all.
            Err(error) => {
                tracing::warn!(%error, "what others spent of a quota could not be read");
                work(book)
            }
        }
    }
}

/// The file, locked until it is dropped, and what is in it. What cannot be understood counts as nothing spent.
fn locked(folder: &Path, file: &str) -> io::Result<(File, Book)> {
    fs::create_dir_all(folder)?;
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut at = options.open(folder.join(file))?;
    at.lock()?;
    let mut text = String::new();
    at.read_to_string(&mut text)?;
    Ok((at, serde_json::from_str(&text).unwrap_or_default()))
}

fn keep(at: &mut File, book: &Book) -> io::Result<()> {
    at.rewind()?;
    at.set_len(0)?;
    at.write_all(serde_json::to_string(book)?.as_bytes())
}

/// One credential's share of a budget.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    budget: Budget,
    file: String,
    limits: &'static [Limit],
}

/// Why a request has to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Spent {
    /// How long.
    pub(crate) wait: Duration,
    /// Which quota; `None` where the vendor asked for the pause itself.
    pub(crate) limit: Option<Limit>,
}

impl Account {
    /// Spends one request, or says how long to wait; then nothing was spent. `now` in milliseconds since 1970.
    pub(crate) fn spend(&self, call: Call, zone: Option<&str>, now: i64) -> Result<(), Spent> {
        let kept = || {
            let folder = self.budget.folder.as_ref();
            folder.is_none_or(|folder| folder.join(&self.file).is_file())
        };
        // Where nothing is limited only a pause that the vendor asked for counts, and that was kept then.
        if self.budget.unlimited || self.limits.is_empty() && !kept() {
            return Ok(());
        }
        self.budget
            .with(&self.file, |book| spend(book, self.limits, call, zone, now))
    }

    /// Takes note that the vendor wants to hear nothing for a while.
    pub(crate) fn close(&self, wait: Duration, now: i64) {
        if self.budget.unlimited {
            return;
        }
        let until = now.saturating_add(i64::try_from(wait.as_millis()).unwrap_or(i64::MAX));
        self.budget
            .with(&self.file, |book| book.closed = book.closed.max(until));
    }
}

/// The generic cell rate algorithm: a quota is one time, and each request moves it on by the pace.
fn spend(
    book: &mut Book,
    limits: &[Limit],
    call: Call,
    zone: Option<&str>,
    now: i64,
) -> Result<(), Spent> {
    let mut wait = Spent {
        wait: millis(book.closed - now),
        limit: None,
    };
    let mut next = Vec::new();
    for limit in limits.iter().filter(|limit| limit.applies(call)) {
        let key = limit.key(zone);
        let untouched = book.spent.get(&key).copied().unwrap_or(0).max(now);
        let ahead = i64::from(limit.at_once() - 1).saturating_mul(limit.pace());
        let pause = millis(untouched.saturating_sub(ahead) - now);
        if pause > wait.wait {
            wait = Spent {
                wait: pause,
                limit: Some(*limit),
            };
        }
        next.push((key, untouched.saturating_add(limit.pace())));
    }
    if !wait.wait.is_zero() {
        return Err(wait);
    }
    // What is long over need not be kept.
    book.spent.retain(|_, untouched| *untouched > now);
    book.spent.extend(next);
    Ok(())
}

fn millis(wait: i64) -> Duration {
    Duration::from_millis(u64::try_from(wait).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const DAY: Duration = Duration::from_secs(86_400);

    proptest! {
        /// Whoever asks again after the wait it was told never exceeds the quota in any span of its length.
        #[test]
        fn no_span_sees_more_than_the_quota(most in 1_u32..40, within in 1_u64..100, pauses in proptest::collection::vec(0_i64..2000, 1..300)) {
            let limit = Limit::of_credential(Counts::All, most, Duration::from_secs(within));
            let (mut book, mut now, mut sent) = (Book::default(), 1_000_000, Vec::new());
            for pause in pauses {
                now += pause;
                if let Err(spent) = spend(&mut book, &[limit], Call::Read, None, now) {
                    prop_assert_eq!(spent.limit, Some(limit));
                    now += i64::try_from(spent.wait.as_millis()).unwrap();
                    prop_assert_eq!(spend(&mut book, &[limit], Call::Read, None, now), Ok(()));
                }
                sent.push(now);
            }
            let span = i64::try_from(within * 1000).unwrap();
            for (at, first) in sent.iter().enumerate() {
                let within = sent[at..].iter().take_while(|later| **later < first + span).count();
                prop_assert!(within <= most as usize, "{} of {} from {}", within, most, first);
            }
        }
    }

    #[test]
    fn reads_and_writes_zones_and_credentials_are_counted_apart() {
        let limits = [
            Limit::of_zone(Counts::Writes, 2, DAY),
            Limit::of_credential(Counts::Reads, 2, DAY),
        ];
        let mut book = Book::default();
        let mut spend = |call, zone| spend(&mut book, &limits, call, Some(zone), 5).is_ok();
        assert!(spend(Call::Write, "a") && spend(Call::Write, "b") && spend(Call::Read, "a"));
        assert!(
            !spend(Call::WriteSigning, "a") && !spend(Call::Write, "b") && !spend(Call::List, "c")
        );
        assert!(spend(Call::Write, "c"));
        assert_eq!(limits[0].to_string(), "2 writes in 1 day for each zone");
    }

    #[test]
    fn a_refused_request_spends_nothing_of_the_other_quotas() {
        let limits = [
            Limit::of_credential(Counts::All, 100, DAY),
            Limit::of_credential(Counts::Writes, 1, DAY),
        ];
        let mut book = Book::default();
        assert_eq!(spend(&mut book, &limits, Call::Write, None, 5), Ok(()));
        let before = book.clone();
        let spent = spend(&mut book, &limits, Call::Write, None, 5).unwrap_err();
        assert_eq!(
            (spent.limit, spent.wait, &book),
            (Some(limits[1]), DAY, &before)
        );
    }

    #[test]
    fn processes_share_what_is_kept_in_a_folder_and_credentials_do_not() {
        static LIMITS: [Limit; 1] = [Limit::of_credential(Counts::All, 1, DAY)];
        let folder = std::env::temp_dir().join(format!("rollout-budget-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        let account = |secret: &str| {
            Budget::in_folder(&folder).account("x", &[secret.to_owned().into()], &LIMITS)
        };
        assert_eq!(account("one").spend(Call::Read, None, 5), Ok(()));
        assert!(account("one").spend(Call::Read, None, 6).is_err());
        assert_eq!(account("two").spend(Call::Read, None, 6), Ok(()));
        // A pause that the vendor asked for holds for all.
        account("three").close(Duration::from_secs(9), 5);
        let closed = account("three").spend(Call::Read, None, 5).unwrap_err();
        assert_eq!((closed.wait, closed.limit), (Duration::from_secs(9), None));
        for file in fs::read_dir(&folder).unwrap() {
            let name = file.unwrap().file_name().into_string().unwrap();
            assert!(name.starts_with("x-") && !name.contains("one"), "{name}");
        }
        fs::write(folder.join(account("one").file), "half a fi").unwrap();
        assert_eq!(
            account("one").spend(Call::Read, None, 6),
            Ok(()),
            "a broken file stops nobody"
        );
        fs::remove_dir_all(&folder).unwrap();
    }
}
