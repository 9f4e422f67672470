//! Documents in XML, written for carriers that read them. Pure.

use std::borrow::Cow;
use std::io;
use std::time::Duration;

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};

use super::webhook_api::Side;
use crate::ids::Private;

/// A document whose root is `<Response>` with this body.
pub(super) fn response(body: impl FnOnce(&mut Writer<Vec<u8>>) -> io::Result<()>) -> String {
    let mut writer = Writer::new(Vec::new());
    let written = writer.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None))).and_then(|()| {
        writer.create_element("Response").write_inner_content(body)?;
        Ok(())
    });
    written.expect("writing to memory does not fail");
    String::from_utf8(writer.into_inner()).expect("the writer writes the UTF-8 that it was given")
}

/// Nothing more to do: the carrier continues with what follows the document.
pub(super) fn go_on() -> String {
    response(|_| Ok(()))
}

/// Hangs up.
pub(super) fn hang_up() -> String {
    response(hangs_up)
}

/// Says something and hangs up. `say` writes the carrier's element for it.
pub(super) fn last_words(say: impl FnOnce(&mut Writer<Vec<u8>>) -> io::Result<()>) -> String {
    response(|xml| {
        say(xml)?;
        hangs_up(xml)
    })
}

/// A destination to be dialled, in the verbs that several carriers share.
#[derive(Debug, Clone, Copy)]
pub(super) struct Dialled<'a> {
    /// The element of its kind, and its address.
    pub(super) noun: (&'static str, &'a str),
    /// The number that the callee sees, if the carrier does not choose it.
    pub(super) caller_id: Option<&'a Private<String>>,
    /// How long it may ring.
    pub(super) ring: Duration,
    /// The URL that is asked what follows when the leg has ended, or was never answered.
    pub(super) result: &'a str,
    /// The URL that is told when the leg is answered.
    pub(super) answered: &'a str,
    /// The URL of the document for the callee before the two are joined.
    pub(super) whisper: Option<&'a str>,
}

/// Dials a destination.
pub(super) fn dial(dialled: &Dialled<'_>) -> String {
    let Dialled { noun: (noun, to), caller_id, ring, result, answered, whisper } = *dialled;
    let ring = ring.as_secs().to_string();
    response(|xml| {
        let mut verb =
            xml.create_element("Dial").with_attributes([("action", result), ("method", "POST"), ("timeout", &ring)]);
        if let Some(number) = caller_id {
            verb = verb.with_attribute(("callerId", &*legal(number.expose())));
        }
        verb.write_inner_content(|xml| {
            let mut noun = xml.create_element(noun).with_attributes([
                ("statusCallback", answered),
                ("statusCallbackMethod", "POST"),
                ("statusCallbackEvent", "answered"),
            ]);
            if let Some(whisper) = whisper {
                noun = noun.with_attributes([("url", whisper), ("method", "POST")]);
            }
            noun.write_text_content(BytesText::new(&legal(to)))?;
            Ok(())
        })?;
        Ok(())
    })
}

/// Says the whisper or briefing to the callee and waits for a key press, which no answering machine
/// gives. The URL `taken` receives the key. In the verbs that several carriers share.
pub(super) fn ask_to_take(taken: &str, say: impl FnOnce(&mut Writer<Vec<u8>>) -> io::Result<()>) -> String {
    last_words(|xml| {
        xml.create_element("Gather")
            .with_attributes([
                ("action", taken),
                ("method", "POST"),
                ("input", "dtmf"),
                ("numDigits", "1"),
                // Any key accepts the call. Without this, # would not count as a key.
                ("finishOnKey", ""),
                ("timeout", "10"),
            ])
            .write_inner_content(say)?;
        Ok(())
    })
}

/// Puts one side into the conference `room`, which ends when the first of the two leaves. For the
/// caller, the carrier then asks at the URL `result` what follows; the callee's call is over. In the
/// verbs that several carriers share.
pub(super) fn conference(result: &str, room: &str, side: Side) -> String {
    let begins = if side == Side::Callee { "true" } else { "false" };
    response(|xml| {
        let verb = xml.create_element("Dial");
        let verb = match side {
            Side::Caller => verb.with_attributes([("action", result), ("method", "POST")]),
            Side::Callee => verb,
        };
        verb.write_inner_content(|xml| {
            let noun = xml.create_element("Conference").with_attributes([
                ("beep", "false"),
                ("startConferenceOnEnter", begins),
                ("endConferenceOnExit", "true"),
                ("maxParticipants", "2"),
            ]);
            noun.write_text_content(BytesText::new(&legal(room)))?;
            Ok(())
        })?;
        Ok(())
    })
}

fn hangs_up(xml: &mut Writer<Vec<u8>>) -> io::Result<()> {
    xml.create_element("Hangup").write_empty()?;
    Ok(())
}

/// `text` without the characters that XML 1.0 forbids even when escaped.
pub(super) fn legal(text: &str) -> Cow<'_, str> {
    let allowed = |c: char| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..='\u{10FFFF}');
    if text.chars().all(allowed) {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(text.chars().filter(|&c| allowed(c)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_sides_meet_in_a_conference_that_the_callee_begins() {
        let noun = |begins: &str| {
            format!(
                r#"<Conference beep="false" startConferenceOnEnter="{begins}" endConferenceOnExit="true" maxParticipants="2">a &amp; b</Conference>"#
            )
        };
        let caller = conference("https://x/result?a=1&b=2", "a & b", Side::Caller);
        let asks = r#"<Dial action="https://x/result?a=1&amp;b=2" method="POST">"#;
        assert!(caller.contains(&format!("{asks}{}</Dial>", noun("false"))), "{caller}");
        let callee = conference("https://x/result", "a & b", Side::Callee);
        assert!(callee.contains(&format!("<Dial>{}</Dial>", noun("true"))), "{callee}");
    }
}
