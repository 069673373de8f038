//! Change windows and freezes as they are written, and the freeze file.

use super::*;
use crate::calendar::Standing;

const NOON: &str = "2026-12-07T12:00:00Z";

fn opens(text: &str, now: &str) -> Option<String> {
    let calendar = read(&format!("{GOOD}{text}"))
        .unwrap()
        .file
        .change
        .calendar();
    match calendar.standing(&[], now.parse().unwrap()) {
        Standing::Open => None,
        Standing::Closed { opens, .. } => opens.map(|at| at.to_string()),
    }
}

#[test]
fn every_way_to_write_it_means_what_it_says() {
    let rows: [(&str, Option<&str>); 9] = [
        ("", None),
        ("change: {}\n", None),
        ("change: {zone: Europe/Berlin, windows: [{}]}\n", None),
        (
            "change: {zone: Europe/Berlin, windows: [{days: [tue]}]}\n",
            Some("2026-12-07T23:00:00Z"),
        ),
        (
            "change:\n  zone: Europe/Berlin\n  windows:\n    - {days: [mon, tue], from: 20:00, to: 06:00}\n",
            Some("2026-12-07T19:00:00Z"),
        ),
        (
            "change: {zone: Europe/Berlin, windows: [{from: '20:00', zone: America/New_York}]}\n",
            Some("2026-12-08T01:00:00Z"),
        ),
        // The earlier of two.
        (
            "change: {zone: UTC, windows: [{from: '20:00'}, {from: '18:00', to: '19:00'}]}\n",
            Some("2026-12-07T18:00:00Z"),
        ),
        (
            "change: {zone: UTC, freezes: [{from: 2026-12-07, to: 2026-12-08, reason: sale}]}\n",
            Some("2026-12-09T00:00:00Z"),
        ),
        (
            "change: {freezes: [{from: 2026-12-07T00:00Z, to: 2026-12-07T13:00Z, reason: sale}]}\n",
            Some("2026-12-07T13:00:00Z"),
        ),
    ];
    for (text, wanted) in rows {
        assert_eq!(opens(text, NOON).as_deref(), wanted, "{text}");
        let file = read(&format!("{GOOD}{text}")).unwrap().file;
        let again = read(&file.to_yaml(None).unwrap()).unwrap().file;
        assert_eq!(again.change, file.change, "{text}");
    }
}

#[test]
fn a_freeze_file_is_read_or_nobody_can_tell() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("freezes.yml");
    let zone = "Europe/Berlin".parse().ok();
    let read = |text: &str| {
        std::fs::write(&path, text).unwrap();
        read_freezes(&path, zone.as_ref())
    };
    let freezes = read("- {from: 2026-12-14, to: 2027-01-03, reason: year end}\n- {from: 2026-06-01T08:00, to: 2026-06-01T09:00, zone: UTC, reason: fair}\n").unwrap();
    let shown: Vec<_> = freezes
        .iter()
        .map(|f| (f.from.to_string(), f.to.to_string(), f.reason.as_str()))
        .collect();
    assert_eq!(
        shown,
        [
            (
                "2026-12-13T23:00:00Z".to_owned(),
                "2027-01-03T23:00:00Z".to_owned(),
                "year end"
            ),
            (
                "2026-06-01T08:00:00Z".to_owned(),
                "2026-06-01T09:00:00Z".to_owned(),
                "fair"
            ),
        ]
    );
    assert_eq!(read("[]\n").unwrap(), []);
    for (text, wanted) in [
        ("", "the file is empty"),
        ("{}\n", "expected a list"),
        ("- {from: 2026-12-14}\n", "line 1:"),
        (
            "- {from: 2026-12-14, to: 2026-12-13, reason: x}\n",
            "line 1: the freeze ends before it begins",
        ),
        (
            "- {from: 2026-12-14, to: 2026-12-15, reason: x}\n- {from: soon, to: 2026-12-15, reason: x}\n",
            "line 2: this is no date",
        ),
        (
            "- {from: 2026-12-14, to: 2026-12-15, reason: x, who: me}\n",
            "`who` is not known here",
        ),
        ("- [", "not valid YAML"),
    ] {
        let why = read(text).unwrap_err();
        assert!(
            why.contains(wanted) && why.contains("freezes.yml"),
            "{text}: {why}"
        );
        assert!(!why.contains('\n'), "{why}");
    }
    std::fs::remove_file(&path).unwrap();
    let why = read_freezes(&path, None).unwrap_err();
    assert!(why.contains("cannot be read"), "{why}");
}

#[test]
fn the_path_of_the_freeze_file_is_relative_to_the_domain_file() {
    let text = format!("{GOOD}change: {{freeze_file: freezes.yml}}\n");
    let loaded = from_text(
        Path::new("/srv/mail/domain.yml"),
        &text,
        &Environment::of([]),
    )
    .unwrap();
    let place = loaded.file.change.freeze_file.unwrap();
    assert_eq!(place.path(), Path::new("/srv/mail/freezes.yml"));
}

#[test]
fn where_reports_go_is_what_can_stand_in_the_record() {
    let to = |text: &str| text.parse::<ReportsTo>();
    for text in [
        "mailto:tls@contoso.com",
        "https://reports.contoso.com/v1",
        "mailto:a@contoso.com,https://r.example/",
    ] {
        assert_eq!(to(text).unwrap().as_str(), text);
    }
    for text in [
        "",
        "tls@contoso.com",
        "mailto:",
        "mailto:tls@contoso.com; x=y",
        "mailto:a@b.example\"",
        "ftp://contoso.com",
        " mailto:a@b.example",
        "mailto:a@b.example,",
        "mailto:a@b.example,ftp:x",
    ] {
        assert!(to(text).is_err(), "{text}");
    }
    let file = read(&format!(
        "{GOOD}reports: {{tlsrpt: 'mailto:tls@contoso.com'}}\n"
    ))
    .unwrap()
    .file;
    assert_eq!(
        read(&file.to_yaml(None).unwrap()).unwrap().file.reports,
        file.reports
    );
}
