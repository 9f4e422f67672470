//! Wires with one deliberate error each. The conformance suite has to find every one of them.

use switchboard_actors::carrier::{
    Carrier, Clear, Incoming, Keys, LineCommand, LineEvent, Marks, Messages, Outgoing, SecondStart, StreamStart, Wire,
    WireError,
};
use switchboard_actors::ids::CarrierCallId;

use crate::calling;

/// A wire with one deliberate error.
pub(crate) struct Broken {
    wire: Box<dyn Wire>,
    how: Flaw,
    carrier: Carrier,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flaw {
    ForgetsWho,
    HalvesTheCaller,
    SaysNothing,
    SaysFieldsTooMany,
    SaysItTwice,
    RenamesMarks,
    KeepsMarks,
    ForgetsEchoes,
    NeverClears,
    LosesKeys,
    MissesTheStop,
    FollowsAnyStart,
    BelievesAnything,
}

impl Flaw {
    pub(crate) const ALL: [Self; 13] = [
        Self::ForgetsWho,
        Self::HalvesTheCaller,
        Self::SaysNothing,
        Self::SaysFieldsTooMany,
        Self::SaysItTwice,
        Self::RenamesMarks,
        Self::KeepsMarks,
        Self::ForgetsEchoes,
        Self::NeverClears,
        Self::LosesKeys,
        Self::MissesTheStop,
        Self::FollowsAnyStart,
        Self::BelievesAnything,
    ];

    /// Whether a carrier would notice the error.
    pub(crate) fn shows(self, carrier: Carrier) -> bool {
        let can = carrier.capabilities();
        match self {
            Self::RenamesMarks | Self::KeepsMarks | Self::ForgetsEchoes => can.marks != Marks::None,
            Self::NeverClears => can.clear != Clear::None,
            Self::LosesKeys => can.keys == Keys::Reported,
            // A binary message names no stream, and has no fields.
            Self::FollowsAnyStart => can.second_start == SecondStart::Ignored && can.messages == Messages::Text,
            Self::SaysFieldsTooMany => can.messages == Messages::Text,
            Self::ForgetsWho
            | Self::HalvesTheCaller
            | Self::SaysNothing
            | Self::SaysItTwice
            | Self::BelievesAnything => true,
            Self::MissesTheStop => {
                let fake = carrier.fake().expect("its side of a call");
                let mut said = Outgoing::default();
                fake.line(&calling(fake, 1), "s").stop(&mut said);
                !said.is_empty()
            }
        }
    }
}

impl Broken {
    /// The wire of `carrier` with the error `how`.
    pub(crate) fn of(carrier: Carrier, how: Flaw) -> Self {
        Self { wire: carrier.wire(), how, carrier }
    }
}

impl Wire for Broken {
    fn read(&mut self, message: Incoming<'_>, reply: &mut Outgoing) -> Result<LineEvent, WireError> {
        let mut read = self.wire.read(message, reply);
        if self.how == Flaw::FollowsAnyStart && matches!(read, Ok(LineEvent::Started(_))) {
            self.wire = self.carrier.wire();
            read = self.wire.read(message, reply);
        }
        let other = || Ok(LineEvent::Other(String::new()));
        match (self.how, read) {
            (Flaw::ForgetsWho, Ok(LineEvent::Started(start))) => {
                let carrier_call = CarrierCallId::new("another");
                Ok(LineEvent::Started(Box::new(StreamStart { carrier_call, ..*start })))
            }
            (Flaw::HalvesTheCaller, Ok(LineEvent::Audio(mut audio))) => {
                let half = audio.payload.len() / 2;
                audio.payload.truncate(half);
                Ok(LineEvent::Audio(audio))
            }
            (Flaw::ForgetsEchoes, Ok(LineEvent::MarkEchoed(_)))
            | (Flaw::LosesKeys, Ok(LineEvent::KeyPressed(_)))
            | (Flaw::MissesTheStop, Ok(LineEvent::Stopped))
            | (Flaw::BelievesAnything, Err(_)) => other(),
            (_, read) => read,
        }
    }

    fn write(&mut self, command: &LineCommand, out: &mut Outgoing) {
        let mut written = Outgoing::default();
        match (self.how, command) {
            (Flaw::NeverClears, LineCommand::Clear)
            | (Flaw::KeepsMarks, LineCommand::Mark(_))
            | (Flaw::SaysNothing, LineCommand::Play(_)) => {}
            (Flaw::RenamesMarks, LineCommand::Mark(name)) => {
                self.wire.write(&LineCommand::Mark(format!("{name}x")), &mut written);
            }
            (Flaw::SaysItTwice, LineCommand::Play(_)) => {
                self.wire.write(command, &mut written);
                self.wire.write(command, &mut written);
            }
            (_, command) => self.wire.write(command, &mut written),
        }
        for message in written.messages() {
            match message {
                Incoming::Text(text) => out.text(|all| {
                    all.push_str(text);
                    if self.how == Flaw::SaysFieldsTooMany && all.ends_with('}') {
                        all.pop();
                        all.push_str(",\"seq\":1}");
                    }
                    true
                }),
                Incoming::Binary(bytes) => out.binary(|all| {
                    all.extend_from_slice(bytes);
                    true
                }),
            }
        }
    }
}
