//! A WebSocket with minimal overhead, for either role: frames from a known peer on loopback, text
//! whole or fragmented, binary whole. And packets on a bare connection, for carriers that have them.
//!
//! A client's frames are masked with the key zero, which is valid and leaves the payload unchanged.

use std::io;
use std::rc::Rc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest as _, Sha1};
use switchboard_actors::carrier::Packets;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::Mutex;

/// The kind of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A text frame, or the first piece of a text message.
    Text,
    /// A binary frame, or a packet.
    Binary,
    /// A ping, which must be answered.
    Ping,
    /// A close frame of the peer.
    Close,
    /// Any other frame. It is ignored.
    Other,
}

/// Appends one whole frame.
pub(super) fn frame(out: &mut Vec<u8>, opcode: u8, payload: &[u8], masked: bool) {
    let mask_bit = if masked { 0x80 } else { 0 };
    out.push(0x80 | opcode);
    match payload.len() {
        short @ 0..=125 => out.push(mask_bit | u8::try_from(short).unwrap_or(0)),
        medium @ 126..=0xFFFF => {
            out.push(mask_bit | 126);
            out.extend_from_slice(&u16::try_from(medium).unwrap_or(0).to_be_bytes());
        }
        long => {
            out.push(mask_bit | 127);
            out.extend_from_slice(&(long as u64).to_be_bytes());
        }
    }
    if masked {
        out.extend_from_slice(&[0; 4]);
    }
    out.extend_from_slice(payload);
}

/// The writing end of a socket, shared by the tasks of that end. Each write is sent whole, in the
/// order of the requests.
#[derive(Clone)]
pub(super) struct FrameWriter(Rc<Mutex<OwnedWriteHalf>>);

impl FrameWriter {
    fn new(half: OwnedWriteHalf) -> Self {
        Self(Rc::new(Mutex::new(half)))
    }

    /// Writes complete frames.
    pub(super) async fn write(&self, frames: &[u8]) -> io::Result<()> {
        self.0.lock().await.write_all(frames).await
    }
}

/// Reads frames and removes their mask, if any; or reads packets.
pub(super) struct Frames {
    socket: OwnedReadHalf,
    packets: Option<Packets>,
    buffer: Vec<u8>,
    start: usize,
}

impl Frames {
    pub(super) fn new(socket: OwnedReadHalf) -> Self {
        Self { socket, packets: None, buffer: Vec::with_capacity(16 * 1024), start: 0 }
    }

    /// Returns the next frame, or `None` if the peer is gone.
    pub(super) async fn next(&mut self) -> io::Result<Option<(Kind, &[u8])>> {
        loop {
            if let Some((kind, payload, end)) = self.parse() {
                self.start = end;
                return Ok(Some((kind, &self.buffer[payload])));
            }
            if self.start > 0 {
                self.buffer.drain(..self.start);
                self.start = 0;
            }
            if self.socket.read_buf(&mut self.buffer).await? == 0 {
                return Ok(None);
            }
        }
    }

    fn parse(&mut self) -> Option<(Kind, std::ops::Range<usize>, usize)> {
        let bytes = &self.buffer[self.start..];
        if let Some(packets) = self.packets {
            let end = self.start + packets.first(bytes)?;
            return Some((Kind::Binary, self.start..end, end));
        }
        let (&first, &second) = (bytes.first()?, bytes.get(1)?);
        let (length, mut at) = match second & 0x7F {
            126 => (usize::from(u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?)), 4),
            127 => (usize::try_from(u64::from_be_bytes(bytes.get(2..10)?.try_into().ok()?)).ok()?, 10),
            short => (usize::from(short), 2),
        };
        let mask: Option<[u8; 4]> = if second & 0x80 == 0 {
            None
        } else {
            at += 4;
            Some(bytes.get(at - 4..at)?.try_into().ok()?)
        };
        bytes.get(at..at + length)?;
        let payload = self.start + at..self.start + at + length;
        if let Some(mask) = mask {
            for (n, byte) in self.buffer[payload.clone()].iter_mut().enumerate() {
                *byte ^= mask[n & 3];
            }
        }
        let kind = match first & 0x0F {
            0 | 1 => Kind::Text,
            2 => Kind::Binary,
            8 => Kind::Close,
            9 => Kind::Ping,
            _ => Kind::Other,
        };
        let end = payload.end;
        Some((kind, payload, end))
    }
}

/// Uses an outgoing connection for packets.
pub(super) fn packets(socket: TcpStream, packets: Packets) -> io::Result<(Frames, FrameWriter)> {
    socket.set_nodelay(true)?;
    let (read, write) = socket.into_split();
    Ok((Frames { packets: Some(packets), ..Frames::new(read) }, FrameWriter::new(write)))
}

/// Upgrades an outgoing connection. `target` is the path and query.
pub(super) async fn open(socket: TcpStream, target: &str, headers: &str) -> io::Result<(Frames, FrameWriter)> {
    socket.set_nodelay(true)?;
    let host = socket.peer_addr()?;
    let (mut read, mut write) = socket.into_split();
    let request = format!(
        "GET {target} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: c3dpdGNoYm9hcmRiZW5jaA==\r\n{headers}\r\n"
    );
    write.write_all(request.as_bytes()).await?;
    let answer = head(&mut read).await?;
    if !answer.starts_with("HTTP/1.1 101") {
        return Err(io::Error::other(format!("no upgrade: {}", answer.lines().next().unwrap_or_default())));
    }
    Ok((Frames::new(read), FrameWriter::new(write)))
}

/// Accepts an upgrade requested by a peer.
pub(super) async fn accept(socket: TcpStream) -> io::Result<(Frames, FrameWriter)> {
    socket.set_nodelay(true)?;
    let (mut read, write) = socket.into_split();
    let request = head(&mut read).await?;
    upgraded(&request, read, write).await
}

/// Answers the head of a request for an upgrade.
pub(super) async fn upgraded(
    request: &str,
    read: OwnedReadHalf,
    mut write: OwnedWriteHalf,
) -> io::Result<(Frames, FrameWriter)> {
    let key = request
        .lines()
        .find_map(|line| line.split_once(':').filter(|(name, _)| name.eq_ignore_ascii_case("sec-websocket-key")))
        .map(|(_, value)| value.trim())
        .ok_or_else(|| io::Error::other("no upgrade was asked for"))?;
    let digest = Sha1::digest(format!("{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11"));
    let answer = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {}\r\n\r\n",
        STANDARD.encode(digest)
    );
    write.write_all(answer.as_bytes()).await?;
    Ok((Frames::new(read), FrameWriter::new(write)))
}

/// Reads an HTTP head byte by byte, so that no data after it is consumed.
pub(super) async fn head(socket: &mut OwnedReadHalf) -> io::Result<String> {
    let mut text = Vec::with_capacity(512);
    while !text.ends_with(b"\r\n\r\n") {
        if text.len() > 16 * 1024 {
            return Err(io::Error::other("an endless HTTP head"));
        }
        text.push(socket.read_u8().await?);
    }
    Ok(String::from_utf8_lossy(&text).into_owned())
}

#[cfg(test)]
mod tests;
