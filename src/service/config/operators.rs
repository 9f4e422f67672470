//! `[[admin.tokens]]`: who may use the admin listener, and with which role. Pure; the environment is
//! a parameter.

use std::collections::{BTreeMap, BTreeSet};

use switchboard_actors::ids::Private;

use super::kinds::{any_text, quoted, text, word};
use super::layers::Variable;
use super::names::{is_name, is_variable};
use super::reader::Section;
use super::secrets::Secrets;
use super::trust;
use crate::service::operators::{Role, Token};

/// Reads the tokens. `SWITCHBOARD_ADMIN_TOKEN` is the one of `admin`.
pub(super) fn read(
    section: &Section<'_>,
    secrets: &Secrets,
    variables: &BTreeMap<String, Variable>,
) -> Option<Vec<Token>> {
    let main = secrets.admin_token.clone().map(|secret| Token { name: MAIN.to_owned(), role: Role::Admin, secret });
    let listed: Vec<_> = section.listed("tokens").iter().map(|entry| one(entry, variables)).collect();
    let tokens: Vec<Token> = main.into_iter().map(Some).chain(listed).collect::<Option<_>>()?;
    let (mut names, mut values) = (BTreeSet::new(), BTreeSet::new());
    for token in &tokens {
        if !names.insert(&token.name) {
            let also = if token.name == MAIN { ", one of them SWITCHBOARD_ADMIN_TOKEN" } else { "" };
            let found = format!("found two tokens named {}{also}, expected names of their own", quoted(&token.name));
            section.problem("tokens", found);
        }
        if !values.insert(token.secret.expose()) {
            let found = format!("found the value of {} in another token too", quoted(&token.name));
            section.problem("tokens", format!("{found}, expected values of their own"));
        }
    }
    Some(tokens)
}

fn one(section: &Section<'_>, variables: &BTreeMap<String, Variable>) -> Option<Token> {
    let (name, role) = (section.read("name", text), section.read("role", word(Role::WORDS)));
    let variable = section.read("token_env", any_text)?;
    if let Some(name) = name.as_deref().filter(|name| !is_name(name)) {
        section.problem("name", format!("found {}, expected small letters, digits, - and _", quoted(name)));
        return None;
    }
    if !is_variable(&variable) {
        let next =
            "expected the name of an environment variable, in capitals; the token itself is never written in a file";
        section.problem("token_env", next);
        return None;
    }
    let value = variables.get(&variable).map(|variable| variable.value.trim()).filter(|value| !value.is_empty());
    let Some(value) = value else {
        section.problem("token_env", format!("{variable} is not in the environment; set {variable}"));
        return None;
    };
    if value.len() < trust::SHORTEST {
        section.note("token_env", &trust::guessable(&variable));
    }
    Some(Token { name: name?, role: role?, secret: Private::new(value.to_owned()) })
}

/// The name of `SWITCHBOARD_ADMIN_TOKEN` in the audit log.
const MAIN: &str = "admin";
