use proptest::prelude::*;

use super::*;

/// Returns the head of a frame that announces `length`.
fn head(opcode: u8, length: u64, masked: bool) -> Vec<u8> {
    let mask = if masked { MASKED } else { 0 };
    let mut bytes = vec![0x80 | opcode, mask | LONG];
    bytes.extend(length.to_be_bytes());
    bytes
}

/// Returns a whole frame, with the shortest form of its length.
fn frame(length: usize, masked: bool) -> Vec<u8> {
    let mask = if masked { MASKED } else { 0 };
    let mut bytes = vec![0x82];
    match (u8::try_from(length), u16::try_from(length)) {
        (Ok(short), _) if short < MEDIUM => bytes.push(mask | short),
        (_, Ok(medium)) => {
            bytes.push(mask | MEDIUM);
            bytes.extend(medium.to_be_bytes());
        }
        _ => {
            bytes.push(mask | LONG);
            bytes.extend((length as u64).to_be_bytes());
        }
    }
    bytes.resize(bytes.len() + if masked { 4 } else { 0 } + length, 0x7F);
    bytes
}

#[test]
fn what_a_frame_announces_is_judged_by_its_head() {
    let most = 1_000;
    for masked in [false, true] {
        for length in [1_001, 1 << 40, 1 << 62, 1 << 63, u64::MAX] {
            assert_eq!(judge(&head(1, length, masked), most), Err(Refused::TooLong(length)));
        }
        let whole = 10 + if masked { 4 } else { 0 } + 1_000;
        assert_eq!(judge(&head(1, 1_000, masked), most), Ok(Some(whole)));
    }
    assert_eq!(judge(&[0x81, MEDIUM, 0xFF, 0xFF], most), Err(Refused::TooLong(65_535)));
    assert_eq!(judge(&[0x81, 125], 124), Err(Refused::TooLong(125)));
    for opcode in [8, 9, 10] {
        assert_eq!(judge(&[0x80 | opcode, MEDIUM, 0, 126], most), Err(Refused::Control(126)));
        assert_eq!(judge(&[0x80 | opcode, 125], most), Ok(Some(127)));
    }
}

#[test]
fn a_head_that_is_on_its_way_is_no_fault() {
    let whole = head(2, 1 << 40, true);
    for length in 0..10 {
        assert_eq!(judge(&whole[..length], 10), Ok(None), "{length} bytes");
    }
    assert!(judge(&whole, 10).is_err());
}

proptest! {
    #[test]
    fn frames_are_followed_however_they_are_cut(
        payloads in prop::collection::vec((any::<bool>(), 0_usize..70_000), 1..5),
        cuts in prop::collection::vec(1_usize..9_000, 1..8),
    ) {
        let wire: Vec<u8> = payloads.iter().flat_map(|(masked, length)| frame(*length, *masked)).collect();
        let longest = payloads.iter().map(|(_, length)| *length).max().expect("one at least");
        let follow = |most| {
            let mut watch = Watch::default();
            let mut rest = &wire[..];
            for cut in cuts.iter().cycle() {
                if rest.is_empty() { break }
                let (piece, after) = rest.split_at((*cut).min(rest.len()));
                watch.follow(piece, most)?;
                rest = after;
            }
            Ok((watch.head.len(), watch.ahead))
        };
        prop_assert_eq!(follow(longest), Ok((0, 0)));
        if longest > 0 {
            prop_assert_eq!(follow(longest - 1), Err(Refused::TooLong(longest as u64)));
        }
    }

    #[test]
    fn any_bytes_are_judged(bytes in prop::collection::vec(any::<u8>(), 0..40), most in 0_usize..300) {
        match judge(&bytes, most) {
            // An accepted frame is within the limit.
            Ok(Some(length)) => prop_assert!(length <= (most + LONGEST_HEAD) as u64),
            Ok(None) => prop_assert!(bytes.len() < 10),
            Err(Refused::TooLong(length)) => prop_assert!(length > most as u64),
            Err(Refused::Control(length)) => prop_assert!(length > 125),
        }
    }
}
