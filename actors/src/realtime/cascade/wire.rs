//! What comes of an engine's socket, or of a request to it. Pure.

use super::failure::Head;

/// What comes of a socket.
#[derive(Debug, Clone, Copy)]
pub enum SocketEvent<'a> {
    /// It is open.
    Opened,
    /// The upgrade was refused.
    Refused(Head<'a>, &'a str),
    /// A text message.
    Text(&'a str),
    /// A binary message.
    Binary(&'a [u8]),
    /// The server closed it.
    Closed(Option<u16>, &'a str),
    /// It broke, or could not be dialled.
    Broken(&'a str),
}

/// What comes of a request.
#[derive(Debug, Clone, Copy)]
pub enum RequestEvent<'a> {
    /// The head of the answer, with its body if it is no success.
    Head(Head<'a>, &'a str),
    /// A piece of the body.
    Bytes(&'a [u8]),
    /// The end of the body.
    End,
    /// The connection broke, or could not be made.
    Broken(&'a str),
}
