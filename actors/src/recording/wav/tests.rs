use super::*;

#[test]
fn the_head_says_what_follows() {
    let head = head(8_000, 16_000);
    let number = |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
    assert_eq!((number(4), number(24), number(28), number(40)), (64_036, 8_000, 32_000, 64_000));
    assert_eq!((&head[..4], &head[8..16], &head[36..40]), (&b"RIFF"[..], &b"WAVEfmt "[..], &b"data"[..]));
}

#[test]
fn a_file_too_long_for_its_header_states_the_largest_length() {
    let head = head(8_000, u64::MAX / 8);
    assert!(head[40..].iter().skip(1).all(|&byte| byte == 0xFF));
}
