use super::*;

#[test]
fn buffers_are_lent_again_and_one_within_another_is_its_own() {
    let place = Scratch::lend(|outer| {
        outer.bytes.extend([1; 800]);
        let inner = Scratch::lend(|inner| inner.bytes.len());
        assert_eq!((outer.bytes.len(), inner), (800, 0));
        outer.bytes.as_ptr()
    });
    let again = Scratch::lend(|scratch| (scratch.bytes.len(), scratch.bytes.as_ptr()));
    assert_eq!(again, (0, place));
}
