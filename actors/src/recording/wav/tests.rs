use super::*;

#[test]
fn the_head_says_what_follows() {
    let head = head(8_000, 2, 16_000);
    let number = |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
    assert_eq!((number(4), number(24), number(28), number(40)), (64_036, 8_000, 32_000, 64_000));
    assert_eq!((head[22], head[32]), (2, 4), "channels, and bytes of a moment");
    assert_eq!((&head[..4], &head[8..16], &head[36..40]), (&b"RIFF"[..], &b"WAVEfmt "[..], &b"data"[..]));
}

#[test]
fn a_third_channel_is_another_sample_of_each_moment() {
    let head = head(8_000, 3, 16_000);
    assert_eq!((head[22], head[32]), (3, 6));
    assert_eq!(head[28..32], 48_000_u32.to_le_bytes());
    assert_eq!(head[40..44], 96_000_u32.to_le_bytes());
}

#[test]
fn a_file_too_long_for_its_header_states_the_largest_length() {
    let head = head(8_000, 2, u64::MAX / 8);
    assert!(head[40..].iter().skip(1).all(|&byte| byte == 0xFF));
}
