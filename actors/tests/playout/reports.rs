//! Reports about items: begun, heard, drained.

use super::*;

#[test]
fn the_beginning_of_an_item_is_heard_once_whatever_happens_to_it() {
    let mut call = Call::new(&BUFFERS);
    call.says("resp_1", "item_1", 100);
    call.completes("item_1");
    call.says("resp_1", "item_2", 1_000);
    call.pass(19);
    assert!(call.begun.is_empty());
    call.pauses();
    call.resumes();
    assert_eq!(call.pipeline.deadline(), Some((call.now + ms(1), AudioTimer::FirstHeard)));
    call.pass(1);
    assert_eq!(call.begun, ["item_1 20"]);
    call.pass(99);
    call.pauses();
    call.pass(1_000);
    call.resumes();
    call.pass(1);
    assert_eq!(call.begun, ["item_1 20", "item_2 1120"], "sent at once, heard after the first item and a pause");
    call.pass(100);
    call.interrupts(None);
    assert_eq!(call.begun.len(), 2);
}

#[test]
fn a_beginning_proved_by_an_echo_is_reported_before_an_interruption() {
    let mut call = Call::new(&BUFFERS);
    call.says("resp_1", "item_1", 300);
    call.now += ms(10);
    call.echoes("1:1600:item_1");
    assert_eq!(call.begun, ["item_1 10"]);
    call.interrupts(None);
    call.says("resp_2", "item_2", 300);
    call.now += ms(30);
    call.interrupts(None);
    assert_eq!(call.begun, ["item_1 10", "item_2 30"]);
}

#[test]
fn an_item_shorter_than_a_beginning_begins_with_its_end() {
    let mut call = Call::new(&BUFFERS);
    call.says("resp_1", "item_1", 10);
    call.pass(50);
    assert!(call.begun.is_empty(), "more may come");
    assert_eq!(call.pipeline.deadline().map(|(_, timer)| timer), Some(AudioTimer::Drained));
    call.completes("item_1");
    assert_eq!(call.begun, ["item_1 50"]);
}

#[test]
fn a_request_for_the_drain_is_answered_with_the_queued_time() {
    let mut call = Call::new(&BUFFERS);
    call.handle(AudioEvent::TellWhenDrained);
    assert_eq!(call.reports(), "queued 0, drained");
    call.says("resp_1", "item_1", 12_000);
    call.pass(100);
    call.pass(50);
    call.reports();
    call.handle(AudioEvent::TellWhenDrained);
    assert_eq!(call.reports(), "queued 11850");
    call.pauses();
    call.pass(5_000);
    call.handle(AudioEvent::TellWhenDrained);
    assert_eq!(call.reports(), "clear, queued 11850");
}

#[test]
fn the_end_of_a_turn_is_answered_with_the_last_voice() {
    let mut call = Call::new(&BUFFERS);
    let speech = |call: &mut Call, code: u8, count: usize| {
        for _ in 0..count {
            call.now += ms(20);
            call.handle(AudioEvent::CallerFrame(CallerFrame {
                timestamp: None,
                payload: Frame::copy_of(&[code; 160]),
            }));
        }
        call.reports();
    };
    speech(&mut call, 0xFF, 10);
    call.handle(AudioEvent::CallerTurn { open: false });
    assert_eq!(call.reports(), "", "never heard");
    speech(&mut call, 0x20, 10);
    speech(&mut call, 0xFF, 25);
    call.handle(AudioEvent::CallerTurn { open: true });
    assert_eq!(call.reports(), "");
    call.now += ms(7);
    call.handle(AudioEvent::CallerTurn { open: false });
    assert_eq!(call.reports(), "last voice 507");
}
