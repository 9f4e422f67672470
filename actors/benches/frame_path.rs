//! The frame path, piece by piece and whole: Twilio's JSON → PCM → 24 kHz → append, and a model's
//! delta → 8 kHz → Twilio's JSON.
//!
//! `cargo bench -p switchboard-actors`; `actors/benches/README.md` says how to read it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use divan::{Bencher, black_box};
use switchboard_actors::audio::action::AudioAction;
use switchboard_actors::audio::detector::{DetectorPlan, SpeechDetector};
use switchboard_actors::audio::pipeline::{AudioEvent, Pipeline};
use switchboard_actors::audio::resample::Resampler;
use switchboard_actors::carrier::{
    AudioFormat, CallerFrame, Encoding, Incoming, LineCommand, LineEvent, Outgoing, Wire, twilio,
};
use switchboard_actors::frame::Frame;
use switchboard_actors::ids::{ItemId, ResponseId};
use switchboard_actors::realtime::openai::protocol::client::append;
use switchboard_actors::{clock, g711};

fn main() {
    divan::main();
}

/// 20 ms of a caller, as Twilio sends it.
fn media() -> String {
    let payload = base64_simd::STANDARD.encode_to_string(speech(160));
    format!(
        r#"{{"event":"media","sequenceNumber":"4","media":{{"track":"inbound","chunk":"2","timestamp":"20","payload":"{payload}"}},"streamSid":"MZ00000000000000000000000000000001"}}"#
    )
}

/// mu-law that moves like speech.
fn speech(samples: usize) -> Vec<u8> {
    let sample = |n: usize| ((n as f32 * 0.31).sin() * 9_000.0 * (n as f32 * 0.003).sin()) as i16;
    let pcm: Vec<i16> = (0..samples).map(sample).collect();
    let mut bytes = Vec::with_capacity(samples);
    g711::encode(Encoding::MuLaw, &pcm, &mut bytes);
    bytes
}

/// The wire of a stream that has started.
fn wire() -> (Box<dyn Wire>, Outgoing) {
    let start = r#"{"event":"start","streamSid":"MZ1","start":{"callSid":"CA1","mediaFormat":{"encoding":"audio/x-mulaw","sampleRate":8000}}}"#;
    let (mut wire, mut out) = (twilio::CARRIER.wire(), Outgoing::default());
    wire.read(Incoming::Text(start), &mut out).expect("a start");
    (wire, out)
}

fn started(model: AudioFormat) -> (Pipeline, Instant, Vec<AudioAction>) {
    let mut pipeline = Pipeline::new(AudioFormat::MULAW_8K, twilio::CARRIER.capabilities(), Duration::from_millis(400));
    let (now, mut actions) = (clock::now(), Vec::with_capacity(16));
    pipeline
        .handle(AudioEvent::ModelAttached { input: model, output: model }, now, &mut actions)
        .expect("rates are supported");
    (pipeline, now, actions)
}

#[divan::bench]
fn twilio_json_to_frame(bencher: Bencher) {
    let text = media();
    let (mut wire, mut out) = wire();
    bencher.bench_local(|| wire.read(Incoming::Text(black_box(&text)), &mut out));
}

#[divan::bench(args = [(8_000, 24_000, 160), (24_000, 8_000, 480), (8_000, 16_000, 160)])]
fn resample_20_ms(bencher: Bencher, (from, to, samples): (u32, u32, usize)) {
    let mut resampler = Resampler::new(from, to).expect("rates are supported");
    let input: Vec<i16> = (0..samples).map(|n| (n as i16).wrapping_mul(311)).collect();
    let mut out = Vec::with_capacity(1_024);
    bencher.bench_local(|| {
        out.clear();
        resampler.process(black_box(&input), &mut out);
        out.len()
    });
}

/// 20 ms of a caller who speaks, so that every step is measured and classified.
#[divan::bench]
fn detect_speech_20_ms(bencher: Bencher) {
    let mut detector = SpeechDetector::new(DetectorPlan::default(), 8_000).expect("rates are supported");
    let voice = |n: usize| ((n as f32 * 0.11).sin() * 9_000.0 * (n as f32 * 0.002).sin()) as i16;
    let samples: Vec<i16> = (0..80_000).map(voice).collect();
    let mut frames = samples.chunks(160).cycle();
    bencher.bench_local(|| detector.hear(black_box(frames.next().expect("frames without end"))));
}

#[divan::bench]
fn frame_to_append(bencher: Bencher) {
    let audio = vec![7_u8; 960];
    bencher.bench_local(|| append(black_box(42), &audio).len());
}

/// The whole way of 20 ms from the carrier's socket to the model's, without the sockets.
#[divan::bench(args = ["pcm24k", "g711"])]
fn caller_to_model(bencher: Bencher, format: &str) {
    let model = if format == "g711" { AudioFormat::MULAW_8K } else { AudioFormat::PCM_24K };
    let (mut pipeline, mut now, mut actions) = started(model);
    let text = media();
    let (mut wire, mut out) = wire();
    bencher.bench_local(|| {
        let Ok(LineEvent::Audio(CallerFrame { payload, .. })) = wire.read(Incoming::Text(black_box(&text)), &mut out)
        else {
            panic!("a media message")
        };
        let frame = CallerFrame { timestamp: None, payload };
        pipeline.handle(AudioEvent::CallerFrame(frame), now, &mut actions).expect("rates are supported");
        now += Duration::from_millis(20);
        let mut bytes = 0;
        for action in actions.drain(..) {
            if let AudioAction::ToModel(audio) = action {
                bytes += append(1, &audio).len();
            }
        }
        bytes
    });
}

/// The whole way of 100 ms from the model's decoded delta to the carrier's JSON.
#[divan::bench(args = ["pcm24k", "g711"])]
fn model_to_caller(bencher: Bencher, format: &str) {
    let model = if format == "g711" { AudioFormat::MULAW_8K } else { AudioFormat::PCM_24K };
    let (mut pipeline, mut now, mut actions) = started(model);
    let (response, item) = (ResponseId::new("resp_1"), ItemId::new("item_1"));
    let delta: Arc<[u8]> = vec![0x11; 100 * model.bytes_per_ms()].into();
    let (mut wire, mut out) = wire();
    bencher.bench_local(|| {
        let audio = Frame::copy_of(black_box(&delta));
        let event = AudioEvent::ModelAudio { response: response.clone(), item: item.clone(), audio };
        pipeline.handle(event, now, &mut actions).expect("rates are supported");
        now += Duration::from_millis(100);
        let mut echoed = None;
        for action in actions.drain(..) {
            if let AudioAction::ToLine(command) = action {
                out.clear();
                wire.write(&command, &mut out);
                if let LineCommand::Mark(name) = command {
                    echoed = Some(name);
                }
            }
        }
        if let Some(name) = echoed {
            pipeline.handle(AudioEvent::MarkEchoed(name), now, &mut actions).expect("an echo");
            actions.clear();
        }
        pipeline.handle(AudioEvent::Tick, now, &mut actions).expect("time passes");
        actions.clear();
        out.messages().count()
    });
}
