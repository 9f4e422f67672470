use super::*;

fn read(packet: &[u8]) -> Result<LineEvent, WireError> {
    assert_eq!(PACKETS.first(packet), Some(packet.len()), "one whole packet");
    AudioSocketWire.read(Incoming::Binary(packet), &mut Outgoing::default())
}

fn said(command: &LineCommand) -> Vec<Vec<u8>> {
    let mut out = Outgoing::default();
    AudioSocketWire.write(command, &mut out);
    let read = |message| match message {
        Incoming::Binary(bytes) => <[u8]>::to_vec(bytes),
        Incoming::Text(text) => panic!("{text}"),
    };
    out.messages().map(read).collect()
}

#[test]
fn the_vectors_of_the_protocol_are_read() {
    let start = b"\x01\x00\x10\x40\x32\x5e\xc2\x5e\xfd\x4b\xd3\x80\x5f\x53\x57\x6e\x58\x1d\x13";
    let Ok(LineEvent::Started(start)) = read(start) else { panic!() };
    assert_eq!(start.stream.as_str(), "40325ec2-5efd-4bd3-805f-53576e581d13");
    assert_eq!(start.parameters["token"], "40325ec25efd4bd3805f53576e581d13");
    assert_eq!(read(b"\x03\x00\x015"), Ok(LineEvent::KeyPressed('5')));
    assert_eq!(read(b"\x00\x00\x00"), Ok(LineEvent::Stopped));
    assert_eq!(read(b"\xff\x00\x01\x01"), Ok(LineEvent::Stopped));
    assert_eq!(read(b"\xff\x00\x01\x02"), Ok(LineEvent::Other("error 2".to_owned())));
    assert_eq!(read(b"\xff\x00\x00"), Ok(LineEvent::Other("error 0".to_owned())));
    assert_eq!(read(b"\x42\x00\x01x"), Ok(LineEvent::Other("kind 42".to_owned())));
    let Ok(LineEvent::Audio(audio)) = read(b"\x10\x00\x05\x01\x02\x03\x04\x05") else { panic!() };
    assert_eq!(&audio.payload[..], [1, 2, 3, 4], "half a sample is none");
    let Ok(LineEvent::MismatchedAudio(audio)) = read(b"\x12\x00\x02\x01\x02") else { panic!() };
    assert_eq!(audio.rate_hz, Some(16_000));
    for wrong in [&b"\x01\x00\x02ab"[..], b"\x03\x00\x02\x35\x35", b"\x03\x00\x00", b"\x10\x00\x01\x01"] {
        assert!(read(wrong).is_err(), "{wrong:?}");
    }
}

#[test]
fn every_packet_of_ours_is_one_message() {
    let silence = said(&LineCommand::Play(Frame::copy_of(&[0; 640])));
    assert_eq!(silence.len(), 2);
    assert!(silence.iter().all(|packet| packet.len() == 323 && packet.starts_with(&[0x10, 0x01, 0x40])));
    assert_eq!(said(&LineCommand::HangUp), [[0, 0, 0]]);
    for none in [LineCommand::Play(Frame::copy_of(&[])), LineCommand::Mark("m".to_owned()), LineCommand::Clear] {
        assert_eq!(said(&none), [] as [Vec<u8>; 0]);
    }
}

#[test]
fn packets_are_cut_wherever_the_network_has_cut_them() {
    let two = b"\x03\x00\x015\x10\x00\x04abcd";
    for end in 0..4 {
        assert_eq!(PACKETS.first(&two[..end]), None, "{end}");
    }
    assert_eq!(PACKETS.first(two), Some(4));
    assert_eq!(PACKETS.first(&two[4..]), Some(7));
}
