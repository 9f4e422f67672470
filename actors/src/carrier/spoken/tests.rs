use super::*;

#[test]
fn a_text_is_said_by_a_voice_that_can_read_it() {
    for (text, language, expected) in [
        ("A caller: a bill. Press any key.", "en", Some("en-US")),
        ("A caller: ग्राहक को शिकायत है. Press any key.", "hi", Some("hi-IN")),
        ("A caller: ग्राहक को शिकायत है.", "en", Some("hi-IN")),
        ("A caller: ग्राहक.", "mr", Some("mr-IN")),
        ("A caller: ordered by an operator.", "ta", Some("ta-IN")),
        ("A caller: வாடிக்கையாளர்.", "hi", Some("ta-IN")),
        ("Hello.", "en-GB", Some("en-GB")),
        ("Hello.", "xx", None),
    ] {
        assert_eq!(tag(text, language).as_deref(), expected, "{text} in {language}");
    }
}
