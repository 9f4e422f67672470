//! Keeps the reasoning of a model out of its answer. Some servers send it as a part of the content,
//! between tags, and any tag may be split between two deltas. Pure.

/// The tags around reasoning.
const TAGS: [(&str, &str); 3] =
    [("<think>", "</think>"), ("<thinking>", "</thinking>"), ("<reasoning>", "</reasoning>")];

/// A filter over the deltas of one answer.
#[derive(Debug, Default)]
pub(super) struct Thoughts {
    /// The closing tag that ends the reasoning in progress.
    until: Option<&'static str>,
    /// The end of the text so far, if it may be the beginning of a tag.
    held: String,
}

impl Thoughts {
    /// Appends to `content` what `delta` adds to the answer.
    pub(super) fn pass(&mut self, delta: &str, content: &mut String) {
        self.held.push_str(delta);
        loop {
            let closing;
            let wanted: &[&str] = match self.until {
                Some(tag) => {
                    closing = [tag];
                    &closing
                }
                None => &EITHER,
            };
            let found = wanted.iter().filter_map(|tag| Some((find(&self.held, tag)?, *tag))).min();
            let Some((at, tag)) = found else { break };
            if self.until.is_none() {
                content.push_str(&self.held[..at]);
            }
            // A closing tag without its opening one belongs to a prompt that opened the reasoning.
            let opened = TAGS.iter().find(|(opening, _)| *opening == tag).map(|(_, closing)| *closing);
            self.until = opened;
            self.held.drain(..at + tag.len());
        }
        let certain = self.held.len() - uncertain(&self.held);
        if self.until.is_none() {
            content.push_str(&self.held[..certain]);
        }
        self.held.drain(..certain);
    }

    /// The answer is over: what looked like the beginning of a tag was none.
    pub(super) fn finish(&mut self, content: &mut String) {
        if self.until.is_none() {
            content.push_str(&self.held);
        }
        self.held.clear();
    }
}

/// Opening tags, and closing ones that were never opened.
const EITHER: [&str; 6] = [TAGS[0].0, TAGS[1].0, TAGS[2].0, TAGS[0].1, TAGS[1].1, TAGS[2].1];

/// Where `tag` begins in `text`, in upper or lower case.
fn find(text: &str, tag: &str) -> Option<usize> {
    let fits =
        |at: &usize| text.as_bytes()[*at..].get(..tag.len()).is_some_and(|it| it.eq_ignore_ascii_case(tag.as_bytes()));
    text.match_indices('<').map(|(at, _)| at).find(fits)
}

/// How many bytes at the end of `text` may be the beginning of a tag.
fn uncertain(text: &str) -> usize {
    let Some(at) = text.rfind('<') else { return 0 };
    let end = text.as_bytes()[at..].to_ascii_lowercase();
    if EITHER.iter().any(|tag| tag.as_bytes().starts_with(&end)) { end.len() } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(deltas: &[&str]) -> String {
        let (mut thoughts, mut content) = (Thoughts::default(), String::new());
        for delta in deltas {
            thoughts.pass(delta, &mut content);
        }
        thoughts.finish(&mut content);
        content
    }

    #[test]
    fn reasoning_is_left_out() {
        assert_eq!(content(&["<think>The caller wants…</think>Yes."]), "Yes.");
        assert_eq!(content(&["A <THINKING>x</Thinking>b"]), "A b");
        assert_eq!(content(&["so it is</think>Yes."]), "so it isYes.");
        assert_eq!(content(&["<think>never closed"]), "");
        assert_eq!(content(&["<think>a <b> c</think>1 < 2 <b>"]), "1 < 2 <b>");
    }

    #[test]
    fn a_tag_may_be_split_anywhere() {
        let whole = "Ja <think>पूछता है</think>नमस्ते <thin";
        for at in (0..whole.len()).filter(|at| whole.is_char_boundary(*at)) {
            for to in (at..whole.len()).filter(|to| whole.is_char_boundary(*to)) {
                let deltas = [&whole[..at], &whole[at..to], &whole[to..]];
                assert_eq!(content(&deltas), "Ja नमस्ते <thin", "{deltas:?}");
            }
        }
    }
}
