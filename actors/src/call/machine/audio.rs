//! The reports of the audio: what is played, and how much of it was heard. Part of [`super`].

use super::CallMachine;
use crate::audio::report::AudioReport;
use crate::call::shared::Stage;
use crate::call::steps::Note;
use crate::transcript::messages::Fact;

impl CallMachine {
    pub(super) fn audio(&mut self, report: AudioReport) {
        let (stage, exit, talk) = (self.stage(), &mut self.exit, &mut self.talk);
        match report {
            // It is the person who is heard.
            AudioReport::PlayoutStarted { .. } if stage == Stage::TakenOver => talk.call.first_audio_sent(),
            AudioReport::PlayoutStarted { response, .. } => {
                talk.model.sounds(true, talk.call.now);
                talk.floor.playout_started(&response, stage, &mut talk.call);
                if stage == Stage::Closing {
                    exit.expect_words(talk);
                }
            }
            AudioReport::FirstHeard { response, .. } => talk.floor.first_heard(&response, &mut talk.call),
            AudioReport::LastVoice { ago } => talk.floor.last_voice(ago),
            AudioReport::ItemHeard(playout) => {
                if talk.floor.item_heard(&playout, &mut talk.call) {
                    talk.model.heard();
                }
                if talk.floor.was_notice(&playout) {
                    self.end_protection();
                }
            }
            AudioReport::Queued { remaining } if stage == Stage::Closing => exit.expect_silence(remaining, talk),
            // This report was requested separately; the report of silence is the one that counts.
            AudioReport::Queued { .. } => {}
            AudioReport::PlayoutDrained => self.playout_drained(stage),
            AudioReport::Interrupted(items) => talk.floor.interrupted(items, &mut talk.call),
            // The pipeline logs what it drops; an item that was cut plays as far as it goes.
            AudioReport::PlayoutOverflowed { .. } => {}
            AudioReport::TurnSpoken { by_person } => {
                if by_person && let Some(item) = talk.hands.spoken_by_person() {
                    talk.call.record(Fact::PersonSpoke { item });
                }
            }
            AudioReport::FramesDropped(frames) => talk.call.tally.dropped_frames += frames,
            AudioReport::SpeechCompared(opinion) => talk.call.tell(Note::SpeechCompared(opinion)),
            AudioReport::Diagnosed(diagnosis) => talk.call.diagnosed(*diagnosis),
        }
    }

    fn playout_drained(&mut self, stage: Stage) {
        self.talk.model.sounds(false, self.talk.call.now);
        let was_sounding = self.talk.floor.playout_drained(stage, &mut self.talk.call);
        if self.talk.floor.all_was_heard(stage) {
            self.end_protection();
        }
        match stage {
            Stage::Talking => self.talk.floor.settle(was_sounding),
            Stage::Closing => self.exit.all_was_heard(&mut self.talk),
            Stage::Connecting | Stage::TakenOver | Stage::Broken | Stage::Transferring | Stage::Ended => {}
        }
    }

    /// The protected audio was heard, or will not come: caller audio flows, and keys take effect.
    pub(super) fn end_protection(&mut self) {
        let stage = self.stage();
        let Some(was_notice) = self.talk.floor.end_protection(stage, &mut self.talk.call) else { return };
        let pressed = self.talk.floor.is_pressed();
        if pressed {
            self.yield_to_keys();
        }
        if was_notice && !self.exit.notice_is_over(&mut self.talk) && !pressed {
            let talks = self.stage() == Stage::Talking && !self.talk.model.is_gone();
            if talks {
                self.talk.floor.greet_behind_the_notice(&mut self.talk.call);
            }
        }
    }
}
