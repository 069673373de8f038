//! The domain file, its secrets, the folder of the state, the clock.

use jiff::SignedDuration;

use super::list;
use crate::doctor::catalogue::{CLOCK_SKEW, FILE_LOADS, SECRET_READABLE, STATE_FOLDER};
use crate::doctor::check::{Check, Mend};
use crate::doctor::snippet::{posix, shell};
use crate::doctor::view::{HttpsView, SecretView, StateView, View};

/// More is worth a remark.
const NOTED: SignedDuration = SignedDuration::from_secs(30);
/// More is refused by Entra ID and by name servers that check TSIG.
const REFUSED: SignedDuration = SignedDuration::from_secs(300);

/// Write permission for group or others.
const OTHERS_WRITE: u32 = 0o022;
/// Any permission for group or others.
const OTHERS_ANY: u32 = 0o077;

pub(super) fn judge(view: &View) -> Vec<Check> {
    let mut checks = vec![FILE_LOADS.passed("The domain file and its playbook have no mistake.")];
    if view.secrets.is_empty() {
        checks.push(SECRET_READABLE.not_needed("The domain file refers to no secret."));
    }
    checks.extend(view.secrets.iter().map(secret));
    checks.push(state(&view.state));
    checks.push(clock(&view.https));
    checks
}

fn secret(secret: &SecretView) -> Check {
    let check = match &secret.trouble {
        None => SECRET_READABLE.passed(format!("It is read from {}.", secret.place)),
        Some(why) => SECRET_READABLE
            .failed(format!(
                "The secret in {} cannot be used: {why}.",
                secret.place
            ))
            .mend(Mend::new(
                "Whoever runs rollout",
                "puts the secret there, or names another place in the domain file.",
            )),
    };
    let check = check.about(secret.key.clone());
    match &secret.open_file {
        None => check,
        Some(path) => {
            let quoted = posix(&path.display().to_string());
            let mut check = check.remark(format!(
                "Every user of this machine can read {}; chmod 600 closes it.",
                path.display()
            ));
            if check.mend.is_none() {
                check = check.mend(
                    Mend::new("The owner of the file", "closes it to others.")
                        .with([shell(format!("chmod 600 -- {quoted}"))]),
                );
            }
            check
        }
    }
}

fn state(state: &StateView) -> Check {
    let (folder, seen, mode, ours, writable, file) = match state {
        StateView::NoPlace { why } => {
            return STATE_FOLDER
                .failed(format!("{}.", why.trim_end_matches('.')))
                .mend(Mend::new(
                    "Whoever runs rollout",
                    "names the folder with --state DIR or in ROLLOUT_STATE.",
                ));
        }
        StateView::Folder {
            folder,
            seen,
            mode,
            ours,
            writable,
            file,
        } => (folder, seen, mode, ours, writable, file),
    };
    let there = folder == seen || std::path::absolute(folder).is_ok_and(|path| path == *seen);
    let name = folder.display();
    let chmod = |mode: &str, path: &std::path::Path| {
        shell(format!(
            "chmod {mode} -- {}",
            posix(&path.display().to_string())
        ))
    };
    let owner = "The owner of the folder";
    if let Err(why) = writable {
        return STATE_FOLDER
            .failed(if there {
                format!("The folder of the state, {name}, cannot be written: {why}.")
            } else {
                format!(
                    "The folder of the state, {name}, is not there and cannot be made in {}: {why}.",
                    seen.display()
                )
            })
            .mend(Mend::new(
                "Whoever runs rollout",
                "takes another folder (--state DIR or ROLLOUT_STATE), or lets the user of rollout write this one.",
            ));
    }
    if !there {
        return STATE_FOLDER.passed(format!(
            "{name} is not there yet; the first run makes it, for its owner alone."
        ));
    }
    if let Some(mode) = mode
        && mode & OTHERS_WRITE != 0
    {
        return STATE_FOLDER
            .failed(format!(
                "Others may write the folder of the state, {name} (mode {mode:04o})."
            ))
            .mend(Mend::new(owner, "closes it to others.").with([chmod("700", folder)]));
    }
    if *ours == Some(false) {
        return STATE_FOLDER
            .failed(format!(
                "The folder of the state, {name}, belongs to another user."
            ))
            .mend(Mend::new(
                "Whoever runs rollout",
                "runs it as that user, or takes another folder (--state DIR or ROLLOUT_STATE).",
            ));
    }
    if let Some((file_mode, file_writable)) = file {
        if let Err(why) = file_writable {
            return STATE_FOLDER
                .failed(format!(
                    "The state file in {name} cannot be written: {why}."
                ))
                .mend(Mend::new(owner, "lets the user of rollout write it."));
        }
        if let Some(mode) = file_mode
            && mode & OTHERS_ANY != 0
        {
            return STATE_FOLDER
                .failed(format!(
                    "Others may read the state file in {name} (mode {mode:04o})."
                ))
                .mend(
                    Mend::new(owner, "closes it to others.")
                        .with([chmod("600", &folder.join("rollout.db"))]),
                );
        }
    }
    let check = STATE_FOLDER.passed(format!("{name} can be written, and by its owner alone."));
    match mode {
        Some(mode) if mode & OTHERS_ANY != 0 => check.remark(format!(
            "Others may look into {name} (mode {mode:04o}); the state file itself is closed to them. chmod 700 closes the folder too."
        )),
        _ => check,
    }
}

fn clock(https: &[HttpsView]) -> Check {
    let told: Vec<(&str, SignedDuration)> = https
        .iter()
        .filter_map(|one| Some((one.service.as_str(), *one.answer.as_ref().ok()?.as_ref()?)))
        .collect();
    let sync = || {
        Mend::new(
            "The administrator of this machine",
            "switches time synchronisation on (NTP).",
        )
        .with([shell("timedatectl set-ntp true")])
    };
    if told.is_empty() {
        let check = if https.iter().any(|one| one.answer.is_ok()) || https.is_empty() {
            CLOCK_SKEW.could_not_tell("No service told its time.")
        } else {
            CLOCK_SKEW.not_checked("reach.https")
        };
        return check.mend(sync());
    }
    // One server with a wrong clock is not this machine's fault: what most say counts.
    let mut sorted: Vec<SignedDuration> = told.iter().map(|(_, skew)| *skew).collect();
    sorted.sort();
    let median = sorted[(sorted.len() - 1) / 2];
    let names: Vec<&str> = told.iter().map(|(name, _)| *name).collect();
    let of = list(&names);
    let words = |skew: SignedDuration| {
        let way = if skew.is_negative() {
            "ahead of"
        } else {
            "behind"
        };
        format!(
            "This machine's clock is {} s {way} that of {of}.",
            skew.as_secs().unsigned_abs()
        )
    };
    let mut check = if median.abs() > REFUSED {
        CLOCK_SKEW.failed(words(median)).mend(sync())
    } else if median.abs() > NOTED {
        CLOCK_SKEW
            .passed(words(median))
            .remark("More than 30 s is worth mending before it grows to the 5 min at which tokens are refused.")
            .mend(sync())
    } else {
        CLOCK_SKEW.passed(format!(
            "This machine's clock agrees with that of {of} within 30 s."
        ))
    };
    for (name, skew) in told {
        if (skew - median).abs() > NOTED {
            check = check.remark(format!(
                "{name} says another time than the others, by {} s.",
                (skew - median).as_secs().unsigned_abs()
            ));
        }
    }
    check
}
