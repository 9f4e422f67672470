//! What the caller has heard, compared with a carrier that knows. A simulated phone plays in real
//! time and echoes marks late. The model speaks in a burst or slowly, and the caller interrupts at
//! every 20 ms. Time is virtual and nothing waits.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use crate::carriers::BUFFERS;
use proptest::prelude::*;
use switchboard_actors::audio::action::AudioAction;
use switchboard_actors::audio::pipeline::{AudioEvent, Pipeline};
use switchboard_actors::audio::report::{AudioReport, ItemPlayout};
use switchboard_actors::carrier::{AudioFormat, Capabilities, Clear, LineCommand};
use switchboard_actors::clock;
use switchboard_actors::frame::Frame;
use switchboard_actors::ids::{ItemId, ResponseId};

const STEP: Duration = Duration::from_millis(5);
/// Samples of an 8 kHz line in one step.
const STEP_SAMPLES: usize = 40;
const PACED: Capabilities = Capabilities { clear: Clear::Sure { late: Duration::ZERO }, ..crate::carriers::PACED };

#[test]
fn an_interrupted_burst_is_cut_within_40_ms_of_what_the_phone_played() {
    let script = Script { deltas: deltas(100, 100, |_| 0), ..Script::mulaw() };
    sweep(&script, 20);
}

#[test]
fn an_answer_slower_than_speech_with_gaps_is_cut_as_exactly() {
    let script = Script { deltas: deltas(100, 100, |n| n * 130 + n / 7 * 400), ..Script::mulaw() };
    sweep(&script, 40);
}

#[test]
fn an_answer_at_the_pace_of_speech_is_cut_as_exactly() {
    let script = Script { deltas: deltas(500, 20, |n| n * 20 + n % 3 * 5), ..Script::mulaw() };
    sweep(&script, 60);
}

#[test]
fn two_items_of_one_answer_keep_their_own_counts() {
    let mut deltas = deltas(100, 100, |n| n * 2);
    deltas.iter_mut().skip(37).for_each(|delta| delta.item = "item_b");
    sweep(&Script { deltas, ..Script::mulaw() }, 60);
}

#[test]
fn a_resampled_answer_is_cut_as_exactly() {
    let script = Script { deltas: deltas(40, 100, |n| n * 5), format: AudioFormat::PCM_24K, ..Script::mulaw() };
    sweep(&script, 500);
}

#[test]
fn a_carrier_that_we_pace_is_cut_as_exactly() {
    let script = Script { deltas: deltas(100, 100, |_| 0), capabilities: &PACED, ..Script::mulaw() };
    for at in (0..10_500).step_by(60) {
        let cut = Run::new(&script, 0).interrupted_at(Duration::from_millis(at));
        assert!(cut.worst <= 40.0, "interrupted at {at} ms: {cut:?}");
    }
}

#[test]
fn an_uninterrupted_answer_is_heard_whole_and_in_order() {
    for format in [AudioFormat::MULAW_8K, AudioFormat::PCM_24K] {
        for capabilities in [&BUFFERS, &PACED] {
            for gaps in [0, 130] {
                let mut deltas = deltas(20, 100, |n| n * gaps);
                deltas.iter_mut().skip(9).for_each(|delta| delta.item = "item_b");
                let script = Script { deltas, format, capabilities };
                let mut run = Run::new(&script, 100);
                run.play(Duration::from_secs(6));
                let names: Vec<_> = run.reports.iter().map(name_of).collect();
                let expected = [
                    "started item_a",
                    "started item_b",
                    "first heard item_a",
                    "first heard item_b",
                    "heard item_a",
                    "heard item_b",
                    "drained",
                ];
                let mut sorted = names.clone();
                sorted.sort_by_key(|name| expected.iter().position(|known| known == name));
                assert_eq!(sorted, expected, "{format:?}, {}, gaps {gaps}: {names:?}", capabilities.name);
                assert_eq!(names.last().map(String::as_str), Some("drained"));
                for report in &run.reports {
                    if let AudioReport::ItemHeard(whole) = report {
                        assert_eq!(whole.heard, whole.received);
                        let expected = if whole.item.as_str() == "item_a" { 900 } else { 1_100 };
                        assert_eq!(whole.received, Duration::from_millis(expected));
                    }
                }
            }
        }
    }
}

#[test]
fn the_end_is_not_reported_before_the_phone_has_played_it() {
    for capabilities in [&BUFFERS, &PACED] {
        for delay in [0, 300] {
            let script = Script { deltas: deltas(10, 100, |_| 0), capabilities, ..Script::mulaw() };
            let mut run = Run::new(&script, delay);
            while !run.reports.iter().any(|report| matches!(report, AudioReport::ItemHeard(_))) {
                run.step();
                assert!(run.elapsed() < Duration::from_secs(3), "the end was never reported");
            }
            assert_eq!(run.phone.played, 8_000, "{} with echoes {delay} ms late", capabilities.name);
        }
    }
}

#[test]
fn a_lost_end_mark_is_made_up_for_by_the_clock() {
    let script = Script { deltas: deltas(10, 100, |_| 0), ..Script::mulaw() };
    let mut run = Run::new(&script, 3_600_000);
    run.play(Duration::from_secs(3));
    let names: Vec<_> = run.reports.iter().map(name_of).collect();
    assert_eq!(names, ["started item_a", "first heard item_a", "heard item_a", "drained"]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn any_delivery_any_echo_and_any_moment_are_cut_within_40_ms(
        pieces in prop::collection::vec((1_usize..4_000, 0_usize..400), 1..40),
        echo in 0_u64..400,
        at in 0_u64..6_000,
        paced in any::<bool>(),
    ) {
        let mut due = 0;
        let deltas = pieces.iter().map(|&(bytes, gap)| {
            due += gap;
            // The phone cannot tell padding from speech. If frames are padded, the pieces are
            // therefore whole frames.
            let bytes = if paced { bytes.next_multiple_of(160) } else { bytes };
            Delta { due: Duration::from_millis(due as u64), bytes, item: "item_a" }
        });
        let capabilities = if paced { &PACED } else { &BUFFERS };
        let script = Script { deltas: deltas.collect(), capabilities, ..Script::mulaw() };
        let mut run = Run::new(&script, echo);
        let cut = run.interrupted_at(Duration::from_millis(at));
        prop_assert!(cut.worst <= 40.0, "{cut:?}");
        run.play(Duration::from_secs(2));
        prop_assert_eq!(run.phone.received_after_clear, 0);
    }
}

/// Interrupts at every multiple of `every` ms of the answer, with echoes that are 0, 100 and 300 ms
/// late.
fn sweep(script: &Script, every: usize) {
    let length = 1_000 + script.deltas.last().expect("an answer").due.as_millis() as usize;
    let mut errors = vec![];
    for echo in [0, 100, 300] {
        for at in (0..length.max(10_500)).step_by(every) {
            let mut run = Run::new(script, echo);
            let cut = run.interrupted_at(Duration::from_millis(at as u64));
            run.play(Duration::from_millis(500));
            assert_eq!(run.phone.received_after_clear, 0, "audio after the clear, interrupted at {at} ms");
            errors.push(cut.worst);
        }
    }
    errors.sort_by(f64::total_cmp);
    let p99 = errors[errors.len() * 99 / 100];
    assert!(p99 <= 40.0, "p99 of {} interruptions is {p99:.1} ms, the worst {:?}", errors.len(), errors.last());
}

/// `count` pieces of `length_ms` mu-law; the `n`th one is due at `due(n)` ms.
fn deltas(count: usize, length_ms: usize, due: impl Fn(usize) -> usize) -> Vec<Delta> {
    (0..count)
        .map(|n| Delta { due: Duration::from_millis(due(n) as u64), bytes: length_ms * 8, item: "item_a" })
        .collect()
}

fn name_of(report: &AudioReport) -> String {
    match report {
        AudioReport::PlayoutStarted { item, .. } => format!("started {item}"),
        AudioReport::ItemHeard(whole) => format!("heard {}", whole.item),
        AudioReport::PlayoutDrained => "drained".to_owned(),
        AudioReport::Interrupted(_) => "interrupted".to_owned(),
        AudioReport::PlayoutOverflowed { item } => format!("overflowed {item}"),
        AudioReport::TurnSpoken { by_person } => format!("spoken by a person: {by_person}"),
        AudioReport::FramesDropped(frames) => format!("dropped {frames}"),
        AudioReport::FirstHeard { item, .. } => format!("first heard {item}"),
        AudioReport::Queued { remaining } => format!("queued {}", remaining.as_millis()),
        AudioReport::LastVoice { ago } => format!("last voice {}", ago.as_millis()),
        AudioReport::SpeechCompared(opinion) => format!("compared {}", opinion.word()),
        AudioReport::Diagnosed(diagnosis) => format!("diagnosed {}", diagnosis.verdict),
    }
}

/// What the model says, and when.
struct Script {
    deltas: Vec<Delta>,
    format: AudioFormat,
    capabilities: &'static Capabilities,
}

struct Delta {
    due: Duration,
    /// Bytes of mu-law. Other formats need more bytes for the same duration.
    bytes: usize,
    item: &'static str,
}

impl Script {
    fn mulaw() -> Self {
        Self { deltas: vec![], format: AudioFormat::MULAW_8K, capabilities: &BUFFERS }
    }
}

/// A phone that plays in real time while it has audio, and echoes marks when it reaches them.
#[derive(Default)]
struct Phone {
    buffer: VecDeque<Queued>,
    played: usize,
    reached: Vec<String>,
    cleared: bool,
    received_after_clear: usize,
}

enum Queued {
    Audio(usize),
    Mark(String),
}

impl Phone {
    fn hear(&mut self, command: LineCommand) {
        match command {
            LineCommand::Play(frame) => {
                if self.cleared {
                    self.received_after_clear += frame.len();
                }
                self.buffer.push_back(Queued::Audio(frame.len()));
            }
            LineCommand::Mark(name) => self.buffer.push_back(Queued::Mark(name)),
            LineCommand::Clear => {
                self.cleared = true;
                for queued in self.buffer.drain(..) {
                    if let Queued::Mark(name) = queued {
                        self.reached.push(name);
                    }
                }
            }
            LineCommand::HangUp | LineCommand::Close => unreachable!("the audio path never closes the line"),
        }
        self.reach_marks();
    }

    fn play(&mut self, mut samples: usize) {
        while samples > 0
            && let Some(Queued::Audio(left)) = self.buffer.front_mut()
        {
            let now = samples.min(*left);
            (*left, samples, self.played) = (*left - now, samples - now, self.played + now);
            if *left == 0 {
                self.buffer.pop_front();
            }
            self.reach_marks();
        }
    }

    fn reach_marks(&mut self) {
        while let Some(Queued::Mark(_)) = self.buffer.front() {
            if let Some(Queued::Mark(name)) = self.buffer.pop_front() {
                self.reached.push(name);
            }
        }
    }
}

/// One call that runs in steps.
struct Run<'a> {
    script: &'a Script,
    pipeline: Pipeline,
    phone: Phone,
    echo_delay: Duration,
    echoes: VecDeque<(Instant, String)>,
    reports: Vec<AudioReport>,
    /// Samples of each item that were passed to the pipeline, in the order of the items.
    given: Vec<(&'static str, usize)>,
    next: usize,
    began: Instant,
    now: Instant,
    response: ResponseId,
}

#[derive(Debug)]
struct Cut {
    /// The largest error of an item, in ms.
    worst: f64,
}

impl<'a> Run<'a> {
    fn new(script: &'a Script, echo_delay_ms: u64) -> Self {
        let mut pipeline = Pipeline::new(AudioFormat::MULAW_8K, script.capabilities, Duration::from_millis(400));
        let now = clock::now();
        let attached = AudioEvent::ModelAttached { input: script.format, output: script.format };
        pipeline.handle(attached, now, &mut vec![]).expect("rates are supported");
        Self {
            script,
            pipeline,
            phone: Phone::default(),
            echo_delay: Duration::from_millis(echo_delay_ms),
            echoes: VecDeque::new(),
            reports: vec![],
            given: vec![],
            next: 0,
            began: now,
            now,
            response: ResponseId::new("resp_1"),
        }
    }

    fn elapsed(&self) -> Duration {
        self.now - self.began
    }

    fn play(&mut self, time: Duration) {
        let until = self.now + time;
        while self.now < until {
            self.step();
        }
    }

    fn step(&mut self) {
        while let Some(delta) = self.script.deltas.get(self.next).filter(|delta| delta.due <= self.elapsed()) {
            self.next += 1;
            self.give(delta);
        }
        while self.echoes.front().is_some_and(|(due, _)| *due <= self.now)
            && let Some((_, name)) = self.echoes.pop_front()
        {
            self.handle(AudioEvent::MarkEchoed(name));
        }
        if self.pipeline.deadline().is_some_and(|(due, _)| due <= self.now) {
            self.handle(AudioEvent::Tick);
        }
        self.now += STEP;
        self.phone.play(STEP_SAMPLES);
        self.collect_echoes();
    }

    fn give(&mut self, delta: &Delta) {
        match self.given.last_mut() {
            Some((item, samples)) if *item == delta.item => *samples += delta.bytes,
            Some(_) | None => self.given.push((delta.item, delta.bytes)),
        }
        let bytes = delta.bytes * self.script.format.bytes_per_ms() / 8;
        let audio = Frame::copy_of(&vec![0x55; bytes]);
        let (response, item) = (self.response.clone(), ItemId::new(delta.item));
        self.handle(AudioEvent::ModelAudio { response, item, audio });
        let followed = self.script.deltas.get(self.next).is_some_and(|next| next.item == delta.item);
        if !followed {
            self.handle(AudioEvent::ItemComplete(ItemId::new(delta.item)));
        }
    }

    fn handle(&mut self, event: AudioEvent) {
        let mut actions = vec![];
        self.pipeline.handle(event, self.now, &mut actions).expect("rates are supported");
        for action in actions {
            match action {
                AudioAction::ToLine(command) => self.phone.hear(command),
                AudioAction::Report(report) => self.reports.push(report),
                AudioAction::ToModel(_)
                | AudioAction::Record(_)
                | AudioAction::Overhear(_)
                | AudioAction::CountDrops { .. } => {}
            }
        }
        self.collect_echoes();
    }

    fn collect_echoes(&mut self) {
        let due = self.now + self.echo_delay;
        self.echoes.extend(self.phone.reached.drain(..).map(|name| (due, name)));
    }

    /// Plays until `at`, interrupts, and compares the report with what the phone has played by
    /// then.
    fn interrupted_at(&mut self, at: Duration) -> Cut {
        self.play(at);
        let played = self.phone.played;
        let heard_before: Vec<String> = self.heard_items();
        self.handle(AudioEvent::ClearPlayout(Some(self.response.clone())));
        let mut worst = 0.0_f64;
        let cut: BTreeMap<String, ItemPlayout> = self
            .reports
            .iter()
            .find_map(|report| match report {
                AudioReport::Interrupted(cut) => Some(cut),
                AudioReport::PlayoutStarted { .. }
                | AudioReport::ItemHeard(_)
                | AudioReport::PlayoutDrained
                | AudioReport::PlayoutOverflowed { .. }
                | AudioReport::FramesDropped(_)
                | AudioReport::FirstHeard { .. }
                | AudioReport::Queued { .. }
                | AudioReport::LastVoice { .. }
                | AudioReport::SpeechCompared(_)
                | AudioReport::TurnSpoken { .. }
                | AudioReport::Diagnosed(_) => None,
            })
            .expect("an interruption is answered")
            .iter()
            .map(|item| (item.item.to_string(), item.clone()))
            .collect();
        let mut start = 0;
        for (item, samples) in &self.given {
            let truth = played.saturating_sub(start).min(*samples) as f64 / 8.0;
            let received = Duration::from_micros(*samples as u64 * 125);
            let heard = match cut.get(*item) {
                Some(cut) => {
                    assert_eq!(cut.received, received);
                    assert!(cut.heard <= cut.received);
                    cut.heard
                }
                None => {
                    assert!(self.heard_items().iter().any(|known| known == item), "{item} is neither cut nor heard");
                    received
                }
            };
            if !heard_before.iter().any(|known| known == item) {
                worst = worst.max((heard.as_secs_f64() * 1_000.0 - truth).abs());
            }
            start += samples;
        }
        Cut { worst }
    }

    fn heard_items(&self) -> Vec<String> {
        let heard = self.reports.iter().filter_map(|report| match report {
            AudioReport::ItemHeard(whole) => Some(whole.item.to_string()),
            AudioReport::PlayoutStarted { .. }
            | AudioReport::Interrupted(_)
            | AudioReport::PlayoutDrained
            | AudioReport::PlayoutOverflowed { .. }
            | AudioReport::FramesDropped(_)
            | AudioReport::FirstHeard { .. }
            | AudioReport::Queued { .. }
            | AudioReport::LastVoice { .. }
            | AudioReport::SpeechCompared(_)
            | AudioReport::TurnSpoken { .. }
            | AudioReport::Diagnosed(_) => None,
        });
        heard.collect()
    }
}
