use proptest::prelude::*;

use super::*;

const TEXT: Part = Part::First(Kind::Text);
const BINARY: Part = Part::First(Kind::Binary);

#[test]
fn a_message_is_no_larger_in_fragments_than_whole() {
    let mut fragments = Fragments::new(4);
    assert_eq!(fragments.take(TEXT, b"12345"), Err(TooLarge { most: 4 }));
    assert_eq!(fragments.take(TEXT, b"1234"), Ok(None));
    assert_eq!(fragments.take(Part::Last, b"5"), Err(TooLarge { most: 4 }));
    assert_eq!(fragments.take(TEXT, b"12"), Ok(None), "the next message has all of its room");
    assert_eq!(fragments.take(Part::Last, b"34"), Ok(Some((Kind::Text, Bytes::from_static(b"1234")))));
}

#[test]
fn a_message_that_never_ends_keeps_no_more_than_its_bound() {
    let mut fragments = Fragments::new(1_000);
    assert_eq!(fragments.take(BINARY, &[0; 100]), Ok(None));
    for _ in 0..1_000 {
        let _ = fragments.take(Part::Next, &[0; 300]);
        assert!(fragments.bytes.len() <= 1_000);
    }
}

#[test]
fn a_first_fragment_begins_anew() {
    let mut fragments = Fragments::new(8);
    assert_eq!(fragments.take(BINARY, b"lost"), Ok(None));
    assert_eq!(fragments.take(TEXT, b"ke"), Ok(None));
    assert_eq!(fragments.take(Part::Last, b"pt"), Ok(Some((Kind::Text, Bytes::from_static(b"kept")))));
}

proptest! {
    #[test]
    fn fragments_become_the_message_wherever_it_is_cut(
        message in prop::collection::vec(any::<u8>(), 0..64),
        mut cuts in prop::collection::vec(0_usize..64, 1..5),
        binary: bool,
    ) {
        let kind = if binary { Kind::Binary } else { Kind::Text };
        cuts.iter_mut().for_each(|cut| *cut = (*cut).min(message.len()));
        cuts.sort_unstable();
        let mut fragments = Fragments::new(message.len());
        let (mut part, mut from) = (Part::First(kind), 0);
        for cut in cuts {
            prop_assert_eq!(fragments.take(part, &message[from..cut]), Ok(None));
            (part, from) = (Part::Next, cut);
        }
        let whole = fragments.take(Part::Last, &message[from..]);
        prop_assert_eq!(whole, Ok(Some((kind, Bytes::from(message)))));
    }
}
