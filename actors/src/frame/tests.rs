use super::*;

#[test]
fn a_dropped_frame_lends_its_buffer_to_the_next() {
    let first = Frame::copy_of(&[1; 160]);
    let place = first.as_ptr();
    drop(first);
    let second = Frame::copy_of(&[2; 160]);
    assert_eq!(second.as_ptr(), place);
    assert_eq!(second[..], [2; 160]);
}

#[test]
fn a_buffer_goes_to_frames_of_its_own_size() {
    let places = [100, 1_400, 4_800].map(|bytes| {
        let frame = Frame::with_room(bytes);
        assert!(frame.is_empty() && frame.capacity() >= bytes);
        (bytes, frame.as_ptr())
    });
    for (bytes, place) in places {
        assert_eq!(Frame::with_room(bytes).as_ptr(), place, "{bytes} bytes");
    }
    let mut grown = Frame::with_room(1);
    grown.resize(3_000, 0);
    let place = grown.as_ptr();
    drop(grown);
    assert_eq!(Frame::with_room(2_000).as_ptr(), place);
    assert!(Frame::with_room(100_000).capacity() >= 100_000);
}

#[test]
fn base64_is_read_however_it_is_written() {
    let bytes: Vec<u8> = (0..=255).collect();
    let standard = base64_simd::STANDARD.encode_to_string(&bytes);
    let urls = base64_simd::URL_SAFE.encode_to_string(&bytes);
    let lines: Vec<&str> =
        (0..standard.len()).step_by(76).map(|at| &standard[at..standard.len().min(at + 76)]).collect();
    for text in [&standard, &urls, &lines.join("\r\n"), &format!(" {standard}\n"), &urls.replace('=', "")] {
        assert_eq!(Frame::of_loose_base64(text).expect(text)[..], bytes, "{text}");
    }
    assert!(Frame::of_base64(&urls).is_err(), "the quick reader is strict");
    for text in ["!", "A", "AAAA=A", "AA=AA", "====", "AAé"] {
        assert!(Frame::of_loose_base64(text).is_err(), "{text}");
    }
    assert!(Frame::of_loose_base64("").expect("nothing").is_empty());
}
