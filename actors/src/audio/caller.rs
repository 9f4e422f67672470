//! The caller's direction: line frames become the model's audio, without a hole. Pure.
//!
//! - A model that takes the line's own format gets the line's bytes as they are.
//! - Until a model is attached the newest two seconds are held: what a caller says while the model connects is not lost, and what
//!   is older is not worth answering.
//! - A carrier may send nothing for a while (hold, comfort noise, loss). Its timestamps tell how much is missing, and that much
//!   silence is put in: the model measures the call, and the caller's pauses, by the audio it is given.
//! - If the carrier goes quiet while the caller's turn is open, silence comes before any timestamp can ask for it, or the turn
//!   would never end. The timestamps that come later find it already counted.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::action::{AudioAction, AudioTimer, DropCause};
use super::diagnosis::FormatDetector;
use super::level::{Gain, Level};
use super::resample::{ResampleError, Resampler};
use super::scratch::Scratch;
use super::voice::VoiceGate;
use crate::audio::report::AudioReport;
use crate::carrier::{AudioFormat, CallerFrame, Encoding};
use crate::frame::Frame;
use crate::g711;
use crate::recording::tape::Tape;

/// The caller's direction of one call.
#[derive(Debug)]
pub struct CallerPath {
    line: AudioFormat,
    /// `None` while no model is attached.
    model: Option<Converter>,
    /// Line audio held for the model to come.
    held: VecDeque<u8>,
    /// The first half of a PCM16 sample whose second half is in the next frame.
    half: Option<u8>,
    /// Where the carrier's clock should stand at the next frame.
    expected: Option<Duration>,
    /// What the model's end is told to level to.
    gain: Gain,
    /// Whether the line is what it says it is.
    detector: FormatDetector,
    /// When the caller was last heard.
    voice: VoiceGate,
    /// The caller's turn is open by the model's word.
    turn_open: bool,
    /// When the carrier counts as stalled, should nothing come; and how much silence this stall was given.
    stall: Option<(Instant, Duration)>,
}

/// From the line's format to the model's.
#[derive(Debug)]
struct Converter {
    line: AudioFormat,
    model: AudioFormat,
    level: Level,
    resampler: Resampler,
}

impl CallerPath {
    /// A path that holds what comes until a model is attached.
    pub fn new(line: AudioFormat, detector: FormatDetector) -> Self {
        let (held, voice) = (VecDeque::new(), VoiceGate::new(line));
        Self {
            line,
            model: None,
            held,
            half: None,
            expected: None,
            gain: Gain::OFF,
            detector,
            voice,
            turn_open: false,
            stall: None,
        }
    }

    /// A model that takes `format` is there: what was held goes to it, in order, then all that follows.
    ///
    /// # Errors
    /// When the rates are none of ours; then audio is held as before.
    pub fn attach(&mut self, format: AudioFormat, out: &mut Vec<AudioAction>) -> Result<(), ResampleError> {
        self.model = Some(Converter::new(self.line, format, self.gain)?);
        let held = std::mem::take(&mut self.held);
        let (front, back) = held.as_slices();
        for half in [front, back] {
            self.forward(half, out);
        }
        Ok(())
    }

    /// Moves to `gain`.
    pub fn level(&mut self, gain: Gain) {
        self.gain = gain;
        if let Some(converter) = &mut self.model {
            converter.level.move_to(gain);
        }
    }

    /// A wrong format of the line is put right from now on.
    pub fn correct(&mut self) {
        self.detector.correct();
    }

    /// The line is examined again.
    pub fn examine_again(&mut self) {
        self.detector.examine_again();
    }

    /// The model is gone: audio is held again.
    pub fn detach(&mut self) {
        self.model = None;
        self.turn(false, None);
    }

    /// The format of the line's frames.
    pub fn line(&self) -> AudioFormat {
        self.line
    }

    /// A frame from the line; `tape` records it.
    pub fn frame(&mut self, mut frame: CallerFrame, now: Instant, tape: Option<&mut Tape>, out: &mut Vec<AudioAction>) {
        self.join_samples(&mut frame.payload);
        if let Some(diagnosis) = self.detector.hear(&mut frame, now) {
            out.push(AudioAction::Report(AudioReport::Diagnosed(Box::new(diagnosis))));
        }
        if let Some(tape) = tape {
            tape.caller(&frame.payload, frame.timestamp, now);
        }
        self.voice.hear(&frame.payload, now);
        self.pad_gap(&frame, out);
        if self.model.as_ref().is_some_and(Converter::is_plain) && frame.payload.len() <= self.largest_piece() {
            if !frame.payload.is_empty() {
                out.push(AudioAction::ToModel(frame.payload));
            }
        } else {
            self.forward(&frame.payload, out);
        }
        if self.turn_open {
            self.stall = Some((now + STALL_AFTER, Duration::ZERO));
        }
    }

    /// The model says that the caller's turn began or ended. At its end it is told when the caller was last heard.
    pub fn caller_turn(&mut self, open: bool, now: Instant, out: &mut Vec<AudioAction>) {
        self.turn(open, Some(now));
        if let Some(ago) = self.voice.last_voice(now).filter(|_| !open) {
            out.push(AudioAction::Report(AudioReport::LastVoice { ago }));
        }
    }

    /// Gives silence if the carrier has stalled in an open turn.
    pub fn poll(&mut self, now: Instant, out: &mut Vec<AudioAction>) {
        if let Some((due, given)) = self.stall.filter(|(due, _)| *due <= now) {
            self.pad(STALL_SILENCE, out);
            let given = given + STALL_SILENCE;
            self.stall = (given < MOST_PADDED).then_some((due + STALL_SILENCE, given));
        }
    }

    /// When [`Self::poll`] is wanted next.
    pub fn deadline(&self) -> Option<(Instant, AudioTimer)> {
        self.stall.map(|(due, _)| (due, AudioTimer::Stall))
    }

    fn turn(&mut self, open: bool, now: Option<Instant>) {
        self.turn_open = open;
        self.stall = now.filter(|_| open && self.model.is_some()).map(|now| (now + STALL_AFTER, Duration::ZERO));
    }

    /// Keeps samples whole where a carrier cut one in two.
    fn join_samples(&mut self, payload: &mut Frame) {
        if self.line.encoding != Encoding::Pcm16 {
            return;
        }
        if let Some(half) = self.half.take() {
            payload.insert(0, half);
        }
        if payload.len() % 2 == 1 {
            self.half = payload.pop();
        }
    }

    /// Silence for what the carrier's clock says is missing before `frame`.
    fn pad_gap(&mut self, frame: &CallerFrame, out: &mut Vec<AudioAction>) {
        let length = self.line.duration_of(frame.payload.len());
        let Some(timestamp) = frame.timestamp else {
            self.expected = self.expected.map(|expected| expected + length);
            return;
        };
        let expected = self.expected.unwrap_or(timestamp);
        let gap = timestamp.saturating_sub(expected);
        let reset = gap > MOST_PADDED || expected.saturating_sub(timestamp) > MOST_PADDED;
        if gap >= SMALLEST_GAP {
            self.pad(gap.min(MOST_PADDED), out);
        }
        // A clock that jumped is followed; one that merely jitters is not, or its jitter would add up as silence.
        let base = if reset { timestamp } else { self.expected.unwrap_or(timestamp) };
        self.expected = Some(base + length);
    }

    /// Silence of `length`, to wherever audio goes now.
    fn pad(&mut self, length: Duration, out: &mut Vec<AudioAction>) {
        self.expected = self.expected.map(|expected| expected + length);
        // A hold is not flushed out by more silence than it can hold.
        let length = if self.model.is_some() { length } else { length.min(MOST_HELD) };
        let mut left = length.as_millis() as usize * self.line.bytes_per_ms();
        let piece = left.min(self.largest_piece());
        let mut silence = Frame::with_room(piece);
        silence.resize(piece, self.line.encoding.silence());
        while left > 0 {
            let piece = left.min(silence.len());
            self.forward(&silence[..piece], out);
            left -= piece;
        }
    }

    /// Line bytes to the model, in pieces, or into the hold.
    fn forward(&mut self, bytes: &[u8], out: &mut Vec<AudioAction>) {
        let largest = self.largest_piece();
        match &mut self.model {
            Some(converter) => {
                for piece in bytes.chunks(largest) {
                    converter.convert(piece, out);
                }
            }
            None => self.hold(bytes, out),
        }
    }

    fn hold(&mut self, bytes: &[u8], out: &mut Vec<AudioAction>) {
        let most = MOST_HELD.as_millis() as usize * self.line.bytes_per_ms();
        let newest = &bytes[bytes.len().saturating_sub(most)..];
        let too_old = (self.held.len() + newest.len()).saturating_sub(most);
        self.held.drain(..too_old);
        self.held.extend(newest);
        let lost = too_old + bytes.len() - newest.len();
        if lost > 0 {
            let frame = 20 * self.line.bytes_per_ms();
            out.push(AudioAction::CountDrops { cause: DropCause::NotAttached, frames: lost.div_ceil(frame) as u64 });
        }
    }

    fn largest_piece(&self) -> usize {
        LARGEST_PIECE.as_millis() as usize * self.line.bytes_per_ms()
    }
}

impl Converter {
    fn new(line: AudioFormat, model: AudioFormat, gain: Gain) -> Result<Self, ResampleError> {
        let resampler = Resampler::new(line.rate_hz, model.rate_hz)?;
        let level = Level::new(gain, line.rate_hz);
        Ok(Self { line, model, level, resampler })
    }

    /// The model takes the line's own bytes, as they are.
    fn is_plain(&self) -> bool {
        self.line == self.model && self.level.is_off()
    }

    fn convert(&mut self, bytes: &[u8], out: &mut Vec<AudioAction>) {
        let mut frame = Frame::with_room(bytes.len() * self.model.bytes_per_ms() / self.line.bytes_per_ms());
        if self.is_plain() {
            frame.extend_from_slice(bytes);
        } else {
            for bytes in bytes.chunks(CONVERTED_AT_ONCE.as_millis() as usize * self.line.bytes_per_ms()) {
                Scratch::lend(|Scratch { narrow, wide, .. }| {
                    g711::decode(self.line.encoding, bytes, narrow);
                    self.level.process(narrow);
                    self.resampler.process(narrow, wide);
                    g711::encode(self.model.encoding, wide, &mut frame);
                });
            }
        }
        if !frame.is_empty() {
            out.push(AudioAction::ToModel(frame));
        }
    }
}

/// Caller audio held for a model to come. Less: a caller who speaks first is cut. More: the model answers stale words.
const MOST_HELD: Duration = Duration::from_secs(2);
/// Largest piece given to the model at once. Larger: the hold is flushed in fewer messages, but one burst is one event to decode.
const LARGEST_PIECE: Duration = Duration::from_millis(200);
/// Line audio converted at once: a usual frame. Larger: a flushed hold's size stays in the buffers.
const CONVERTED_AT_ONCE: Duration = Duration::from_millis(20);
/// A smaller step of the carrier's clock is jitter. It is one usual frame: the least that can have been lost.
const SMALLEST_GAP: Duration = Duration::from_millis(20);
/// Most silence for one gap or one stall. More would be paid for as input audio and tell the model nothing new.
const MOST_PADDED: Duration = Duration::from_secs(10);
/// Silence of the carrier that counts as a stall in an open turn. Shorter: a network hiccup ends a turn. Longer: the caller waits.
const STALL_AFTER: Duration = Duration::from_millis(750);
/// Silence given at once in a stall; then again for as long as it lasts. Shorter than the model's own end-of-turn silence would not
/// end the turn at the first go.
const STALL_SILENCE: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn a_model_that_takes_the_line_s_format_gets_its_bytes() {
        let mut path = Path::attached(AudioFormat::MULAW_8K, AudioFormat::MULAW_8K);
        let frame: Vec<u8> = (0..160).map(|n| n as u8).collect();
        path.frame(None, &frame);
        assert_eq!(path.given(), frame);
    }

    #[test]
    fn a_frame_of_mulaw_becomes_a_frame_of_pcm() {
        let mut path = Path::attached(AudioFormat::MULAW_8K, AudioFormat::PCM_24K);
        path.frame(None, &[0x31; 160]);
        assert_eq!(path.given().len(), 960);
    }

    #[test]
    fn the_newest_two_seconds_wait_for_the_model_and_arrive_in_order() {
        let mut path = Path::new(AudioFormat::MULAW_8K);
        for n in 0..150 {
            path.frame(None, &[n; 160]);
        }
        assert_eq!(path.frames_lost(), 50);
        path.attach(AudioFormat::MULAW_8K);
        path.frame(None, &[150; 160]);
        let pieces = path.pieces();
        assert!(pieces.iter().all(|&bytes| bytes <= 1_600), "{pieces:?}");
        let expected: Vec<u8> = (50..=150).flat_map(|n| [n; 160]).collect();
        assert_eq!(path.given(), expected);
    }

    #[test]
    fn audio_is_held_again_when_the_model_is_gone() {
        let mut path = Path::attached(AudioFormat::MULAW_8K, AudioFormat::MULAW_8K);
        path.path.detach();
        path.frame(None, &[7; 160]);
        assert!(path.given().is_empty());
        path.attach(AudioFormat::MULAW_8K);
        assert_eq!(path.given(), [7; 160]);
    }

    #[test]
    fn audio_missing_by_the_carrier_s_clock_is_silence() {
        let mut path = Path::attached(AudioFormat::MULAW_8K, AudioFormat::MULAW_8K);
        path.frame(Some(40), &[7; 160]);
        path.frame(Some(60), &[7; 160]);
        path.frame(Some(580), &[7; 160]);
        path.frame(Some(600), &[7; 160]);
        let mut expected = vec![7; 320];
        expected.extend([0xFF; 500 * 8]);
        expected.extend([7; 320]);
        assert_eq!(path.given(), expected);
    }

    #[test]
    fn a_lost_frame_is_filled_and_jitter_is_not() {
        let mut path = Path::attached(AudioFormat::MULAW_8K, AudioFormat::MULAW_8K);
        for timestamp in [0, 25, 35, 65, 85, 119, 120] {
            path.frame(Some(timestamp), &[7; 160]);
        }
        assert_eq!(path.given().len(), 7 * 160, "within a frame of where it should be");
        path.frame(Some(160), &[7; 160]);
        assert_eq!(path.given().len(), 320, "140 was lost");
    }

    #[test]
    fn a_gap_is_filled_with_ten_seconds_at_most_and_the_new_clock_is_followed() {
        let mut path = Path::attached(AudioFormat::MULAW_8K, AudioFormat::MULAW_8K);
        path.frame(Some(0), &[7; 160]);
        path.frame(Some(3_600_000), &[7; 160]);
        assert_eq!(path.given().len(), 160 + 80_000 + 160);
        path.frame(Some(3_600_020), &[7; 160]);
        assert_eq!(path.given().len(), 160);
        path.frame(Some(0), &[7; 160]);
        path.frame(Some(20), &[7; 160]);
        path.frame(Some(60), &[7; 160]);
        assert_eq!(path.given().len(), 640, "a clock that began again is followed as well");
    }

    #[test]
    fn a_stall_in_an_open_turn_is_silence_until_the_turn_ends() {
        let mut path = Path::attached(AudioFormat::MULAW_8K, AudioFormat::MULAW_8K);
        path.path.caller_turn(true, path.now, &mut path.out);
        path.frame(Some(0), &[7; 160]);
        path.pass(749 * MS);
        assert_eq!(path.given().len(), 160);
        path.pass(MS);
        assert_eq!(path.given(), [0xFF; 8_000]);
        path.pass(1_000 * MS);
        assert_eq!(path.given(), [0xFF; 8_000]);
        path.path.caller_turn(false, path.now, &mut path.out);
        path.pass(60_000 * MS);
        assert!(path.given().is_empty());
        assert_eq!(path.path.deadline(), None);
        path.frame(Some(2_400), &[7; 160]);
        assert_eq!(path.given().len(), 380 * 8 + 160, "the silence given already is not given twice");
    }

    #[test]
    fn a_stall_is_given_ten_seconds_at_most() {
        let mut path = Path::attached(AudioFormat::MULAW_8K, AudioFormat::MULAW_8K);
        path.path.caller_turn(true, path.now, &mut path.out);
        for _ in 0..100 {
            path.pass(1_000 * MS);
        }
        assert_eq!(path.given().len(), 80_000);
    }

    #[test]
    fn a_stall_outside_a_turn_is_left_alone() {
        let mut path = Path::attached(AudioFormat::MULAW_8K, AudioFormat::MULAW_8K);
        path.frame(Some(0), &[7; 160]);
        path.pass(5_000 * MS);
        assert_eq!(path.given().len(), 160);
    }

    #[test]
    fn a_level_is_for_every_model_and_off_it_is_gone() {
        for model in [AudioFormat::MULAW_8K, AudioFormat::PCM_24K] {
            let mut path = Path::attached(AudioFormat::MULAW_8K, model);
            path.path.level(Gain::decibels(6.020_6).expect("a gain"));
            for _ in 0..5 {
                path.frame(None, &[g711::encode_mulaw(1_000); 160]);
            }
            let mut samples = vec![];
            g711::decode(model.encoding, &path.given(), &mut samples);
            let last = samples[samples.len() - 100];
            assert!((1_900..2_100).contains(&last), "{model:?}: {last}");
        }
        let mut path = Path::attached(AudioFormat::MULAW_8K, AudioFormat::MULAW_8K);
        path.path.level(Gain::decibels(6.0).expect("a gain"));
        path.path.level(Gain::OFF);
        path.frame(None, &[0x31; 160]);
        path.given();
        // Both zeros of mu-law are one sample, so only what was not touched keeps them apart.
        path.frame(None, &[0x7F; 160]);
        assert_eq!(path.given(), [0x7F; 160]);
    }

    #[test]
    fn a_sample_cut_in_two_is_joined() {
        for model in [AudioFormat::PCM_8K, AudioFormat::MULAW_8K] {
            let samples: Vec<u8> = (0..320).map(|n| n as u8).collect();
            let mut whole = Path::attached(AudioFormat::PCM_8K, model);
            whole.frame(None, &samples);
            let mut cut = Path::attached(AudioFormat::PCM_8K, model);
            for piece in samples.chunks(33) {
                cut.frame(None, piece);
            }
            assert_eq!(cut.given(), whole.given());
        }
    }

    #[test]
    fn a_very_long_frame_reaches_the_model_in_pieces() {
        let mut path = Path::attached(AudioFormat::MULAW_8K, AudioFormat::MULAW_8K);
        path.frame(None, &[7; 5_000]);
        assert_eq!(path.pieces(), [1_600, 1_600, 1_600, 200]);
    }

    #[test]
    fn an_unknown_rate_is_refused() {
        let detector = FormatDetector::new(AudioFormat::MULAW_8K, "twilio");
        let mut path = CallerPath::new(AudioFormat::MULAW_8K, detector);
        let format = AudioFormat { rate_hz: 44_100, ..AudioFormat::PCM_24K };
        assert_eq!(path.attach(format, &mut vec![]), Err(ResampleError::UnsupportedRate(44_100)));
    }

    struct Path {
        path: CallerPath,
        out: Vec<AudioAction>,
        now: Instant,
    }

    impl Path {
        fn new(line: AudioFormat) -> Self {
            Self { path: CallerPath::new(line, FormatDetector::new(line, "twilio")), out: vec![], now: clock::now() }
        }

        fn attached(line: AudioFormat, model: AudioFormat) -> Self {
            let mut path = Self::new(line);
            path.attach(model);
            path
        }

        fn attach(&mut self, model: AudioFormat) {
            self.path.attach(model, &mut self.out).expect("rates are supported");
        }

        fn frame(&mut self, timestamp_ms: Option<u64>, bytes: &[u8]) {
            let timestamp = timestamp_ms.map(Duration::from_millis);
            let frame = CallerFrame { timestamp, payload: Frame::copy_of(bytes) };
            self.path.frame(frame, self.now, None, &mut self.out);
        }

        fn pass(&mut self, time: Duration) {
            self.now += time;
            self.path.poll(self.now, &mut self.out);
        }

        fn pieces(&self) -> Vec<usize> {
            let pieces = self.out.iter().filter_map(|action| match action {
                AudioAction::ToModel(frame) => Some(frame.len()),
                AudioAction::ToLine(_)
                | AudioAction::Report(_)
                | AudioAction::Record(_)
                | AudioAction::CountDrops { .. } => None,
            });
            pieces.collect()
        }

        /// What the model was given since last asked.
        fn given(&mut self) -> Vec<u8> {
            let mut bytes = vec![];
            for action in self.out.drain(..) {
                if let AudioAction::ToModel(frame) = action {
                    bytes.extend_from_slice(&frame);
                }
            }
            bytes
        }

        fn frames_lost(&self) -> u64 {
            let lost = self.out.iter().map(|action| match action {
                AudioAction::CountDrops { cause: DropCause::NotAttached, frames } => *frames,
                AudioAction::CountDrops { .. }
                | AudioAction::ToModel(_)
                | AudioAction::ToLine(_)
                | AudioAction::Record(_)
                | AudioAction::Report(_) => 0,
            });
            lost.sum()
        }
    }
}
