use super::*;

#[test]
fn the_document_connects_to_the_stream_and_escapes_what_it_is_given() {
    assert_eq!(
        stream_document("wss://voice.example.com/waybeo/ws?token=t&agent=a", "S'<1>\u{1}"),
        "<response><stream is_sip='true' url='wss://voice.example.com/waybeo/ws?token=t&amp;agent=a'>S&apos;&lt;1&gt;</stream></response>"
    );
}
