use crate::carrier::CallerFrame;
use crate::frame::Frame;

use super::*;

#[test]
fn two_seconds_are_buffered_in_order_and_the_oldest_is_dropped() {
    let mut buffer = PreStartBuffer::new(AudioFormat::MULAW_8K);
    buffer.push(LineEvent::KeyPressed('1'));
    for number in 0..103_u8 {
        buffer.push(frame(number, 160));
    }
    buffer.push(LineEvent::Stopped);
    let (events, dropped) = buffer.release();
    assert_eq!(dropped, 3);
    assert_eq!(events.len(), 102);
    assert_eq!(events.front(), Some(&LineEvent::KeyPressed('1')));
    assert_eq!(events.get(1), Some(&frame(3, 160)));
    assert_eq!(events.back(), Some(&LineEvent::Stopped));
}

#[test]
fn a_frame_larger_than_the_buffer_is_dropped() {
    let mut buffer = PreStartBuffer::new(AudioFormat::MULAW_8K);
    buffer.push(frame(0, 16_001));
    assert_eq!(buffer.release(), (VecDeque::new(), 1));
}

#[test]
fn a_storm_of_keys_is_buffered_up_to_its_bound() {
    let mut buffer = PreStartBuffer::new(AudioFormat::MULAW_8K);
    for _ in 0..1_000 {
        buffer.push(LineEvent::KeyPressed('#'));
    }
    assert_eq!(buffer.release().0.len(), MOST_OTHERS);
}

fn frame(number: u8, bytes: usize) -> LineEvent {
    LineEvent::Audio(CallerFrame { timestamp: None, payload: Frame::copy_of(&vec![number; bytes]) })
}
