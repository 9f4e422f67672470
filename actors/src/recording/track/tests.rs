use proptest::prelude::*;

use super::*;

proptest! {
    /// For any order of pieces, a track equals a plain list of moments.
    #[test]
    fn a_track_is_a_list_of_moments(steps in prop::collection::vec((0_usize..60, 1_usize..20, 0_u8..3), 1..60)) {
        let (mut track, mut list) = (Track::new(Encoding::MuLaw), Vec::<Option<u8>>::new());
        for (n, (at, length, kind)) in steps.into_iter().enumerate() {
            match kind {
                0 => {
                    track.truncate(at);
                    list.truncate(at);
                }
                1 => {
                    let side = track.take(length);
                    let taken: Vec<Option<u8>> = list.drain(..length.min(list.len())).collect();
                    for (moment, byte) in taken.iter().enumerate() {
                        let sounds = side.sounding.iter().any(|span| span.contains(&(moment as u32)));
                        prop_assert_eq!(sounds.then(|| side.bytes[moment]), *byte);
                    }
                    let until = taken.len() as u32;
                    prop_assert!(side.sounding.iter().all(|span| !span.is_empty() && span.end <= until));
                }
                _ => {
                    track.put(at, &vec![n as u8; length]);
                    list.resize(list.len().max(at + length), None);
                    list[at..at + length].fill(Some(n as u8));
                }
            }
            prop_assert_eq!(track.is_silent(), list.iter().all(Option::is_none));
            prop_assert!(track.sounding.is_sorted_by(|one, next| one.end < next.start));
        }
    }
}
