//! Words of ours for an answer that did not come. Pure.

/// What is said in place of the rest of an answer.
pub(super) fn sorry(language: &str) -> &'static str {
    match language.split(['-', '_']).next().unwrap_or_default() {
        "hi" => "माफ़ कीजिए, क्या आप फिर से कह सकते हैं?",
        "mr" => "माफ करा, तुम्ही परत सांगू शकाल का?",
        "te" => "క్షమించండి, మళ్ళీ చెప్పగలరా?",
        "ta" => "மன்னிக்கவும், மீண்டும் சொல்ல முடியுமா?",
        "ml" => "ക്ഷമിക്കണം, ഒന്നുകൂടി പറയാമോ?",
        _ => "I am sorry, could you say that again?",
    }
}
