//! Texts for the carrier's own voice, and their languages. Pure.

/// The BCP 47 tag of a voice that can say `text` in a call with this `language` (`en`, `hi-IN`, …).
/// If the language uses another script than the text, a language of the text's script is chosen.
/// `None` leaves it to the carrier.
pub(super) fn tag(text: &str, language: &str) -> Option<String> {
    let code = language.split(['-', '_']).next().unwrap_or_default().to_ascii_lowercase();
    let own = TAGS.iter().find(|(known, ..)| *known == code);
    let script = text.chars().find_map(script);
    match (script, own) {
        // A voice of any language can read Latin letters.
        (Some(script), own) if own.is_none_or(|(_, _, written)| *written != script) => {
            TAGS.iter().find(|(_, _, written)| *written == script).map(|(_, tag, _)| (*tag).to_owned())
        }
        _ if language.contains('-') => Some(language.to_owned()),
        (_, own) => own.map(|(_, tag, _)| (*tag).to_owned()),
    }
}

/// The polite refusal of a call that we cannot take now, with the BCP 47 tag of its voice. It is in
/// the call's language (`en`, `hi`, …), or in English if that is unknown.
pub(super) fn refusal(language: &str) -> (&'static str, &'static str) {
    let language = language.split(['-', '_']).next().unwrap_or_default();
    let (_, tag, text) = REFUSALS.iter().find(|(code, ..)| *code == language).unwrap_or(&REFUSALS[0]);
    (text, tag)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Script {
    Latin,
    Devanagari,
    Bengali,
    Gurmukhi,
    Gujarati,
    Tamil,
    Telugu,
    Kannada,
    Malayalam,
    Arabic,
    Cyrillic,
}

/// The script of a letter that a voice for Latin letters cannot read.
fn script(letter: char) -> Option<Script> {
    Some(match letter {
        '\u{0900}'..='\u{097F}' => Script::Devanagari,
        '\u{0980}'..='\u{09FF}' => Script::Bengali,
        '\u{0A00}'..='\u{0A7F}' => Script::Gurmukhi,
        '\u{0A80}'..='\u{0AFF}' => Script::Gujarati,
        '\u{0B80}'..='\u{0BFF}' => Script::Tamil,
        '\u{0C00}'..='\u{0C7F}' => Script::Telugu,
        '\u{0C80}'..='\u{0CFF}' => Script::Kannada,
        '\u{0D00}'..='\u{0D7F}' => Script::Malayalam,
        '\u{0600}'..='\u{06FF}' => Script::Arabic,
        '\u{0400}'..='\u{04FF}' => Script::Cyrillic,
        _ => return None,
    })
}

/// Language code, the tag of its most common voice, its script. The first entry of a script is its
/// default.
const TAGS: [(&str, &str, Script); 19] = [
    ("en", "en-US", Script::Latin),
    ("hi", "hi-IN", Script::Devanagari),
    ("mr", "mr-IN", Script::Devanagari),
    ("bn", "bn-IN", Script::Bengali),
    ("pa", "pa-IN", Script::Gurmukhi),
    ("gu", "gu-IN", Script::Gujarati),
    ("ta", "ta-IN", Script::Tamil),
    ("te", "te-IN", Script::Telugu),
    ("kn", "kn-IN", Script::Kannada),
    ("ml", "ml-IN", Script::Malayalam),
    ("ar", "ar-XA", Script::Arabic),
    ("ru", "ru-RU", Script::Cyrillic),
    ("es", "es-ES", Script::Latin),
    ("fr", "fr-FR", Script::Latin),
    ("de", "de-DE", Script::Latin),
    ("it", "it-IT", Script::Latin),
    ("pt", "pt-BR", Script::Latin),
    ("nl", "nl-NL", Script::Latin),
    ("pl", "pl-PL", Script::Latin),
];

/// Language code, BCP 47 tag, "We cannot take your call right now. Please call again in a few
/// minutes. …".
pub(super) const REFUSALS: [(&str, &str, &str); 6] = [
    ("en", "en-US", "We cannot take your call right now. Please call again in a few minutes. Goodbye."),
    ("hi", "hi-IN", "हम अभी आपका कॉल नहीं ले पा रहे हैं। कृपया कुछ मिनट बाद फिर से कॉल करें। धन्यवाद।"),
    ("mr", "mr-IN", "आम्ही सध्या आपला कॉल घेऊ शकत नाही. कृपया काही मिनिटांनी पुन्हा कॉल करा. धन्यवाद."),
    ("te", "te-IN", "మేము ఇప్పుడు మీ కాల్ స్వీకరించలేకపోతున్నాము. దయచేసి కొన్ని నిమిషాల తర్వాత మళ్లీ కాల్ చేయండి. ధన్యవాదాలు."),
    ("ta", "ta-IN", "இப்போது உங்கள் அழைப்பை எங்களால் ஏற்க முடியவில்லை. தயவுசெய்து சில நிமிடங்கள் கழித்து மீண்டும் அழைக்கவும். நன்றி."),
    ("ml", "ml-IN", "ഇപ്പോൾ നിങ്ങളുടെ കോൾ സ്വീകരിക്കാൻ ഞങ്ങൾക്ക് കഴിയുന്നില്ല. ദയവായി കുറച്ച് മിനിറ്റുകൾക്ക് ശേഷം വീണ്ടും വിളിക്കുക. നന്ദി."),
];

#[cfg(test)]
mod tests;
