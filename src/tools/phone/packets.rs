//! Packets on a TCP connection, as the frames of a WebSocket: the phone plays both alike.

use actix_codec::{Decoder, Encoder, Framed};
use actix_http::ws::{Frame, Message, ProtocolError};
use awc::BoxedSocket;
use bytes::BytesMut;
use switchboard_actors::carrier::Packets;
use tokio::net::TcpStream;
use url::Url;

/// Cuts packets out of a connection.
pub(super) struct PacketCodec(Packets);

impl Decoder for PacketCodec {
    type Item = Frame;
    type Error = ProtocolError;

    fn decode(&mut self, bytes: &mut BytesMut) -> Result<Option<Frame>, ProtocolError> {
        Ok(self.0.first(bytes).map(|length| Frame::Binary(bytes.split_to(length).freeze())))
    }
}

impl Encoder<Message> for PacketCodec {
    type Error = ProtocolError;

    /// Only audio, keys and the like have packets. A close is the end of the connection.
    fn encode(&mut self, message: Message, bytes: &mut BytesMut) -> Result<(), ProtocolError> {
        if let Message::Binary(packet) = message {
            bytes.extend_from_slice(&packet);
        }
        Ok(())
    }
}

/// Connects to `tcp://host:port/…`.
///
/// # Errors
/// Fails if there is nobody.
pub(super) async fn connect(url: &Url, packets: Packets) -> Result<Framed<BoxedSocket, PacketCodec>, String> {
    let at = format!("{}:{}", url.host_str().unwrap_or_default(), url.port().unwrap_or_default());
    let failed = |error: std::io::Error| format!("open a stream at tcp://{at}: {error}");
    let connection = TcpStream::connect(&at).await.map_err(failed)?;
    connection.set_nodelay(true).map_err(failed)?;
    Ok(Framed::new(Box::new(connection) as BoxedSocket, PacketCodec(packets)))
}
