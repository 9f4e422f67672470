//! Twilio Media Streams (reference `twilio.md` §4).

use super::{Capabilities, LineCommand, LineEvent, Pacing, WireError};
use crate::ids::StreamId;

pub(super) const CAPABILITIES: Capabilities = Capabilities {
    name: "twilio",
    pacing: Pacing::CarrierBuffers,
    marks: true,
    clear: true,
    dtmf_in: true,
    frame_multiple: 1,
};

pub(super) fn decode(_text: &str) -> Result<LineEvent, WireError> {
    Ok(LineEvent::Connected)
}

pub(super) fn encode(_command: &LineCommand, _stream: &StreamId, _out: &mut String) -> bool {
    false
}
