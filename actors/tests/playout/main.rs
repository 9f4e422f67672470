//! The audio to the caller, rule by rule: what is sent when, and what is marked, reported and
//! dropped.

mod barge_in;
mod carriers;
mod chunks;
mod every_pause;
mod heard;
mod marks;
mod pauses;
mod reports;
mod sources;

use std::sync::Arc;
use std::time::{Duration, Instant};

use carriers::{BUFFERS, PACED, UNSURE};
use switchboard_actors::audio::action::{AudioAction, AudioTimer, DropCause};
use switchboard_actors::audio::level::{Gain, Levels};
use switchboard_actors::audio::messages::CLIP_RESPONSE;
use switchboard_actors::audio::pipeline::{AudioEvent, Pipeline};
use switchboard_actors::audio::report::{AudioReport, ItemPlayout};
use switchboard_actors::carrier::{AudioFormat, ByClear, CallerFrame, Capabilities, Chunk, Length, LineCommand, Marks};
use switchboard_actors::frame::Frame;
use switchboard_actors::ids::{ItemId, ResponseId};
use switchboard_actors::{clock, g711};

struct Call {
    pipeline: Pipeline,
    now: Instant,
    reports: Vec<String>,
    /// The items whose beginning was heard, and the delay after it was sent.
    begun: Vec<String>,
    last_frame: Vec<u8>,
    first_frame_of_a_step: Vec<u8>,
    last_response: ResponseId,
    heard: Option<ItemPlayout>,
}

impl Call {
    fn new(capabilities: &Capabilities) -> Self {
        let pipeline = Pipeline::new(AudioFormat::MULAW_8K, capabilities, ms(400));
        let last_response = ResponseId::new("");
        let (reports, begun, last_frame) = (vec![], vec![], vec![]);
        let mut call = Self {
            pipeline,
            now: clock::now(),
            reports,
            begun,
            last_frame,
            first_frame_of_a_step: vec![],
            last_response,
            heard: None,
        };
        call.handle(AudioEvent::ModelAttached { input: AudioFormat::MULAW_8K, output: AudioFormat::MULAW_8K });
        call
    }

    fn says(&mut self, response: &str, item: &str, length_ms: usize) {
        self.model_audio(response, item, &vec![0x31; length_ms * 8]);
    }

    fn model_audio(&mut self, response: &str, item: &str, bytes: &[u8]) {
        let (response, item) = (ResponseId::new(response), ItemId::new(item));
        self.handle(AudioEvent::ModelAudio { response, item, audio: Frame::copy_of(bytes) });
    }

    fn completes(&mut self, item: &str) {
        self.handle(AudioEvent::ItemComplete(ItemId::new(item)));
    }

    fn echoes(&mut self, name: &str) {
        self.handle(AudioEvent::MarkEchoed(name.to_owned()));
    }

    fn interrupts(&mut self, response: Option<&str>) {
        self.handle(AudioEvent::ClearPlayout(response.map(ResponseId::new)));
    }

    fn restarts(&mut self) {
        self.handle(AudioEvent::LineRestarted);
    }

    fn pauses(&mut self) {
        self.handle(AudioEvent::PausePlayout);
    }

    fn resumes(&mut self) {
        self.handle(AudioEvent::ResumePlayout);
    }

    fn pass(&mut self, length_ms: u64) {
        self.now += ms(length_ms);
        self.handle(AudioEvent::Tick);
    }

    fn handle(&mut self, event: AudioEvent) {
        let mut actions = vec![];
        self.first_frame_of_a_step.clear();
        self.pipeline.handle(event, self.now, &mut actions).expect("rates are supported");
        for action in actions {
            if let AudioAction::Report(AudioReport::FirstHeard { item, after_sent, .. }) = action {
                self.begun.push(format!("{item} {}", after_sent.as_millis()));
            } else {
                let words = self.words(action);
                self.reports.push(words);
            }
        }
    }

    fn words(&mut self, action: AudioAction) -> String {
        let length =
            |item: &ItemPlayout| format!("{} {}/{}", item.item, item.heard.as_millis(), item.received.as_millis());
        match action {
            AudioAction::ToModel(frame) => format!("model {}", frame.len()),
            AudioAction::ToLine(LineCommand::Play(frame)) => {
                self.last_frame = frame.to_vec();
                if self.first_frame_of_a_step.is_empty() {
                    self.first_frame_of_a_step = frame.to_vec();
                }
                format!("play {}", frame.len() / 8)
            }
            AudioAction::ToLine(LineCommand::Mark(name)) => format!("mark {name}"),
            AudioAction::ToLine(LineCommand::Clear) => "clear".to_owned(),
            AudioAction::ToLine(LineCommand::HangUp | LineCommand::Close) => "close".to_owned(),
            AudioAction::Report(AudioReport::PlayoutStarted { item, .. }) => format!("started {item}"),
            AudioAction::Report(AudioReport::ItemHeard(whole)) => {
                let words = format!("heard {}", length(&whole));
                self.last_response = whole.response.clone();
                self.heard = Some(whole);
                words
            }
            AudioAction::Report(AudioReport::PlayoutDrained) => "drained".to_owned(),
            AudioAction::Report(AudioReport::Interrupted(cut)) => {
                let items: String = cut.iter().map(|item| format!(" {}", length(item))).collect();
                format!("interrupted{items}")
            }
            AudioAction::Report(AudioReport::PlayoutOverflowed { item }) => format!("overflowed {item}"),
            AudioAction::Report(AudioReport::FramesDropped(frames)) => format!("frames lost {frames}"),
            AudioAction::Report(AudioReport::TurnSpoken { by_person }) => format!("spoken by a person: {by_person}"),
            AudioAction::Report(AudioReport::FirstHeard { .. }) => unreachable!("kept apart"),
            AudioAction::Report(AudioReport::Queued { remaining }) => format!("queued {}", remaining.as_millis()),
            AudioAction::Report(AudioReport::LastVoice { ago }) => format!("last voice {}", ago.as_millis()),
            AudioAction::Report(AudioReport::SpeechCompared(opinion)) => format!("compared {}", opinion.word()),
            AudioAction::Report(AudioReport::Diagnosed(diagnosis)) => format!("diagnosed {}", diagnosis.verdict),
            AudioAction::Record(block) => format!("record {}", block.at),
            AudioAction::Overhear(sound) => format!("overhear {}", sound.mulaw.len()),
            AudioAction::CountDrops { cause, frames } => {
                assert!(DropCause::ALL.contains(&cause));
                format!("dropped {cause:?} {frames}")
            }
        }
    }

    /// The actions and reports since the last query.
    fn reports(&mut self) -> String {
        std::mem::take(&mut self.reports).join(", ")
    }
}

fn ms(length: u64) -> Duration {
    Duration::from_millis(length)
}
