//! Our documents for the answer URL of Waybeo's telephony. Pure.

use quick_xml::escape::escape;

/// The content type of an answer.
pub(super) const CONTENT_TYPE: &str = "text/xml; charset=utf-8";

/// An empty document.
pub(super) const NOTHING: &str = "<response></response>";

/// Hangs up.
pub(super) const HANG_UP: &str = "<response><hangup/></response>";

/// KooKoo's document that connects a call to a stream.
pub(super) fn stream_document(url: &str, sip_id: &str) -> String {
    // Characters that XML forbids are left out: the id comes from the URL of a request.
    let sip_id: String = sip_id.chars().filter(|c| !c.is_control()).take(LONGEST_SIP_ID).collect();
    format!("<response><stream is_sip='true' url='{}'>{}</stream></response>", escape(url), escape(sip_id.as_str()))
}

/// The most characters of an id that is sent back.
const LONGEST_SIP_ID: usize = 128;

#[cfg(test)]
mod tests;
