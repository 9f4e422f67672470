use super::*;

fn open(text: &str, moment: &str) -> bool {
    Hours(vec![Span::parse(text).expect("valid hours")]).open_at(moment.parse().expect("a moment"))
}

#[test]
fn hours_are_counted_in_their_own_time_zone() {
    // 2026-11-20 is a Friday.
    assert!(open("mon-fri 09:00-18:00 +05:30", "2026-11-20T03:30:00Z"));
    assert!(!open("mon-fri 09:00-18:00 +05:30", "2026-11-20T03:29:59Z"));
    assert!(!open("mon-fri 09:00-18:00 +05:30", "2026-11-20T12:30:00Z"));
    assert!(!open("mon-fri 09:00-18:00 +05:30", "2026-11-21T06:00:00Z"));
}

#[test]
fn hours_are_shown_as_they_are_read() {
    for text in
        ["mon,wed 09:00-18:00 +05:30", "daily 00:00-00:00 +00:00", "daily 09:00-12:00 -03:00; sat 13:00-14:00 +05:30"]
    {
        let hours = Hours::parse(text.split("; ")).expect("valid hours");
        assert_eq!(hours.to_string(), text);
    }
}

#[test]
fn a_night_belongs_to_the_day_it_began_on() {
    assert!(open("fri 22:00-06:00 +00:00", "2026-11-21T05:59:00Z"));
    assert!(!open("fri 22:00-06:00 +00:00", "2026-11-20T05:59:00Z"));
    assert!(open("daily 00:00-24:00 +00:00", "2026-11-20T23:59:59Z"));
    assert!(open("sat-mon 10:00-11:00 +00:00", "2026-11-22T10:30:00Z"));
}

#[test]
fn half_written_hours_are_none() {
    for text in [
        "",
        "mon-fri",
        "mon-fri 9-18 +05:30",
        "mon-fri 09:00-18:00",
        "moon 09:00-18:00 +05:30",
        "mon 25:00-26:00 +00:00",
    ] {
        assert_eq!(Span::parse(text), None, "{text}");
    }
}
