use super::*;

#[test]
fn unreleased_bytes_are_read_again() {
    let mut queue = ReplayQueue::default();
    queue.push(&[1, 2, 3, 4, 5]);
    assert_eq!(read(&mut queue, 3), [1, 2, 3]);
    assert_eq!(queue.unread(), 2);
    queue.release(1);
    queue.rewind();
    assert_eq!(queue.unread(), 4);
    queue.push(&[6]);
    assert_eq!(read(&mut queue, 5), [2, 3, 4, 5, 6]);
    queue.release(99);
    queue.rewind();
    assert_eq!(queue.unread(), 0);
}

#[test]
fn unread_bytes_are_never_released() {
    let mut queue = ReplayQueue::default();
    queue.push(&[1, 2, 3]);
    queue.release(2);
    assert_eq!(read(&mut queue, 3), [1, 2, 3]);
}

#[test]
fn reading_continues_across_the_ring_buffers_end() {
    let mut queue = ReplayQueue::default();
    let (mut next_in, mut next_out) = (0_u8, 0_u8);
    for round in 0..1_000_usize {
        let count = round % 13;
        let pushed: Vec<u8> = (0..count).map(|n| next_in.wrapping_add(n as u8)).collect();
        next_in = next_in.wrapping_add(count as u8);
        queue.push(&pushed);
        let count = queue.unread().min(round % 7);
        for byte in read(&mut queue, count) {
            assert_eq!(byte, next_out, "round {round}");
            next_out = next_out.wrapping_add(1);
        }
        queue.release(count);
        if queue.unread() > 100 {
            let rest = queue.unread();
            next_out = next_out.wrapping_add(rest as u8);
            read(&mut queue, rest);
            queue.release(rest);
        }
    }
}

fn read(queue: &mut ReplayQueue, count: usize) -> Vec<u8> {
    let mut out = vec![];
    queue.read(count, &mut out);
    out
}
