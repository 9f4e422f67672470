//! Documents in XML, written for carriers that read them. Pure.

use std::borrow::Cow;
use std::io;

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};

use super::webhook_api::Side;

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
