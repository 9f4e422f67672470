//! A webhook's form, strictly decoded. Order, repetitions and empty values are kept, because the
//! signature covers them. Pure.

use std::fmt;

/// The decoded pairs of a form or a query. They contain numbers, so it prints only how many there
/// are.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Form(Vec<(String, String)>);

/// Why a form cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FormError {
    /// A `%` without two hexadecimal digits after it.
    #[error("`%` at byte {at} is not followed by two hexadecimal digits")]
    BadEscape {
        /// Its position.
        at: usize,
    },
    /// Decoded bytes that are not UTF-8.
    #[error("pair {number} is not UTF-8")]
    NotUtf8 {
        /// Which pair, from 1.
        number: usize,
    },
    /// A required field that is missing or empty.
    #[error("the field `{name}` is missing or empty")]
    Missing {
        /// Its name.
        name: &'static str,
    },
    /// A field with an invalid value.
    #[error("the field `{name}` is not {expected}")]
    Unusable {
        /// Its name.
        name: &'static str,
        /// The expected value.
        expected: &'static str,
    },
}

impl Form {
    /// Decodes `name=value&…`: `+` is a space, `%XX` a byte of UTF-8. A pair without `=` has an
    /// empty value.
    ///
    /// # Errors
    /// When an escape is broken or the result is not UTF-8.
    pub fn parse(raw: &[u8]) -> Result<Self, FormError> {
        let mut pairs = Vec::new();
        let mut at = 0;
        for (index, pair) in raw.split(|&byte| byte == b'&').enumerate() {
            if !pair.is_empty() {
                let cut = pair.iter().position(|&byte| byte == b'=');
                let (name, value) = cut.map_or((pair, &pair[pair.len()..]), |cut| (&pair[..cut], &pair[cut + 1..]));
                let value_at = at + pair.len() - value.len();
                let text = |bytes: &[u8], at| {
                    String::from_utf8(decode(bytes, at)?).map_err(|_| FormError::NotUtf8 { number: index + 1 })
                };
                pairs.push((text(name, at)?, text(value, value_at)?));
            }
            at += pair.len() + 1;
        }
        Ok(Self(pairs))
    }

    /// All pairs, in order.
    pub fn pairs(&self) -> &[(String, String)] {
        &self.0
    }

    /// The first non-empty value of `name`.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(found, value)| found == name && !value.is_empty()).map(|(_, value)| value.as_str())
    }

    /// An id that will be stored and printed: present, short, and visible ASCII.
    ///
    /// # Errors
    /// When it is not.
    pub fn id(&self, name: &'static str) -> Result<&str, FormError> {
        let value = self.value(name).ok_or(FormError::Missing { name })?;
        if value.len() <= LONGEST_ID && value.bytes().all(|byte| byte.is_ascii_graphic()) {
            Ok(value)
        } else {
            Err(FormError::Unusable { name, expected: "an id of at most 64 visible ASCII characters" })
        }
    }
}

impl fmt::Debug for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Form({} pairs)", self.0.len())
    }
}

/// The longest id that is accepted. Carriers' ids have 21 to 40 characters.
const LONGEST_ID: usize = 64;

fn decode(bytes: &[u8], at: usize) -> Result<Vec<u8>, FormError> {
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut rest = bytes.iter().enumerate();
    while let Some((index, &byte)) = rest.next() {
        decoded.push(match byte {
            b'+' => b' ',
            b'%' => {
                let mut digit = || rest.next().and_then(|(_, &digit)| char::from(digit).to_digit(16));
                let (high, low) = digit().zip(digit()).ok_or(FormError::BadEscape { at: at + index })?;
                u8::try_from(high * 16 + low).unwrap_or(u8::MAX)
            }
            plain => plain,
        });
    }
    Ok(decoded)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_form_keeps_order_repetitions_and_empty_values() {
        let form = Form::parse(b"B=2&A=x+y&B=1&C=&D&&From=%2B1555&City=S%C3%83O").expect("a form");
        let pairs: Vec<_> = form.pairs().iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(
            pairs,
            [("B", "2"), ("A", "x y"), ("B", "1"), ("C", ""), ("D", ""), ("From", "+1555"), ("City", "SÃO")]
        );
        assert_eq!(form.value("C"), None);
        assert_eq!(form.value("B"), Some("2"));
    }

    #[test]
    fn a_broken_escape_is_named_by_its_place() {
        assert_eq!(Form::parse(b"A=1&B=%4"), Err(FormError::BadEscape { at: 6 }));
        assert_eq!(Form::parse(b"%zz=1"), Err(FormError::BadEscape { at: 0 }));
        assert_eq!(Form::parse(b"A=1&B=%FF"), Err(FormError::NotUtf8 { number: 2 }));
    }

    #[test]
    fn an_id_is_short_and_visible() {
        let form = Form::parse(b"A=CA1&B=&C=a+b&D=%00").expect("a form");
        assert_eq!(form.id("A"), Ok("CA1"));
        assert_eq!(form.id("B"), Err(FormError::Missing { name: "B" }));
        assert!(matches!(form.id("C"), Err(FormError::Unusable { name: "C", .. })));
        assert!(matches!(form.id("D"), Err(FormError::Unusable { .. })));
        let long = format!("A={}", "x".repeat(65));
        assert!(Form::parse(long.as_bytes()).expect("a form").id("A").is_err());
    }

    #[test]
    fn what_it_holds_is_not_printed() {
        assert_eq!(format!("{:?}", Form::parse(b"From=%2B1555").expect("a form")), "Form(1 pairs)");
    }

    proptest! {
        #[test]
        fn what_a_browser_encodes_is_read_back(pairs in prop::collection::vec(("\\PC{1,8}", "\\PC{0,12}"), 0..6)) {
            let mut encoded = url::form_urlencoded::Serializer::new(String::new());
            encoded.extend_pairs(&pairs);
            let form = Form::parse(encoded.finish().as_bytes()).expect("a form");
            prop_assert_eq!(form.pairs(), pairs.as_slice());
        }

        #[test]
        fn any_bytes_are_judged_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let _ = Form::parse(&bytes);
        }
    }
}
