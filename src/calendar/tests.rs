//! Windows and freezes against a table of instants, and against a look at every few minutes.

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::*;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn zone(name: &str) -> Zone {
    name.parse().unwrap()
}

fn window(days: &[Day], from: &str, to: &str, place: &str) -> Window {
    let time = |text: &str| text.parse().unwrap();
    Window::new(days.to_vec(), time(from), time(to), zone(place))
}

fn of(windows: Vec<Window>, freezes: Vec<Freeze>) -> Calendar {
    Calendar {
        windows,
        freezes,
        ..Calendar::default()
    }
}

fn freeze(from: &str, to: &str) -> Freeze {
    let moment = |text: &str| text.parse::<Moment>().unwrap();
    let berlin = zone("Europe/Berlin");
    Freeze::new(moment(from), moment(to), "year end".into(), Some(&berlin)).unwrap()
}

const NIGHTS: [Day; 2] = [Day::Mon, Day::Tue];
const WORKDAYS: [Day; 5] = [Day::Mon, Day::Tue, Day::Wed, Day::Thu, Day::Fri];

/// `None`: open. Otherwise when it opens.
fn opens(calendar: &Calendar, now: &str) -> Option<String> {
    match calendar.standing(&[], at(now)) {
        Standing::Open => None,
        Standing::Closed { opens, .. } => {
            Some(opens.map_or_else(|| "never".to_owned(), |opens| opens.to_string()))
        }
    }
}

#[test]
fn windows_by_the_clocks_of_their_place() {
    let berlin = "Europe/Berlin";
    let nights = || window(&NIGHTS, "20:00", "06:00", berlin);
    let morning = || window(&Day::WEEK, "02:15", "02:45", berlin);
    let early = || window(&Day::WEEK, "02:30", "05:00", berlin);
    let rows: Vec<(&str, Window, &str, Option<&str>)> = vec![
        // Over midnight: Monday's window lasts into Tuesday, Tuesday's into Wednesday, Sunday has none.
        (
            "before",
            nights(),
            "2026-12-07T18:59:59Z",
            Some("2026-12-07T19:00:00Z"),
        ),
        ("opens", nights(), "2026-12-07T19:00:00Z", None),
        ("after midnight", nights(), "2026-12-08T04:59:59Z", None),
        (
            "closes",
            nights(),
            "2026-12-08T05:00:00Z",
            Some("2026-12-08T19:00:00Z"),
        ),
        ("into a day without", nights(), "2026-12-09T04:59:59Z", None),
        (
            "of that day",
            nights(),
            "2026-12-09T19:00:00Z",
            Some("2026-12-14T19:00:00Z"),
        ),
        (
            "the night to Monday",
            nights(),
            "2026-12-07T04:00:00Z",
            Some("2026-12-07T19:00:00Z"),
        ),
        // Over the week-end.
        (
            "friday's end",
            window(&WORKDAYS, "09:00", "17:00", berlin),
            "2026-12-04T16:00:00Z",
            Some("2026-12-07T08:00:00Z"),
        ),
        (
            "saturday",
            window(&WORKDAYS, "00:00", "24:00", berlin),
            "2026-12-05T12:00:00Z",
            Some("2026-12-06T23:00:00Z"),
        ),
        (
            "friday to its end",
            window(&WORKDAYS, "00:00", "24:00", berlin),
            "2026-12-04T22:59:59Z",
            None,
        ),
        (
            "sunday into monday",
            window(&[Day::Sun], "22:00", "02:00", berlin),
            "2026-12-07T00:30:00Z",
            None,
        ),
        // 29 March 2026: 02:00 CET becomes 03:00 CEST at 01:00 UTC.
        (
            "summer time moves it",
            nights(),
            "2026-03-30T17:59:59Z",
            Some("2026-03-30T18:00:00Z"),
        ),
        (
            "a night over the gap",
            window(&[Day::Sat], "20:00", "06:00", berlin),
            "2026-03-29T03:59:59Z",
            None,
        ),
        (
            "its end",
            window(&[Day::Sat], "20:00", "06:00", berlin),
            "2026-03-29T04:00:00Z",
            Some("2026-04-04T18:00:00Z"),
        ),
        (
            "wholly in the gap: the next day",
            morning(),
            "2026-03-29T00:30:00Z",
            Some("2026-03-30T00:15:00Z"),
        ),
        (
            "begins in the gap: what clocks show next",
            early(),
            "2026-03-29T00:59:59Z",
            Some("2026-03-29T01:00:00Z"),
        ),
        ("begun by the gap", early(), "2026-03-29T01:00:00Z", None),
        (
            "ends in the gap",
            window(&Day::WEEK, "01:00", "02:30", berlin),
            "2026-03-29T01:00:00Z",
            Some("2026-03-29T23:00:00Z"),
        ),
        // 25 October 2026: 03:00 CEST becomes 02:00 CET at 01:00 UTC.
        ("the first time", morning(), "2026-10-25T00:15:00Z", None),
        (
            "between the two",
            morning(),
            "2026-10-25T00:45:00Z",
            Some("2026-10-25T01:15:00Z"),
        ),
        ("the second time", morning(), "2026-10-25T01:15:00Z", None),
        (
            "set back to before it",
            early(),
            "2026-10-25T01:00:00Z",
            Some("2026-10-25T01:30:00Z"),
        ),
        (
            "a night over the overlap",
            window(&[Day::Sat], "20:00", "06:00", berlin),
            "2026-10-25T04:59:59Z",
            None,
        ),
        (
            "ten hours and one",
            window(&[Day::Sat], "20:00", "06:00", berlin),
            "2026-10-24T18:00:00Z",
            None,
        ),
        // Elsewhere.
        (
            "half an hour east",
            window(&[Day::Mon], "09:00", "10:00", "Asia/Kolkata"),
            "2026-12-07T03:29:59Z",
            Some("2026-12-07T03:30:00Z"),
        ),
        (
            "half an hour of summer",
            window(&[Day::Sun], "02:00", "02:15", "Australia/Lord_Howe"),
            "2026-10-03T15:00:00Z",
            Some("2026-10-10T15:00:00Z"),
        ),
        (
            "no summer time",
            window(&[Day::Mon], "09:00", "10:00", "UTC"),
            "2026-07-06T08:00:00Z",
            Some("2026-07-06T09:00:00Z"),
        ),
    ];
    let mut wrong = Vec::new();
    for (what, window, now, wanted) in rows {
        let found = opens(&of(vec![window], vec![]), now);
        if found.as_deref() != wanted {
            wrong.push(format!("{what}: {found:?}, not {wanted:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn freezes_close_windows_and_a_date_is_the_whole_day() {
    let nights = || vec![window(&NIGHTS, "20:00", "06:00", "Europe/Berlin")];
    let december = || vec![freeze("2026-12-14", "2027-01-03")];
    let rows: Vec<(&str, Calendar, &str, Option<&str>)> = vec![
        (
            "nothing said",
            of(vec![], vec![]),
            "2026-12-14T12:00:00Z",
            None,
        ),
        (
            "first instant",
            of(vec![], december()),
            "2026-12-13T23:00:00Z",
            Some("2027-01-03T23:00:00Z"),
        ),
        (
            "before it",
            of(vec![], december()),
            "2026-12-13T22:59:59Z",
            None,
        ),
        (
            "its last day",
            of(vec![], december()),
            "2027-01-03T22:59:59Z",
            Some("2027-01-03T23:00:00Z"),
        ),
        ("over", of(vec![], december()), "2027-01-03T23:00:00Z", None),
        (
            "in a window",
            of(nights(), december()),
            "2026-12-14T20:00:00Z",
            Some("2027-01-04T19:00:00Z"),
        ),
        (
            "a window before it is over",
            of(
                nights(),
                vec![freeze("2026-12-07T22:00", "2026-12-07T23:30")],
            ),
            "2026-12-07T21:15:00Z",
            Some("2026-12-07T22:30:00Z"),
        ),
        (
            "one after the other",
            of(
                nights(),
                vec![
                    freeze("2026-12-07", "2026-12-07"),
                    freeze("2026-12-08", "2026-12-13"),
                ],
            ),
            "2026-12-07T12:00:00Z",
            Some("2026-12-14T19:00:00Z"),
        ),
        (
            "one within the other",
            of(
                vec![],
                vec![
                    freeze("2026-12-01", "2026-12-31"),
                    freeze("2026-12-07", "2026-12-08"),
                ],
            ),
            "2026-12-07T12:00:00Z",
            Some("2026-12-31T23:00:00Z"),
        ),
        (
            "in the hour that comes twice, the longer",
            of(vec![], vec![freeze("2026-10-24", "2026-10-25T02:30")]),
            "2026-10-25T01:00:00Z",
            Some("2026-10-25T01:30:00Z"),
        ),
        (
            "from that hour on, the longer",
            of(vec![], vec![freeze("2026-10-25T02:30", "2026-10-25")]),
            "2026-10-25T00:30:00Z",
            Some("2026-10-25T23:00:00Z"),
        ),
        (
            "with an offset",
            of(
                vec![],
                vec![freeze("2026-12-07T12:00+05:30", "2026-12-07T12:00Z")],
            ),
            "2026-12-07T06:30:00Z",
            Some("2026-12-07T12:00:00Z"),
        ),
    ];
    let mut wrong = Vec::new();
    for (what, calendar, now, wanted) in rows {
        let found = opens(&calendar, now);
        if found.as_deref() != wanted {
            wrong.push(format!("{what}: {found:?}, not {wanted:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_closes_it_is_said_by_the_clocks_of_the_place() {
    let nights = vec![window(&NIGHTS, "20:00", "06:00", "Europe/Berlin")];
    let said = |calendar: &Calendar, from_file: &[Freeze], now: &str| match calendar
        .standing(from_file, at(now))
    {
        Standing::Open => panic!("open"),
        Standing::Closed { because, .. } => because,
    };
    assert_eq!(
        said(&of(nights.clone(), vec![]), &[], "2026-12-07T12:00:00Z"),
        ["the change window opens Mon 2026-12-07 20:00 CET (Europe/Berlin)"]
    );
    let file = [freeze("2026-12-07", "2026-12-07")];
    assert_eq!(
        said(&of(nights, vec![]), &file, "2026-12-07T12:00:00Z"),
        [
            "a change freeze lasts until Tue 2026-12-08 00:00 CET (Europe/Berlin): year end",
            "after it, the change window opens Tue 2026-12-08 00:00 CET (Europe/Berlin)",
        ]
    );
    assert_eq!(
        said(&of(vec![], vec![]), &file, "2026-12-07T12:00:00Z"),
        ["a change freeze lasts until Tue 2026-12-08 00:00 CET (Europe/Berlin): year end"]
    );
}

#[test]
fn what_is_no_time_is_refused() {
    for text in [
        "", "8:00", "20", "20:60", "24:01", "25:00", "20:00:00", "２0:00", "+1:00", "-1:00",
    ] {
        assert!(text.parse::<DayTime>().is_err(), "{text}");
    }
    for text in ["00:00", "09:05", "23:59", "24:00"] {
        assert_eq!(text.parse::<DayTime>().unwrap().to_string(), text);
    }
    for text in [
        "",
        "Berlin",
        "Europe/berlin/",
        "../../etc/passwd",
        "/etc/localtime",
        "CEST",
        "+01:00",
        "Europe/Berlin\n",
    ] {
        assert!(text.parse::<Zone>().is_err(), "{text}");
    }
    for text in [
        "Europe/Berlin",
        "America/Argentina/Buenos_Aires",
        "Etc/GMT+1",
        "UTC",
    ] {
        assert_eq!(text.parse::<Zone>().unwrap().to_string(), text);
    }
    for text in [
        "",
        "2026-12-24T",
        "24.12.2026",
        "2026-13-01",
        "2026-02-30",
        "2026-12-24T25:00",
        "20261224",
        "2026-12-24T18:00+99:00",
        "2026-12-24T18:00[Europe/Berlin]",
        "now",
        "+002026-12-24",
    ] {
        assert!(text.parse::<Moment>().is_err(), "{text}");
    }
    for text in [
        "2026-12-24",
        "2026-12-24T18:00",
        "2026-12-24 18:00:30",
        "2026-12-24T18:00Z",
        "2026-12-24T18:00+01:00",
    ] {
        let read = text.parse::<Moment>().unwrap();
        assert_eq!(read.to_string().parse::<Moment>().unwrap(), read, "{text}");
    }
    let moment = |text: &str| text.parse::<Moment>().unwrap();
    let made = |from, to| Freeze::new(moment(from), moment(to), String::new(), None);
    assert_eq!(
        made("2026-12-24", "2026-12-25Z".trim_end_matches('Z')),
        Err(FreezeError::NoZone)
    );
    assert_eq!(
        made("2026-12-24T18:00Z", "2026-12-24T18:00Z"),
        Err(FreezeError::Backwards)
    );
    assert!(made("2026-12-24T18:00Z", "2026-12-24T18:01Z").is_ok());
}

const PLACES: [&str; 6] = [
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "America/Santiago",
    "Asia/Kolkata",
    "UTC",
];

prop_compose! {
    fn any_window()(days in proptest::sample::subsequence(Day::WEEK.to_vec(), 1..=7), from in 0..96_u16, to in 0..=96_u16, place in 0..PLACES.len())
        -> Window {
        let to = if to == from { 96 } else { to };
        let shown = |quarter: u16| format!("{:02}:{:02}", quarter / 4, quarter % 4 * 15);
        window(&days, &shown(from), &shown(to), PLACES[place])
    }
}

prop_compose! {
    fn any_freeze()(from in 0..40_000_u32, takes in 1..3_000_u32) -> Freeze {
        let minute = |n: u32| at("2026-01-01T00:00:00Z") + SignedDuration::from_mins(15 * i64::from(n));
        Freeze { from: minute(from), to: minute(from + takes), reason: "any".into(), zone: None }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 120, ..ProptestConfig::default() })]

    /// The opening is in a window and in no freeze, and nothing before it is: looked at every quarter of an hour, on which
    /// everything here begins and ends.
    #[test]
    fn the_next_opening_is_in_a_window_and_none_is_earlier(
        windows in proptest::collection::vec(any_window(), 0..3),
        freezes in proptest::collection::vec(any_freeze(), 0..4),
        quarter in 0..40_000_i64,
        off in 0..900_i64,
    ) {
        let now = at("2026-01-01T00:00:00Z") + SignedDuration::from_mins(15 * quarter) + SignedDuration::from_secs(off);
        let calendar = of(windows, freezes);
        let open = |at: Timestamp| {
            calendar.freezes.iter().all(|freeze| !(freeze.from <= at && at < freeze.to))
                && (calendar.windows.is_empty() || calendar.windows.iter().any(|window| window.contains(at)))
        };
        match calendar.standing(&[], now) {
            Standing::Open => prop_assert!(open(now)),
            Standing::Closed { opens, because } => {
                prop_assert!(!because.is_empty());
                let opens = opens.unwrap();
                prop_assert!(opens > now && open(opens), "{opens}");
                prop_assert!(matches!(calendar.standing(&[], opens), Standing::Open));
                let mut before = now;
                while before < opens {
                    prop_assert!(!open(before), "{before} is open, before {opens}");
                    before += SignedDuration::from_mins(15);
                }
                prop_assert!(!open(opens - SignedDuration::from_nanos(1)));
            }
        }
    }
}
