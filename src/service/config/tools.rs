//! The built-in tools, by name. Pure.

/// A built-in tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BuiltIn {
    /// Hangs up once the goodbye has been heard.
    EndCall,
    /// Sends the caller to a destination of `[transfers]`.
    TransferCall,
    /// Continues in another language.
    SwitchLanguage,
    /// Writes an answer into the record.
    SaveAnswer,
    /// Gives the call to another agent.
    HandOver,
    /// Sends DTMF.
    SendDtmf,
}

impl BuiltIn {
    /// All built-in tools.
    pub const ALL: [Self; 6] =
        [Self::EndCall, Self::TransferCall, Self::SwitchLanguage, Self::SaveAnswer, Self::HandOver, Self::SendDtmf];

    /// Its name in the configuration and for the model.
    pub const fn name(self) -> &'static str {
        match self {
            Self::EndCall => "end_call",
            Self::TransferCall => "transfer_call",
            Self::SwitchLanguage => "switch_language",
            Self::SaveAnswer => "save_answer",
            Self::HandOver => "hand_over",
            Self::SendDtmf => "send_dtmf",
        }
    }

    /// The tool with a name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|tool| tool.name() == name)
    }

    /// Whether calls carry the tool out; the others answer the model that they are not available.
    pub const fn is_carried_out(self) -> bool {
        match self {
            Self::EndCall | Self::TransferCall | Self::SwitchLanguage | Self::SaveAnswer | Self::HandOver => true,
            Self::SendDtmf => false,
        }
    }
}
