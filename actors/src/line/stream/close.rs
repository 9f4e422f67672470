//! Why and how a stream is closed, in the terms of WebSockets. Pure.

/// A violation of the WebSocket protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Broken {
    /// A message exceeds the size limit.
    TooLarge,
    /// Text that is not UTF-8.
    NotText,
    /// Any other violation.
    Protocol,
}

/// The code of our close frame (RFC 6455 §7.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CloseCode {
    /// 1000: a normal end.
    Normal,
    /// 1002: a violation of the WebSocket protocol.
    Protocol,
    /// 1007: a text message is not valid UTF-8.
    Invalid,
    /// 1008: the peer did something that is not allowed.
    Policy,
    /// 1009: a message is too large.
    Size,
    /// 1011: an error on our side.
    Error,
    /// 1013: try again later.
    Again,
}
