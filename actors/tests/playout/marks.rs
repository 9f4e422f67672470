//! Marks and their echoes.

use super::*;

#[test]
fn an_item_ends_with_a_mark_and_its_echo_is_the_end() {
    let mut call = Call::new(&BUFFERS);
    call.says("resp_1", "item_1", 100);
    call.completes("item_1");
    assert_eq!(call.reports(), "started item_1, play 100, mark 1:800:item_1");
    call.pass(100);
    assert_eq!(call.reports(), "", "the clock alone is not yet believed");
    call.echoes("1:800:item_1");
    assert_eq!(call.reports(), "heard item_1 100/100, drained");
    assert_eq!(call.pipeline.deadline(), None);
}

#[test]
fn a_mark_that_stands_at_the_end_already_is_not_doubled() {
    let mut call = Call::new(&BUFFERS);
    call.says("resp_1", "item_1", 200);
    call.echoes("1:1600:item_1");
    call.completes("item_1");
    assert_eq!(call.reports(), "started item_1, play 100, play 100, mark 1:1600:item_1, heard item_1 200/200, drained");
}

#[test]
fn unknown_stale_and_repeated_echoes_are_ignored() {
    let mut call = Call::new(&BUFFERS);
    call.says("resp_1", "item_1", 300);
    call.reports();
    for name in ["", "1:9999:item_1", "0:1600:item_1", "1:1600:item_2", "nonsense", "1:1600:item_1:x"] {
        call.echoes(name);
    }
    call.interrupts(None);
    assert_eq!(call.reports(), "clear, interrupted item_1 0/300");
    call.says("resp_2", "item_1", 200);
    assert_eq!(call.reports(), "started item_1, play 100, play 100, mark 2:1600:item_1");
    call.echoes("1:1600:item_1");
    call.completes("item_1");
    assert_eq!(call.reports(), "", "the echo is that of the clear");
    call.echoes("2:1600:item_1");
    call.echoes("2:1600:item_1");
    assert_eq!(call.reports(), "heard item_1 200/200, drained");
}

#[test]
fn a_marks_name_is_as_short_as_its_carrier_takes() {
    let marks = Marks::Echoed { by_clear: ByClear::Drops, longest_name: 12, most_pending: 64 };
    let mut call = Call::new(&Capabilities { marks, ..BUFFERS });
    call.says("resp_1", "an_item_with_a_long_name", 200);
    call.completes("an_item_with_a_long_name");
    let reports = call.reports();
    let mark = reports.split(", ").find_map(|one| one.strip_prefix("mark ")).expect("a mark").to_owned();
    assert!(mark.len() <= 12, "{mark}");
    call.pass(200);
    call.reports();
    call.handle(AudioEvent::MarkEchoed(mark));
    assert!(call.reports().contains("heard an_item_with_a_long_name"), "its echo is known again");
}
