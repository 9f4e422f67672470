//! Who may use the admin listener, and what they did there. No HTTP.
//!
//! - [`Operators`]: the named tokens with their roles, and the sessions that a sign-in opens;
//! - [`audit`]: the append-only log of acts.

pub mod audit;
mod session;

use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use switchboard_actors::ids::Private;

use self::session::Sessions;

/// What a token may do. Each role includes the ones before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Reads.
    Viewer,
    /// Reads, and acts on calls.
    Operator,
    /// Also changes the service.
    Admin,
}

impl Role {
    /// Every role, by the word of the configuration.
    pub const WORDS: &'static [(&'static str, Self)] =
        &[("viewer", Self::Viewer), ("operator", Self::Operator), ("admin", Self::Admin)];

    /// Returns the word of the configuration.
    pub fn word(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Admin => "admin",
        }
    }
}

/// A token of the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// The name that the audit log shows.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// Its value.
    pub secret: Private<String>,
}

/// Somebody who has shown a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operator {
    /// The token's name.
    pub name: String,
    /// The token's role.
    pub role: Role,
}

impl Operator {
    /// Whoever uses a listener on loopback that has no token.
    pub fn local() -> Self {
        Self { name: "local".to_owned(), role: Role::Admin }
    }
}

/// The tokens, and the sessions that were opened with them.
#[derive(Debug)]
pub struct Operators {
    tokens: RwLock<Vec<Known>>,
    sessions: Sessions,
}

#[derive(Debug, Clone)]
struct Known {
    operator: Operator,
    digest: [u8; 32],
}

impl Operators {
    /// The operators with these `tokens`. Their sessions last `session`.
    pub fn new(tokens: &[Token], session: Duration) -> Self {
        Self { tokens: RwLock::new(known(tokens)), sessions: Sessions::new(session) }
    }

    /// Puts other tokens in force. The sessions of tokens that are gone or changed end.
    pub fn renew(&self, tokens: &[Token], session: Duration) {
        *self.tokens.write().unwrap_or_else(PoisonError::into_inner) = known(tokens);
        self.sessions.last(session);
    }

    /// Whether a request needs a token. Without one the listener is on loopback.
    pub fn are_named(&self) -> bool {
        !self.tokens.read().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// Returns the owner of a token.
    pub fn by_token(&self, shown: &str) -> Option<Operator> {
        // The comparison is of hashes, so its timing reveals not even the length.
        let digest: [u8; 32] = Sha256::digest(shown).into();
        self.find(|known| bool::from(known.digest.ct_eq(&digest))).map(|known| known.operator)
    }

    /// Opens a session for the owner of a token; returns the owner and the cookie's value.
    pub fn sign_in(&self, shown: &str, now: DateTime<Utc>) -> Option<(Operator, String)> {
        let operator = self.by_token(shown)?;
        let known = self.find(|known| known.operator == operator)?;
        Some((operator, self.sessions.open(&known.operator.name, &known.digest, now)))
    }

    /// Returns the owner of a session.
    pub fn by_session(&self, cookie: &str, now: DateTime<Utc>) -> Option<Operator> {
        let name = session::owner(cookie)?;
        let known = self.find(|known| known.operator.name == name)?;
        self.sessions.holds(cookie, &known.digest, now).then_some(known.operator)
    }

    fn find(&self, is_meant: impl Fn(&Known) -> bool) -> Option<Known> {
        let tokens = self.tokens.read().unwrap_or_else(PoisonError::into_inner);
        tokens.iter().find(|known| is_meant(known)).cloned()
    }

    /// Ends a session, if it is one.
    pub fn sign_out(&self, cookie: &str, now: DateTime<Utc>) {
        if self.by_session(cookie, now).is_some() {
            self.sessions.close(cookie, now);
        }
    }

    /// How long a session lasts.
    pub fn session_lifetime(&self) -> Duration {
        self.sessions.lifetime()
    }
}

fn known(tokens: &[Token]) -> Vec<Known> {
    let known = |token: &Token| Known {
        operator: Operator { name: token.name.clone(), role: token.role },
        digest: Sha256::digest(token.secret.expose()).into(),
    };
    tokens.iter().map(known).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn operators() -> Operators {
        let token = |name: &str, role, secret: &str| Token {
            name: name.to_owned(),
            role,
            secret: Private::new(secret.to_owned()),
        };
        let tokens = [token("asha", Role::Operator, "secret-of-asha"), token("wall", Role::Viewer, "secret-of-wall")];
        Operators::new(&tokens, Duration::from_secs(3600))
    }

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
    }

    #[test]
    fn a_token_names_its_owner() {
        let operators = operators();
        assert_eq!(
            operators.by_token("secret-of-wall").map(|it| (it.name, it.role)),
            Some(("wall".to_owned(), Role::Viewer))
        );
        for wrong in ["", "secret-of-wal", "secret-of-wall ", "asha"] {
            assert_eq!(operators.by_token(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_session_lasts_its_time_and_ends_when_its_owner_signs_out() {
        let operators = operators();
        let (who, cookie) = operators.sign_in("secret-of-asha", at(0)).unwrap();
        assert_eq!(who.name, "asha");
        assert!(!cookie.contains("secret"), "{cookie}");
        assert_eq!(operators.by_session(&cookie, at(3599)).as_ref(), Some(&who));
        assert_eq!(operators.by_session(&cookie, at(3601)), None);
        let (_, other) = operators.sign_in("secret-of-asha", at(0)).unwrap();
        assert_ne!(cookie, other);
        operators.sign_out(&cookie, at(10));
        assert_eq!(operators.by_session(&cookie, at(11)), None);
        assert_eq!(operators.by_session(&other, at(11)).as_ref(), Some(&who));
    }

    #[test]
    fn a_session_survives_a_restart_and_no_change_of_its_token() {
        let (_, cookie) = operators().sign_in("secret-of-asha", at(0)).unwrap();
        assert!(operators().by_session(&cookie, at(1)).is_some());
        let changed =
            Token { name: "asha".to_owned(), role: Role::Operator, secret: Private::new("another".to_owned()) };
        assert_eq!(Operators::new(&[changed], Duration::from_secs(3600)).by_session(&cookie, at(1)), None);
    }

    #[test]
    fn renewed_tokens_hold_at_once_and_end_the_sessions_of_old_ones() {
        let operators = operators();
        let (_, cookie) = operators.sign_in("secret-of-asha", at(0)).unwrap();
        let kept =
            Token { name: "wall".to_owned(), role: Role::Admin, secret: Private::new("secret-of-wall".to_owned()) };
        operators.renew(&[kept], Duration::from_secs(60));
        assert_eq!(operators.by_session(&cookie, at(1)), None);
        assert_eq!(operators.by_token("secret-of-asha"), None);
        assert_eq!(operators.by_token("secret-of-wall").map(|it| it.role), Some(Role::Admin));
        let (_, cookie) = operators.sign_in("secret-of-wall", at(0)).unwrap();
        assert!(operators.by_session(&cookie, at(59)).is_some());
        assert_eq!(operators.by_session(&cookie, at(61)), None);
    }

    #[test]
    fn a_session_cannot_be_made_up() {
        let operators = operators();
        let (_, cookie) = operators.sign_in("secret-of-wall", at(0)).unwrap();
        let of_asha = cookie.replacen("wall", "asha", 1);
        let later = cookie.replacen("1800003600", "1900003600", 1);
        assert_ne!(later, cookie);
        for forged in
            [of_asha.as_str(), &later, &cookie[..cookie.len() - 1], "wall", "wall.1.2.3", "", "...", "wall...."]
        {
            assert_eq!(operators.by_session(forged, at(1)), None, "{forged}");
        }
    }
}
