use super::*;

#[test]
fn scratch_buffers_are_reused_and_nested_ones_are_distinct() {
    let place = Scratch::lend(|outer| {
        outer.bytes.extend([1; 800]);
        let inner = Scratch::lend(|inner| inner.bytes.len());
        assert_eq!((outer.bytes.len(), inner), (800, 0));
        outer.bytes.as_ptr()
    });
    let again = Scratch::lend(|scratch| (scratch.bytes.len(), scratch.bytes.as_ptr()));
    assert_eq!(again, (0, place));
}
