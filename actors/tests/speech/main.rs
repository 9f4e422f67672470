//! The speech detector against a corpus made in code: how soon it notices a caller, and how often
//! it takes something else for one. All times are audio time.
//!
//! The callers are the sentences bundled with the service, at other pitches, speeds and levels, on
//! lines of more or less noise. The classifier was trained on the same sentences with other seeds
//! than those judged here. Voices that it never heard it notices later: trained on three of the
//! languages, it took 200 ms (p95) with the other three. To train it again, after a change of its
//! inputs: `cargo test --release -p switchboard-actors --test speech -- --ignored train`.
//! `SPEECH_SCENES` sets the number of scenes, of training and of judging; `SPEECH_WAV` names a
//! folder of recordings whose speech is to be found.

mod corpus;
mod noises;
mod random;
mod sound;
mod train;
mod voices;

use std::path::Path;

use switchboard_actors::audio::detector::{Change, DetectorPlan, SpeechDetector};

use corpus::Scene;
use noises::KINDS;

/// The first seed of the judged scenes. Training takes those from 0 on.
const JUDGED: u64 = 1_000_000;
/// Most milliseconds until speech is noticed, in 95 of 100 scenes.
const MOST_DELAY_MS: i64 = 150;
/// Most other sounds in a hundred that are taken for speech.
const MOST_WRONG_PERCENT: usize = 1;
/// Samples of a frame of 20 ms.
const FRAME: usize = 160;

/// The number of scenes: as the environment says, or `usual`.
fn scenes(usual: u64) -> u64 {
    std::env::var("SPEECH_SCENES").ok().and_then(|count| count.parse().ok()).unwrap_or(usual)
}

/// The changes in a scene, each with the sample at whose frame's end it was reported.
fn changes(scene: &Scene) -> Vec<(Change, usize)> {
    let mut detector = SpeechDetector::new(DetectorPlan::default(), 8_000).expect("a line's rate");
    let frames = scene.samples.chunks(FRAME).zip(1..);
    frames.filter_map(|(frame, count)| Some((detector.hear(frame)?, count * FRAME))).collect()
}

/// When the caller was noticed first.
fn began(scene: &Scene) -> Option<usize> {
    changes(scene).into_iter().find(|(change, _)| *change == Change::Began).map(|(_, at)| at)
}

/// Milliseconds from the beginning of each caller's speech to its detection, sorted.
fn delays(languages: &[&str], count: u64) -> Vec<i64> {
    let voices = voices::bundled(languages);
    let delay = |seed| {
        let scene = corpus::speech(&voices, JUDGED + seed);
        let (onset, _) = scene.speech.expect("a sentence");
        began(&scene).map_or(i64::MAX, |at| (at as i64 - onset as i64) / 8)
    };
    let mut delays: Vec<i64> = (0..count).map(delay).collect();
    delays.sort_unstable();
    delays
}

fn percentile(sorted: &[i64], percent: usize) -> i64 {
    sorted[(sorted.len() * percent).div_ceil(100).saturating_sub(1)]
}

#[test]
fn speech_is_noticed_soon() {
    for languages in voices::LANGUAGES.chunks(3) {
        let delays = delays(languages, scenes(60));
        let [early, median, late, latest] = [5, 50, 95, 99].map(|percent| percentile(&delays, percent));
        println!("{languages:?}: p5 {early} ms, p50 {median} ms, p95 {late} ms, p99 {latest} ms of {}", delays.len());
        assert!(early >= 0, "noticed before it began, by {early} ms, in {languages:?}");
        assert!(late <= MOST_DELAY_MS, "noticed after {late} ms (p95) in {languages:?}");
        assert!(latest <= 1_000, "noticed after {latest} ms (p99) in {languages:?}");
    }
}

#[test]
fn few_other_sounds_are_taken_for_speech() {
    let (mut wrong, each) = (0, scenes(60));
    for kind in KINDS {
        let taken: Vec<u64> =
            (JUDGED..JUDGED + each).filter(|seed| began(&corpus::noise(kind, *seed)).is_some()).collect();
        println!("{kind:?}: {} of {each}, seeds {taken:?}", taken.len());
        wrong += taken.len();
    }
    let all = KINDS.len() * each as usize;
    assert!(wrong * 100 <= all * MOST_WRONG_PERCENT, "{wrong} of {all} are taken for speech");
}

#[test]
fn a_sentence_is_one_turn_that_ends_after_the_silence() {
    let voices = voices::bundled(&voices::LANGUAGES);
    let (mut whole, count) = (0, scenes(40));
    for seed in JUDGED..JUDGED + count {
        let scene = corpus::speech(&voices, seed);
        let (_, end) = scene.speech.expect("a sentence");
        if let [(Change::Began, _), (Change::Ended, at)] = changes(&scene)[..] {
            let after = (at as i64 - end as i64) / 8;
            whole += u64::from((350..=800).contains(&after));
        }
    }
    assert!(whole * 100 >= count * 95, "{whole} of {count} sentences");
}

#[test]
#[ignore = "needs a folder of recordings: SPEECH_WAV"]
fn recordings() {
    let folder = std::env::var("SPEECH_WAV").expect("SPEECH_WAV names a folder");
    let mut files: Vec<_> = std::fs::read_dir(Path::new(&folder)).expect("a folder").flatten().collect();
    files.sort_by_key(std::fs::DirEntry::path);
    for file in
        files.iter().map(std::fs::DirEntry::path).filter(|file| file.extension().is_some_and(|end| end == "wav"))
    {
        let voice = voices::read(&file);
        let silence = vec![0.0; sound::samples(1.0)];
        let sound = [&silence[..], &voice.sound, &silence].concat();
        let onset = silence.len() + voice.onset;
        let samples = sound::through_the_line(&sound, switchboard_actors::carrier::Encoding::MuLaw);
        let changes = changes(&Scene { samples, speech: None, begins: 0 });
        let times = changes.iter().map(|(change, at)| format!("{change:?} {} ms", (*at as i64 - onset as i64) / 8));
        println!("{}: {}", file.display(), times.collect::<Vec<_>>().join(", "));
    }
}

#[test]
#[ignore = "writes the page of weights"]
fn train_the_classifier() {
    let page = train::page(&voices::bundled(&voices::LANGUAGES), scenes(700));
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/src/audio/detector/classifier/weights.rs");
    std::fs::write(file, page).expect("the page of weights");
}
