use super::*;

/// G.711 by its tables: 128 intervals a side, `edges[n]..edges[n + 1]` coded as `n`. In units of
/// 16-bit samples.
struct Law {
    edges: Vec<i32>,
    values: Vec<i32>,
}

/// Table 2a/G.711: eight segments of 16 intervals that end at 31, 95, 223 … 8159 (14 bit). Each has
/// twice the step of the one before. The very first interval is half as wide and stands for zero.
fn mulaw() -> Law {
    let mut edges = vec![0, 1];
    for segment in 0..8 {
        let intervals = if segment == 0 { 15 } else { 16 };
        for _ in 0..intervals {
            edges.push(edges.last().expect("not empty") + (2 << segment));
        }
    }
    assert_eq!(edges[128], 8159);
    law(&edges, 4, 0)
}

/// Table 1a/G.711: 32 intervals of the first step, then six segments of 16, each with twice the
/// step of the one before, to 4096 (13 bit).
fn alaw() -> Law {
    let mut edges = vec![0];
    for segment in [0, 0, 1, 2, 3, 4, 5, 6] {
        for _ in 0..16 {
            edges.push(edges.last().expect("not empty") + (2 << segment));
        }
    }
    assert_eq!(edges[128], 4096);
    law(&edges, 8, 1)
}

/// An interval decodes to its middle; mu-law's first one decodes to `first` units.
fn law(edges: &[i32], unit: i32, first: i32) -> Law {
    let mut values: Vec<i32> = edges.windows(2).map(|edge| (edge[0] + edge[1]) * unit / 2).collect();
    values[0] = first * unit;
    Law { edges: edges.iter().map(|edge| edge * unit).collect(), values }
}

impl Law {
    fn interval_of(&self, sample: i16) -> usize {
        // G.191 takes the one's complement: -1 is coded like 0 with the other sign.
        let magnitude = i32::from(if sample < 0 { !sample } else { sample });
        self.edges[1..128].partition_point(|&edge| edge <= magnitude)
    }
}

#[test]
fn all_256_mulaw_codes_decode_as_the_itu_table_says() {
    let law = mulaw();
    for code in 0..=255u8 {
        let value = law.values[usize::from(!code & 0x7F)];
        let expected = if code & 0x80 == 0 { -value } else { value };
        assert_eq!(i32::from(decode_mulaw(code)), expected, "code {code:#04x}");
    }
}

#[test]
fn all_256_alaw_codes_decode_as_the_itu_table_says() {
    let law = alaw();
    for code in 0..=255u8 {
        let value = law.values[usize::from((code ^ 0x55) & 0x7F)];
        let expected = if code & 0x80 == 0 { -value } else { value };
        assert_eq!(i32::from(decode_alaw(code)), expected, "code {code:#04x}");
    }
}

#[test]
fn all_65536_samples_encode_to_mulaw_as_the_itu_software_does() {
    let law = mulaw();
    for sample in i16::MIN..=i16::MAX {
        let sign = if sample < 0 { 0 } else { 0x80 };
        let expected = sign | (!(law.interval_of(sample) as u8) & 0x7F);
        assert_eq!(encode_mulaw(sample), expected, "sample {sample}");
    }
}

#[test]
fn all_65536_samples_encode_to_alaw_as_the_itu_software_does() {
    let law = alaw();
    for sample in i16::MIN..=i16::MAX {
        let sign = if sample < 0 { 0 } else { 0x80 };
        let expected = (sign | law.interval_of(sample) as u8) ^ 0x55;
        assert_eq!(encode_alaw(sample), expected, "sample {sample}");
    }
}

#[test]
fn the_published_reference_points_of_mulaw_hold() {
    for (sample, code, back) in [
        (0, 0xFF, 0),
        (8, 0xFE, 8),
        (100, 0xF2, 104),
        // On a decision threshold: one's complement gives the smaller code, where Sun's encoder
        // gives 0x72.
        (-100, 0x73, -96),
        (-101, 0x72, -104),
        (1000, 0xCE, 988),
        (-1000, 0x4E, -988),
        (8159, 0x9F, 8316),
        (32767, 0x80, 32124),
        (-32768, 0x00, -32124),
    ] {
        assert_eq!(encode_mulaw(sample), code, "sample {sample}");
        assert_eq!(decode_mulaw(code), back, "code {code:#04x}");
    }
    assert_eq!(decode_mulaw(0x7F), 0);
}

#[test]
fn a_code_survives_decoding_and_encoding() {
    for code in 0..=255 {
        // Mu-law has two zeros; the negative one decodes and encodes to the positive one.
        let expected = if code == 0x7F { 0xFF } else { code };
        assert_eq!(encode_mulaw(decode_mulaw(code)), expected);
        assert_eq!(encode_alaw(decode_alaw(code)), code);
    }
}

#[test]
fn slices_are_their_samples_one_by_one() {
    let edges = [0, 1, -1, 1000, -1000, i16::MAX, i16::MIN];
    // More samples than the widest register holds, and not a multiple of it.
    let samples: Vec<i16> = edges.into_iter().chain((i16::MIN..=i16::MAX).step_by(37)).collect();
    let each = |samples: &[i16], coded: fn(i16) -> i16| samples.iter().map(|&it| coded(it)).collect::<Vec<_>>();
    for encoding in [Encoding::MuLaw, Encoding::ALaw, Encoding::Pcm16] {
        let (mut bytes, mut back) = (vec![], vec![]);
        encode(encoding, &samples, &mut bytes);
        assert_eq!(bytes.len(), samples.len() * encoding.sample_bytes());
        decode(encoding, &bytes, &mut back);
        match encoding {
            Encoding::MuLaw => assert_eq!(back, each(&samples, |sample| decode_mulaw(encode_mulaw(sample)))),
            Encoding::ALaw => assert_eq!(back, each(&samples, |sample| decode_alaw(encode_alaw(sample)))),
            Encoding::Pcm16 => assert_eq!(back, samples),
        }
    }
}

#[test]
fn half_a_sample_at_the_end_of_pcm_is_ignored() {
    let mut samples = vec![];
    decode(Encoding::Pcm16, &[1, 0, 2], &mut samples);
    assert_eq!(samples, [1]);
    assert_eq!(read(Encoding::Pcm16, &[1, 0, 2], &mut samples), [1]);
}

#[test]
fn what_is_read_is_what_is_decoded_wherever_it_lies() {
    let bytes: Vec<u8> = (0..=255).collect();
    for encoding in [Encoding::MuLaw, Encoding::ALaw, Encoding::Pcm16] {
        for begin in 0..3 {
            let (mut decoded, mut room) = (vec![], vec![7]);
            decode(encoding, &bytes[begin..], &mut decoded);
            assert_eq!(read(encoding, &bytes[begin..], &mut room), decoded, "{encoding:?} from {begin}");
        }
    }
}

#[test]
fn silence_is_written_with_the_byte_the_format_names() {
    for encoding in [Encoding::MuLaw, Encoding::ALaw, Encoding::Pcm16] {
        let mut bytes = vec![];
        encode(encoding, &[0], &mut bytes);
        assert!(bytes.iter().all(|&byte| byte == encoding.silence()));
    }
}
