//! The domain file, its secrets, the folder of the state, the clock.

use super::*;

pub(super) const HERE: &[Row] = &[
    (|_| (), "file.loads", Passed, "no mistake"),
    (|_| (), "secret.readable", Passed, "file:secret"),
    (
        |v| v.secrets.clear(),
        "secret.readable",
        NotNeeded,
        "no secret",
    ),
    (
        |v| v.secrets[0].trouble = Some("it is empty".into()),
        "secret.readable",
        Failed,
        "it is empty",
    ),
    (
        |v| v.secrets[0].open_file = Some("/s/it's".into()),
        "secret.readable",
        Passed,
        r"chmod 600 -- '/s/it'\''s'",
    ),
    (|_| (), "state.folder", Passed, "by its owner alone"),
    (
        |v| {
            v.state = StateView::NoPlace {
                why: "No place.".into(),
            }
        },
        "state.folder",
        Failed,
        "ROLLOUT_STATE",
    ),
    (
        |v| *folder(v).0 = Some(0o770),
        "state.folder",
        Failed,
        "chmod 700 -- '/srv/rollout'",
    ),
    (
        |v| *folder(v).0 = Some(0o755),
        "state.folder",
        Passed,
        "Others may look into",
    ),
    (
        |v| *folder(v).1 = Err("denied".into()),
        "state.folder",
        Failed,
        "denied",
    ),
    (
        |v| {
            if let StateView::Folder { ours, .. } = &mut v.state {
                *ours = Some(false)
            }
        },
        "state.folder",
        Failed,
        "another user",
    ),
    (
        |v| {
            if let StateView::Folder { file, .. } = &mut v.state {
                *file = Some((Some(0o644), Ok(())))
            }
        },
        "state.folder",
        Failed,
        "'/srv/rollout/rollout.db'",
    ),
    (
        |v| {
            if let StateView::Folder { file, .. } = &mut v.state {
                *file = Some((Some(0o600), Err("read-only".into())))
            }
        },
        "state.folder",
        Failed,
        "read-only",
    ),
    (
        |v| {
            if let StateView::Folder { seen, mode, .. } = &mut v.state {
                *seen = "/srv".into();
                *mode = Some(0o755)
            }
        },
        "state.folder",
        Passed,
        "the first run makes it",
    ),
    (
        |v| {
            if let StateView::Folder { seen, writable, .. } = &mut v.state {
                *seen = "/srv".into();
                *writable = Err("denied".into())
            }
        },
        "state.folder",
        Failed,
        "cannot be made in /srv",
    ),
    (|_| (), "clock.skew", Passed, "within 30 s"),
    (
        |v| v.https = vec![https("A", 31), https("B", 33), https("C", 33)],
        "clock.skew",
        Passed,
        "33 s behind",
    ),
    (
        |v| v.https = vec![https("A", -301), https("B", -302), https("C", -301)],
        "clock.skew",
        Failed,
        "301 s ahead of",
    ),
    (
        |v| v.https = vec![https("A", 301)],
        "clock.skew",
        Failed,
        "timedatectl set-ntp true",
    ),
    // One service with a wrong clock is not this machine's fault.
    (
        |v| v.https = vec![https("A", 0), https("B", 900), https("C", 0)],
        "clock.skew",
        Passed,
        "B says another time than the others, by 900 s",
    ),
    (
        |v| v.https.iter_mut().for_each(|h| h.answer = Ok(None)),
        "clock.skew",
        CouldNotTell,
        "No service told",
    ),
    (
        |v| {
            v.https
                .iter_mut()
                .for_each(|h| h.answer = Err("refused".into()))
        },
        "clock.skew",
        CouldNotTell,
        "because reach.https",
    ),
];
