use super::*;
use crate::ids::ResponseId;

const NARROW: AudioFormat = AudioFormat::MULAW_8K;
const WIDE: AudioFormat = AudioFormat::PCM_24K;

fn formats(both: AudioFormat) -> Formats {
    Formats { input: both, output: both }
}

/// A tone of 500 Hz in PCM16 at 24 kHz.
fn tone(milliseconds: usize) -> Vec<i16> {
    let sample = |n: usize| (8_000.0 * (n as f32 * 500.0 * std::f32::consts::TAU / 24_000.0).sin()) as i16;
    (0..milliseconds * 24).map(sample).collect()
}

fn bytes(samples: &[i16]) -> Vec<u8> {
    samples.iter().flat_map(|sample| sample.to_le_bytes()).collect()
}

fn said(adapter: &mut Adapter, item: &str, audio: &[u8], piece: usize) -> Vec<u8> {
    let (response, item) = (ResponseId::new("r"), ItemId::new(item));
    let mut heard = Vec::new();
    for piece in audio.chunks(piece) {
        let from = FromModel { response: response.clone(), item: item.clone(), audio: Frame::copy_of(piece) };
        heard.extend_from_slice(&adapter.for_call(from).audio);
    }
    heard.extend(adapter.rest(&ItemComplete { response, item }).into_iter().flat_map(|rest| rest.audio.to_vec()));
    heard
}

#[test]
fn an_item_keeps_its_length_and_its_positions_whatever_its_pieces() {
    let wide = tone(1_000);
    let expected: Vec<i16> = wide.iter().step_by(3).copied().collect();
    for piece in [1, 7, 481, 4_800, 48_000] {
        let mut adapter = Adapter::between(formats(NARROW), formats(WIDE)).expect("both rates");
        for _ in 0..2 {
            let heard = said(&mut adapter, "i", &bytes(&wide), piece);
            assert_eq!(heard.len(), 8_000, "in pieces of {piece}");
            let mut samples = Vec::new();
            g711::decode(NARROW.encoding, &heard, &mut samples);
            let off = (400..7_600).map(|n| (i32::from(samples[n]) - i32::from(expected[n])).abs()).max();
            assert!(off < Some(500), "off by {off:?} in pieces of {piece}");
        }
    }
}

#[test]
fn a_call_of_24_khz_hears_a_session_of_g711() {
    let mut narrow = Vec::new();
    g711::encode(NARROW.encoding, &tone(500).iter().step_by(3).copied().collect::<Vec<_>>(), &mut narrow);
    let mut adapter = Adapter::between(formats(WIDE), formats(NARROW)).expect("both rates");
    assert_eq!(said(&mut adapter, "i", &narrow, 800).len(), 24_000);
}

#[test]
fn what_an_interrupted_item_leaves_does_not_sound_in_the_next_one() {
    let mut adapter = Adapter::between(formats(NARROW), formats(WIDE)).expect("both rates");
    let loud = FromModel {
        response: ResponseId::new("r"),
        item: ItemId::new("cut"),
        audio: Frame::copy_of(&bytes(&[20_000; 2_400])),
    };
    adapter.for_call(loud);
    let silence = said(&mut adapter, "next", &bytes(&[0; 4_800]), 960);
    assert!(silence.iter().all(|code| g711::decode_mulaw(*code).abs() < 16), "{silence:?}");
}

#[test]
fn the_callers_audio_has_the_sessions_format() {
    let mut adapter = Adapter::between(formats(NARROW), formats(WIDE)).expect("both rates");
    assert_eq!(adapter.for_session(Frame::copy_of(&[0xff; 160])).len(), 960);
    let turn = adapter.turn_for_session(vec![0xff; 8_000]);
    assert!((48_000..48_000 + 1_000).contains(&turn.len()), "{}", turn.len());
    let mut same = Adapter::between(formats(NARROW), formats(NARROW)).expect("both rates");
    assert_eq!(same.for_session(Frame::copy_of(&[1; 160])).to_vec(), [1; 160]);
    assert_eq!(same.turn_for_session(vec![1; 8]), [1; 8]);
}

#[test]
fn a_rate_that_no_model_has_is_refused() {
    let odd = AudioFormat { rate_hz: 11_025, ..WIDE };
    assert!(Adapter::between(formats(NARROW), formats(odd)).is_err());
}
