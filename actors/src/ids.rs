//! Typed names, and the wrapper that keeps private values out of the log.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// One call, for its whole life, through transfers and returns. This is our id; the carrier's is
/// [`CarrierCallId`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CallId(Uuid);

impl CallId {
    /// A new, unguessable id.
    #[expect(clippy::disallowed_methods, reason = "the one place that draws an id")]
    pub fn random() -> Self {
        Self(Uuid::new_v4())
    }

    /// Reads the hyphenated form that `/calls` prints.
    pub fn parse(text: &str) -> Option<Self> {
        Uuid::parse_str(text).ok().map(Self)
    }
}

impl fmt::Display for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Wraps the text unchecked.
            pub fn new(text: &str) -> Self {
                Self(Arc::from(text))
            }

            /// The original text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

text_id!(
    /// The carrier's id of the call: a `CallSid`, a `ucid`. Outside input: sanitise it before use
    /// in a file name.
    CarrierCallId
);
text_id!(
    /// The carrier's id of one media stream: a `streamSid`, or the call's id again.
    StreamId
);
text_id!(
    /// One conversation item of the model session (`item_…`).
    ItemId
);
text_id!(
    /// One response of the model session (`resp_…`).
    ResponseId
);
text_id!(
    /// One function call of the model (`call_…`). A tool runs at most once per id.
    ToolCallId
);

/// A call's two names in the log: our id and the carrier's. A clone only increments a counter, so
/// every part of a call keeps one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallTag {
    id: CallId,
    carrier_call: Arc<str>,
}

impl CallTag {
    /// The tag of call `id`, which its carrier calls `carrier_call`.
    pub fn new(id: CallId, carrier_call: &CarrierCallId) -> Self {
        Self { id, carrier_call: Arc::from(logged(carrier_call.as_str())) }
    }

    /// Our id.
    pub fn id(&self) -> CallId {
        self.id
    }

    /// The carrier's id, sanitised by [`logged`].
    pub fn carrier_call(&self) -> &str {
        &self.carrier_call
    }
}

/// A carrier's id that is safe in a log line. It is outside input: cut at 96 characters, with an
/// underscore for anything that is not visible ASCII or could end the field.
pub fn logged(id: &str) -> String {
    let visible = |c: char| c.is_ascii_graphic() && !matches!(c, '"' | '=' | '\\');
    id.chars().take(LONGEST_LOGGED).map(|c| if visible(c) { c } else { '_' }).collect()
}

/// Characters of an id in the log. Carriers' ids have 34 to 80.
const LONGEST_LOGGED: usize = 96;

/// Proves that a stream belongs to an announced call. Unguessable: 122 random bits in 32 hexadecimal
/// digits. They are a UUID of version 4, because some carriers have room for nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamToken(Private<String>);

impl StreamToken {
    /// A new token.
    #[expect(clippy::disallowed_methods, reason = "the one place that draws a token")]
    pub fn random() -> Self {
        Self(Private::new(Uuid::new_v4().simple().to_string()))
    }

    /// The token's text, to be sent.
    pub fn into_inner(self) -> Private<String> {
        self.0
    }
}

/// A random number from 0 up to 1, for pauses that must not coincide.
#[expect(clippy::disallowed_methods, reason = "the one place that draws a number")]
pub fn chance() -> f64 {
    // The last 48 bits of a random id are all random.
    let drawn = Uuid::new_v4().as_u128() & ((1 << 48) - 1);
    #[expect(clippy::cast_precision_loss, reason = "48 bits fit into an f64 to the last")]
    let drawn = drawn as f64;
    drawn / (1_u64 << 48) as f64
}

/// Something personal or secret: a number, speech, a token. It prints as `[private]`; reading the
/// value takes an explicit call.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct Private<T>(T);

impl<T> Private<T> {
    /// Wraps `value`.
    pub fn new(value: T) -> Self {
        Self(value)
    }

    /// The value itself. The calling code is responsible for where it goes.
    pub fn expose(&self) -> &T {
        &self.0
    }
}

impl<T> fmt::Debug for Private<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[private]")
    }
}

impl<T> fmt::Display for Private<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[private]")
    }
}

impl<T> From<T> for Private<T> {
    fn from(value: T) -> Self {
        Self(value)
    }
}

#[cfg(test)]
mod tests;
