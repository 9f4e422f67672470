//! Pauses against a carrier that knows what it played. However often and whenever playout pauses,
//! the caller hears every sample of the answer once. Time is virtual and nothing waits.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::carriers::{BUFFERS, PACED};
use proptest::prelude::*;
use switchboard_actors::audio::action::{AudioAction, DropCause};
use switchboard_actors::audio::pipeline::{AudioEvent, Pipeline};
use switchboard_actors::audio::report::AudioReport;
use switchboard_actors::carrier::{AudioFormat, Capabilities, Clear, LineCommand};
use switchboard_actors::clock;
use switchboard_actors::frame::Frame;
use switchboard_actors::ids::{ItemId, ResponseId};

const STEP: Duration = Duration::from_millis(5);
/// Samples of an 8 kHz line in one step.
const STEP_SAMPLES: usize = 40;
const LEAD: Duration = Duration::from_millis(400);
/// Samples of a fade-in, whose values do not reveal their position.
const FADED: usize = 40;
/// The largest error in samples: 40 ms.
const MOST_OFF: i64 = 320;

const PACED_AND_CLEARED: Capabilities = Capabilities { clear: Clear::Sure { late: Duration::ZERO }, ..PACED };

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, ..ProptestConfig::default() })]

    #[test]
    fn every_sample_is_heard_once_however_often_playout_is_paused(
        deltas in prop::collection::vec((1_usize..1_600, 0_usize..150, any::<bool>()), 1..30),
        pauses in prop::collection::vec((0_usize..120, 0_usize..200), 0..12),
        echo in prop::sample::select(vec![0_u64, 100, 300]),
        capabilities in prop::sample::select(vec![&BUFFERS, &PACED, &PACED_AND_CLEARED]),
    ) {
        let mut run = Run::new(capabilities, Duration::from_millis(echo), &deltas);
        for (playing, paused) in pauses {
            run.steps(playing);
            run.handle(AudioEvent::PausePlayout);
            let sent = run.phone.received;
            run.steps(paused);
            prop_assert_eq!(run.phone.received, sent, "audio was sent in a pause");
            run.handle(AudioEvent::ResumePlayout);
        }
        run.steps_until_drained()?;
        run.check_heard(false)?;
        prop_assert_eq!(run.whole_items, run.items());
    }

    #[test]
    fn an_interruption_in_a_pause_reports_what_the_phone_played(
        deltas in prop::collection::vec((1_usize..1_600, 0_usize..60, Just(false)), 1..30),
        pauses in prop::collection::vec((0_usize..120, 0_usize..200), 1..6),
        echo in prop::sample::select(vec![0_u64, 100, 300]),
    ) {
        let mut run = Run::new(&BUFFERS, Duration::from_millis(echo), &deltas);
        let count = pauses.len();
        for (n, (playing, paused)) in pauses.into_iter().enumerate() {
            run.steps(playing);
            run.handle(AudioEvent::PausePlayout);
            run.steps(paused);
            if n + 1 < count {
                run.handle(AudioEvent::ResumePlayout);
                }
        }
        run.handle(AudioEvent::ClearPlayout(Some(ResponseId::new("resp_1"))));
        run.check_heard(true)?;
        let heard = run.cut.or_else(|| (run.whole_items > 0).then_some(run.given)).unwrap_or_default();
        // The phone counts samples that it played twice at a seam, so each seam has its own
        // tolerance.
        let played = run.phone.heard.iter().filter(|sample| !sample.padding).count();
        let off = (heard as i64 - played as i64).abs();
        prop_assert!(off <= MOST_OFF * count as i64, "{heard} told, {played} heard");
        run.steps(100);
        prop_assert!(run.phone.buffer.is_empty());
    }
}

/// Each sample's value encodes its position in the answer. No value is silence.
fn value_at(place: usize) -> i16 {
    let value = place as i64 - 32_768;
    (if value < 0 { value } else { value + 1 }) as i16
}

fn place_of(value: i16) -> Option<i64> {
    (value != 0).then(|| i64::from(value) + if value < 0 { 32_768 } else { 32_767 })
}

/// A sample that the phone played.
#[derive(Debug, Clone, Copy)]
struct Sample {
    /// Its position in the answer; `None` while it is faded in.
    place: Option<i64>,
    /// Whether it is not part of the answer.
    padding: bool,
    /// Whether it is the first one after a pause.
    seam: bool,
}

/// A phone that plays in real time while it has audio.
#[derive(Default)]
struct Phone {
    buffer: VecDeque<Result<Sample, String>>,
    heard: Vec<Sample>,
    reached: Vec<String>,
    /// Samples that it received.
    received: usize,
    /// Samples received since the last seam.
    since_seam: usize,
}

impl Phone {
    fn hear(&mut self, command: LineCommand) {
        match command {
            LineCommand::Play(frame) => {
                for &pair in frame.as_chunks().0 {
                    let (value, faded) = (i16::from_le_bytes(pair), self.since_seam < FADED);
                    let place = place_of(value).filter(|_| !faded);
                    let padding = value == 0 && !faded;
                    self.buffer.push_back(Ok(Sample { place, padding, seam: self.since_seam == 0 }));
                    self.since_seam += 1;
                    self.received += 1;
                }
            }
            LineCommand::Mark(name) => self.buffer.push_back(Err(name)),
            LineCommand::Clear => self.reached.extend(self.buffer.drain(..).filter_map(Result::err)),
            LineCommand::HangUp | LineCommand::Close => unreachable!("the audio path never closes the line"),
        }
        self.play(0);
    }

    fn play(&mut self, samples: usize) {
        let until = self.heard.len() + samples;
        while let Some(next) = self.buffer.front() {
            match next {
                Err(name) => self.reached.push(name.clone()),
                Ok(_) if self.heard.len() == until => return,
                Ok(sample) => self.heard.push(*sample),
            }
            self.buffer.pop_front();
        }
    }
}

struct Run {
    pipeline: Pipeline,
    phone: Phone,
    now: Instant,
    echo: Duration,
    echoes: VecDeque<(Instant, String)>,
    /// The time, the number of samples, and whether they are the last of their item.
    deltas: VecDeque<(Instant, usize, bool)>,
    /// Samples that were passed to the pipeline so far.
    given: usize,
    given_items: usize,
    whole_items: usize,
    drained: bool,
    /// How much of the interrupted item was reported as heard.
    cut: Option<usize>,
    seams: usize,
}

impl Run {
    /// Pieces with a number of samples, a delay in ms, and whether each is the last of its item.
    fn new(capabilities: &Capabilities, echo: Duration, deltas: &[(usize, usize, bool)]) -> Self {
        let mut pipeline = Pipeline::new(AudioFormat::PCM_8K, capabilities, LEAD);
        let now = clock::now();
        pipeline
            .handle(
                AudioEvent::ModelAttached { input: AudioFormat::PCM_8K, output: AudioFormat::PCM_8K },
                now,
                &mut vec![],
            )
            .expect("rates are supported");
        let (mut due, last) = (now, deltas.len() - 1);
        let deltas = deltas.iter().enumerate().map(|(n, &(samples, gap_ms, ends))| {
            due += Duration::from_millis(gap_ms as u64);
            (due, samples, ends || n == last)
        });
        Self {
            pipeline,
            phone: Phone { since_seam: FADED, ..Phone::default() },
            now,
            echo,
            echoes: VecDeque::new(),
            deltas: deltas.collect(),
            given: 0,
            given_items: 0,
            whole_items: 0,
            drained: false,
            cut: None,
            seams: 0,
        }
    }

    fn items(&self) -> usize {
        self.given_items + self.deltas.iter().filter(|(_, _, ends)| *ends).count()
    }

    fn steps(&mut self, count: usize) {
        for _ in 0..count {
            self.step();
        }
    }

    fn steps_until_drained(&mut self) -> Result<(), TestCaseError> {
        let began = self.now;
        while !self.deltas.is_empty() || !self.drained || self.whole_items < self.given_items {
            self.step();
            prop_assert!(self.now < began + Duration::from_secs(30), "playout has stopped");
        }
        Ok(())
    }

    fn step(&mut self) {
        while self.deltas.front().is_some_and(|(due, ..)| *due <= self.now)
            && let Some((_, samples, ends)) = self.deltas.pop_front()
        {
            self.give(samples, ends);
        }
        while self.echoes.front().is_some_and(|(due, _)| *due <= self.now)
            && let Some((_, name)) = self.echoes.pop_front()
        {
            self.handle(AudioEvent::MarkEchoed(name));
        }
        let mut rounds = 0;
        while self.pipeline.deadline().is_some_and(|(due, _)| due <= self.now) {
            self.handle(AudioEvent::Tick);
            rounds += 1;
            assert!(rounds < 10, "a deadline that is never met: {:?}", self.pipeline.deadline());
        }
        self.now += STEP;
        self.phone.play(STEP_SAMPLES);
        self.collect_echoes();
        let ahead = self.phone.buffer.iter().filter(|queued| queued.is_ok()).count();
        assert!(ahead <= LEAD.as_millis() as usize * 8, "{ahead} samples ahead: more than is kept to be sent again");
    }

    fn give(&mut self, samples: usize, ends: bool) {
        let places = self.given..self.given + samples;
        let mut audio = Frame::with_room(2 * samples);
        audio.extend(places.flat_map(|place| value_at(place).to_le_bytes()));
        self.given += samples;
        let item = ItemId::new(&format!("item_{}", self.given_items));
        self.handle(AudioEvent::ModelAudio { response: ResponseId::new("resp_1"), item: item.clone(), audio });
        if ends {
            self.given_items += 1;
            self.handle(AudioEvent::ItemComplete(item));
        }
    }

    fn handle(&mut self, event: AudioEvent) {
        if matches!(event, AudioEvent::ResumePlayout) {
            // The next audio is faded in, unless it is the start of an item.
            self.phone.since_seam = 0;
            self.seams += 1;
        }
        let mut actions = vec![];
        self.pipeline.handle(event, self.now, &mut actions).expect("rates are supported");
        for action in actions {
            match action {
                AudioAction::ToLine(command) => {
                    self.drained &= !matches!(command, LineCommand::Play(_));
                    self.phone.hear(command);
                }
                AudioAction::Report(report) => self.report(report),
                AudioAction::ToModel(_) | AudioAction::Record(_) | AudioAction::Overhear(_) => {}
                AudioAction::CountDrops { cause, .. } => assert_eq!(cause, DropCause::Muted),
            }
        }
        self.collect_echoes();
    }

    fn report(&mut self, report: AudioReport) {
        match report {
            AudioReport::ItemHeard(whole) => {
                assert_eq!(whole.heard, whole.received);
                self.whole_items += 1;
            }
            AudioReport::PlayoutDrained => self.drained = true,
            AudioReport::Interrupted(items) => {
                for item in items {
                    assert!(item.heard <= item.received);
                    self.cut = Some((item.heard.as_secs_f64() * 8_000.0).round() as usize);
                }
            }
            AudioReport::PlayoutStarted { .. }
            | AudioReport::FirstHeard { .. }
            | AudioReport::PlayoutOverflowed { .. }
            | AudioReport::Queued { .. }
            | AudioReport::LastVoice { .. }
            | AudioReport::SpeechCompared(_)
            | AudioReport::TurnSpoken { .. }
            | AudioReport::Diagnosed(_)
            | AudioReport::FramesDropped(_) => {}
        }
    }

    fn collect_echoes(&mut self) {
        let due = self.now + self.echo;
        self.echoes.extend(self.phone.reached.drain(..).map(|name| (due, name)));
    }

    /// Checks that every sample is in its place, with at most 40 ms of error at each seam, up to
    /// the end unless the answer was cut.
    fn check_heard(&self, cut: bool) -> Result<(), TestCaseError> {
        let (mut expected, mut open) = (0_i64, 0_i64);
        for sample in self.phone.heard.iter().filter(|sample| !sample.padding) {
            open += i64::from(sample.seam);
            match sample.place {
                Some(place) if place != expected => {
                    let off = (place - expected).abs();
                    prop_assert!(off <= open * MOST_OFF, "{place} instead of {expected} after {open} seams");
                    open = 0;
                    expected = place;
                }
                Some(_) => open = 0,
                None => {}
            }
            expected += 1;
        }
        // The last samples may belong to a fade, in which case their position is not known.
        let off = (expected - self.given as i64).abs();
        prop_assert!(cut || off <= open * MOST_OFF, "{expected} of {} after {} seams", self.given, self.seams);
        Ok(())
    }
}
