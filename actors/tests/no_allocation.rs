//! A frame causes no allocation after the warm-up. The allocator itself counts.
#![expect(unsafe_code, reason = "an allocator that counts is an allocator")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::time::Duration;

use switchboard_actors::audio::action::AudioAction;
use switchboard_actors::audio::detector::{DetectorPlan, SpeechDetector};
use switchboard_actors::audio::pipeline::{AudioEvent, Pipeline};
use switchboard_actors::audio::resample::Resampler;
use switchboard_actors::carrier::{AudioFormat, CallerFrame, LineCommand, twilio};
use switchboard_actors::clock;
use switchboard_actors::frame::Frame;
use switchboard_actors::ids::{ItemId, ResponseId};

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
    static BYTES: Cell<isize> = const { Cell::new(0) };
}

fn count(allocations: usize, bytes: isize) {
    // A thread that is ending still frees memory. It is not the thread that is measured.
    let _ = ALLOCATIONS.try_with(|counter| counter.set(counter.get() + allocations));
    let _ = BYTES.try_with(|counter| counter.set(counter.get() + bytes));
}

// SAFETY: every call is passed to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(1, layout.size() as isize);
        // SAFETY: the caller's guarantee is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        count(0, -(layout.size() as isize));
        // SAFETY: the caller's guarantee is passed on.
        unsafe { System.dealloc(place, layout) }
    }

    unsafe fn realloc(&self, place: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(1, size as isize - layout.size() as isize);
        // SAFETY: the caller's guarantee is passed on.
        unsafe { System.realloc(place, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Allocations of this thread while `work` runs.
fn allocations(work: impl FnOnce()) -> usize {
    let before = ALLOCATIONS.get();
    work();
    ALLOCATIONS.get() - before
}

#[test]
fn resampling_allocates_nothing_from_the_first_frame_on() {
    for (from, to) in [(8_000, 24_000), (24_000, 8_000), (8_000, 16_000), (16_000, 24_000)] {
        let mut resampler = Resampler::new(from, to).expect("rates are supported");
        let (input, mut out) = ([1_000; 960], Vec::with_capacity(8_192));
        let counted = allocations(|| {
            for size in [1, 160, 480, 959, 960] {
                out.clear();
                resampler.process(&input[..size], &mut out);
                resampler.drain(&mut out);
            }
        });
        assert_eq!(counted, 0, "{from} to {to}");
    }
}

#[test]
fn the_speech_detector_allocates_nothing_from_the_first_frame_on() {
    for rate_hz in [8_000, 16_000, 24_000] {
        let mut detector = SpeechDetector::new(DetectorPlan::default(), rate_hz).expect("rates are supported");
        // A loud wave, so that every step is measured and classified.
        let wave = |at: i16| at.wrapping_mul(1_511) / 4;
        let frame: Vec<i16> = (0..rate_hz as i16 / 50).map(wave).collect();
        let counted = allocations(|| {
            for _ in 0..500 {
                detector.hear(&frame);
            }
        });
        assert_eq!(counted, 0, "at {rate_hz} Hz");
    }
}

#[test]
fn a_caller_s_frame_allocates_nothing_once_warm() {
    for model in [AudioFormat::PCM_24K, AudioFormat::MULAW_8K] {
        let mut call = Call::new(model);
        call.caller_frames(10);
        let counted = allocations(|| call.caller_frames(480));
        assert_eq!(counted, 0, "to {model:?}");
        // Every ten seconds a diagnosis is reported: a message, with its findings if there are any.
        let counted = allocations(|| call.caller_frames(500));
        assert!((1..=6).contains(&counted), "{counted} to {model:?}");
    }
}

#[test]
fn an_answer_allocates_its_marks_and_nothing_else_once_warm() {
    for model in [AudioFormat::PCM_24K, AudioFormat::MULAW_8K] {
        let mut call = Call::new(model);
        call.answer(100);
        let marks = call.marks;
        let counted = allocations(|| call.answer(500));
        let marks = call.marks - marks;
        assert!(marks >= 50, "{marks} marks in ten seconds");
        // A mark's name is kept until its echo arrives, beside the copy that is sent. Writing it
        // may need one step of growth.
        assert!(counted <= 4 * marks, "{counted} allocations for {marks} marks, {model:?}");
    }
}

#[test]
fn a_call_s_audio_path_fits_in_48_kib() {
    // The filter belongs to the thread: calls share it, and the first call creates it.
    let first = Call::new(AudioFormat::PCM_24K);
    let before = BYTES.get();
    let mut call = Call::new(AudioFormat::PCM_24K);
    call.caller_frames(10);
    call.answer(50);
    let bytes = BYTES.get() - before;
    assert!(bytes < 48 * 1024, "{bytes} bytes");
    drop(first);
}

#[test]
fn a_call_that_is_paused_again_and_again_keeps_no_more_for_it() {
    let mut call = Call::new(AudioFormat::MULAW_8K);
    let mut pauses = |count| {
        for _ in 0..count {
            call.answer(25);
            call.step(AudioEvent::PausePlayout);
            call.answer(5);
            call.step(AudioEvent::ResumePlayout);
            // A second and a half passes, so that every pause starts from the same state.
            call.now += Duration::from_millis(1_500);
            call.step(AudioEvent::Tick);
            call.now += Duration::from_millis(1_500);
            call.step(AudioEvent::Tick);
        }
    };
    pauses(10);
    let before = BYTES.get();
    pauses(500);
    let grown = BYTES.get() - before;
    assert!(grown < 512, "{grown} bytes more after 500 pauses");
}

/// A running call: caller frames in, the model's 20 ms pieces in, and a carrier that echoes marks
/// at once.
struct Call {
    pipeline: Pipeline,
    actions: Vec<AudioAction>,
    now: std::time::Instant,
    response: ResponseId,
    item: ItemId,
    model_bytes: usize,
    marks: usize,
}

impl Call {
    fn new(model: AudioFormat) -> Self {
        let capabilities = twilio::CARRIER.capabilities();
        let mut pipeline = Pipeline::new(AudioFormat::MULAW_8K, capabilities, Duration::from_millis(400));
        let (now, mut actions) = (clock::now(), Vec::with_capacity(16));
        pipeline
            .handle(AudioEvent::ModelAttached { input: model, output: model }, now, &mut actions)
            .expect("rates are supported");
        let (response, item) = (ResponseId::new("resp_1"), ItemId::new("item_1"));
        Self { pipeline, actions, now, response, item, model_bytes: 20 * model.bytes_per_ms(), marks: 0 }
    }

    fn caller_frames(&mut self, count: usize) {
        for _ in 0..count {
            let mut payload = Frame::with_room(160);
            payload.resize(160, 0x31);
            self.step(AudioEvent::CallerFrame(CallerFrame { timestamp: None, payload }));
            self.now += Duration::from_millis(20);
        }
    }

    fn answer(&mut self, count: usize) {
        for _ in 0..count {
            let mut audio = Frame::with_room(self.model_bytes);
            audio.resize(self.model_bytes, 0x31);
            let (response, item) = (self.response.clone(), self.item.clone());
            self.step(AudioEvent::ModelAudio { response, item, audio });
            self.now += Duration::from_millis(20);
            self.step(AudioEvent::Tick);
        }
    }

    fn step(&mut self, event: AudioEvent) {
        self.pipeline.handle(event, self.now, &mut self.actions).expect("rates are supported");
        let mut echoed = None;
        for action in self.actions.drain(..) {
            if let AudioAction::ToLine(LineCommand::Mark(name)) = action {
                self.marks += 1;
                echoed = Some(name);
            }
        }
        if let Some(name) = echoed {
            self.pipeline.handle(AudioEvent::MarkEchoed(name), self.now, &mut self.actions).expect("an echo");
            self.actions.clear();
        }
    }
}
