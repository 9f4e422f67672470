//! The reports of the line, and the caller's keys. Part of [`super`].

use super::CallMachine;
use crate::call::exit::{By, ReportedBy};
use crate::call::floor::Entered;
use crate::call::line_link::StreamEnd;
use crate::call::shared::{Recording, Stage};
use crate::call::steps::Note;
use crate::ending::Ending;
use crate::line::messages::LineReport;
use crate::realtime::messages::ModelOrder;

impl CallMachine {
    pub(super) fn line(&mut self, report: LineReport) {
        let (stage, exit, talk) = (self.stage(), &mut self.exit, &mut self.talk);
        if let LineReport::Incident(incident) = report {
            // This is not a sign of life: the line may be dead.
            return talk.call.tell(Note::IncidentLogged(incident));
        }
        talk.line.is_heard(talk.call.now);
        match report {
            LineReport::KeyPressed(key) => self.key_pressed(key),
            LineReport::Stopped | LineReport::Left | LineReport::Closed | LineReport::CallOver => {
                match talk.line.stream_end(&report, stage, exit.closing(), &talk.call) {
                    StreamEnd::Nothing => {}
                    StreamEnd::Breaks => talk.line_breaks(stage),
                    StreamEnd::Beneath => exit.line_ends_beneath(&report, talk),
                    StreamEnd::CallerLeft => exit.finish_by(Ending::CallerHungUp, ReportedBy::Stream, talk),
                    StreamEnd::Ends(ending) => exit.finish(ending, talk),
                }
            }
            // A model that is not up yet, or is gone, has heard nothing.
            LineReport::InputDiscarded if matches!(stage, Stage::Talking | Stage::TakenOver | Stage::Closing) => {
                talk.call.order(ModelOrder::DiscardInput);
            }
            LineReport::InputDiscarded | LineReport::Alive | LineReport::Malformed | LineReport::Incident(_) => {}
            LineReport::FramesDropped(frames) => {
                talk.call.tally.dropped_frames += frames;
                talk.call.tell(Note::FramesDropped(frames));
            }
        }
    }

    fn key_pressed(&mut self, key: char) {
        let stage = self.stage();
        let revocable = self.exit.is_revocable(&self.talk);
        let (floor, call) = (&mut self.talk.floor, &mut self.talk.call);
        let paused = call.recording == Recording::Paused;
        match stage {
            // The caller cannot revoke the end, is being transferred, or talks with a person.
            Stage::Closing if !revocable => call.record_key(key, paused),
            Stage::TakenOver | Stage::Broken | Stage::Transferring | Stage::Ended => call.record_key(key, paused),
            // While connecting, the entry waits for the model.
            Stage::Connecting | Stage::Talking | Stage::Closing => {
                floor.key_pressed(key, call);
                if floor.is_open() {
                    self.yield_to_keys();
                }
            }
        }
    }

    /// The caller's keys take the floor.
    pub(super) fn yield_to_keys(&mut self) {
        match self.stage() {
            Stage::Talking => self.talk.floor.overtake(&mut self.talk.call),
            // The caller revokes the agent's decision to end the call.
            Stage::Closing if self.exit.is_revocable(&self.talk) => {
                self.talk.floor.overtake(&mut self.talk.call);
                self.exit.goes_on("pressed a key", &mut self.talk);
            }
            // No model can continue yet, the caller cannot revoke the end, or a person answers them.
            Stage::Connecting
            | Stage::TakenOver
            | Stage::Closing
            | Stage::Broken
            | Stage::Transferring
            | Stage::Ended => {}
        }
    }

    pub(super) fn keys_entered(&mut self) {
        match self.talk.floor.keys_entered(&mut self.talk.call) {
            Some(Entered::HangUp) => self.exit.say_goodbye(Ending::CallerHungUp, &mut self.talk),
            Some(Entered::Transfer { destination, reason }) => {
                self.exit.transfer_asked(destination, reason, String::new(), By::Caller, &mut self.talk);
            }
            None => {}
        }
    }
}
